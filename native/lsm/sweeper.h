// The sweeper reads the expiry index ahead: which keys are due, soonest first, with their values
// brought into memory, so that whoever deletes them (the transaction layer, under the latch) need
// not read anything.
//
//   expiry index of each namespace -> due keys, by shard (at most kDueMax) -> SweepExpired
//
// A pass goes on where the last one ended; now and then one begins at the front, for what was due
// and not deleted, and for a clock that was set back.
//
// Threads: one of its own. The lists of a shard are guarded by its latch.
#pragma once

#include <rocksdb/db.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/latch.h"
#include "base/slot.h"
#include "base/threads.h"
#include "lsm/namespaces.h"

namespace cairn::lsm {

class Sweeper {
 public:
  static constexpr size_t kDueMax = 16384;
  static constexpr uint64_t kPassMillis = 100;
  static constexpr uint64_t kFromFrontMillis = 30'000;

  struct Due {
    uint32_t collection = 0;
    uint64_t expire_at_ms = 0;
    std::string key;
  };
  struct Parts {
    rocksdb::DB* db = nullptr;
    const Namespaces* namespaces = nullptr;
    std::function<Latch&(uint32_t shard)> latch;
    // An entry of the index that stands for no key's expiry any more. No latch is held.
    std::function<void(const Due& due, uint16_t shard)> stale;
    bool verify_checksums = true;
  };

  ~Sweeper() { Stop(); }
  // False: the system refuses the thread.
  bool Start(Parts parts);
  void Stop();

  // Until a pass from the front that begins now has ended.
  void AwaitPassForTest(uint64_t now_ms);
  // Somebody wants to know what has expired by then.
  void Want(uint64_t now_ms);
  // Due keys of a shard, in any order; who takes some away says so. [latched]
  std::vector<Due>& due(uint16_t shard) { return due_[shard]; }
  void Took(size_t count) { waiting_.fetch_sub(count, std::memory_order_relaxed); }

 private:
  void Work();
  void Pass(uint64_t until_ms, bool from_front);
  void ScanNamespace(uint16_t ns, uint64_t until_ms, std::string* cursor);
  void DropForeign();

  Parts parts_;
  Threads thread_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  uint64_t passes_ = 0;
  bool from_front_ = true;  // the next pass
  std::atomic<bool> wanted_{false};
  std::atomic<uint64_t> now_ms_{0};
  std::atomic<size_t> waiting_{0};  // in all lists
  std::vector<std::vector<Due>> due_ = std::vector<std::vector<Due>>(kShardCount);
  std::map<uint32_t, std::string> cursors_;  // by collection: where the next pass begins
};

}  // namespace cairn::lsm
