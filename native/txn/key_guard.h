// KeyGuard: tells a command that goes in slices whether the key it goes through has been changed
// since, by the means of WATCH. Kept in the command's Progress, and so made and destroyed by its
// reactor, when no latch is held: it takes the key's when it goes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/latch.h"
#include "base/slot.h"
#include "txn/watch.h"

namespace cairn {

class KeyGuard {
 public:
  // Somebody may change the key all the time: a command that has begun anew so often goes on to its
  // end in one pass.
  static constexpr uint32_t kTriesMax = 8;

  KeyGuard() = default;
  ~KeyGuard() {
    if (state_ == nullptr) return;
    LatchGuard latched(engine_->ShardLatch(shard_));
    Forget();
  }
  KeyGuard(const KeyGuard&) = delete;
  KeyGuard& operator=(const KeyGuard&) = delete;

  // From now on; again: from now on anew. [latched: the key's shard]
  void Begin(Engine* engine, WatchTable* table, uint16_t db, std::string_view key) {
    Forget();
    engine_ = engine;
    table_ = table;
    db_ = db;
    shard_ = ShardOf(key);
    key_.assign(key);
    state_ = std::make_shared<WatchState>();
    table_->Add(shard_, db_, key_, false, state_);
  }
  // [latched: the key's shard]
  bool broken() const { return state_ != nullptr && state_->dirty.load(std::memory_order_relaxed); }

 private:
  void Forget() {
    if (state_ != nullptr) table_->Remove(shard_, db_, key_, state_.get());
    state_.reset();
  }

  Engine* engine_ = nullptr;
  WatchTable* table_ = nullptr;
  uint16_t db_ = 0;
  uint16_t shard_ = 0;
  std::string key_;
  std::shared_ptr<WatchState> state_;  // null: nothing is guarded
};

}  // namespace cairn
