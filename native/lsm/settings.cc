#include "lsm/settings.h"

#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>

#include "lsm/rocksdb_version.h"

namespace cairn::lsm {

namespace {

constexpr int kLevels = 7;
constexpr int kZstdFromLevel = 5;
constexpr uint64_t kWriteBufferBytesMin = 8ull << 20;
constexpr uint64_t kArenaShare = 16;              // arena blocks in a memtable, at least
constexpr uint64_t kLruCacheBelow = 64ull << 20;  // the other one is made for large ones
constexpr uint64_t kTypicalEntryBytes = 8192;     // blocks, and parts of filters and indexes

std::string Mebibytes(uint64_t bytes) { return std::to_string(bytes >> 20) + "mb"; }

void Lower(uint64_t* value, uint64_t most, const char* name, std::string* said) {
  if (*value <= most) return;
  *value = most;
  *said += (said->empty() ? "" : ", ") + std::string(name) + " " + Mebibytes(most);
}

}  // namespace

std::string ScaleDown(uint64_t memory_bytes, uint32_t processors, Settings* settings) {
  std::string said;
  // An eighth of the memory for memtables, half of it for blocks.
  const uint64_t memtables = std::max(memory_bytes / 8, kWriteBufferBytesMin * 2);
  Lower(&settings->write_buffer_bytes,
        std::max(kWriteBufferBytesMin, memtables / settings->max_write_buffers),
        "rocksdb-write-buffer-size", &said);
  if (settings->memtable_bytes_max != 0) {
    Lower(&settings->write_buffer_bytes,
          std::max(kWriteBufferBytesMin / 8, settings->memtable_bytes_max / 4),
          "rocksdb-write-buffer-size", &said);
  }
  Lower(&settings->block_cache_bytes, memory_bytes / 2, "rocksdb-block-cache-size", &said);
  Lower(&settings->arena_block_bytes, settings->write_buffer_bytes / kArenaShare,
        "rocksdb-arena-block-size", &said);
  settings->compaction_threads = std::min(settings->compaction_threads, std::max(1u, processors));
  return said;
}

std::shared_ptr<rocksdb::Cache> NewBlockCache(const Settings& settings) {
  const auto bits = static_cast<int>(settings.block_cache_shard_bits);
  if (settings.block_cache_bytes < kLruCacheBelow)
    return rocksdb::NewLRUCache(settings.block_cache_bytes, bits / 2, false, 0.5);
  rocksdb::HyperClockCacheOptions options(
      settings.block_cache_bytes, IsOn(Feature::kAutomaticHyperClockCache) ? 0 : kTypicalEntryBytes,
      bits);
  return options.MakeSharedCache();
}

rocksdb::Options RocksdbOptions(const Settings& settings,
                                const std::shared_ptr<rocksdb::Cache>& block_cache) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.comparator = ComparatorOf(settings.order);
  options.prefix_extractor = NewPrefixExtractor();
  options.max_background_flushes = static_cast<int>(settings.flush_threads);
  options.max_background_compactions = static_cast<int>(settings.compaction_threads);
  options.max_background_jobs =
      static_cast<int>(settings.flush_threads + settings.compaction_threads);

  options.max_total_wal_size = settings.max_total_wal_bytes;
  options.wal_bytes_per_sync = settings.wal_bytes_per_sync;
  options.WAL_ttl_seconds = settings.wal_ttl_seconds;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  if (settings.wal_compression && IsOn(Feature::kWalCompression))
    options.wal_compression = rocksdb::kZSTD;
  if (settings.wal_ttl_seconds == 0 && IsOn(Feature::kWalRecycling))
    options.recycle_log_file_num = settings.recycle_log_files;

  options.write_buffer_size = settings.write_buffer_bytes;
  options.max_write_buffer_number = static_cast<int>(settings.max_write_buffers);
  options.min_write_buffer_number_to_merge = static_cast<int>(settings.min_write_buffers_to_merge);
  options.arena_block_size = settings.arena_block_bytes;
  options.memtable_prefix_bloom_size_ratio = settings.memtable_bloom_ratio;
  options.memtable_whole_key_filtering = true;
  if (settings.memtable_bytes_max != 0) {
    options.write_buffer_manager =
        std::make_shared<rocksdb::WriteBufferManager>(settings.memtable_bytes_max);
  }

  rocksdb::BlockBasedTableOptions table;
  table.block_cache = block_cache;
  table.block_size = settings.block_bytes;
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.pin_top_level_index_and_filter = true;
  table.filter_policy.reset(rocksdb::NewRibbonFilterPolicy(settings.filter_bits_per_key));
  table.whole_key_filtering = true;
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));

  options.num_levels = kLevels;
  options.compression_per_level.assign(kLevels, rocksdb::kLZ4Compression);
  for (int level = kZstdFromLevel; level < kLevels; ++level)
    options.compression_per_level[static_cast<size_t>(level)] = rocksdb::kZSTD;
  options.compression_opts.max_dict_bytes = settings.dictionary_bytes;
  options.compression_opts.zstd_max_train_bytes = settings.dictionary_training_bytes;
  options.compaction_style = rocksdb::kCompactionStyleLevel;
  options.level_compaction_dynamic_level_bytes = false;
  options.target_file_size_base = settings.target_file_bytes;
  options.max_bytes_for_level_base = settings.level_base_bytes;
  options.level0_file_num_compaction_trigger = static_cast<int>(settings.l0_trigger);
  options.level0_slowdown_writes_trigger = static_cast<int>(settings.l0_slowdown);
  options.level0_stop_writes_trigger = static_cast<int>(settings.l0_stop);
  options.paranoid_checks = true;
  options.max_bgerror_resume_count = 0;  // the committer tries again
  options.avoid_flush_during_shutdown = true;
  return options;
}

}  // namespace cairn::lsm
