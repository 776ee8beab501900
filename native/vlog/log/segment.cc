#include "vlog/log/segment.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace cairn::vlog {

bool MayBecome(SegmentState from, SegmentState to) {
  switch (from) {
    case SegmentState::kOpen:
      return to == SegmentState::kSealed;
    case SegmentState::kSealed:
      return to == SegmentState::kOpen || to == SegmentState::kCollecting ||
             to == SegmentState::kPendingDeletion;
    case SegmentState::kCollecting:
      return to == SegmentState::kSealed || to == SegmentState::kSwept ||
             to == SegmentState::kDamaged;
    case SegmentState::kSwept:
    case SegmentState::kDamaged:
      return to == SegmentState::kPendingDeletion;
    case SegmentState::kPendingDeletion:
      return to == SegmentState::kSealed || to == SegmentState::kSwept ||
             to == SegmentState::kDamaged;
  }
  return false;
}

void Segment::Become(SegmentState to) {
  const SegmentState from = state_.load(std::memory_order_relaxed);
  CAIRN_CHECK(MayBecome(from, to));
  CAIRN_CHECK(from != SegmentState::kPendingDeletion || to == before_deletion_);
  if (to == SegmentState::kPendingDeletion) before_deletion_ = from;
  state_.store(to, std::memory_order_release);
}

void Segment::CallOffDeletion() {
  CAIRN_CHECK(state() == SegmentState::kPendingDeletion);
  Become(before_deletion_);
}

SegmentTable::SegmentTable() : pages_(new std::atomic<Page*>[kPages]()) {}

SegmentTable::~SegmentTable() { Clear(); }

void SegmentTable::Clear() {
  for (uint32_t i = 0; i < pages_used_; ++i) {
    Page* page = pages_[i].exchange(nullptr, std::memory_order_relaxed);
    if (page == nullptr) continue;
    for (auto& entry : page->entries) delete entry.load(std::memory_order_relaxed);
    delete page;
  }
  pages_used_ = 0;
}

void SegmentTable::Add(std::unique_ptr<Segment> segment) {
  const uint32_t id = segment->id;
  CAIRN_CHECK(id < kIdsMax);
  std::atomic<Page*>& slot = pages_[id >> kPageBits];
  Page* page = slot.load(std::memory_order_relaxed);
  if (page == nullptr) {
    page = new Page();
    slot.store(page, std::memory_order_release);
    pages_used_ = std::max(pages_used_, (id >> kPageBits) + 1);
  }
  std::atomic<Segment*>& entry = page->entries[id & (kPageEntries - 1)];
  CAIRN_CHECK(entry.load(std::memory_order_relaxed) == nullptr);
  entry.store(segment.release(), std::memory_order_release);
}

std::unique_ptr<Segment> SegmentTable::Remove(uint32_t id) {
  Page* page = pages_[id >> kPageBits].load(std::memory_order_relaxed);
  CAIRN_CHECK(page != nullptr);
  return std::unique_ptr<Segment>(page->entries[id & (kPageEntries - 1)].exchange(nullptr));
}

Status WriteSegmentHeader(const Segment& segment, uint32_t lanes, uint32_t incarnation) {
  AlignedBuffer block = NewAligned(segment.block_bytes);
  std::memset(block.get(), 0, segment.block_bytes);
  SegmentHeader header = {};
  header.magic = kSegmentMagic;
  header.version = segment.version;
  header.byte_order = kByteOrderMark;
  header.segment_id = segment.id;
  header.lane = segment.lane;
  header.lanes = lanes;
  header.epoch = segment.epoch;
  header.incarnation = incarnation;
  header.block_bytes = segment.block_bytes;
  header.recycled = segment.recycled ? 1 : 0;
  header.salt = segment.salt;
  header.before = segment.before;
  header.crc = Crc32c(&header, offsetof(SegmentHeader, crc));
  std::memcpy(block.get(), &header, sizeof(header));
  Status status = segment.file->WriteAt(0, block.get(), segment.block_bytes);
  return status.ok() ? segment.file->Sync() : status;
}

AlignedBuffer NewAligned(uint64_t bytes) {
  constexpr uint64_t kPageBytes = 4096;
  const uint64_t whole = AlignUp(std::max<uint64_t>(bytes, 1), kPageBytes);
  return AlignedBuffer(Allocated(static_cast<char*>(std::aligned_alloc(kPageBytes, whole)), whole));
}

}  // namespace cairn::vlog
