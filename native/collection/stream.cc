#include "collection/stream.h"

#include <algorithm>

#include "collection/stream_groups.h"
#include "tree/try.h"

namespace cairn {

using tree::Outcome;

namespace {

// What appending writes is the last leaf, whole for now, so it is not as large as it could be.
constexpr tree::TreeShape kEntries{.leaf_bytes = 2048};
// What Redis keeps of an entry besides its fields, about.
constexpr uint64_t kEntryOverhead = 8;
constexpr uint64_t kErasedAtOnce = 64;

}  // namespace

StreamValue::StreamValue(Txn* txn, std::string_view key, const Thresholds* thresholds)
    : collection_(txn, key, ValueType::kStream),
      thresholds_(*thresholds),
      entries_(kEntries, collection_.pager(), 0) {}

Opened StreamValue::Open() {
  const Opened opened = collection_.Open();
  missing_ = opened == Opened::kMissing;
  if (CAIRN_UNLIKELY(opened != Opened::kFound)) return opened;
  collection_.KeepEmpty();
  uint64_t count = 0;
  if (!DecodeStreamHead(collection_.state(), &state_) || !StreamGroups::TreesFit(collection_))
    return collection_.Fail("the state of a stream makes no sense");
  if (collection_.Count(&count) != Outcome::kDone)
    return Opened::kFailed;  // a root is never missing
  if (count < state_.dead) return collection_.Fail("a stream has fewer entries than it counts");
  length_ = count - state_.dead;
  return opened;
}

Opened StreamValue::OpenOrMake() {
  const Opened opened = Open();
  if (opened != Opened::kMissing) return opened;
  Make(0);
  return Opened::kFound;
}

void StreamValue::Make(uint64_t expire_at_ms) {
  collection_.KeepEmpty();
  MakeTrees(expire_at_ms);
  state_ = StreamHead();
  length_ = 0;
  missing_ = false;
}

void StreamValue::MakeTrees(uint64_t expire_at_ms) {
  const tree::TreeShape shapes[] = {kEntries};
  collection_.Make(Encoding::kStream, shapes, expire_at_ms);
}

Outcome StreamValue::Load(Cursor* cursor) {
  cursor->found = cursor->at.found;
  if (!cursor->found) return Outcome::kDone;
  const tree::LeafEntry& entry = cursor->at.entry;
  if (CAIRN_UNLIKELY(entry.rest.size() != sizeof(uint64_t))) return Wrong();
  cursor->id = {entry.head, Big64(entry.rest.data())};
  return Outcome::kDone;
}

Outcome StreamValue::SeekUp(StreamId from, Cursor* cursor) {
  // Everything before the first entry is dead.
  cursor->found = false;
  if (length_ == 0) return Outcome::kDone;
  TREE_TRY(entries_.LowerBound(EntryKey(std::max(from, state_.first_id)), &cursor->at));
  return Load(cursor);
}

Outcome StreamValue::StepUp(Cursor* cursor) {
  TREE_TRY(entries_.Next(&cursor->at));
  return Load(cursor);
}

Outcome StreamValue::SeekDown(StreamId from, Cursor* cursor) {
  cursor->found = false;
  if (length_ == 0 || from < state_.first_id) return Outcome::kDone;
  uint64_t behind = state_.dead + length_;
  if (cairn::StepUp(&from)) TREE_TRY(entries_.Rank(EntryKey(from), &behind));
  if (behind <= state_.dead) return Wrong();  // the first one is not greater
  TREE_TRY(entries_.Seek(behind - 1, &cursor->at));
  return Load(cursor);
}

Outcome StreamValue::StepDown(Cursor* cursor) {
  cursor->found = false;
  if (cursor->id <= state_.first_id) return Outcome::kDone;
  TREE_TRY(entries_.Prev(&cursor->at));
  return Load(cursor);
}

Outcome StreamValue::Fields(const Cursor& cursor, StreamFields* fields) {
  std::string_view payload;
  TREE_TRY(entries_.Payload(cursor.at.entry, &buffer_, &payload));
  return fields->Open(payload, state_.names) ? Outcome::kDone : Wrong();
}

Outcome StreamValue::Contains(StreamId id, bool* found) {
  *found = false;
  if (length_ == 0 || id < state_.first_id || id > state_.last_id) return Outcome::kDone;
  tree::Cursor cursor;
  TREE_TRY(entries_.Find(EntryKey(id), &cursor));
  *found = cursor.found;
  return Outcome::kDone;
}

Outcome StreamValue::Want(StreamId from, bool down, uint64_t count) {
  if (!collection_.has_space() || length_ == 0) return Outcome::kDone;
  uint64_t rank = state_.dead;
  if (down) {
    rank += length_;
    if (cairn::StepUp(&from)) TREE_TRY(entries_.Rank(EntryKey(from), &rank));
    count = std::min(count, rank);
    rank -= count;
  } else if (from > state_.first_id) {
    TREE_TRY(entries_.Rank(EntryKey(from), &rank));
  }
  return entries_.Want(rank, count);
}

Outcome StreamValue::Append(StreamId id, std::span<const std::string_view> fields) {
  CAIRN_CHECK(id > state_.last_id && fields.size() % 2 == 0);
  std::string names = StreamNames(fields);
  if (length_ + state_.dead == 0) {
    state_.names.clear();
    if (names.size() <= kNamesBytesMax) state_.names = names;
  }
  const bool alike = !names.empty() && names == state_.names;
  payload_.clear();
  AppendStreamFields(fields, alike, &payload_);
  bool existed;
  TREE_TRY(entries_.Put(EntryKey(id), {payload_}, &existed));
  if (CAIRN_UNLIKELY(existed)) return Wrong();  // behind the last id there is nothing
  if (length_++ == 0) state_.first_id = id;
  state_.last_id = id;
  ++state_.entries_added;
  return Outcome::kDone;
}

Outcome StreamValue::FindFirst() {
  state_.first_id = StreamId();
  if (length_ == 0) return Outcome::kDone;
  Cursor cursor;
  TREE_TRY(entries_.Seek(state_.dead, &cursor.at));
  TREE_TRY(Load(&cursor));
  if (!cursor.found) return Wrong();
  state_.first_id = cursor.id;
  return Outcome::kDone;
}

Outcome StreamValue::Remove(StreamId id, bool* existed) {
  *existed = false;
  if (length_ == 0 || id < state_.first_id) return Outcome::kDone;
  TREE_TRY(entries_.Erase(EntryKey(id), existed));
  if (!*existed) return Outcome::kDone;
  --length_;
  state_.max_deleted_id = std::max(state_.max_deleted_id, id);
  return id == state_.first_id ? FindFirst() : Outcome::kDone;
}

// Entries of which Redis would make a node, by the size of the first one.
Outcome StreamValue::Unit(uint64_t* entries) {
  const uint64_t entries_max = thresholds_.stream_node_entries.load(std::memory_order_relaxed);
  const uint64_t bytes_max = thresholds_.stream_node_bytes.load(std::memory_order_relaxed);
  *entries = entries_max == 0 ? kCleanMax : entries_max;
  if (bytes_max == 0) return Outcome::kDone;
  Cursor first;
  TREE_TRY(SeekUp(StreamId(), &first));
  if (!first.found) return Wrong();
  const uint64_t bytes = first.at.entry.payload_bytes() + kEntryOverhead;
  *entries = std::min(*entries, std::max<uint64_t>(bytes_max / bytes, 1));
  return Outcome::kDone;
}

Outcome StreamValue::TrimBy(const Trim& trim, uint64_t* trimmed) {
  *trimmed = 0;
  uint64_t count = 0;
  if (trim.by == Trim::By::kLength) {
    count = length_ > trim.length ? length_ - trim.length : 0;
  } else if (trim.by == Trim::By::kId && length_ > 0 && trim.id > state_.first_id) {
    TREE_TRY(entries_.Rank(EntryKey(trim.id), &count));
    if (count <= state_.dead) return Wrong();
    count -= state_.dead;
  }
  if (count > length_) return Wrong();
  // The last node goes with all of its entries, however many these are.
  const bool all = count == length_ && (trim.limit == 0 || count <= trim.limit);
  if (trim.about && count > 0 && !all) {
    uint64_t unit = 1;
    TREE_TRY(Unit(&unit));
    if (trim.limit != 0) count = std::min(count, trim.limit);
    count -= count % unit;
  }
  *trimmed = count;
  return count == 0 ? Outcome::kDone : DropFront(count);
}

Outcome StreamValue::DropFront(uint64_t count) {
  length_ -= count;
  if (length_ == 0 && count > kCleanMax && collection_.trees() == 1 && collection_.has_space()) {
    state_.dead = 0;
    state_.first_id = StreamId();
    MakeTrees(collection_.expire_at_ms());
    return Outcome::kDone;
  }
  state_.dead += count;
  return FindFirst();
}

Outcome StreamValue::SetLastId(StreamId id) {
  // Those that come go behind the dead ones.
  if (id < state_.last_id && state_.dead > 0) {
    TREE_TRY(entries_.EraseRange(0, state_.dead));
    state_.dead = 0;
  }
  state_.last_id = id;
  return Outcome::kDone;
}

Outcome StreamValue::Clean() {
  uint64_t left = kCleanMax;
  while (state_.dead > 0 && left > 0 && collection_.pager()->change_count() < kCleanPagesMax) {
    const uint64_t count = std::min({state_.dead, left, kErasedAtOnce});
    TREE_TRY(entries_.EraseRange(0, count));
    state_.dead -= count;
    left -= count;
  }
  if (state_.doomed == 0) return Outcome::kDone;
  StreamGroups groups(this);
  return groups.Clean(left);
}

Outcome StreamValue::Save() {
  TREE_TRY(Clean());
  collection_.set_state(EncodeStreamHead(state_));
  return collection_.Save();
}

}  // namespace cairn
