// Thresholds: up to which size a collection counts as small, for OBJECT ENCODING and for SCAN
// commands, which answer a small one whole. Options of the server that change at run time, all of
// Redis. Safe to read from any thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace cairn {

struct Thresholds {
  std::atomic<uint64_t> hash_listpack_entries{512};
  std::atomic<uint64_t> hash_listpack_value{64};
  std::atomic<int64_t> list_listpack_size{-2};  // positive: elements; -1 to -5: 4 to 64 KiB
  std::atomic<uint64_t> list_compress_depth{0};
  std::atomic<uint64_t> set_intset_entries{512};
  std::atomic<uint64_t> set_listpack_entries{128};
  std::atomic<uint64_t> set_listpack_value{64};
  std::atomic<uint64_t> zset_listpack_entries{128};
  std::atomic<uint64_t> zset_listpack_value{64};
  std::atomic<uint64_t> stream_node_bytes{4096};
  std::atomic<uint64_t> stream_node_entries{100};
};

}  // namespace cairn
