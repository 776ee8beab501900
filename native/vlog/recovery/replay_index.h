// ReplayIndex: the index that a log describes, built from what replay hands over. What is in it
// after the last epoch are the newest records of all keys: removals, flushes and cut tails have had
// their effect. Expired keys are still there; whoever asks decides by the clock.
//
// Threads: as ReplaySink. Lanes of an epoch have no shard in common, so their workers need no lock.
#pragma once

#include "base/slot.h"
#include "vlog/index/shard_index.h"
#include "vlog/recovery/replay.h"
#include "vlog/vlog_options.h"

namespace cairn::vlog {

class ReplayIndex : public ReplaySink {
 public:
  // shards: kShardCount of them, the caller's.
  explicit ReplayIndex(ShardIndex* shards) : shards_(shards) {}

  void OnAhead(std::span<const KeyAhead> keys) final {
    static_assert(kKeysAheadMax <= Art::kFindManyMax);
    Art::Lookup lookups[kKeysAheadMax];
    size_t count = 0;
    for (const auto& [ns, shard, key] : keys) {
      if (IsTree(ns)) lookups[count++] = {shards_[shard].Tree(ns), key, {}};
    }
    Art::FindMany(std::span(lookups, count));  // what it finds will be looked up again, and near
  }

  void OnRecord(const RecordHeader& header, const char* record, const Pointer& pointer) final {
    const std::string_view key = KeyOf(header, record);
    if (!IsKeyIn(header.ns, key)) return;
    ShardIndex& shard = shards_[ShardIn(header.ns, key)];
    switch (TypeOf(header)) {
      case RecordType::kPut:
      case RecordType::kPutExpire: {
        OnAdded(pointer);
        Pointer old;
        if (shard.MakeTree(header.ns).Upsert(key, pointer, ExpiryOf(header, record), &old))
          OnRemoved(old);
        return;
      }
      case RecordType::kDelete: {
        OnRemoval(header, pointer);
        Art* tree = shard.Tree(header.ns);
        Pointer old;
        if (tree != nullptr && tree->Erase(key, &old)) OnRemoved(old);
        return;
      }
      case RecordType::kSetExpire: {
        OnRemoval(header, pointer);
        Art* tree = shard.Tree(header.ns);
        EntryRef found = tree == nullptr ? EntryRef() : tree->Find(key);
        if (!found) return;
        found.pointer->flags |= Pointer::kExpiryExternal;
        tree->SetExpire(key, ExpiryOf(header, record));
        return;
      }
      default:
        return;
    }
  }

  void OnFlush(uint32_t, uint32_t lane, uint32_t lanes, uint16_t tree) override {
    for (uint32_t shard = lane; shard < kShardCount; shard += lanes) {
      shards_[shard].ForEach([&](uint16_t number, Art& art) {
        if (tree != kAllTrees && KeyTree(number) != tree) return;  // with its pages
        art.Scan({}, [this](std::string_view, Pointer& pointer, uint64_t) {
          OnRemoved(pointer);
          return true;
        });
        art.Clear();
      });
    }
  }

  // Changes which namespace a tree belongs to, and nothing in the trees.
  void OnSwap(const SwapPayload&) override {}

 protected:
  // A record entered the index, or left it.
  virtual void OnAdded(const Pointer&) {}
  virtual void OnRemoved(const Pointer&) {}
  // A record that takes something away: a delete, or another expiry.
  virtual void OnRemoval(const RecordHeader&, const Pointer&) {}

 private:
  ShardIndex* shards_;
};

}  // namespace cairn::vlog
