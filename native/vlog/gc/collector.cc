#include "vlog/gc/collector.h"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/check.h"
#include "base/clock.h"

namespace cairn::vlog {
namespace {

constexpr uint64_t kDurableMsMax = 1000;
// Out of the way of users: small reads and writes, and the processor for short turns only.
constexpr uint64_t kGentleWindowBytes = 256u << 10;
constexpr uint32_t kPieceMicros = 300;
constexpr uint32_t kRecordsPerTurn = 16;
constexpr uint64_t kCopiedUnderLatchMax = 64u << 10;

}  // namespace

Status Collector::Collect(Segment* victim, GcMode mode, bool* swept) {
  victim_ = victim;
  mode_ = mode;
  now_ms_ = in_.clock->WallMillis();
  droppable_ = RemovalsDroppable(&first_);
  if (droppable_ && !first_) victim->needs_checkpoint = true;
  flush_needed_ = false;
  failure_ = Status();
  stop_.store(false, std::memory_order_relaxed);
  read_bytes_ = 0;
  dropped_ = false;
  // Survivors must stand behind their victim.
  gate_.Enter();
  std::vector<uint32_t> too_early;
  for (const auto& [lane, writer] : writers_) {
    if (writer->segment()->rank() < victim->rank()) too_early.push_back(lane);
  }
  for (uint32_t lane : too_early) (void)Seal(lane);
  gate_.Leave();
  ReplayOptions options;
  options.last_epoch = false;
  options.stop = &stop_;
  gentle_ = pace_.Gentle(mode) && in_.has_thread;
  if (gentle_) options.window_bytes = kGentleWindowBytes;
  Replay replay(options, this);
  replay.AddSegment(0, victim, victim->data_end);
  Status status = replay.Run();
  if (failure_.ok()) Flush();
  if (inside_) {
    relies_on_.clear();
    moves_.clear();
    for (const auto& [lane, writer] : writers_) writer->Drop();
    batch_bytes_ = 0;
    batch_records_ = 0;
    inside_ = false;
    gate_.Leave();
  }
  if (!failure_.ok()) status = failure_;
  if (!status.ok() && dropped_) victim->owes_deletes = true;
  figures_.reads.fetch_add(victim->data_end / kWindowBytesMax + 1, std::memory_order_relaxed);
  figures_.read_bytes.fetch_add(victim->data_end, std::memory_order_relaxed);
  if (status.ok()) {
    *swept = !flush_needed_ && victim->live_bytes.load(std::memory_order_acquire) == 0;
    if (flush_needed_) victim->flushes.store(true, std::memory_order_relaxed);
    in_.host->At(GcPoint::kSwept);
  }
  return status;
}

// ---- what is needed ----

bool Collector::RemovalsDroppable(bool* first) const {
  std::lock_guard<std::mutex> lock(in_.catalog->mutex());
  *first = in_.catalog->FirstInLogLocked(*victim_);
  return in_.retained->Droppable(*victim_, *first);
}

bool Collector::NoCheckpoint() const {
  std::lock_guard<std::mutex> lock(in_.catalog->mutex());
  return in_.retained->none();
}

void Collector::OnFlush(uint32_t, uint32_t, uint32_t, uint16_t) {
  if (!droppable_) flush_needed_ = true;
}

void Collector::OnRecord(const RecordHeader& header, const char* record, const Pointer& pointer) {
  const std::string_view key = KeyOf(header, record);
  if (!failure_.ok() || !IsKeyIn(header.ns, key)) return;
  const uint16_t shard = ShardIn(header.ns, key);
  constexpr uint64_t kExpiryField = 8;
  if (!Ready(in_.LaneOf(shard), pointer.length + kExpiryField)) return;
  read_bytes_ += pointer.length;
  if (gentle_ && ++records_ % kRecordsPerTurn == 0) sched_yield();
  uint64_t expire_at_ms = 0;
  const Verdict verdict = Judge(header, record, pointer, shard, &expire_at_ms);
  if (verdict != Verdict::kDead) Copy(verdict, header, record, pointer, shard, expire_at_ms);
}

// Between judging a record and writing its copy the gate must not open: so what would end the batch
// comes before. A long stretch of dead records ends one, too, that no checkpoint waits for long.
bool Collector::Ready(uint32_t lane, uint64_t bytes) {
  Enter();
  const auto full = [&] {  // nobody else touches the writers while the gate is closed to them
    const auto slot = writers_.find(lane);
    return slot != writers_.end() && !slot->second->Fits(bytes);
  };
  if (full() || (batch_bytes_ != 0 && batch_bytes_ + bytes > SurvivorWriter::kBatchBytes) ||
      read_bytes_ >= 2 * SurvivorWriter::kBatchBytes) {
    Flush();
    if (!failure_.ok()) return false;
    Enter();
  }
  if (full()) (void)Seal(lane);
  return true;
}

void Collector::Enter() {
  if (inside_) return;
  gate_.Enter();
  inside_ = true;
  // A checkpoint that has begun since may have the expired keys that leave the index now.
  expired_droppable_ = first_ && NoCheckpoint();
}

Collector::Verdict Collector::Judge(const RecordHeader& header, const char* record,
                                    const Pointer& pointer, uint16_t shard,
                                    uint64_t* expire_at_ms) {
  const std::string_view key = KeyOf(header, record);
  LatchGuard guard(in_.host->LatchOf(shard));
  ShardIndex& index = in_.host->Shard(shard);
  const EntryRef found = index.Find(header.ns, key);
  switch (TypeOf(header)) {
    case RecordType::kPut:
    case RecordType::kPutExpire: {
      if (!found || !found.pointer->SamePlace(pointer)) {
        // What has expired may have left the index without a delete, being its own. The clock may
        // have been set back since; and by an earlier start, if this one did not read the segment.
        const uint64_t expiry = ExpiryOf(header, record);
        const bool expired =
            expiry != 0 && (expiry <= now_ms_ || victim_->owes_deletes || victim_->unread);
        if (expired_droppable_ || found || !expired) return Verdict::kDead;
        Rely(shard, index.last_removal);
        return Verdict::kRemoval;
      }
      *expire_at_ms = found.expire_at_ms;
      const bool changed = (found.pointer->flags & Pointer::kExpiryExternal) != 0 ||
                           ExpiryOf(header, record) != found.expire_at_ms;
      if (changed) Rely(shard, index.last_change);
      // A collection goes by its delete, with which goes its space.
      if (changed || found.expire_at_ms == 0 || !GoesByItself(*found.pointer) ||
          found.expire_at_ms + in_.expired_for_ms > now_ms_)
        return Verdict::kLive;
      // Gone from the index at once, so that nothing can be done to the key any more before its
      // delete is written. If that fails, the put is still there, as expired as before.
      in_.host->DropEntry(header.ns, shard, key);
      dropped_ = true;
      return expired_droppable_ ? Verdict::kDead : Verdict::kExpired;
    }
    case RecordType::kDelete:
      if (droppable_ || found) return Verdict::kDead;
      Rely(shard, index.last_removal);
      return Verdict::kRemoval;
    case RecordType::kSetExpire: {
      // Needed also if the key's own record knows the time, as long as that stands before it: an
      // older expiry may lie between them.
      if (droppable_ || !found || Behind(*found.pointer, pointer)) return Verdict::kDead;
      *expire_at_ms = ExpiryOf(header, record);
      if (found.expire_at_ms != *expire_at_ms) return Verdict::kDead;
      Rely(shard, index.last_change);
      return Verdict::kExpiry;
    }
    default:
      return Verdict::kDead;
  }
}

// Whether the key's record is read after the one in the victim.
bool Collector::Behind(const Pointer& key, const Pointer& pointer) const {
  if (key.segment_id == victim_->id) return key.offset > pointer.offset;
  const Segment* segment = in_.segments->Get(key.segment_id);
  if (segment->epoch != victim_->epoch) return segment->epoch > victim_->epoch;
  return segment->rank() > victim_->rank();
}

// ---- the batch ----

// A copy says what the index says. If a crash could still take that back, the copy must not outlive
// it: an expiry would be there that never was set, a delete would hit a put that came after it.
void Collector::Rely(uint16_t shard, uint64_t position) {
  const uint32_t lane = in_.LaneOf(shard);
  if (position <= in_.lane(lane).durable()) return;
  uint64_t& needed = relies_on_[lane];
  needed = std::max(needed, position);
}

// False: it is not durable and will not be soon.
bool Collector::AwaitDurable() {
  const uint64_t deadline = MonotonicMillis() + kDurableMsMax;
  for (const auto& [id, position] : relies_on_) {
    const Lane& lane = in_.lane(id);
    while (lane.durable() < position) {
      // All lanes: a transaction is durable only as a whole.
      for (const auto& other : *in_.shared->lanes) other->WantSync(other->staged_end());
      if (!in_.has_thread || lane.failed() || pace_.stopped() || MonotonicMillis() > deadline)
        return false;
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
  }
  relies_on_.clear();
  return true;
}

void Collector::Copy(Verdict verdict, const RecordHeader& header, const char* record,
                     const Pointer& from, uint16_t shard, uint64_t expire_at_ms) {
  RecordHeader copy = {};
  copy.ns = header.ns;
  copy.key_bytes = header.key_bytes;
  std::string_view value;
  RecordType type = RecordType::kDelete;
  if (verdict == Verdict::kExpiry) type = RecordType::kSetExpire;
  if (verdict == Verdict::kLive) {
    type = expire_at_ms != 0 ? RecordType::kPutExpire : RecordType::kPut;
    copy.value_type = header.value_type;
    copy.value_bytes = header.value_bytes;
    value = ValueOf(header, record);
  }
  copy.type = static_cast<uint8_t>(type);
  const uint64_t bytes = BytesOf(copy);
  SurvivorWriter* writer = nullptr;
  failure_ = WriterFor(in_.LaneOf(shard), bytes, &writer);
  if (!failure_.ok()) {
    stop_.store(true, std::memory_order_relaxed);
    return;
  }
  const Pointer to = writer->Add(copy, expire_at_ms, KeyOf(header, record), value);
  batch_bytes_ += bytes;
  ++batch_records_;
  if (verdict == Verdict::kLive) {
    moves_.push_back({from, to, expire_at_ms, writer, shard, header.ns});
  } else {
    writer->segment()->removal_bytes.fetch_add(bytes, std::memory_order_relaxed);
  }
}

Status Collector::WriterFor(uint32_t lane, uint64_t bytes, SurvivorWriter** writer) {
  const auto found = writers_.find(lane);
  if (found == writers_.end()) {
    Segment* segment = nullptr;
    Status status = segments_.Create(lane, bytes, *victim_, &segment);
    if (!status.ok()) return status;
    *writer =
        (writers_[lane] = std::make_unique<SurvivorWriter>(segment, in_.shared->incarnation)).get();
  } else {
    *writer = found->second.get();
  }
  CAIRN_CHECK((*writer)->segment()->epoch != victim_->epoch ||
              (*writer)->segment()->rank() > victim_->rank());
  return segments_.Grow((*writer)->segment(), (*writer)->RoomFor(bytes));
}

void Collector::Flush() {
  if (!inside_) return;
  in_.host->At(GcPoint::kJudged);
  if (!AwaitDurable()) {
    failure_ = Status(Code::kBusy, "what the copies say is not durable yet");
    stop_.store(true, std::memory_order_relaxed);
    return;  // Collect drops the batch
  }
  uint64_t written = 0;
  uint64_t writes = 0;
  std::vector<uint32_t> failed;
  for (const auto& [lane, writer] : writers_) {
    if (writer->staged() == 0) continue;
    uint64_t bytes = 0;
    Status status = writer->Write(gentle_ ? kPieceMicros : 0, &bytes);
    written += bytes;
    writes += 2;
    if (status.ok()) continue;
    failed.push_back(lane);
    if (failure_.ok()) failure_ = status;
  }
  in_.host->At(GcPoint::kWritten);
  for (const Move& move : moves_) {
    const bool lost = std::any_of(failed.begin(), failed.end(), [&](uint32_t lane) {
      return writers_[lane].get() == move.writer;
    });
    if (!lost) Publish(move);
  }
  moves_.clear();
  batch_bytes_ = 0;
  for (uint32_t lane : failed) Abandon(lane);
  figures_.written_bytes.fetch_add(written, std::memory_order_relaxed);
  figures_.written_records.fetch_add(batch_records_, std::memory_order_relaxed);
  batch_records_ = 0;
  figures_.writes.fetch_add(writes, std::memory_order_relaxed);
  if (!failure_.ok()) stop_.store(true, std::memory_order_relaxed);
  inside_ = false;
  gate_.Leave();
  in_.host->At(GcPoint::kPublished);
  const uint64_t read = read_bytes_;
  read_bytes_ = 0;
  if (in_.has_thread && !pace_.AfterBatch(mode_, read, written)) {
    if (failure_.ok()) failure_ = Status(Code::kBusy, "garbage collection was told to stop");
    stop_.store(true, std::memory_order_relaxed);
  }
}

void Collector::Publish(const Move& move) {
  const std::string_view record = move.writer->record(move.to);
  const RecordHeader header = LoadHeader(record.data());
  const std::string_view key = KeyOf(header, record.data());
  LatchGuard guard(in_.host->LatchOf(move.shard));
  const EntryRef found = in_.host->Shard(move.shard).Find(move.tree, key);
  if (!found || !found.pointer->SamePlace(move.from)) return;
  Pointer& entry = *found.pointer;
  uint32_t flags = move.to.flags;
  uint32_t tag = move.to.checksum;
  if (found.expire_at_ms != 0) flags |= Pointer::kHasExpiry;
  // Also if the copy says it: a record that set it may still stand behind the copy.
  flags |= entry.flags & Pointer::kExpiryExternal;
  if (found.expire_at_ms != move.expire_at_ms) flags |= Pointer::kExpiryExternal;
  constexpr uint32_t kLayout = kRecordHasExpiry | kPadMask << kPadShift;
  if (entry.resident() && entry.length == move.to.length &&
      (entry.flags & kLayout) == (flags & kLayout)) {
    // Key and value lie where they did; nobody looks at the rest of the image.
    in_.cache->SetChecksum(move.shard, entry.checksum, move.to.checksum);
    flags |= Pointer::kResident;
    tag = entry.checksum;
  } else if (entry.resident() && entry.length > kCopiedUnderLatchMax) {
    in_.cache->Erase(move.shard, entry.checksum);
  } else if (entry.resident()) {
    const uint32_t handle =
        in_.cache->Replace(move.shard, entry.checksum, entry.length, move.to.checksum, record);
    if (handle != ValueCache::kNoHandle) {
      flags |= Pointer::kResident;
      tag = handle;
    }
  }
  in_.segments->Get(move.to.segment_id)
      ->live_bytes.fetch_add(move.to.length, std::memory_order_release);
  in_.segments->Get(entry.segment_id)
      ->live_bytes.fetch_sub(entry.length, std::memory_order_release);
  entry.segment_id = move.to.segment_id;
  entry.length = move.to.length;
  entry.offset = move.to.offset;
  entry.flags = flags;
  entry.checksum = tag;
  figures_.lanes[in_.LaneOf(*victim_)].moved_bytes.fetch_add(move.to.length,
                                                             std::memory_order_relaxed);
}

// ---- segments of survivors ----

// Takes no more; what is durable in it counts.
void Collector::Abandon(uint32_t lane) {
  segments_.End(writers_[lane]->segment());
  writers_.erase(lane);
}

Status Collector::Seal(uint32_t lane) {
  const auto found = writers_.find(lane);
  if (found == writers_.end()) return Status();
  Status status = found->second->Seal();
  segments_.End(found->second->segment());
  writers_.erase(lane);
  return status;
}

Status Collector::SealAll() {
  CAIRN_CHECK(!inside_);
  Status status;
  while (!writers_.empty()) {
    Status sealed = Seal(writers_.begin()->first);
    if (status.ok()) status = sealed;
  }
  return status;
}

}  // namespace cairn::vlog
