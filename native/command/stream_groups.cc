// XGROUP and XACK.
#include "collection/stream_groups.h"

#include <vector>

#include "command/handlers.h"
#include "command/stream_args.h"
#include "command/stream_group_args.h"
#include "command/stream_reply.h"
#include "resp/stream_errors.h"
#include "tree/try.h"

namespace cairn {

using tree::Outcome;

bool OpenGroup(Call& call, size_t key_at, bool counts, StreamValue* stream, bool* found,
               StreamGroup* group) {
  const Opened opened = stream->Open();
  if (counts) call.txn.CountRead(opened != Opened::kMissing, stream->collection().key());
  if (!Ready(call, opened, stream->status())) return false;
  *found = opened == Opened::kFound;
  if (!*found) return true;
  StreamGroups groups(stream);
  return Done(call, groups.Find(call.argv[key_at + 1], found, group), stream->status());
}

Outcome SeenConsumer(Call& call, StreamGroups* groups, uint64_t group, std::string_view name,
                     StreamConsumer* consumer, bool* created) {
  bool found = false;
  *created = false;
  TREE_TRY(groups->FindConsumer(group, name, &found, consumer));
  if (found) return Outcome::kDone;
  *created = true;
  *consumer = StreamConsumer{0, static_cast<int64_t>(call.txn.now_ms()), -1};
  TREE_TRY(groups->CreateConsumer(group, name, consumer));
  call.txn.Notify(kNotifyStream, "xgroup-createconsumer", groups->key());
  return Outcome::kDone;
}

namespace {

struct GroupArgs {
  bool make = false;  // MKSTREAM
  int64_t entries_read = StreamGroup::kUnknown;
};

bool ParseGroupArgs(Call& call, bool create, GroupArgs* args) {
  for (size_t i = 5; i < call.argv.size(); ++i) {
    if (create && Is(call.argv[i], "mkstream")) {
      args->make = true;
    } else if (Is(call.argv[i], "entriesread") && i + 1 < call.argv.size()) {
      const IntegerRule rule{-1, INT64_MAX, errors::kNotInteger, errors::kXgroupRead};
      if (!IntegerArg(call, call.argv[++i], rule, &args->entries_read)) return false;
    } else {
      return Refuse(call, errors::SubcommandSyntax(call.argv[1], "XGROUP"));
    }
  }
  return true;
}

// The group argv[3] of the stream argv[2]. False: there is no stream, or no group and it was
// `needed`; answered, or not known yet.
bool ReadGroup(Call& call, bool needed, StreamValue* stream, bool* found, StreamGroup* group) {
  if (!OpenGroup(call, 2, false, stream, found, group)) return false;
  if (stream->missing()) return Refuse(call, errors::kXgroupNoKey);
  return *found || !needed || Refuse(call, errors::NoSuchGroup(call.argv[3], call.argv[2]));
}

bool GroupIdArg(Call& call, const StreamValue& stream, bool ends, StreamId* id) {
  const std::string_view text = call.argv[4];
  if (text == "$") {
    *id = stream.last_id();
    return true;
  }
  return ends ? StreamIdOrEndArg(call, text, 0, id) : StreamIdArg(call, text, id);
}

// What a subcommand has changed, whose event this is.
Outcome SaveGroup(Call& call, StreamValue* stream, std::string_view event) {
  TREE_TRY(stream->Save());
  call.txn.Notify(kNotifyStream, event, call.argv[2]);
  return Outcome::kDone;
}

Outcome Acknowledge(Call& call, StreamValue* stream, const StreamGroup& group) {
  std::vector<StreamId> ids(call.argv.size() - 3);
  for (size_t i = 0; i < ids.size(); ++i) {
    if (!StreamIdArg(call, call.argv[i + 3], &ids[i])) return Outcome::kDone;
  }
  StreamGroups groups(stream);
  int64_t removed = 0;
  for (const StreamId id : ids) {
    bool found;
    StreamPending pending;
    TREE_TRY(groups.FindPending(group.number, id, &found, &pending));
    if (!found) continue;
    TREE_TRY(groups.RemovePending(group.number, pending));
    ++removed;
  }
  if (removed > 0) {
    TREE_TRY(stream->Save());
    call.txn.extra_changes += removed - 1;
  }
  call.reply.Integer(removed);
  return Outcome::kDone;
}

}  // namespace

void HandleXGroupCreate(Call& call) {
  GroupArgs args;
  bool found = false;
  StreamGroup group;
  if (!ParseGroupArgs(call, true, &args)) return;
  StreamValue stream(&call.txn, call.argv[2], &call.server.thresholds);
  if (!OpenGroup(call, 2, false, &stream, &found, &group)) return;
  if (stream.missing() && !args.make) return call.reply.Error(errors::kXgroupNoKey);
  constexpr size_t kArgumentsMax = 8;
  if (call.argv.size() > kArgumentsMax)
    return call.reply.Error(errors::SubcommandSyntax(call.argv[1], "XGROUP"));
  StreamId id;
  if (!GroupIdArg(call, stream, false, &id)) return;
  if (found) return call.reply.Error(errors::kBusyGroup);
  if (stream.missing()) stream.Make(0);
  RunOnStream(call, stream, [&] {
    group = StreamGroup{0, id, args.entries_read};
    TREE_TRY(StreamGroups(&stream).Create(call.argv[3], &group));
    TREE_TRY(SaveGroup(call, &stream, "xgroup-create"));
    call.reply.Ok();
    return Outcome::kDone;
  });
}

void HandleXGroupSetId(Call& call) {
  GroupArgs args;
  bool found = false;
  StreamGroup group;
  if (!ParseGroupArgs(call, false, &args)) return;
  StreamValue stream(&call.txn, call.argv[2], &call.server.thresholds);
  if (!ReadGroup(call, true, &stream, &found, &group)) return;
  if (call.argv.size() != 5 && call.argv.size() != 7)
    return call.reply.Error(errors::SubcommandSyntax(call.argv[1], "XGROUP"));
  if (!GroupIdArg(call, stream, true, &group.last_id)) return;
  group.entries_read = args.entries_read;
  RunOnStream(call, stream, [&] {
    TREE_TRY(StreamGroups(&stream).Put(call.argv[3], group));
    TREE_TRY(SaveGroup(call, &stream, "xgroup-setid"));
    call.reply.Ok();
    return Outcome::kDone;
  });
}

void HandleXGroupDestroy(Call& call) {
  bool found = false;
  StreamGroup group;
  StreamValue stream(&call.txn, call.argv[2], &call.server.thresholds);
  if (!ReadGroup(call, false, &stream, &found, &group)) return;
  if (!found) return call.reply.Integer(0);
  RunOnStream(call, stream, [&] {
    TREE_TRY(StreamGroups(&stream).Destroy(call.argv[3], group));
    TREE_TRY(SaveGroup(call, &stream, "xgroup-destroy"));
    call.reply.Integer(1);
    return Outcome::kDone;
  });
}

void HandleXGroupCreateConsumer(Call& call) {
  bool found = false;
  StreamGroup group;
  StreamValue stream(&call.txn, call.argv[2], &call.server.thresholds);
  if (!ReadGroup(call, true, &stream, &found, &group)) return;
  RunOnStream(call, stream, [&] {
    bool created = false;
    StreamConsumer consumer;
    StreamGroups groups(&stream);
    TREE_TRY(SeenConsumer(call, &groups, group.number, call.argv[4], &consumer, &created));
    if (created) TREE_TRY(stream.Save());
    call.reply.Integer(created ? 1 : 0);
    return Outcome::kDone;
  });
}

void HandleXGroupDelConsumer(Call& call) {
  bool found = false;
  StreamGroup group;
  StreamValue stream(&call.txn, call.argv[2], &call.server.thresholds);
  if (!ReadGroup(call, true, &stream, &found, &group)) return;
  RunOnStream(call, stream, [&] {
    uint64_t pending = 0;
    StreamConsumer consumer;
    StreamGroups groups(&stream);
    TREE_TRY(groups.FindConsumer(group.number, call.argv[4], &found, &consumer));
    if (found) {
      TREE_TRY(groups.CountOwned(consumer.number, &pending));
      TREE_TRY(groups.RemoveConsumer(group.number, call.argv[4], consumer));
      TREE_TRY(SaveGroup(call, &stream, "xgroup-delconsumer"));
    }
    call.reply.Integer(static_cast<int64_t>(pending));
    return Outcome::kDone;
  });
}

void HandleXGroupHelp(Call& call) {
  static constexpr std::string_view kLines[] = {
      "XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
      "CREATE <key> <groupname> <id|$> [option]",
      "    Makes a consumer group that begins behind this id. Options:",
      "    * MKSTREAM",
      "      Makes the stream, too, if there is none.",
      "    * ENTRIESREAD entries_read",
      "      How many entries count as read by it.",
      "CREATECONSUMER <key> <groupname> <consumer>",
      "    Makes a consumer of a group.",
      "DELCONSUMER <key> <groupname> <consumer>",
      "    Removes a consumer, and what is pending for it.",
      "DESTROY <key> <groupname>",
      "    Removes a group with its consumers.",
      "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
      "    Sets the id behind which a group goes on.",
      "HELP",
      "    Print this help.",
  };
  ReplyLines(call, kLines);
}

void HandleXAck(Call& call) {
  bool found = false;
  StreamGroup group;
  StreamValue stream(&call.txn, call.argv[1], &call.server.thresholds);
  if (!OpenGroup(call, 1, true, &stream, &found, &group)) return;
  if (!found) return call.reply.Integer(0);
  RunOnStream(call, stream, [&] { return Acknowledge(call, &stream, group); });
}

}  // namespace cairn
