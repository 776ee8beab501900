#include "rdb/listpack.h"

#include "base/check.h"
#include "base/number.h"
#include "rdb/coding.h"
#include "rdb/node.h"

namespace cairn::rdb {
namespace {

inline constexpr size_t kItemBytesMin = 2;
inline constexpr uint32_t kCountUnknown16 = 65535;

inline constexpr uint8_t kString6 = 0x80;    // 10llllll
inline constexpr uint8_t kInteger13 = 0xc0;  // 110iiiii iiiiiiii, signed
inline constexpr uint8_t kString12 = 0xe0;   // 1110llll llllllll
inline constexpr uint8_t kString32 = 0xf0;   // and 4 bytes
inline constexpr uint8_t kInteger16 = 0xf1;
inline constexpr uint8_t kInteger24 = 0xf2;
inline constexpr uint8_t kInteger32 = 0xf3;
inline constexpr uint8_t kInteger64 = 0xf4;
inline constexpr uint8_t kEncodingMax = kInteger64;

// Bytes of an integer behind its encoding.
constexpr size_t kIntegerBytes[] = {2, 3, 4, 8};

// Of the encoding, with what of a length or an integer stands in it.
size_t HeadBytes(uint8_t first) {
  if (first < kInteger13) return 1;
  if (first < kString32) return 2;
  return first == kString32 ? 5 : 1 + kIntegerBytes[first - kInteger16];
}

void PutSigned(std::string* out, int64_t integer, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) {
    out->push_back(static_cast<char>(static_cast<uint64_t>(integer) >> (8 * i)));
  }
}

bool FitsSigned(int64_t integer, unsigned bits) {
  const int64_t half = int64_t{1} << (bits - 1);
  return integer >= -half && integer < half;
}

}  // namespace

// Where seven bits a byte would do with two, three or four bytes for the largest length, Redis
// takes one more.
size_t BackLengthBytes(uint64_t bytes) {
  if (bytes < 128) return 1;
  if (bytes < 16383) return 2;
  if (bytes < 2097151) return 3;
  return bytes < 268435455 ? 4 : 5;
}

uint8_t BackLengthByte(uint64_t bytes, size_t size, size_t index) {
  const auto bits = static_cast<uint8_t>(bytes >> (7 * (size - 1 - index)) & 0x7f);
  return index == 0 ? bits : bits | 0x80;
}

bool Node::OpenListpack() {
  if (bytes_.size() < kListpackHeadBytes + kListpackEndBytes) return Fault("listpack too short", 0);
  if (Unsigned(0, 4) != bytes_.size()) return Fault("listpack of another length", 0);
  if (Byte(bytes_.size() - 1) != 0xff) return Fault("no end mark", bytes_.size() - 1);
  at_ = kListpackHeadBytes;
  end_ = bytes_.size() - kListpackEndBytes;
  const uint64_t claimed = Unsigned(4, 2);
  count_ = claimed == kCountUnknown16 ? kCountUnknown : claimed;
  if (count_ != kCountUnknown && count_ * kItemBytesMin > end_ - at_) {
    return Fault("not as many items as the head claims", 4);
  }
  return true;
}

Node::Found Node::NextListpack(Item* item) {
  const size_t left = end_ - at_;
  const uint8_t first = Byte(at_);
  if (first > kEncodingMax) return Wrong("unknown encoding", at_);
  const size_t head = HeadBytes(first);
  if (head > left) return Wrong("item runs out of range", at_);
  uint64_t body = 0;
  if (first < kString6) {
    item->is_integer = true;
    item->integer = first;
  } else if (first < kInteger13) {
    body = first & 0x3f;
  } else if (first < kString12) {
    item->is_integer = true;
    item->integer = (first & 0x1f) << 8 | Byte(at_ + 1);
    if (item->integer >= 1 << 12) item->integer -= 1 << 13;
  } else if (first < kString32) {
    body = static_cast<uint64_t>((first & 0xf) << 8 | Byte(at_ + 1));
  } else if (first == kString32) {
    body = Unsigned(at_ + 1, 4);
  } else {
    item->is_integer = true;
    item->integer = Signed(at_ + 1, head - 1);
  }
  const uint64_t bytes = head + body;
  const size_t back = BackLengthBytes(bytes);
  if (bytes + back > left) return Wrong("item runs out of range", at_);
  for (size_t i = 0; i < back; ++i) {
    const size_t at = at_ + bytes + i;
    if (Byte(at) != BackLengthByte(bytes, back, i)) {
      return Wrong("back-length is not that of its item", at);
    }
  }
  if (!item->is_integer) item->text = bytes_.substr(at_ + head, body);
  at_ += bytes + back;
  return Found::kItem;
}

void Listpack::Clear() {
  bytes_.assign(kListpackHeadBytes, '\0');
  items_ = 0;
  ended_ = false;
}

void Listpack::OpenUp() {
  if (ended_) bytes_.pop_back();
  ended_ = false;
}

void Listpack::EndItem(size_t begin) {
  const uint64_t bytes = bytes_.size() - begin;
  const size_t back = BackLengthBytes(bytes);
  for (size_t i = 0; i < back; ++i) {
    bytes_.push_back(static_cast<char>(BackLengthByte(bytes, back, i)));
  }
  ++items_;
}

void Listpack::Append(std::string_view text) {
  int64_t integer;
  if (text.size() <= kInt64TextBytes && ParseInt64(text, &integer)) return AppendInteger(integer);
  CAIRN_CHECK(Fits(ItemBytesMax(text.size())));
  OpenUp();
  const size_t begin = bytes_.size();
  const size_t size = text.size();
  if (size < 64) {
    bytes_.push_back(static_cast<char>(kString6 | size));
  } else if (size < 4096) {
    bytes_.push_back(static_cast<char>(kString12 | size >> 8));
    bytes_.push_back(static_cast<char>(size));
  } else {
    bytes_.push_back(static_cast<char>(kString32));
    PutSigned(&bytes_, static_cast<int64_t>(size), 4);
  }
  bytes_.append(text);
  EndItem(begin);
}

void Listpack::AppendInteger(int64_t integer) {
  OpenUp();
  const size_t begin = bytes_.size();
  if (integer >= 0 && integer < 128) {
    bytes_.push_back(static_cast<char>(integer));
  } else if (FitsSigned(integer, 13)) {
    bytes_.push_back(static_cast<char>(kInteger13 | (integer >> 8 & 0x1f)));
    bytes_.push_back(static_cast<char>(integer));
  } else {
    const size_t form = FitsSigned(integer, 16)   ? 0
                        : FitsSigned(integer, 24) ? 1
                        : FitsSigned(integer, 32) ? 2
                                                  : 3;
    bytes_.push_back(static_cast<char>(kInteger16 + form));
    PutSigned(&bytes_, integer, kIntegerBytes[form]);
  }
  EndItem(begin);
}

void Listpack::AppendAll(const Listpack& other) {
  OpenUp();
  const size_t end = other.bytes_.size() - (other.ended_ ? kListpackEndBytes : 0);
  bytes_.append(other.bytes_, kListpackHeadBytes, end - kListpackHeadBytes);
  items_ += other.items_;
}

std::string_view Listpack::Finish() {
  if (!ended_) bytes_.push_back('\xff');
  ended_ = true;
  const uint64_t counted = items_ <= kListpackCountMax ? items_ : kCountUnknown16;
  PutLittle(static_cast<uint32_t>(bytes_.size()), bytes_.data());
  PutLittle(static_cast<uint16_t>(counted), bytes_.data() + 4);
  return bytes_;
}

}  // namespace cairn::rdb
