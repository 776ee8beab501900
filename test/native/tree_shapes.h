// Shapes of trees for tests.
#pragma once

#include "tree/tree.h"

namespace cairn::testing {

// Small pages, so that few elements make a high tree, and chunks of 120 bytes.
inline tree::TreeShape SmallShape(bool ordered) {
  tree::TreeShape shape;
  shape.ordered = ordered;
  shape.leaf_bytes = shape.inner_bytes = 256;
  shape.root_leaf_bytes = shape.root_inner_bytes = 256;
  shape.chunk_log2 = 7;
  shape.key_bytes_max = 32;
  return shape;
}

}  // namespace cairn::testing
