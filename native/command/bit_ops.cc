#include "command/bit_ops.h"

#include <cstring>

#include "base/check.h"
#include "base/number.h"

namespace cairn {
namespace {

uint64_t LoadWord(const uint8_t* p) {
  uint64_t word;
  std::memcpy(&word, p, sizeof(word));
  return word;
}

uint64_t CountBytesPlain(const uint8_t* p, size_t bytes) {
  uint64_t count = 0;
  for (; bytes >= 8; bytes -= 8, p += 8) {
    count += static_cast<uint64_t>(__builtin_popcountll(LoadWord(p)));
  }
  for (; bytes > 0; --bytes, ++p) count += static_cast<uint64_t>(__builtin_popcount(*p));
  return count;
}

#if defined(__x86_64__)
// The same with the processor's instruction, four counters so that they do not wait for each other.
__attribute__((target("popcnt"))) uint64_t CountBytesPopcnt(const uint8_t* p, size_t bytes) {
  uint64_t count[4] = {};
  for (; bytes >= 32; bytes -= 32, p += 32) {
    for (size_t k = 0; k < 4; ++k) {
      count[k] += static_cast<uint64_t>(__builtin_popcountll(LoadWord(p + 8 * k)));
    }
  }
  for (; bytes > 0; --bytes, ++p) count[0] += static_cast<uint64_t>(__builtin_popcount(*p));
  return count[0] + count[1] + count[2] + count[3];
}
#endif

uint64_t CountBytes(const uint8_t* p, size_t bytes) {
#if defined(__x86_64__)
  static const bool has_popcnt = __builtin_cpu_supports("popcnt") != 0;
  if (has_popcnt) return CountBytesPopcnt(p, bytes);
#endif
  return CountBytesPlain(p, bytes);
}

// Byte masks: bits from `bit` on, and bits up to `bit`.
uint8_t MaskFrom(uint64_t bit) { return static_cast<uint8_t>(0xff >> (bit % 8)); }
uint8_t MaskUpTo(uint64_t bit) { return static_cast<uint8_t>(0xff << (7 - bit % 8)); }

// Index of the highest set bit of a byte that is not zero, counted from its most significant bit.
int64_t LeadingBit(uint8_t byte) { return __builtin_clz(byte) - 24; }

}  // namespace

uint64_t CountBits(std::string_view bytes, uint64_t first, uint64_t last) {
  CAIRN_CHECK(first <= last && last / 8 < bytes.size());
  const auto* p = reinterpret_cast<const uint8_t*>(bytes.data());
  uint64_t first_byte = first / 8;
  uint64_t last_byte = last / 8;
  uint64_t count = CountBytes(p + first_byte, last_byte - first_byte + 1);
  count -= static_cast<uint64_t>(
      __builtin_popcount(static_cast<uint8_t>(p[first_byte] & ~MaskFrom(first))));
  count -= static_cast<uint64_t>(
      __builtin_popcount(static_cast<uint8_t>(p[last_byte] & ~MaskUpTo(last))));
  return count;
}

int64_t FindBit(std::string_view bytes, bool value, uint64_t first, uint64_t last) {
  CAIRN_CHECK(first <= last && last / 8 < bytes.size());
  const auto* p = reinterpret_cast<const uint8_t*>(bytes.data());
  const uint8_t flip = value ? 0 : 0xff;  // looked for as set bits
  const uint64_t dull = value ? 0 : ~uint64_t{0};
  uint64_t last_byte = last / 8;
  uint8_t mask = MaskFrom(first);
  for (uint64_t at = first / 8; at <= last_byte; ++at) {
    while (mask == 0xff && at + 8 <= last_byte && LoadWord(p + at) == dull) at += 8;
    if (at == last_byte) mask &= MaskUpTo(last);
    auto candidates = static_cast<uint8_t>((p[at] ^ flip) & mask);
    if (candidates != 0) return static_cast<int64_t>(at * 8) + LeadingBit(candidates);
    mask = 0xff;
  }
  return -1;
}

uint64_t ReadField(std::string_view bytes, uint64_t offset, uint32_t bits) {
  CAIRN_CHECK(bits >= 1 && bits <= 64);
  uint64_t at = offset / 8;
  auto skip = static_cast<uint32_t>(offset % 8);
  unsigned __int128 window = 0;  // the nine bytes that can hold the field
  for (uint64_t k = 0; k < 9; ++k) {
    uint8_t byte = at + k < bytes.size() ? static_cast<uint8_t>(bytes[at + k]) : 0;
    window = window << 8 | byte;
  }
  auto field = static_cast<uint64_t>(window >> (72 - skip - bits));
  return bits == 64 ? field : field & ((uint64_t{1} << bits) - 1);
}

void WriteField(char* bytes, uint64_t offset, uint32_t bits, uint64_t value) {
  CAIRN_CHECK(bits >= 1 && bits <= 64);
  for (uint32_t done = 0; done < bits;) {  // byte by byte
    uint64_t bit = offset + done;
    auto room = static_cast<uint32_t>(8 - bit % 8);
    uint32_t take = room < bits - done ? room : bits - done;
    uint32_t shift = room - take;
    auto mask = static_cast<uint8_t>(((1u << take) - 1) << shift);
    auto part = static_cast<uint8_t>(value >> (bits - done - take) << shift);
    auto old = static_cast<uint8_t>(bytes[bit / 8]);
    bytes[bit / 8] = static_cast<char>((old & ~mask) | (part & mask));
    done += take;
  }
}

bool ParseFieldType(std::string_view text, FieldType* type) {
  int64_t bits;
  if (text.empty() || (text[0] != 'i' && text[0] != 'u')) return false;
  if (!ParseInt64(text.substr(1), &bits)) return false;
  type->is_signed = text[0] == 'i';
  type->bits = static_cast<uint32_t>(bits);
  return bits >= 1 && bits <= (type->is_signed ? 64 : 63);
}

int64_t FieldToInteger(FieldType type, uint64_t raw) {
  if (!type.is_signed || type.bits == 64) return static_cast<int64_t>(raw);
  uint64_t sign = uint64_t{1} << (type.bits - 1);
  return static_cast<int64_t>((raw ^ sign) - sign);
}

bool AddToField(FieldType type, int64_t base, int64_t step, Overflow policy, int64_t* out) {
  __int128 top = (static_cast<__int128>(1) << (type.is_signed ? type.bits - 1 : type.bits)) - 1;
  __int128 bottom = type.is_signed ? -top - 1 : 0;
  __int128 sum = static_cast<__int128>(base) + step;
  // What an unsigned field cannot hold is compared as unsigned: a negative value set is a huge one.
  bool above = sum > top;
  bool below = sum < bottom;
  if (!type.is_signed && step == 0 && base < 0) {
    above = true;
    below = false;
  }
  if (!above && !below) {
    *out = static_cast<int64_t>(sum);
    return true;
  }
  if (policy == Overflow::kFail) return false;
  if (policy == Overflow::kSaturate) {
    *out = static_cast<int64_t>(above ? top : bottom);
    return true;
  }
  auto raw = static_cast<uint64_t>(sum);
  if (type.bits < 64) raw &= (uint64_t{1} << type.bits) - 1;
  *out = FieldToInteger(type, raw);
  return true;
}

}  // namespace cairn
