// Large values of a unit that is about to be applied, copied ahead to where they will stay: behind
// the room for their heads. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/large_buffer.h"
#include "engine/write.h"

namespace cairn::lsm {

// Memory for a stored value of `op`, all but its head copied.
std::shared_ptr<LargeBuffer> CopyValue(const WriteOp& op);

class PreparedValues final : public PreparedUnit {
 public:
  explicit PreparedValues(std::span<const WriteOp> ops);
  // Whether there is any value that it copies.
  bool useful() const { return !values_.empty(); }
  bool Step(uint64_t bytes) override;
  // The copy of op number `index` of the unit. Null: it has none, or that is another value by now.
  std::shared_ptr<LargeBuffer> CopyOf(size_t index, const WriteOp& op) const;

 private:
  struct Value {
    size_t index;
    std::string_view from;
    size_t head_bytes;
    std::shared_ptr<LargeBuffer> memory;
  };
  std::vector<Value> values_;  // by index
  size_t next_ = 0;            // that is being copied
  size_t done_ = 0;            // bytes of it
};

}  // namespace cairn::lsm
