#include "lsm/pending.h"

#include <functional>

#include "base/check.h"
#include "lsm/key.h"

namespace cairn::lsm {

char* Arena::Take(size_t bytes) {
  bytes = (bytes + 7) & ~size_t{7};
  if (bytes > left_) {
    if (bytes > kBlockBytes / 4) {
      // A block of its own; the current one goes on.
      auto block = std::make_unique_for_overwrite<char[]>(bytes);
      char* const memory = block.get();
      blocks_.insert(blocks_.begin(), std::move(block));
      return memory;
    }
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(kBlockBytes));
    at_ = blocks_.back().get();
    left_ = kBlockBytes;
  }
  char* const memory = at_;
  at_ += bytes;
  left_ -= bytes;
  return memory;
}

void Arena::Clear() {
  if (at_ == nullptr) {
    blocks_.clear();
    return;
  }
  std::unique_ptr<char[]> kept = std::move(blocks_.back());
  blocks_.clear();
  at_ = kept.get();
  left_ = kBlockBytes;
  blocks_.push_back(std::move(kept));
}

void Batch::Clear() {
  writes.clear();
  owners.clear();
  dropped.clear();
  records.clear();
  changed.clear();
  touched = mapping_changed = false;
  bytes = 0;
  arena.Clear();
}

uint8_t PendingIndex::BucketOf(std::string_view stored_key) {
  const size_t hash = std::hash<std::string_view>()(stored_key.substr(kPrefixBytes));
  return static_cast<uint8_t>(hash % kBucketsPerShard);
}

const PendingWrite* PendingIndex::Search(uint16_t shard, std::string_view stored_key) const {
  const PendingWrite* write = buckets_[shard * kBucketsPerShard + BucketOf(stored_key)];
  while (write != nullptr && write->key != stored_key) write = write->older;
  return write;
}

void PendingIndex::Add(PendingWrite* write) {
  write->bucket = BucketOf(write->key);
  PendingWrite*& newest = buckets_[write->shard * kBucketsPerShard + write->bucket];
  write->older = newest;
  newest = write;
  ++counts_[write->shard];
}

// It is most probably the oldest of its bucket, and there are few.
void PendingIndex::Remove(const PendingWrite* write) {
  PendingWrite** at = &buckets_[write->shard * kBucketsPerShard + write->bucket];
  while (*at != write) {
    CAIRN_CHECK(*at != nullptr, "what is removed was added");
    at = &(*at)->older;
  }
  *at = write->older;
  --counts_[write->shard];
}

}  // namespace cairn::lsm
