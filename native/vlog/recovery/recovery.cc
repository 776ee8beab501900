#include "vlog/recovery/recovery.h"

#include <algorithm>
#include <map>
#include <thread>
#include <utility>

#include "base/slot.h"
#include "vlog/checkpoint/checkpoint_file.h"
#include "vlog/checkpoint/retained_checkpoints.h"
#include "vlog/index/art_bulk.h"
#include "vlog/recovery/read_from.h"
#include "vlog/recovery/replay_index.h"

namespace cairn::vlog {

// Called from one worker per lane; lanes have no shard in common.
class Recovery::IndexSink final : public ReplayIndex {
 public:
  explicit IndexSink(Recovery* recovery)
      : ReplayIndex(recovery->to_.shards->get()), recovery_(*recovery) {}

  void OnSwap(const SwapPayload& swap) override {
    std::lock_guard<std::mutex> lock(recovery_.swap_mutex_);
    if (swap.sequence <= *recovery_.to_.swap_sequence || swap.a >= kDatabasesMax ||
        swap.b >= kDatabasesMax)
      return;
    const uint16_t tree = recovery_.to_.tree_of[swap.a].load();
    recovery_.to_.tree_of[swap.a].store(recovery_.to_.tree_of[swap.b].load());
    recovery_.to_.tree_of[swap.b].store(tree);
    *recovery_.to_.swap_sequence = swap.sequence;
  }

  void OnFlush(uint32_t segment_id, uint32_t lane, uint32_t lanes, uint16_t tree) override {
    recovery_.to_.segments->Get(segment_id)->flushes.store(true, std::memory_order_relaxed);
    ReplayIndex::OnFlush(segment_id, lane, lanes, tree);
  }

  // What a checkpoint said of segments that are gone must have been replaced by what followed.
  uint64_t dangling() {
    std::lock_guard<std::mutex> lock(gone_mutex_);
    uint64_t bytes = 0;
    for (const auto& [id, live] : gone_) bytes += live;
    return bytes;
  }

  void OnAdded(const Pointer& pointer) override {
    Segment* segment = recovery_.to_.segments->Get(pointer.segment_id);
    if (segment != nullptr) {
      segment->live_bytes.fetch_add(pointer.length, std::memory_order_relaxed);
      return;
    }
    std::lock_guard<std::mutex> lock(gone_mutex_);
    gone_[pointer.segment_id] += pointer.length;
  }
  void OnRemoved(const Pointer& pointer) override {
    if (recovery_.to_.segments->Get(pointer.segment_id) != nullptr)
      return recovery_.Retire(pointer);
    std::lock_guard<std::mutex> lock(gone_mutex_);
    gone_[pointer.segment_id] -= pointer.length;
  }

 protected:
  void OnRemoval(const RecordHeader& header, const Pointer& pointer) override {
    recovery_.to_.segments->Get(header.segment_id)
        ->removal_bytes.fetch_add(pointer.length, std::memory_order_relaxed);
  }

 private:
  Recovery& recovery_;
  std::mutex gone_mutex_;
  std::map<uint32_t, uint64_t> gone_;  // live bytes by segment
};

// Fills the index from a checkpoint. Shards come from one thread each.
class Recovery::LoadingSink final : public CheckpointSink {
 public:
  LoadingSink(Recovery* recovery, IndexSink* sink)
      : recovery_(*recovery), sink_(*sink), loaders_(kShardCount) {}

  void OnEntry(uint16_t shard, uint16_t tree, std::string_view key, const Pointer& pointer,
               uint64_t expire_at_ms) override {
    if (!IsTree(tree) || shard >= kShardCount) return;
    Loading& loading = loaders_[shard];
    if (loading.loader == nullptr) loading.loader = std::make_unique<ArtLoader>();
    if (loading.tree != tree) {
      loading.loader->Begin(&(*recovery_.to_.shards)[shard].MakeTree(tree));
      loading.tree = tree;
    }
    loading.loader->Append(key, pointer, expire_at_ms);
    ++loading.entries;
    sink_.OnAdded(pointer);
  }
  void OnTreeEnd(uint16_t shard, uint16_t tree) override {
    if (IsPageTree(tree)) pages_.fetch_add(loaders_[shard].entries, std::memory_order_relaxed);
    loaders_[shard] = Loading();
  }
  // Of the entries: those that are no keys.
  uint64_t pages() const { return pages_.load(); }
  Status OnRead(uint64_t) override { return recovery_.Stopped(); }

 private:
  struct Loading {
    std::unique_ptr<ArtLoader> loader;
    uint32_t tree = UINT32_MAX;
    uint64_t entries = 0;
  };
  Recovery& recovery_;
  IndexSink& sink_;
  std::vector<Loading> loaders_;  // by shard
  std::atomic<uint64_t> pages_{0};
};

// From the newest checkpoint that is whole, or else from the log alone, if that is still enough.
Status Recovery::Run(RecoveryReport* report, std::vector<LaneEnd>* ends) {
  const RecoveryReport before = *report;
  std::vector<std::string> notices;
  for (size_t i = to_.manifest->checkpoints.size(); i-- > 0;) {
    bool usable = true;
    *report = before;
    Status status = ReplayFrom(to_.manifest->checkpoints[i].id, report, ends, &usable);
    if (usable) {
      report->notices.insert(report->notices.begin(), notices.begin(), notices.end());
      return status;
    }
    if (!Stopped().ok()) return status;  // which says nothing about the checkpoint
    unusable_.push_back(to_.manifest->checkpoints[i].id);
    notices.push_back(status.message() + (i > 0 ? "; going back to the checkpoint before it"
                                                : "; going back to the log"));
    ForgetIndex();
  }
  *report = before;
  report->notices = notices;
  if (to_.manifest->needs_checkpoint) {
    const std::string what =
        ManifestPath(to_.options->dir) +
        " at offset 0: no checkpoint is intact, and the log alone would bring deleted keys back";
    if (!to_.options->salvage) {
      std::string all = what;
      for (const std::string& notice : notices) all += "; " + notice;
      return Status(Code::kCorruption, all);
    }
    report->damage.push_back(what);
  }
  IndexSink sink(this);
  return ReplayEpochs(nullptr, &sink, report, ends);
}

// *usable false: the checkpoint is not good; the status says why.
Status Recovery::ReplayFrom(uint32_t checkpoint_id, RecoveryReport* report,
                            std::vector<LaneEnd>* ends, bool* usable) {
  *usable = false;
  const std::string path = CheckpointPath(to_.options->dir, checkpoint_id);
  Result<CheckpointInfo> info = ReadCheckpointInfo(to_.disk, path);
  if (!info.ok()) return info.status();
  const CheckpointInfo& known = info.value();
  if (known.epoch > to_.manifest->epoch || known.log_from.size() != known.lanes ||
      (known.epoch == to_.manifest->epoch && known.lanes != to_.manifest->lanes))
    return Status(Code::kCorruption, path + " at offset 0: checkpoint of another directory");
  IndexSink sink(this);
  {
    LoadingSink loading(this, &sink);
    Status status = LoadCheckpoint(to_.disk, path, known, ThreadCount(), &loading);
    if (!status.ok()) return status;
    report->checkpoint_keys = known.entries - loading.pages();
  }
  Status status = ReplayEpochs(&known, &sink, report, ends);
  if (status.ok() && sink.dangling() != 0) DropDangling(&sink, report);
  if (status.ok() && sink.dangling() != 0)
    return Status(Code::kCorruption, path + " at offset 0: it names segments that are gone");
  *usable = true;
  return status;
}

Status Recovery::ReplayEpochs(const CheckpointInfo* known, IndexSink* sink, RecoveryReport* report,
                              std::vector<LaneEnd>* ends) {
  const bool newer = known != nullptr && known->swap_sequence > to_.manifest->swap_sequence;
  *to_.swap_sequence = newer ? known->swap_sequence : to_.manifest->swap_sequence;
  for (const TreeEntry& entry : newer ? known->trees : to_.manifest->trees) {
    if (entry.ns < kDatabasesMax && entry.tree < kDatabasesMax)
      to_.tree_of[entry.ns].store(entry.tree);
  }
  ends->assign(to_.manifest->lanes, LaneEnd());
  surplus_.clear();
  for (uint32_t epoch : EpochsOf(*to_.manifest)) {
    Status status = ReplayEpoch(epoch, known, sink, report, ends);
    if (!status.ok()) return status;
  }
  report->segments = static_cast<uint32_t>(to_.manifest->segments.size());
  return Status();
}

// Keys whose segment is gone can only have expired, if their own record says when: strings leave
// the index without a delete then. With salvage, whatever they are.
void Recovery::DropDangling(IndexSink* sink, RecoveryReport* report) {
  uint64_t expired = 0;
  uint64_t lost = 0;
  for (uint32_t shard = 0; shard < kShardCount; ++shard) {
    (*to_.shards)[shard].ForEach([&](uint16_t, Art& tree) {
      std::vector<std::string> keys;
      tree.Scan({}, [&](std::string_view key, Pointer& pointer, uint64_t expire_at_ms) {
        if (to_.segments->Get(pointer.segment_id) != nullptr) return true;
        const bool may_go = expire_at_ms != 0 && GoesByItself(pointer) &&
                            (pointer.flags & Pointer::kExpiryExternal) == 0;
        if (!may_go && !to_.options->salvage) return true;
        (may_go ? expired : lost) += 1;
        keys.emplace_back(key);
        return true;
      });
      for (const std::string& key : keys) {
        Pointer old;
        if (tree.Erase(key, &old)) sink->OnRemoved(old);
      }
    });
  }
  if (expired != 0)
    report->notices.push_back(std::to_string(expired) + " keys of the checkpoint have expired");
  if (lost != 0)
    report->damage.push_back(to_.options->dir + " at offset 0: " + std::to_string(lost) +
                             " keys of the checkpoint lie in segments that are gone");
}

// Before the next attempt.
void Recovery::ForgetIndex() {
  loose_.clear();
  to_.shards->reset(new ShardIndex[kShardCount]);
  for (uint32_t ns = 0; ns < kDatabasesMax; ++ns) to_.tree_of[ns].store(static_cast<uint16_t>(ns));
  for (const SegmentEntry& entry : to_.manifest->segments) {
    Segment* segment = to_.segments->Get(entry.id);
    if (segment == nullptr) continue;
    segment->live_bytes.store(0);
    segment->removal_bytes.store(0);
    segment->flushes.store(false);
    segment->unread = false;
    if (segment->sealed()) segment->Become(SegmentState::kOpen);
  }
}

Status Recovery::Stopped() const {
  if (to_.options->stop == nullptr || !to_.options->stop->load(std::memory_order_relaxed))
    return Status();
  return Status(Code::kBusy, "stopped");
}

uint32_t Recovery::ThreadCount() const {
  if (to_.threads != 0) return to_.threads;
  return std::min(std::max(1u, std::thread::hardware_concurrency()), kThreadsMax);
}

Status Recovery::ReplayEpoch(uint32_t epoch, const CheckpointInfo* known, IndexSink* sink,
                             RecoveryReport* report, std::vector<LaneEnd>* ends) {
  ReplayOptions options;
  options.salvage = to_.options->salvage;
  options.last_epoch = epoch == to_.manifest->epoch;
  options.lanes = options.last_epoch ? to_.manifest->lanes : 1;
  if (options.last_epoch && to_.manifest->clean) options.clean_ends = to_.manifest->clean_ends;
  if (options.last_epoch) options.units = to_.manifest->units;
  for (const SegmentEntry& entry : to_.manifest->segments) {
    if (entry.epoch == epoch) options.lanes = std::max(options.lanes, entry.lane + 1);
  }
  if (!options.last_epoch) {
    // A lane of that epoch may have lost all its segments to reclaiming; records still tell lanes
    // by the old number.
    for (const SegmentEntry& entry : to_.manifest->segments) {
      if (entry.epoch != epoch) continue;
      Result<SegmentHeader> header = ReadSegmentHeader(to_.segments->Get(entry.id)->file.get());
      if (!header.ok()) continue;
      options.lanes = std::max(options.lanes, header.value().lanes);
      break;
    }
  }
  if (known != nullptr) ReadFrom(*known, epoch, &options);
  if (options.clean_ends.size() != options.lanes) options.clean_ends.clear();
  if (options.units.size() != options.lanes) options.units.clear();
  options.threads = ThreadCount();
  options.stop = to_.options->stop;
  ReadWith(to_.disk, &options);
  Replay replay(options, sink);
  for (const SegmentEntry& entry : to_.manifest->segments) {
    if (entry.epoch != epoch) continue;
    Segment* segment = to_.segments->Get(entry.id);
    Result<uint64_t> size = segment->file->Size();
    if (!size.ok()) return size.status();
    segment->data_end = size.value();
    const bool covered = known != nullptr && Covers(*known, entry);
    // What lies before the position in the segment where the log is read from was not counted
    // either.
    segment->unread = covered || (known != nullptr && known->epoch == epoch && entry.before == 0 &&
                                  entry.id == SegmentOf(known->log_from[entry.lane]));
    if (!covered) replay.AddSegment(entry.lane, segment, size.value());
  }
  Status status = replay.Run();
  report->records += replay.records();
  report->bytes += replay.bytes();
  for (const TornTail& torn : replay.torn_tails()) report->torn_tails.push_back(torn);
  for (const std::string& damage : replay.damage()) report->damage.push_back(damage);
  for (const std::string& where : replay.misnumbered()) report->notices.push_back(where);
  if (!status.ok()) return status;
  for (uint32_t lane = 0; lane < options.lanes; ++lane) {
    for (const LooseEnd& loose : replay.end(lane).loose) loose_.push_back(loose);
  }
  std::set<const Segment*> goes_on;  // the log, in those
  for (uint32_t lane = 0; options.last_epoch && lane < to_.manifest->lanes; ++lane) {
    const LaneEnd& end = replay.end(lane);
    if (end.active == nullptr) continue;
    goes_on.insert(end.active);
    goes_on.insert(end.next);
  }
  for (const SegmentEntry& entry : to_.manifest->segments) {
    Segment* segment = to_.segments->Get(entry.id);
    if (entry.epoch == epoch && goes_on.count(segment) == 0) segment->Become(SegmentState::kSealed);
  }
  if (!options.last_epoch) return Status();
  for (uint32_t lane = 0; lane < to_.manifest->lanes; ++lane) {
    const LaneEnd& end = (*ends)[lane] = replay.end(lane);
    if (end.active == nullptr) continue;
    // What lies behind the next segment is empty, too, and would only be in the way of the segments
    // to come.
    const uint32_t last = end.next != nullptr ? end.next->id : end.active->id;
    for (const SegmentEntry& entry : to_.manifest->segments) {
      if (entry.epoch == epoch && entry.lane == lane && entry.before == 0 && entry.id > last)
        surplus_.insert(entry.id);
    }
  }
  return Status();
}

// What the checkpoints that the manifest names cover. Those that are no good are given up for good:
// what they name may be removed from now on.
void Recovery::ReadRetained() {
  to_.retained->clear();
  std::erase_if(to_.manifest->checkpoints, [this](const CheckpointEntry& entry) {
    if (std::find(unusable_.begin(), unusable_.end(), entry.id) != unusable_.end()) return true;
    Result<CheckpointInfo> info =
        ReadCheckpointInfo(to_.disk, CheckpointPath(to_.options->dir, entry.id));
    if (!info.ok()) return true;
    to_.retained->push_back(std::move(info.value()));
    return false;
  });
  unusable_.clear();
}

// Returns how many expired keys stay in the index, for the sweep.
uint64_t Recovery::DropExpired() {
  uint64_t stay = 0;
  const uint64_t now_ms = to_.clock->WallMillis();
  std::vector<std::string> keys;
  for (uint32_t shard = 0; shard < kShardCount && Stopped().ok(); ++shard) {
    (*to_.shards)[shard].ForEach([&](uint16_t, Art& tree) {
      if (!tree.MayHaveExpired(now_ms + 999)) return;
      keys.clear();
      tree.Scan({}, [&](std::string_view key, Pointer& pointer, uint64_t expire_at_ms) {
        if (expire_at_ms == 0 || expire_at_ms > now_ms) return true;
        // If only another record knows the time, a delete has to be written, and so for what does
        // not go by itself: the sweep does that.
        if ((pointer.flags & Pointer::kExpiryExternal) == 0 && GoesByItself(pointer)) {
          keys.emplace_back(key);
        } else {
          ++stay;
        }
        return true;
      });
      for (const std::string& key : keys) {
        Pointer old;
        if (!tree.Erase(key, &old)) continue;
        to_.segments->Get(old.segment_id)->owes_deletes = true;
        Retire(old);
      }
    });
  }
  return stay;
}

void Recovery::Retire(const Pointer& old) {
  to_.segments->Get(old.segment_id)->live_bytes.fetch_sub(old.length, std::memory_order_release);
}

}  // namespace cairn::vlog
