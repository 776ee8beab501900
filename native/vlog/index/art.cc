#include "vlog/index/art.h"

#include <algorithm>
#include <vector>

#include "base/prefetch.h"
#include "vlog/index/art_bucket.h"
#include "vlog/index/art_node.h"

namespace cairn::vlog {

using art::AsBlock;
using art::AsBucket;
using art::AsNode;
using art::Block;
using art::Bucket;
using art::IsNode;
using art::Item;
using art::kNeverDue;
using art::Node;
using art::Suffix;

namespace {

constexpr size_t kStepMin = 3;  // look-ups from which on going in step pays

// The child of `node` for the rest of a key that starts behind the node's prefix.
inline uint32_t ChildIndex(const Node* node, std::string_view rest) {
  return rest.empty() ? 0 : node->ChildFor(static_cast<uint8_t>(rest[0]));
}

inline bool StartsWith(std::string_view rest, std::string_view prefix) {
  return rest.size() >= prefix.size() &&
         (prefix.empty() || std::memcmp(rest.data(), prefix.data(), prefix.size()) == 0);
}

// The way down from a node: takes its prefix off *rest and chooses the child. Null: there are no
// such keys. If the child is a node, the first byte of *rest is served by it.
inline Block* ChildOf(Node* node, std::string_view* rest) {
  const std::string_view prefix = node->prefix();
  if (!StartsWith(*rest, prefix)) return nullptr;
  rest->remove_prefix(prefix.size());
  return node->children()[ChildIndex(node, *rest)];
}

inline EntryRef EntryOf(Bucket* bucket, const Suffix& suffix) {
  const int index = bucket->Locate(suffix);
  if (index < 0) return {};
  return EntryRef{bucket->pointers() + index, bucket->ExpireAt(static_cast<uint32_t>(index))};
}

inline bool Oversized(const Bucket* bucket) {
  return bucket->count > Bucket::kMaxEntries ||
         (bucket->count > 1 && bucket->capacity > Bucket::kMaxBytes &&
          bucket->used() > Bucket::kMaxBytes);
}

// Null or a bucket: may take over a neighbour's range.
inline bool CanInherit(const Block* block) { return block == nullptr || !IsNode(block); }

// The bytes of some suffix of the bucket from `from` on, `bytes` long.
std::string SuffixPart(const Bucket* bucket, size_t from, size_t bytes) {
  std::string suffix(bucket->SuffixBytes(0), '\0');
  bucket->CopySuffix(0, suffix.data());
  return suffix.substr(from, bytes);
}

// The same entries with `strip` bytes fewer and `lead` more in front.
Bucket* Reroot(Bucket* bucket, size_t strip, std::string_view lead, size_t* charged) {
  Item items[Bucket::kMaxEntries + 1];
  TakeApart(bucket, 0, bucket->count, strip, lead, items);
  Bucket* to = BuildBucket(items, bucket->count, charged);
  FreeBucket(bucket, charged);
  return to;
}

// Where to cut an oversized bucket: between different first symbols, nearest to `wanted`. 0: all
// symbols are the same.
uint32_t ChooseCut(const Bucket* bucket, uint32_t wanted) {
  uint32_t best = 0;
  uint32_t best_distance = UINT32_MAX;
  int before = bucket->FirstSymbol(0);
  for (uint32_t i = 1; i < bucket->count; ++i) {
    const int symbol = bucket->FirstSymbol(i);
    const uint32_t distance = i < wanted ? wanted - i : i - wanted;
    if (symbol != before && distance < best_distance) {
      best = i;
      best_distance = distance;
    }
    before = symbol;
  }
  return best;
}

}  // namespace

struct Art::Place {
  Block** slot = nullptr;         // holds the bucket or null
  Block** parent_slot = nullptr;  // holds the node that `slot` is part of; null: slot is the root
  bool parent_is_root = false;
  uint8_t parent_symbol = 0;  // the byte the parent serves in its own parent, unless it is the root
  uint32_t child = 0;         // index of slot in that node
  size_t depth = 0;           // bytes of the key above the bucket
  size_t common =
      SIZE_MAX;  // else: the key leaves the tree here, in the prefix of the node in `slot`
};

// Ends at a bucket, at an empty slot, or at a node whose prefix the key does not share.
Art::Place Art::Descend(std::string_view key) {
  Place place;
  place.slot = &root_;
  while (*place.slot != nullptr && IsNode(*place.slot)) {
    Node* node = AsNode(*place.slot);
    const std::string_view rest = key.substr(place.depth);
    const std::string_view prefix = node->prefix();
    const size_t common =
        art::CommonBytes(rest.data(), prefix.data(), std::min(rest.size(), prefix.size()));
    if (common < prefix.size()) {
      place.common = common;
      return place;
    }
    place.depth += prefix.size();
    place.parent_is_root = place.slot == &root_;
    if (!place.parent_is_root)
      place.parent_symbol = static_cast<uint8_t>(key[place.depth - prefix.size() - 1]);
    place.parent_slot = place.slot;
    place.child = ChildIndex(node, key.substr(place.depth));
    place.slot = &node->children()[place.child];
    if (*place.slot != nullptr && IsNode(*place.slot)) ++place.depth;
  }
  return place;
}

EntryRef Art::Find(std::string_view key) const {
  Block* block = root_;
  std::string_view rest = key;
  while (block != nullptr && IsNode(block)) {
    block = ChildOf(AsNode(block), &rest);
    if (block != nullptr && IsNode(block)) rest.remove_prefix(1);
  }
  return block == nullptr ? EntryRef() : EntryOf(AsBucket(block), Suffix(rest));
}

// In rounds: every look-up takes one step on memory that was asked for in the round before, and
// asks for what its next step needs.
void Art::FindMany(std::span<Lookup> lookups) {
  CAIRN_CHECK(lookups.size() <= kFindManyMax);
  if (lookups.size() < kStepMin) {
    for (Lookup& lookup : lookups)
      lookup.found = lookup.tree == nullptr ? EntryRef() : lookup.tree->Find(lookup.key);
    return;
  }
  struct Way {
    Lookup* lookup;
    Block* block;
    std::string_view rest;
    enum : uint8_t { kRoot, kInner, kEntry } at;
  };
  Way ways[kFindManyMax];
  size_t going = 0;
  for (Lookup& lookup : lookups) {
    lookup.found = EntryRef();
    if (lookup.tree != nullptr) Prefetch(lookup.tree);
  }
  for (Lookup& lookup : lookups) {
    if (lookup.tree == nullptr || lookup.tree->root_ == nullptr) continue;
    ways[going++] = {&lookup, lookup.tree->root_, lookup.key, Way::kRoot};
    art::PrefetchBlock(lookup.tree->root_);
  }
  while (going != 0) {
    size_t left = 0;
    for (size_t i = 0; i < going; ++i) {
      Way way = ways[i];
      if (IsNode(way.block)) {
        if (way.at == Way::kInner) way.rest.remove_prefix(1);
        way.block = ChildOf(AsNode(way.block), &way.rest);
        if (way.block == nullptr) continue;
        way.at = Way::kInner;
        art::PrefetchBlock(way.block);
      } else if (way.at != Way::kEntry) {
        way.at = Way::kEntry;
        AsBucket(way.block)->PrefetchEntry(Suffix(way.rest).print);
      } else {
        way.lookup->found = EntryOf(AsBucket(way.block), Suffix(way.rest));
        continue;
      }
      ways[left++] = way;
    }
    going = left;
  }
}

bool Art::Upsert(std::string_view key, const Pointer& pointer, uint64_t expire_at_ms, Pointer* old,
                 uint64_t* old_expire) {
  CAIRN_CHECK(key.size() <= kKeyBytesMax);
  Place place = Descend(key);
  if (place.common != SIZE_MAX) {
    BranchPrefix(place.slot, place.common);
    place = Descend(key);
  }
  if (*place.slot != nullptr) {
    Bucket* bucket = AsBucket(*place.slot);
    const int found = bucket->Locate(Suffix(key.substr(place.depth)));
    if (found >= 0) {
      const uint32_t index = static_cast<uint32_t>(found);
      const uint64_t expire_before = bucket->ExpireAt(index);
      Pointer* stored = bucket->pointers() + index;
      if (old != nullptr) *old = *stored;
      if (old_expire != nullptr) *old_expire = expire_before;
      *stored = pointer;
      stored->flags &= ~Pointer::kHasExpiry;
      if (expire_before != 0 || expire_at_ms != 0) SetAt(place.slot, index, key, expire_at_ms);
      return true;
    }
  }
  Insert(place, key, pointer, expire_at_ms);
  return false;
}

void Art::Insert(const Place& place, std::string_view key, const Pointer& pointer,
                 uint64_t expire) {
  CAIRN_CHECK(size_ < UINT32_MAX);
  const Suffix suffix(key.substr(place.depth));
  ++size_;
  if (expire != 0) ++expiring_;
  if (*place.slot == nullptr) {
    const Item item{pointer,       expire,     {}, {suffix.bytes, suffix.row_len},
                    !suffix.empty, suffix.last};
    *place.slot = AsBlock(art::BuildBucket(&item, 1, &bytes_));
  } else {
    Bucket* bucket = AsBucket(*place.slot);
    const uint32_t index = bucket->LowerBound(suffix);
    bucket = art::InsertEntry(bucket, index, suffix, pointer, expire, &bytes_);
    *place.slot = AsBlock(bucket);
    // Keys that arrive in order leave full buckets behind: cut near the end instead of in the
    // middle.
    if (Oversized(bucket)) Split(place.parent_slot, place.child, index + 1u == bucket->count);
  }
  if (expire != 0) NoteExpire(key, expire);
}

// Tells all nodes above an entry of its expiry.
void Art::NoteExpire(std::string_view key, uint64_t expire_at_ms) {
  const uint32_t due = art::DueSecond(expire_at_ms);
  due_s_ = std::min(due_s_, due);
  Block** slot = &root_;
  while (IsNode(*slot)) {
    Node* node = AsNode(*slot);
    key.remove_prefix(node->prefix_len);
    const uint32_t child = ChildIndex(node, key);
    if (due < node->DueOf(child)) {
      node = art::SetDue(node, child, due, &bytes_);
      *slot = AsBlock(node);
    }
    slot = &node->children()[child];
    if (IsNode(*slot)) key.remove_prefix(1);
  }
}

// The same for all entries, if no node knows anything yet.
void Art::NoteAllExpiries() {
  due_s_ = kNeverDue;
  if (expiring_ == 0) return;
  struct Frame {
    Block** slot;
    uint32_t child;
  };
  std::vector<Frame> frames{{&root_, 0}};
  while (!frames.empty()) {
    Frame& top = frames.back();
    const bool is_node = IsNode(*top.slot);
    if (is_node && top.child < AsNode(*top.slot)->count) {
      Block** slot = &AsNode(*top.slot)->children()[top.child];
      if (*slot == nullptr) {
        ++top.child;
      } else {
        frames.push_back(Frame{slot, 0});
      }
      continue;
    }
    const uint32_t due =
        is_node ? AsNode(*top.slot)->EarliestDue() : AsBucket(*top.slot)->EarliestDue();
    frames.pop_back();
    if (frames.empty()) {
      due_s_ = due;
      return;
    }
    Frame& above = frames.back();
    *above.slot = AsBlock(art::SetDue(AsNode(*above.slot), above.child++, due, &bytes_));
  }
}

// Sets the expiry and the pointer's bit, and keeps count. The slot may be gone afterwards.
void Art::SetAt(Block** slot, uint32_t index, std::string_view key, uint64_t expire_at_ms) {
  Bucket* bucket = AsBucket(*slot);
  const bool before = bucket->ExpireAt(index) != 0;
  bucket = art::SetEntryTime(bucket, index, expire_at_ms, &bytes_);
  *slot = AsBlock(bucket);
  uint32_t& flags = bucket->pointers()[index].flags;
  flags = expire_at_ms != 0 ? flags | Pointer::kHasExpiry : flags & ~Pointer::kHasExpiry;
  if (before) --expiring_;
  if (expire_at_ms != 0) {
    ++expiring_;
    NoteExpire(key, expire_at_ms);
  }
}

bool Art::SetExpire(std::string_view key, uint64_t expire_at_ms) {
  const Place place = Descend(key);
  if (place.common != SIZE_MAX || *place.slot == nullptr) return false;
  const int index = AsBucket(*place.slot)->Locate(Suffix(key.substr(place.depth)));
  if (index < 0) return false;
  SetAt(place.slot, static_cast<uint32_t>(index), key, expire_at_ms);
  // A time more may exceed the limit on bytes; the next insert splits the bucket.
  return true;
}

// A key leaves the prefix of the node in `slot` after `common` bytes: a node above it takes the
// common part.
void Art::BranchPrefix(Block** slot, size_t common) {
  Node* below = AsNode(*slot);
  const std::string_view prefix = below->prefix();
  const uint8_t symbol = static_cast<uint8_t>(prefix[common]);
  Node* above = art::NewNode(prefix.substr(0, common), nullptr, &bytes_);
  below = art::ReplacePrefix(below, prefix.substr(common + 1), {}, &bytes_);
  above = art::InsertChild(above, 1, symbol, AsBlock(below), &bytes_, below->EarliestDue());
  if (symbol < 255) {
    const uint8_t behind = static_cast<uint8_t>(symbol + 1);
    above = art::InsertChild(above, 2, behind, nullptr, &bytes_);
  }
  *slot = AsBlock(above);
}

// Narrows the range of a child (a bucket) to one byte, so that a node can take its place; the rest
// of the range goes to neighbours or to empty children. Returns the child's new index.
uint32_t Art::IsolateSymbol(Block** parent_slot, uint32_t child, uint8_t symbol) {
  Node* node = AsNode(*parent_slot);
  if (node->HighSymbol(child) > symbol) {
    const uint8_t above = static_cast<uint8_t>(symbol + 1);
    if (child + 1u < node->count && CanInherit(node->children()[child + 1])) {
      node->bounds()[child] = above;
    } else {
      node = art::InsertChild(node, child + 1, above, nullptr, &bytes_);
    }
  }
  if (node->LowSymbol(child) < symbol) {
    if (child > 0 && CanInherit(node->children()[child - 1])) {
      node->bounds()[child - 1] = symbol;
    } else {
      Block* bucket = node->children()[child];
      const uint32_t due = node->DueOf(child);
      node->children()[child] = nullptr;
      node = art::SetDue(node, child, kNeverDue, &bytes_);
      node = art::InsertChild(node, child + 1, symbol, bucket, &bytes_, due);
      ++child;
    }
  }
  *parent_slot = AsBlock(node);
  return child;
}

// Splits child `child` of the node in *parent_slot (or the root bucket, if parent_slot is null). A
// turn cuts the bucket in two, or takes it one node down if all its symbols are the same, after
// which the next turn can cut. So three turns bring the number of entries below its limit. Bytes
// may need more, if one entry is long and the others peel off one by one; then the next insert goes
// on.
void Art::Split(Block** parent_slot, uint32_t child, bool ascending) {
  constexpr int kTurnsMax = 8;
  for (int turn = 0; turn < kTurnsMax; ++turn) {
    Bucket* bucket =
        AsBucket(parent_slot == nullptr ? root_ : AsNode(*parent_slot)->children()[child]);
    if (!Oversized(bucket)) return;
    const uint32_t wanted = ascending ? bucket->count - 1u : bucket->count / 2u;
    const uint32_t cut = parent_slot == nullptr ? 0 : ChooseCut(bucket, wanted);
    if (cut == 0) {
      // One node down, below the byte they share (the root bucket has none) and what follows it in
      // common.
      Block** slot = &root_;
      size_t strip = 0;
      if (parent_slot != nullptr) {
        child = IsolateSymbol(parent_slot, child, static_cast<uint8_t>(bucket->FirstSymbol(0)));
        slot = &AsNode(*parent_slot)->children()[child];
        strip = 1;
      }
      const size_t common = bucket->CommonPrefix();
      const std::string prefix = SuffixPart(bucket, strip, common - strip);
      bucket = Reroot(bucket, common, {}, &bytes_);
      *slot = AsBlock(art::NewNode(prefix, AsBlock(bucket), &bytes_, bucket->EarliestDue()));
      parent_slot = slot;
      child = 0;
      continue;
    }
    Item items[Bucket::kMaxEntries + 1];
    const uint8_t symbol = static_cast<uint8_t>(bucket->FirstSymbol(cut));
    TakeApart(bucket, 0, bucket->count, 0, {}, items);
    Bucket* left = art::BuildBucket(items, cut, &bytes_);
    Bucket* right = art::BuildBucket(items + cut, bucket->count - cut, &bytes_);
    art::FreeBucket(bucket, &bytes_);
    Node* node = AsNode(*parent_slot);
    node->children()[child] = AsBlock(left);
    node = art::SetDue(node, child, left->EarliestDue(), &bytes_);
    node = art::InsertChild(node, child + 1, symbol, AsBlock(right), &bytes_, right->EarliestDue());
    *parent_slot = AsBlock(node);
    if (Oversized(right)) ++child;
  }
}

bool Art::Erase(std::string_view key, Pointer* old, uint64_t* old_expire) {
  const Place place = Descend(key);
  if (place.common != SIZE_MAX || *place.slot == nullptr) return false;
  Bucket* bucket = AsBucket(*place.slot);
  const int found = bucket->Locate(Suffix(key.substr(place.depth)));
  if (found < 0) return false;
  const uint32_t index = static_cast<uint32_t>(found);
  const uint64_t expire = bucket->ExpireAt(index);
  if (old != nullptr) *old = bucket->pointers()[index];
  if (old_expire != nullptr) *old_expire = expire;
  bucket = art::RemoveEntry(bucket, index, &bytes_);
  *place.slot = bucket == nullptr ? nullptr : AsBlock(bucket);
  --size_;
  if (expire != 0 && --expiring_ == 0) due_s_ = kNeverDue;
  if (bucket == nullptr || bucket->count <= Bucket::kMergeEntries) Compact(key);
  return true;
}

// Merges what has become small around the place of `key`, upwards as far as it goes. Each turn
// removes a level.
void Art::Compact(std::string_view key) {
  while (CompactOnce(key)) {
  }
}

namespace {

// Removes empty children whose range a neighbour can take over.
Node* DropEmptyChildren(Node* node, size_t* charged) {
  for (uint32_t i = 0; i < node->count;) {
    Block** children = node->children();
    if (children[i] == nullptr && i > 0 && CanInherit(children[i - 1])) {
      node = art::RemoveChild(node, i, art::Heir::kLeft, charged);
    } else if (children[i] == nullptr && i + 1u < node->count && CanInherit(children[i + 1])) {
      node = art::RemoveChild(node, i, art::Heir::kRight, charged);
    } else {
      ++i;
    }
  }
  return node;
}

// Merges buckets i and i + 1 of the node if the result is well below the limits.
bool MergePair(Node** node, uint32_t i, size_t* charged) {
  Block** children = (*node)->children();
  for (uint32_t k = i; k < i + 2; ++k) {
    if (k >= (*node)->count || children[k] == nullptr || IsNode(children[k])) return false;
  }
  Bucket* left = AsBucket(children[i]);
  Bucket* right = AsBucket(children[i + 1]);
  if (left->count + right->count > static_cast<int>(Bucket::kMergedEntriesMax) ||
      left->used() + right->used() > Bucket::kMergedBytesMax) {
    return false;
  }
  Item items[Bucket::kMergedEntriesMax];
  TakeApart(left, 0, left->count, 0, {}, items);
  TakeApart(right, 0, right->count, 0, {}, items + left->count);
  Bucket* merged =
      art::BuildBucket(items, static_cast<uint32_t>(left->count + right->count), charged);
  art::FreeBucket(left, charged);
  art::FreeBucket(right, charged);
  children[i] = AsBlock(merged);
  if ((*node)->has_due()) {
    uint32_t* due = (*node)->due();
    due[i] = std::min(due[i], due[i + 1]);
  }
  *node = art::RemoveChild(*node, i + 1, art::Heir::kLeft, charged);
  return true;
}

}  // namespace

bool Art::CompactOnce(std::string_view key) {
  const Place place = Descend(key);
  if (place.common != SIZE_MAX || place.parent_slot == nullptr) return false;
  Node* node = AsNode(*place.parent_slot);
  uint32_t child = place.child;
  if (*place.slot == nullptr) {
    node = DropEmptyChildren(node, &bytes_);
  } else if (AsBucket(*place.slot)->count <= Bucket::kMergeEntries) {
    const bool merged = child > 0 && MergePair(&node, child - 1, &bytes_);
    if (!merged) MergePair(&node, child, &bytes_);
  }
  *place.parent_slot = AsBlock(node);
  return CollapseNode(place);
}

// Removes the node in *place.parent_slot if it has become needless. True: its own parent may now be
// needless, too.
bool Art::CollapseNode(const Place& place) {
  Node* node = AsNode(*place.parent_slot);
  Block** children = node->children();
  std::string lead;  // what the node stood for in the keys below it
  if (!place.parent_is_root) lead.push_back(static_cast<char>(place.parent_symbol));
  if (node->count == 1) {
    if (children[0] != nullptr) {
      Bucket* bucket = AsBucket(children[0]);
      const size_t bytes = bucket->used() + bucket->count * (lead.size() + node->prefix_len);
      if (bucket->count > 1 && bytes > Bucket::kMergedBytesMax) return false;
      lead.append(node->prefix());
      *place.parent_slot = AsBlock(Reroot(bucket, 0, lead, &bytes_));
    } else {
      *place.parent_slot = nullptr;
    }
    art::FreeNode(node, &bytes_);
    return !place.parent_is_root;
  }
  uint32_t only = node->count;
  for (uint32_t i = 0; i < node->count; ++i) {
    if (children[i] == nullptr) continue;
    if (only != node->count || !IsNode(children[i])) return false;
    only = i;
  }
  CAIRN_CHECK(only >= 1 && only < node->count);
  // A chain of two nodes: the lower one takes over the path (and the byte that led to it).
  std::string path(node->prefix());
  path.push_back(static_cast<char>(node->bounds()[only - 1]));
  Node* below = AsNode(children[only]);
  below = art::ReplacePrefix(below, path, below->prefix(), &bytes_);
  *place.parent_slot = AsBlock(below);
  art::FreeNode(node, &bytes_);
  return false;
}

void Art::Clear() {
  std::vector<Block*> pending;
  if (root_ != nullptr) pending.push_back(root_);
  while (!pending.empty()) {
    Block* block = pending.back();
    pending.pop_back();
    if (!IsNode(block)) {
      art::FreeBucket(AsBucket(block), &bytes_);
      continue;
    }
    Node* node = AsNode(block);
    for (uint32_t i = 0; i < node->count; ++i) {
      if (node->children()[i] != nullptr) pending.push_back(node->children()[i]);
    }
    art::FreeNode(node, &bytes_);
  }
  CAIRN_CHECK(bytes_ == 0);
  root_ = nullptr;
  size_ = expiring_ = 0;
  due_s_ = kNeverDue;
}

void Art::Swap(Art& other) noexcept {
  std::swap(root_, other.root_);
  std::swap(bytes_, other.bytes_);
  std::swap(size_, other.size_);
  std::swap(expiring_, other.expiring_);
  std::swap(due_s_, other.due_s_);
}

}  // namespace cairn::vlog
