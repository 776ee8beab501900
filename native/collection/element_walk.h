// ElementWalk: the entries of one tree of a collection, whatever its type, one after the other: by
// rank, or for a small collection that is all in its root in the order in which they came. For what
// goes through all of a value: DUMP, COPY, SORT.
//
// Outcomes are those of collection.h. Views are valid until the next call. One pass; who goes on in
// another one begins at a rank, which means the same element while the collection is as it was.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/number.h"
#include "collection/collection.h"
#include "collection/walk.h"

namespace cairn {

class ElementWalk {
 public:
  enum class Order : uint8_t { kByRank, kAsTheyCame };

  // `ordered`: as in the tree's shape.
  ElementWalk(Collection* collection, uint64_t tree, bool ordered, Order order);

  tree::Outcome Start(uint64_t rank);
  bool at_end() const { return order_.small ? rank_ >= order_.entries.size() : !cursor_.found; }
  uint64_t rank() const { return rank_; }
  const tree::LeafEntry& entry() const { return cursor_.entry; }
  // The whole rest of the key, and the whole payload.
  tree::Outcome Rest(std::string_view* rest) { return tree_.KeyRest(entry(), &rest_buffer_, rest); }
  tree::Outcome Payload(std::string_view* payload) {
    return tree_.Payload(entry(), &payload_buffer_, payload);
  }
  // The member of a set, or of a sorted set.
  tree::Outcome Member(std::string_view* member);
  tree::Outcome Next();
  // Damage. Always kFailed.
  tree::Outcome Fail(std::string_view what) { return collection_.pager()->Fail(root_, what); }

 private:
  static constexpr uint64_t kAhead = 4096;  // elements that are asked for at a time

  tree::Outcome Ahead();
  tree::Outcome TakeSmall();

  Collection& collection_;
  const uint64_t root_;
  const bool ordered_;
  const Order wanted_order_;
  tree::Tree tree_;
  RootOrder order_;
  tree::Cursor cursor_;
  uint64_t rank_ = 0;
  uint64_t wanted_to_ = 0;
  std::string rest_buffer_;
  std::string payload_buffer_;
  char digits_[kInt64TextBytes];
};

}  // namespace cairn
