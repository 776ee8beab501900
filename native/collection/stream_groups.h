// StreamGroups: consumer groups of a stream, their consumers, and what is pending.
//
//   tree 1: directory                                              payload
//     head: 0                        rest: name of a group         number | last id (ms, seq)
//                                                                    | entries read + 1
//     head: 1 << 62 | group          rest: name of a consumer      number | seen | active + 1
//     head: 2 << 62 | consumer                                     group | name, to the end
//     head: 3 << 62 | group or consumer that is gone (doomed)      its group
//   tree 2: pending entries          head: group     rest: id, 16  consumer | delivered |
//   deliveries tree 3: the same, by consumer    head: consumer  rest: id, 16  nothing
//
// Numbers are varints; times are ms since 1970. Groups and consumers have numbers of one series,
// below 2^62, never used twice. The trees come with the first group, and stay.
//
// XACK is two searches; XREADGROUP one search for the group, one for the consumer, and two
// insertions for each entry; a consumer's entries lie side by side; how many there are is a
// difference of two ranks, O(log n).
//
// Who goes (Destroy, RemoveConsumer) leaves the directory at once, and a mark in it; Clean removes
// the rest by and by. Until then, pending entries of a consumer that is gone are in tree 2 and not
// there for anybody who asks.
//
// Lifetime: within that of the StreamValue, which has been opened. Outcomes, views and cursors are
// as there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "collection/stream.h"

namespace cairn {

struct StreamGroup {
  static constexpr int64_t kUnknown = -1;

  uint64_t number = 0;
  StreamId last_id;
  int64_t entries_read = kUnknown;
};
struct StreamConsumer {
  uint64_t number = 0;
  int64_t seen_ms = 0;
  int64_t active_ms = -1;  // -1: never
};
struct StreamPending {
  StreamId id;
  uint64_t consumer = 0;
  int64_t delivered_ms = 0;
  uint64_t deliveries = 0;
};

class StreamGroups {
 public:
  explicit StreamGroups(StreamValue* stream);
  // Whether a collection has the trees of a stream.
  static bool TreesFit(const Collection& collection);
  std::string_view key() const { return stream_.collection().key(); }

  // --- groups ---
  tree::Outcome Find(std::string_view name, bool* found, StreamGroup* group);
  // Of a name that is not there; `group` has everything but its number, which it gets.
  tree::Outcome Create(std::string_view name, StreamGroup* group);
  tree::Outcome Put(std::string_view name, const StreamGroup& group);
  tree::Outcome Destroy(std::string_view name, const StreamGroup& group);
  tree::Outcome Count(uint64_t* count);

  // --- consumers ---
  tree::Outcome FindConsumer(uint64_t group, std::string_view name, bool* found,
                             StreamConsumer* consumer);
  tree::Outcome CreateConsumer(uint64_t group, std::string_view name, StreamConsumer* consumer);
  tree::Outcome PutConsumer(uint64_t group, std::string_view name, const StreamConsumer& consumer);
  tree::Outcome RemoveConsumer(uint64_t group, std::string_view name,
                               const StreamConsumer& consumer);
  tree::Outcome CountConsumers(uint64_t group, uint64_t* count);

  // Through groups, or the consumers of a group, in the order of their names.
  struct NameCursor {
    bool found = false;
    std::string_view name;
    StreamGroup group;
    StreamConsumer consumer;
    std::string buffer;
    uint64_t head = 0;
    tree::Cursor at;
  };
  tree::Outcome FirstGroup(NameCursor* cursor) { return FirstName(0, cursor); }
  tree::Outcome FirstConsumer(uint64_t group, NameCursor* cursor);
  tree::Outcome NextName(NameCursor* cursor);

  // --- pending entries ---
  tree::Outcome FindPending(uint64_t group, StreamId id, bool* found, StreamPending* pending);
  // There or not, it is then; another consumer's until now or not.
  tree::Outcome PutPending(uint64_t group, const StreamPending& pending);
  // The same, of one behind all that are pending in the group (LastPending).
  tree::Outcome AppendPending(uint64_t group, const StreamPending& pending);
  // One that is there, and stays its consumer's.
  tree::Outcome UpdatePending(uint64_t group, const StreamPending& pending);
  tree::Outcome RemovePending(uint64_t group, const StreamPending& pending);
  tree::Outcome CountPending(uint64_t group, uint64_t* count);
  tree::Outcome CountOwned(uint64_t consumer, uint64_t* count);
  // *found: there is one at all.
  tree::Outcome LastPending(uint64_t group, bool* found, StreamPending* last);

  struct PendingCursor {
    bool found = false;
    StreamPending pending;  // SeekOwned: only the id and the consumer
    uint64_t head = 0;
    bool owned = false;
    tree::Cursor at;
  };
  // The first one that is not less, of a group, or of a consumer of its.
  tree::Outcome SeekPending(uint64_t group, StreamId from, PendingCursor* cursor);
  tree::Outcome SeekOwned(uint64_t consumer, StreamId from, PendingCursor* cursor);
  tree::Outcome Next(PendingCursor* cursor);
  // The name of a consumer who has entries pending: a view into the page, or into the buffer.
  tree::Outcome NameOf(uint64_t consumer, std::string* buffer, std::string_view* name);
  // As StreamValue::Want, of pending entries.
  tree::Outcome WantPending(uint64_t group, StreamId from, uint64_t count);
  tree::Outcome WantOwned(uint64_t consumer, StreamId from, uint64_t count);

  // Removes at most so much of what belonged to those who are gone. Whoever saves the stream does.
  tree::Outcome Clean(uint64_t elements);

 private:
  tree::Outcome Wrong(uint64_t root, std::string_view what);
  bool HasTrees() const { return stream_.collection().trees() > 1; }
  tree::Outcome Number(uint64_t* number);
  tree::Outcome FirstName(uint64_t head, NameCursor* cursor);
  tree::Outcome LoadName(NameCursor* cursor);
  tree::Outcome Payload(tree::Tree* tree, const tree::Cursor& cursor, std::string_view* payload);
  tree::Outcome LoadPending(PendingCursor* cursor);
  tree::Outcome StepPending(PendingCursor* cursor);
  tree::Outcome Lives(uint64_t consumer, bool* lives);
  tree::Outcome CountHead(tree::Tree* tree, uint64_t head, uint64_t* count);
  tree::Outcome Want(tree::Tree* tree, uint64_t head, StreamId from, uint64_t count);
  tree::Outcome PutRecord(uint64_t group, const StreamPending& pending);
  tree::Outcome Doom(uint64_t number, uint64_t group);
  tree::Outcome EraseHead(tree::Tree* tree, uint64_t head, uint64_t* left, bool* all);
  tree::Outcome CleanGroup(uint64_t group, uint64_t* left, bool* all);
  tree::Outcome CleanConsumer(uint64_t consumer, uint64_t group, uint64_t* left, bool* all);
  bool Enough(uint64_t left) const;

  StreamValue& stream_;
  tree::Tree directory_;
  tree::Tree pending_;
  tree::Tree owned_;
  std::string buffer_;
  std::string record_;
};

}  // namespace cairn
