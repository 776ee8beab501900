// XINFO. FULL shows kShownMax entries of each list at most, whatever COUNT says, in one pass.
#include <algorithm>
#include <optional>

#include "collection/stream_lag.h"
#include "command/handlers.h"
#include "command/stream_args.h"
#include "command/stream_group_args.h"
#include "command/stream_reply.h"
#include "resp/stream_errors.h"
#include "tree/try.h"

namespace cairn {

using tree::Outcome;

namespace {

constexpr uint64_t kShownMax = 4096;

// A list whose length is known at its end.
struct List {
  OutBuffer bytes;
  ReplyWriter to;
  uint64_t count = 0;

  explicit List(const Call& call) : to(&bytes, call.reply.version()) {}
  void Finish(ReplyWriter* into) {
    into->ArrayHeader(count);
    into->out().Append(&bytes);
  }
};

void Number(ReplyWriter* to, std::string_view name, uint64_t value) {
  to->Bulk(name);
  to->Integer(static_cast<int64_t>(value));
}
void Id(ReplyWriter* to, std::string_view name, StreamId id) {
  to->Bulk(name);
  WriteStreamId(id, to);
}
void Maybe(ReplyWriter* to, std::string_view name, std::optional<int64_t> value) {
  to->Bulk(name);
  value.has_value() ? to->Integer(*value) : to->Null();
}

void ReadCounts(const StreamValue& stream, const StreamGroup& group, ReplyWriter* to) {
  std::optional<int64_t> read;
  if (group.entries_read != StreamGroup::kUnknown) read = group.entries_read;
  Maybe(to, "entries-read", read);
  Maybe(to, "lag", LagOf(stream.state(), stream.length(), group));
}

// What XINFO STREAM says in either form, up to the groups. Redis keeps entries in nodes of a radix
// tree; these are the nodes that so many make.
void Head(Call& call, const StreamValue& stream, uint64_t pairs) {
  ReplyWriter* const to = &call.reply;
  constexpr uint64_t kDefaultEntries = 100;
  const StreamHead& state = stream.state();
  uint64_t entries = call.server.thresholds.stream_node_entries.load(std::memory_order_relaxed);
  if (entries == 0) entries = kDefaultEntries;
  const uint64_t nodes = stream.length() / entries + (stream.length() % entries != 0 ? 1 : 0);
  to->MapHeader(pairs);
  Number(to, "length", stream.length());
  Number(to, "radix-tree-keys", nodes);
  Number(to, "radix-tree-nodes", nodes + 1);
  Id(to, "last-generated-id", state.last_id);
  Id(to, "max-deleted-entry-id", state.max_deleted_id);
  Number(to, "entries-added", state.entries_added);
  Id(to, "recorded-first-entry-id", state.first_id);
}

Outcome Edge(StreamValue* stream, bool last, ReplyWriter* to) {
  StreamValue::Cursor at;
  TREE_TRY(last ? stream->Last(&at) : stream->SeekUp(StreamId(), &at));
  if (at.found) return WriteEntry(stream, at, to);
  to->Null();
  return Outcome::kDone;
}

Outcome Brief(Call& call, StreamValue* stream) {
  uint64_t groups = 0;
  TREE_TRY(StreamGroups(stream).Count(&groups));
  Head(call, *stream, 10);
  Number(&call.reply, "groups", groups);
  call.reply.Bulk("first-entry");
  TREE_TRY(Edge(stream, false, &call.reply));
  call.reply.Bulk("last-entry");
  return Edge(stream, true, &call.reply);
}

// Of a group, or of a consumer of its: the names of consumers are shown of a group.
Outcome Pending(StreamGroups* groups, const StreamGroup& group, const StreamConsumer* consumer,
                uint64_t most, List* list) {
  StreamGroups::PendingCursor at;
  std::string buffer;
  TREE_TRY(consumer == nullptr ? groups->SeekPending(group.number, StreamId(), &at)
                               : groups->SeekOwned(consumer->number, StreamId(), &at));
  while (at.found && list->count < most) {
    StreamPending pending = at.pending;
    std::string_view name;
    bool found = true;
    if (consumer == nullptr) {
      TREE_TRY(groups->NameOf(pending.consumer, &buffer, &name));
    } else {
      TREE_TRY(groups->FindPending(group.number, pending.id, &found, &pending));
    }
    list->to.ArrayHeader(consumer == nullptr ? 4 : 3);
    WriteStreamId(pending.id, &list->to);
    if (consumer == nullptr) list->to.Bulk(name);
    list->to.Integer(pending.delivered_ms);
    list->to.Integer(static_cast<int64_t>(pending.deliveries));
    ++list->count;
    TREE_TRY(groups->Next(&at));
  }
  return Outcome::kDone;
}

Outcome FullConsumer(Call& call, StreamGroups* groups, const StreamGroup& group,
                     const StreamGroups::NameCursor& at, uint64_t most, ReplyWriter* to) {
  uint64_t owned = 0;
  List pending(call);
  TREE_TRY(groups->CountOwned(at.consumer.number, &owned));
  TREE_TRY(Pending(groups, group, &at.consumer, most, &pending));
  to->MapHeader(5);
  to->Bulk("name");
  to->Bulk(at.name);
  to->Bulk("seen-time");
  to->Integer(at.consumer.seen_ms);
  to->Bulk("active-time");
  to->Integer(at.consumer.active_ms);
  Number(to, "pel-count", owned);
  to->Bulk("pending");
  pending.Finish(to);
  return Outcome::kDone;
}

Outcome FullGroup(Call& call, StreamValue* stream, const StreamGroups::NameCursor& group,
                  uint64_t most, ReplyWriter* to) {
  StreamGroups groups(stream);
  uint64_t count = 0;
  List pending(call), consumers(call);
  TREE_TRY(groups.CountPending(group.group.number, &count));
  TREE_TRY(Pending(&groups, group.group, nullptr, most, &pending));
  to->MapHeader(7);
  to->Bulk("name");
  to->Bulk(group.name);
  Id(to, "last-delivered-id", group.group.last_id);
  ReadCounts(*stream, group.group, to);
  Number(to, "pel-count", count);
  to->Bulk("pending");
  pending.Finish(to);
  StreamGroups::NameCursor at;
  TREE_TRY(groups.FirstConsumer(group.group.number, &at));
  while (at.found && consumers.count < kShownMax) {
    TREE_TRY(FullConsumer(call, &groups, group.group, at, most, &consumers.to));
    ++consumers.count;
    TREE_TRY(groups.NextName(&at));
  }
  to->Bulk("consumers");
  consumers.Finish(to);
  return Outcome::kDone;
}

Outcome Full(Call& call, StreamValue* stream, uint64_t most) {
  List entries(call), groups(call);
  EntryRange range{StreamId(), kStreamIdMax, false, most};
  TREE_TRY(WriteEntries(nullptr, stream, &range, &entries.to, &entries.count));
  StreamGroups::NameCursor at;
  TREE_TRY(StreamGroups(stream).FirstGroup(&at));
  while (at.found && groups.count < kShownMax) {
    TREE_TRY(FullGroup(call, stream, at, most, &groups.to));
    ++groups.count;
    TREE_TRY(StreamGroups(stream).NextName(&at));
  }
  Head(call, *stream, 9);
  call.reply.Bulk("entries");
  entries.Finish(&call.reply);
  call.reply.Bulk("groups");
  groups.Finish(&call.reply);
  return Outcome::kDone;
}

// *full, *count: of each list.
bool ParseFull(Call& call, bool* full, uint64_t* count) {
  const size_t argc = call.argv.size();
  int64_t number = 10;
  *full = argc > 3;
  const bool fits = argc == 3 || (argc == 4 && Is(call.argv[3], "full")) ||
                    (argc == 6 && Is(call.argv[3], "full") && Is(call.argv[4], "count"));
  if (!fits) return Refuse(call, errors::SubcommandSyntax(call.argv[1], "XINFO"));
  if (argc == 6 && !IntegerArg(call, call.argv[5], &number)) return false;
  if (number < 0) number = 10;
  *count = number == 0 ? kShownMax : std::min<uint64_t>(static_cast<uint64_t>(number), kShownMax);
  return true;
}

Outcome Groups(Call& call, StreamValue* stream) {
  StreamGroups groups(stream);
  List list(call);
  StreamGroups::NameCursor at;
  TREE_TRY(groups.FirstGroup(&at));
  for (; at.found; ++list.count) {
    uint64_t consumers = 0, pending = 0;
    TREE_TRY(groups.CountConsumers(at.group.number, &consumers));
    TREE_TRY(groups.CountPending(at.group.number, &pending));
    list.to.MapHeader(6);
    list.to.Bulk("name");
    list.to.Bulk(at.name);
    Number(&list.to, "consumers", consumers);
    Number(&list.to, "pending", pending);
    Id(&list.to, "last-delivered-id", at.group.last_id);
    ReadCounts(*stream, at.group, &list.to);
    TREE_TRY(groups.NextName(&at));
  }
  list.Finish(&call.reply);
  return Outcome::kDone;
}

Outcome Consumers(Call& call, StreamValue* stream, const StreamGroup& group) {
  StreamGroups groups(stream);
  List list(call);
  StreamGroups::NameCursor at;
  const auto now = static_cast<int64_t>(call.txn.now_ms());
  TREE_TRY(groups.FirstConsumer(group.number, &at));
  for (; at.found; ++list.count) {
    uint64_t pending = 0;
    const StreamConsumer& consumer = at.consumer;
    TREE_TRY(groups.CountOwned(consumer.number, &pending));
    list.to.MapHeader(4);
    list.to.Bulk("name");
    list.to.Bulk(at.name);
    Number(&list.to, "pending", pending);
    list.to.Bulk("idle");
    list.to.Integer(std::max<int64_t>(now - consumer.seen_ms, 0));
    list.to.Bulk("inactive");
    list.to.Integer(consumer.active_ms == -1 ? -1 : now - consumer.active_ms);
    TREE_TRY(groups.NextName(&at));
  }
  list.Finish(&call.reply);
  return Outcome::kDone;
}

// The stream argv[2]. False: there is none, answered; or it is not known yet.
bool OpenShown(Call& call, StreamValue* stream) {
  const Opened opened = stream->Open();
  if (!Ready(call, opened, stream->status())) return false;
  return opened == Opened::kFound || Refuse(call, errors::kNoSuchKey);
}

}  // namespace

void HandleXInfoStream(Call& call) {
  bool full;
  uint64_t count;
  StreamValue stream(&call.txn, call.argv[2], &call.server.thresholds);
  if (!OpenShown(call, &stream) || !ParseFull(call, &full, &count)) return;
  RunOnStream(call, stream,
              [&] { return full ? Full(call, &stream, count) : Brief(call, &stream); });
}

void HandleXInfoGroups(Call& call) {
  StreamValue stream(&call.txn, call.argv[2], &call.server.thresholds);
  if (!OpenShown(call, &stream)) return;
  RunOnStream(call, stream, [&] { return Groups(call, &stream); });
}

void HandleXInfoConsumers(Call& call) {
  StreamValue stream(&call.txn, call.argv[2], &call.server.thresholds);
  if (!OpenShown(call, &stream)) return;
  RunOnStream(call, stream, [&] {
    bool found = false;
    StreamGroup group;
    TREE_TRY(StreamGroups(&stream).Find(call.argv[3], &found, &group));
    if (found) return Consumers(call, &stream, group);
    call.reply.Error(errors::NoSuchGroup(call.argv[3], call.argv[2]));
    return Outcome::kDone;
  });
}

void HandleXInfoHelp(Call& call) {
  static constexpr std::string_view kLines[] = {
      "XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
      "CONSUMERS <key> <groupname>",
      "    The consumers of a group.",
      "GROUPS <key>",
      "    The consumer groups of a stream.",
      "STREAM <key> [FULL [COUNT <count>]]",
      "    What a stream is; FULL: with its entries and groups, 10 of each list unless COUNT says.",
      "HELP",
      "    Print this help.",
  };
  ReplyLines(call, kLines);
}

}  // namespace cairn
