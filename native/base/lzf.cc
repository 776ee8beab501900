#include "base/lzf.h"

#include <cstdint>
#include <cstring>

#include "base/check.h"

namespace cairn {
namespace {

inline constexpr size_t kLiteralRunMax = 32;
inline constexpr size_t kOffsetMax = 8192;
inline constexpr size_t kMatchMin = 3;
inline constexpr size_t kShortMatchMax = 8;
inline constexpr size_t kMatchMax = 264;
inline constexpr uint32_t kHashBits = 13;

// Three bytes at p as a table index.
uint32_t HashAt(const uint8_t* p) {
  uint32_t word = p[0] | static_cast<uint32_t>(p[1]) << 8 | static_cast<uint32_t>(p[2]) << 16;
  return (word * 0x9e3779b1u) >> (32 - kHashBits);
}

// Writes items to a bounded buffer; full() once something did not fit.
class ItemWriter {
 public:
  ItemWriter(char* out, size_t capacity) : out_(reinterpret_cast<uint8_t*>(out)), left_(capacity) {}

  bool full() const { return full_; }
  size_t size() const { return size_; }

  void Literals(const uint8_t* p, size_t bytes) {
    while (bytes > 0) {
      size_t run = bytes < kLiteralRunMax ? bytes : kLiteralRunMax;
      if (!Take(run + 1)) return;
      out_[size_++] = static_cast<uint8_t>(run - 1);
      std::memcpy(out_ + size_, p, run);
      size_ += run;
      p += run;
      bytes -= run;
    }
  }

  void Copy(size_t distance, size_t bytes) {
    size_t offset = distance - 1;
    bool is_short = bytes <= kShortMatchMax;
    if (!Take(is_short ? 2 : 3)) return;
    size_t code = is_short ? bytes - 2 : 7;
    out_[size_++] = static_cast<uint8_t>(code << 5 | offset >> 8);
    if (!is_short) out_[size_++] = static_cast<uint8_t>(bytes - 9);
    out_[size_++] = static_cast<uint8_t>(offset);
  }

 private:
  bool Take(size_t bytes) {
    if (bytes > left_) full_ = true;
    if (full_) return false;
    left_ -= bytes;
    return true;
  }

  uint8_t* out_;
  size_t left_;
  size_t size_ = 0;
  bool full_ = false;
};

size_t MatchLength(const uint8_t* a, const uint8_t* b, const uint8_t* end) {
  size_t limit = static_cast<size_t>(end - b);
  if (limit > kMatchMax) limit = kMatchMax;
  size_t n = 0;
  while (n < limit && a[n] == b[n]) ++n;
  return n;
}

}  // namespace

size_t LzfCompress(const char* in, size_t in_bytes, char* out, size_t capacity) {
  CAIRN_CHECK(in_bytes <= kLzfInputBytesMax);
  const auto* base = reinterpret_cast<const uint8_t*>(in);
  const uint8_t* end = base + in_bytes;
  const uint8_t* literals = base;  // not yet written from here
  const uint8_t* p = base;
  uint32_t last_seen[1u << kHashBits] =
      {};  // position + 1 of the latest three bytes with this hash
  ItemWriter writer(out, capacity);
  while (static_cast<size_t>(end - p) >= kMatchMin && !writer.full()) {
    uint32_t* slot = &last_seen[HashAt(p)];
    uint32_t seen = *slot;
    *slot = static_cast<uint32_t>(p - base) + 1;
    const uint8_t* match = base + seen - (seen != 0);
    size_t distance = static_cast<size_t>(p - match);
    if (seen == 0 || distance > kOffsetMax || std::memcmp(match, p, kMatchMin) != 0) {
      ++p;
      continue;
    }
    size_t bytes = MatchLength(match, p, end);
    writer.Literals(literals, static_cast<size_t>(p - literals));
    writer.Copy(distance, bytes);
    // The last positions inside a match are worth remembering, all of them cost too much.
    const uint8_t* next = p + bytes;
    for (p = next - 2; p < next; ++p) {
      if (static_cast<size_t>(end - p) >= kMatchMin) {
        last_seen[HashAt(p)] = static_cast<uint32_t>(p - base) + 1;
      }
    }
    literals = p;
  }
  writer.Literals(literals, static_cast<size_t>(end - literals));
  return writer.full() ? 0 : writer.size();
}

LzfDecoder::State LzfDecoder::Step(size_t bytes) {
  const auto* p = reinterpret_cast<const uint8_t*>(in_);
  const auto* end = reinterpret_cast<const uint8_t*>(end_);
  char* const out = out_;
  const size_t out_bytes = out_bytes_;
  size_t made = made_;
  if (bytes == 0) bytes = 1;
  const size_t goal = bytes < out_bytes - made ? made + bytes : out_bytes;
  while (p < end && made < goal) {
    size_t control = *p++;
    if (control < kLiteralRunMax) {
      size_t run = control + 1;
      if (run > static_cast<size_t>(end - p) || run > out_bytes - made) return State::kBad;
      std::memcpy(out + made, p, run);
      p += run;
      made += run;
      continue;
    }
    size_t copied = control >> 5;
    if (copied == 7) {
      if (p == end) return State::kBad;
      copied += *p++;
    }
    copied += 2;
    if (p == end) return State::kBad;
    size_t distance = ((control & 0x1f) << 8 | *p++) + 1;
    if (distance > made || copied > out_bytes - made) return State::kBad;
    char* to = out + made;
    const char* from = to - distance;
    if (distance >= copied) {
      std::memcpy(to, from, copied);
    } else {
      for (size_t i = 0; i < copied; ++i) to[i] = from[i];  // overlapping: the copy feeds itself
    }
    made += copied;
  }
  in_ = reinterpret_cast<const char*>(p);
  made_ = made;
  if (p == end) return made == out_bytes ? State::kDone : State::kBad;
  return made == out_bytes ? State::kBad : State::kMore;  // every item makes something
}

bool LzfDecompress(const char* in, size_t in_bytes, char* out, size_t out_bytes) {
  return LzfDecoder(in, in_bytes, out, out_bytes).Step(SIZE_MAX) == LzfDecoder::State::kDone;
}

}  // namespace cairn
