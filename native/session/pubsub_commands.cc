// Publish and subscribe: the commands.
#include <string>
#include <vector>

#include "command/args.h"
#include "resp/errors.h"
#include "session/executor.h"
#include "session/session_commands.h"
#include "session/session_handlers.h"

namespace cairn {

namespace {

struct Verb {
  std::string_view name;
  Topic topic;
  bool leaves;
};
constexpr Verb kVerbs[] = {
    {"subscribe", Topic::kChannel, false},       {"unsubscribe", Topic::kChannel, true},
    {"psubscribe", Topic::kPattern, false},      {"punsubscribe", Topic::kPattern, true},
    {"ssubscribe", Topic::kShardChannel, false}, {"sunsubscribe", Topic::kShardChannel, true},
};

uint32_t RunVerb(Connection* conn, const Verb& verb, std::span<const std::string_view> argv,
                 Subscriptions* subscriptions, ReplyWriter* reply) {
  const auto names = argv.subspan(1);
  return verb.leaves ? subscriptions->Unsubscribe(conn, verb.topic, names, reply)
                     : subscriptions->Subscribe(conn, verb.topic, names, reply);
}

Subscriptions* SubscriptionsOf(Call& call) { return ConnectionOf(call).executor->subscriptions(); }
PubSub& HubOf(Call& call) { return ConnectionOf(call).executor->shared()->pubsub; }

// In a pass that may be run again nothing is sent before its commit; the count is of now.
void Publish(Call& call, ChannelKind kind) {
  const std::string_view channel = call.argv[1], payload = call.argv[2];
  Subscriptions* const subscriptions = SubscriptionsOf(call);
  uint64_t receivers;
  if (call.txn.defers_messages()) {
    receivers = subscriptions->Receivers(kind, channel);
    call.txn.Defer(kind == ChannelKind::kSharded ? kShardMessageEvent : kMessageEvent, channel,
                   payload);
  } else {
    receivers = subscriptions->Publish(&ConnectionOf(call), kind, channel, payload);
  }
  call.reply.Integer(static_cast<int64_t>(receivers));
}

// Some thousands of channels in each slice; no picture of one moment.
void ListNames(Call& call, Topic topic) {
  constexpr size_t kNamesPerSlice = 8 * 1024;
  if (call.argv.size() > 3)
    return call.reply.Error(errors::SubcommandSyntax(call.argv[1], "PUBSUB"));
  struct Listed {
    uint32_t stripe = 0;
    std::vector<std::string> names;
  } once;
  Listed* const kept = call.txn.Progress<Listed>();
  Listed& listed = kept != nullptr ? *kept : once;
  size_t looked = 0;
  while (listed.stripe < PubSub::kStripes) {
    if (kept != nullptr && looked >= kNamesPerSlice) return call.txn.Again();
    const std::string_view* const pattern = call.argv.size() == 3 ? &call.argv[2] : nullptr;
    looked += HubOf(call).Collect(topic, listed.stripe++, pattern, &listed.names);
  }
  call.reply.ArrayHeader(listed.names.size());
  for (const std::string& name : listed.names) call.reply.Bulk(name);
}

void CountSubscribers(Call& call, Topic topic) {
  const auto names = call.argv.subspan(2);
  call.reply.ArrayHeader(2 * names.size());
  for (const std::string_view name : names) {
    call.reply.Bulk(name);
    call.reply.Integer(static_cast<int64_t>(HubOf(call).Subscribers(topic, name)));
  }
}

}  // namespace

uint32_t RunSubscribe(Connection* conn, const Command& command,
                      std::span<const std::string_view> argv, Subscriptions* subscriptions,
                      ReplyWriter* reply) {
  for (const Verb& verb : kVerbs) {
    if (command.name == verb.name) return RunVerb(conn, verb, argv, subscriptions, reply);
  }
  CAIRN_CHECK(false, "a row with kCmdSession and kCmdPubSub is one of them");
  return 0;
}

// In EXEC. Nothing is delivered there: its reply, and what that waits for, is not made yet.
template <size_t verb>
static void SubscribeInExec(Call& call) {
  (void)RunVerb(&ConnectionOf(call), kVerbs[verb], call.argv, SubscriptionsOf(call), &call.reply);
}

void SubscribeInExecCommand(Call& call) { SubscribeInExec<0>(call); }
void UnsubscribeInExecCommand(Call& call) { SubscribeInExec<1>(call); }
void PSubscribeInExecCommand(Call& call) { SubscribeInExec<2>(call); }
void PUnsubscribeInExecCommand(Call& call) { SubscribeInExec<3>(call); }
// Redis has let the others in before there was such a rule.
void SSubscribeInExecCommand(Call& call) {
  call.reply.Error("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
}
void SUnsubscribeInExecCommand(Call& call) { SubscribeInExec<5>(call); }

void PublishCommand(Call& call) { Publish(call, ChannelKind::kPlain); }
void SPublishCommand(Call& call) { Publish(call, ChannelKind::kSharded); }

void PubSubChannelsCommand(Call& call) { ListNames(call, Topic::kChannel); }
void PubSubShardChannelsCommand(Call& call) { ListNames(call, Topic::kShardChannel); }
void PubSubNumSubCommand(Call& call) { CountSubscribers(call, Topic::kChannel); }
void PubSubShardNumSubCommand(Call& call) { CountSubscribers(call, Topic::kShardChannel); }

void PubSubNumPatCommand(Call& call) {
  call.reply.Integer(static_cast<int64_t>(HubOf(call).Names(Topic::kPattern)));
}

void PubSubHelpCommand(Call& call) {
  static constexpr std::string_view kLines[] = {
      "PUBSUB <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
      "CHANNELS [<pattern>]",
      "    The channels that somebody listens to (all, or those that match).",
      "NUMPAT",
      "    How many patterns somebody listens to.",
      "NUMSUB [<channel> ...]",
      "    For each channel, how many clients listen to it; patterns do not count.",
      "SHARDCHANNELS [<pattern>]",
      "    The shard channels that somebody listens to (all, or those that match).",
      "SHARDNUMSUB [<shardchannel> ...]",
      "    For each shard channel, how many clients listen to it.",
      "HELP",
      "    Print this help.",
  };
  ReplyLines(call, kLines);
}

}  // namespace cairn
