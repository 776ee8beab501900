#include "vlog/log/unit_image.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace cairn::vlog {

void UnitImage::Add(const WriteOp& op, size_t part) {
  const RecordType type = TypeFor(op);
  const uint64_t value_bytes = op.kind == WriteKind::kPut ? op.value.size() : 0;
  const uint64_t begin = ends_[part];
  const uint64_t value_at =
      begin + sizeof(RecordHeader) + (HasExpiry(type) ? 8 : 0) + op.key.size();
  ends_[part] += RecordBytes(type, op.key.size(), value_bytes);
  Record record = {};
  record.kind = op.kind;
  record.has_expiry = HasExpiry(type);
  record.filled = op.steady && value_bytes >= kPreparedValueBytes;
  record.shard = op.shard;
  record.key_bytes = op.key.size();
  record.value = op.value;
  record.to = parts_[part].memory->data() + value_at;
  record.tail = ends_[part] - value_at;
  records_.push_back(record);
  fills_ = fills_ || record.filled;
}

bool UnitImage::Step(uint64_t bytes) {
  while (next_ < records_.size() && bytes != 0) {
    Record& record = records_[next_];
    const uint64_t piece =
        record.filled ? std::min<uint64_t>(bytes, record.value.size() - done_) : 0;
    if (piece != 0) {
      std::memcpy(record.to + done_, record.value.data() + done_, piece);
      record.crc = Crc32cExtend(record.crc, record.to + done_, piece);
      done_ += piece;
      bytes -= piece;
    }
    if (record.filled && done_ < record.value.size()) continue;
    bytes -= std::min<uint64_t>(bytes, sizeof(RecordHeader));  // many small ones take time, too
    // The padding, zeros that are there already.
    if (record.filled)
      record.crc = Crc32cExtend(record.crc, record.to + done_, record.tail - done_);
    ++next_;
    done_ = 0;
  }
  return next_ == records_.size();
}

bool UnitImage::Fits(std::span<const WriteOp> ops) const {
  if (ops.size() != records_.size() || next_ != records_.size()) return false;
  for (size_t i = 0; i < ops.size(); ++i) {
    const WriteOp& op = ops[i];
    const Record& record = records_[i];
    if (op.kind != record.kind || HasExpiry(TypeFor(op)) != record.has_expiry ||
        op.shard != record.shard || op.key.size() != record.key_bytes ||
        op.value.size() != record.value.size()) {
      return false;
    }
    if (record.filled && op.value.data() != record.value.data()) return false;
  }
  return true;
}

uint32_t UnitImage::Seal(size_t index, char* out, uint32_t seed, const RecordHeader& header,
                         const WriteOp& op, bool* done) const {
  const Record& record = records_[index];
  *done = record.filled;
  if (!record.filled) return 0;
  const char* const value = ValueOf(header, out).data();
  CAIRN_CHECK(value == record.to);
  std::memcpy(out, &header, sizeof(header));
  if (record.has_expiry) std::memcpy(out + sizeof(header), &op.expire_at_ms, 8);
  std::memcpy(out + (value - out) - op.key.size(), op.key.data(), op.key.size());
  const uint32_t head = RecordCrc(out, static_cast<uint64_t>(value - out), seed);
  const uint32_t crc = Crc32cCombine(head, record.crc, record.tail);
  std::memcpy(out, &crc, sizeof(crc));
  return crc;
}

}  // namespace cairn::vlog
