// The contract between the transaction layer and a storage engine (vlog, lsm). An engine knows
// namespaces, shards, keys, values and log lanes; it knows no sessions, no RESP and no Node.
//
// Threads. Every call marked [latched] requires the caller to hold ShardLatch(shard) of every shard
// named; any reactor may make it. Calls marked [reactor r] come only from the thread of reactor r.
// Everything else is thread-safe. A latch is held for memory work only, never across I/O.
//
// Durability. A write gets its final log position when it is applied; position p of lane l is
// durable once DurablePosition(l) >= p. A reply may leave when all its tickets are durable (policy
// `always`). A transaction that spans lanes is one unit: no lane's durable position passes its part
// before all parts are durable, so an acknowledged later write never stands on a part that a crash
// could take back.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/large_buffer.h"
#include "base/latch.h"
#include "base/slot.h"
#include "base/status.h"

namespace cairn {

class IoQueue;
class Disk;

enum class FsyncPolicy : uint8_t { kAlways, kEverySecond, kNo };
// Which values leave the cache first; see vlog/cache_policy.h.
enum class CachePolicy : uint8_t { kS3Fifo, kLirs, kLru };
enum class ValueType : uint8_t { kString = 0 };

// How garbage collection goes about it.
//   kLazy        collects what pays most; keeps to the space amplification when it can
//   kThrottled   the same, with at most gc_iops reads and writes per second
//   kAggressive  enforces the space amplification, several segments in parallel
enum class GcMode : uint8_t { kLazy = 0, kThrottled = 1, kAggressive = 2 };

inline constexpr uint32_t kDatabasesMax = 16384;
inline constexpr uint32_t kLanesMax = kShardCount;
inline constexpr uint32_t kReactorsMax = 64;
inline constexpr uint64_t kKeyBytesMax = 512ull << 20;
inline constexpr uint64_t kValueBytesMax = 512ull << 20;
inline constexpr uint64_t kSegmentBytesMin = 64u << 10;
inline constexpr uint64_t kSegmentBytesMax = 16ull << 30;
inline constexpr uint64_t kCommitBatchBytesMin = 64u << 10;
inline constexpr uint64_t kCommitBatchBytesMax = 64u << 20;
inline constexpr uint32_t kCommitsPerRingMin = 4;

struct EngineOptions {
  std::string dir;
  uint32_t reactors = 1;
  uint32_t lanes = 1;
  bool lanes_auto =
      false;  // `lanes` is only for a new directory: an existing one keeps its own number
  uint32_t databases = 16;
  uint64_t segment_bytes = 1ull << 30;    // at most; where little lives they are smaller
  uint64_t wal_ring_bytes = 16ull << 20;  // staged and in-flight bytes per lane
  uint64_t commit_batch_bytes =
      1ull << 20;  // upper bound of one commit; without `always` also the write-out threshold
  uint32_t commit_delay_us = 0;
  uint64_t cache_bytes = 0;
  CachePolicy cache_policy = CachePolicy::kS3Fifo;
  uint32_t cache_small_value_bytes = 256;  // values up to this size that proved hot stay longer
  FsyncPolicy fsync = FsyncPolicy::kAlways;
  bool salvage = false;                   // go on past damage: report it, drop what cannot be read
  GcMode gc_mode = GcMode::kLazy;         // of lanes for which nothing else is set
  uint32_t gc_iops = 1000;                // kThrottled: reads and writes per second, all lanes
  uint32_t gc_max_parallel = 1;           // segments collected at once, all lanes; 1 to 64
  uint32_t gc_space_amplification = 140;  // log bytes allowed per 100 live ones
  uint32_t segment_recycle_max = 0;       // files kept for reuse; 0: by what lives
  uint64_t min_free_bytes = 0;            // of the file system; below, writes are refused
  uint64_t checkpoint_bytes_per_second = 128ull << 20;  // rate at which checkpoints are written
  // Open gives up with kBusy soon after it turns true, and leaves a directory as a crash would.
  const std::atomic<bool>* stop = nullptr;
};

// What commit_batch_bytes comes to: a ring holds at least four commits, and a commit of every lane
// together takes at most kCommitBatchBytesMax of memory.
inline uint64_t CommitBatchBytes(const EngineOptions& options) {
  const uint64_t ring = std::max(options.wal_ring_bytes, kCommitsPerRingMin * kCommitBatchBytesMin);
  const uint64_t share = std::max(kCommitBatchBytesMin, kCommitBatchBytesMax / options.lanes);
  const uint64_t wanted =
      std::clamp(options.commit_batch_bytes, kCommitBatchBytesMin, kCommitBatchBytesMax);
  return std::min({wanted, share, ring / kCommitsPerRingMin}) / 4096 * 4096;
}

struct TornTail {
  std::string file;
  uint64_t offset = 0;  // first byte cut
  std::string reason;
};

struct RecoveryReport {
  uint64_t keys = 0;
  uint64_t records = 0;
  uint64_t bytes = 0;
  uint32_t segments = 0;
  uint64_t millis = 0;
  std::vector<TornTail> torn_tails;
  std::vector<std::string> damage;   // with salvage: what was dropped, file and offset each
  uint64_t checkpoint_keys = 0;      // of `keys`: known from a checkpoint, before the log was read
  std::vector<std::string> notices;  // what an operator must hear of, although nothing is lost
  std::string gc_isolation;          // what the system allows of it; empty: no GC, or not known
};

// Where a lane must be durable before a reply may leave. position 0: nothing to wait for.
struct Ticket {
  uint32_t lane = 0;
  uint64_t position = 0;
};

// One exact version of a value on disk; equal bytes mean the same version. Opaque outside the
// engine.
struct VersionToken {
  uint64_t word[3] = {0, 0, 0};
  bool operator==(const VersionToken&) const = default;
};

// What the index says of a key. `value` is valid while the latch is held and nothing was applied
// since; with `copied` until the same thread's next Find.
struct Entry {
  bool found = false;
  bool resident = false;  // value bytes are in memory; false: Fetch() them
  bool copied =
      false;  // `value` was copied for the caller: valid only until this thread's next Find
  ValueType type = ValueType::kString;
  uint64_t expire_at_ms =
      0;  // 0: never. The engine reports expired entries as they are; callers judge.
  uint64_t value_bytes = 0;
  std::string_view value;
  VersionToken version;  // unless resident
  Ticket ticket;  // position 0 when the version is durable already; for a miss: the shard's latest
                  // removal
};

enum class WriteKind : uint8_t {
  kPut,
  kDelete,  // of a key that exists
  kExpire,  // sets (0: removes) the expiry of a key that exists; the value stays where it is
  kFlush,   // every key of `ns`, or of all namespaces when ns == kAllNamespaces; needs all latches
  kSwap,    // exchanges namespaces ns and other_ns; needs all latches
};
inline constexpr uint16_t kAllNamespaces = 0xffff;

struct WriteOp {
  WriteKind kind = WriteKind::kPut;
  ValueType type = ValueType::kString;
  uint16_t ns = 0;
  uint16_t shard = 0;
  uint16_t other_ns = 0;
  uint64_t expire_at_ms = 0;
  std::string_view key;
  std::string_view value;
  // False: nobody waits for it. It reaches the disk with the next commit, which it does not start;
  // that is at the next Tick at the latest. Only for units of one op.
  bool awaited = true;
  // The bytes of the value stay where and as they are until the unit is applied, also between two
  // passes that write it.
  bool steady = false;
};

// A key that will be used soon, with its shard.
struct KeyHint {
  std::string_view key;
  uint16_t shard = 0;
};

// Reads one version of a value from disk. Owned by the caller until done() ran, on the reactor's
// thread, from its IoQueue. On success value() is valid until the request is destroyed or reused.
// Errors: kIoError, kCorruption (file and offset named).
class FetchRequest {
 public:
  FetchRequest() = default;
  virtual ~FetchRequest();
  FetchRequest(const FetchRequest&) = delete;
  FetchRequest& operator=(const FetchRequest&) = delete;
  virtual void Done(Status status) = 0;
  std::string_view value() const { return value_; }
  // Of a large value: keeps it alive beyond the request. Null: copy it.
  const Owner& owner() const { return owner_; }
  VersionToken version;
  bool no_admit = false;  // what is read does not enter the cache

 protected:
  friend class Engine;
  friend class VlogEngine;
  std::string_view value_;
  Owner owner_;
  void* state_ = nullptr;  // the engine's; freed through free_state_
  void (*free_state_)(void*) = nullptr;
};

// The bytes of a unit that is about to be applied, copied and checksummed ahead, in pieces, without
// any latch: so that applying hundreds of megabytes takes no longer than a few bytes. One thread.
class PreparedUnit {
 public:
  virtual ~PreparedUnit() = default;
  // Works off at most about `bytes` bytes of values. True: all is done.
  virtual bool Step(uint64_t bytes) = 0;
};

// Told on the thread that completed a commit, after a lane's durable position moved or the lane
// failed. Must be quick.
class DurabilityListener {
 public:
  virtual ~DurabilityListener() = default;
  virtual void OnDurable(uint32_t lane) = 0;
};

// Counts by powers of two: bucket i has the values of i significant bits, up to 2^i - 1; the last
// one also what is greater.
struct Log2Histogram {
  static constexpr uint32_t kBuckets = 40;
  static constexpr uint32_t BucketOf(uint64_t value) {
    const uint32_t bits = static_cast<uint32_t>(std::bit_width(value));
    return bits < kBuckets ? bits : kBuckets - 1;
  }
  uint64_t counts[kBuckets] = {};
  uint64_t sum = 0;  // of the values
};

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
  GcMode gc_mode = GcMode::kLazy;
  uint64_t gc_segments = 0;            // collected
  uint64_t gc_moved_bytes = 0;         // of records that moved to segments of survivors
  uint64_t gc_reclaimed_segments = 0;  // whose files were removed or recycled: those collected, and
                                       // those that could go without being read
  uint64_t gc_reclaimed_bytes = 0;     // of those files
};

// How an index checkpoint went; see Engine::RequestCheckpoint.
struct CheckpointStats {
  uint64_t done = 0;  // number of the latest request that was served
  bool running = false;
  uint64_t running_millis = 0;  // for how long
  bool last_ok = true;          // of the latest one that ended
  std::string last_error;
  uint64_t last_wall_ms = 0;  // when the newest good one was finished (wall clock); 0: never
  uint64_t last_millis = 0;   // how long it took
  uint64_t last_bytes = 0;
  uint64_t last_keys = 0;
  uint64_t written = 0;  // checkpoints since the start
  uint64_t written_bytes = 0;
};

struct EngineStats {
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
  uint64_t segments_active = 0;  // one per lane, and those created ahead
  uint64_t segments_sealed = 0;
  uint64_t segments_survivors = 0;  // of the sealed ones: written by GC
  uint64_t free_bytes = 0;          // of the file system, when last looked at
  uint64_t write_errors = 0;        // of the disk
  uint64_t read_errors = 0;
  Log2Histogram commit_nanos;  // all lanes: latency, and bytes with padding, of commits
  Log2Histogram commit_bytes;
  Log2Histogram read_nanos;  // latency of reads of values
  CheckpointStats checkpoint;
  std::string io_backend;
  std::string io_backend_why;
  std::string durable_write_method;
  std::vector<LaneStats> lanes;
};

class Engine {
 public:
  // Visits keys in order. Return false to stop. `key` is valid during the call.
  class ScanVisitor {
   public:
    virtual ~ScanVisitor() = default;
    virtual bool OnKey(std::string_view key, uint64_t expire_at_ms, ValueType type) = 0;
  };

  virtual ~Engine() = default;

  // --- life: Open, then AttachReactor once per reactor thread, ..., then Close from one thread
  // after all detached. ---
  virtual Result<RecoveryReport> Open(const EngineOptions& options, Disk* disk,
                                      DurabilityListener* listener) = 0;
  virtual void AttachReactor(uint32_t reactor, IoQueue* queue) = 0;  // [reactor]
  virtual void DetachReactor(uint32_t reactor) = 0;  // [reactor] nothing in flight there any more
  // Writes out and syncs all that is staged, seals nothing, releases the lock. In blocking mode;
  // after all detached.
  virtual Status Close() = 0;

  // --- placement ---
  Latch& ShardLatch(uint32_t shard) { return latches_[shard].latch; }
  virtual uint32_t lane_count() const = 0;
  virtual uint32_t LaneOf(uint32_t shard) const = 0;

  // --- reads ---
  virtual void Find(uint16_t ns, uint16_t shard, std::string_view key, bool want_value,
                    Entry* entry) = 0;  // [latched]
  // Brings what these keys need from memory into the processor's caches, all at once instead of one
  // miss after another. Changes nothing. Takes latches itself. [reactor]
  virtual void Prefetch(uint16_t ns, std::span<const KeyHint> keys) {
    (void)ns;
    (void)keys;
  }
  // Keeps entry.value as it is beyond the latch, whatever happens to the key. Directly after the
  // Find that filled `entry`. Null: it has to be copied; so for most values of less than
  // kLargeValueBytes. [latched]
  virtual Owner Pin(uint16_t ns, uint16_t shard, std::string_view key, const Entry& entry) {
    (void)ns, (void)shard, (void)key, (void)entry;
    return nullptr;
  }
  // Starts reading entry.version of a found, not resident entry. Call under the same latch hold as
  // the Find. [latched, reactor r]
  virtual void Fetch(uint32_t reactor, uint16_t ns, uint16_t shard, std::string_view key,
                     FetchRequest* request) = 0;
  virtual void Scan(uint16_t ns, uint16_t shard, std::string_view from,
                    ScanVisitor* visitor) = 0;  // [latched]
  // A key of this shard, about uniformly; false if it has none. *key valid until the latch is
  // released. [latched]
  virtual bool Random(uint16_t ns, uint16_t shard, uint64_t random, std::string* key) = 0;
  virtual uint64_t KeyCount(uint16_t ns) const = 0;  // exact, O(1) in the number of keys
  virtual uint64_t ExpiringCount(uint16_t ns) const = 0;
  virtual uint64_t ShardKeyCount(uint16_t ns, uint16_t shard) const = 0;  // [latched]
  // Estimates, from a sample of bounded size, how long the keys that expire after now_ms live on
  // the average; 0: there seem to be none. Takes latches itself. From any thread.
  virtual uint64_t MeanTtlMillis(uint16_t ns, uint64_t now_ms) const = 0;
  // Calls visitor for entries of one shard that were expired when the second of now_ms began, until
  // it returns false or *visits, which counts down, is used up. Starts over each time: who deletes
  // what was reported gets the next ones. The work does not depend on how many entries expire
  // later. Returns true if all were reported. [latched]
  virtual bool SweepExpired(uint16_t ns, uint16_t shard, uint64_t now_ms, size_t* visits,
                            ScanVisitor* visitor) = 0;

  // --- writes ---
  // Applies all ops as one atomic unit, also across a crash, in order. On error nothing was
  // changed: kNoSpace, kReadOnly, kTooLarge. kBusy: a lane's ring is full; retry after
  // OnDurable(*busy_lane). Fills tickets (one per lane touched, room for lane_count()) and
  // *ticket_count. Deletes may use a reserve that other writes may not. `prepared`, all steps done,
  // may be of other ops than these, and is then left unused: who decides by what it sees under the
  // latch may have changed its mind. [latched; reactor r]
  virtual Status Apply(uint32_t reactor, std::span<const WriteOp> ops, Ticket* tickets,
                       uint32_t* ticket_count, uint32_t* busy_lane,
                       PreparedUnit* prepared = nullptr) = 0;
  // For ops whose large values are steady; those are read until all steps are done. Null: not worth
  // it. [reactor r]
  virtual std::unique_ptr<PreparedUnit> Prepare(uint32_t reactor, std::span<const WriteOp> ops) {
    (void)reactor, (void)ops;
    return nullptr;
  }
  // End of a reactor's turn: starts the commits that are due. [reactor r]
  virtual void TurnEnd(uint32_t reactor) = 0;
  // About every 10 ms (timers: everysec, commit delay, retry after a full disk). [reactor r]
  virtual void Tick(uint32_t reactor, uint64_t monotonic_ms) = 0;
  virtual uint64_t DurablePosition(uint32_t lane) const = 0;
  // End of what is staged, as a ticket that covers everything applied so far in this lane.
  virtual Ticket StagedTicket(uint32_t lane) const = 0;
  // The lane takes no writes until a restart.
  virtual bool LaneFailed(uint32_t lane, std::string* reason) const = 0;
  // Nothing more becomes durable in the lane: it has failed, or its disk is full, which ends by
  // itself. What waits for positions beyond DurablePosition is answered with this error: of a full
  // disk it says that the write was taken, and is written when there is room. What shows no single
  // key's state (counts, scans) does not wait for the lane then.
  virtual bool LaneStopped(uint32_t lane, std::string* reason) const {
    return LaneFailed(lane, reason);
  }
  // Why the lane refuses writes for now (a full disk), although it has not failed; empty: it does
  // not.
  virtual std::string LaneDenied(uint32_t lane) const = 0;
  // Starts a sync of everything staged so far, whatever the policy (WAITAOF, SAVE); durable when
  // the tickets are. For the policies other than `always`, DurablePosition means synced.
  virtual void RequestSync(uint32_t reactor) = 0;  // [reactor r]

  // --- checkpoints and garbage collection; from any thread ---
  // Asks for an index checkpoint (SAVE). Served when CheckpointStats::done has reached the number
  // that is returned; then last_ok says how it went. Requests that come while one waits share it.
  virtual uint64_t RequestCheckpoint() = 0;
  // Close leaves the log as it is (SHUTDOWN NOSAVE): the next start replays it.
  virtual void SkipFinalCheckpoint() = 0;
  // Cheap enough to be asked every few milliseconds by who waits for one.
  virtual CheckpointStats Checkpoint() const {
    EngineStats stats;
    Stats(&stats);
    return stats.checkpoint;
  }
  static constexpr uint32_t kAllLanes = UINT32_MAX;
  virtual void SetGcMode(uint32_t lane, GcMode mode) = 0;
  virtual void SetGcLimits(uint32_t iops, uint32_t max_parallel, uint32_t space_amplification) = 0;
  virtual void PauseGc(bool pause) = 0;
  virtual void SetMinFreeBytes(uint64_t bytes) = 0;

  // What happened in the background since the last call and an operator must hear of. From one
  // thread, about every second.
  virtual std::vector<std::string> TakeNotices() { return {}; }

  // --- run-time options, figures ---
  virtual void SetFsyncPolicy(FsyncPolicy policy) = 0;
  virtual void SetCacheBytes(uint64_t bytes) = 0;
  virtual void Stats(EngineStats* out) const = 0;
  virtual uint64_t EntryMemoryBytes(uint16_t ns, uint16_t shard,
                                    std::string_view key) = 0;  // [latched] RAM of one key

 protected:
  // For engines: what the request shows from now on, and what it frees when it goes.
  static void SetFetched(FetchRequest* request, std::string_view value, void* state,
                         void (*free_state)(void*)) {
    if (request->state_ != nullptr) request->free_state_(request->state_);
    request->value_ = value;
    request->state_ = state;
    request->free_state_ = free_state;
  }

  struct alignas(64) PaddedLatch {
    Latch latch;
  };
  std::unique_ptr<PaddedLatch[]> latches_{new PaddedLatch[kShardCount]};
};

inline FetchRequest::~FetchRequest() {
  if (free_state_ != nullptr) free_state_(state_);
}

std::unique_ptr<Engine> NewVlogEngine();

struct CheckFinding {
  enum class Kind : uint8_t {
    kDamaged,
    kTornTail,  // what a crash leaves; the next start cuts it
  };
  Kind kind = Kind::kDamaged;
  std::string file;
  uint64_t offset = 0;
  std::string reason;
};

struct CheckReport {
  uint32_t lanes = 0;
  uint32_t segments = 0;
  uint32_t checkpoints = 0;  // that are whole
  uint64_t records = 0;
  uint64_t bytes = 0;  // of those records
  // What a start at this moment would find: expired keys do not count, though their records may
  // still be in the log. Where there is damage: what a start with salvage would find.
  uint64_t live_keys = 0;
  uint64_t live_bytes = 0;  // of their keys and values
  std::vector<CheckFinding> findings;

  uint64_t Count(CheckFinding::Kind kind) const {
    uint64_t count = 0;
    for (const CheckFinding& finding : findings) count += finding.kind == kind ? 1 : 0;
    return count;
  }
};

// Verifies a data directory offline, every record's checksum included, and changes nothing in it.
// To know the newest record of every key it builds the index that a server would build: that, and
// read windows of at most 64 MiB, is the memory it takes. For `cairn check`. now_ms: wall time, by
// which keys have expired.
Result<CheckReport> CheckVlogDirectory(const std::string& dir, Disk* disk,
                                       uint64_t now_ms = WallMillis());

// Damage as it is told in texts (RecoveryReport::damage, messages of kCorruption), taken apart:
// "FILE at offset N: REASON". A text of another form becomes the reason.
CheckFinding DamageFinding(const std::string& text);

}  // namespace cairn
