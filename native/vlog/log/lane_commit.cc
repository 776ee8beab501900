// The disk side of a lane: group commit, sync, zeros written ahead, and what follows from their
// success or failure.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "base/clock.h"
#include "vlog/log/lane.h"

namespace cairn::vlog {
namespace {

constexpr uint64_t kZeroBytes = Lane::kPrepareBytesMax / kIoVecMax;
alignas(4096) const char kZeros[kZeroBytes] = {};

std::string ErrnoText(int64_t result) {
  return std::string(std::strerror(static_cast<int>(-result)));
}

}  // namespace

// ---- what to do next ----

bool Lane::CommitDueLocked(bool force) const {
  CAIRN_ASSERT_LATCHED(latch_);
  if (CAIRN_UNLIKELY(brake_.load(std::memory_order_relaxed)) && !force &&
      shared_->now_ms.load(std::memory_order_relaxed) == last_commit_ms_)
    return false;
  if (!queue_.empty()) return true;
  if (open_ == nullptr || open_->used == kCommitRecordBytes) return false;
  if (force || sync_wanted_ > written_.load(std::memory_order_relaxed)) return true;
  if (shared_->fsync.load(std::memory_order_relaxed) == FsyncPolicy::kAlways) {
    return shared_->commit_delay_us == 0 || shared_->clock->MonotonicNanos() - open_->opened >=
                                                uint64_t{shared_->commit_delay_us} * 1000;
  }
  const uint64_t now = shared_->commit_delay_us != 0
                           ? shared_->clock->MonotonicNanos() / 1000000
                           : shared_->now_ms.load(std::memory_order_relaxed);
  const uint64_t opened = shared_->commit_delay_us != 0 ? open_->opened / 1000000 : open_->opened;
  return now >= opened + kWriteOutMs;
}

Lane::Work Lane::DecideLocked(bool force) {
  CAIRN_ASSERT_LATCHED(latch_);
  Work work;
  if (failed_.load(std::memory_order_relaxed)) return work;
  const uint64_t written = written_.load(std::memory_order_relaxed);
  bool sync_first = false;
  if (!finalizing_ && !stalled_ && in_flight_count_ < kCommitsInFlightMax &&
      CommitDueLocked(force)) {
    Batch* batch = queue_.empty() ? open_ : queue_.front();
    const bool idle = in_flight_count_ == 0;
    const Segment* before =
        idle ? written_segment_ : InFlightLocked(in_flight_count_ - 1).batch->segment;
    // A segment is begun only when all before it is safe: what replay finds there proves the rest
    // whole.
    const bool begins = batch->segment != before;
    sync_first = begins && idle && synced_ < written;
    // Without direct I/O the kernel reports a failed write-back once per file, perhaps to the other
    // commit: then they go one by one.
    const bool alone = begins || !batch->segment->file->direct();
    const bool wait =
        idle ? sync_first : alone || (queue_.empty() && batch->used < shared_->overlap_bytes);
    const bool zeros_in_the_way = prepare_busy_ && batch->segment == zero_segment_ &&
                                  batch->offset < zeroed_end_ &&
                                  batch->offset + batch->write_bytes() > zero_from_;
    if (!wait && !zeros_in_the_way && batch->fillers.load(std::memory_order_acquire) == 0) {
      if (batch == open_) CloseOpenLocked();
      queue_.pop_front();
      work.commit = BeginCommitLocked(batch);
    }
  }
  if (!sync_busy_ && synced_ < written) {
    const FsyncPolicy policy = shared_->fsync.load(std::memory_order_relaxed);
    if (policy == FsyncPolicy::kAlways || sync_first || sync_due_ || sync_wanted_ > synced_ ||
        holds_.size() > kHoldsBeforeSync || refuses_) {
      sync_busy_ = true;
      sync_due_ = false;
      sync_target_ = written;
      sync_.file = written_segment_->file.get();
      work.sync = true;
    }
  }
  if (PrepareDueLocked()) work.prepare = true;
  return work;
}

Lane::InFlightCommit* Lane::BeginCommitLocked(Batch* batch) {
  CAIRN_ASSERT_LATCHED(latch_);
  InFlightCommit& commit = InFlightLocked(in_flight_count_);
  ++in_flight_count_;
  finalizing_ = true;
  last_commit_ms_ = shared_->now_ms.load(std::memory_order_relaxed);
  batch->synced_before = synced_;
  commit.lane = this;
  commit.batch = batch;
  commit.done = 0;
  commit.tries = 0;
  commit.short_write = commit.was_stalled = commit.stalled = commit.complete = false;
  return &commit;
}

void Lane::Execute(IoQueue* queue, const Work& work) {
  if (work.commit != nullptr) {
    InFlightCommit* commit = work.commit;
    Finalize(commit->batch);
    {
      LatchGuard guard(latch_);
      finalizing_ = false;
    }
    commit->queue = queue;
    commit->started_ns = MonotonicNanos();
    SubmitWrite(commit);
  }
  if (work.sync) {
    sync_.op = IoOp::kSync;
    sync_.done = &Lane::SyncDone;
    sync_.owner = this;
    sync_queue_ = queue;
    queue->Submit(&sync_);
  }
  if (work.prepare) SubmitPrepare(queue);
}

void Lane::Kick(IoQueue* queue) {
  Work work;
  bool room_came = false;
  {
    LatchGuard guard(latch_);
    room_came = room_came_;
    room_came_ = false;
    work = DecideLocked(false);
  }
  Execute(queue, work);
  if (room_came) shared_->listener->OnDurable(id_);
}

void Lane::Tick(IoQueue* queue, uint64_t now_ms) {
  if (staged_end_.load(std::memory_order_relaxed) == durable_.load(std::memory_order_relaxed) &&
      !active_work_.load(std::memory_order_relaxed)) {
    return;
  }
  Work work;
  InFlightCommit* again[kCommitsInFlightMax];
  uint32_t again_count = 0;
  bool room_came = false;
  {
    LatchGuard guard(latch_);
    room_came = room_came_;
    room_came_ = false;
    active_work_.store(stalled_ || room_awaited_, std::memory_order_relaxed);
    if (stalled_ && (retry_now_ || now_ms >= stalled_ms_ + kRetryMs)) {
      stalled_ = retry_now_ = false;
      for (uint32_t age = 0; age < in_flight_count_; ++age) {
        InFlightCommit& commit = InFlightLocked(age);
        if (!commit.stalled) continue;
        commit.stalled = false;
        again[again_count++] = &commit;
      }
    }
    if (shared_->fsync.load(std::memory_order_relaxed) == FsyncPolicy::kEverySecond &&
        now_ms >= last_sync_ms_ + kSyncEveryMs) {
      sync_due_ = true;
      last_sync_ms_ = now_ms;
    }
    work = DecideLocked(false);
  }
  Execute(queue, work);
  for (uint32_t i = 0; i < again_count; ++i) {
    again[i]->queue = queue;
    SubmitWrite(again[i]);
  }
  if (room_came) shared_->listener->OnDurable(id_);
}

void Lane::RequestSync(IoQueue* queue) {
  Work work;
  {
    LatchGuard guard(latch_);
    sync_wanted_ = std::max(sync_wanted_, staged_end_.load(std::memory_order_relaxed));
    work = DecideLocked(false);
  }
  Execute(queue, work);
}

// ---- the write ----

// Completes the image of a batch: commit record, padding, trailer. By the owner of the commit in
// flight.
void Lane::Finalize(Batch* batch) {
  if (batch->finalized) return;
  batch->finalized = true;
  Segment* segment = batch->segment;
  char* data = batch->data;
  if (chain_segment_ != segment) {
    chain_segment_ = segment;
    chain_ = 0;
    chain_records_ = 0;
    chain_whole_ = true;
  }
  RecordHeader header = {};
  header.incarnation = shared_->incarnation;
  header.segment_id = segment->id;
  const uint64_t padded = AlignUp(batch->used, segment->block_bytes);
  if (batch->used != 0) {
    header.type = static_cast<uint8_t>(RecordType::kCommit);
    header.value_bytes = sizeof(CommitPayload);
    const CommitPayload payload = {batch->used, prev_end_, batch->synced_before, next_unit_};
    EncodeRecord(data, CrcSeed(batch->offset, segment->salt), header, 0, {},
                 {reinterpret_cast<const char*>(&payload), sizeof(payload)});
    uint64_t at = 0;
    while (at < batch->used) {
      const RecordHeader record = LoadHeader(data + at);
      chain_ = Crc32cExtend(chain_, &record.crc, sizeof(record.crc));
      ++chain_records_;
      next_unit_ += OpensUnit(record) ? 1 : 0;
      at += PlainBytesOf(record);
    }
    --next_unit_;  // the commit record is none
    CAIRN_CHECK(at == batch->used);
    std::memset(data + batch->used, 0, padded - batch->used);
    prev_end_ = LogPosition(segment->id, batch->offset + batch->used);
  }
  batch->next_unit = next_unit_;
  if (batch->seals) {
    std::memset(data + padded, 0, segment->block_bytes);
    header.type = static_cast<uint8_t>(RecordType::kTrailer);
    header.value_bytes = sizeof(TrailerPayload);
    const bool has_data = prev_end_ != 0 && SegmentOf(prev_end_) == segment->id;
    const TrailerPayload payload = {has_data ? OffsetOf(prev_end_) : segment->block_bytes,
                                    chain_whole_ ? chain_records_ : 0, chain_whole_ ? chain_ : 0,
                                    chain_whole_ ? 0u : 1u};
    EncodeRecord(data + padded, CrcSeed(batch->offset + padded, segment->salt), header, 0, {},
                 {reinterpret_cast<const char*>(&payload), sizeof(payload)});
  }
}

void Lane::SubmitWrite(InFlightCommit* commit) {
  const Batch* batch = commit->batch;
  const uint64_t left = batch->write_bytes() - commit->done;
  // The same for all pieces: each is as durable as the commit is to be.
  const bool data_sync =
      commit->done != 0
          ? commit->write.op == IoOp::kWriteDataSync
          : batch->seals || shared_->fsync.load(std::memory_order_relaxed) == FsyncPolicy::kAlways;
  IoRequest& write = commit->write;
  write.op = data_sync ? IoOp::kWriteDataSync : IoOp::kWrite;
  write.file = batch->segment->file.get();
  write.offset = batch->offset + commit->done;
  commit->iov = {batch->data + commit->done, std::min(left, kWritePieceBytes)};
  write.iov = &commit->iov;
  write.iov_count = 1;
  write.done = &Lane::WriteDone;
  write.owner = commit;
  commit->queue->Submit(&write);
}

void Lane::WriteDone(IoRequest* request, int64_t result) {
  auto* commit = static_cast<InFlightCommit*>(request->owner);
  commit->lane->OnWritten(commit, result);
}

void Lane::OnWritten(InFlightCommit* commit, int64_t result) {
  const Batch* batch = commit->batch;
  if (result == -EINTR || result == -EAGAIN ||
      result == 0) {  // nothing happened: not a failure of the device
    if (++commit->tries < kTriesMax) return SubmitWrite(commit);
    result = result == 0 ? -EIO : result;
  }
  if (result == -ENOSPC || result == -EDQUOT) return Stall(commit);
  if (result < 0) {  // it stays in flight for ever: the batch stays in memory, for readers
    Fail("a write to " + batch->segment->file->path() + " at offset " +
         std::to_string(commit->write.offset) + " failed: " + ErrnoText(result));
    return;
  }
  const uint64_t done = commit->done + static_cast<uint64_t>(result);
  if (done < batch->write_bytes() && static_cast<uint64_t>(result) == commit->iov.iov_len) {
    commit->done = done;  // the next piece
    commit->tries = 0;
    return SubmitWrite(commit);
  }
  if (done < batch->write_bytes()) {  // short: write the rest, from a block boundary on
    const uint64_t from = AlignDown(done, batch->segment->block_bytes);
    if (from == commit->done && ++commit->tries >= kTriesMax) {
      Fail("writes to " + batch->segment->file->path() + " make no progress at offset " +
           std::to_string(commit->write.offset));
      return;
    }
    commit->done = from;
    // Whether the part that was written is durable depends on the back end: a sync follows.
    commit->short_write = true;
    return SubmitWrite(commit);
  }
  CompleteWrite(commit);
}

// The bytes are safe in memory, and nobody was told anything yet.
void Lane::Stall(InFlightCommit* commit) {
  LatchGuard guard(latch_);
  stalled_ = commit->stalled = commit->was_stalled = true;
  refuses_ = ask_relief_ = true;
  stalled_ms_ = rejected_ms_ = shared_->now_ms.load(std::memory_order_relaxed);
  stall_reason_ = commit->batch->segment->file->path() +
                  ": no space left on the device; what was taken before is kept in memory and " +
                  "written when there is room";
  rejected_ = Status(Code::kNoSpace, stall_reason_, ENOSPC);
  active_work_.store(true, std::memory_order_relaxed);
  shared_->service_wanted.store(true, std::memory_order_release);
}

void Lane::Relieve(bool made_room) {
  std::string reason;
  {
    LatchGuard guard(latch_);
    if (!stalled_) return;  // it is being tried again already
    retry_now_ = made_room;
    if (made_room) return;
    reason = stall_reason_;
  }
  Halt(reason, false, nullptr);
}

void Lane::CompleteWrite(InFlightCommit* commit) {
  commit->data_sync = commit->write.op == IoOp::kWriteDataSync && !commit->short_write;
  const uint64_t nanos = MonotonicNanos() - commit->started_ns;
  IoQueue* queue = commit->queue;  // with the latch gone, `commit` may be another one
  News news;
  Work work;
  {
    LatchGuard guard(latch_);
    commit->complete = true;
    stats_.commit_nanos += nanos;
    commit_nanos_.counts[Log2Histogram::BucketOf(nanos)] += 1;
    commit_nanos_.sum += nanos;
    while (in_flight_count_ != 0 && InFlightLocked(0).complete) {
      EndCommitLocked(&InFlightLocked(0));
      first_in_flight_ = (first_in_flight_ + 1) % kCommitsInFlightMax;
      --in_flight_count_;
    }
    AdvanceLocked(&news);
    work = DecideLocked(false);
  }
  Execute(queue, work);
  Tell(news);
}

// The oldest commit is on the disk, and so is all before it.
void Lane::EndCommitLocked(InFlightCommit* commit) {
  CAIRN_ASSERT_LATCHED(latch_);
  Batch* batch = commit->batch;
  const uint64_t bytes = batch->write_bytes();
  const uint64_t before = written_.load(std::memory_order_relaxed);
  uint64_t now = before;
  if (batch->used != 0) now = LogPosition(batch->segment->id, batch->offset + batch->used);
  if (commit->data_sync && synced_ == before && !failed_.load(std::memory_order_relaxed))
    synced_ = now;
  written_segment_ = batch->segment;
  written_unit_ = batch->next_unit;
  written_.store(now, std::memory_order_release);
  if (batch->seals) {
    batch->segment->log_end = now;
    batch->segment->data_end = batch->offset + bytes;
    batch->segment->Become(SegmentState::kSealed);
    trim_.push_back(batch->segment);
    shared_->service_wanted.store(true, std::memory_order_release);
  }
  stats_.commits += 1;
  stats_.commit_bytes += bytes;
  commit_bytes_.counts[Log2Histogram::BucketOf(bytes)] += 1;
  commit_bytes_.sum += bytes;
  stats_.record_bytes += batch->used;
  stats_.padding_bytes += bytes - batch->used;
  rate_bytes_ += batch->used;
  const uint64_t now_ms = shared_->now_ms.load(std::memory_order_relaxed);
  if (now_ms >= rate_since_ms_ + kRateWindowMs) {
    rate_ = rate_bytes_ / (now_ms - rate_since_ms_);
    rate_bytes_ = 0;
    rate_since_ms_ = now_ms;
  }
  if (commit->was_stalled) {
    rejected_ = Status();
    commit->was_stalled = false;
  }
  ReleaseLocked(batch);
  commit->batch = nullptr;
}

// ---- the sync ----

void Lane::SyncDone(IoRequest* request, int64_t result) {
  static_cast<Lane*>(request->owner)->OnSynced(result);
}

void Lane::OnSynced(int64_t result) {
  IoQueue* queue = sync_queue_;
  if (result < 0) {
    // What the kernel does with the pages after a failed sync is not defined: a second sync would
    // prove nothing.
    Fail("a sync of " + sync_.file->path() + " failed: " + ErrnoText(result));
    return;
  }
  News news;
  Work work;
  {
    LatchGuard guard(latch_);
    sync_busy_ = false;
    // After a failed write or sync of the file, the success of another proves nothing.
    if (failed_.load(std::memory_order_relaxed)) return;
    synced_ = std::max(synced_, sync_target_);
    stats_.syncs += 1;
    AdvanceLocked(&news);
    work = DecideLocked(false);
  }
  Execute(queue, work);
  Tell(news);
}

// ---- zeros ahead ----
// A data-synced write into blocks written before is about twice as fast as one into blocks merely
// allocated. While the log grows slowly, zeros are written ahead of it; under bulk load, commits
// that overlap hide most of the difference, and the bytes would be many.

bool Lane::PrepareDueLocked() const {
  CAIRN_ASSERT_LATCHED(latch_);
  if (shared_->prepare_bytes == 0 || prepare_busy_ || active_ == nullptr ||
      rate_ >= kPrepareRateMax ||
      shared_->fsync.load(std::memory_order_relaxed) != FsyncPolicy::kAlways) {
    return false;
  }
  const uint64_t front = open_ != nullptr ? open_->offset + open_->used : tail_;
  const uint64_t zeroed =
      std::max(active_->worn_end, zero_segment_ == active_ ? zeroed_end_ : uint64_t{0});
  return zeroed < front + shared_->prepare_bytes / 2 &&
         front + shared_->prepare_bytes <= active_->room_end;
}

void Lane::SubmitPrepare(IoQueue* queue) {
  uint64_t from = 0;
  uint64_t to = 0;
  Segment* segment = nullptr;
  {
    LatchGuard guard(latch_);
    if (!PrepareDueLocked()) return;
    const uint64_t block = active_->block_bytes;
    const uint64_t front = open_ != nullptr ? open_->offset + open_->used : tail_;
    from = std::max(AlignUp(front + shared_->prepare_gap, block), active_->worn_end);
    if (zero_segment_ == active_) from = std::max(from, zeroed_end_);
    to = std::min(from + AlignUp(shared_->prepare_bytes, block), active_->room_end);
    if (to <= from) return;
    segment = active_;
    zero_segment_ = segment;
    zero_from_ = from;
    zeroed_end_ = to;
    prepare_busy_ = true;
    zero_queue_ = queue;
  }
  zero_iov_.clear();
  for (uint64_t at = from; at < to; at += kZeroBytes) {
    zero_iov_.push_back({const_cast<char*>(kZeros), std::min(kZeroBytes, to - at)});
  }
  zero_.op = IoOp::kWrite;
  zero_.file = segment->file.get();
  zero_.offset = from;
  zero_.iov = zero_iov_.data();
  zero_.iov_count = static_cast<uint32_t>(zero_iov_.size());
  zero_.done = &Lane::PrepareDone;
  zero_.owner = this;
  queue->Submit(&zero_);
}

void Lane::PrepareDone(IoRequest* request, int64_t result) {
  static_cast<Lane*>(request->owner)->OnPrepared(result);
}

void Lane::OnPrepared(int64_t result) {
  IoQueue* queue = zero_queue_;
  Work work;
  {
    LatchGuard guard(latch_);
    prepare_busy_ = false;
    if (zero_segment_ != active_) zero_segment_ = nullptr;
    if (!trim_.empty()) shared_->service_wanted.store(true, std::memory_order_release);
    // Zeros that did not get there cost speed, nothing else; a device that refuses them will refuse
    // the commits too.
    if (result > 0) stats_.prepared_bytes += static_cast<uint64_t>(result);
    work = DecideLocked(false);
    if (result <= 0) work.prepare = false;
  }
  Execute(queue, work);
}

// ---- end ----

Status Lane::CloseBlocking() {
  LatchGuard guard(latch_);
  if (failed_.load(std::memory_order_relaxed)) return Status(Code::kReadOnly, reason_);
  if (stalled_) {  // one more try, from the first one on
    stalled_ = false;
    for (uint32_t age = in_flight_count_; age-- > 0;) queue_.push_front(InFlightLocked(age).batch);
    in_flight_count_ = 0;
  }
  CAIRN_CHECK(in_flight_count_ == 0 && !sync_busy_ && !prepare_busy_);
  if (open_ != nullptr) CloseOpenLocked();
  Status status;
  while (status.ok() && !queue_.empty()) {
    Batch* batch = queue_.front();
    if (batch->segment != written_segment_) status = written_segment_->file->Sync();
    if (!status.ok()) break;
    batch->synced_before = synced_;
    Finalize(batch);
    status = batch->segment->file->WriteAt(batch->offset, batch->data, batch->write_bytes());
    if (!status.ok()) break;
    if (batch->used != 0)
      written_.store(LogPosition(batch->segment->id, batch->offset + batch->used));
    if (batch->seals) status = batch->segment->file->Sync();
    written_segment_ = batch->segment;
    written_unit_ = batch->next_unit;
    queue_.pop_front();
    ReleaseLocked(batch);
  }
  if (status.ok()) status = written_segment_->file->Sync();
  if (!status.ok()) {
    reason_ = status.message();
    failed_.store(true, std::memory_order_release);
    return status;
  }
  synced_ = written_.load();
  News news;
  AdvanceLocked(&news);
  return status;
}

}  // namespace cairn::vlog
