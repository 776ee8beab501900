// Node: goes through one of Redis's packed encodings from front to back, and believes nothing: each
// length is held against the bytes that are there before it is used, each back-length against what
// was passed, counts and offsets of the head against what was found. No memory, no copies.
//
//   listpack  bytes 4 | items 2 (65535: more, or not known) | item.. | ff
//             item: encoding, data | length of both, for the way back, 7 bits a byte
//   ziplist   bytes 4 | offset of the last item 4 | items 2 (as above) | item.. | ff
//             item: length of the item before (1 byte, or fe and 4) | encoding, data
//   intset    bytes of an integer 4 (2, 4, 8) | integers 4 | integer.., strictly ascending
//   zipmap    pairs 1 (254: more) | (length, field, length, bytes left free 1, value, free).. | ff
//             length: 1 byte, or fe and 4. Items are fields and values in turn.
//
// All are little-endian but for lengths of strings inside encodings of a ziplist.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cairn::rdb {

class Node {
 public:
  enum class Form : uint8_t { kListpack, kZiplist, kIntset, kZipmap };
  enum class Found : uint8_t { kItem, kEnd, kFault };

  struct Item {
    bool is_integer = false;
    int64_t integer = 0;
    std::string_view text;  // if it is none
    size_t at = 0;          // offset in the node
  };

  static constexpr uint64_t kCountUnknown = UINT64_MAX;

  // The bytes stay while the node, or a copy of it, is used. False: fault.
  bool Open(Form form, std::string_view bytes);
  // After an end or a fault the same again.
  Found Next(Item* item);

  // Items, as the head has it.
  uint64_t count() const { return count_; }
  // What is wrong, and at which byte of the node.
  const char* fault() const { return fault_; }
  size_t fault_at() const { return fault_at_; }

 private:
  bool OpenListpack();
  bool OpenZiplist();
  bool OpenIntset();
  bool OpenZipmap();
  Found NextListpack(Item* item);
  Found NextZiplist(Item* item);
  Found NextIntset(Item* item);
  Found NextZipmap(Item* item);
  Found End();

  bool Fault(const char* what, size_t at);
  Found Wrong(const char* what, size_t at) {
    Fault(what, at);
    return Found::kFault;
  }
  uint8_t Byte(size_t at) const { return static_cast<uint8_t>(bytes_[at]); }
  int64_t Signed(size_t at, size_t bytes) const;
  uint64_t Unsigned(size_t at, size_t bytes) const;
  // A zipmap's; false: fault.
  bool TakeZipmapLength(uint64_t* out);

  Form form_ = Form::kListpack;
  std::string_view bytes_;
  size_t at_ = 0;
  size_t end_ = 0;  // of the items; there is where the end mark stands, if the form has one
  uint64_t count_ = 0;
  uint64_t seen_ = 0;
  size_t last_ = 0;      // ziplist: where the item before begins
  size_t tail_ = 0;      // ziplist: as the head has it
  size_t width_ = 0;     // intset: bytes of an integer
  int64_t smaller_ = 0;  // intset: the integer before
  const char* fault_ = nullptr;
  size_t fault_at_ = 0;
};

}  // namespace cairn::rdb
