// The figures of this engine, told by name.
#include <rocksdb/statistics.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "engine/figures.h"
#include "engine/stats.h"
#include "lsm/lsm_engine.h"
#include "lsm/rocksdb_version.h"

namespace cairn::lsm {

namespace {

uint64_t Property(const rocksdb::DB* db, const std::string& name) {
  uint64_t value = 0;
  (void)const_cast<rocksdb::DB*>(db)->GetIntProperty(name, &value);
  return value;
}

using Properties = rocksdb::DB::Properties;

struct Counter {
  FigureRow row;
  uint64_t LsmCounts::*member;
};

constexpr FigureRow Count(const char* info, const char* metric, const char* unit,
                          const char* help) {
  return {.info = info, .metric = metric, .kind = FigureKind::kCounter, .unit = unit, .help = help};
}

constexpr Counter kCounters[] = {
    {Count("user_bytes_written", "cairn_user_bytes_written_total", "bytes",
           "Bytes of keys and values accepted."),
     &LsmCounts::user_bytes},
    {Count("commits", "cairn_lsm_commits_total", "", "Group commits."), &LsmCounts::commits},
    {Count("", "cairn_lsm_commit_seconds_total", "ns",
           "Time from submission to completion of commits."),
     &LsmCounts::commit_nanos},
    {Count("syncs", "cairn_lsm_syncs_total", "", "Explicit flushes."), &LsmCounts::syncs},
    {Count("reads_from_disk", "cairn_lsm_reads_total", "", "Reads that memory could not answer."),
     &LsmCounts::reads},
    {Count("disk_read_bytes", "cairn_disk_read_bytes_total", "bytes", "Bytes of what they read."),
     &LsmCounts::read_bytes},
    {Count("", "cairn_disk_read_seconds_total", "ns", "Time of them."), &LsmCounts::read_nanos},
    {Count("cache_evictions", "cairn_cache_evictions_total", "",
           "Records pushed out of their cache."),
     &LsmCounts::cache_evictions},
    {Count("disk_write_errors", "cairn_lsm_write_errors_total", "", "Writes that the disk failed."),
     &LsmCounts::write_errors},
    {Count("disk_read_errors", "cairn_lsm_read_errors_total", "", "Reads that the disk failed."),
     &LsmCounts::read_errors},
    {Count("record_cache_hits", "cairn_lsm_record_cache_hits_total", "",
           "Look-ups that the cache of records answered."),
     &LsmCounts::record_hits},
    {Count("memory_hits", "cairn_lsm_memory_hits_total", "",
           "Look-ups that RocksDB answered from memtables and cached blocks."),
     &LsmCounts::block_hits},
    {Count("block_cache_hits", "cairn_lsm_block_cache_hits_total", "",
           "Blocks that were in the block cache."),
     &LsmCounts::block_cache_hits},
    {Count("block_cache_misses", "cairn_lsm_block_cache_misses_total", "", "Blocks that were not."),
     &LsmCounts::block_cache_misses},
    {Count("filter_useful", "cairn_lsm_filter_useful_total", "",
           "Files that a filter saved from being looked into."),
     &LsmCounts::filter_useful},
    {Count("filter_positive", "cairn_lsm_filter_positive_total", "",
           "Files that a filter did not rule out."),
     &LsmCounts::filter_positive},
    {Count("wal_bytes_written", "cairn_lsm_wal_bytes_total", "bytes",
           "Bytes written to write-ahead logs."),
     &LsmCounts::wal_bytes},
    {Count("flush_bytes_written", "cairn_lsm_flush_bytes_total", "bytes",
           "Bytes of files that memtables were written to."),
     &LsmCounts::flushed_bytes},
    {Count("compactions", "cairn_lsm_compactions_total", "", "Compactions."),
     &LsmCounts::compactions},
    {Count("compaction_bytes_read", "cairn_lsm_compaction_read_bytes_total", "bytes",
           "Bytes that compactions read."),
     &LsmCounts::compacted_read_bytes},
    {Count("compaction_bytes_written", "cairn_lsm_compaction_written_bytes_total", "bytes",
           "Bytes that compactions wrote."),
     &LsmCounts::compacted_written_bytes},
    {Count("write_stalls", "cairn_lsm_write_stalls_total", "",
           "Times that RocksDB slowed writes down or stopped them."),
     &LsmCounts::stalls},
    {Count("", "cairn_lsm_write_stall_seconds_total", "ns", "Time of them."),
     &LsmCounts::stall_nanos},
    {Count("background_errors", "cairn_lsm_background_errors_total", "",
           "Flushes, compactions and other work in the background that failed."),
     &LsmCounts::background_errors},
    {Count("format_faults", "cairn_lsm_format_faults_total", "",
           "Keys and values that a compaction did not understand."),
     &LsmCounts::filter_faults},
};

constexpr int kLevels = 7;

}  // namespace

LsmCounts LsmEngine::Counts() const {
  LsmCounts counts;
  const Committer::Figures& commits = committer_->figures();
  counts.user_bytes = commits.bytes.load(std::memory_order_relaxed);
  counts.commits = commits.batches.load(std::memory_order_relaxed);
  counts.commit_nanos = commits.nanos.load(std::memory_order_relaxed);
  counts.syncs = commits.syncs.load(std::memory_order_relaxed);
  counts.write_errors = commits.errors.load(std::memory_order_relaxed);
  counts.reads = read_figures_.reads.load(std::memory_order_relaxed);
  counts.read_bytes = read_figures_.bytes.load(std::memory_order_relaxed);
  counts.read_nanos = read_figures_.nanos.load(std::memory_order_relaxed);
  counts.read_errors = read_figures_.errors.load(std::memory_order_relaxed);
  counts.cache_evictions = records_->evictions();
  counts.record_hits = read_figures_.record_hits.load(std::memory_order_relaxed);
  counts.block_hits = read_figures_.block_hits.load(std::memory_order_relaxed);
  const Events::Figures& events = events_->figures();
  counts.flushed_bytes = events.flushed_bytes.load(std::memory_order_relaxed);
  counts.compactions = events.compactions.load(std::memory_order_relaxed);
  counts.compacted_read_bytes = events.compacted_read_bytes.load(std::memory_order_relaxed);
  counts.compacted_written_bytes = events.compacted_written_bytes.load(std::memory_order_relaxed);
  counts.stalls =
      events.delays.load(std::memory_order_relaxed) + events.stops.load(std::memory_order_relaxed);
  counts.stall_nanos = events.stall_nanos.load(std::memory_order_relaxed);
  counts.background_errors = events.background_errors.load(std::memory_order_relaxed);
  counts.filter_faults = filtered_.faults.load(std::memory_order_relaxed);
  counts.wal_bytes = statistics_->getTickerCount(rocksdb::WAL_FILE_BYTES);
  counts.filter_useful = statistics_->getTickerCount(rocksdb::BLOOM_FILTER_USEFUL);
  counts.filter_positive = statistics_->getTickerCount(rocksdb::BLOOM_FILTER_FULL_POSITIVE);
  counts.block_cache_hits = statistics_->getTickerCount(rocksdb::BLOCK_CACHE_HIT);
  counts.block_cache_misses = statistics_->getTickerCount(rocksdb::BLOCK_CACHE_MISS);
  return counts;
}

void LsmEngine::ResetFigures() { reset_at_ = Counts(); }

void LsmEngine::Stats(EngineStats* out) const {
  *out = EngineStats();
  const rocksdb::DB* const db = db_.get();
  out->index_bytes = Property(db, Properties::kCurSizeAllMemTables) +
                     Property(db, Properties::kEstimateTableReadersMem);
  out->cache_bytes = Property(db, Properties::kBlockCacheUsage) + records_->bytes();
  out->buffer_bytes = out->pending_bytes = committer_->staged_bytes();
  out->data_bytes = Property(db, Properties::kTotalSstFilesSize);
  out->io_backend = "rocksdb";
}

void LsmEngine::Figures(const FigureInput&, FigureList* list) const {
  const rocksdb::DB* const db = db_.get();
  EngineStats stats;
  Stats(&stats);
  list->Number({.info = "log_bytes",
                .metric = "cairn_log_bytes",
                .unit = "bytes",
                .help = "Bytes of the files with sorted keys."},
               stats.data_bytes);
  list->Number({.info = "live_bytes",
                .metric = "cairn_live_bytes",
                .unit = "bytes",
                .help = "Bytes of what lives in them; estimated."},
               Property(db, Properties::kEstimateLiveDataSize));
  list->Number({.info = "free_bytes",
                .metric = "cairn_free_bytes",
                .unit = "bytes",
                .help = "Bytes free in the file system of the data directory."},
               free_bytes_.load(std::memory_order_relaxed));
  list->Number({.info = "min_free_bytes",
                .metric = "cairn_min_free_bytes",
                .unit = "bytes",
                .help = "Writes are refused while less is free."},
               min_free_bytes_.load(std::memory_order_relaxed));
  list->Number({.info = "staged_bytes",
                .metric = "cairn_lsm_staged_bytes",
                .unit = "bytes",
                .help = "Bytes that wait for a commit."},
               stats.pending_bytes);
  list->Number({.info = "disk_reads_in_flight",
                .metric = "cairn_disk_reads_in_flight",
                .help = "Reads under way."},
               read_figures_.in_flight.load(std::memory_order_relaxed));
  list->Number({.info = "cache_bytes",
                .metric = "cairn_cache_bytes",
                .unit = "bytes",
                .help = "Memory of the caches of blocks and of records."},
               stats.cache_bytes);
  list->Number({.info = "cache_records",
                .metric = "cairn_lsm_cache_records",
                .help = "Records in the cache of those."},
               records_->records());
  list->Number({.info = "index_bytes",
                .metric = "cairn_index_bytes",
                .unit = "bytes",
                .help = "Memory of memtables and of readers of files."},
               stats.index_bytes);
  spaces_.TellFigures(list);
  const LsmCounts now = Counts();
  const uint64_t device_bytes = now.wal_bytes + now.flushed_bytes + now.compacted_written_bytes;
  list->Text({.info = "rocksdb",
              .metric = "cairn_lsm_rocksdb",
              .kind = FigureKind::kText,
              .label = "build",
              .help = "The library: where it comes from, and its version."},
             RocksdbBuild());
  list->Number({.info = "write_amplification",
                .metric = "cairn_lsm_write_amplification",
                .help = "Bytes written by logs, flushes and compactions, per byte accepted.",
                .decimals = 3},
               now.user_bytes == 0
                   ? 0.0
                   : static_cast<double>(device_bytes) / static_cast<double>(now.user_bytes));
  const uint64_t live = Property(db, Properties::kEstimateLiveDataSize);
  list->Number({.info = "space_amplification",
                .metric = "cairn_space_amplification",
                .help = "Bytes of files per byte that lives in them; estimated.",
                .decimals = 3},
               live == 0 ? 1.0 : static_cast<double>(stats.data_bytes) / static_cast<double>(live));
  list->Text({.info = "write_stall",
              .metric = "cairn_lsm_write_stall",
              .kind = FigureKind::kState,
              .label = "state",
              .help = "Whether RocksDB holds writes up at present.",
              .choices = "none delayed stopped"},
             events_->stall());
  list->Text({.info = "compaction_state",
              .metric = "cairn_lsm_compaction_state",
              .kind = FigureKind::kState,
              .label = "state",
              .help = "Whether files are compacted, or one that failed has stopped that.",
              .choices = "running stopped"},
             events_->compactions_failed() ? "stopped" : "running");
  list->Each({.info = "level_files",
              .metric = "cairn_lsm_level_files",
              .label = "level",
              .help = "Files of each level."},
             kLevels, [db](uint32_t level) {
               std::string count;
               (void)const_cast<rocksdb::DB*>(db)->GetProperty(
                   Properties::kNumFilesAtLevelPrefix + std::to_string(level), &count);
               return strtoull(count.c_str(), nullptr, 10);
             });
  for (const Counter& counter : kCounters) {
    const uint64_t count = now.*counter.member, then = reset_at_.*counter.member;
    list->Number(counter.row, count >= then ? count - then : count);  // less: opened again since
  }
}

}  // namespace cairn::lsm
