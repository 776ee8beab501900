// Ziplists, as Redis wrote them before version 7.
#include "rdb/node.h"

namespace cairn::rdb {
namespace {

inline constexpr size_t kHeadBytes = 10;
inline constexpr size_t kItemBytesMin = 2;
inline constexpr uint64_t kCountUnknown16 = 65535;
inline constexpr uint8_t kLong = 0xfe;  // 4 bytes of the length before follow

// The two highest bits of an encoding.
inline constexpr uint8_t kString6 = 0;   // 00llllll
inline constexpr uint8_t kString14 = 1;  // 01llllll llllllll, big-endian
inline constexpr uint8_t kString32 = 2;  // 10...... and 4 bytes, big-endian

// Bytes of an integer behind its encoding; 0: none such, or it stands in the encoding itself.
size_t IntegerBytes(uint8_t encoding) {
  switch (encoding) {
    case 0xc0:
      return 2;
    case 0xd0:
      return 4;
    case 0xe0:
      return 8;
    case 0xf0:
      return 3;
    case 0xfe:
      return 1;
    default:
      return 0;
  }
}

bool IsImmediate(uint8_t encoding) { return encoding >= 0xf1 && encoding <= 0xfd; }

}  // namespace

bool Node::OpenZiplist() {
  if (bytes_.size() < kHeadBytes + 1) return Fault("ziplist too short", 0);
  if (Unsigned(0, 4) != bytes_.size()) return Fault("ziplist of another length", 0);
  if (Byte(bytes_.size() - 1) != 0xff) return Fault("no end mark", bytes_.size() - 1);
  at_ = kHeadBytes;
  last_ = kHeadBytes;
  end_ = bytes_.size() - 1;
  tail_ = Unsigned(4, 4);
  if (tail_ > end_) return Fault("offset of the last item runs out of range", 4);
  const uint64_t claimed = Unsigned(8, 2);
  count_ = claimed == kCountUnknown16 ? kCountUnknown : claimed;
  if (count_ != kCountUnknown && count_ * kItemBytesMin > end_ - at_) {
    return Fault("not as many items as the head claims", 8);
  }
  return true;
}

Node::Found Node::NextZiplist(Item* item) {
  const size_t back = Byte(at_) == kLong ? 5 : 1;
  size_t left = end_ - at_;
  if (back >= left) return Wrong("item runs out of range", at_);
  const uint64_t before = back == 1 ? Byte(at_) : Unsigned(at_ + 1, 4);
  if (before != at_ - last_) return Wrong("length of the item before is not that", at_);
  const size_t begin = at_ + back;
  left -= back;
  const uint8_t encoding = Byte(begin);
  size_t head = 1;
  uint64_t body = 0;
  switch (encoding >> 6) {
    case kString6:
      body = encoding;
      break;
    case kString14:
      head = 2;
      if (head > left) return Wrong("item runs out of range", at_);
      body = static_cast<uint64_t>((encoding & 0x3f) << 8 | Byte(begin + 1));
      break;
    case kString32:
      head = 5;
      if (head > left) return Wrong("item runs out of range", at_);
      body = __builtin_bswap32(static_cast<uint32_t>(Unsigned(begin + 1, 4)));
      break;
    default:
      item->is_integer = true;
      body = IntegerBytes(encoding);
      if (body == 0 && !IsImmediate(encoding)) return Wrong("unknown encoding", begin);
      break;
  }
  if (head + body > left) return Wrong("item runs out of range", at_);
  if (!item->is_integer) {
    item->text = bytes_.substr(begin + head, body);
  } else {
    item->integer = body == 0 ? (encoding & 0xf) - 1 : Signed(begin + head, body);
  }
  last_ = at_;
  at_ = begin + head + body;
  return Found::kItem;
}

}  // namespace cairn::rdb
