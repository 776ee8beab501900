// Values as the lsm engine stores them: a head of 12 bytes, an expiry if there is one, the body.
// Merge operands look the same. Pure.
//
//   0        1      2       3       4           12             [20]
//   +--------+------+-------+-------+-----------+--------------+---------
//   | format | kind | flags | aux   | version   | [expires at] | body
//   | u8     | u8   | u8    | u8    | u64       | [u64]        |
//   +--------+------+-------+-------+-----------+--------------+---------
//
// Integers are little-endian.
//
//   format      of the value, kValueFormat; the compaction filter rewrites older ones
//   kind        what the body is, see Kind
//   flags       bit 0: there is an expiry. The others are 0
//   aux         a client's value: its encoding, as far as it has to be remembered; a page or what
//               changes one: the kind of page; else 0
//   version     of the write, see below
//   expires at  ms since 1970; only values of clients' keys have one
//
// Versions. Each write gets a number greater than all before it, in the order in which writes are
// applied and over restarts, whether or not they were durable. A read that had to wait is matched
// by it: the same version, the same value. The value that merge operands make has the version of
// the newest of them.
//
// Only whole values carry an expiry, and they are only ever replaced as a whole: nothing is merged
// onto a value with an expiry. So a value that has expired can be dropped by who sees that one
// value alone (compaction_filter.h).
//
// An entry of the expiry index, and nothing else, has an empty value: no head.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lsm/fault.h"
#include "lsm/key.h"

namespace cairn::lsm {

inline constexpr uint8_t kValueFormat = 1;
inline constexpr size_t kHeadBytes = 12;
inline constexpr size_t kHeadBytesMax = kHeadBytes + 8;

// Numbers on disk: they never change their meaning.
enum class Kind : uint8_t {
  // 0 to 15: values of clients' keys, numbered as the engine contract numbers types.
  kString = 0,
  kPage = 16,      // an image of a page, see merge_page.h
  kCounters = 17,  // merge_counters.h
  kPostings = 18,  // merge_postings.h
  kMetadata = 19,  // a text
  kDamaged = 20,   // what could not be merged, see merge_operator.h
  // Merge operands: 64 + what they change.
  kPageDelta = 80,
  kCountersDelta = 81,
  kPostingsDelta = 82,
};
inline constexpr uint8_t kClientKindMax = 15;
inline constexpr uint8_t kOperandBit = 64;

inline bool IsClientKind(Kind kind) { return static_cast<uint8_t>(kind) <= kClientKindMax; }
// Whether a whole value, undamaged, of the index of pages, or else of that of keys.
inline bool IsWhole(Kind kind, bool page) {
  return page ? kind == Kind::kPage : IsClientKind(kind);
}
inline bool IsOperand(Kind kind) { return (static_cast<uint8_t>(kind) & kOperandBit) != 0; }
// What an operand changes.
inline Kind TargetOf(Kind operand) {
  return static_cast<Kind>(static_cast<uint8_t>(operand) & ~kOperandBit);
}

struct ValueHead {
  Kind kind = Kind::kString;
  uint8_t aux = 0;
  uint64_t version = 0;
  uint64_t expire_at_ms = 0;  // 0: never
};

// What the engine contract calls the type of a value: of a page, its kind.
inline uint8_t TypeOf(const ValueHead& head) {
  return head.kind == Kind::kPage ? head.aux : static_cast<uint8_t>(head.kind);
}

struct ParsedValue {
  ValueHead head;
  std::string_view body;  // of the bytes that were parsed
};

// Appends the head; the body goes behind it. The head has to be one that ParseValue accepts.
void AppendHead(const ValueHead& head, std::string* to);
inline size_t HeadBytes(uint64_t expire_at_ms) {
  return expire_at_ms != 0 ? kHeadBytesMax : kHeadBytes;
}
// The same into memory of the caller; returns how many bytes it took.
size_t EncodeHead(const ValueHead& head, char to[kHeadBytesMax]);
// *value becomes the stored value; its memory is used again.
void EncodeValue(const ValueHead& head, std::string_view body, std::string* value);

// Checks head and flags, not what the body holds. *value is set as far as there is no fault.
FormatFault ParseValue(std::string_view stored, ParsedValue* value);

// A value's format, also of one that this server does not know; -1: it is empty.
inline int FormatOf(std::string_view stored) {
  return stored.empty() ? -1 : static_cast<uint8_t>(stored[0]);
}

// Whether a value, or a merge operand, of this kind may lie under this key; both without fault.
FormatFault CheckPlace(const ParsedKey& key, Kind kind);

// All of the above for an entry as it is stored, key without fault. Not the body. *value is set as
// by ParseValue; where the value is empty by right, to nothing.
FormatFault CheckValue(const ParsedKey& key, std::string_view stored, bool operand,
                       ParsedValue* value);

}  // namespace cairn::lsm
