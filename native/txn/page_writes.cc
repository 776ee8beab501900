#include "txn/page_writes.h"

namespace cairn {

// Writes that are dead stay in their place, so that indexes hold.
PageWrites::Write* PageWrites::FindWrite(SpaceId space, uint64_t page) {
  if (writes_.size() > kLinearMax) {
    for (; indexed_ < writes_.size(); ++indexed_) {
      const Write& write = writes_[indexed_];
      if (write.op.what != PageOp::What::kDropSpace)
        by_page_[{write.op.space, write.op.page}] = indexed_;
    }
    const auto found = by_page_.find({space, page});
    return found == by_page_.end() ? nullptr : &writes_[found->second];
  }
  for (Write& write : writes_) {
    if (write.op.page == page && write.op.space == space &&
        write.op.what != PageOp::What::kDropSpace)
      return &write;
  }
  return nullptr;
}

const PageOp* PageWrites::Find(SpaceId space, uint64_t page) const {
  // The index is brought up to date, which nobody sees.
  const Write* write = const_cast<PageWrites*>(this)->FindWrite(space, page);
  return write == nullptr ? nullptr : &write->op;
}

// A write of this page, as it was left or a new one.
PageWrites::Write* PageWrites::Take(uint16_t ns, SpaceId space, uint64_t page) {
  Write* write = FindWrite(space, page);
  if (write != nullptr) {
    bytes_ -= write->op.image.size();
    return write;
  }
  write = &writes_.emplace_back();
  write->op.ns = ns;
  write->op.space = space;
  write->op.page = page;
  return write;
}

void PageWrites::Put(uint16_t ns, SpaceId space, uint64_t page, uint8_t kind,
                     std::string_view image, bool made) {
  const size_t before = writes_.size();
  Write* write = Take(ns, space, page);
  if (writes_.size() != before) write->made = made;
  write->dead = false;
  write->op.what = PageOp::What::kImage;
  write->op.kind = kind;
  write->op.image = image;
  bytes_ += image.size();
}

void PageWrites::Remove(uint16_t ns, SpaceId space, uint64_t page, uint8_t kind) {
  Write* write = Take(ns, space, page);
  write->dead = write->made;
  write->op.what = PageOp::What::kRemove;
  write->op.kind = kind;
  write->op.image = {};
}

void PageWrites::Drop(uint16_t ns, SpaceId space, bool made) {
  for (Write& write : writes_) {
    if (write.op.space != space) continue;
    bytes_ -= write.op.image.size();
    write.op.image = {};
    write.op.what = PageOp::What::kRemove;
    write.dead = true;
  }
  if (made) return;
  Write& write = writes_.emplace_back();
  write.op.what = PageOp::What::kDropSpace;
  write.op.ns = ns;
  write.op.space = space;
}

void PageWrites::Flush(uint16_t ns) {
  for (Write& write : writes_) {
    if (ns != kAllNamespaces && write.op.ns != ns) continue;
    bytes_ -= write.op.image.size();
    write.op.image = {};
    write.dead = true;
  }
}

void PageWrites::Swap(uint16_t a, uint16_t b) {
  for (Write& write : writes_) {
    if (write.op.ns == a) {
      write.op.ns = b;
    } else if (write.op.ns == b) {
      write.op.ns = a;
    }
  }
}

std::span<const PageOp> PageWrites::Ops() {
  ops_.clear();
  for (const Write& write : writes_) {
    if (!write.dead) ops_.push_back(write.op);
  }
  return ops_;
}

void PageWrites::Clear() {
  writes_.clear();
  by_page_.clear();
  indexed_ = 0;
  ops_.clear();
  bytes_ = 0;
}

}  // namespace cairn
