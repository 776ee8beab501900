// Walking through many elements of a collection: in the order in which they came, while all are in
// the root; and with leaves that are read many at a time.
//
// Outcomes and lifetimes are those of tree/tree.h.
#pragma once

#include <cstdint>
#include <vector>

#include "collection/collection.h"
#include "tree/tree.h"

namespace cairn {

// The entries of a root that is a leaf, by where they stand in its heap, which is the order in
// which they came: those that are replaced keep their place. *small: it is one; else nothing is
// filled.
struct RootOrder {
  bool small = false;
  tree::Node node;
  std::vector<uint16_t> entries;  // indexes into node
};
tree::Outcome OrderOfRoot(tree::Pager* pager, uint64_t root, bool ordered, RootOrder* order);

// Before elements [rank, rank + count) are read, one behind the other: notes the leaves of theirs
// that are not in memory, some hundred at most, so that they are read in one wave. kWait: there are
// any.
tree::Outcome WantElements(tree::Pager* pager, tree::Tree* tree, uint64_t rank, uint64_t count);

}  // namespace cairn
