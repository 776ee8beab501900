#include "collection/element_walk.h"

#include "collection/set.h"
#include "tree/try.h"

namespace cairn {

using tree::Outcome;

namespace {

tree::TreeShape ShapeOf(bool ordered) { return {.ordered = ordered}; }

}  // namespace

ElementWalk::ElementWalk(Collection* collection, uint64_t tree, bool ordered, Order order)
    : collection_(*collection),
      root_(tree),
      ordered_(ordered),
      wanted_order_(order),
      tree_(ShapeOf(ordered), collection->pager(), tree) {}

Outcome ElementWalk::Start(uint64_t rank) {
  rank_ = rank;
  order_.small = false;
  if (wanted_order_ == Order::kAsTheyCame) {
    TREE_TRY(OrderOfRoot(collection_.pager(), root_, ordered_, &order_));
    if (order_.small) return TakeSmall();
  }
  wanted_to_ = rank;
  TREE_TRY(Ahead());
  return tree_.Seek(rank, &cursor_);
}

Outcome ElementWalk::Member(std::string_view* member) {
  if (collection_.encoding() != Encoding::kIntset) return Rest(member);
  *member = SetValue::IntegerMember(entry().head, digits_);
  return Outcome::kDone;
}

Outcome ElementWalk::TakeSmall() {
  if (at_end() || order_.node.Leaf(order_.entries[rank_], &cursor_.entry)) return Outcome::kDone;
  return collection_.pager()->Fail(root_, "makes no sense");
}

Outcome ElementWalk::Ahead() {
  if (rank_ < wanted_to_ || !collection_.has_space()) return Outcome::kDone;
  TREE_TRY(WantElements(collection_.pager(), &tree_, rank_, kAhead));
  wanted_to_ = rank_ + kAhead;
  return Outcome::kDone;
}

Outcome ElementWalk::Next() {
  ++rank_;
  if (order_.small) return TakeSmall();
  TREE_TRY(tree_.Next(&cursor_));
  return cursor_.found ? Ahead() : Outcome::kDone;
}

}  // namespace cairn
