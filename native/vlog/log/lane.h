// Lane: one log stream. Records are encoded straight into the chunks of the WAL ring, at the place
// in the file they will keep; group commit writes everything staged with one data-synced write,
// while the next batch gathers.
//
//   Stage (the caller encodes)
//        |                       Kick (end of a turn), or the completion of a commit
//        |                            |
//   [open batch] --full, or taken--> [queue of closed batches] --> [in flight: commits on the disk]
//
// Whatever is staged starts its way at once when no commit is on the disk. While one is, the next
// one starts only when overlap_bytes have gathered: overlapping pays for large values (a quarter
// more of 16 KiB values per second), while more commits for the same small ones only cost time.
// Commits may arrive in any order; they count, and free their chunks, in the order of the log.
//
// A batch is one chunk, one commit and one contiguous range of the segment file. Chunks are reused
// last in, first out, so a lightly loaded lane lives in a few cache lines. A unit larger than a
// chunk gets memory of its own, a unit larger than a segment a segment of its own.
//
// Threads: everything is guarded by latch(), held for memory work only, except the atomics and what
// belongs to a commit in flight (its owner is the thread whose IoQueue runs it). Methods named
// ...Locked need the latch held. Two latches are held together only to stage a transaction that
// spans lanes, in ascending order of lanes.
//
// Positions: staged_end >= written >= synced >= durable. A commit moves `written`, a data-synced
// commit or a sync moves `synced`; `durable` follows `synced` but stops before the part of a
// transaction whose other lanes are not there yet.
//
// Halts. A commit that meets a full disk stalls: it is written again every kRetryMs, and
// maintenance is asked for room. If it has none, the lane has stopped: who waits for it is told,
// and nothing is staged until what was staged is on disk. Lanes that share an unfinished
// transaction with it stop as well, and all go on by themselves. Any other failure of a write or
// sync is for good.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/large_buffer.h"
#include "base/latch.h"
#include "base/status.h"
#include "engine/options.h"
#include "engine/ticket.h"
#include "io/disk.h"
#include "vlog/log/format.h"
#include "vlog/log/segment.h"
#include "vlog/vlog_stats.h"

namespace cairn::vlog {

class Lane;

// What all lanes share. Plain members are set before the first lane starts and never change.
struct LaneShared {
  uint32_t incarnation = 0;
  uint64_t chunk_bytes = 1u << 20;
  uint32_t chunks = 16;
  uint64_t large_bytes_max =
      0;  // memory of units larger than a chunk, per lane; one such unit is always admitted
  uint64_t segment_bytes = 0;
  uint64_t allocate_step = 0;
  uint64_t reserve_bytes = 0;  // of a segment, for deletes when the disk is full
  uint32_t commit_delay_us = 0;
  const Clock* clock = &kSystemClock;   // of the commit delay
  uint64_t overlap_bytes = 256u << 10;  // staged before a commit starts beside another
  uint64_t prepare_bytes = 0;    // zeros written ahead per step while the log grows slowly; 0: none
  uint64_t prepare_gap = 0;      // left alone between the end of the log and the first zeros
  uint64_t idle_room_bytes = 0;  // what an idle lane keeps, beyond the reserve
  DurabilityListener* listener = nullptr;
  std::vector<std::unique_ptr<Lane>>* lanes = nullptr;

  std::atomic<FsyncPolicy> fsync{FsyncPolicy::kAlways};
  std::atomic<uint64_t> now_ms{0};          // of the latest Tick
  std::atomic<bool> service_wanted{false};  // a lane asks the maintenance thread for something
};

// A transaction that has a part in several lanes.
struct LaneTxn {
  std::atomic<uint32_t> parts_left{0};  // lanes whose part is not settled yet
  std::vector<uint32_t> lanes;
};

struct Batch {
  char* data = nullptr;
  AlignedBuffer chunk;                 // owns `data`, or else
  std::shared_ptr<LargeBuffer> large;  // which may outlive the commit: values are shared
  uint64_t data_bytes = 0;
  uint64_t fill_max = 0;  // of `used`
  bool seals = false;     // the segment's trailer follows in the same write
  Segment* segment = nullptr;
  uint64_t offset = 0;         // of data[0] in the segment
  uint64_t used = 0;           // commit record included; 0: only a trailer
  uint64_t synced_before = 0;  // goes into the commit record
  uint64_t next_unit = 0;      // number of the unit behind it, once it is finalized
  uint64_t opened = 0;         // monotonic: ns with a commit delay, else ms of the last Tick
  uint32_t readers = 0;        // copying from it; guarded by the lane's latch
  bool retired = false;        // on disk; freed by the last reader
  bool finalized = false;
  std::atomic<uint32_t> fillers{0};

  uint64_t write_bytes() const {
    return AlignUp(used, segment->block_bytes) + (seals ? segment->block_bytes : 0);
  }
};

// Room for one unit (a record, or a group with its members) in an open batch.
struct Placement {
  char* data = nullptr;
  uint64_t offset = 0;
  Segment* segment = nullptr;
  Batch* batch = nullptr;
  uint32_t Seed(uint64_t at = 0) const { return CrcSeed(offset + at, segment->salt); }
  void BeginFill() { batch->fillers.fetch_add(1, std::memory_order_relaxed); }
  void FinishFill() { batch->fillers.fetch_sub(1, std::memory_order_release); }
};

class Lane {
 public:
  static constexpr uint64_t kWriteOutMs =
      50;  // policies without `always`: age at which staged bytes are written
  static constexpr uint64_t kSyncEveryMs = 1000;
  static constexpr uint64_t kRetryMs = 1000;           // after a full disk
  static constexpr uint64_t kLatchedCopyMax = 4096;    // larger values are copied without the latch
  static constexpr uint64_t kLatchedEncodeMax = 1024;  // larger units are encoded without it
  static constexpr uint32_t kHoldsBeforeSync =
      4096;  // policy `no`: bound on transactions that wait for a sync
  static constexpr uint32_t kTriesMax = 16;  // of a write that was interrupted or made no progress
  static constexpr uint64_t kPrepareBytesMax = 4u << 20;
  // Of one write. The kernel's thread that sends a larger one would take the processor for
  // milliseconds, from the reactor that it was started by.
  static constexpr uint64_t kWritePieceBytes = 4u << 20;
  static constexpr uint64_t kPrepareRateMax =
      32u << 10;  // bytes of records per ms above which nothing is prepared
  static constexpr uint64_t kRateWindowMs = 100;
  static constexpr uint32_t kCommitsInFlightMax = 2;
  static constexpr uint64_t kIdleMs = 10000;
  static constexpr uint64_t kImageSlackBytes = 2 * uint64_t{kBlockBytesMax};  // padding, trailer

  struct Start {
    Segment* active = nullptr;
    Segment* next = nullptr;
    uint64_t tail = 0;      // first free block of `active`
    uint64_t prev_end = 0;  // position of the end of the log; 0: none in this epoch
    uint64_t next_unit = 1;
    uint32_t chain = 0;  // of `active` so far
    uint64_t records = 0;
    bool chain_whole = true;  // both are known
  };

  Lane(uint32_t id, LaneShared* shared);
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;
  void Begin(const Start& start);

  uint32_t id() const { return id_; }
  Latch& latch() { return latch_; }

  // --- staging ---
  // Stages a unit of `bytes` (a multiple of 8). kOk; kBusy: wait for OnDurable; kNoSpace;
  // kReadOnly. may_use_reserve: the unit only deletes. After kOk, encode(const Placement&) has
  // filled the place. Small units are encoded with the latch held: each locked instruction waits
  // for the stores before it, and a record is a handful of cache lines that miss.
  template <typename Encode>
  Code Stage(uint64_t bytes, bool may_use_reserve, Encode&& encode) {
    Placement place;
    {
      LatchGuard guard(latch_);
      const Code code = PrepareLocked(bytes, may_use_reserve);
      if (CAIRN_UNLIKELY(code != Code::kOk)) return code;
      TakeLocked(bytes, &place);
      if (CAIRN_LIKELY(bytes <= kLatchedEncodeMax)) {
        encode(place);
        return Code::kOk;
      }
      place.BeginFill();
    }
    encode(place);
    place.FinishFill();
    return Code::kOk;
  }
  // The same in steps. What PrepareLocked allows, TakeLocked does; who fills the place after
  // letting go of the latch brackets that with BeginFill (latch held) and FinishFill.
  // image: memory in which the unit is prepared, from kCommitRecordBytes on, with kImageSlackBytes
  // behind it; it becomes a batch of its own.
  Code PrepareLocked(uint64_t bytes, bool may_use_reserve,
                     const std::shared_ptr<LargeBuffer>* image = nullptr);
  // What PrepareLocked allowed is not taken after all.
  void AbandonLocked(const std::shared_ptr<LargeBuffer>& image);
  void TakeLocked(uint64_t bytes, Placement* placement);
  void HoldLocked(uint64_t start, uint64_t end, std::shared_ptr<LaneTxn> txn);
  Status Refusal(Code code);  // says why Stage or PrepareLocked refused

  // --- reading what is not on disk yet ---
  // Of a large record that starts at a position >= written() and is still staged in memory of its
  // own: that memory, and the record in it. Null: it is not, or on disk by now.
  std::shared_ptr<LargeBuffer> ShareStaged(uint32_t segment_id, uint64_t offset,
                                           const char** record);
  // Copies a record that starts at a position >= written() and is still staged. False: it is on
  // disk by now.
  bool ReadStaged(uint32_t segment_id, uint64_t offset, uint64_t length, char* out);

  // --- commits; from the thread of `queue` ---
  void Kick(IoQueue* queue);  // starts what is due
  void Tick(IoQueue* queue, uint64_t now_ms);
  void RequestSync(IoQueue* queue);
  // The same from any thread: the next Tick sees to it.
  void WantSync(uint64_t position);

  // --- positions ---
  uint64_t durable() const { return durable_.load(std::memory_order_acquire); }
  uint64_t written() const { return written_.load(std::memory_order_acquire); }
  uint64_t staged_end() const { return staged_end_.load(std::memory_order_acquire); }
  // The end of the last commit on the disk, and the number of the unit behind it.
  struct Written {
    uint64_t position = 0;
    uint64_t next_unit = 0;
  };
  Written written_mark();
  bool failed() const { return failed_.load(std::memory_order_acquire); }
  // Nothing that is staged becomes durable, for good or until there is room on the disk.
  bool stopped() const { return stopped_.load(std::memory_order_acquire); }
  std::string reason();     // of either
  std::string rejection();  // why there is no room; empty if there is
  // Stops the lane for good, and the lanes that share an unfinished transaction with it.
  void Fail(const std::string& reason);

  // --- maintenance: free space that is reserved for the lane ---
  struct ReservationRequest {
    Segment* extend = nullptr;  // allocate more of this
    uint64_t next_bytes = 0;  // a next segment with room for at least this much, beyond its header
    Segment* next = nullptr;  // the one there is
    Segment* trim = nullptr;  // sealed: give back the unused end
    bool rejected = false;    // there was no room, and nothing is asked for any more
    bool urgent = false;      // for deletes that the reserve has no room for any more
    bool relief = false;      // a commit has met a full disk; answered with Relieve
  };
  ReservationRequest TakeReservationRequest(uint64_t now_ms);
  // sparing: the disk is as full as before, this is for deletes only.
  void GrantReservation(Segment* segment, uint64_t room_end, uint64_t capacity, bool sparing);
  void GrantNextSegment(Segment* next, bool sparing);
  void EndRejection();  // there is room again
  // made_room: the commit that met a full disk is worth another try at once.
  void Relieve(bool made_room);
  // Of a lane that nobody has written to, nor asked for room in, for kIdleMs: room that it took
  // ahead and gives back. The file has to be cut to room_end, by who gives out room. What was
  // asked for is safe: who waits for it asks again with each Tick.
  struct Slack {
    Segment* segment = nullptr;
    uint64_t room_end = 0;
  };
  std::vector<Slack> TakeSlack(uint64_t now_ms);
  // The disk is full or failing: what was asked for is asked for again kRetryMs later.
  void RejectReservation(const Status& why, const ReservationRequest& request, uint64_t now_ms);
  // One commit per Tick, while garbage collection catches up with what is written.
  void SetBrake(bool on) { brake_.store(on, std::memory_order_relaxed); }
  // Ends the active segment early, if there is a next one: what is dead in it can then be
  // collected.
  void RequestRoll();
  // Sealed, trimmed, and nothing of this lane's is on its way to it any more.
  bool Sealed(const Segment* segment);

  // --- end ---
  Status CloseBlocking();  // writes and syncs everything staged; no reactor is attached any more
  uint64_t log_end() const { return prev_end_; }  // after CloseBlocking; 0: nothing in this epoch
  void AddStats(LaneStats* stats, VlogStats* all);
  uint64_t record_bytes();  // of all commits so far
  uint64_t ring_bytes();    // memory of the WAL ring, as far as it was ever needed

 private:
  // A commit on its way to the disk. All but `complete` and `stalled` belongs to the thread of
  // `queue`.
  struct InFlightCommit {
    Lane* lane = nullptr;
    Batch* batch = nullptr;
    IoQueue* queue = nullptr;
    IoRequest write;
    iovec iov = {};
    uint64_t done = 0;  // bytes
    uint64_t started_ns = 0;
    uint32_t tries = 0;
    bool short_write = false;  // a write ended before its end
    bool data_sync = false;
    bool was_stalled = false;
    bool stalled = false;   // it met a full disk and waits
    bool complete = false;  // on the disk, perhaps before those that come first
  };
  struct Work {
    InFlightCommit* commit = nullptr;
    bool sync = false;
    bool prepare = false;
  };
  struct News {  // what to tell when the latch is free again
    bool moved = false;
    std::vector<std::shared_ptr<LaneTxn>> completed;
  };

  // staging (lane.cc)
  Code OpenBatchLocked(uint64_t bytes, const std::shared_ptr<LargeBuffer>* image = nullptr);
  void CloseOpenLocked();
  Code RollLocked();
  Code NoRoomLocked(uint64_t bytes, bool may_use_reserve);
  void UpdateLimitsLocked();
  void AskAheadLocked();
  uint64_t ReserveOf(const Segment* segment) const;
  Batch* FindBatchLocked(uint32_t segment_id, uint64_t offset);
  void ReleaseLocked(Batch* batch);

  // commit (lane_commit.cc)
  Work DecideLocked(bool force);
  bool CommitDueLocked(bool force) const;
  InFlightCommit* BeginCommitLocked(Batch* batch);
  InFlightCommit& InFlightLocked(uint32_t age) {
    return in_flight_[(first_in_flight_ + age) % kCommitsInFlightMax];
  }
  const InFlightCommit& InFlightLocked(uint32_t age) const {
    return in_flight_[(first_in_flight_ + age) % kCommitsInFlightMax];
  }
  void Execute(IoQueue* queue, const Work& work);
  void Finalize(Batch* batch);
  void SubmitWrite(InFlightCommit* commit);
  void OnWritten(InFlightCommit* commit, int64_t result);
  void Stall(InFlightCommit* commit);
  void CompleteWrite(InFlightCommit* commit);
  void EndCommitLocked(InFlightCommit* commit);
  void OnSynced(int64_t result);
  void AdvanceLocked(News* news);
  // False: this lane does not hold `through` any more, and nothing happened.
  bool Halt(const std::string& reason, bool for_good, const LaneTxn* through);
  bool MayGoOnLocked() const;
  void Tell(const News& news);
  bool PrepareDueLocked() const;
  void SubmitPrepare(IoQueue* queue);
  void OnPrepared(int64_t result);
  static void WriteDone(IoRequest* request, int64_t result);
  static void SyncDone(IoRequest* request, int64_t result);
  static void PrepareDone(IoRequest* request, int64_t result);

  const uint32_t id_;
  LaneShared* const shared_;

  // Guarded by latch_.
  alignas(64) Latch latch_;
  Batch* open_ = nullptr;
  uint64_t soft_limit_ = 0;  // offset in active_ that writes may reach,
  uint64_t hard_limit_ = 0;  // and deletes
  Segment* active_ = nullptr;
  Segment* next_ = nullptr;
  uint64_t tail_ = 0;  // offset of the next batch in active_, when open_ is null
  std::deque<Batch*> queue_;
  // A ring: those from first_in_flight_ on, in the order of the log.
  InFlightCommit in_flight_[kCommitsInFlightMax];
  uint32_t first_in_flight_ = 0;
  uint32_t in_flight_count_ = 0;
  bool finalizing_ = false;  // somebody completes the image of the newest commit
  bool sync_busy_ = false;
  bool prepare_busy_ = false;
  bool sync_due_ = false;
  bool stalled_ = false;    // a write in flight met a full disk
  bool retry_now_ = false;  // and there is room since
  bool ask_relief_ = false;
  bool refuses_ = false;               // takes no units: it is stalled, or has stopped
  uint64_t halted_from_ = UINT64_MAX;  // no transaction that ends behind it will be whole
  bool room_awaited_ = false;          // somebody was sent away with kBusy for want of room
  bool room_came_ = false;
  bool ask_extend_ = false;
  bool ask_urgent_ = false;
  bool urgent_rejected_ = false;  // there is not even room for deletes
  uint64_t ask_next_ = 0;
  std::deque<Segment*> trim_;  // in the order of the log
  std::string stall_reason_;
  Status rejected_;  // why there is no more room, if there is none
  uint64_t rejected_ms_ = 0;
  uint64_t stalled_ms_ = 0;
  uint64_t last_sync_ms_ = 0;
  uint64_t last_commit_ms_ = 0;
  uint64_t idle_since_ms_ = 0;
  uint64_t idle_end_ = 0;      // of what was staged then
  bool room_asked_ = false;    // somebody was refused for want of room since
  uint64_t written_unit_ = 0;  // number of the unit behind written_
  uint64_t synced_ = 0;
  uint64_t sync_target_ = 0;
  uint64_t sync_wanted_ = 0;
  uint64_t large_bytes_ = 0;
  Segment* written_segment_ = nullptr;
  struct Hold {
    uint64_t start;
    uint64_t end;
    std::shared_ptr<LaneTxn> txn;
    bool counted = false;  // this lane's part is settled
  };
  std::deque<Hold> holds_;
  std::string reason_;
  std::vector<std::unique_ptr<Batch>> batches_;  // chunks and large ones
  std::vector<Batch*> free_chunks_;
  uint32_t chunks_made_ = 0;
  Segment* zero_segment_ = nullptr;  // zeros are written, or being written, to
  uint64_t zero_from_ = 0;           // [zero_from_, zeroed_end_) of it
  uint64_t zeroed_end_ = 0;
  uint64_t rate_ = kPrepareRateMax;  // bytes of records per ms, lately
  uint64_t rate_bytes_ = 0;
  uint64_t rate_since_ms_ = 0;
  LaneStats stats_;
  Log2Histogram commit_nanos_;
  Log2Histogram commit_bytes_;

  // Belongs to whoever set finalizing_.
  uint64_t prev_end_ = 0;
  uint64_t next_unit_ = 1;
  Segment* chain_segment_ = nullptr;
  uint32_t chain_ = 0;
  uint64_t chain_records_ = 0;
  bool chain_whole_ = true;
  // Belong to the sync and to the preparation in flight.
  IoRequest sync_;
  IoQueue* sync_queue_ = nullptr;
  IoRequest zero_;
  IoQueue* zero_queue_ = nullptr;
  std::vector<iovec> zero_iov_;

  std::atomic<uint64_t> durable_{0};
  std::atomic<uint64_t> written_{0};
  std::atomic<uint64_t> staged_end_{0};
  std::atomic<bool> failed_{false};
  std::atomic<bool> stopped_{false};
  std::atomic<bool> brake_{false};
  std::atomic<bool> active_work_{false};  // something for Tick to look at
};

}  // namespace cairn::vlog
