// FunctionStore: which set of functions counts, for all reactors, and its file in the data
// directory. The engine does not know of it: FUNCTION LOAD is answered when the file is on disk.
//
// Who changes the set does it in a pass that holds the latch of shard kShard: reads current(),
// makes a new set, Saves it, and Publishes it before the latch goes. Readers need no latch;
// number() tells cheaply whether there is a new one.
//
// Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "base/status.h"
#include "session/function_set.h"

namespace cairn {

class FunctionStore {
 public:
  using Set = std::shared_ptr<const FunctionSet>;

  static constexpr uint16_t kShard = 0;
  static constexpr const char* kFileName = "functions.rdb";

  FunctionStore();

  // At a start, before any other call: reads the file of that directory, if there is one. What it
  // says of libraries that are left out goes to *notices.
  Status Open(const std::string& dir, std::string_view version, std::vector<std::string>* notices);

  Set current() const;
  uint64_t number() const { return number_.load(std::memory_order_acquire); }
  // Writes the file anew, whole or not at all, and waits for the disk. Without a directory:
  // nothing.
  Status Save(const FunctionSet& set) const;
  void Publish(Set set);

 private:
  std::string path_;
  mutable std::mutex mutex_;
  Set current_;
  std::atomic<uint64_t> number_{1};
};

}  // namespace cairn
