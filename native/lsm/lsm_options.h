// The options of this engine. Plain data without RocksDB: linked into the server, which shows them
// also when the engine is not loaded.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/status.h"
#include "engine/options.h"

namespace cairn::lsm {

enum class WalCompression : uint8_t { kNone, kZstd };
enum class Compression : uint8_t { kNone, kLz4, kZstd };

struct LsmOptions {
  LsmOptions();  // the defaults of the rows
  // With options.own taken in. kInvalid: one is unknown, or has no such value.
  static Result<LsmOptions> From(const EngineOptions& options);

  EngineOptions common;
  uint32_t flush_threads = 0;       // 0: by the cores
  uint32_t compaction_threads = 0;  // 0: by the cores
  uint64_t max_total_wal_bytes = 0;
  uint64_t wal_bytes_per_sync = 0;
  WalCompression wal_compression = WalCompression::kNone;
  uint64_t wal_ttl_seconds = 0;
  uint32_t recycle_log_file_num = 0;
  uint64_t write_buffer_bytes = 0;
  uint32_t max_write_buffer_number = 0;
  uint32_t min_write_buffer_number_to_merge = 0;
  uint64_t arena_block_bytes = 0;
  uint32_t memtable_prefix_bloom_percent = 0;  // per 100 bytes of a memtable
  uint64_t db_write_buffer_bytes = 0;          // of all memtables; 0: by number and size
  uint64_t block_cache_bytes = 0;
  uint32_t block_cache_shards = 0;
  bool block_cache_strict_limit = false;
  bool cache_index_and_filter_blocks = false;
  uint32_t ribbon_bits_per_key = 0;
  Compression compression = Compression::kNone;
  Compression bottommost_compression = Compression::kNone;
  uint64_t zstd_dictionary_bytes = 0;
  uint64_t zstd_training_bytes = 0;
  bool auto_prefix_mode = false;
  uint64_t readahead_bytes = 0;
  bool adaptive_readahead = false;
  bool async_io = false;
  bool verify_checksums = false;
  uint64_t target_file_bytes = 0;
  uint64_t level_base_bytes = 0;
  uint32_t level0_compaction_trigger = 0;
  uint32_t level0_slowdown_trigger = 0;
  uint32_t level0_stop_trigger = 0;
  bool exact_counts = false;
  uint32_t record_cache_percent = 0;  // of cache-size; the rest is for blocks
  uint32_t read_threads = 0;
};

std::span<const BoundOption<LsmOptions>> LsmOptionTable();

struct Machine {
  uint64_t memory_bytes = 0;
  uint64_t free_bytes = 0;  // of the file system
  uint32_t processors = 1;
};
// Makes them fit the machine. What was lowered, for the log; empty: nothing.
std::string ScaleDown(const Machine& machine, LsmOptions* options);
// What memtables may take together.
uint64_t MemtableBytesMax(const LsmOptions& options);

}  // namespace cairn::lsm
