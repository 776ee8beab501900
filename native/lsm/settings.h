// What RocksDB is told: each option with its default, what it becomes on a small machine, and how
// RocksDB's own options are made of it.
#pragma once

#include <rocksdb/cache.h>
#include <rocksdb/options.h>

#include <cstdint>
#include <memory>
#include <string>

#include "lsm/comparator.h"

namespace cairn::lsm {

struct Settings {
  KeyOrder order = KeyOrder::kAscending;
  uint32_t flush_threads = 1;
  uint32_t compaction_threads = 2;

  uint64_t max_total_wal_bytes = 4ull << 30;
  uint64_t wal_bytes_per_sync = 128ull << 20;
  bool wal_compression = true;  // where it is safe
  uint64_t wal_ttl_seconds = 3600;
  uint32_t recycle_log_files = 16;  // where it is safe, and without a TTL

  uint64_t write_buffer_bytes = 256ull << 20;
  uint32_t max_write_buffers = 16;
  uint32_t min_write_buffers_to_merge = 1;
  uint64_t arena_block_bytes = 16ull << 20;
  double memtable_bloom_ratio = 0.1;
  uint64_t memtable_bytes_max = 0;  // of all memtables together; 0: by the two above

  uint64_t block_cache_bytes = 16ull << 30;
  uint32_t block_cache_shard_bits = 4;
  uint64_t block_bytes = 4096;
  double filter_bits_per_key = 10;

  uint64_t readahead_bytes = 512u << 10;
  bool verify_checksums = true;
  uint32_t read_threads = 8;

  uint64_t target_file_bytes = 64ull << 20;
  uint64_t level_base_bytes = 512ull << 20;
  uint32_t l0_trigger = 4;
  uint32_t l0_slowdown = 20;
  uint32_t l0_stop = 36;
  uint32_t dictionary_bytes = 32u << 10;
  uint32_t dictionary_training_bytes = 3u << 20;
};

// Makes them fit the machine: memory in bytes, processors. What was changed, for the log; empty:
// nothing.
std::string ScaleDown(uint64_t memory_bytes, uint32_t processors, Settings* settings);

// The part that depends on settings alone. The caller adds environment, log, listeners, merge
// operator and compaction filter.
rocksdb::Options RocksdbOptions(const Settings& settings,
                                const std::shared_ptr<rocksdb::Cache>& block_cache);
std::shared_ptr<rocksdb::Cache> NewBlockCache(const Settings& settings);

}  // namespace cairn::lsm
