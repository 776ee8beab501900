// Rows of publish and subscribe. Columns as in command/command.h.
#include "session/session_handlers.h"

namespace cairn {

namespace {

constexpr uint32_t kSubscribe = kCmdPubSub | kCmdNoScript | kCmdLoading | kCmdStale | kCmdSession;
constexpr uint32_t kPublish = kCmdPubSub | kCmdLoading | kCmdStale | kCmdFast | kCmdMayReplicate;
constexpr uint32_t kAsk = kCmdPubSub | kCmdLoading | kCmdStale;
constexpr const char* kEach = "O(N) where N is the number of channels";

constexpr CommandSpec kPubSub[] = {
    {"subscribe", -2, kSubscribe, 0, 0, 0, "@pubsub @slow", "pubsub", "2.0.0",
     "Listens to channels.", kEach, SubscribeInExecCommand, "channel [channel ...]"},
    {"unsubscribe", -1, kSubscribe, 0, 0, 0, "@pubsub @slow", "pubsub", "2.0.0",
     "Stops listening to channels, or to all.", kEach, UnsubscribeInExecCommand,
     "[channel [channel ...]]"},
    {"psubscribe", -2, kSubscribe, 0, 0, 0, "@pubsub @slow", "pubsub", "2.0.0",
     "Listens to channels that match patterns.", "O(N) where N is the number of patterns",
     PSubscribeInExecCommand, "pattern [pattern ...]"},
    {"punsubscribe", -1, kSubscribe, 0, 0, 0, "@pubsub @slow", "pubsub", "2.0.0",
     "Stops listening to patterns, or to all.", "O(N) where N is the number of patterns",
     PUnsubscribeInExecCommand, "[pattern [pattern ...]]"},
    {"ssubscribe", -2, kSubscribe, 0, 0, 0, "@pubsub @slow", "pubsub", "7.0.0",
     "Listens to shard channels.", kEach, SSubscribeInExecCommand,
     "shardchannel [shardchannel ...]"},
    {"sunsubscribe", -1, kSubscribe, 0, 0, 0, "@pubsub @slow", "pubsub", "7.0.0",
     "Stops listening to shard channels, or to all.", kEach, SUnsubscribeInExecCommand,
     "[shardchannel [shardchannel ...]]"},
    {"publish", 3, kPublish, 0, 0, 0, "@pubsub @fast", "pubsub", "2.0.0",
     "Sends a message to all who listen to a channel.",
     "O(N+M) where N is the number of listeners and M the number of patterns", PublishCommand,
     "channel message"},
    {"spublish", 3, kPublish, 0, 0, 0, "@pubsub @fast", "pubsub", "7.0.0",
     "Sends a message to all who listen to a shard channel.",
     "O(N) where N is the number of listeners", SPublishCommand, "shardchannel message"},
    {"pubsub", -2, kCmdContainer, 0, 0, 0, "@slow", "pubsub", "2.8.0", "Commands about channels.",
     "Depends on the subcommand.", nullptr, ""},
    {"pubsub|channels", -2, kAsk | kCmdWaves, 0, 0, 0, "@pubsub @slow", "pubsub", "2.8.0",
     "Lists the channels that somebody listens to.", kEach, PubSubChannelsCommand, "[pattern]"},
    {"pubsub|numsub", -2, kAsk, 0, 0, 0, "@pubsub @slow", "pubsub", "2.8.0",
     "Counts who listens to channels.", kEach, PubSubNumSubCommand, "[channel [channel ...]]"},
    {"pubsub|numpat", 2, kAsk, 0, 0, 0, "@pubsub @slow", "pubsub", "2.8.0",
     "Counts the patterns that somebody listens to.", "O(1)", PubSubNumPatCommand, ""},
    {"pubsub|shardchannels", -2, kAsk | kCmdWaves, 0, 0, 0, "@pubsub @slow", "pubsub", "7.0.0",
     "Lists the shard channels that somebody listens to.", kEach, PubSubShardChannelsCommand,
     "[pattern]"},
    {"pubsub|shardnumsub", -2, kAsk, 0, 0, 0, "@pubsub @slow", "pubsub", "7.0.0",
     "Counts who listens to shard channels.", kEach, PubSubShardNumSubCommand,
     "[shardchannel [shardchannel ...]]"},
    {"pubsub|help", 2, kCmdLoading | kCmdStale, 0, 0, 0, "@slow", "pubsub", "6.2.0",
     "Prints what the subcommands do.", "O(1)", PubSubHelpCommand, ""},
};

}  // namespace

std::span<const CommandSpec> PubSubCommands() { return kPubSub; }

}  // namespace cairn
