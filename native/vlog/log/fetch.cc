#include "vlog/log/fetch.h"

#include "base/check.h"

namespace cairn::vlog {

FetchPool::~FetchPool() {
  for (FetchOp*& head : free_) {
    while (head != nullptr) {
      FetchOp* op = head;
      head = op->next_free;
      delete op;
    }
  }
}

FetchOp* FetchPool::Get(uint64_t bytes) {
  uint32_t size_class = bytes >= kLargeValueBytes ? kClasses : 0;
  while (size_class < kClasses && (uint64_t{kSmallestBytes} << size_class) < bytes) ++size_class;
  FetchOp* op = nullptr;
  {
    LatchGuard guard(latch_);
    ++out_;
    if (size_class < kClasses && free_[size_class] != nullptr) {
      op = free_[size_class];
      free_[size_class] = op->next_free;
      kept_bytes_ -= op->buffer_bytes;
    }
  }
  if (op == nullptr) {
    op = new FetchOp();
    op->pool = this;
    op->size_class = size_class;
    op->buffer_bytes = size_class < kClasses ? uint64_t{kSmallestBytes} << size_class : bytes;
    if (size_class < kClasses) {
      op->buffer = NewAligned(op->buffer_bytes);
    } else {
      op->large = LargeBuffer::New(op->buffer_bytes);
    }
  }
  op->next_free = nullptr;
  op->done = op->asked = op->checked = 0;
  op->tries = 0;
  return op;
}

void FetchPool::Put(FetchOp* op) {
  CAIRN_CHECK(op->pool == this);
  bool last = false;
  {
    LatchGuard guard(latch_);
    CAIRN_CHECK(out_ > 0);
    --out_;
    last = closed_ && out_ == 0;
    if (!closed_ && op->size_class < kClasses && kept_bytes_ + op->buffer_bytes <= kKeptBytesMax) {
      op->next_free = free_[op->size_class];
      free_[op->size_class] = op;
      kept_bytes_ += op->buffer_bytes;
      op = nullptr;
    }
  }
  delete op;
  if (last) delete this;
}

void FetchPool::Close() {
  bool last = false;
  {
    LatchGuard guard(latch_);
    closed_ = true;
    last = out_ == 0;
  }
  if (last) delete this;
}

}  // namespace cairn::vlog
