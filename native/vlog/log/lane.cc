#include "vlog/log/lane.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "base/clock.h"
#include "base/prefetch.h"

namespace cairn::vlog {

Lane::Lane(uint32_t id, LaneShared* shared) : id_(id), shared_(shared) {
  free_chunks_.reserve(shared->chunks);
}

Lane::~Lane() = default;

void Lane::Begin(const Start& start) {
  CAIRN_CHECK(start.active != nullptr && start.tail % start.active->block_bytes == 0);
  LatchGuard guard(latch_);
  active_ = start.active;
  next_ = start.next;
  tail_ = start.tail;
  prev_end_ = start.prev_end;
  next_unit_ = written_unit_ = start.next_unit;
  chain_segment_ = start.active;
  chain_ = start.chain;
  chain_records_ = start.records;
  chain_whole_ = start.chain_whole;
  written_segment_ = start.active;
  // A lane without a log yet stands behind everything that older segments hold.
  const uint64_t position =
      start.prev_end != 0 ? start.prev_end : LogPosition(active_->id, active_->block_bytes);
  synced_ = position;
  written_.store(position, std::memory_order_release);
  staged_end_.store(position, std::memory_order_release);
  durable_.store(position, std::memory_order_release);
  UpdateLimitsLocked();
  AskAheadLocked();
}

// ---- staging ----

Code Lane::PrepareLocked(uint64_t bytes, bool may_use_reserve,
                         const std::shared_ptr<LargeBuffer>* image) {
  CAIRN_ASSERT_LATCHED(latch_);
  for (int round = 0; round < 4; ++round) {
    const uint64_t limit = may_use_reserve ? hard_limit_ : soft_limit_;
    if (CAIRN_LIKELY(open_ != nullptr && image == nullptr)) {
      const uint64_t used = open_->used + bytes;
      if (CAIRN_LIKELY(used <= open_->fill_max && open_->offset + used <= limit && !refuses_))
        return Code::kOk;
    }
    if (CAIRN_UNLIKELY(refuses_)) {
      if (failed_.load(std::memory_order_relaxed)) return Code::kReadOnly;
      if (stopped_.load(std::memory_order_relaxed)) return Code::kNoSpace;
      room_awaited_ = true;  // maintenance is about to say which
      return Code::kBusy;
    }
    if (open_ != nullptr && (image != nullptr || open_->used + bytes > open_->fill_max))
      CloseOpenLocked();
    const uint64_t begin =
        open_ != nullptr ? open_->offset + open_->used : tail_ + kCommitRecordBytes;
    const bool fits = begin + bytes <= limit;
    const Code code = fits ? OpenBatchLocked(bytes, image) : NoRoomLocked(bytes, may_use_reserve);
    if (code != Code::kOk || (fits && image != nullptr)) return code;
  }
  CAIRN_CHECK(false);
  return Code::kBusy;
}

void Lane::AbandonLocked(const std::shared_ptr<LargeBuffer>& image) {
  CAIRN_ASSERT_LATCHED(latch_);
  if (open_ != nullptr && open_->large == image && open_->used == kCommitRecordBytes)
    CloseOpenLocked();
}

void Lane::TakeLocked(uint64_t bytes, Placement* placement) {
  CAIRN_ASSERT_LATCHED(latch_);
  Batch* batch = open_;
  CAIRN_CHECK(batch != nullptr && batch->used + bytes <= batch->fill_max && bytes % 8 == 0);
  placement->data = batch->data + batch->used;
  placement->offset = batch->offset + batch->used;
  placement->segment = batch->segment;
  placement->batch = batch;
  batch->used += bytes;
  // The ring's memory has long left the processor's caches when its turn comes again: load where
  // the next records go.
  constexpr uint64_t kLine = 64, kAhead = 256, kLinesMax = 8;
  const char* ahead = placement->data + bytes + kAhead;
  for (uint64_t i = 0; i < kLinesMax && i * kLine <= bytes; ++i)
    PrefetchForWrite(ahead + i * kLine);
  staged_end_.store(LogPosition(batch->segment->id, batch->offset + batch->used),
                    std::memory_order_release);
}

void Lane::HoldLocked(uint64_t start, uint64_t end, std::shared_ptr<LaneTxn> txn) {
  CAIRN_ASSERT_LATCHED(latch_);
  holds_.push_back({start, end, std::move(txn), false});
}

Code Lane::OpenBatchLocked(uint64_t bytes, const std::shared_ptr<LargeBuffer>* image) {
  CAIRN_ASSERT_LATCHED(latch_);
  const uint64_t need = kCommitRecordBytes + bytes;
  const uint64_t slack = 2 * uint64_t{active_->block_bytes};  // padding, trailer
  Batch* batch = nullptr;
  if (need > shared_->chunk_bytes || image != nullptr) {
    if (large_bytes_ != 0 && large_bytes_ + need > shared_->large_bytes_max) return Code::kBusy;
    batches_.push_back(std::make_unique<Batch>());
    batch = batches_.back().get();
    batch->large = image != nullptr ? *image : LargeBuffer::New(need + slack);
    CAIRN_CHECK(batch->large->bytes() >= need + slack);
    batch->data = batch->large->data();
    batch->data_bytes = need + slack;
    large_bytes_ += batch->data_bytes;
  } else if (!free_chunks_.empty()) {
    batch = free_chunks_.back();
    free_chunks_.pop_back();
  } else if (chunks_made_ < shared_->chunks) {
    ++chunks_made_;
    batches_.push_back(std::make_unique<Batch>());
    batch = batches_.back().get();
    batch->data_bytes = shared_->chunk_bytes + slack;
    batch->chunk = NewAligned(batch->data_bytes);
    batch->data = batch->chunk.get();
  } else {
    return Code::kBusy;
  }
  batch->fill_max = batch->large != nullptr ? need : shared_->chunk_bytes;
  batch->seals = false;
  batch->retired = false;
  batch->finalized = false;
  batch->segment = active_;
  batch->offset = tail_;
  batch->used = kCommitRecordBytes;
  batch->opened = shared_->commit_delay_us != 0 ? shared_->clock->MonotonicNanos()
                                                : shared_->now_ms.load(std::memory_order_relaxed);
  open_ = batch;
  AskAheadLocked();
  return Code::kOk;
}

// Ends the open batch; the next one begins on a new block. Nobody may add to it, those who fill it
// may still be at it.
void Lane::CloseOpenLocked() {
  CAIRN_ASSERT_LATCHED(latch_);
  Batch* batch = open_;
  open_ = nullptr;
  if (batch->used == kCommitRecordBytes) {  // nothing in it
    batch->used = 0;
    if (!batch->seals) {
      ReleaseLocked(batch);
      return;
    }
  }
  tail_ = batch->offset + batch->write_bytes();
  queue_.push_back(batch);
}

// Goes over to the next segment; the last batch of the old one also writes its trailer.
Code Lane::RollLocked() {
  CAIRN_ASSERT_LATCHED(latch_);
  if (open_ == nullptr) {
    const Code code = OpenBatchLocked(0);
    if (code != Code::kOk) return code;
  }
  open_->seals = true;
  CloseOpenLocked();
  if (!prepare_busy_) zero_segment_ = nullptr;
  active_ = next_;
  next_ = nullptr;
  tail_ = active_->block_bytes;
  UpdateLimitsLocked();
  AskAheadLocked();
  return Code::kOk;
}

// kOk: look again. Otherwise why a unit of `bytes` cannot be placed now; what it takes has been
// asked for.
Code Lane::NoRoomLocked(uint64_t bytes, bool may_use_reserve) {
  CAIRN_ASSERT_LATCHED(latch_);
  const uint64_t block = active_->block_bytes;
  const uint64_t begin =
      open_ != nullptr ? open_->offset + open_->used : tail_ + kCommitRecordBytes;
  const uint64_t need = kCommitRecordBytes + bytes;
  const bool grows =
      active_->room_end < active_->capacity && begin + bytes + block <= active_->capacity;
  bool next_fits = false;
  if (next_ != nullptr) {
    // Its block may be another than that of the active one, which an earlier start made.
    const uint64_t kept = next_->block_bytes + (may_use_reserve ? 0 : ReserveOf(next_));
    next_fits = next_->block_bytes + need + kept <= next_->room_end;
  }
  if (next_fits && (!grows || !rejected_.ok())) return RollLocked();
  if (grows) {
    ask_extend_ = true;
  } else {
    ask_next_ = std::max(ask_next_, need);
  }
  room_awaited_ = room_asked_ = true;
  active_work_.store(true, std::memory_order_relaxed);
  shared_->service_wanted.store(true, std::memory_order_release);
  if (rejected_.ok()) return Code::kBusy;
  if (may_use_reserve && !urgent_rejected_) {
    ask_urgent_ = true;
    return Code::kBusy;
  }
  return rejected_.code() == Code::kNoSpace ? Code::kNoSpace : Code::kReadOnly;
}

uint64_t Lane::ReserveOf(const Segment* segment) const {
  return std::min(shared_->reserve_bytes, AlignDown(segment->capacity / 4, segment->block_bytes));
}

void Lane::UpdateLimitsLocked() {
  CAIRN_ASSERT_LATCHED(latch_);
  hard_limit_ = active_->room_end - active_->block_bytes;  // the trailer's block
  const bool more_is_sure = active_->room_end == active_->capacity && next_ != nullptr;
  const uint64_t reserve = more_is_sure ? 0 : ReserveOf(active_);
  soft_limit_ = hard_limit_ - std::min(hard_limit_, reserve);
}

// Asks for the space of the near future, so that nobody has to wait for it.
void Lane::AskAheadLocked() {
  CAIRN_ASSERT_LATCHED(latch_);
  const uint64_t left = active_->room_end - std::min(active_->room_end, tail_);
  bool ask = false;
  if (active_->room_end < active_->capacity) {
    if (left < shared_->allocate_step / 2 + shared_->reserve_bytes) ask = ask_extend_ = true;
  } else if (next_ == nullptr && tail_ > active_->block_bytes &&
             left < std::max(active_->capacity / 2, shared_->allocate_step)) {
    ask_next_ = std::max(ask_next_, kCommitRecordBytes);
    ask = true;
  }
  if (ask) shared_->service_wanted.store(true, std::memory_order_release);
}

void Lane::ReleaseLocked(Batch* batch) {
  CAIRN_ASSERT_LATCHED(latch_);
  if (batch->readers != 0) {
    batch->retired = true;
    return;
  }
  batch->segment = nullptr;
  if (batch->large == nullptr) {
    free_chunks_.push_back(batch);
    return;
  }
  large_bytes_ -= batch->data_bytes;
  for (auto& slot : batches_) {
    if (slot.get() != batch) continue;
    std::swap(slot, batches_.back());
    batches_.pop_back();
    return;
  }
  CAIRN_CHECK(false);
}

Status Lane::Refusal(Code code) {
  LatchGuard guard(latch_);
  const std::string lane = "lane " + std::to_string(id_);
  switch (code) {
    case Code::kBusy:
      return Status(Code::kBusy, std::string());
    case Code::kNoSpace:
      return Status(code,
                    lane + " has no room left: " + (rejected_.ok() ? reason_ : rejected_.message()),
                    ENOSPC);
    default:
      return Status(Code::kReadOnly, lane + " takes no writes: " +
                                         (reason_.empty() ? rejected_.message() : reason_));
  }
}

// ---- reading what is staged ----

Batch* Lane::FindBatchLocked(uint32_t segment_id, uint64_t offset) {
  CAIRN_ASSERT_LATCHED(latch_);
  const auto holds = [&](const Batch* batch) {
    return batch != nullptr && batch->segment->id == segment_id && offset >= batch->offset &&
           offset < batch->offset + batch->used;
  };
  for (uint32_t age = 0; age < in_flight_count_; ++age) {
    if (holds(InFlightLocked(age).batch)) return InFlightLocked(age).batch;
  }
  for (Batch* batch : queue_) {
    if (holds(batch)) return batch;
  }
  return holds(open_) ? open_ : nullptr;
}

std::shared_ptr<LargeBuffer> Lane::ShareStaged(uint32_t segment_id, uint64_t offset,
                                               const char** record) {
  LatchGuard guard(latch_);
  const Batch* batch = FindBatchLocked(segment_id, offset);
  if (batch == nullptr || batch->large == nullptr) return nullptr;
  *record = batch->data + (offset - batch->offset);
  return batch->large;
}

bool Lane::ReadStaged(uint32_t segment_id, uint64_t offset, uint64_t length, char* out) {
  Batch* batch = nullptr;
  {
    LatchGuard guard(latch_);
    batch = FindBatchLocked(segment_id, offset);
    if (batch == nullptr) return false;
    CAIRN_CHECK(offset + length <= batch->offset + batch->used);
    if (length <= kLatchedCopyMax) {
      std::memcpy(out, batch->data + (offset - batch->offset), length);
      return true;
    }
    ++batch->readers;
  }
  std::memcpy(out, batch->data + (offset - batch->offset), length);
  LatchGuard guard(latch_);
  if (--batch->readers == 0 && batch->retired) ReleaseLocked(batch);
  return true;
}

// ---- maintenance ----

Lane::ReservationRequest Lane::TakeReservationRequest(uint64_t now_ms) {
  LatchGuard guard(latch_);
  ReservationRequest request;
  // Zeros on their way would make the file longer again.
  if (!trim_.empty() && !(prepare_busy_ && trim_.front() == zero_segment_)) {
    request.trim = trim_.front();
    trim_.pop_front();
    if (!trim_.empty()) shared_->service_wanted.store(true, std::memory_order_release);
  }
  request.relief = ask_relief_;
  ask_relief_ = false;
  if (!rejected_.ok() && now_ms < rejected_ms_ + kRetryMs && !ask_urgent_) return request;
  request.urgent = ask_urgent_;
  ask_urgent_ = false;
  if (ask_extend_ && active_->room_end < active_->capacity) request.extend = active_;
  request.next_bytes = ask_next_;
  request.next = next_;
  ask_extend_ = false;
  ask_next_ = 0;
  request.rejected =
      !rejected_.ok() && request.extend == nullptr && request.next_bytes == 0 && !stalled_;
  return request;
}

std::vector<Lane::Slack> Lane::TakeSlack(uint64_t now_ms) {
  std::vector<Slack> slack;
  LatchGuard guard(latch_);
  const uint64_t end = staged_end_.load(std::memory_order_relaxed);
  if (end != idle_end_ || room_asked_ || in_flight_count_ != 0 || prepare_busy_ ||
      !queue_.empty() || (open_ != nullptr && open_->used != kCommitRecordBytes)) {
    idle_end_ = end;
    room_asked_ = false;
    idle_since_ms_ = now_ms;
    return slack;
  }
  if (now_ms < idle_since_ms_ + kIdleMs) return slack;
  for (Segment* segment : {active_, next_}) {
    if (segment == nullptr) continue;
    const uint64_t front = segment == active_ ? tail_ : segment->block_bytes;
    const uint64_t least =
        AlignUp(front + shared_->reserve_bytes + shared_->idle_room_bytes, segment->block_bytes);
    if (segment->room_end < 2 * least - front) continue;  // not worth it
    segment->room_end = least;
    segment->worn_end = std::min(segment->worn_end, least);
    if (zero_segment_ == segment) zeroed_end_ = std::min(zeroed_end_, least);
    slack.push_back({segment, least});
  }
  if (!slack.empty()) UpdateLimitsLocked();
  return slack;
}

void Lane::EndRejection() {
  LatchGuard guard(latch_);
  if (refuses_) return;  // that ends when what is staged has been written
  rejected_ = Status();
  urgent_rejected_ = false;
  UpdateLimitsLocked();
  AskAheadLocked();
}

void Lane::GrantReservation(Segment* segment, uint64_t room_end, uint64_t capacity, bool sparing) {
  LatchGuard guard(latch_);
  segment->room_end = room_end;
  segment->capacity = capacity;
  if (!sparing) rejected_ = Status();
  urgent_rejected_ = false;
  UpdateLimitsLocked();
  AskAheadLocked();
  room_came_ = room_came_ || room_awaited_;
  room_awaited_ = false;
  active_work_.store(true, std::memory_order_release);
}

void Lane::GrantNextSegment(Segment* next, bool sparing) {
  LatchGuard guard(latch_);
  CAIRN_CHECK(next_ == nullptr);
  next_ = next;
  if (!sparing) rejected_ = Status();
  urgent_rejected_ = false;
  UpdateLimitsLocked();
  room_came_ = room_came_ || room_awaited_;
  room_awaited_ = false;
  active_work_.store(true, std::memory_order_release);
}

void Lane::RejectReservation(const Status& why, const ReservationRequest& request,
                             uint64_t now_ms) {
  LatchGuard guard(latch_);
  rejected_ = why;
  rejected_ms_ = now_ms;
  urgent_rejected_ = urgent_rejected_ || request.urgent;
  if (request.extend == active_) ask_extend_ = true;
  // What only an oversized unit wanted is not asked for again unless the unit is.
  if (request.next_bytes != 0 && next_ == nullptr)
    ask_next_ = std::max(ask_next_, kCommitRecordBytes);
  room_came_ = room_came_ || room_awaited_;  // those who wait hear kNoSpace now
  room_awaited_ = false;
  active_work_.store(true, std::memory_order_release);
}

void Lane::RequestRoll() {
  LatchGuard guard(latch_);
  if (refuses_) return;
  if (next_ == nullptr) {
    ask_next_ = std::max(ask_next_, kCommitRecordBytes);
    ask_urgent_ = true;  // it serves to make room
    shared_->service_wanted.store(true, std::memory_order_release);
    return;
  }
  if (RollLocked() == Code::kOk) active_work_.store(true, std::memory_order_release);
}

bool Lane::Sealed(const Segment* segment) {
  LatchGuard guard(latch_);
  if (!segment->sealed() || segment == written_segment_) return false;
  if (prepare_busy_ && segment == zero_segment_) return false;
  return std::find(trim_.begin(), trim_.end(), segment) == trim_.end();
}

std::string Lane::reason() {
  LatchGuard guard(latch_);
  return reason_;
}

Lane::Written Lane::written_mark() {
  LatchGuard guard(latch_);
  return {written_.load(std::memory_order_relaxed), written_unit_};
}

uint64_t Lane::record_bytes() {
  LatchGuard guard(latch_);
  return stats_.record_bytes;
}

void Lane::WantSync(uint64_t position) {
  LatchGuard guard(latch_);
  sync_wanted_ = std::max(sync_wanted_, position);
  active_work_.store(true, std::memory_order_release);
}

uint64_t Lane::ring_bytes() {
  LatchGuard guard(latch_);
  uint64_t bytes = 0;
  for (const auto& batch : batches_) bytes += batch->data_bytes;
  return bytes;
}

std::string Lane::rejection() {
  LatchGuard guard(latch_);
  return rejected_.ok() && stopped() && !failed() ? reason_ : rejected_.message();
}

void Lane::AddStats(LaneStats* stats, VlogStats* all) {
  LatchGuard guard(latch_);
  *stats = stats_;
  stats->commits_in_flight = in_flight_count_;
  for (uint32_t i = 0; i < Log2Histogram::kBuckets; ++i) {
    all->commit_nanos.counts[i] += commit_nanos_.counts[i];
    all->commit_bytes.counts[i] += commit_bytes_.counts[i];
  }
  all->commit_nanos.sum += commit_nanos_.sum;
  all->commit_bytes.sum += commit_bytes_.sum;
  stats->lane = id_;
  stats->read_only = stopped() || !rejected_.ok();
  stats->reason = reason_.empty() ? rejected_.message() : reason_;
  stats->durable_position = durable_.load(std::memory_order_relaxed);
  stats->staged_bytes = open_ != nullptr ? open_->used : 0;
  for (const Batch* batch : queue_) stats->staged_bytes += batch->used;
  for (uint32_t age = 0; age < in_flight_count_; ++age)
    stats->staged_bytes += InFlightLocked(age).batch->used;
}

}  // namespace cairn::vlog
