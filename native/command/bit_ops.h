// Bits of a byte string, counted as Redis does: bit 0 is the most significant bit of byte 0. Pure
// functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cairn {

// Set bits in bits [first, last], which lie inside `bytes`.
uint64_t CountBits(std::string_view bytes, uint64_t first, uint64_t last);
// Position of the first bit with this value in bits [first, last], which lie inside `bytes`; -1:
// none.
int64_t FindBit(std::string_view bytes, bool value, uint64_t first, uint64_t last);

// An unsigned field of 1 to 64 bits starting at bit `offset`; bits beyond the end read as 0.
uint64_t ReadField(std::string_view bytes, uint64_t offset, uint32_t bits);
// The field must lie inside the buffer.
void WriteField(char* bytes, uint64_t offset, uint32_t bits, uint64_t value);

enum class Overflow : uint8_t { kWrap, kSaturate, kFail };

// A field's type: i1..i64, u1..u63.
struct FieldType {
  bool is_signed = false;
  uint32_t bits = 0;
};
bool ParseFieldType(std::string_view text, FieldType* type);
// The stored bits as a number.
int64_t FieldToInteger(FieldType type, uint64_t raw);
// base + step, brought into the type's range. False: out of range and the policy is kFail.
bool AddToField(FieldType type, int64_t base, int64_t step, Overflow policy, int64_t* out);

}  // namespace cairn
