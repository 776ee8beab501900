// Art: an ordered map from byte-string keys (0 B to 512 MB, any bytes) to a Pointer and an optional
// time of expiry. One instance per shard and database, so an empty one is 32 bytes and owns
// nothing.
//
// Threads: no locking inside; the owner holds the shard's latch for every call and for as long as
// it uses what a call returned. Order: memcmp, and a prefix sorts before what it is a prefix of.
//
// Structure: an adaptive radix tree with path compression (Leis et al., ICDE 2013) that ends in
// small sorted buckets, as burst tries do (Heinz et al., TOIS 2002). Two kinds of block, in
// memory of their own (art_block.h); a child's first byte tells which it is.
//
//   root -> [node "key:0000"]
//             |end..'0'  |'1'   |'2'..'5'  |'6'..0xff
//             v          v      v          v
//          [bucket]   [node] [bucket]   [bucket]
//
// Node (art_node.h): a prefix and up to 257 children. Child i serves a range of next bytes. A child
// node serves exactly one byte; a bucket may serve several neighbouring ones, so that buckets stay
// well filled whatever the fan-out of the keys is. Child 0 also serves the keys that end here, and
// is therefore never a node.
//
// Bucket (art_bucket.h), up to kMaxEntries entries in one block:
//
//   [header 8][prints n][pointers 24 n][expiries, if any][row lengths n, if they differ][rows]
//
// A row is the rest of the key without its last byte. The last byte is folded into a reversible
// one-byte fingerprint (print), which thus costs no memory. A lookup compares all prints with SSE2
// and then, as a rule, one row. Pointers are aligned and may be edited in place.
//
// Cost for 16-byte keys: 24 + suffix + 2 to 4 bytes per key, all overhead of the memory included
// (bench/native/art_bench.cc).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "vlog/index/pointer.h"

namespace cairn::vlog {

namespace art {
struct Block;
}

// An entry in the tree. Valid until the next call that changes the tree (Upsert, SetExpire, Erase,
// Clear, move).
struct EntryRef {
  Pointer* pointer = nullptr;  // may be edited in place, except for the bit Pointer::kHasExpiry
  uint64_t expire_at_ms = 0;   // 0: never
  explicit operator bool() const { return pointer != nullptr; }
};

class Art {
 public:
  static constexpr size_t kKeyBytesMax = size_t{512} << 20;

  Art() = default;
  ~Art() { Clear(); }
  Art(const Art&) = delete;
  Art& operator=(const Art&) = delete;
  Art(Art&& other) noexcept { Swap(other); }
  Art& operator=(Art&& other) noexcept {
    if (this != &other) {
      Clear();
      Swap(other);
    }
    return *this;
  }
  void Swap(Art& other) noexcept;

  EntryRef Find(std::string_view key) const;

  // Several look-ups, in one tree or in many, side by side: each is a chain of cache misses, and
  // those of different look-ups overlap. Fills in `found`.
  struct Lookup {
    const Art* tree = nullptr;  // null: nothing is found
    std::string_view key;
    EntryRef found;
  };
  static constexpr size_t kFindManyMax = 16;
  static void FindMany(std::span<Lookup> lookups);  // at most kFindManyMax

  // Inserts or overwrites, one descent. Sets Pointer::kHasExpiry in the stored pointer iff
  // expire_at_ms != 0. Returns whether the key existed; then *old and *old_expire (each may be
  // null) receive what was there.
  bool Upsert(std::string_view key, const Pointer& pointer, uint64_t expire_at_ms,
              Pointer* old = nullptr, uint64_t* old_expire = nullptr);

  // Sets (or with 0 removes) the expiry of an existing key and the bit in its pointer. False: no
  // such key.
  bool SetExpire(std::string_view key, uint64_t expire_at_ms);

  // Removes the key; memory is given back as buckets and nodes empty. False: no such key.
  bool Erase(std::string_view key, Pointer* old = nullptr, uint64_t* old_expire = nullptr);

  // Visits entries in order from the first key >= from, until visit returns false. The visitor gets
  // (std::string_view key, Pointer& pointer, uint64_t expire_at_ms) and returns bool; the key is
  // valid during the call only. It may edit the pointer in place (not kHasExpiry) but must not
  // change the tree. Seeking costs one descent; the visit costs what it returns.
  template <typename Visitor>
  void Scan(std::string_view from, Visitor&& visit) const {
    ScanImpl(from, &Call<std::remove_reference_t<Visitor>>, std::addressof(visit));
  }

  // A random entry, null only if the tree is empty; its key is written to *key. Fairness:
  // kRandomProbes random descents are drawn, where a child's chance follows its entries (a bucket)
  // or its fan-out (a node). Each is weighted with (entries of its bucket) / (probability of the
  // descent); one is picked by weight, and in its bucket all entries are equal. That is uniform in
  // even trees; in a lopsided one nothing is starved, but keys in a corner that few descents reach
  // come up to about a third too rarely (measured with two thirds of all keys below one of 40
  // children).
  EntryRef Random(uint64_t rnd, std::string* key) const;

  // Adds estimates to *ttl_ms and *count: the sum of the remaining times of the entries that expire
  // after now_ms, and how many those are. From the buckets at the end of kTtlProbes random descents
  // to entries with an expiry, each weighted with 1 / (probability of the descent), so that the
  // mean over many calls is right; of a tree with a single bucket each call is.
  void SampleTtl(uint64_t now_ms, uint64_t rnd, double* ttl_ms, double* count) const;

  // Calls the visitor (as in Scan; it must not change the tree: collect, then erase) for entries
  // that were expired when the second of now_ms began, in order, until it returns false or about
  // *visits blocks of the tree were looked at (at least one bucket in any case); takes off *visits
  // what it used. Returns true if all were reported. A call starts over: entries that were reported
  // and not erased come again.
  //
  // Goes only where an entry is due (art_node.h), so in the long run there are at most a few visits
  // for each entry that expires or whose expiry is overwritten, however many others there are.
  template <typename Visitor>
  bool SweepExpired(uint64_t now_ms, size_t* visits, Visitor&& visit) {
    return SweepImpl(now_ms, visits, &Call<std::remove_reference_t<Visitor>>,
                     std::addressof(visit));
  }
  // False if SweepExpired would find nothing.
  bool MayHaveExpired(uint64_t now_ms) const { return now_ms / 1000 >= due_s_; }

  size_t size() const { return size_; }          // at most 2^32 - 1 keys per tree
  size_t expiring() const { return expiring_; }  // entries with an expiry
  size_t bytes() const { return bytes_; }        // of all blocks
  bool empty() const { return size_ == 0; }
  void Clear();

  // For tests: walks the whole tree and aborts if an invariant does not hold.
  void CheckInvariants() const;

  struct Shape {
    size_t nodes = 0, buckets = 0, node_bytes = 0, bucket_bytes = 0, depth_max = 0;
  };
  Shape Measure() const;

 private:
  friend class ArtLoader;  // art_bulk.h

  using VisitFn = bool (*)(void* visitor, std::string_view key, Pointer& pointer,
                           uint64_t expire_at_ms);
  template <typename Visitor>
  static bool Call(void* visitor, std::string_view key, Pointer& pointer, uint64_t expire_at_ms) {
    return (*static_cast<Visitor*>(visitor))(key, pointer, expire_at_ms);
  }
  static constexpr int kRandomProbes = 16;
  static constexpr int kTtlProbes = 4;

  struct Place;  // where a key belongs: a slot with a bucket or null, and the way to it
  Place Descend(std::string_view key);
  void Insert(const Place& place, std::string_view key, const Pointer& pointer, uint64_t expire);
  void SetAt(art::Block** slot, uint32_t index, std::string_view key, uint64_t expire_at_ms);
  void NoteExpire(std::string_view key, uint64_t expire_at_ms);
  void NoteAllExpiries();
  void BranchPrefix(art::Block** slot, size_t common);
  void Split(art::Block** parent_slot, uint32_t child, bool ascending);
  uint32_t IsolateSymbol(art::Block** parent_slot, uint32_t child, uint8_t symbol);
  void Compact(std::string_view key);
  bool CompactOnce(std::string_view key);
  bool CollapseNode(const Place& place);
  void ScanImpl(std::string_view from, VisitFn visit, void* visitor) const;
  bool SweepImpl(uint64_t now_ms, size_t* visits, VisitFn visit, void* visitor);

  art::Block* root_ = nullptr;
  size_t bytes_ = 0;
  uint32_t size_ = 0;
  uint32_t expiring_ = 0;
  uint32_t due_s_ = UINT32_MAX;  // no entry is due before this second (art_block.h)
};

static_assert(sizeof(Art) == 32);

}  // namespace cairn::vlog
