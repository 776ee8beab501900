// What the engine shows to garbage collection; see vlog/gc/gc_host.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vlog/gc/gc_host.h"
#include "vlog/vlog_engine.h"

namespace cairn {

class VlogEngine::GcSource final : public vlog::GcHost {
 public:
  explicit GcSource(VlogEngine* engine) : engine_(*engine) {}

  Latch& LatchOf(uint16_t shard) override { return engine_.latches_[shard].latch; }
  vlog::ShardIndex& Shard(uint16_t shard) override { return engine_.Shard(shard); }
  void DropEntry(uint16_t tree, uint16_t shard, std::string_view key) override {
    engine_.DropEntry(tree, shard, key);
  }
  uint64_t RecordsSoFar() const override { return engine_.RecordsSoFar(); }
  bool BeingIndexed(uint32_t segment_id) const override {
    for (uint32_t i = 0; i < kReactorsMax; ++i) {
      const auto& staged_in = engine_.reactors_[i].staged_in;
      if (staged_in.load(std::memory_order_acquire) == segment_id) return true;
    }
    return false;
  }
  bool FlushedTreesLeft() override { return engine_.FlushedTreesLeft(); }
  void LookAtTrees(uint64_t* swap_sequence, std::vector<vlog::TreeEntry>* trees) override {
    engine_.LookAtTrees(swap_sequence, trees);
  }
  void CountDamage() override { engine_.checksum_errors_.fetch_add(1, std::memory_order_relaxed); }
  void WakeMaintenance() override { engine_.WakeMaintenance(); }
  void Notice(const std::string& text) override { engine_.Notice(text); }
  void At(vlog::GcPoint point) override { engine_.At(point); }

 private:
  VlogEngine& engine_;
};

}  // namespace cairn
