#include "lsm/prepared_values.h"

#include <algorithm>
#include <cstring>

#include "lsm/value.h"

namespace cairn::lsm {

std::shared_ptr<LargeBuffer> CopyValue(const WriteOp& op) {
  const size_t head_bytes = HeadBytes(op.expire_at_ms);
  auto memory = LargeBuffer::New(head_bytes + op.value.size());
  op.value.copy(memory->data() + head_bytes, op.value.size());
  return memory;
}

PreparedValues::PreparedValues(std::span<const WriteOp> ops) {
  for (size_t i = 0; i < ops.size(); ++i) {
    const WriteOp& op = ops[i];
    if (op.kind != WriteKind::kPut || !op.steady || op.value.size() < kPreparedValueBytes) continue;
    const size_t head_bytes = HeadBytes(op.expire_at_ms);
    values_.push_back({i, op.value, head_bytes, LargeBuffer::New(head_bytes + op.value.size())});
  }
}

bool PreparedValues::Step(uint64_t bytes) {
  while (next_ < values_.size() && bytes != 0) {
    const Value& value = values_[next_];
    const size_t piece = std::min<uint64_t>(bytes, value.from.size() - done_);
    std::memcpy(value.memory->data() + value.head_bytes + done_, value.from.data() + done_, piece);
    done_ += piece;
    bytes -= piece;
    if (done_ < value.from.size()) continue;
    ++next_;
    done_ = 0;
  }
  return next_ == values_.size();
}

std::shared_ptr<LargeBuffer> PreparedValues::CopyOf(size_t index, const WriteOp& op) const {
  if (next_ != values_.size()) return nullptr;
  const auto value =
      std::lower_bound(values_.begin(), values_.end(), index,
                       [](const Value& each, size_t wanted) { return each.index < wanted; });
  if (value == values_.end() || value->index != index || op.kind != WriteKind::kPut) return nullptr;
  if (value->from.data() != op.value.data() || value->from.size() != op.value.size() ||
      value->head_bytes != HeadBytes(op.expire_at_ms))
    return nullptr;
  return value->memory;
}

}  // namespace cairn::lsm
