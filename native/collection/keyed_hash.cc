#include "collection/keyed_hash.h"

#include <bit>
#include <cstring>

#include "base/coding.h"

namespace cairn {
namespace {

struct Sip {
  uint64_t a, b, c, d;
  void Round() {
    a += b;
    c += d;
    b = std::rotl(b, 13) ^ a;
    d = std::rotl(d, 16) ^ c;
    a = std::rotl(a, 32);
    c += b;
    a += d;
    b = std::rotl(b, 17) ^ c;
    d = std::rotl(d, 21) ^ a;
    c = std::rotl(c, 32);
  }
  void Add(uint64_t word) {
    d ^= word;
    Round();
    a ^= word;
  }
};

}  // namespace

// The key of 128 bits is the seed and a number of ours.
uint64_t KeyedHash(uint64_t seed, std::string_view bytes) {
  constexpr uint64_t kSecond = 0x6361697273706565ull;
  Sip sip{seed ^ 0x736f6d6570736575ull, kSecond ^ 0x646f72616e646f6dull,
          seed ^ 0x6c7967656e657261ull, kSecond ^ 0x7465646279746573ull};
  const char* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) sip.Add(Little64(at));
  uint64_t last = uint64_t{bytes.size()} << 56;
  for (size_t i = 0; i < left; ++i) last |= uint64_t{static_cast<uint8_t>(at[i])} << (8 * i);
  sip.Add(last);
  sip.c ^= 0xff;
  for (int i = 0; i < 3; ++i) sip.Round();
  return (sip.a ^ sip.b ^ sip.c ^ sip.d) >> (64 - kKeyedHashBits);
}

std::string SeedState(uint64_t seed) {
  std::string state;
  AppendLittle64(&state, seed);
  return state;
}

}  // namespace cairn
