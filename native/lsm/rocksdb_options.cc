#include "lsm/rocksdb_options.h"

#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>
#include <bit>

#include "lsm/comparator.h"
#include "lsm/rocksdb_version.h"

namespace cairn::lsm {

namespace {

constexpr int kLevels = 7;
constexpr size_t kBottommostFromLevel = 5;
constexpr uint64_t kLruCacheBelow = 64ull << 20;  // the other one is made for large ones
constexpr uint64_t kTypicalEntryBytes = 4096;     // a block, or a part of a filter or index
constexpr double kHighPriorityShare = 0.5;
constexpr int kFormatVersion = 5;  // of tables: the newest that 7.8 knows

rocksdb::CompressionType TypeOf(Compression compression) {
  switch (compression) {
    case Compression::kNone:
      return rocksdb::kNoCompression;
    case Compression::kLz4:
      return rocksdb::kLZ4Compression;
    case Compression::kZstd:
      break;
  }
  return rocksdb::kZSTD;
}

}  // namespace

uint64_t BlockCacheBytes(const LsmOptions& options, uint64_t cache_bytes) {
  const uint64_t share = cache_bytes - cache_bytes / 100 * options.record_cache_percent;
  return std::min(options.block_cache_bytes, share);
}

std::shared_ptr<rocksdb::Cache> NewBlockCache(const LsmOptions& options) {
  const uint64_t bytes = BlockCacheBytes(options, options.common.cache_bytes);
  const int bits = std::bit_width(options.block_cache_shards) - 1;
  if (bytes < kLruCacheBelow) return rocksdb::NewLRUCache(bytes, 0, false, kHighPriorityShare);
  rocksdb::HyperClockCacheOptions cache(
      bytes, IsOn(Feature::kAutomaticHyperClockCache) ? 0 : kTypicalEntryBytes, bits,
      options.block_cache_strict_limit);
  return cache.MakeSharedCache();
}

rocksdb::Options RocksdbOptions(const LsmOptions& own,
                                const std::shared_ptr<rocksdb::Cache>& block_cache) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.comparator = ComparatorOf(KeyOrder::kAscending);
  options.prefix_extractor = NewPrefixExtractor();
  options.max_background_flushes = static_cast<int>(own.flush_threads);
  options.max_background_compactions = static_cast<int>(own.compaction_threads);
  options.max_background_jobs = static_cast<int>(own.flush_threads + own.compaction_threads);

  options.max_total_wal_size = own.max_total_wal_bytes;
  options.wal_bytes_per_sync = own.wal_bytes_per_sync;
  options.WAL_ttl_seconds = own.wal_ttl_seconds;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  if (own.wal_compression == WalCompression::kZstd && IsOn(Feature::kWalCompression))
    options.wal_compression = rocksdb::kZSTD;
  if (own.wal_ttl_seconds == 0 && IsOn(Feature::kWalRecycling))
    options.recycle_log_file_num = own.recycle_log_file_num;

  options.allow_concurrent_memtable_write = false;  // one thread writes
  options.write_buffer_size = own.write_buffer_bytes;
  options.max_write_buffer_number = static_cast<int>(own.max_write_buffer_number);
  if (IsOn(Feature::kMemtableMerging)) {
    options.min_write_buffer_number_to_merge =
        static_cast<int>(own.min_write_buffer_number_to_merge);
  }
  options.arena_block_size = own.arena_block_bytes;
  options.memtable_prefix_bloom_size_ratio = own.memtable_prefix_bloom_percent / 100.0;
  options.memtable_whole_key_filtering = true;
  if (own.db_write_buffer_bytes != 0) {
    options.write_buffer_manager =
        std::make_shared<rocksdb::WriteBufferManager>(own.db_write_buffer_bytes);
  }

  rocksdb::BlockBasedTableOptions table;
  table.block_cache = block_cache;
  table.cache_index_and_filter_blocks = own.cache_index_and_filter_blocks;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.pin_top_level_index_and_filter = true;
  if (own.ribbon_bits_per_key != 0)
    table.filter_policy.reset(rocksdb::NewRibbonFilterPolicy(own.ribbon_bits_per_key));
  table.whole_key_filtering = true;
  table.max_auto_readahead_size = own.readahead_bytes;
  table.format_version = kFormatVersion;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));

  options.num_levels = kLevels;
  options.max_open_files = static_cast<int>(kOpenFilesMax);
  options.compression_per_level.assign(kLevels, TypeOf(own.compression));
  for (size_t level = kBottommostFromLevel; level < kLevels; ++level)
    options.compression_per_level[level] = TypeOf(own.bottommost_compression);
  // For what stays where it is: a dictionary is loaded for each block again, and until it is
  // trained all that it is trained on is held in memory, which without a limit is the whole file.
  rocksdb::CompressionOptions& bottommost = options.bottommost_compression_opts;
  bottommost.enabled = true;
  bottommost.max_dict_bytes = static_cast<uint32_t>(own.zstd_dictionary_bytes);
  bottommost.zstd_max_train_bytes = static_cast<uint32_t>(own.zstd_training_bytes);
  bottommost.max_dict_buffer_bytes = own.zstd_training_bytes;
  options.compaction_style = rocksdb::kCompactionStyleLevel;
  options.level_compaction_dynamic_level_bytes = false;
  options.target_file_size_base = own.target_file_bytes;
  options.max_bytes_for_level_base = own.level_base_bytes;
  options.level0_file_num_compaction_trigger = static_cast<int>(own.level0_compaction_trigger);
  options.level0_slowdown_writes_trigger = static_cast<int>(own.level0_slowdown_trigger);
  options.level0_stop_writes_trigger = static_cast<int>(own.level0_stop_trigger);
  options.paranoid_checks = true;
  options.max_bgerror_resume_count = 0;  // a full disk is a wait; all else is for an operator
  options.avoid_flush_during_shutdown = true;
  options.avoid_flush_during_recovery = true;  // a full disk has no room for that
  return options;
}

}  // namespace cairn::lsm
