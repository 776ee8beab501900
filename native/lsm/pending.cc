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
  version = bytes = awaited = 0;
  arena.Clear();
}

uint32_t HashOfUserKey(std::string_view key) {
  const size_t hash = std::hash<std::string_view>()(key);
  return static_cast<uint32_t>(hash ^ hash >> 32);
}

uint32_t HashOf(std::string_view stored_key) {
  return HashOfUserKey(stored_key.substr(kPrefixBytes));
}

const PendingWrite* PendingIndex::Search(uint16_t shard, std::string_view stored_key,
                                         uint32_t hash) const {
  const PendingWrite* write = buckets_[BucketOf(shard, hash)];
  while (write != nullptr && (write->hash != hash || write->key != stored_key))
    write = write->older;
  return write;
}

void PendingIndex::Add(PendingWrite* write) {
  PendingWrite*& newest = buckets_[BucketOf(write->shard, write->hash)];
  write->older = newest;
  newest = write;
  ++counts_[write->shard];
}

bool PendingIndex::Remove(const PendingWrite* write) {
  PendingWrite** at = &buckets_[BucketOf(write->shard, write->hash)];
  bool newest = true;
  for (; *at != write; at = &(*at)->older) {
    CAIRN_CHECK(*at != nullptr, "what is removed was added");
    newest = newest && ((*at)->hash != write->hash || (*at)->key != write->key);
  }
  *at = write->older;
  --counts_[write->shard];
  return newest;
}

}  // namespace cairn::lsm
