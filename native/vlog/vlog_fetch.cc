// Reading values that are only on disk.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "base/clock.h"
#include "vlog/vlog_engine.h"

namespace cairn {

using vlog::EntryRef;
using vlog::FetchOp;
using vlog::FetchPool;
using vlog::Pointer;
using vlog::RecordHeader;
using vlog::Segment;

namespace {

constexpr uint32_t kReadTriesMax = 16;

constexpr uint32_t kReadsPerFlush = 4;  // reads that take the place of others

// Large values come in pieces, so that neither asking for one nor its checksum takes long.
constexpr uint64_t kPieceBytes = std::max<uint64_t>(kLargeUnitBytes, vlog::kBlockBytesMax);

void SubmitRead(FetchOp* op) {
  if (op->done == op->asked) op->asked = std::min(op->bytes, op->asked + kPieceBytes);
  op->iov = {op->data() + op->done, op->asked - op->done};
  op->io.offset = op->from + op->done;
  op->io.iov = &op->iov;
  op->io.iov_count = 1;
  op->queue->Submit(&op->io);
}

}  // namespace

void VlogEngine::Fetch(uint32_t reactor, uint16_t ns, uint16_t shard, std::string_view key,
                       FetchRequest* request) {
  Reactor& me = reactors_[reactor];
  const uint16_t tree_number = TreeOf(ns);
  const Pointer pointer = vlog::PointerOf(request->version);
  Segment* segment = segments_.Get(pointer.segment_id);
  CAIRN_CHECK(segment != nullptr);
  const IoAlignment alignment = segment->file->alignment();
  const uint64_t from = vlog::AlignDown(pointer.offset, alignment.offset);
  const uint64_t bytes = vlog::AlignUp(pointer.offset + pointer.length, alignment.offset) - from;
  FetchOp* op = me.pool->Get(bytes);
  SetFetched(request, {}, op, [](void* state) {
    auto* done = static_cast<FetchOp*>(state);
    done->pool->Put(done);
  });
  segment->Pin();
  op->engine = this;
  op->request = request;
  op->segment = segment;
  op->queue = me.queue;
  op->reactor = reactor;
  op->key.assign(key);
  op->pointer = pointer;
  op->from = from;
  op->bytes = bytes;
  op->tree = tree_number;
  op->shard = shard;
  op->io.op = IoOp::kRead;
  op->io.file = segment->file.get();
  op->io.done = &VlogEngine::ReadDone;
  op->io.owner = op;
  me.disk_reads.fetch_add(1, std::memory_order_relaxed);
  me.disk_read_bytes.fetch_add(bytes, std::memory_order_relaxed);
  if (me.reads_at_disk >= me.read_window.size()) {
    me.waiting_reads.push_back(op);
    return;
  }
  StartRead(&me, op, MonotonicNanos());
}

void VlogEngine::StartRead(Reactor* me, FetchOp* op, uint64_t now_ns) {
  ++me->reads_at_disk;
  op->started_ns = now_ns;
  SubmitRead(op);
}

// One has come back: those that waited for it go.
void VlogEngine::NextReads(Reactor* me, uint64_t now_ns) {
  me->read_window.Completed(!me->waiting_reads.empty(), now_ns);
  --me->reads_at_disk;
  while (!me->waiting_reads.empty() && me->reads_at_disk < me->read_window.size()) {
    FetchOp* next = me->waiting_reads.front();
    me->waiting_reads.pop_front();
    StartRead(me, next, now_ns);
    // At once, not when the batch of completions has been worked off: until then the device would
    // have nothing to do.
    if (++me->reads_unflushed % kReadsPerFlush == 0) next->queue->Flush();
  }
}

void VlogEngine::ReadDone(IoRequest* request, int64_t result) {
  auto* op = static_cast<FetchOp*>(request->owner);
  op->engine->OnRead(op, result);
}

void VlogEngine::OnRead(FetchOp* op, int64_t result) {
  const uint64_t needed = op->pointer.offset + op->pointer.length - op->from;
  const std::string& path = op->segment->file->path();
  Status status;
  if (result == -EINTR || result == -EAGAIN) {
    if (++op->tries < kReadTriesMax) return SubmitRead(op);
  }
  if (result < 0) {
    const int error = static_cast<int>(-result);
    status = Status(Code::kIoError,
                    path + " at offset " + std::to_string(op->pointer.offset) +
                        ": read failed: " + std::strerror(error),
                    error);
  } else {
    const uint64_t done = op->done + static_cast<uint64_t>(result);
    if (done < needed && done == op->asked) {
      op->done = done;
      op->tries = 0;
      SubmitRead(op);  // it is under way while this piece is checked
      return CheckPiece(op, done);
    }
    if (done < needed && result != 0 && ++op->tries < kReadTriesMax) {
      op->done = vlog::AlignDown(done, op->segment->file->alignment().offset);
      return SubmitRead(op);
    }
    if (done < needed) {
      status = Status(Code::kCorruption, path + " at offset " + std::to_string(op->from + done) +
                                             ": the file ends in a record");
    }
  }
  Reactor& me = reactors_[op->reactor];
  const uint64_t now_ns = MonotonicNanos();
  NextReads(&me, now_ns);
  std::string_view value;
  if (status.ok()) status = VerifyRead(op, &value);
  if (status.code() == Code::kCorruption) checksum_errors_.fetch_add(1, std::memory_order_relaxed);
  me.disk_reads_done.fetch_add(1, std::memory_order_release);
  const uint64_t nanos = now_ns - op->started_ns;
  me.disk_read_nanos.fetch_add(nanos, std::memory_order_relaxed);
  me.read_nanos[Log2Histogram::BucketOf(nanos)].fetch_add(1, std::memory_order_relaxed);
  op->segment->Unpin();
  ShowFetched(op->request, value, op->large);
  op->request->Done(std::move(status));  // may destroy the request, and with it op
}

// The checksum of the record as far as it has been read: `bytes` from op->from on.
void VlogEngine::CheckPiece(FetchOp* op, uint64_t bytes) {
  const uint64_t begin = op->pointer.offset - op->from;
  if (op->checked == 0) {
    op->crc = vlog::CrcSeed(op->pointer.offset, op->segment->salt);
    op->checked = sizeof(RecordHeader::crc);
  }
  const uint64_t seen = std::min<uint64_t>(bytes - std::min(bytes, begin), op->pointer.length);
  if (seen <= op->checked) return;
  op->crc = Crc32cExtend(op->crc, op->data() + begin + op->checked, seen - op->checked);
  op->checked = seen;
}

Status VlogEngine::VerifyRead(FetchOp* op, std::string_view* value) {
  const char* record = op->data() + (op->pointer.offset - op->from);
  CheckPiece(op, op->bytes);
  const RecordHeader header = vlog::LoadHeader(record);
  const char* what = nullptr;
  if (!vlog::Plausible(header) || vlog::BytesOf(header) != op->pointer.length) {
    what = "no record of the expected size";
  } else if (op->crc != header.crc) {
    what = "record checksum does not match";
  } else if (header.crc != op->pointer.checksum || header.segment_id != op->pointer.segment_id) {
    what = "another record than the index expects";
  } else if (!vlog::IsPut(vlog::TypeOf(header)) || header.ns != op->tree ||
             vlog::KeyOf(header, record) != op->key) {
    what = "record of another key";
  }
  if (what != nullptr) {
    return Status(Code::kCorruption, op->segment->file->path() + " at offset " +
                                         std::to_string(op->pointer.offset) + ": " + what);
  }
  *value = vlog::ValueOf(header, record);
  CacheRead(op, {record, op->pointer.length});
  return Status();
}

// What was read enters the cache if it still is the key's value.
void VlogEngine::CacheRead(FetchOp* op, std::string_view record) {
  if (cache_->budget() == 0 || op->request->no_admit) return;
  LatchGuard guard(latches_[op->shard].latch);
  const EntryRef found = Shard(op->shard).Find(op->tree, op->key);
  if (!found || found.pointer->resident() || !found.pointer->SamePlace(op->pointer)) return;
  const uint64_t value_bytes = vlog::ValueBytes(op->pointer, op->key.size());
  const ValueCache::Hint hint = {op->pointer.checksum, static_cast<uint32_t>(value_bytes)};
  uint32_t handle;
  if (record.size() >= kLargeValueBytes && op->large != nullptr) {
    char* unused = nullptr;
    const ValueCache::SharedRecord shared = {op->large, record.data()};
    handle = cache_->Reserve(op->shard, op->pointer.checksum, op->pointer.length, &unused, hint,
                             &shared);
  } else {
    handle = cache_->Insert(op->shard, op->pointer.checksum, record, hint);
  }
  if (handle != ValueCache::kNoHandle) {
    found.pointer->flags |= Pointer::kResident;
    found.pointer->checksum = handle;
  }
  if (cache_->OverBudget()) ShrinkCache(op->shard);
}

}  // namespace cairn
