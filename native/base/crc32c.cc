#include "base/crc32c.h"

#include <array>
#include <atomic>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cairn {
namespace {

// Castagnoli polynomial, bits reflected: bit i of a 32-bit remainder stands for x^(31 - i).
inline constexpr uint32_t kPolynomial = 0x82f63b78;

constexpr uint32_t TimesX(uint32_t r) { return (r >> 1) ^ ((r & 1) != 0 ? kPolynomial : 0); }

uint64_t Load64(const uint8_t* p) {
  uint64_t word;
  std::memcpy(&word, p, sizeof(word));
  return word;
}

// --- Portable: slicing-by-8. kTables[k][b] is the remainder of byte b followed by k zero bytes.

constexpr std::array<std::array<uint32_t, 256>, 8> MakeTables() {
  std::array<std::array<uint32_t, 256>, 8> tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = TimesX(crc);
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < 8; ++k) {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      const uint32_t crc = tables[k - 1][byte];
      tables[k][byte] = (crc >> 8) ^ tables[0][crc & 0xff];
    }
  }
  return tables;
}

constexpr auto kTables = MakeTables();

uint32_t ExtendPortable(uint32_t crc, const uint8_t* p, size_t left) {
  crc = ~crc;
  for (; left >= 8; left -= 8, p += 8) {
    const uint32_t low = crc ^ (p[0] | p[1] << 8 | p[2] << 16 | static_cast<uint32_t>(p[3]) << 24);
    crc = kTables[7][low & 0xff] ^ kTables[6][(low >> 8) & 0xff] ^ kTables[5][(low >> 16) & 0xff] ^
          kTables[4][low >> 24] ^ kTables[3][p[4]] ^ kTables[2][p[5]] ^ kTables[1][p[6]] ^
          kTables[0][p[7]];
  }
  for (; left > 0; --left, ++p) crc = (crc >> 8) ^ kTables[0][(crc ^ *p) & 0xff];
  return ~crc;
}

#if defined(__x86_64__)

// --- SSE4.2. The crc32 instruction takes 8 bytes per cycle but has a latency of three, so longer
// inputs run as three neighbouring lanes of n words each, joined with two carry-less
// multiplications:
//
//   | lane a: n words | lane b: n words | lane c: n words |  crc = a x^(128 n) + b x^(64 n) + c
//
// The product of two reflected remainders is one bit short of 64, that is a factor x, and crc32 of
// a word multiplies by x^32: so the constant that shifts a remainder by n words is x^(64 n - 33)
// mod P.

inline constexpr size_t kLaneWordsMax = 128;
inline constexpr size_t kInterleaveMin = 72;  // below, joining the lanes costs more than it saves

constexpr std::array<uint32_t, 2 * kLaneWordsMax + 1> MakeShifts() {
  std::array<uint32_t, 2 * kLaneWordsMax + 1> shifts{};
  uint32_t power = 0x80000000;  // x^0
  for (int i = 0; i < 64 - 33; ++i) power = TimesX(power);
  for (size_t words = 1; words < shifts.size(); ++words) {
    shifts[words] = power;
    for (int i = 0; i < 64; ++i) power = TimesX(power);
  }
  return shifts;
}

constexpr auto kShifts = MakeShifts();

__attribute__((target("sse4.2"))) uint64_t ExtendSerial(uint64_t crc, const uint8_t* p,
                                                        size_t left) {
  for (; left >= 8; left -= 8, p += 8) crc = _mm_crc32_u64(crc, Load64(p));
  if ((left & 4) != 0) {
    uint32_t word;
    std::memcpy(&word, p, sizeof(word));
    crc = _mm_crc32_u32(static_cast<uint32_t>(crc), word);
    p += 4;
  }
  if ((left & 2) != 0) {
    uint16_t word;
    std::memcpy(&word, p, sizeof(word));
    crc = _mm_crc32_u16(static_cast<uint32_t>(crc), word);
    p += 2;
  }
  if ((left & 1) != 0) crc = _mm_crc32_u8(static_cast<uint32_t>(crc), *p);
  return crc;
}

uint32_t ExtendSse42(uint32_t crc, const uint8_t* p, size_t left) {
  return ~static_cast<uint32_t>(ExtendSerial(static_cast<uint32_t>(~crc), p, left));
}

__attribute__((target("sse4.2,pclmul"))) uint64_t Shift(uint64_t remainder, size_t words) {
  const __m128i product =
      _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<int64_t>(remainder)),
                           _mm_cvtsi32_si128(static_cast<int>(kShifts[words])), 0);
  return static_cast<uint64_t>(_mm_cvtsi128_si64(product));
}

__attribute__((target("sse4.2,pclmul"))) uint32_t ExtendInterleaved(uint32_t crc, const uint8_t* p,
                                                                    size_t left) {
  uint64_t a = static_cast<uint32_t>(~crc);
  while (left >= kInterleaveMin) {
    const size_t words = left / 24 < kLaneWordsMax ? left / 24 : kLaneWordsMax;
    const uint8_t* pb = p + words * 8;
    const uint8_t* pc = pb + words * 8;
    const uint8_t* const end = pb;
    uint64_t b = 0;
    uint64_t c = 0;
    for (; p != end; p += 8, pb += 8, pc += 8) {
      a = _mm_crc32_u64(a, Load64(p));
      b = _mm_crc32_u64(b, Load64(pb));
      c = _mm_crc32_u64(c, Load64(pc));
    }
    a = c ^ _mm_crc32_u64(0, Shift(a, 2 * words) ^ Shift(b, words));
    p = pc;
    left -= words * 24;
  }
  return ~static_cast<uint32_t>(ExtendSerial(a, p, left));
}

#endif  // __x86_64__

using ExtendFn = uint32_t (*)(uint32_t, const uint8_t*, size_t);

ExtendFn Choose() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("sse4.2")) {
    return __builtin_cpu_supports("pclmul") ? ExtendInterleaved : ExtendSse42;
  }
#endif
  return ExtendPortable;
}

uint32_t ExtendFirstTime(uint32_t crc, const uint8_t* p, size_t left);

// Constant-initialised, so that checksums work before and during static initialisation.
std::atomic<ExtendFn> g_extend{ExtendFirstTime};

uint32_t ExtendFirstTime(uint32_t crc, const uint8_t* p, size_t left) {
  const ExtendFn chosen = Choose();
  g_extend.store(chosen, std::memory_order_relaxed);
  return chosen(crc, p, left);
}

}  // namespace

uint32_t Crc32cExtend(uint32_t crc, const void* data, size_t bytes) {
  return g_extend.load(std::memory_order_relaxed)(crc, static_cast<const uint8_t*>(data), bytes);
}

namespace {

// The product of two remainders.
constexpr uint32_t Times(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (uint32_t bit = 0x80000000; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) product ^= b;
    b = TimesX(b);
  }
  return product;
}

// x^(8 * 2^k) for every k: what 2^k zero bytes do to a remainder.
constexpr std::array<uint32_t, 64> MakeZeroRuns() {
  std::array<uint32_t, 64> runs{};
  uint32_t power = 0x80000000;  // x^0
  for (int i = 0; i < 8; ++i) power = TimesX(power);
  for (uint32_t& run : runs) {
    run = power;
    power = Times(power, power);
  }
  return runs;
}

constexpr auto kZeroRuns = MakeZeroRuns();

}  // namespace

uint32_t Crc32cCombine(uint32_t crc_a, uint32_t crc_b, uint64_t bytes_b) {
  for (size_t k = 0; bytes_b != 0; ++k, bytes_b >>= 1) {
    if ((bytes_b & 1) != 0) crc_a = Times(crc_a, kZeroRuns[k]);
  }
  return crc_a ^ crc_b;
}

uint32_t Crc32cExtendWith(Crc32cKind kind, uint32_t crc, const void* data, size_t bytes) {
  const auto* p = static_cast<const uint8_t*>(data);
#if defined(__x86_64__)
  if (kind == Crc32cKind::kSse42) return ExtendSse42(crc, p, bytes);
  if (kind == Crc32cKind::kInterleaved) return ExtendInterleaved(crc, p, bytes);
#endif
  (void)kind;
  return ExtendPortable(crc, p, bytes);
}

bool Crc32cSupports(Crc32cKind kind) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (kind == Crc32cKind::kSse42) return __builtin_cpu_supports("sse4.2") != 0;
  if (kind == Crc32cKind::kInterleaved) {
    return __builtin_cpu_supports("sse4.2") != 0 && __builtin_cpu_supports("pclmul") != 0;
  }
#endif
  return kind == Crc32cKind::kPortable;
}

}  // namespace cairn
