// The memtables: RocksDB's skip lists, and a look at what comes to them.
//
// RocksDB inserts a batch after its log has it; one that is to be synced, after the log and the
// directory of the log were synced. Its first insertion is therefore the moment from which it is
// durable, and DB::Write says so only after the last.
//
// A value in a memtable is copied by who asks for it, however large it is. Who must not wait for
// that has to know before: LargeKeys does.
#pragma once

#include <rocksdb/memtablerep.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace cairn::lsm {

// Keys that may have a large value (kLargeValueBytes) in a memtable, by their hash: those that had
// one since the start. Thread-safe.
class LargeKeys {
 public:
  void Add(uint32_t hash) { bits_[WordOf(hash)].fetch_or(BitOf(hash), std::memory_order_release); }
  bool MayHave(uint32_t hash) const {
    return (bits_[WordOf(hash)].load(std::memory_order_acquire) & BitOf(hash)) != 0;
  }

 private:
  static constexpr uint32_t kBits = 1u << 20;
  static size_t WordOf(uint32_t hash) { return hash % kBits / 64; }
  static uint64_t BitOf(uint32_t hash) { return uint64_t{1} << hash % 64; }

  std::vector<std::atomic<uint64_t>> bits_ = std::vector<std::atomic<uint64_t>>(kBits / 64);
};

// `inserting` is called before each insertion, on the thread that inserts; one at a time
// (allow_concurrent_memtable_write is off). `large` outlives them.
std::shared_ptr<rocksdb::MemTableRepFactory> NewMemtables(void (*inserting)(), LargeKeys* large);

}  // namespace cairn::lsm
