#include "collection/zset.h"

#include <algorithm>
#include <cmath>

#include "base/coding.h"
#include "collection/keyed_hash.h"
#include "tree/build.h"
#include "tree/try.h"

namespace cairn {

using tree::Cursor;
using tree::Key;
using tree::LeafEntry;
using tree::Node;
using tree::Outcome;
using tree::RootHead;
using tree::TreeShape;

namespace {

constexpr TreeShape kShape{};
constexpr size_t kScoreBytes = 8;
constexpr size_t kSeedBytes = 8;

}  // namespace

std::string ZsetValue::ScoreBytes(double score) {
  std::string bytes(kScoreBytes, '\0');
  PutLittle64(bytes.data(), std::bit_cast<uint64_t>(score));
  return bytes;
}

ZsetValue::ZsetValue(Txn* txn, std::string_view key, const Thresholds* thresholds)
    : collection_(txn, key, ValueType::kZset),
      thresholds_(*thresholds),
      order_(kShape, collection_.pager(), kOrderTree),
      index_(kShape, collection_.pager(), kIndexTree) {}

Outcome ZsetValue::Damaged(const char* what) {
  if (failed_.ok()) failed_ = Status(Code::kCorruption, what);
  return Outcome::kFailed;
}

Opened ZsetValue::Opening(Opened opened) {
  if (opened != Opened::kFound) return opened;
  const std::string_view state = collection_.state();
  if (state.size() != kSeedBytes || collection_.trees() == 0 ||
      collection_.trees() > kIndexTree + 1) {
    (void)Damaged("the root of a sorted set has other parts");
    return Opened::kFailed;
  }
  seed_ = Little64(state.data());
  return opened;
}

Opened ZsetValue::Open() { return Opening(collection_.Open()); }

Opened ZsetValue::OpenOrMake(uint64_t members, uint64_t bytes_max) {
  const Opened opened = Open();
  if (opened != Opened::kMissing) return opened;
  Make(members, bytes_max);
  return Opened::kFound;
}

void ZsetValue::Make(uint64_t members, uint64_t bytes_max) {
  collection_.Make(Encoding::kListpack, {&kShape, 1});
  seed_ = collection_.txn().Random();
  collection_.set_state(SeedState(seed_));
  SettleEncoding(members, bytes_max);
}

Encoding ZsetValue::EncodingOf(uint64_t members, uint64_t bytes_max, const Thresholds& thresholds) {
  const bool small = members <= thresholds.zset_listpack_entries.load(std::memory_order_relaxed) &&
                     bytes_max <= thresholds.zset_listpack_value.load(std::memory_order_relaxed);
  return small ? Encoding::kListpack : Encoding::kSkiplist;
}

void ZsetValue::SettleEncoding(uint64_t count, uint64_t bytes) {
  if (EncodingOf(count, bytes, thresholds_) == Encoding::kSkiplist)
    collection_.set_encoding(Encoding::kSkiplist);
}

Key ZsetValue::IndexKeyOf(uint64_t seed, std::string_view member) {
  return {KeyedHash(seed, member), member};
}

Key ZsetValue::IndexKeyOf(std::string_view member) const { return IndexKeyOf(seed_, member); }

Outcome ZsetValue::Take(const Cursor& cursor, Element* element) {
  if (!tree::ScoreOf(cursor.entry.head, cursor.entry.payload, &element->score))
    return Damaged("a member has a score that is none");
  return order_.KeyRest(cursor.entry, &buffer_, &element->member);
}

Outcome ZsetValue::TakeIndexed(const Cursor& cursor, Element* element) {
  if (cursor.entry.payload.size() != kScoreBytes) return Damaged("a score has another size");
  element->score = std::bit_cast<double>(Little64(cursor.entry.payload.data()));
  return index_.KeyRest(cursor.entry, &buffer_, &element->member);
}

// ---- reading ----

Outcome ZsetValue::Find(std::string_view member, bool* found, double* score) {
  *found = false;
  if (!indexed()) return FindInLeaf(member, found, score);
  Cursor cursor;
  TREE_TRY(index_.Find(IndexKeyOf(member), &cursor));
  if (!cursor.found) return Outcome::kDone;
  if (cursor.entry.payload.size() != kScoreBytes) return Damaged("a score has another size");
  *score = std::bit_cast<double>(Little64(cursor.entry.payload.data()));
  *found = true;
  return Outcome::kDone;
}

void ZsetValue::Want(std::string_view member, const double* score) {
  bool found = false;
  double before = 0;
  Cursor cursor;
  if (Find(member, &found, &before) == Outcome::kDone && found)
    (void)order_.LowerBound(KeyOf({member, before}), &cursor);
  if (score != nullptr) (void)order_.LowerBound(KeyOf({member, *score}), &cursor);
}

Outcome ZsetValue::FindInLeaf(std::string_view member, bool* found, double* score) {
  std::string_view image;
  RootHead head;
  Node leaf;
  TREE_TRY(collection_.pager()->Read(kOrderTree, &image));
  if (!LoadRootHead(image, &head) || head.height != 0 ||
      !leaf.OpenAs(tree::PageKind::kOrderedLeaf, image.substr(tree::kRootHeadBytes))) {
    return Damaged("a sorted set has pages and no index");
  }
  for (uint32_t i = 0; i < leaf.count(); ++i) {
    Cursor cursor;
    if (!leaf.Leaf(i, &cursor.entry)) return Damaged("a sorted set has an entry that is none");
    const LeafEntry& entry = cursor.entry;
    const uint64_t outside = entry.outside ? entry.out.key_bytes : 0;
    if (entry.rest.size() + outside != member.size() || !member.starts_with(entry.rest)) continue;
    Element element;
    TREE_TRY(Take(cursor, &element));
    if (element.member != member) continue;
    *found = true;
    *score = element.score;
    break;
  }
  return Outcome::kDone;
}

Outcome ZsetValue::At(uint64_t rank, Element* element) {
  Cursor cursor;
  TREE_TRY(order_.Seek(rank, &cursor));
  if (!cursor.found) return Damaged("a sorted set has fewer members than are counted");
  return Take(cursor, element);
}

// The first element of the walk, and all pages of the next `most`.
Outcome ZsetValue::StartWalk(const Walk& walk, uint64_t most, Cursor* cursor) {
  uint64_t rank = walk.rank;
  if (walk.begun) {
    const Element last{walk.last.member, walk.last.score};
    TREE_TRY(order_.LowerBound(KeyOf(last), cursor));
    if (walk.backwards) {
      uint64_t count = 0;
      TREE_TRY(Count(&count));
      if (cursor->found) {
        TREE_TRY(order_.Prev(cursor));
      } else if (count > 0) {
        TREE_TRY(order_.Seek(count - 1, cursor));
      }
    } else if (cursor->found) {
      Element here;
      TREE_TRY(Take(*cursor, &here));
      if (here.member == last.member && here.score == last.score) TREE_TRY(order_.Next(cursor));
    }
    if (!cursor->found) return Outcome::kDone;
    TREE_TRY(order_.RankOf(*cursor, &rank));
  }
  const uint64_t first = walk.backwards ? rank + 1 - std::min(rank + 1, most) : rank;
  TREE_TRY(order_.Want(first, walk.backwards ? rank + 1 - first : most));
  return walk.begun ? Outcome::kDone : order_.Seek(rank, cursor);
}

// ---- changing ----

Outcome ZsetValue::PutIndex(const Element& element, bool wanted) {
  bool existed = false;
  TREE_TRY(index_.Put(IndexKeyOf(element.member), {ScoreBytes(element.score)}, &existed));
  return existed == wanted ? Outcome::kDone : Damaged("the index of a sorted set is another one's");
}

Outcome ZsetValue::EraseIndex(std::string_view member) {
  bool existed = false;
  TREE_TRY(index_.Erase(IndexKeyOf(member), &existed));
  return existed ? Outcome::kDone : Damaged("the index of a sorted set lacks a member");
}

Outcome ZsetValue::Put(const Element& given, const double* before) {
  if (before == nullptr) {
    uint64_t count = 0;
    TREE_TRY(Count(&count));
    SettleEncoding(count + 1, given.member.size());
  }
  const Element element{given.member, Kept(given.score)};
  bool existed = false;
  // What is missing of either tree is noted before the other one is waited for.
  Outcome changed = Outcome::kDone;
  if (before != nullptr) {
    changed = order_.Erase(KeyOf({element.member, *before}), &existed);
    if (changed == Outcome::kDone && !existed) return Damaged("a sorted set lacks a member");
  }
  if (changed == Outcome::kDone) {
    changed = order_.Put(KeyOf(element), {tree::ScorePayload(element.score)}, &existed);
    if (changed == Outcome::kDone && existed) return Damaged("the index lacks a member");
  }
  if (changed == Outcome::kFailed) return changed;
  if (indexed()) {
    const Outcome indexed = PutIndex(element, before != nullptr);
    if (indexed != Outcome::kDone) return indexed;
  }
  TREE_TRY(changed);
  return SettleIndex();
}

Outcome ZsetValue::Remove(const Element& element) {
  bool existed = false;
  const Outcome erased = order_.Erase(KeyOf(element), &existed);
  if (erased == Outcome::kFailed) return erased;
  if (indexed()) TREE_TRY(EraseIndex(element.member));
  TREE_TRY(erased);
  if (!existed) return Damaged("a sorted set lacks a member");
  return SettleIndex();
}

Outcome ZsetValue::RemoveSpan(const Span& span) {
  if (indexed()) {
    std::vector<std::string> members;
    members.reserve(span.count);
    Walk walk(span, false);
    while (walk.left > 0) {
      TREE_TRY(Go(&walk, walk.left, [&](const Element& e) { members.emplace_back(e.member); }));
    }
    // All of it is there before anything is changed.
    Outcome there = Outcome::kDone;
    for (const std::string& member : members) {
      Cursor cursor;
      const Outcome sought = index_.Find(IndexKeyOf(member), &cursor);
      if (sought != Outcome::kDone) there = sought;
      if (there == Outcome::kFailed) return there;
    }
    if (there == Outcome::kWait) return there;
    bool waiting = false;
    for (const std::string& member : members) {
      const Outcome erased = EraseIndex(member);
      if (erased == Outcome::kFailed) return erased;
      waiting |= erased == Outcome::kWait;
    }
    if (waiting) return Outcome::kWait;
  }
  TREE_TRY(order_.EraseRange(span.rank, span.count));
  return SettleIndex();
}

// After a change: the index is there if the order has pages.
Outcome ZsetValue::SettleIndex() {
  RootHead head;
  TREE_TRY(order_.Head(&head));
  if ((head.height > 0) == indexed()) return Outcome::kDone;
  if (head.height > 0) return BuildIndex();
  RootHead index;
  TREE_TRY(index_.Head(&index));
  TREE_TRY(index_.EraseRange(0, index.count));
  collection_.RemoveLastTree();
  return Outcome::kDone;
}

Outcome ZsetValue::BuildIndex() {
  struct Indexed {
    uint64_t hash;
    std::string member;
    double score;
    bool operator<(const Indexed& o) const {
      return hash != o.hash ? hash < o.hash : member < o.member;
    }
  };
  std::vector<Indexed> all;
  Walk walk;
  TREE_TRY(Count(&walk.left));
  all.reserve(walk.left);
  while (walk.left > 0) {
    TREE_TRY(Go(&walk, walk.left, [&](const Element& e) {
      all.push_back({KeyedHash(seed_, e.member), std::string(e.member), e.score});
    }));
  }
  std::sort(all.begin(), all.end());
  collection_.AddTree(kShape);
  tree::Builder builder(&index_);
  for (const Indexed& one : all)
    TREE_TRY(builder.Add({one.hash, one.member}, {ScoreBytes(one.score)}));
  return builder.Finish();
}

Outcome ZsetValue::Fill(std::span<const Element> elements) {
  tree::Builder builder(&order_);
  uint64_t bytes_max = 0;
  for (const Element& element : elements) {
    bytes_max = std::max<uint64_t>(bytes_max, element.member.size());
    TREE_TRY(builder.Add(KeyOf(element), {tree::ScorePayload(Kept(element.score))}));
  }
  TREE_TRY(builder.Finish());
  SettleEncoding(elements.size(), bytes_max);
  return SettleIndex();
}

}  // namespace cairn
