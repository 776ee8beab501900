// Groups and consumers: the directory. Pending entries: stream_pending.cc.
#include "collection/stream_groups.h"

#include "base/coding.h"
#include "collection/stream_directory.h"
#include "tree/try.h"

namespace cairn {

using tree::Outcome;

namespace {

constexpr uint64_t kNumbersEnd = uint64_t{1} << 62;
// The root is written with each entry that comes, so these leave it early.
constexpr tree::TreeShape kGroupShape{.root_leaf_bytes = 512};
constexpr uint8_t kTrees = 4;

}  // namespace

StreamGroups::StreamGroups(StreamValue* stream)
    : stream_(*stream),
      directory_(kGroupShape, stream->collection().pager(), 1),
      pending_(kGroupShape, stream->collection().pager(), 2),
      owned_(kGroupShape, stream->collection().pager(), 3) {}

bool StreamGroups::TreesFit(const Collection& collection) {
  return collection.trees() == 1 || collection.trees() == kTrees;
}

Outcome StreamGroups::Wrong(uint64_t root, std::string_view what) {
  return stream_.collection().pager()->Fail(root, what);
}

Outcome StreamGroups::Number(uint64_t* number) {
  StreamHead& state = stream_.state_;
  if (state.next_number == 0 || state.next_number >= kNumbersEnd)
    return Wrong(1, "has no numbers left");
  *number = state.next_number++;
  return Outcome::kDone;
}

Outcome StreamGroups::Payload(tree::Tree* tree, const tree::Cursor& cursor,
                              std::string_view* payload) {
  return tree->Payload(cursor.entry, &buffer_, payload);
}

// --- groups ---

Outcome StreamGroups::Find(std::string_view name, bool* found, StreamGroup* group) {
  *found = false;
  if (!HasTrees()) return Outcome::kDone;
  tree::Cursor cursor;
  std::string_view payload;
  TREE_TRY(directory_.Find(GroupKey(name), &cursor));
  if (!cursor.found) return Outcome::kDone;
  *found = true;
  TREE_TRY(Payload(&directory_, cursor, &payload));
  return DecodeGroup(payload, group) ? Outcome::kDone : Wrong(1, "has a group that is none");
}

Outcome StreamGroups::Create(std::string_view name, StreamGroup* group) {
  while (stream_.collection().trees() < kTrees) stream_.collection().AddTree(kGroupShape);
  TREE_TRY(Number(&group->number));
  return Put(name, *group);
}

Outcome StreamGroups::Put(std::string_view name, const StreamGroup& group) {
  bool existed;
  record_.clear();
  AppendGroup(group, &record_);
  return directory_.Put(GroupKey(name), {record_}, &existed);
}

Outcome StreamGroups::Destroy(std::string_view name, const StreamGroup& group) {
  bool existed;
  TREE_TRY(directory_.Erase(GroupKey(name), &existed));
  return Doom(group.number, group.number);
}

Outcome StreamGroups::Count(uint64_t* count) {
  *count = 0;
  return HasTrees() ? directory_.Rank({1, {}}, count) : Outcome::kDone;
}

// --- consumers ---

Outcome StreamGroups::FindConsumer(uint64_t group, std::string_view name, bool* found,
                                   StreamConsumer* consumer) {
  tree::Cursor cursor;
  std::string_view payload;
  TREE_TRY(directory_.Find(ConsumerKey(group, name), &cursor));
  *found = cursor.found;
  if (!cursor.found) return Outcome::kDone;
  TREE_TRY(Payload(&directory_, cursor, &payload));
  return DecodeConsumer(payload, consumer) ? Outcome::kDone
                                           : Wrong(1, "has a consumer that is none");
}

Outcome StreamGroups::CreateConsumer(uint64_t group, std::string_view name,
                                     StreamConsumer* consumer) {
  TREE_TRY(Number(&consumer->number));
  TREE_TRY(PutConsumer(group, name, *consumer));
  bool existed;
  record_.clear();
  AppendVarint(&record_, group);
  record_.append(name);
  return directory_.Put(NameKey(consumer->number), {record_}, &existed);
}

Outcome StreamGroups::PutConsumer(uint64_t group, std::string_view name,
                                  const StreamConsumer& consumer) {
  bool existed;
  record_.clear();
  AppendConsumer(consumer, &record_);
  return directory_.Put(ConsumerKey(group, name), {record_}, &existed);
}

Outcome StreamGroups::RemoveConsumer(uint64_t group, std::string_view name,
                                     const StreamConsumer& consumer) {
  bool existed;
  TREE_TRY(directory_.Erase(ConsumerKey(group, name), &existed));
  TREE_TRY(directory_.Erase(NameKey(consumer.number), &existed));
  return Doom(consumer.number, group);
}

Outcome StreamGroups::CountConsumers(uint64_t group, uint64_t* count) {
  return CountHead(&directory_, kConsumerHead | group, count);
}

Outcome StreamGroups::NameOf(uint64_t consumer, std::string* buffer, std::string_view* name) {
  tree::Cursor cursor;
  uint64_t group;
  TREE_TRY(directory_.Find(NameKey(consumer), &cursor));
  if (!cursor.found) return Wrong(2, "names a consumer that is not there");
  TREE_TRY(directory_.Payload(cursor.entry, buffer, name));
  return TakeVarint(name, &group) ? Outcome::kDone : Wrong(1, "has a name that is none");
}

// --- both, in the order of their names ---

Outcome StreamGroups::FirstConsumer(uint64_t group, NameCursor* cursor) {
  return FirstName(kConsumerHead | group, cursor);
}

Outcome StreamGroups::FirstName(uint64_t head, NameCursor* cursor) {
  cursor->head = head;
  cursor->found = false;
  if (!HasTrees()) return Outcome::kDone;
  TREE_TRY(directory_.LowerBound({head, {}}, &cursor->at));
  return LoadName(cursor);
}

Outcome StreamGroups::NextName(NameCursor* cursor) {
  TREE_TRY(directory_.Next(&cursor->at));
  return LoadName(cursor);
}

Outcome StreamGroups::LoadName(NameCursor* cursor) {
  const tree::LeafEntry& entry = cursor->at.entry;
  cursor->found = cursor->at.found && entry.head == cursor->head;
  if (!cursor->found) return Outcome::kDone;
  std::string_view payload;
  TREE_TRY(directory_.KeyRest(entry, &cursor->buffer, &cursor->name));
  TREE_TRY(Payload(&directory_, cursor->at, &payload));
  const bool decoded = cursor->head == 0 ? DecodeGroup(payload, &cursor->group)
                                         : DecodeConsumer(payload, &cursor->consumer);
  return decoded ? Outcome::kDone : Wrong(1, "has an entry that is none");
}

}  // namespace cairn
