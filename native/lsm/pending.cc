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

PendingWrite** PendingIndex::Place(PendingWrite** at, std::string_view stored_key, uint32_t hash) {
  while (*at != nullptr && ((*at)->hash != hash || (*at)->key != stored_key)) at = &(*at)->next;
  return at;
}

const PendingWrite* PendingIndex::Search(uint16_t shard, std::string_view stored_key,
                                         uint32_t hash) const {
  PendingWrite* first = buckets_[BucketOf(shard, hash)];
  return *Place(&first, stored_key, hash);
}

void PendingIndex::Add(PendingWrite* write) {
  PendingWrite** const at =
      Place(&buckets_[BucketOf(write->shard, write->hash)], write->key, write->hash);
  if (*at != nullptr) {
    (*at)->superseded = true;
    write->next = (*at)->next;
  }
  *at = write;
  ++counts_[write->shard];
}

bool PendingIndex::Remove(const PendingWrite* write) {
  CAIRN_CHECK(counts_[write->shard] != 0, "what is removed was added");
  --counts_[write->shard];
  if (write->superseded) return false;
  PendingWrite** const at =
      Place(&buckets_[BucketOf(write->shard, write->hash)], write->key, write->hash);
  CAIRN_CHECK(*at == write, "the newest write of a key is the one in the index");
  *at = write->next;
  return true;
}

}  // namespace cairn::lsm
