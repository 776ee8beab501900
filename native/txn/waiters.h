// Waiters: commands that have nothing to answer yet and wait until somebody writes to one of their
// keys (BLPOP, BZPOPMIN, XREAD BLOCK).
//
//   BLPOP a b 0    handler: txn.WaitFor({a, b}, ...)    pass: still latched, Place
//   LPUSH a x      handler, and then in the same pass, before its commit, the handlers of those who
//                  wait for what it writes, in the order in which they came, as long as there is
//                  something; Claim; commit; Settle
//
// So push and pop are one unit: nobody comes in between, what a waiter is given is sent or stays,
// and a pass that is thrown away has served nobody. Whoever claims a waiter answers it. Its own
// reactor, which gives it up when its time is over, or its client has gone, claims it as well; who
// comes second lets go.
//
// The table is per shard, guarded by that shard's latch; waiting() is a cheap relaxed check that
// lets writers pass when nobody waits. A waiter's state may be looked at and claimed by any thread;
// all else of it stays as it was placed.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/engine.h"
#include "txn/watch.h"

namespace cairn {

// What a handler asks for (Txn::WaitFor).
struct WaitTerms {
  ValueType type = ValueType::kList;  // runs again when a key holds such a value
  uint64_t deadline_ms = 0;           // wall clock; 0: none
  bool when_gone = false;             // runs again also when a key goes, or gets another type
};

struct Waiter {
  enum class State : uint8_t {
    kWaiting,
    kClaimed,  // by a pass that is about to commit
    kOver,     // it has an answer, or nobody wants one
  };

  virtual ~Waiter() = default;
  // True: it is the caller's.
  bool Claim(State to = State::kClaimed) {
    State waiting = State::kWaiting;
    return state.compare_exchange_strong(waiting, to, std::memory_order_acq_rel);
  }
  bool waits() const { return state.load(std::memory_order_acquire) == State::kWaiting; }

  std::atomic<State> state{State::kWaiting};
  uint64_t order = 0;  // of arrival, among all
  WaitTerms terms;
  std::vector<WatchedKey> keys;  // distinct
};

class WaiterTable {
 public:
  struct Queue {
    std::map<uint64_t, std::shared_ptr<Waiter>> waiters;  // by order
    uint32_t when_gone = 0;                               // of them
  };

  bool waiting() const { return count_.load(std::memory_order_relaxed) != 0; }
  uint64_t NextOrder() { return order_.fetch_add(1, std::memory_order_relaxed); }

  // [all shards of its keys latched]
  void Add(const std::shared_ptr<Waiter>& waiter);
  // From the queue of one of its keys, if it is there. [the key's shard latched]
  void Remove(const WatchedKey& key, const Waiter& waiter);
  // Who waits for a key; null: nobody. Until the table changes. [shard latched]
  const Queue* Of(uint16_t shard, uint16_t db, std::string_view key) const;
  // visit(const WatchedKey&) for each key that somebody waits for. [all shards latched]
  template <typename Visit>
  void ForEachKey(Visit visit) const {
    for (const Queues& queues : shards_) {
      for (const auto& [place, queue] : queues) {
        const auto& first = *queue.waiters.begin()->second;
        for (const WatchedKey& key : first.keys) {
          if (PlaceOf(key.db, key.key) == place) visit(key);
        }
      }
    }
  }

 private:
  using Queues = std::unordered_map<std::string, Queue>;

  static std::string PlaceOf(uint16_t db, std::string_view key);

  Queues shards_[kShardCount];
  std::atomic<uint64_t> count_{0};  // of waiters in queues
  std::atomic<uint64_t> order_{1};
};

}  // namespace cairn
