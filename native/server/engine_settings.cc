// What an operator sets about the engine while it runs. The engine forgets it when it is closed: a
// reload gives it back. The engine is never called with mutex_ held: it may be about to call us.
#include "server/server.h"

namespace cairn {

EngineOptions Server::LiveEngineOptions() {
  EngineOptions options = options_.engine;
  options.fsync = shared_.options.fsync.load();
  options.cache_bytes = cache_bytes_max();
  options.stop = nullptr;  // a reload ends: clients wait for it, and the log has just been closed
  std::lock_guard<std::mutex> guard(mutex_);
  options.gc_mode = gc_.mode;
  options.gc_iops = gc_.iops;
  options.gc_max_parallel = gc_.max_parallel;
  options.gc_space_amplification = gc_.space_amplification;
  options.min_free_bytes = gc_.min_free_bytes;
  return options;
}

void Server::RestoreGc() {
  GcSettings gc;
  {
    std::lock_guard<std::mutex> guard(mutex_);
    gc = gc_;
  }
  for (const auto& [lane, mode] : gc.lanes) engine_->SetGcMode(lane, mode);
  engine_->PauseGc(gc.paused);
}

void Server::SetFsyncPolicy(FsyncPolicy policy) {
  engine_->SetFsyncPolicy(policy);
  shared_.options.fsync.store(policy);
  // Replies that were gated under the old policy still wait for a sync.
  for (auto& reactor : reactors_) reactor->Post([](Reactor* self) { self->RequestSync(); });
}

void Server::SetCacheBytes(uint64_t bytes) {
  cache_bytes_max_.store(bytes);
  engine_->SetCacheBytes(bytes);
}

void Server::SetGcMode(uint32_t lane, GcMode mode) {
  {
    std::lock_guard<std::mutex> guard(mutex_);
    if (lane == Engine::kAllLanes) {
      gc_.mode = mode;
      gc_.lanes.clear();
    } else {
      gc_.lanes[lane] = mode;
    }
  }
  engine_->SetGcMode(lane, mode);
}

void Server::SetGcIops(uint32_t iops) {
  SetGcLimit([iops](GcSettings* gc) { gc->iops = iops; });
}

void Server::SetGcMaxParallel(uint32_t segments) {
  SetGcLimit([segments](GcSettings* gc) { gc->max_parallel = segments; });
}

void Server::SetGcSpaceAmplification(uint32_t percent) {
  SetGcLimit([percent](GcSettings* gc) { gc->space_amplification = percent; });
}

void Server::SetGcLimit(const std::function<void(GcSettings*)>& change) {
  GcSettings gc;
  {
    std::lock_guard<std::mutex> guard(mutex_);
    change(&gc_);
    gc = gc_;
  }
  engine_->SetGcLimits(gc.iops, gc.max_parallel, gc.space_amplification);
}

void Server::PauseGc(bool pause) {
  {
    std::lock_guard<std::mutex> guard(mutex_);
    gc_.paused = pause;
  }
  engine_->PauseGc(pause);
}

void Server::SetMinFreeBytes(uint64_t bytes) {
  {
    std::lock_guard<std::mutex> guard(mutex_);
    gc_.min_free_bytes = bytes;
  }
  engine_->SetMinFreeBytes(bytes);
}

}  // namespace cairn
