// The figures of this engine, told by name.
#include <utility>

#include "engine/figures.h"
#include "engine/stats.h"
#include "lsm/lsm_engine.h"

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
};

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
  const LsmCounts now = Counts();
  for (const Counter& counter : kCounters) {
    const uint64_t count = now.*counter.member, then = reset_at_.*counter.member;
    list->Number(counter.row, count >= then ? count - then : count);  // less: opened again since
  }
}

}  // namespace cairn::lsm
