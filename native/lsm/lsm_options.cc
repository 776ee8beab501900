#include "lsm/lsm_options.h"

#include <algorithm>
#include <string>

#include "base/check.h"

namespace cairn::lsm {

namespace {

constexpr int64_t kKiB = 1 << 10;
constexpr int64_t kMiB = 1 << 20;
constexpr int64_t kGiB = 1 << 30;

constexpr BoundOption<LsmOptions> kOptions[] = {
    {.row = {.name = "rocksdb-flush-threads",
             .kind = OptionKind::kInteger,
             .initial = "auto",
             .min = 1,
             .max = 64,
             .automatic = true,
             .section = "Engine lsm",
             .doc = "Threads that write memtables to files; they have a high priority. auto: a "
                    "quarter of the cores, at least one."},
     .set =
         [](LsmOptions* options, int64_t value) {
           options->flush_threads = value == kAutomatic ? 0 : static_cast<uint32_t>(value);
         }},
    {.row = {.name = "rocksdb-compaction-threads",
             .kind = OptionKind::kInteger,
             .initial = "auto",
             .min = 1,
             .max = 64,
             .automatic = true,
             .section = "Engine lsm",
             .doc = "Threads that compact files; they have a low priority. auto: half of the "
                    "cores, at least one."},
     .set =
         [](LsmOptions* options, int64_t value) {
           options->compaction_threads = value == kAutomatic ? 0 : static_cast<uint32_t>(value);
         }},
    {.row = {.name = "rocksdb-max-total-wal-size",
             .kind = OptionKind::kBytes,
             .initial = "4gb",
             .min = kMiB,
             .max = kNoLimit,
             .section = "Engine lsm",
             .doc = "Memtables are written when the write-ahead logs that they need take more than "
                    "this."},
     .set = &StoreOption<&LsmOptions::max_total_wal_bytes>},
    {.row = {.name = "rocksdb-wal-bytes-per-sync",
             .kind = OptionKind::kBytes,
             .initial = "128mb",
             .min = 0,
             .max = kNoLimit,
             .section = "Engine lsm",
             .doc = "Without appendfsync always, a write-ahead log is handed to the disk each time "
                    "it has grown by so much. 0: by the system."},
     .set = &StoreOption<&LsmOptions::wal_bytes_per_sync>},
    {.row = {.name = "rocksdb-wal-compression",
             .kind = OptionKind::kChoice,
             .initial = "zstd",
             .choices = "no zstd",
             .section = "Engine lsm",
             .doc = "Compression of write-ahead logs, where the library has it in good order."},
     .set = &StoreOption<&LsmOptions::wal_compression>},
    {.row = {.name = "rocksdb-wal-ttl",
             .kind = OptionKind::kInteger,
             .initial = "3600",
             .min = 0,
             .max = 31'536'000,
             .unit = "s",
             .section = "Engine lsm",
             .doc = "Seconds for which a write-ahead log is kept when its data is in files. 0: not "
                    "at all."},
     .set = &StoreOption<&LsmOptions::wal_ttl_seconds>},
    {.row = {.name = "rocksdb-recycle-log-file-num",
             .kind = OptionKind::kInteger,
             .initial = "16",
             .min = 0,
             .max = 1024,
             .section = "Engine lsm",
             .doc = "Write-ahead logs that are kept to be written again, where the library has "
                    "that in good order."},
     .set = &StoreOption<&LsmOptions::recycle_log_file_num>},
    {.row = {.name = "rocksdb-write-buffer-size",
             .kind = OptionKind::kBytes,
             .initial = "256mb",
             .min = kMiB,
             .max = 64 * kGiB,
             .section = "Engine lsm",
             .doc = "Size of a memtable: what was written stays in memory until one is full."},
     .set = &StoreOption<&LsmOptions::write_buffer_bytes>},
    {.row = {.name = "rocksdb-max-write-buffer-number",
             .kind = OptionKind::kInteger,
             .initial = "16",
             .min = 2,
             .max = 1024,
             .section = "Engine lsm",
             .doc = "Memtables, those included that wait to be written to files. When all are "
                    "full, writes wait."},
     .set = &StoreOption<&LsmOptions::max_write_buffer_number>},
    {.row = {.name = "rocksdb-min-write-buffer-number-to-merge",
             .kind = OptionKind::kInteger,
             .initial = "1",
             .min = 1,
             .max = 1024,
             .section = "Engine lsm",
             .doc =
                 "Memtables that are written to one file together, where the library has that in "
                 "good order; else 1."},
     .set = &StoreOption<&LsmOptions::min_write_buffer_number_to_merge>},
    {.row = {.name = "rocksdb-arena-block-size",
             .kind = OptionKind::kBytes,
             .initial = "16mb",
             .min = 4 * kKiB,
             .max = kGiB,
             .section = "Engine lsm",
             .doc = "Step in which a memtable takes memory."},
     .set = &StoreOption<&LsmOptions::arena_block_bytes>},
    {.row = {.name = "rocksdb-memtable-prefix-bloom-size-ratio",
             .kind = OptionKind::kHundredths,
             .initial = "0.02",
             .min = 0,
             .max = 25,
             .section = "Engine lsm",
             .doc = "Share of a memtable that its prefix filter takes. 0: no filter."},
     .set = &StoreOption<&LsmOptions::memtable_prefix_bloom_percent>},
    {.row = {.name = "rocksdb-db-write-buffer-size",
             .kind = OptionKind::kBytes,
             .initial = "0",
             .min = 0,
             .max = kNoLimit,
             .section = "Engine lsm",
             .doc = "Memory for all memtables together: when it is used up, the largest one is "
                    "written to a file. 0: as their size and number allow."},
     .set = &StoreOption<&LsmOptions::db_write_buffer_bytes>},
    {.row = {.name = "rocksdb-block-cache-size",
             .kind = OptionKind::kBytes,
             .initial = "16gb",
             .min = kMiB,
             .max = kNoLimit,
             .section = "Engine lsm",
             .doc = "Memory for blocks of files; at most cache-size."},
     .set = &StoreOption<&LsmOptions::block_cache_bytes>},
    {.row = {.name = "rocksdb-block-cache-shards",
             .kind = OptionKind::kInteger,
             .initial = "16",
             .min = 1,
             .max = 1024,
             .section = "Engine lsm",
             .doc = "Parts of the block cache; rounded up to a power of two."},
     .set = &StoreOption<&LsmOptions::block_cache_shards>},
    {.row = {.name = "rocksdb-block-cache-strict-limit",
             .kind = OptionKind::kFlag,
             .initial = "no",
             .section = "Engine lsm",
             .doc =
                 "Refuse to go beyond the size of the block cache, also when all of it is in use."},
     .set = &StoreOption<&LsmOptions::block_cache_strict_limit>},
    {.row = {.name = "rocksdb-cache-index-and-filter-blocks",
             .kind = OptionKind::kFlag,
             .initial = "yes",
             .section = "Engine lsm",
             .doc =
                 "A block cache that is full of what is in use takes nothing more. Files whose "
                 "filters it has no room for cannot be opened then, which fails the engine: only "
                 "for a cache that is much larger than those."},
     .set = &StoreOption<&LsmOptions::cache_index_and_filter_blocks>},
    {.row = {.name = "rocksdb-ribbon-bits-per-key",
             .kind = OptionKind::kInteger,
             .initial = "10",
             .min = 0,
             .max = 100,
             .section = "Engine lsm",
             .doc = "Accuracy of the Ribbon filters: what a Bloom filter of so many bits per key "
                    "has. 0: no filters."},
     .set = &StoreOption<&LsmOptions::ribbon_bits_per_key>},
    {.row = {.name = "rocksdb-compression",
             .kind = OptionKind::kChoice,
             .initial = "lz4",
             .choices = "no lz4 zstd",
             .section = "Engine lsm",
             .doc = "Compression of the levels 0 to 4."},
     .set = &StoreOption<&LsmOptions::compression>},
    {.row = {.name = "rocksdb-bottommost-compression",
             .kind = OptionKind::kChoice,
             .initial = "zstd",
             .choices = "no lz4 zstd",
             .section = "Engine lsm",
             .doc = "Compression of the levels 5 and 6."},
     .set = &StoreOption<&LsmOptions::bottommost_compression>},
    {.row = {.name = "rocksdb-zstd-dictionary-size",
             .kind = OptionKind::kBytes,
             .initial = "32kb",
             .min = 0,
             .max = kMiB,
             .section = "Engine lsm",
             .doc = "Size of the dictionary of each file of the last level. 0: none."},
     .set = &StoreOption<&LsmOptions::zstd_dictionary_bytes>},
    {.row = {.name = "rocksdb-zstd-training-size",
             .kind = OptionKind::kBytes,
             .initial = "3mb",
             .min = 0,
             .max = 64 * kMiB,
             .section = "Engine lsm",
             .doc = "Bytes of a file from which its dictionary is made."},
     .set = &StoreOption<&LsmOptions::zstd_training_bytes>},
    {.row = {.name = "rocksdb-auto-prefix-mode",
             .kind = OptionKind::kFlag,
             .initial = "yes",
             .section = "Engine lsm",
             .doc = "Ranges within one prefix use the prefix filters, where the library has that "
                    "in good order."},
     .set = &StoreOption<&LsmOptions::auto_prefix_mode>},
    {.row = {.name = "rocksdb-readahead-size",
             .kind = OptionKind::kBytes,
             .initial = "512kb",
             .min = 0,
             .max = 64 * kMiB,
             .section = "Engine lsm",
             .doc = "Bytes that ranges read ahead."},
     .set = &StoreOption<&LsmOptions::readahead_bytes>},
    {.row = {.name = "rocksdb-adaptive-readahead",
             .kind = OptionKind::kFlag,
             .initial = "yes",
             .section = "Engine lsm",
             .doc = "Ranges read ahead by how much they read so far."},
     .set = &StoreOption<&LsmOptions::adaptive_readahead>},
    {.row = {.name = "rocksdb-async-io",
             .kind = OptionKind::kFlag,
             .initial = "yes",
             .section = "Engine lsm",
             .doc = "Ranges read ahead while they are worked on, where that is built in."},
     .set = &StoreOption<&LsmOptions::async_io>},
    {.row = {.name = "rocksdb-verify-checksums",
             .kind = OptionKind::kFlag,
             .initial = "yes",
             .section = "Engine lsm",
             .doc = "Verify the checksum of each block that is read from a file."},
     .set = &StoreOption<&LsmOptions::verify_checksums>},
    {.row = {.name = "rocksdb-target-file-size-base",
             .kind = OptionKind::kBytes,
             .initial = "64mb",
             .min = kMiB,
             .max = 64 * kGiB,
             .section = "Engine lsm",
             .doc = "Size of a file of level 1."},
     .set = &StoreOption<&LsmOptions::target_file_bytes>},
    {.row = {.name = "rocksdb-max-bytes-for-level-base",
             .kind = OptionKind::kBytes,
             .initial = "512mb",
             .min = kMiB,
             .max = kNoLimit,
             .section = "Engine lsm",
             .doc = "Size of level 1; each further one is ten times as large."},
     .set = &StoreOption<&LsmOptions::level_base_bytes>},
    {.row = {.name = "rocksdb-level0-file-num-compaction-trigger",
             .kind = OptionKind::kInteger,
             .initial = "4",
             .min = 1,
             .max = 10'000,
             .section = "Engine lsm",
             .doc = "Files of level 0 from which it is compacted."},
     .set = &StoreOption<&LsmOptions::level0_compaction_trigger>},
    {.row = {.name = "rocksdb-level0-slowdown-writes-trigger",
             .kind = OptionKind::kInteger,
             .initial = "20",
             .min = 1,
             .max = 10'000,
             .section = "Engine lsm",
             .doc = "Files of level 0 from which writes are slowed down."},
     .set = &StoreOption<&LsmOptions::level0_slowdown_trigger>},
    {.row = {.name = "rocksdb-level0-stop-writes-trigger",
             .kind = OptionKind::kInteger,
             .initial = "36",
             .min = 1,
             .max = 10'000,
             .section = "Engine lsm",
             .doc = "Files of level 0 from which writes wait."},
     .set = &StoreOption<&LsmOptions::level0_stop_trigger>},
    {.row = {.name = "lsm-exact-counts",
             .kind = OptionKind::kFlag,
             .initial = "yes",
             .section = "Engine lsm",
             .doc = "DBSIZE is exact. no: a write of a key does not look whether the key is there; "
                    "counts are estimates then."},
     .set = &StoreOption<&LsmOptions::exact_counts>},
    {.row = {.name = "lsm-record-cache",
             .kind = OptionKind::kInteger,
             .initial = "50",
             .min = 0,
             .max = 90,
             .unit = "percent",
             .section = "Engine lsm",
             .doc =
                 "Share of cache-size for single keys with their values, which are found without "
                 "asking RocksDB. The rest is for its blocks."},
     .set = &StoreOption<&LsmOptions::record_cache_percent>},
    {.row = {.name = "lsm-read-threads",
             .kind = OptionKind::kInteger,
             .initial = "8",
             .min = 1,
             .max = 256,
             .section = "Engine lsm",
             .doc = "Threads that read from the disk what is not in memory: as many reads go on at "
                    "once."},
     .set = &StoreOption<&LsmOptions::read_threads>},
};

constexpr uint64_t kWriteBufferBytesMin = 4u << 20;
constexpr uint64_t kBuffersOfTotal = 4;   // memtables that a total is divided into, at least
constexpr uint64_t kArenaBlocksMin = 16;  // in a memtable
constexpr uint64_t kMemtableShare = 8;    // of the memory
constexpr uint64_t kDiskShare = 32;       // of the free room, for one memtable
constexpr uint64_t kWalShare = 8;

void Lower(uint64_t* value, uint64_t most, const char* name, std::string* said) {
  if (*value <= most) return;
  *value = most;
  *said += (said->empty() ? "" : ", ") + std::string(name) + " " +
           std::to_string(most / static_cast<uint64_t>(kKiB)) + "kb";
}

}  // namespace

std::span<const BoundOption<LsmOptions>> LsmOptionTable() { return kOptions; }

LsmOptions::LsmOptions() {
  for (const BoundOption<LsmOptions>& option : kOptions)
    CAIRN_CHECK(SetOptionText(option, option.row.initial, this).ok());
}

Result<LsmOptions> LsmOptions::From(const EngineOptions& given) {
  LsmOptions options;
  options.common = given;
  for (const OptionText& own : given.own) {
    const BoundOption<LsmOptions>* option = FindOption(LsmOptionTable(), own.name);
    if (option == nullptr)
      return Status(Code::kInvalid, "the engine lsm has no option '" + own.name + "'");
    Status status = SetOptionText(*option, own.value, &options, given.any_value);
    if (!status.ok()) return status;
  }
  return options;
}

std::string ScaleDown(const Machine& machine, LsmOptions* options) {
  std::string said;
  const uint64_t cores = std::max(machine.processors, 1u);
  if (options->flush_threads == 0)
    options->flush_threads = static_cast<uint32_t>(std::max<uint64_t>(1, cores / 4));
  if (options->compaction_threads == 0)
    options->compaction_threads = static_cast<uint32_t>(std::max<uint64_t>(1, cores / 2));
  // A log is as large as a memtable, and allocated ahead.
  uint64_t buffer =
      std::min(machine.memory_bytes / kMemtableShare / options->max_write_buffer_number,
               machine.free_bytes / kDiskShare);
  if (options->db_write_buffer_bytes != 0)
    buffer = std::min(buffer, options->db_write_buffer_bytes / kBuffersOfTotal);
  Lower(&options->write_buffer_bytes, std::max(buffer, kWriteBufferBytesMin),
        "rocksdb-write-buffer-size", &said);
  Lower(&options->max_total_wal_bytes,
        std::max(machine.free_bytes / kWalShare, kWriteBufferBytesMin),
        "rocksdb-max-total-wal-size", &said);
  Lower(&options->arena_block_bytes,
        std::max<uint64_t>(options->write_buffer_bytes / kArenaBlocksMin,
                           4 * static_cast<uint64_t>(kKiB)),
        "rocksdb-arena-block-size", &said);
  return said;
}

uint64_t MemtableBytesMax(const LsmOptions& options) {
  return options.db_write_buffer_bytes != 0
             ? options.db_write_buffer_bytes
             : options.max_write_buffer_number * options.write_buffer_bytes;
}

}  // namespace cairn::lsm
