// ListValue: elements by position, from 0 on. What list commands need, without their replies.
//
//   tree 0, list: payload: the element
//   state: of a listpack: the bytes that its items take as Redis stores them, varint; else empty
//
// The encoding is only a name here: it says what Redis would hold. A listpack becomes a quicklist
// when what comes would be too much for one node (list-max-listpack-size), by the same sums; a
// quicklist becomes a listpack again when something goes and it is small enough by half. When that
// is, Redis knows to the byte; here a list that is more than one page counts as too large.
//
// Outcomes are those of collection.h. Views are valid until the next call.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/check.h"
#include "collection/collection.h"
#include "collection/thresholds.h"

namespace cairn {

// Of an item of a listpack that holds this text.
uint64_t ListpackItemBytes(std::string_view text);

class ListValue {
 public:
  // Whether a list stays a listpack when texts of so many bytes come to it, so that it has `count`
  // elements; its items take item_bytes before. And the state of one.
  static bool StaysListpack(uint64_t item_bytes, uint64_t bytes, uint64_t count,
                            const Thresholds& thresholds);
  static std::string ListpackState(uint64_t item_bytes);

  ListValue(Txn* txn, std::string_view key, const Thresholds* thresholds);

  // To read. kMissing: there are no elements.
  Opened Open();
  // To write: a missing one is made (never kMissing).
  Opened OpenOrMake();
  // An empty one, in the place of whatever is there.
  void Make();

  uint64_t count() const { return count_; }
  Encoding encoding() const { return collection_.encoding(); }

  // Before a push in pieces: all that comes decides on the encoding.
  void Expect(std::span<const std::string_view> values);
  // One behind the other, so that the last one stands at the end.
  tree::Outcome Push(bool front, std::span<const std::string_view> values);
  // rank < count.
  tree::Outcome At(uint64_t rank, std::string_view* value);
  tree::Outcome Set(uint64_t rank, std::string_view value);
  // rank <= count.
  tree::Outcome Insert(uint64_t rank, std::string_view value);
  // As far as there are.
  tree::Outcome Erase(uint64_t rank, uint64_t count);
  // Elements that go one by one, ranks ascending: after the last one, Shrunk.
  tree::Outcome EraseOne(uint64_t rank);
  tree::Outcome Shrunk();

  // visit(std::string_view) -> bool, for `count` elements from `rank` on, or backwards; false: no
  // more. What is missing of all of them is noted at once, as far as there is room for that.
  template <typename Visit>
  tree::Outcome ForEach(uint64_t rank, uint64_t count, bool forward, Visit visit);

  tree::Outcome Save() { return collection_.Save(); }
  Collection& collection() { return collection_; }
  const Status& status() const { return collection_.status(); }

 private:
  static constexpr uint64_t kBuildMin = 16;  // so many at the end are built

  Opened Opening(Opened opened);
  bool IsListpack() const { return collection_.encoding() == Encoding::kListpack; }
  uint64_t ItemBytes() const;
  void SetItemBytes(uint64_t bytes);
  // Before something comes; `bytes` is that of the texts.
  void Grow(uint64_t bytes, uint64_t count);
  void Came(std::string_view value);
  tree::Outcome CountBytes(uint64_t* bytes);

  Collection collection_;
  const Thresholds& thresholds_;
  tree::Tree tree_;
  uint64_t count_ = 0;
  uint64_t item_bytes_ = 0;  // of a listpack
  std::string buffer_;
};

template <typename Visit>
tree::Outcome ListValue::ForEach(uint64_t rank, uint64_t count, bool forward, Visit visit) {
  using tree::Outcome;
  if (count == 0) return Outcome::kDone;
  CAIRN_CHECK(rank < count_);
  const uint64_t most = forward ? count_ - rank : rank + 1;
  if (count > most) count = most;
  tree::Cursor cursor;
  if (const Outcome wanted = tree_.Want(forward ? rank : rank + 1 - count, count);
      wanted == Outcome::kFailed) {
    return wanted;
  }
  if (const Outcome sought = tree_.Seek(rank, &cursor); sought != Outcome::kDone) return sought;
  bool waiting = false;
  for (uint64_t i = 0; i < count && cursor.found; ++i) {
    std::string_view value;
    const Outcome read = tree_.Payload(cursor.entry, &buffer_, &value);
    if (read == Outcome::kFailed) return read;
    waiting |= read == Outcome::kWait;
    if (waiting && collection_.pager()->missing().size() >= tree::Pager::kMissingMax) break;
    if (!waiting && !visit(value)) return Outcome::kDone;
    if (i + 1 == count) break;
    const Outcome next = forward ? tree_.Next(&cursor) : tree_.Prev(&cursor);
    if (next != Outcome::kDone) return next;
  }
  return waiting ? Outcome::kWait : Outcome::kDone;
}

}  // namespace cairn
