// Figures of the engine.
#include <algorithm>
#include <map>

#include "base/clock.h"
#include "vlog/vlog_engine.h"

namespace cairn {

using vlog::Art;
using vlog::Pointer;

void VlogEngine::Stats(VlogStats* out) const {
  *out = VlogStats();
  out->segments_recycled = space_.recycled();
  out->spare_segments = space_.spare_count();
  out->spare_bytes = space_.spare_bytes();
  for (uint32_t shard = 0; shard < kShardCount; ++shard) {
    LatchGuard guard(latches_[shard].latch);
    Shard(shard).ForEach([&](uint16_t, Art& tree) { out->index_bytes += tree.bytes(); });
    out->cache_entries += cache_->records(shard);
    out->wal_ring_reads += Shard(shard).ring_reads;
  }
  out->cache_bytes = cache_->bytes();
  out->cache_ghost_bytes = cache_->ghost_bytes();
  out->cache_evictions = cache_->evictions();
  out->checksum_errors = checksum_errors_.load(std::memory_order_relaxed);
  for (uint32_t i = 0; i < kReactorsMax; ++i) {
    const Reactor& reactor = reactors_[i];
    // In this order, so that no read is done that had not begun.
    const uint64_t done = reactor.disk_reads_done.load(std::memory_order_acquire);
    const uint64_t begun = reactor.disk_reads.load(std::memory_order_relaxed);
    out->disk_reads += begun;
    out->disk_reads_in_flight += begun - done;
    out->disk_read_nanos += reactor.disk_read_nanos.load(std::memory_order_relaxed);
    out->disk_read_bytes += reactor.disk_read_bytes.load(std::memory_order_relaxed);
    out->user_bytes += reactor.user_bytes.load(std::memory_order_relaxed);
    for (uint32_t bucket = 0; bucket < Log2Histogram::kBuckets; ++bucket) {
      out->read_nanos.counts[bucket] += reactor.read_nanos[bucket].load(std::memory_order_relaxed);
    }
    const IoQueue* queue = reactor.queue.load(std::memory_order_acquire);
    if (queue != nullptr && out->io_backend.empty()) out->io_backend = queue->name();
  }
  out->read_nanos.sum = out->disk_read_nanos;
  out->durable_write_method = disk_->DurableWriteMethod();
  out->free_bytes = space_.free_bytes();
  out->read_errors = IoErrors::All().reads() - read_errors_before_;
  out->write_errors = IoErrors::All().writes() - write_errors_before_;
  out->save = Saves();
  out->lanes.resize(lanes_.size());
  for (uint32_t id = 0; id < lanes_.size(); ++id) lanes_[id]->AddStats(&out->lanes[id], out);
  gc_.AddStats(out);
  AddSegmentStats(out);
}

// Keys are spread over shards by a hash, so some shards tell about all.
uint64_t VlogEngine::MeanTtlMillis(uint16_t ns, uint64_t now_ms) const {
  constexpr uint32_t kSampledShards = 64;
  const uint16_t number = TreeOf(ns);
  const uint64_t random = MonotonicNanos();
  double ttl_ms = 0;
  double count = 0;
  for (uint32_t i = 0, sampled = 0; i < kShardCount && sampled < kSampledShards; ++i) {
    const auto shard = static_cast<uint32_t>((random + i) % kShardCount);
    LatchGuard guard(latches_[shard].latch);
    const Art* tree = Shard(shard).Tree(number);
    if (tree == nullptr || tree->expiring() == 0) continue;
    ++sampled;
    tree->SampleTtl(now_ms, random + i, &ttl_ms, &count);
  }
  return count == 0 ? 0 : static_cast<uint64_t>(ttl_ms / count);
}

std::string VlogEngine::CheckAccountsForTest() {
  DeleteFlushedTrees(UINT64_MAX);
  std::map<uint32_t, uint64_t> live;
  std::string wrong;
  for (uint32_t shard = 0; shard < kShardCount; ++shard) {
    LatchGuard guard(latches_[shard].latch);
    Shard(shard).ForEach([&](uint16_t number, Art& tree) {
      tree.Scan({}, [&](std::string_view key, Pointer& pointer, uint64_t expire_at_ms) {
        live[pointer.segment_id] += pointer.length;
        if (segments_.Get(pointer.segment_id) == nullptr)
          wrong += "a key of tree " + std::to_string(number) + " lies in a segment that is gone; ";
        if (vlog::ShardIn(number, key) != shard) wrong += "a key is in another shard's tree; ";
        if (pointer.has_expiry() != (expire_at_ms != 0)) wrong += "an expiry bit is wrong; ";
        return true;
      });
    });
  }
  std::lock_guard<std::mutex> lock(catalog_.mutex());
  for (const vlog::SegmentEntry& entry : catalog_.ManifestLocked().segments) {
    const vlog::Segment* segment = segments_.Get(entry.id);
    if (segment == nullptr || segment->live_bytes.load() == live[entry.id]) continue;
    wrong += "segment " + std::to_string(entry.id) + " counts " +
             std::to_string(segment->live_bytes.load()) + " live bytes, there are " +
             std::to_string(live[entry.id]) + "; ";
  }
  constexpr uint64_t kStep = 256u << 10;  // one record and what it displaces
  if (cache_->bytes() > cache_->budget() + kStep)
    wrong += "the cache holds " + std::to_string(cache_->bytes()) + " bytes of " +
             std::to_string(cache_->budget()) + "; ";
  return wrong;
}

// Segments of earlier epochs, when there were more lanes or fewer, are counted with today's lanes.
void VlogEngine::AddSegmentStats(VlogStats* out) const {
  std::lock_guard<std::mutex> lock(catalog_.mutex());  // keeps listed segments alive
  for (const vlog::SegmentEntry& entry : catalog_.ManifestLocked().segments) {
    const vlog::Segment* segment = segments_.Get(entry.id);
    if (segment == nullptr) continue;
    out->block_bytes = std::max(out->block_bytes, segment->block_bytes);
    const uint32_t id = entry.lane % static_cast<uint32_t>(lanes_.size());
    LaneStats& lane = out->lanes[id];
    const uint64_t live = segment->live_bytes.load(std::memory_order_relaxed);
    const uint64_t used = catalog_.UsedBytes(*segment);
    lane.segments += 1;
    lane.live_bytes += live;
    lane.log_bytes += used;
    out->log_live_bytes += live;
    out->log_bytes += used;
    LatchGuard guard(lanes_[id]->latch());
    lane.disk_bytes += segment->sealed() ? segment->data_end : segment->room_end;
    if (!segment->sealed()) {
      out->segments_active += 1;
    } else if (segment->survivors()) {
      out->segments_survivors += 1;
    } else {
      out->segments_sealed += 1;
    }
  }
}

}  // namespace cairn
