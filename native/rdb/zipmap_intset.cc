// Zipmaps, as Redis wrote them before version 2.6; and intsets.
#include "rdb/node.h"

namespace cairn::rdb {
namespace {

inline constexpr uint8_t kLong = 0xfe;          // 4 bytes of the length follow
inline constexpr uint8_t kPairsUnknown = 0xfe;  // in the head
inline constexpr size_t kPairBytesMin = 3;

inline constexpr size_t kIntsetHeadBytes = 8;

}  // namespace

bool Node::OpenZipmap() {
  if (bytes_.size() < 2) return Fault("zipmap too short", 0);
  if (Byte(bytes_.size() - 1) != 0xff) return Fault("no end mark", bytes_.size() - 1);
  const uint8_t claimed = Byte(0);
  if (claimed > kPairsUnknown) return Fault("zipmap of too many pairs", 0);
  at_ = 1;
  end_ = bytes_.size() - 1;
  count_ = claimed == kPairsUnknown ? kCountUnknown : uint64_t{claimed} * 2;
  if (count_ != kCountUnknown && claimed * kPairBytesMin > end_ - at_) {
    return Fault("not as many items as the head claims", 0);
  }
  return true;
}

bool Node::TakeZipmapLength(uint64_t* out) {
  const size_t bytes = Byte(at_) == kLong ? 5 : 1;
  if (bytes > end_ - at_) return Fault("item runs out of range", at_);
  *out = bytes == 1 ? Byte(at_) : Unsigned(at_ + 1, 4);
  at_ += bytes;
  return true;
}

Node::Found Node::NextZipmap(Item* item) {
  const bool is_value = seen_ % 2 == 0;  // this one is counted
  uint64_t body;
  uint64_t free = 0;
  if (!TakeZipmapLength(&body)) return Found::kFault;
  if (is_value) {
    if (at_ == end_) return Wrong("item runs out of range", item->at);
    free = Byte(at_++);
  }
  if (body + free > end_ - at_) return Wrong("item runs out of range", item->at);
  item->text = bytes_.substr(at_, body);
  at_ += body + free;
  return Found::kItem;
}

bool Node::OpenIntset() {
  if (bytes_.size() < kIntsetHeadBytes) return Fault("intset too short", 0);
  width_ = Unsigned(0, 4);
  if (width_ != 2 && width_ != 4 && width_ != 8) return Fault("integers of an unknown length", 0);
  count_ = Unsigned(4, 4);
  if (count_ * width_ != bytes_.size() - kIntsetHeadBytes) {
    return Fault("intset of another length", 4);
  }
  at_ = kIntsetHeadBytes;
  end_ = bytes_.size();
  return true;
}

Node::Found Node::NextIntset(Item* item) {
  item->is_integer = true;
  item->integer = Signed(at_, width_);
  if (seen_ > 1 && item->integer <= smaller_) return Wrong("integers do not ascend", at_);
  smaller_ = item->integer;
  at_ += width_;
  return Found::kItem;
}

}  // namespace cairn::rdb
