// Pending entries of groups, by group and by consumer, and what is left of those who are gone.
#include <algorithm>

#include "base/coding.h"
#include "collection/stream_directory.h"
#include "collection/stream_groups.h"
#include "tree/try.h"

namespace cairn {

using tree::Outcome;

namespace {

constexpr uint64_t kErasedAtOnce = 64;

}  // namespace

// Whether a consumer that a pending entry names is one still.
Outcome StreamGroups::Lives(uint64_t consumer, bool* lives) {
  *lives = true;
  if (CAIRN_LIKELY(stream_.state_.doomed == 0)) return Outcome::kDone;
  tree::Cursor cursor;
  TREE_TRY(directory_.Find(DoomedKey(consumer), &cursor));
  *lives = !cursor.found;
  return Outcome::kDone;
}

Outcome StreamGroups::FindPending(uint64_t group, StreamId id, bool* found,
                                  StreamPending* pending) {
  tree::Cursor cursor;
  TREE_TRY(pending_.Find(PendingKey(group, id), &cursor));
  *found = cursor.found;
  if (!cursor.found) return Outcome::kDone;
  pending->id = id;
  if (!DecodePending(cursor.entry.payload, pending)) return Wrong(2, "has an entry that is none");
  return Lives(pending->consumer, found);
}

Outcome StreamGroups::PutRecord(uint64_t group, const StreamPending& pending) {
  bool existed;
  record_.clear();
  cairn::AppendPending(pending, &record_);
  return pending_.Put(PendingKey(group, pending.id), {record_}, &existed);
}

Outcome StreamGroups::PutPending(uint64_t group, const StreamPending& pending) {
  bool existed;
  tree::Cursor cursor;
  TREE_TRY(pending_.Find(PendingKey(group, pending.id), &cursor));
  if (cursor.found) {
    StreamPending before;
    if (!DecodePending(cursor.entry.payload, &before)) return Wrong(2, "has an entry that is none");
    if (before.consumer == pending.consumer) return PutRecord(group, pending);
    TREE_TRY(owned_.Erase(PendingKey(before.consumer, pending.id), &existed));
  }
  return AppendPending(group, pending);
}

Outcome StreamGroups::AppendPending(uint64_t group, const StreamPending& pending) {
  bool existed;
  TREE_TRY(PutRecord(group, pending));
  return owned_.Put(PendingKey(pending.consumer, pending.id), {}, &existed);
}

Outcome StreamGroups::UpdatePending(uint64_t group, const StreamPending& pending) {
  return PutRecord(group, pending);
}

Outcome StreamGroups::RemovePending(uint64_t group, const StreamPending& pending) {
  bool existed;
  TREE_TRY(pending_.Erase(PendingKey(group, pending.id), &existed));
  return owned_.Erase(PendingKey(pending.consumer, pending.id), &existed);
}

// --- how many ---

Outcome StreamGroups::CountHead(tree::Tree* tree, uint64_t head, uint64_t* count) {
  uint64_t before = 0, behind = 0;
  TREE_TRY(tree->Rank({head, {}}, &before));
  TREE_TRY(tree->Rank({head + 1, {}}, &behind));
  if (behind < before) return Wrong(1, "miscounts");
  *count = behind - before;
  return Outcome::kDone;
}

Outcome StreamGroups::CountOwned(uint64_t consumer, uint64_t* count) {
  return CountHead(&owned_, consumer, count);
}

// All but those of consumers that are gone.
Outcome StreamGroups::CountPending(uint64_t group, uint64_t* count) {
  TREE_TRY(CountHead(&pending_, group, count));
  if (CAIRN_LIKELY(stream_.state_.doomed == 0)) return Outcome::kDone;
  tree::Cursor cursor;
  TREE_TRY(directory_.LowerBound(DoomedKey(0), &cursor));
  while (cursor.found) {
    uint64_t owner = 0, owned = 0;
    std::string_view payload = cursor.entry.payload;
    if (!TakeVarint(&payload, &owner)) return Wrong(1, "has a mark that is none");
    const uint64_t number = cursor.entry.head & ~kDoomedHead;
    if (owner == group && number != group) TREE_TRY(CountOwned(number, &owned));
    if (owned > *count) return Wrong(3, "has entries that are not pending");
    *count -= owned;
    TREE_TRY(directory_.Next(&cursor));
  }
  return Outcome::kDone;
}

Outcome StreamGroups::LastPending(uint64_t group, bool* found, StreamPending* last) {
  uint64_t behind = 0;
  tree::Cursor cursor;
  *found = false;
  TREE_TRY(pending_.Rank({group + 1, {}}, &behind));
  if (behind == 0) return Outcome::kDone;
  TREE_TRY(pending_.Seek(behind - 1, &cursor));
  PendingCursor at;
  at.head = group;
  at.at = cursor;
  for (;;) {
    TREE_TRY(LoadPending(&at));
    if (!at.at.found || at.at.entry.head != group) return Outcome::kDone;
    if (at.found) break;
    TREE_TRY(pending_.Prev(&at.at));
  }
  *found = true;
  *last = at.pending;
  return Outcome::kDone;
}

// --- one behind the other ---

// found: it is one of those asked for, and its consumer is not gone.
Outcome StreamGroups::LoadPending(PendingCursor* cursor) {
  const tree::LeafEntry& entry = cursor->at.entry;
  cursor->found = cursor->at.found && entry.head == cursor->head;
  if (!cursor->found) return Outcome::kDone;
  if (entry.rest.size() != 2 * sizeof(uint64_t)) return Wrong(2, "has a key that is none");
  cursor->pending.id = {Big64(entry.rest.data()), Big64(entry.rest.data() + 8)};
  if (cursor->owned) {
    cursor->pending.consumer = cursor->head;
    return Outcome::kDone;
  }
  if (!DecodePending(entry.payload, &cursor->pending)) return Wrong(2, "has an entry that is none");
  return Lives(cursor->pending.consumer, &cursor->found);
}

// On to the first one from here on that is there.
Outcome StreamGroups::StepPending(PendingCursor* cursor) {
  TREE_TRY(LoadPending(cursor));
  while (!cursor->found && cursor->at.found && cursor->at.entry.head == cursor->head) {
    TREE_TRY(pending_.Next(&cursor->at));
    TREE_TRY(LoadPending(cursor));
  }
  return Outcome::kDone;
}

Outcome StreamGroups::SeekPending(uint64_t group, StreamId from, PendingCursor* cursor) {
  cursor->head = group;
  cursor->owned = false;
  TREE_TRY(pending_.LowerBound(PendingKey(group, from), &cursor->at));
  return StepPending(cursor);
}

Outcome StreamGroups::SeekOwned(uint64_t consumer, StreamId from, PendingCursor* cursor) {
  cursor->head = consumer;
  cursor->owned = true;
  TREE_TRY(owned_.LowerBound(PendingKey(consumer, from), &cursor->at));
  return LoadPending(cursor);
}

Outcome StreamGroups::Next(PendingCursor* cursor) {
  if (cursor->owned) {
    TREE_TRY(owned_.Next(&cursor->at));
    return LoadPending(cursor);
  }
  TREE_TRY(pending_.Next(&cursor->at));
  return StepPending(cursor);
}

Outcome StreamGroups::Want(tree::Tree* tree, uint64_t head, StreamId from, uint64_t count) {
  if (!stream_.collection().has_space()) return Outcome::kDone;
  uint64_t rank = 0;
  TREE_TRY(tree->Rank(PendingKey(head, from), &rank));
  return tree->Want(rank, count);
}

Outcome StreamGroups::WantPending(uint64_t group, StreamId from, uint64_t count) {
  return Want(&pending_, group, from, count);
}

Outcome StreamGroups::WantOwned(uint64_t consumer, StreamId from, uint64_t count) {
  return Want(&owned_, consumer, from, count);
}

// --- what is left of those who are gone ---

Outcome StreamGroups::Doom(uint64_t number, uint64_t group) {
  bool existed;
  record_.clear();
  AppendVarint(&record_, group);
  ++stream_.state_.doomed;
  return directory_.Put(DoomedKey(number), {record_}, &existed);
}

bool StreamGroups::Enough(uint64_t left) const {
  return left == 0 || stream_.collection().pager()->change_count() >= StreamValue::kCleanPagesMax;
}

Outcome StreamGroups::EraseHead(tree::Tree* tree, uint64_t head, uint64_t* left, bool* all) {
  uint64_t rank = 0, count = 0;
  TREE_TRY(tree->Rank({head, {}}, &rank));
  TREE_TRY(CountHead(tree, head, &count));
  while (count > 0 && !Enough(*left)) {
    const uint64_t some = std::min({count, *left, kErasedAtOnce});
    TREE_TRY(tree->EraseRange(rank, some));
    count -= some;
    *left -= some;
  }
  *all = count == 0;
  return Outcome::kDone;
}

// Its pending entries, then each of its consumers, with what is theirs.
Outcome StreamGroups::CleanGroup(uint64_t group, uint64_t* left, bool* all) {
  TREE_TRY(EraseHead(&pending_, group, left, all));
  while (*all) {
    NameCursor cursor;
    TREE_TRY(FirstConsumer(group, &cursor));
    if (!cursor.found) return Outcome::kDone;
    *all = !Enough(*left);
    if (*all) TREE_TRY(EraseHead(&owned_, cursor.consumer.number, left, all));
    if (!*all) return Outcome::kDone;
    bool existed;
    const std::string name(cursor.name);
    TREE_TRY(directory_.Erase(ConsumerKey(group, name), &existed));
    TREE_TRY(directory_.Erase(NameKey(cursor.consumer.number), &existed));
    if (*left > 0) --*left;
  }
  return Outcome::kDone;
}

// Its entries out of those of its group, a piece at a time.
Outcome StreamGroups::CleanConsumer(uint64_t consumer, uint64_t group, uint64_t* left, bool* all) {
  for (;;) {
    StreamId ids[kErasedAtOnce];
    uint64_t count = 0;
    const uint64_t most = std::min(*left, kErasedAtOnce);
    PendingCursor cursor;
    TREE_TRY(SeekOwned(consumer, StreamId(), &cursor));
    *all = !cursor.found;
    if (*all || Enough(*left)) return Outcome::kDone;
    for (; cursor.found && count < most; ++count) {
      ids[count] = cursor.pending.id;
      TREE_TRY(Next(&cursor));
    }
    for (uint64_t i = 0; i < count; ++i) {
      tree::Cursor at;
      StreamPending pending;
      TREE_TRY(pending_.Find(PendingKey(group, ids[i]), &at));
      if (!at.found) continue;
      if (!DecodePending(at.entry.payload, &pending)) return Wrong(2, "has an entry that is none");
      if (pending.consumer == consumer) TREE_TRY(pending_.Erase(at));
    }
    uint64_t rank = 0;
    TREE_TRY(owned_.Rank({consumer, {}}, &rank));
    TREE_TRY(owned_.EraseRange(rank, count));
    *left -= count;
  }
}

Outcome StreamGroups::Clean(uint64_t elements) {
  while (stream_.state_.doomed > 0 && !Enough(elements)) {
    tree::Cursor cursor;
    uint64_t group = 0;
    bool all = false;
    TREE_TRY(directory_.LowerBound(DoomedKey(0), &cursor));
    if (!cursor.found) return Wrong(1, "has fewer marks than are counted");
    std::string_view payload = cursor.entry.payload;
    if (!TakeVarint(&payload, &group)) return Wrong(1, "has a mark that is none");
    const uint64_t number = cursor.entry.head & ~kDoomedHead;
    if (number == group) {
      TREE_TRY(CleanGroup(group, &elements, &all));
    } else {
      TREE_TRY(CleanConsumer(number, group, &elements, &all));
    }
    if (!all) return Outcome::kDone;
    bool existed;
    TREE_TRY(directory_.Erase(DoomedKey(number), &existed));
    --stream_.state_.doomed;
  }
  return Outcome::kDone;
}

}  // namespace cairn
