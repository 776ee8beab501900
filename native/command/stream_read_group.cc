// XREADGROUP: new entries, which become pending, or those that are pending for the consumer.
//
// One pass, for what is delivered is written down. So a call delivers kDeliveredMax entries of a
// stream at most, and a consumer that asks again gets the next ones. One that waits has been made,
// or seen, before; in the pass of somebody who writes it is neither unless it gets something.
#include <algorithm>
#include <memory>
#include <unordered_map>
#include <vector>

#include "collection/stream_lag.h"
#include "command/handlers.h"
#include "command/stream_args.h"
#include "command/stream_group_args.h"
#include "command/stream_read.h"
#include "command/stream_reply.h"
#include "resp/stream_errors.h"
#include "tree/try.h"

namespace cairn {

using tree::Outcome;

namespace {

// What it is to deliver an entry, in what a slice counts.
constexpr uint32_t kDeliveryCost = 8;

// A stream of the call; a key that comes twice is one.
struct Source {
  explicit Source(Call& call, std::string_view key)
      : stream(&call.txn, key, &call.server.thresholds) {}
  StreamValue stream;
  Opened opened = Opened::kPending;
  StreamGroup group;
  bool group_changed = false;
  bool changed = false;
};

struct Reader {
  Call& call;
  const StreamReadArgs& args;
  std::vector<std::unique_ptr<Source>> sources;
  std::unordered_map<std::string_view, size_t> by_key;
  std::vector<size_t> source_of;  // of each key
  std::vector<StreamId> after;    // kStreamIdMax: what is new
  OutBuffer out;
  uint64_t served = 0;
  int64_t changes = 0;  // as Redis counts them

  // False: answered, or one is not known yet.
  bool Resolve();
  // For one that waited: whether there is something new at all. Before that it writes nothing.
  Outcome Anything(bool* any);
  bool ResolveOne(size_t i, Source* source, bool* found);
  Outcome Read(size_t i);
  Outcome Consumer(Source* source, StreamConsumer* consumer, bool* created);
  Outcome ReadNew(Source* source, StreamConsumer* consumer, ReplyWriter* to, uint64_t* written);
  Outcome MakePending(Source* source, const StreamConsumer& consumer,
                      const std::vector<StreamId>& ids);
  Outcome ReadPending(Source* source, const StreamConsumer& consumer, StreamId after,
                      ReplyWriter* to, uint64_t* written);
  const Status& FailedStatus() const {
    for (const auto& source : sources) {
      if (!source->stream.status().ok()) return source->stream.status();
    }
    return sources.front()->stream.status();
  }
  uint64_t CountMax() const { return std::min(args.count, kDeliveredMax); }
};

bool Reader::ResolveOne(size_t i, Source* source, bool* found) {
  StreamGroups groups(&source->stream);
  const std::string_view id = args.ids[i];
  call.txn.CountRead(source->opened != Opened::kMissing, args.keys[i]);
  if (!Ready(call, source->opened, source->stream.status())) return false;
  *found = source->opened == Opened::kFound;
  if (*found &&
      !Done(call, groups.Find(args.group, found, &source->group), source->stream.status())) {
    return false;
  }
  if (!*found) {
    return Refuse(call, errors::NoSuchKeyOrGroup(args.keys[i], args.group,
                                                 " in XREADGROUP with GROUP option"));
  }
  if (id == "$") return Refuse(call, errors::kXreadgroupLastId);
  if (id != ">") return StreamIdArg(call, id, &after[i]);
  after[i] = kStreamIdMax;
  return true;
}

bool Reader::Resolve() {
  after.resize(args.keys.size());
  source_of.resize(args.keys.size());
  bool ready = true;
  for (size_t i = 0; i < args.keys.size(); ++i) {
    if (!call.txn.Awake(args.keys[i])) continue;
    const auto [at, is_new] = by_key.try_emplace(args.keys[i], sources.size());
    source_of[i] = at->second;
    if (!is_new) continue;
    sources.push_back(std::make_unique<Source>(call, args.keys[i]));
    sources.back()->opened = sources.back()->stream.Open();
    ready &= sources.back()->opened != Opened::kPending;
  }
  for (size_t i = 0; i < args.keys.size() && ready; ++i) {
    bool found = false;
    if (!call.txn.Awake(args.keys[i])) continue;
    if (!ResolveOne(i, sources[source_of[i]].get(), &found)) return false;
  }
  return ready;
}

Outcome Reader::Anything(bool* any) {
  for (const auto& source : sources) {
    StreamId from = source->group.last_id;
    StreamValue::Cursor at;
    if (!StepUp(&from)) continue;
    TREE_TRY(source->stream.SeekUp(from, &at));
    *any |= at.found;
  }
  return Outcome::kDone;
}

Outcome Reader::Consumer(Source* source, StreamConsumer* consumer, bool* created) {
  StreamGroups groups(&source->stream);
  TREE_TRY(SeenConsumer(call, &groups, source->group.number, args.consumer, consumer, created));
  changes += *created;
  return Outcome::kDone;
}

Outcome Reader::MakePending(Source* source, const StreamConsumer& consumer,
                            const std::vector<StreamId>& ids) {
  StreamGroups groups(&source->stream);
  const uint64_t group = source->group.number;
  bool any = false;
  StreamPending last;
  TREE_TRY(groups.LastPending(group, &any, &last));
  for (const StreamId id : ids) {
    const StreamPending pending{id, consumer.number, static_cast<int64_t>(call.txn.now_ms()), 1};
    // XGROUP SETID may have gone back: then it is pending already.
    TREE_TRY(any && id <= last.id ? groups.PutPending(group, pending)
                                  : groups.AppendPending(group, pending));
  }
  return Outcome::kDone;
}

Outcome Reader::ReadNew(Source* source, StreamConsumer* consumer, ReplyWriter* to,
                        uint64_t* written) {
  StreamValue& stream = source->stream;
  StreamGroup& group = source->group;
  std::vector<StreamId> ids;
  StreamId from = group.last_id;
  StreamValue::Cursor at;
  if (!StepUp(&from)) return Outcome::kDone;
  TREE_TRY(stream.Want(from, false, CountMax()));
  TREE_TRY(stream.SeekUp(from, &at));
  while (at.found && ids.size() < CountMax()) {
    TREE_TRY(WriteEntry(&stream, at, to));
    call.txn.Charge(kDeliveryCost);
    NoteRead(stream.state(), stream.length(), at.id, &group);
    ids.push_back(at.id);
    TREE_TRY(stream.StepUp(&at));
  }
  *written = ids.size();
  if (ids.empty()) return Outcome::kDone;
  source->group_changed = true;
  if (args.noack) return Outcome::kDone;
  consumer->active_ms = static_cast<int64_t>(call.txn.now_ms());
  return MakePending(source, *consumer, ids);
}

Outcome Reader::ReadPending(Source* source, const StreamConsumer& consumer, StreamId after_id,
                            ReplyWriter* to, uint64_t* written) {
  StreamGroups groups(&source->stream);
  std::vector<StreamId> ids;
  StreamGroups::PendingCursor at;
  if (!StepUp(&after_id)) return Outcome::kDone;
  TREE_TRY(groups.WantOwned(consumer.number, after_id, CountMax()));
  TREE_TRY(groups.SeekOwned(consumer.number, after_id, &at));
  for (; at.found && ids.size() < CountMax();) {
    ids.push_back(at.pending.id);
    TREE_TRY(groups.Next(&at));
  }
  *written = ids.size();
  if (ids.empty()) return Outcome::kDone;
  TREE_TRY(source->stream.Want(ids.front(), false, ids.size()));
  for (const StreamId id : ids) {
    bool found;
    StreamPending pending;
    TREE_TRY(WriteEntry(&source->stream, id, &found, to));
    if (!found) {
      to->ArrayHeader(2);
      WriteStreamId(id, to);
      to->NullArray();
      continue;
    }
    TREE_TRY(groups.FindPending(source->group.number, id, &found, &pending));
    if (!found) return source->stream.collection().pager()->Fail(3, "has what is not pending");
    pending.delivered_ms = static_cast<int64_t>(call.txn.now_ms());
    ++pending.deliveries;
    TREE_TRY(groups.UpdatePending(source->group.number, pending));
    source->changed = true;
  }
  return Outcome::kDone;
}

Outcome Reader::Read(size_t i) {
  Source* const source = sources[source_of[i]].get();
  StreamGroups groups(&source->stream);
  StreamConsumer consumer;
  OutBuffer entries;
  ReplyWriter to(&entries, call.reply.version());
  uint64_t written = 0;
  bool created = false;
  TREE_TRY(Consumer(source, &consumer, &created));
  const int64_t active = consumer.active_ms;
  const bool is_new = after[i] == kStreamIdMax;
  TREE_TRY(is_new ? ReadNew(source, &consumer, &to, &written)
                  : ReadPending(source, consumer, after[i], &to, &written));
  const bool serves = !is_new || written > 0;
  const auto now = static_cast<int64_t>(call.txn.now_ms());
  if (created || consumer.active_ms != active || written > 0 || SeenLongAgo(consumer, now)) {
    consumer.seen_ms = now;
    TREE_TRY(groups.PutConsumer(source->group.number, args.consumer, consumer));
    source->changed = true;
  }
  if (!serves) return Outcome::kDone;
  ReplyWriter all(&out, call.reply.version());
  ++served;
  ++changes;
  if (call.reply.version() < 3) all.ArrayHeader(2);
  all.Bulk(args.keys[i]);
  all.ArrayHeader(written);
  out.Append(&entries);
  return Outcome::kDone;
}

}  // namespace

void HandleXReadGroup(Call& call) {
  StreamReadArgs args;
  if (!ParseStreamRead(call, true, &args)) return;
  Reader reader{call, args, {}, {}, {}, {}, {}};
  if (call.txn.ServedEnough()) return call.txn.RunApart();
  if (!reader.Resolve()) return;
  if (call.txn.serving()) {
    bool any = false;
    const Outcome outcome = reader.Anything(&any);
    if (outcome != Outcome::kDone) return (void)Done(call, outcome, reader.FailedStatus());
    if (!any) return WaitForStreams(call, args, true);
  }
  bool waits = false;
  for (size_t i = 0; i < args.keys.size(); ++i) {
    if (!call.txn.Awake(args.keys[i])) continue;
    const Outcome outcome = reader.Read(i);
    waits |= outcome == Outcome::kWait;  // what the others need is read in the same wave
    if (outcome == Outcome::kFailed) {
      (void)Done(call, outcome, reader.sources[reader.source_of[i]]->stream.status());
      return;
    }
  }
  if (waits) return;
  // Redis looks each key up twice.
  for (size_t i = 0; i < args.keys.size(); ++i) {
    if (call.txn.Awake(args.keys[i])) call.txn.CountRead(true);
  }
  for (const auto& source : reader.sources) {
    StreamGroups groups(&source->stream);
    if (source->group_changed &&
        !Done(call, groups.Put(args.group, source->group), source->stream.status())) {
      return;
    }
  }
  int64_t writes = 0;
  for (const auto& source : reader.sources) {
    if (!source->group_changed && !source->changed) continue;
    ++writes;
    if (!Done(call, source->stream.Save(), source->stream.status())) return;
  }
  call.txn.extra_changes += reader.changes - writes;
  if (reader.served == 0) return WaitForStreams(call, args, true);
  if (call.reply.version() < 3) {
    call.reply.ArrayHeader(reader.served);
  } else {
    call.reply.MapHeader(reader.served);
  }
  call.reply.out().Append(&reader.out);
}

}  // namespace cairn
