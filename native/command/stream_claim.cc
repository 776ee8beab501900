// XCLAIM and XAUTOCLAIM: pending entries get another owner.
#include <algorithm>
#include <vector>

#include "command/handlers.h"
#include "command/stream_args.h"
#include "command/stream_group_args.h"
#include "command/stream_reply.h"
#include "resp/stream_errors.h"
#include "tree/try.h"

namespace cairn {

using tree::Outcome;

namespace {

struct ClaimArgs {
  int64_t min_idle_ms = 0;
  int64_t delivered_ms = -1;  // -1: now
  int64_t deliveries = -1;    // -1: one more than it was
  bool force = false;
  bool just_id = false;
  StreamId last_id;
  std::vector<StreamId> ids;
};

struct Claim {
  Call& call;
  StreamValue& stream;
  StreamGroup group;
  StreamGroups groups;
  StreamConsumer consumer;
  int64_t now_ms;
  bool changed = false;
  int64_t touched = 0;  // pending entries
  int64_t changes = 0;  // as Redis counts them
  OutBuffer out;
  uint64_t written = 0;

  Claim(Call& of, StreamValue* value, const StreamGroup& in)
      : call(of),
        stream(*value),
        group(in),
        groups(value),
        now_ms(static_cast<int64_t>(of.txn.now_ms())) {}

  Outcome Begin();
  // A pending entry whose entry is no more.
  Outcome Forget(const StreamPending& pending);
  // The consumer's from now on; it goes into the reply.
  Outcome Take(StreamPending pending, bool just_id);
  Outcome One(StreamId id, const ClaimArgs& args);
  Outcome End();
};

Outcome Claim::Begin() {
  bool created;
  TREE_TRY(SeenConsumer(call, &groups, group.number, call.argv[3], &consumer, &created));
  changed = created || SeenLongAgo(consumer, now_ms);
  changes += created;
  return Outcome::kDone;
}

Outcome Claim::Forget(const StreamPending& pending) {
  TREE_TRY(groups.RemovePending(group.number, pending));
  changed = true;
  ++touched;
  return Outcome::kDone;
}

Outcome Claim::Take(StreamPending pending, bool just_id) {
  ReplyWriter to(&out, call.reply.version());
  bool found = true;
  pending.consumer = consumer.number;
  TREE_TRY(groups.PutPending(group.number, pending));
  if (just_id) {
    WriteStreamId(pending.id, &to);
  } else {
    TREE_TRY(WriteEntry(&stream, pending.id, &found, &to));
  }
  ++written;
  consumer.active_ms = now_ms;
  changed = true;
  ++touched;
  return Outcome::kDone;
}

Outcome Claim::One(StreamId id, const ClaimArgs& args) {
  bool is_pending, exists;
  StreamPending pending;
  TREE_TRY(groups.FindPending(group.number, id, &is_pending, &pending));
  TREE_TRY(stream.Contains(id, &exists));
  if (!exists) return is_pending ? Forget(pending) : Outcome::kDone;
  if (!is_pending && !args.force) return Outcome::kDone;
  if (is_pending && args.min_idle_ms > 0 && now_ms - pending.delivered_ms < args.min_idle_ms)
    return Outcome::kDone;
  if (!is_pending) pending = StreamPending{id, 0, 0, 1};
  pending.delivered_ms = args.delivered_ms == -1 ? now_ms : args.delivered_ms;
  if (args.deliveries >= 0) {
    pending.deliveries = static_cast<uint64_t>(args.deliveries);
  } else if (!args.just_id) {
    ++pending.deliveries;
  }
  return Take(pending, args.just_id);
}

Outcome Claim::End() {
  if (!changed) return Outcome::kDone;
  consumer.seen_ms = now_ms;
  TREE_TRY(groups.PutConsumer(group.number, call.argv[3], consumer));
  TREE_TRY(stream.Save());
  call.txn.extra_changes += changes + touched - 1;
  return Outcome::kDone;
}

bool MinIdleArg(Call& call, std::string_view error, int64_t* min_idle_ms) {
  const IntegerRule rule{INT64_MIN, INT64_MAX, error};
  if (!IntegerArg(call, call.argv[4], rule, min_idle_ms)) return false;
  *min_idle_ms = std::max<int64_t>(*min_idle_ms, 0);
  return true;
}

// The options, which begin at `i`.
bool ParseClaimOptions(Call& call, size_t i, ClaimArgs* args) {
  const auto now = static_cast<int64_t>(call.txn.now_ms());
  for (; i < call.argv.size(); ++i) {
    const std::string_view arg = call.argv[i];
    const bool more = i + 1 < call.argv.size();
    if (Is(arg, "force")) {
      args->force = true;
    } else if (Is(arg, "justid")) {
      args->just_id = true;
    } else if (Is(arg, "idle") && more) {
      const IntegerRule rule{INT64_MIN, INT64_MAX, errors::kXclaimIdle};
      int64_t idle;
      if (!IntegerArg(call, call.argv[++i], rule, &idle)) return false;
      if (__builtin_sub_overflow(now, idle, &args->delivered_ms)) args->delivered_ms = INT64_MAX;
    } else if (Is(arg, "time") && more) {
      const IntegerRule rule{INT64_MIN, INT64_MAX, errors::kXclaimTime};
      if (!IntegerArg(call, call.argv[++i], rule, &args->delivered_ms)) return false;
    } else if (Is(arg, "retrycount") && more) {
      const IntegerRule rule{INT64_MIN, INT64_MAX, errors::kXclaimRetry};
      if (!IntegerArg(call, call.argv[++i], rule, &args->deliveries)) return false;
    } else if (Is(arg, "lastid") && more) {
      if (!StreamIdArg(call, call.argv[++i], &args->last_id)) return false;
    } else {
      return Refuse(call, errors::UnrecognizedXclaim(arg));
    }
  }
  // A time that cannot be is taken for now: clocks differ.
  if (args->delivered_ms < 0 || args->delivered_ms > now) args->delivered_ms = now;
  return true;
}

bool ParseClaim(Call& call, ClaimArgs* args) {
  if (!MinIdleArg(call, errors::kXclaimMinIdle, &args->min_idle_ms)) return false;
  size_t i = 5;
  for (StreamId id; i < call.argv.size() && ParseStreamId(call.argv[i], 0, &id); ++i)
    args->ids.push_back(id);
  return ParseClaimOptions(call, i, args);
}

Outcome ClaimThese(Call& call, StreamValue* stream, const StreamGroup& group,
                   const ClaimArgs& args) {
  Claim claim(call, stream, group);
  const bool forwards = args.last_id > group.last_id;
  TREE_TRY(claim.Begin());
  for (const StreamId id : args.ids) TREE_TRY(claim.One(id, args));
  if (forwards) {
    claim.group.last_id = args.last_id;
    TREE_TRY(claim.groups.Put(call.argv[2], claim.group));
    if (claim.touched == 0) ++claim.changes;
    claim.changed = true;
  }
  TREE_TRY(claim.End());
  call.reply.ArrayHeader(claim.written);
  call.reply.out().Append(&claim.out);
  return Outcome::kDone;
}

struct AutoClaimArgs {
  int64_t min_idle_ms = 0;
  StreamId start;
  int64_t count = 100;
  bool just_id = false;
};
constexpr int64_t kAttemptsFactor = 10;  // entries looked at for each that may be claimed

bool ParseAutoClaim(Call& call, AutoClaimArgs* args) {
  if (!MinIdleArg(call, errors::kXautoclaimMinIdle, &args->min_idle_ms) ||
      !StreamFirstArg(call, call.argv[5], &args->start)) {
    return false;
  }
  for (size_t i = 6; i < call.argv.size(); ++i) {
    if (Is(call.argv[i], "count") && i + 1 < call.argv.size()) {
      const IntegerRule rule{1, INT64_MAX / 16, errors::kXautoclaimCount};
      if (!IntegerArg(call, call.argv[++i], rule, &args->count)) return false;
    } else if (Is(call.argv[i], "justid")) {
      args->just_id = true;
    } else {
      return Refuse(call, errors::kSyntax);
    }
  }
  return true;
}

// What is pending from *next on, one after the other; *next: where it has stopped, 0-0 at the end.
Outcome ClaimFrom(Claim* claim, const AutoClaimArgs& args, StreamId* next,
                  std::vector<StreamId>* deleted) {
  constexpr uint64_t kBatch = 128;
  uint64_t left = std::min(static_cast<uint64_t>(args.count), kDeliveredMax);
  uint64_t attempts = left * kAttemptsFactor;
  std::vector<StreamPending> batch;
  StreamGroups::PendingCursor at;
  TREE_TRY(claim->groups.WantPending(claim->group.number, *next, left));
  while (left > 0 && attempts > 0) {
    batch.clear();
    TREE_TRY(claim->groups.SeekPending(claim->group.number, *next, &at));
    while (at.found && batch.size() < std::min({kBatch, left, attempts})) {
      batch.push_back(at.pending);
      TREE_TRY(claim->groups.Next(&at));
    }
    if (batch.empty()) break;
    attempts -= batch.size();
    for (StreamPending& pending : batch) {
      bool exists;
      TREE_TRY(claim->stream.Contains(pending.id, &exists));
      if (!exists) {
        TREE_TRY(claim->Forget(pending));
        deleted->push_back(pending.id);
        --left;
        continue;
      }
      if (args.min_idle_ms > 0 && claim->now_ms - pending.delivered_ms < args.min_idle_ms) continue;
      pending.delivered_ms = claim->now_ms;
      if (!args.just_id) ++pending.deliveries;
      TREE_TRY(claim->Take(pending, args.just_id));
      --left;
    }
    *next = batch.back().id;
    if (StepUp(next)) continue;
    *next = StreamId();
    return Outcome::kDone;
  }
  TREE_TRY(claim->groups.SeekPending(claim->group.number, *next, &at));
  *next = at.found ? at.pending.id : StreamId();
  return Outcome::kDone;
}

Outcome AutoClaim(Call& call, StreamValue* stream, const StreamGroup& group,
                  const AutoClaimArgs& args) {
  Claim claim(call, stream, group);
  StreamId next = args.start;
  std::vector<StreamId> deleted;
  TREE_TRY(claim.Begin());
  TREE_TRY(ClaimFrom(&claim, args, &next, &deleted));
  TREE_TRY(claim.End());
  call.reply.ArrayHeader(3);
  WriteStreamId(next, &call.reply);
  call.reply.ArrayHeader(claim.written);
  call.reply.out().Append(&claim.out);
  call.reply.ArrayHeader(deleted.size());
  for (const StreamId id : deleted) WriteStreamId(id, &call.reply);
  return Outcome::kDone;
}

// Redis looks the stream up before it looks at the arguments.
void CountLooked(Call& call, std::string_view key) {
  const KeyMeta meta = call.txn.Peek(key);
  if (!call.txn.pending()) call.txn.CountRead(meta.found, key);
}

bool OpenForClaim(Call& call, StreamValue* stream, StreamGroup* group) {
  bool found = false;
  if (!OpenGroup(call, 1, true, stream, &found, group)) return false;
  return found || Refuse(call, errors::NoSuchKeyOrGroup(call.argv[1], call.argv[2]));
}

}  // namespace

void HandleXClaim(Call& call) {
  ClaimArgs args;
  StreamGroup group;
  StreamValue stream(&call.txn, call.argv[1], &call.server.thresholds);
  if (!OpenForClaim(call, &stream, &group) || !ParseClaim(call, &args)) return;
  RunOnStream(call, stream, [&] { return ClaimThese(call, &stream, group, args); });
}

void HandleXAutoClaim(Call& call) {
  AutoClaimArgs args;
  StreamGroup group;
  if (!ParseAutoClaim(call, &args)) return CountLooked(call, call.argv[1]);
  StreamValue stream(&call.txn, call.argv[1], &call.server.thresholds);
  if (!OpenForClaim(call, &stream, &group)) return;
  RunOnStream(call, stream, [&] { return AutoClaim(call, &stream, group, args); });
}

}  // namespace cairn
