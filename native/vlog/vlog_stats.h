// What this engine counts. INFO and /metrics show it as vlog_figures.cc tells it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/figures.h"
#include "engine/stats.h"

namespace cairn {

struct LaneStats {
  uint32_t lane = 0;
  bool read_only = false;
  std::string reason;
  uint64_t durable_position = 0;
  uint64_t staged_bytes = 0;
  uint64_t commits = 0;
  uint64_t commit_bytes = 0;  // written by commits, padding included
  uint64_t record_bytes = 0;  // of it: records
  uint64_t padding_bytes = 0;
  uint64_t prepared_bytes = 0;  // zeros written ahead
  uint64_t syncs = 0;
  uint64_t commit_nanos = 0;  // summed latency of commits
  uint32_t commits_in_flight = 0;
  uint32_t segments = 0;
  uint64_t disk_bytes = 0;  // of the segment files, with room allocated ahead; 0: not known
  uint64_t log_bytes = 0;   // of them, as far as they are written
  uint64_t live_bytes = 0;  // of the records the index points to
  std::string_view gc_mode;
  uint64_t gc_segments = 0;            // collected
  uint64_t gc_moved_bytes = 0;         // of records that moved to segments of survivors
  uint64_t gc_reclaimed_segments = 0;  // whose files were removed or recycled: those collected, and
                                       // those that could go without being read
  uint64_t gc_reclaimed_bytes = 0;     // of those files
};

struct VlogStats {
  uint64_t index_bytes = 0;
  uint64_t cache_bytes = 0;
  uint64_t cache_ghost_bytes = 0;  // of them: history of what left the cache
  uint64_t cache_entries = 0;
  uint64_t cache_evictions = 0;
  uint64_t wal_ring_bytes = 0;  // in use so far: rings grow up to their limit
  uint64_t disk_reads = 0;
  uint64_t disk_read_bytes = 0;
  uint64_t disk_read_nanos = 0;  // summed latency of reads that are done
  uint64_t disk_reads_in_flight = 0;
  uint64_t wal_ring_reads = 0;  // of values that were neither cached nor on disk yet
  uint64_t checksum_errors = 0;
  uint64_t segments_recycled = 0;  // made from the file of a reclaimed one
  uint64_t spare_segments = 0;     // files of reclaimed segments that wait for that
  uint64_t spare_bytes = 0;
  uint32_t block_bytes = 0;  // unit of commits: the device's logical block
  // What was written to the device, by cause; commits are told by lane.
  uint64_t gc_written_bytes = 0;  // with padding
  uint64_t gc_read_bytes = 0;
  uint64_t gc_reads = 0;
  uint64_t gc_writes = 0;
  bool gc_paused = false;
  std::string gc_isolation;  // what keeps GC out of the way of users: "ioprio+nice", "ioprio",
                             // "nice", "none"; at present
  uint64_t user_bytes = 0;   // of keys and values that were written
  uint64_t log_bytes = 0;    // of all segments of all epochs, as far as they are written
  uint64_t log_live_bytes = 0;
  uint64_t segments_active = 0;     // one per lane, and those created ahead
  uint64_t segments_sealed = 0;     // by commits
  uint64_t segments_survivors = 0;  // sealed, too: written by GC
  uint64_t free_bytes = 0;          // of the file system, when last looked at
  uint64_t write_errors = 0;        // of the disk
  uint64_t read_errors = 0;
  Log2Histogram commit_nanos;  // all lanes: latency, and bytes with padding, of commits
  Log2Histogram commit_bytes;
  Log2Histogram read_nanos;  // latency of reads of values
  SaveStats save;
  std::string io_backend;
  std::string io_backend_why;
  std::string durable_write_method;
  std::vector<LaneStats> lanes;
};

}  // namespace cairn
