// XPENDING. The form with a range goes in slices, for IDLE may pass over any number of entries.
#include <algorithm>

#include "command/handlers.h"
#include "command/stream_args.h"
#include "command/stream_group_args.h"
#include "command/stream_reply.h"
#include "resp/stream_errors.h"
#include "tree/try.h"

namespace cairn {

using tree::Outcome;

namespace {

struct PendingArgs {
  int64_t min_idle_ms = 0;
  StreamId first;
  StreamId last;
  uint64_t count = 0;
  bool has_consumer = false;
  std::string_view consumer;
};

struct PendingProgress {
  bool begun = false;
  bool done = false;
  StreamId next;
  uint64_t written = 0;
  OutBuffer out;
};

// [IDLE ms] start end count [consumer]
bool ParsePending(Call& call, PendingArgs* args) {
  const size_t argc = call.argv.size();
  size_t at = 3;
  if (Is(call.argv[3], "idle")) {
    if (!IntegerArg(call, call.argv[4], &args->min_idle_ms)) return false;
    if (argc < 8) return Refuse(call, errors::kSyntax);
    at = 5;
  }
  int64_t count;
  if (!IntegerArg(call, call.argv[at + 2], &count) ||
      !StreamFirstArg(call, call.argv[at], &args->first) ||
      !StreamLastArg(call, call.argv[at + 1], &args->last)) {
    return false;
  }
  args->count = static_cast<uint64_t>(std::max<int64_t>(count, 0));
  args->has_consumer = at + 3 < argc;
  if (args->has_consumer) args->consumer = call.argv[at + 3];
  return true;
}

Outcome Summary(Call& call, StreamValue* stream, const StreamGroup& group) {
  StreamGroups groups(stream);
  uint64_t count = 0;
  TREE_TRY(groups.CountPending(group.number, &count));
  call.reply.ArrayHeader(4);
  call.reply.Integer(static_cast<int64_t>(count));
  if (count == 0) {
    call.reply.Null();
    call.reply.Null();
    call.reply.NullArray();
    return Outcome::kDone;
  }
  StreamGroups::PendingCursor first;
  StreamPending last;
  bool found;
  TREE_TRY(groups.SeekPending(group.number, StreamId(), &first));
  TREE_TRY(groups.LastPending(group.number, &found, &last));
  WriteStreamId(first.pending.id, &call.reply);
  WriteStreamId(last.id, &call.reply);
  OutBuffer consumers;
  ReplyWriter to(&consumers, call.reply.version());
  uint64_t written = 0;
  StreamGroups::NameCursor at;
  TREE_TRY(groups.FirstConsumer(group.number, &at));
  for (; at.found;) {
    uint64_t owned = 0;
    TREE_TRY(groups.CountOwned(at.consumer.number, &owned));
    if (owned > 0) {
      to.ArrayHeader(2);
      to.Bulk(at.name);
      to.BulkInteger(static_cast<int64_t>(owned));
      ++written;
    }
    TREE_TRY(groups.NextName(&at));
  }
  call.reply.ArrayHeader(written);
  call.reply.out().Append(&consumers);
  return Outcome::kDone;
}

// Names of consumers, which come again and again.
class Names {
 public:
  explicit Names(StreamGroups* groups) : groups_(*groups) {}
  Outcome Of(uint64_t consumer, std::string_view* name) {
    if (consumer != known_) {
      std::string_view found;
      TREE_TRY(groups_.NameOf(consumer, &buffer_, &found));
      name_.assign(found);
      known_ = consumer;
    }
    *name = name_;
    return Outcome::kDone;
  }

 private:
  StreamGroups& groups_;
  uint64_t known_ = 0;  // numbers begin at 1
  std::string name_;
  std::string buffer_;
};

Outcome Details(Call& call, StreamValue* stream, const StreamGroup& group, const PendingArgs& args,
                PendingProgress* progress) {
  StreamGroups groups(stream);
  StreamConsumer consumer;
  StreamGroups::PendingCursor at;
  Names names(&groups);
  ReplyWriter to(&progress->out, call.reply.version());
  const auto now = static_cast<int64_t>(call.txn.now_ms());
  bool found = true;
  if (args.has_consumer)
    TREE_TRY(groups.FindConsumer(group.number, args.consumer, &found, &consumer));
  progress->done = !found || progress->written >= args.count;
  if (progress->done) return Outcome::kDone;
  const uint64_t left = args.count - progress->written;
  TREE_TRY(groups.WantPending(group.number, progress->next, left));
  TREE_TRY(args.has_consumer ? groups.SeekOwned(consumer.number, progress->next, &at)
                             : groups.SeekPending(group.number, progress->next, &at));
  for (;;) {
    progress->done = !at.found || at.pending.id > args.last || progress->written >= args.count;
    if (progress->done || call.txn.SliceOver()) return Outcome::kDone;
    StreamPending pending = at.pending;
    if (args.has_consumer) {
      TREE_TRY(groups.FindPending(group.number, at.pending.id, &found, &pending));
      if (!found) return stream->collection().pager()->Fail(3, "has what is not pending");
    }
    const int64_t idle = now - pending.delivered_ms;
    if (args.min_idle_ms == 0 || idle >= args.min_idle_ms) {
      std::string_view name;
      TREE_TRY(names.Of(pending.consumer, &name));
      to.ArrayHeader(4);
      WriteStreamId(pending.id, &to);
      to.Bulk(name);
      to.Integer(std::max<int64_t>(idle, 0));
      to.Integer(static_cast<int64_t>(pending.deliveries));
      ++progress->written;
    }
    call.txn.Charge(1);
    progress->next = at.pending.id;
    if (!StepUp(&progress->next)) {
      progress->done = true;
      return Outcome::kDone;
    }
    TREE_TRY(groups.Next(&at));
  }
}

}  // namespace

void HandleXPending(Call& call) {
  PendingArgs args;
  const size_t argc = call.argv.size();
  if (argc != 3 && (argc < 6 || argc > 9)) return call.reply.Error(errors::kSyntax);
  if (argc > 3 && !ParsePending(call, &args)) return;
  bool found = false;
  StreamGroup group;
  StreamValue stream(&call.txn, call.argv[1], &call.server.thresholds);
  if (!OpenGroup(call, 1, false, &stream, &found, &group)) return;
  if (!found) {
    return call.reply.Error(errors::NoSuchKeyOrGroup(call.argv[1], call.argv[2]));
  }
  if (argc == 3) return RunOnStream(call, stream, [&] { return Summary(call, &stream, group); });
  PendingProgress local;
  PendingProgress* progress = call.txn.Progress<PendingProgress>();
  if (progress == nullptr) progress = &local;
  if (!progress->begun) progress->next = args.first;
  progress->begun = true;
  if (!Done(call, Details(call, &stream, group, args, progress), stream.status())) return;
  if (!progress->done) return call.txn.Again();
  call.reply.ArrayHeader(progress->written);
  call.reply.out().Append(&progress->out);
}

}  // namespace cairn
