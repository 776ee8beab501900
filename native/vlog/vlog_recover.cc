// Recovery: the log of all epochs replayed into the index, and the ends of the lanes made fit to go
// on from.
#include <algorithm>
#include <cstring>
#include <thread>

#include "base/check.h"
#include "base/clock.h"
#include "vlog/replay_index.h"
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

 protected:
  void OnAdded(const Pointer& pointer) override {
    engine_.segments_.Get(pointer.segment_id)
        ->live_bytes.fetch_add(pointer.length, std::memory_order_relaxed);
  }
  void OnRemoved(const Pointer& pointer) override { engine_.Retire(pointer); }

 private:
  VlogEngine& engine_;
};

Status VlogEngine::ReplayAll(RecoveryReport* report, std::vector<LaneEnd>* ends) {
  swap_sequence_ = manifest_.swap_sequence;
  for (const vlog::TreeEntry& entry : manifest_.trees) {
    if (entry.ns < kDatabasesMax && entry.tree < kDatabasesMax)
      tree_of_[entry.ns].store(entry.tree);
  }
  ends->assign(manifest_.lanes, LaneEnd());
  for (uint32_t epoch : vlog::EpochsOf(manifest_)) {
    Status status = ReplayEpoch(epoch, report, ends);
    if (!status.ok()) return status;
  }
  report->segments = static_cast<uint32_t>(manifest_.segments.size());
  return Status();
}

Status VlogEngine::ReplayEpoch(uint32_t epoch, RecoveryReport* report, std::vector<LaneEnd>* ends) {
  vlog::ReplayOptions options;
  options.salvage = options_.salvage;
  options.last_epoch = epoch == manifest_.epoch;
  options.lanes = options.last_epoch ? manifest_.lanes : 1;
  if (options.last_epoch && manifest_.clean) options.clean_ends = manifest_.clean_ends;
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
  if (options.clean_ends.size() != options.lanes) options.clean_ends.clear();
  const uint32_t cores = std::max(1u, std::thread::hardware_concurrency());
  options.threads = tuning_.recovery_threads != 0 ? tuning_.recovery_threads
                                                  : std::min(cores, kRecoveryThreadsMax);
  options.window_bytes = vlog::WindowBytes(options.lanes);
  RecoverySink sink(this);
  vlog::Replay replay(options, &sink);
  for (const SegmentEntry& entry : manifest_.segments) {
    if (entry.epoch != epoch) continue;
    Segment* segment = segments_.Get(entry.id);
    Result<uint64_t> size = segment->file->Size();
    if (!size.ok()) return size.status();
    replay.AddSegment(entry.lane, segment, size.value());
    segment->data_end = size.value();
  }
  Status status = replay.Run();
  report->records += replay.records();
  report->bytes += replay.bytes();
  for (const TornTail& torn : replay.torn_tails()) report->torn_tails.push_back(torn);
  for (const std::string& damage : replay.damage()) report->damage.push_back(damage);
  if (!status.ok()) return status;
  for (const SegmentEntry& entry : manifest_.segments) {
    if (entry.epoch == epoch) segments_.Get(entry.id)->sealed = true;
  }
  if (!options.last_epoch) return Status();
  for (uint32_t lane = 0; lane < manifest_.lanes; ++lane) {
    const LaneEnd& end = (*ends)[lane] = replay.end(lane);
    if (end.active == nullptr) continue;
    end.active->sealed = false;
    if (end.next != nullptr) end.next->sealed = false;
    // What lies behind the next segment is empty, too, and would only be in the way of the segments
    // to come.
    std::erase_if(manifest_.segments, [&](const SegmentEntry& entry) {
      const uint32_t last = end.next != nullptr ? end.next->id : end.active->id;
      return entry.epoch == epoch && entry.lane == lane && entry.id > last;
    });
  }
  return Status();
}

void VlogEngine::DropExpired() {
  const uint64_t now_ms = WallMillis();
  std::vector<std::string> keys;
  for (uint32_t shard = 0; shard < kShardCount; ++shard) {
    shards_[shard].ForEach([&](uint16_t, Art& tree) {
      if (!tree.MayHaveExpired(now_ms)) return;
      keys.clear();
      tree.Scan({}, [&](std::string_view key, Pointer&, uint64_t expire_at_ms) {
        if (expire_at_ms != 0 && expire_at_ms <= now_ms) keys.emplace_back(key);
        return true;
      });
      for (const std::string& key : keys) {
        Pointer old;
        if (tree.Erase(key, &old)) Retire(old);
      }
    });
  }
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

// After a crash: makes durable for good what replay has accepted, and marks where it has cut.
Status VlogEngine::Secure(std::vector<LaneEnd>* ends, bool was_clean) {
  for (uint32_t lane = 0; lane < ends->size(); ++lane) {
    LaneEnd& end = (*ends)[lane];
    if (!was_clean) {
      Status status = RewriteTail(end, lane);
      if (!status.ok()) return status;
    }
    if (end.active == nullptr) continue;
    // A device with larger blocks than the segment was made for: go on in a new one.
    if (end.active->file->alignment().offset > end.active->block_bytes) {
      end.active->sealed = true;
      end.active = end.next = nullptr;
      continue;
    }
    if (!end.cut) continue;
    Status status = AppendBlocks(&end, true, false);
    if (!status.ok()) return status;
  }
  return Status();
}

// The last commits may have reached only the device's cache, or come from writes whose sync failed.
// They count from now on, so they are written once more, the same bytes to the same place, and
// synced.
Status VlogEngine::RewriteTail(const LaneEnd& end, uint32_t lane) {
  if (end.end == 0) return Status();
  for (const SegmentEntry& entry : manifest_.segments) {
    if (entry.epoch != manifest_.epoch || entry.lane != lane || entry.id > SegmentOf(end.end) ||
        (end.proven != 0 && entry.id < SegmentOf(end.proven))) {
      continue;
    }
    Segment* segment = segments_.Get(entry.id);
    const uint64_t block = std::max(segment->block_bytes, segment->file->alignment().offset);
    uint64_t from = segment->block_bytes;
    if (SegmentOf(end.proven) == entry.id)
      from = std::max(from, AlignUp(OffsetOf(end.proven), segment->block_bytes));
    Result<uint64_t> size = segment->file->Size();
    if (!size.ok()) return size.status();
    uint64_t to = AlignDown(size.value(), block);
    if (SegmentOf(end.end) == entry.id)
      to = std::min(to, AlignUp(OffsetOf(end.end), segment->block_bytes) + 2 * block);
    from = AlignDown(from, block);
    to = AlignDown(to, block);
    vlog::AlignedBuffer buffer = vlog::NewAligned(vlog::kWindowBytesMax);
    while (from < to) {
      const uint64_t bytes = std::min(vlog::kWindowBytesMax, to - from);
      Result<size_t> got = segment->file->ReadAt(from, buffer.get(), bytes);
      if (!got.ok()) return got.status();
      if (got.value() != bytes) break;
      Status status = segment->file->WriteAt(from, buffer.get(), bytes);
      if (!status.ok()) return status;
      from += bytes;
    }
    Status status = segment->file->Sync();
    if (!status.ok()) return status;
  }
  return Status();
}

// Appends to a lane that is not running: an empty commit (which says where the log went on from), a
// trailer, or both.
Status VlogEngine::AppendBlocks(LaneEnd* end, bool commit, bool trailer) {
  Segment* segment = end->active;
  const uint64_t block = segment->block_bytes;
  vlog::AlignedBuffer buffer = vlog::NewAligned(2 * block);
  std::memset(buffer.get(), 0, 2 * block);
  const uint64_t from = end->tail;
  RecordHeader header = {};
  header.incarnation = shared_.incarnation;
  header.segment_id = segment->id;
  uint64_t bytes = 0;
  if (commit) {
    header.type = static_cast<uint8_t>(RecordType::kCommit);
    header.value_bytes = sizeof(vlog::CommitPayload);
    const vlog::CommitPayload payload = {vlog::kCommitRecordBytes, end->end, end->end};
    const uint32_t crc =
        vlog::EncodeRecord(buffer.get(), vlog::CrcSeed(end->tail, segment->salt), header, 0, {},
                           {reinterpret_cast<const char*>(&payload), sizeof(payload)});
    end->end = LogPosition(segment->id, end->tail + vlog::kCommitRecordBytes);
    end->chain = Crc32cExtend(end->chain, &crc, sizeof(crc));
    end->records += 1;
    end->tail += block;
    bytes += block;
  }
  if (trailer) {
    header.type = static_cast<uint8_t>(RecordType::kTrailer);
    header.value_bytes = sizeof(vlog::TrailerPayload);
    const bool has_data = end->end != 0 && SegmentOf(end->end) == segment->id;
    const vlog::TrailerPayload payload = {has_data ? OffsetOf(end->end) : block, end->records,
                                          end->chain, 0};
    vlog::EncodeRecord(buffer.get() + bytes, vlog::CrcSeed(end->tail, segment->salt), header, 0, {},
                       {reinterpret_cast<const char*>(&payload), sizeof(payload)});
    end->tail += block;
    bytes += block;
    segment->sealed = true;
    segment->data_end = end->tail;
  }
  Status status = segment->file->WriteAt(from, buffer.get(), bytes);
  if (status.ok()) status = segment->file->Sync();
  return status;
}

}  // namespace cairn
