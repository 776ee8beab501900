// What the engine shows to whoever writes checkpoints; see vlog/checkpoint/checkpointer.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vlog/checkpoint/checkpointer.h"
#include "vlog/vlog_engine.h"

namespace cairn {

class VlogEngine::CheckpointSource final : public vlog::CheckpointHost {
 public:
  explicit CheckpointSource(VlogEngine* engine) : engine_(*engine) {}

  uint64_t Keys() const override;
  vlog::LogAmount LogSoFar() const override;
  bool AnyLaneStopped() const override;
  Removals RemovalsKept() override;
  bool NewestIsOfNow() override;

  vlog::LogAmount Begin(vlog::CheckpointInfo* info) override;
  std::vector<uint16_t> TreesOf(uint16_t shard) override;
  bool Walk(uint16_t shard, uint16_t tree, std::string* from, vlog::CheckpointWriter* out) override;
  void LookAtTrees(uint64_t* swap_sequence, std::vector<vlog::TreeEntry>* trees) override;
  std::vector<uint64_t> StagedEnds() const override;
  bool Durable(const std::vector<uint64_t>& ends, Status* status) override;
  Status Name(const vlog::CheckpointInfo& info, std::vector<uint32_t>* old) override;
  void End() override;

  void IsolateThread() override { engine_.gc_.IsolateThread(GcMode::kLazy); }
  void WakeMaintenance() override { engine_.WakeMaintenance(); }
  void Notice(const std::string& text) override { engine_.Notice(text); }

 private:
  VlogEngine& engine_;
};

}  // namespace cairn
