// The figures of this engine, told by name.
#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/clock.h"
#include "vlog/vlog_engine.h"

namespace cairn {

namespace {

// Buckets of metrics: from 1 us to 17 s; from 512 bytes to 1 GB.
constexpr uint32_t kLatencyFrom = 10, kLatencyTo = 34;
constexpr uint32_t kSizeFrom = 9, kSizeTo = 30;
constexpr const char* kModes = "lazy throttled aggressive mixed";

constexpr auto kCounters = std::to_array({
    &VlogStats::cache_evictions,
    &VlogStats::disk_reads,
    &VlogStats::disk_read_bytes,
    &VlogStats::disk_read_nanos,
    &VlogStats::wal_ring_reads,
    &VlogStats::checksum_errors,
    &VlogStats::gc_written_bytes,
    &VlogStats::gc_read_bytes,
    &VlogStats::gc_reads,
    &VlogStats::gc_writes,
    &VlogStats::user_bytes,
    &VlogStats::write_errors,
    &VlogStats::read_errors,
});
constexpr auto kSaveCounters = std::to_array({&SaveStats::written, &SaveStats::written_bytes});
constexpr auto kHistograms =
    std::to_array({&VlogStats::commit_nanos, &VlogStats::commit_bytes, &VlogStats::read_nanos});
constexpr auto kLaneCounters = std::to_array({
    &LaneStats::commits,
    &LaneStats::commit_bytes,
    &LaneStats::record_bytes,
    &LaneStats::padding_bytes,
    &LaneStats::prepared_bytes,
    &LaneStats::syncs,
    &LaneStats::commit_nanos,
    &LaneStats::gc_segments,
    &LaneStats::gc_moved_bytes,
    &LaneStats::gc_reclaimed_segments,
    &LaneStats::gc_reclaimed_bytes,
});

// After a reload the engine counts from zero again: then nothing is to be subtracted.
uint64_t Since(uint64_t now, uint64_t then) { return now >= then ? now - then : now; }

double Ratio(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

template <typename Member>
uint64_t Sum(const VlogStats& stats, Member member) {
  uint64_t sum = 0;
  for (const LaneStats& lane : stats.lanes) sum += lane.*member;
  return sum;
}

// Of all lanes, or `mixed`.
std::string ModeOf(const VlogStats& stats) {
  if (stats.lanes.empty()) return "";
  const std::string_view first = stats.lanes[0].gc_mode;
  for (const LaneStats& lane : stats.lanes)
    if (lane.gc_mode != first) return "mixed";
  return std::string(first);
}

void TellSpace(const VlogStats& s, uint64_t min_free_bytes, FigureList* list) {
  list->Number({.info = "lanes"}, static_cast<uint64_t>(s.lanes.size()));
  list->Number({.info = "log_bytes",
                .metric = "cairn_log_bytes",
                .unit = "bytes",
                .help = "Bytes of the logs."},
               s.log_bytes);
  list->Number({.info = "live_bytes",
                .metric = "cairn_live_bytes",
                .unit = "bytes",
                .help = "Bytes of live records in the logs."},
               s.log_live_bytes);
  list->Number({.info = "dead_bytes",
                .metric = "cairn_dead_bytes",
                .unit = "bytes",
                .help = "Bytes in the logs that garbage collection can win back."},
               s.log_bytes - std::min(s.log_bytes, s.log_live_bytes));
  list->Number({.info = "space_amplification", .decimals = 3},
               Ratio(s.log_bytes, s.log_live_bytes));
  list->Number({.info = "disk_bytes", .unit = "bytes"}, Sum(s, &LaneStats::disk_bytes));
  list->Number({.info = "free_bytes",
                .metric = "cairn_free_bytes",
                .unit = "bytes",
                .help = "Bytes free in the file system of the data directory."},
               s.free_bytes);
  list->Number({.info = "min_free_bytes",
                .metric = "cairn_min_free_bytes",
                .unit = "bytes",
                .help = "Writes are refused while less is free."},
               min_free_bytes);
  list->Number({.info = "segments"}, Sum(s, &LaneStats::segments));
  list->Number({.info = "segments_active",
                .metric = "cairn_segments",
                .label = "state",
                .help = "Segment files by state."},
               s.segments_active, "active");
  list->Number({.info = "segments_sealed",
                .metric = "cairn_segments",
                .label = "state",
                .help = "Segment files by state."},
               s.segments_sealed, "sealed");
  list->Number({.info = "segments_survivors",
                .metric = "cairn_segments",
                .label = "state",
                .help = "Segment files by state."},
               s.segments_survivors, "survivors");
  list->Number({.info = "segments_spare",
                .metric = "cairn_segments",
                .label = "state",
                .help = "Segment files by state."},
               s.spare_segments, "spare");
  list->Number({.info = "segments_recycled",
                .metric = "cairn_segments_recycled_total",
                .kind = FigureKind::kCounter,
                .help = "Segments made from the file of an older one."},
               s.segments_recycled);
  list->Number({.info = "spare_bytes",
                .metric = "cairn_spare_bytes",
                .unit = "bytes",
                .help = "Bytes of files that wait to be used again."},
               s.spare_bytes);
}

void TellWritten(const VlogStats& s, FigureList* list) {
  struct Cause {
    const char* info;
    const char* cause;
    uint64_t bytes;
  };
  const uint64_t padding = Sum(s, &LaneStats::padding_bytes);
  const uint64_t written = Sum(s, &LaneStats::commit_bytes);
  const Cause causes[] = {
      {"device_bytes_commit", "commit", written - std::min(written, padding)},
      {"device_bytes_padding", "padding", padding},
      {"device_bytes_prepared", "prepared", Sum(s, &LaneStats::prepared_bytes)},
      {"device_bytes_gc", "gc", s.gc_written_bytes},
      {"device_bytes_checkpoint", "checkpoint", s.save.written_bytes},
  };
  uint64_t device = 0;
  for (const Cause& cause : causes) device += cause.bytes;
  list->Number({.info = "user_bytes_written",
                .metric = "cairn_user_bytes_written_total",
                .kind = FigureKind::kCounter,
                .unit = "bytes",
                .help = "Bytes of keys and values accepted."},
               s.user_bytes);
  list->Number({.info = "device_bytes_written",
                .metric = "cairn_device_bytes_written_total",
                .kind = FigureKind::kCounter,
                .unit = "bytes",
                .help = "Bytes written to the data directory."},
               device);
  for (const auto& [info, cause, bytes] : causes)
    list->Number({.info = info,
                  .metric = "cairn_device_bytes_by_cause_total",
                  .kind = FigureKind::kCounter,
                  .unit = "bytes",
                  .label = "cause",
                  .help = "The same by what they were written for."},
                 bytes, cause);
  list->Number({.info = "write_amplification",
                .metric = "cairn_write_amplification",
                .help = "Bytes written to the data directory per byte of keys and values.",
                .decimals = 3},
               Ratio(device, s.user_bytes));
}

void TellCommits(const VlogStats& s, FigureList* list) {
  const uint64_t commits = Sum(s, &LaneStats::commits);
  list->Number({.info = "commits", .kind = FigureKind::kCounter}, commits);
  list->Number({.info = "commit_bytes", .kind = FigureKind::kCounter, .unit = "bytes"},
               Sum(s, &LaneStats::record_bytes));
  list->Number({.info = "commit_bytes_mean", .unit = "bytes", .decimals = 1},
               Ratio(Sum(s, &LaneStats::record_bytes), commits));
  list->Histogram({.info = "commit_bytes_percentiles",
                   .metric = "cairn_commit_size_bytes",
                   .kind = FigureKind::kHistogram,
                   .unit = "bytes",
                   .help = "Size of group commits, padding included.",
                   .from_bits = kSizeFrom,
                   .to_bits = kSizeTo},
                  s.commit_bytes);
  list->Number({.info = "commit_usec_mean", .unit = "us", .decimals = 1},
               Ratio(Sum(s, &LaneStats::commit_nanos) / 1000, commits));
  list->Histogram({.info = "commit_usec_percentiles",
                   .metric = "cairn_commit_duration_seconds",
                   .kind = FigureKind::kHistogram,
                   .unit = "ns",
                   .help = "Latency of group commits.",
                   .from_bits = kLatencyFrom,
                   .to_bits = kLatencyTo},
                  s.commit_nanos);
  list->Number({.info = "commits_in_flight"}, Sum(s, &LaneStats::commits_in_flight));
  list->Number({.info = "staged_bytes", .unit = "bytes"}, Sum(s, &LaneStats::staged_bytes));
  list->Number({.info = "padding_bytes", .kind = FigureKind::kCounter, .unit = "bytes"},
               Sum(s, &LaneStats::padding_bytes));
  list->Number({.info = "prepared_bytes", .kind = FigureKind::kCounter, .unit = "bytes"},
               Sum(s, &LaneStats::prepared_bytes));
  list->Number({.info = "syncs", .kind = FigureKind::kCounter}, Sum(s, &LaneStats::syncs));
}

void TellCollection(const VlogStats& s, FigureList* list) {
  list->Text({.info = "gc_mode",
              .metric = "cairn_gc_mode",
              .kind = FigureKind::kState,
              .label = "mode",
              .help = "The mode in force has the value 1.",
              .choices = kModes},
             ModeOf(s));
  list->Number({.info = "gc_paused",
                .metric = "cairn_gc_paused",
                .help = "Whether garbage collection is paused."},
               static_cast<uint64_t>(s.gc_paused));
  list->Text({.info = "gc_isolation",
              .metric = "cairn_gc_isolation_info",
              .kind = FigureKind::kText,
              .label = "isolation",
              .help = "What keeps garbage collection out of the way of clients."},
             s.gc_isolation.empty() ? "none" : s.gc_isolation);
  list->Number({.info = "gc_collected_segments", .kind = FigureKind::kCounter},
               Sum(s, &LaneStats::gc_segments));
  list->Number({.info = "gc_moved_bytes", .kind = FigureKind::kCounter, .unit = "bytes"},
               Sum(s, &LaneStats::gc_moved_bytes));
  list->Number({.info = "gc_reclaimed_segments", .kind = FigureKind::kCounter},
               Sum(s, &LaneStats::gc_reclaimed_segments));
  list->Number({.info = "gc_reclaimed_bytes", .kind = FigureKind::kCounter, .unit = "bytes"},
               Sum(s, &LaneStats::gc_reclaimed_bytes));
  list->Number({.info = "gc_reads",
                .metric = "cairn_gc_reads_total",
                .kind = FigureKind::kCounter,
                .help = "Reads by garbage collection."},
               s.gc_reads);
  list->Number({.info = "gc_read_bytes",
                .metric = "cairn_gc_read_bytes_total",
                .kind = FigureKind::kCounter,
                .help = "Bytes of them."},
               s.gc_read_bytes);
  list->Number({.info = "gc_writes",
                .metric = "cairn_gc_writes_total",
                .kind = FigureKind::kCounter,
                .help = "Writes by garbage collection."},
               s.gc_writes);
  list->Number({.info = "gc_written_bytes",
                .metric = "cairn_gc_written_bytes_total",
                .kind = FigureKind::kCounter,
                .help = "Bytes of them."},
               s.gc_written_bytes);
}

void TellCheckpoints(const SaveStats& save, FigureList* list) {
  const uint64_t now = WallMillis();
  const double age = save.last_wall_ms == 0
                         ? std::nan("")
                         : static_cast<double>(now - std::min(now, save.last_wall_ms)) / 1000;
  list->Number({.info = "checkpoint_running",
                .metric = "cairn_checkpoint_running",
                .help = "Whether one is being written."},
               static_cast<uint64_t>(save.running));
  list->Number({.info = "checkpoint_age_sec",
                .metric = "cairn_checkpoint_age_seconds",
                .unit = "s",
                .help = "Time since the newest good checkpoint; absent while there is none."},
               age);
  list->Number({.info = "checkpoint_last_status",
                .metric = "cairn_checkpoint_last_status",
                .kind = FigureKind::kStatus,
                .help = "Whether the latest one succeeded."},
               static_cast<uint64_t>(save.last_ok));
  list->Text({.info = "checkpoint_last_error", .kind = FigureKind::kText}, save.last_error);
  list->Number({.info = "checkpoint_last_ms",
                .metric = "cairn_checkpoint_last_seconds",
                .unit = "ms",
                .help = "How long the newest one took."},
               save.last_millis);
  list->Number({.info = "checkpoint_last_bytes",
                .metric = "cairn_checkpoint_last_bytes",
                .unit = "bytes",
                .help = "Its size."},
               save.last_bytes);
  list->Number({.info = "checkpoint_last_keys",
                .metric = "cairn_checkpoint_last_keys",
                .help = "Keys in it."},
               save.last_keys);
  list->Number({.info = "checkpoints_written",
                .metric = "cairn_checkpoints_written_total",
                .kind = FigureKind::kCounter,
                .help = "Checkpoints since the start."},
               save.written);
}

void TellErrors(const VlogStats& s, FigureList* list) {
  list->Number({.info = "disk_write_errors",
                .metric = "cairn_disk_errors_total",
                .kind = FigureKind::kCounter,
                .label = "kind",
                .help = "Operations that the disk failed, and bad checksums."},
               s.write_errors, "write");
  list->Number({.info = "disk_read_errors",
                .metric = "cairn_disk_errors_total",
                .kind = FigureKind::kCounter,
                .label = "kind",
                .help = "Operations that the disk failed, and bad checksums."},
               s.read_errors, "read");
  list->Number({.metric = "cairn_disk_errors_total",
                .kind = FigureKind::kCounter,
                .label = "kind",
                .help = "Operations that the disk failed, and bad checksums."},
               s.checksum_errors, "checksum");
  list->Number({.info = "corrupt_reads",
                .metric = "cairn_corrupt_reads_total",
                .kind = FigureKind::kCounter,
                .help = "Records whose checksum did not match."},
               s.checksum_errors);
}

void TellLanes(const VlogStats& s, FigureList* list) {
  const auto lanes = static_cast<uint32_t>(s.lanes.size());
  list->Each({.metric = "cairn_lane_commits_total",
              .kind = FigureKind::kCounter,
              .label = "lane",
              .help = "Group commits."},
             lanes, [&](uint32_t i) { return s.lanes[i].commits; });
  list->Each({.metric = "cairn_lane_commit_bytes_total",
              .kind = FigureKind::kCounter,
              .unit = "bytes",
              .label = "lane",
              .help = "Record bytes in group commits."},
             lanes, [&](uint32_t i) { return s.lanes[i].record_bytes; });
  list->Each({.metric = "cairn_lane_commit_seconds_total",
              .kind = FigureKind::kCounter,
              .unit = "ns",
              .label = "lane",
              .help = "Time from submission to completion of commits."},
             lanes, [&](uint32_t i) { return s.lanes[i].commit_nanos; });
  list->Each({.metric = "cairn_lane_padding_bytes_total",
              .kind = FigureKind::kCounter,
              .unit = "bytes",
              .label = "lane",
              .help = "Bytes that only filled the last block of a commit."},
             lanes, [&](uint32_t i) { return s.lanes[i].padding_bytes; });
  list->Each({.metric = "cairn_lane_prepared_bytes_total",
              .kind = FigureKind::kCounter,
              .unit = "bytes",
              .label = "lane",
              .help = "Bytes written ahead to prepare blocks."},
             lanes, [&](uint32_t i) { return s.lanes[i].prepared_bytes; });
  list->Each({.metric = "cairn_lane_syncs_total",
              .kind = FigureKind::kCounter,
              .label = "lane",
              .help = "Explicit flushes."},
             lanes, [&](uint32_t i) { return s.lanes[i].syncs; });
  list->Each(
      {.metric = "cairn_lane_commits_in_flight", .label = "lane", .help = "Commits under way."},
      lanes, [&](uint32_t i) { return s.lanes[i].commits_in_flight; });
  list->Each({.metric = "cairn_lane_staged_bytes",
              .unit = "bytes",
              .label = "lane",
              .help = "Bytes that wait for a commit."},
             lanes, [&](uint32_t i) { return s.lanes[i].staged_bytes; });
  list->Each({.metric = "cairn_lane_segments", .label = "lane", .help = "Segment files."}, lanes,
             [&](uint32_t i) { return s.lanes[i].segments; });
  list->Each({.metric = "cairn_lane_disk_bytes",
              .unit = "bytes",
              .label = "lane",
              .help = "Bytes of segment files, with room reserved ahead."},
             lanes, [&](uint32_t i) { return s.lanes[i].disk_bytes; });
  list->Each(
      {.metric = "cairn_lane_log_bytes", .unit = "bytes", .label = "lane", .help = "Bytes of log."},
      lanes, [&](uint32_t i) { return s.lanes[i].log_bytes; });
  list->Each({.metric = "cairn_lane_live_bytes",
              .unit = "bytes",
              .label = "lane",
              .help = "Bytes of live records."},
             lanes, [&](uint32_t i) { return s.lanes[i].live_bytes; });
  list->Each({.metric = "cairn_lane_gc_collected_segments_total",
              .kind = FigureKind::kCounter,
              .label = "lane",
              .help = "Segments that were collected."},
             lanes, [&](uint32_t i) { return s.lanes[i].gc_segments; });
  list->Each({.metric = "cairn_lane_gc_moved_bytes_total",
              .kind = FigureKind::kCounter,
              .unit = "bytes",
              .label = "lane",
              .help = "Bytes of live records that were moved for it."},
             lanes, [&](uint32_t i) { return s.lanes[i].gc_moved_bytes; });
  list->Each({.metric = "cairn_lane_gc_reclaimed_segments_total",
              .kind = FigureKind::kCounter,
              .label = "lane",
              .help = "Segments whose files were freed, collected or without that."},
             lanes, [&](uint32_t i) { return s.lanes[i].gc_reclaimed_segments; });
  list->Each({.metric = "cairn_lane_gc_reclaimed_bytes_total",
              .kind = FigureKind::kCounter,
              .unit = "bytes",
              .label = "lane",
              .help = "Bytes of files that it freed."},
             lanes, [&](uint32_t i) { return s.lanes[i].gc_reclaimed_bytes; });
  list->Each({.metric = "cairn_lane_read_only",
              .label = "lane",
              .help = "Whether the lane refuses writes."},
             lanes, [&](uint32_t i) { return s.lanes[i].read_only; });
}

void TellStats(const VlogStats& all, EngineStats* out) {
  *out = EngineStats();
  out->index_bytes = all.index_bytes;
  out->cache_bytes = all.cache_bytes;
  out->buffer_bytes = all.wal_ring_bytes;
  out->data_bytes = all.log_bytes;
  out->pending_bytes = Sum(all, &LaneStats::staged_bytes);
  out->block_bytes = all.block_bytes;
  out->io_backend = all.io_backend;
  out->durable_write_method = all.durable_write_method;
}

}  // namespace

void VlogEngine::Stats(EngineStats* out) const {
  VlogStats all;
  Stats(&all);
  TellStats(all, out);
}

void VlogEngine::Figures(const FigureInput& input, FigureList* list) const {
  VlogStats all;
  Stats(&all);
  TellFigures(std::move(all), input, list);
}

void VlogEngine::Look(const FigureInput& input, EngineStats* stats, FigureList* list) const {
  VlogStats all;
  Stats(&all);
  TellStats(all, stats);
  TellFigures(std::move(all), input, list);
}

void VlogEngine::ResetFigures() {
  VlogStats now;
  Stats(&now);
  std::lock_guard<std::mutex> lock(reset_mutex_);
  reset_at_ = std::move(now);
}

VlogStats VlogEngine::SinceReset(VlogStats stats) const {
  std::lock_guard<std::mutex> lock(reset_mutex_);
  for (auto member : kCounters) stats.*member = Since(stats.*member, reset_at_.*member);
  for (auto member : kSaveCounters)
    stats.save.*member = Since(stats.save.*member, reset_at_.save.*member);
  for (auto member : kHistograms) {
    Log2Histogram& now = stats.*member;
    const Log2Histogram& then = reset_at_.*member;
    now.sum = Since(now.sum, then.sum);
    for (uint32_t i = 0; i < Log2Histogram::kBuckets; ++i)
      now.counts[i] = Since(now.counts[i], then.counts[i]);
  }
  for (size_t i = 0; i < std::min(stats.lanes.size(), reset_at_.lanes.size()); ++i)
    for (auto member : kLaneCounters)
      stats.lanes[i].*member = Since(stats.lanes[i].*member, reset_at_.lanes[i].*member);
  return stats;
}

void VlogEngine::TellFigures(VlogStats stats, const FigureInput& input, FigureList* list) const {
  const VlogStats s = SinceReset(std::move(stats));
  uint64_t keys = 0;
  for (uint32_t ns = 0; ns < options_.databases; ++ns) keys += KeyCount(static_cast<uint16_t>(ns));
  // What neither the disk nor a ring answered came from the cache.
  const uint64_t missed = s.disk_reads + s.wal_ring_reads;
  const uint64_t hits = input.found - std::min(input.found, missed);
  TellSpace(s, space_.min_free_bytes(), list);
  TellWritten(s, list);
  TellCommits(s, list);
  TellCollection(s, list);
  TellCheckpoints(s.save, list);
  list->Number({.info = "reads_from_cache",
                .metric = "cairn_value_reads_total",
                .kind = FigureKind::kCounter,
                .label = "source",
                .help = "Value reads by where the value was found."},
               hits, "cache");
  list->Number({.info = "reads_from_wal_ring",
                .metric = "cairn_value_reads_total",
                .kind = FigureKind::kCounter,
                .label = "source",
                .help = "Value reads by where the value was found."},
               s.wal_ring_reads, "wal_ring");
  list->Number({.info = "reads_from_disk",
                .metric = "cairn_value_reads_total",
                .kind = FigureKind::kCounter,
                .label = "source",
                .help = "Value reads by where the value was found."},
               s.disk_reads, "disk");
  list->Number({.info = "disk_read_bytes",
                .metric = "cairn_disk_read_bytes_total",
                .kind = FigureKind::kCounter,
                .unit = "bytes",
                .help = "Bytes read from the value log."},
               s.disk_read_bytes);
  list->Number({.info = "disk_read_usec_mean", .unit = "us", .decimals = 1},
               Ratio(s.disk_read_nanos / 1000, s.disk_reads));
  list->Number({.metric = "cairn_disk_read_seconds_total",
                .kind = FigureKind::kCounter,
                .unit = "ns",
                .help = "Time of reads from the value log."},
               s.disk_read_nanos);
  list->Histogram({.info = "disk_read_usec_percentiles",
                   .metric = "cairn_disk_read_duration_seconds",
                   .kind = FigureKind::kHistogram,
                   .unit = "ns",
                   .help = "Latency of reads from the value log.",
                   .from_bits = kLatencyFrom,
                   .to_bits = kLatencyTo},
                  s.read_nanos);
  list->Number({.info = "disk_reads_in_flight",
                .metric = "cairn_disk_reads_in_flight",
                .help = "Reads under way."},
               s.disk_reads_in_flight);
  list->Number({.info = "cache_hits",
                .metric = "cairn_cache_hits_total",
                .kind = FigureKind::kCounter,
                .help = "Value reads that the cache answered."},
               hits);
  list->Number({.info = "cache_misses",
                .metric = "cairn_cache_misses_total",
                .kind = FigureKind::kCounter,
                .help = "Value reads that it did not."},
               missed);
  list->Number({.info = "cache_bytes",
                .metric = "cairn_cache_bytes",
                .unit = "bytes",
                .help = "Memory of the value cache."},
               s.cache_bytes);
  list->Number({.info = "cache_bytes_max",
                .metric = "cairn_cache_max_bytes",
                .unit = "bytes",
                .help = "Its limit."},
               static_cast<uint64_t>(cache_->budget()));
  list->Number({.info = "cache_ghost_bytes", .unit = "bytes"}, s.cache_ghost_bytes);
  list->Text({.info = "cache_policy", .kind = FigureKind::kText},
             std::string(NameOf(options_.cache_policy)));
  list->Number({.info = "cache_evictions",
                .metric = "cairn_cache_evictions_total",
                .kind = FigureKind::kCounter,
                .help = "Values pushed out of the cache."},
               s.cache_evictions);
  list->Number({.info = "index_keys", .metric = "cairn_index_keys", .help = "Keys in the index."},
               keys);
  list->Number({.info = "index_bytes",
                .metric = "cairn_index_bytes",
                .unit = "bytes",
                .help = "Memory of the index."},
               s.index_bytes);
  list->Number({.info = "pages",
                .metric = "cairn_pages",
                .help = "Pages, of collections that are larger than one value."},
               PageCount());
  spaces_.TellFigures(list);
  list->Number(
      {.metric = "cairn_wal_ring_bytes", .unit = "bytes", .help = "Memory of the WAL rings."},
      s.wal_ring_bytes);
  TellErrors(s, list);
  TellLanes(s, list);
}

}  // namespace cairn
