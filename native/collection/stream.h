// StreamValue: entries by ascending id. What stream commands need, without their replies; consumer
// groups are in stream_groups.h.
//
//   tree 0, ordered: entries             head: ms, rest: seq, 8     payload: stream_fields.h
//   trees 1 to 3, once there was a group: stream_groups.h
//   state: stream_head.h
//
// A stream without entries stays. All trees lie in one space, so that DEL and RENAME know nothing
// of groups.
//
// Trimming takes its time later: entries that were trimmed are dead, which is one number in the
// state, and nobody sees them; a bounded part of them is erased when the stream is saved, now and
// each time it changes again (and all of them at once, by a new space, if nothing else is there).
// So is what groups and consumers leave behind that go (StreamGroups::Clean). Neither XTRIM of
// millions of entries nor XGROUP DESTROY holds a reactor.
//
// Outcomes are those of collection.h. Views and cursors are valid until the next change.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "collection/collection.h"
#include "collection/stream_fields.h"
#include "collection/stream_head.h"
#include "collection/thresholds.h"

namespace cairn {

class StreamValue {
 public:
  // What a save erases of what is gone, at most: elements, and pages that change for it.
  static constexpr uint64_t kCleanMax = 4096;
  static constexpr size_t kCleanPagesMax = 2048;

  StreamValue(Txn* txn, std::string_view key, const Thresholds* thresholds);

  // To read. kMissing: there is no stream.
  Opened Open();
  // To write: a missing one is made (never kMissing).
  Opened OpenOrMake();
  // In the place of whatever is there.
  void Make(uint64_t expire_at_ms);
  // Opened, and not there, nor made.
  bool missing() const { return missing_; }

  uint64_t length() const { return length_; }
  const StreamHead& state() const { return state_; }
  StreamId last_id() const { return state_.last_id; }

  // --- entries ---
  struct Cursor {
    bool found = false;
    StreamId id;
    tree::Cursor at;
  };
  // The first entry that is not less; from there to the next ones.
  tree::Outcome SeekUp(StreamId from, Cursor* cursor);
  tree::Outcome StepUp(Cursor* cursor);
  // The last entry that is not greater; from there to those before.
  tree::Outcome SeekDown(StreamId from, Cursor* cursor);
  tree::Outcome StepDown(Cursor* cursor);
  tree::Outcome Last(Cursor* cursor) { return SeekDown(kStreamIdMax, cursor); }
  // Its fields: views into the page, or into a buffer until the next call.
  tree::Outcome Fields(const Cursor& cursor, StreamFields* fields);
  tree::Outcome Contains(StreamId id, bool* found);
  // Before entries are read, one behind the other: notes what of them is not in memory, some
  // hundred pages at most, so that it is read in one wave.
  tree::Outcome Want(StreamId from, bool down, uint64_t count);

  // --- changing ---
  // Greater than last_id(), which it becomes. Names and values alternate.
  tree::Outcome Append(StreamId id, std::span<const std::string_view> fields);
  tree::Outcome Remove(StreamId id, bool* existed);
  struct Trim {
    enum class By : uint8_t { kNothing, kLength, kId } by = By::kNothing;
    bool about = false;  // as far as it is cheap: whole nodes of Redis's
    uint64_t length = 0;
    StreamId id;         // of the first that may stay
    uint64_t limit = 0;  // 0: none
  };
  // In front. *trimmed: how many.
  tree::Outcome TrimBy(const Trim& trim, uint64_t* trimmed);
  // Not below the id of an entry.
  tree::Outcome SetLastId(StreamId id);
  void set_entries_added(uint64_t added) { state_.entries_added = added; }
  void set_max_deleted_id(StreamId id) { state_.max_deleted_id = id; }
  tree::Outcome Save();

  Collection& collection() { return collection_; }
  const Status& status() const { return collection_.status(); }

 private:
  friend class StreamGroups;

  void MakeTrees(uint64_t expire_at_ms);
  tree::Outcome Load(Cursor* cursor);
  tree::Outcome FindFirst();
  tree::Outcome Unit(uint64_t* entries);
  tree::Outcome DropFront(uint64_t count);
  tree::Outcome Clean();
  tree::Outcome Wrong() { return collection_.pager()->Fail(0, "belongs to no such stream"); }

  Collection collection_;
  const Thresholds& thresholds_;
  tree::Tree entries_;
  StreamHead state_;
  uint64_t length_ = 0;
  bool missing_ = false;
  std::string buffer_;
  std::string payload_;
};

}  // namespace cairn
