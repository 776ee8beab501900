// Recovery: the log of all epochs replayed into the index, and the ends of the lanes made fit to go
// on from.
#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <thread>

#include "base/check.h"
#include "vlog/index/art_bulk.h"
#include "vlog/recovery/coverage.h"
#include "vlog/recovery/replay_index.h"
#include "vlog/vlog_engine.h"

namespace cairn {

using vlog::AlignDown;
using vlog::AlignUp;
using vlog::LaneEnd;
using vlog::OffsetOf;
using vlog::RecordHeader;
using vlog::RecordType;
using vlog::Segment;
using vlog::SegmentEntry;
using vlog::SegmentOf;
using vlog::SegmentState;

// Called from one worker per lane; lanes have no shard in common.
class VlogEngine::RecoverySink final : public vlog::ReplayIndex {
 public:
  explicit RecoverySink(VlogEngine* engine)
      : ReplayIndex(engine->shards_.get()), engine_(*engine) {}

  void OnSwap(const vlog::SwapPayload& swap) override {
    std::lock_guard<std::mutex> lock(engine_.swap_mutex_);
    if (swap.sequence <= engine_.swap_sequence_ || swap.a >= kDatabasesMax ||
        swap.b >= kDatabasesMax)
      return;
    const uint16_t tree = engine_.tree_of_[swap.a].load();
    engine_.tree_of_[swap.a].store(engine_.tree_of_[swap.b].load());
    engine_.tree_of_[swap.b].store(tree);
    engine_.swap_sequence_ = swap.sequence;
  }

  void OnFlush(uint32_t segment_id, uint32_t lane, uint32_t lanes, uint16_t tree) override {
    engine_.segments_.Get(segment_id)->flushes.store(true, std::memory_order_relaxed);
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
    Segment* segment = engine_.segments_.Get(pointer.segment_id);
    if (segment != nullptr) {
      segment->live_bytes.fetch_add(pointer.length, std::memory_order_relaxed);
      return;
    }
    std::lock_guard<std::mutex> lock(gone_mutex_);
    gone_[pointer.segment_id] += pointer.length;
  }
  void OnRemoved(const Pointer& pointer) override {
    if (engine_.segments_.Get(pointer.segment_id) != nullptr) return engine_.Retire(pointer);
    std::lock_guard<std::mutex> lock(gone_mutex_);
    gone_[pointer.segment_id] -= pointer.length;
  }

 protected:
  void OnRemoval(const RecordHeader& header, const Pointer& pointer) override {
    engine_.segments_.Get(header.segment_id)
        ->removal_bytes.fetch_add(pointer.length, std::memory_order_relaxed);
  }

 private:
  VlogEngine& engine_;
  std::mutex gone_mutex_;
  std::map<uint32_t, uint64_t> gone_;  // live bytes by segment
};

// Fills the index from a checkpoint. Shards come from one thread each.
class VlogEngine::LoadingSink final : public vlog::CheckpointSink {
 public:
  LoadingSink(VlogEngine* engine, RecoverySink* sink)
      : engine_(*engine), sink_(*sink), loaders_(kShardCount) {}

  void OnEntry(uint16_t shard, uint16_t tree, std::string_view key, const Pointer& pointer,
               uint64_t expire_at_ms) override {
    if (tree >= kDatabasesMax || shard >= kShardCount) return;
    Loading& loading = loaders_[shard];
    if (loading.loader == nullptr) loading.loader = std::make_unique<ArtLoader>();
    if (loading.tree != tree) {
      loading.loader->Begin(&engine_.shards_[shard].MakeTree(tree));
      loading.tree = tree;
    }
    loading.loader->Append(key, pointer, expire_at_ms);
    sink_.OnAdded(pointer);
  }
  void OnTreeEnd(uint16_t shard, uint16_t) override { loaders_[shard] = Loading(); }
  Status OnRead(uint64_t) override { return engine_.StoppedOpen(); }

 private:
  struct Loading {
    std::unique_ptr<ArtLoader> loader;
    uint32_t tree = UINT32_MAX;
  };
  VlogEngine& engine_;
  RecoverySink& sink_;
  std::vector<Loading> loaders_;  // by shard
};

// From the newest checkpoint that is whole, or else from the log alone, if that is still enough.
Status VlogEngine::ReplayAll(RecoveryReport* report, std::vector<LaneEnd>* ends) {
  const RecoveryReport before = *report;
  std::vector<std::string> notices;
  for (size_t i = manifest_.checkpoints.size(); i-- > 0;) {
    bool usable = true;
    *report = before;
    Status status = ReplayFrom(manifest_.checkpoints[i].id, report, ends, &usable);
    if (usable) {
      report->notices.insert(report->notices.begin(), notices.begin(), notices.end());
      return status;
    }
    if (!StoppedOpen().ok()) return status;  // which says nothing about the checkpoint
    unusable_.push_back(manifest_.checkpoints[i].id);
    notices.push_back(status.message() + (i > 0 ? "; going back to the checkpoint before it"
                                                : "; going back to the log"));
    ForgetIndex();
  }
  *report = before;
  report->notices = notices;
  if (manifest_.needs_checkpoint) {
    const std::string what =
        vlog::ManifestPath(options_.dir) +
        " at offset 0: no checkpoint is intact, and the log alone would bring deleted keys back";
    if (!options_.salvage) {
      std::string all = what;
      for (const std::string& notice : notices) all += "; " + notice;
      return Status(Code::kCorruption, all);
    }
    report->damage.push_back(what);
  }
  RecoverySink sink(this);
  return ReplayEpochs(nullptr, &sink, report, ends);
}

// *usable false: the checkpoint is not good; the status says why.
Status VlogEngine::ReplayFrom(uint32_t checkpoint_id, RecoveryReport* report,
                              std::vector<LaneEnd>* ends, bool* usable) {
  *usable = false;
  const std::string path = vlog::CheckpointPath(options_.dir, checkpoint_id);
  Result<vlog::CheckpointInfo> info = vlog::ReadCheckpointInfo(disk_, path);
  if (!info.ok()) return info.status();
  const vlog::CheckpointInfo& known = info.value();
  if (known.epoch > manifest_.epoch || known.log_from.size() != known.lanes ||
      (known.epoch == manifest_.epoch && known.lanes != manifest_.lanes))
    return Status(Code::kCorruption, path + " at offset 0: checkpoint of another directory");
  RecoverySink sink(this);
  {
    LoadingSink loading(this, &sink);
    Status status = vlog::LoadCheckpoint(disk_, path, known, RecoveryThreads(), &loading);
    if (!status.ok()) return status;
  }
  report->checkpoint_keys = known.entries;
  Status status = ReplayEpochs(&known, &sink, report, ends);
  if (status.ok() && sink.dangling() != 0) DropDangling(&sink, report);
  if (status.ok() && sink.dangling() != 0)
    return Status(Code::kCorruption, path + " at offset 0: it names segments that are gone");
  *usable = true;
  return status;
}

Status VlogEngine::ReplayEpochs(const vlog::CheckpointInfo* known, RecoverySink* sink,
                                RecoveryReport* report, std::vector<LaneEnd>* ends) {
  const bool newer = known != nullptr && known->swap_sequence > manifest_.swap_sequence;
  swap_sequence_ = newer ? known->swap_sequence : manifest_.swap_sequence;
  for (const vlog::TreeEntry& entry : newer ? known->trees : manifest_.trees) {
    if (entry.ns < kDatabasesMax && entry.tree < kDatabasesMax)
      tree_of_[entry.ns].store(entry.tree);
  }
  ends->assign(manifest_.lanes, LaneEnd());
  surplus_.clear();
  for (uint32_t epoch : vlog::EpochsOf(manifest_)) {
    Status status = ReplayEpoch(epoch, known, sink, report, ends);
    if (!status.ok()) return status;
  }
  report->segments = static_cast<uint32_t>(manifest_.segments.size());
  return Status();
}

// Keys whose segment is gone can only have expired, if their own record says when: those leave the
// index without a delete. With salvage, whatever they are.
void VlogEngine::DropDangling(RecoverySink* sink, RecoveryReport* report) {
  uint64_t expired = 0;
  uint64_t lost = 0;
  for (uint32_t shard = 0; shard < kShardCount; ++shard) {
    shards_[shard].ForEach([&](uint16_t, Art& tree) {
      std::vector<std::string> keys;
      tree.Scan({}, [&](std::string_view key, Pointer& pointer, uint64_t expire_at_ms) {
        if (segments_.Get(pointer.segment_id) != nullptr) return true;
        const bool may_go = expire_at_ms != 0 && (pointer.flags & Pointer::kExpiryExternal) == 0;
        if (!may_go && !options_.salvage) return true;
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
    report->damage.push_back(options_.dir + " at offset 0: " + std::to_string(lost) +
                             " keys of the checkpoint lie in segments that are gone");
}

// Before the next attempt.
void VlogEngine::ForgetIndex() {
  shards_.reset(new vlog::ShardIndex[kShardCount]);
  for (uint32_t ns = 0; ns < kDatabasesMax; ++ns) tree_of_[ns].store(static_cast<uint16_t>(ns));
  for (const SegmentEntry& entry : manifest_.segments) {
    Segment* segment = segments_.Get(entry.id);
    if (segment == nullptr) continue;
    segment->live_bytes.store(0);
    segment->removal_bytes.store(0);
    segment->flushes.store(false);
    segment->unread = false;
    if (segment->sealed()) segment->Become(SegmentState::kOpen);
  }
}

Status VlogEngine::StoppedOpen() const {
  if (options_.stop == nullptr || !options_.stop->load(std::memory_order_relaxed)) return Status();
  return Status(Code::kBusy, "stopped");
}

uint32_t VlogEngine::RecoveryThreads() const {
  if (tuning_.recovery_threads != 0) return tuning_.recovery_threads;
  return std::min(std::max(1u, std::thread::hardware_concurrency()), kRecoveryThreadsMax);
}

Status VlogEngine::ReplayEpoch(uint32_t epoch, const vlog::CheckpointInfo* known,
                               RecoverySink* sink, RecoveryReport* report,
                               std::vector<LaneEnd>* ends) {
  vlog::ReplayOptions options;
  options.salvage = options_.salvage;
  options.last_epoch = epoch == manifest_.epoch;
  options.lanes = options.last_epoch ? manifest_.lanes : 1;
  if (options.last_epoch && manifest_.clean) options.clean_ends = manifest_.clean_ends;
  if (options.last_epoch) options.units = manifest_.units;
  for (const SegmentEntry& entry : manifest_.segments) {
    if (entry.epoch == epoch) options.lanes = std::max(options.lanes, entry.lane + 1);
  }
  if (!options.last_epoch) {
    // A lane of that epoch may have lost all its segments to reclaiming; records still tell lanes
    // by the old number.
    for (const SegmentEntry& entry : manifest_.segments) {
      if (entry.epoch != epoch) continue;
      Result<vlog::SegmentHeader> header =
          vlog::ReadSegmentHeader(segments_.Get(entry.id)->file.get());
      if (!header.ok()) continue;
      options.lanes = std::max(options.lanes, header.value().lanes);
      break;
    }
  }
  if (known != nullptr) vlog::ReadFrom(*known, epoch, &options);
  if (options.clean_ends.size() != options.lanes) options.clean_ends.clear();
  if (options.units.size() != options.lanes) options.units.clear();
  options.threads = RecoveryThreads();
  options.stop = options_.stop;
  vlog::ReadWith(disk_, &options);
  vlog::Replay replay(options, sink);
  for (const SegmentEntry& entry : manifest_.segments) {
    if (entry.epoch != epoch) continue;
    Segment* segment = segments_.Get(entry.id);
    Result<uint64_t> size = segment->file->Size();
    if (!size.ok()) return size.status();
    segment->data_end = size.value();
    const bool covered = known != nullptr && vlog::Covers(*known, entry);
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
    for (const vlog::LooseEnd& loose : replay.end(lane).loose) loose_.push_back(loose);
  }
  std::set<const Segment*> goes_on;  // the log, in those
  for (uint32_t lane = 0; options.last_epoch && lane < manifest_.lanes; ++lane) {
    const LaneEnd& end = replay.end(lane);
    if (end.active == nullptr) continue;
    goes_on.insert(end.active);
    goes_on.insert(end.next);
  }
  for (const SegmentEntry& entry : manifest_.segments) {
    Segment* segment = segments_.Get(entry.id);
    if (entry.epoch == epoch && goes_on.count(segment) == 0) segment->Become(SegmentState::kSealed);
  }
  if (!options.last_epoch) return Status();
  for (uint32_t lane = 0; lane < manifest_.lanes; ++lane) {
    const LaneEnd& end = (*ends)[lane] = replay.end(lane);
    if (end.active == nullptr) continue;
    // What lies behind the next segment is empty, too, and would only be in the way of the segments
    // to come.
    const uint32_t last = end.next != nullptr ? end.next->id : end.active->id;
    for (const SegmentEntry& entry : manifest_.segments) {
      if (entry.epoch == epoch && entry.lane == lane && entry.before == 0 && entry.id > last)
        surplus_.insert(entry.id);
    }
  }
  return Status();
}

// What the checkpoints that the manifest names cover. Those that are no good are given up for good:
// what they name may be removed from now on.
void VlogEngine::ReadRetained() {
  retained_.clear();
  std::erase_if(manifest_.checkpoints, [this](const vlog::CheckpointEntry& entry) {
    if (std::find(unusable_.begin(), unusable_.end(), entry.id) != unusable_.end()) return true;
    Result<vlog::CheckpointInfo> info =
        vlog::ReadCheckpointInfo(disk_, vlog::CheckpointPath(options_.dir, entry.id));
    if (!info.ok()) return true;
    retained_.push_back(std::move(info.value()));
    return false;
  });
  unusable_.clear();
}

// Returns how many expired keys stay in the index, for the sweep.
uint64_t VlogEngine::DropExpired() {
  uint64_t stay = 0;
  const uint64_t now_ms = tuning_.clock->WallMillis();
  std::vector<std::string> keys;
  for (uint32_t shard = 0; shard < kShardCount && StoppedOpen().ok(); ++shard) {
    shards_[shard].ForEach([&](uint16_t, Art& tree) {
      if (!tree.MayHaveExpired(now_ms + 999)) return;
      keys.clear();
      tree.Scan({}, [&](std::string_view key, Pointer& pointer, uint64_t expire_at_ms) {
        if (expire_at_ms == 0 || expire_at_ms > now_ms) return true;
        // If only another record knows the time, a delete has to be written: the sweep does that.
        if ((pointer.flags & Pointer::kExpiryExternal) == 0) {
          keys.emplace_back(key);
        } else {
          ++stay;
        }
        return true;
      });
      for (const std::string& key : keys) {
        Pointer old;
        if (!tree.Erase(key, &old)) continue;
        segments_.Get(old.segment_id)->owes_deletes = true;
        Retire(old);
      }
    });
  }
  return stay;
}

uint64_t VlogEngine::CountKeys() {
  uint64_t keys = 0;
  for (uint32_t shard = 0; shard < kShardCount; ++shard) {
    shards_[shard].ForEach([&](uint16_t number, Art& tree) {
      counts_[number].keys.fetch_add(tree.size(), std::memory_order_relaxed);
      counts_[number].expiring.fetch_add(tree.expiring(), std::memory_order_relaxed);
      keys += tree.size();
    });
  }
  return keys;
}

// ---- the ends of the lanes ----

// After a crash: makes durable for good what replay has accepted, and marks where it has cut. What
// it leaves behind is whole for every later start, whatever lanes, block and file system that one
// has: format.md, "Making the end fit to go on from". Until all lanes are cut, the manifest names
// every segment that a part of a transaction may lie in.
Status VlogEngine::Secure(std::vector<LaneEnd>* ends, bool was_clean) {
  for (const vlog::LooseEnd& loose : loose_) {
    Status status = SealLoose(loose);
    if (!status.ok()) return status;
  }
  loose_.clear();
  for (uint32_t lane = 0; lane < ends->size(); ++lane) {
    LaneEnd& end = (*ends)[lane];
    if (!was_clean) {
      Status status = RewriteTail(end, lane);
      if (!status.ok()) return status;
    }
    if (end.active == nullptr) continue;
    if (end.cut) {
      Status status = AppendBlocks(&end, true, false);
      if (!status.ok()) return status;
    }
    if (Outdated(*end.active)) {
      Status status = SealLane(&end);
      if (!status.ok()) return status;
    } else if (end.next != nullptr && Outdated(*end.next)) {
      surplus_.insert(end.next->id);
      end.next = nullptr;
    }
  }
  return Status();
}

// The log goes on in a new segment: this one was made for smaller blocks than the device's, or by a
// server with an older format.
bool VlogEngine::Outdated(const Segment& segment) {
  return segment.version < vlog::kFormatVersion || DeviceBlock(segment) > segment.block_bytes;
}

// Ends the log of a lane with a trailer; what was to come behind it is not needed.
Status VlogEngine::SealLane(LaneEnd* end) {
  Status status = AppendBlocks(end, false, true);
  if (!status.ok()) return status;
  (void)end->active->file->Truncate(end->active->data_end);  // best effort
  if (end->next != nullptr) surplus_.insert(end->next->id);
  end->active = end->next = nullptr;
  return status;
}

// Segments keep their block for life; what is written must be whole blocks of the device.
uint64_t VlogEngine::DeviceBlock(const Segment& segment) {
  return std::max<uint64_t>(segment.block_bytes, segment.file->alignment().offset);
}

// The last commits may have reached only the device's cache, or come from writes whose sync failed.
// They count from now on, so they are written once more, the same bytes to the same place, and
// synced.
Status VlogEngine::RewriteTail(const LaneEnd& end, uint32_t lane) {
  if (end.end == 0) return Status();
  for (const SegmentEntry& entry : manifest_.segments) {
    if (entry.epoch != manifest_.epoch || entry.lane != lane || entry.before != 0 ||
        entry.id > SegmentOf(end.end) || (end.proven != 0 && entry.id < SegmentOf(end.proven))) {
      continue;
    }
    Segment* segment = segments_.Get(entry.id);
    uint64_t from = segment->block_bytes;
    if (SegmentOf(end.proven) == entry.id)
      from = std::max(from, AlignUp(OffsetOf(end.proven), segment->block_bytes));
    Result<uint64_t> size = segment->file->Size();
    if (!size.ok()) return size.status();
    uint64_t to = size.value();
    if (SegmentOf(end.end) == entry.id) {
      to = std::min(to,
                    AlignUp(OffsetOf(end.end), segment->block_bytes) + 2 * DeviceBlock(*segment));
    }
    Status status = RewriteRange(segment, from, to);
    if (!status.ok()) return status;
  }
  return Status();
}

// The device's blocks that hold the range. A file that ends within one gets zeros behind its end.
Status VlogEngine::RewriteRange(Segment* segment, uint64_t from, uint64_t to) {
  const uint64_t block = DeviceBlock(*segment);
  from = AlignDown(from, block);
  to = AlignUp(to, block);
  vlog::AlignedBuffer buffer = vlog::NewAligned(vlog::kWindowBytesMax);
  while (from < to) {
    const uint64_t bytes = std::min(vlog::kWindowBytesMax, to - from);
    Result<size_t> got = segment->file->ReadAt(from, buffer.get(), bytes);
    if (!got.ok()) return got.status();
    if (got.value() == 0) break;
    const uint64_t whole = AlignUp(got.value(), block);
    std::memset(buffer.get() + got.value(), 0, whole - got.value());
    Status status = segment->file->WriteAt(from, buffer.get(), whole);
    if (!status.ok()) return status;
    from += whole;
  }
  return segment->file->Sync();
}

// Writes and syncs a part of a segment. What shares a block of the device with it is written once
// more, the same bytes: torn, it is as it was.
Status VlogEngine::WritePart(Segment* segment, uint64_t from, const char* data, uint64_t bytes) {
  const uint64_t block = DeviceBlock(*segment);
  const uint64_t start = AlignDown(from, block);
  const uint64_t end = AlignUp(from + bytes, block);
  vlog::AlignedBuffer buffer = vlog::NewAligned(end - start);
  uint64_t known = 0;
  if (end - start != bytes) {
    Result<size_t> got = segment->file->ReadAt(start, buffer.get(), end - start);
    if (!got.ok()) return got.status();
    known = got.value();
  }
  std::memset(buffer.get() + known, 0, end - start - known);
  std::memcpy(buffer.get() + (from - start), data, bytes);
  Status status = segment->file->WriteAt(start, buffer.get(), end - start);
  return status.ok() ? segment->file->Sync() : status;
}

// Survivors that a crash ended: what replay has accepted is made durable for good, and sealed.
Status VlogEngine::SealLoose(const vlog::LooseEnd& loose) {
  Segment* segment = loose.segment;
  const uint64_t from = SegmentOf(loose.proven) == segment->id
                            ? AlignUp(OffsetOf(loose.proven), segment->block_bytes)
                            : segment->block_bytes;
  Status status = RewriteRange(segment, from, std::max(from, loose.tail));
  if (!status.ok()) return status;
  LaneEnd end;
  end.active = segment;
  end.tail = loose.tail;
  end.end = loose.end;
  end.chain = loose.chain;
  end.records = loose.records;
  status = AppendBlocks(&end, false, true);
  if (!status.ok()) return status;
  if (loose.end != 0) segment->proven.store(OffsetOf(loose.end));
  (void)segment->file->Truncate(segment->data_end);  // best effort
  return status;
}

// Appends to a lane that is not running: an empty commit (which says where the log went on from), a
// trailer, or both.
Status VlogEngine::AppendBlocks(LaneEnd* end, bool commit, bool trailer) {
  Segment* segment = end->active;
  const uint64_t block = segment->block_bytes;
  std::string image(2 * block, '\0');
  const uint64_t from = end->tail;
  RecordHeader header = {};
  header.incarnation = shared_.incarnation;
  header.segment_id = segment->id;
  uint64_t bytes = 0;
  if (commit) {
    header.type = static_cast<uint8_t>(RecordType::kCommit);
    header.value_bytes =
        segment->version < 3 ? vlog::kCommitPayload2Bytes : sizeof(vlog::CommitPayload);
    const uint64_t commit_bytes = vlog::BytesOf(header);
    const vlog::CommitPayload payload = {commit_bytes, end->end, end->end, end->next_unit};
    const uint32_t crc =
        vlog::EncodeRecord(image.data(), vlog::CrcSeed(end->tail, segment->salt), header, 0, {},
                           {reinterpret_cast<const char*>(&payload), header.value_bytes});
    end->end = LogPosition(segment->id, end->tail + commit_bytes);
    end->chain = Crc32cExtend(end->chain, &crc, sizeof(crc));
    end->records += 1;
    end->tail += block;
    bytes += block;
  }
  if (trailer) {
    header.type = static_cast<uint8_t>(RecordType::kTrailer);
    header.value_bytes = sizeof(vlog::TrailerPayload);
    const bool has_data = end->end != 0 && SegmentOf(end->end) == segment->id;
    const vlog::TrailerPayload payload = {
        has_data ? OffsetOf(end->end) : block, end->chain_whole ? end->records : 0,
        end->chain_whole ? end->chain : 0, end->chain_whole ? 0u : 1u};
    vlog::EncodeRecord(image.data() + bytes, vlog::CrcSeed(end->tail, segment->salt), header, 0, {},
                       {reinterpret_cast<const char*>(&payload), sizeof(payload)});
    end->tail += block;
    bytes += block;
    segment->data_end = end->tail;
    if (!segment->sealed()) segment->Become(SegmentState::kSealed);  // survivors are already
  }
  Status status;
  // What is cut off may have been durable, being part of a transaction. Torn, it would be damage:
  // it stays whole until the commit is there, which takes a single sector.
  if (commit && bytes > vlog::kBlockBytesMin)
    status = WritePart(segment, from, image.data(), vlog::kBlockBytesMin);
  return status.ok() ? WritePart(segment, from, image.data(), bytes) : status;
}

}  // namespace cairn
