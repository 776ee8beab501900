#include "vlog/index/art_bucket.h"

#include <algorithm>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace cairn::vlog::art {
namespace {

constexpr size_t kLongRow = 255;     // length byte of rows at least that long
constexpr size_t kLongRowField = 4;  // where their length then is
constexpr size_t kSlackMax = 128;

inline uint64_t LowMask(uint32_t bits) { return (uint64_t{1} << bits) - 1; }

inline size_t StoredRowBytes(bool uniform, size_t row_len) {
  return row_len + (!uniform && row_len >= kLongRow ? kLongRowField : 0);
}

inline uint32_t Load32(const char* from) {
  uint32_t value;
  std::memcpy(&value, from, 4);
  return value;
}
inline uint64_t Load64(const char* from) {
  uint64_t value;
  std::memcpy(&value, from, 8);
  return value;
}

// Sum of the first n length bytes.
inline size_t SumBytes(const uint8_t* bytes, uint32_t n) {
#if defined(__SSE2__)
  // The tail is read with the bytes before it, which are the block's own (pointers), and masked.
  alignas(16) static constexpr uint8_t kTailMask[32] = {
      0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
      0,    0,    0,    0,    0,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  const __m128i zero = _mm_setzero_si128();
  __m128i sum = zero;
  uint32_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + i));
    sum = _mm_add_epi64(sum, _mm_sad_epu8(v, zero));
  }
  if (i < n) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + n - 16));
    const __m128i m = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kTailMask + (n - i)));
    sum = _mm_add_epi64(sum, _mm_sad_epu8(_mm_and_si128(v, m), zero));
  }
  return static_cast<size_t>(_mm_cvtsi128_si32(sum)) +
         static_cast<size_t>(_mm_cvtsi128_si32(_mm_srli_si128(sum, 8)));
#else
  size_t sum = 0;
  for (uint32_t i = 0; i < n; ++i) sum += bytes[i];
  return sum;
#endif
}

// Sign of (suffix of an entry) - (suffix wanted). `entry_last` is called only if the rows do not
// decide.
template <typename LastByte>
inline int CompareRow(Bucket::Row row, const Suffix& suffix, LastByte&& entry_last) {
  if (suffix.empty) return 1;  // the entry's own suffix is not empty: see LowerBound
  const size_t common = std::min(row.len, suffix.row_len);
  const int rows = common == 0 ? 0 : std::memcmp(row.data, suffix.bytes, common);
  if (rows != 0) return rows;
  if (row.len == suffix.row_len) return entry_last() - suffix.last;
  if (row.len < suffix.row_len) {
    const int diff = entry_last() - static_cast<uint8_t>(suffix.bytes[row.len]);
    return diff != 0 ? diff : -1;
  }
  const int diff = static_cast<uint8_t>(row.data[suffix.row_len]) - suffix.last;
  return diff != 0 ? diff : 1;
}

// One contiguous part of a block that moves when an entry comes or goes.
struct Move {
  size_t from, to, bytes;
};
constexpr uint32_t kMovesMax = 10;

// The moves between a bucket with and one without an entry. `with` and `without` are offsets of the
// sections.
struct Sections {
  size_t pointers, mask, times, lens, rows, end;
};

Sections SectionsOf(bool has_times, bool uniform, uint32_t count, uint32_t times,
                    size_t row_bytes) {
  Sections s;
  s.pointers = sizeof(Bucket) + Pad8(count);
  s.mask = s.pointers + sizeof(Pointer) * count;
  s.times = s.mask + (has_times ? 8 : 0);
  s.lens = s.times + (has_times ? 8 * times : 0);
  s.rows = s.lens + (uniform ? 0 : count);
  s.end = s.rows + row_bytes;
  return s;
}

// What an entry takes, and where in each section.
struct EntrySpan {
  uint32_t index;
  uint32_t time_rank;
  bool has_time;
  size_t row_offset;
  size_t row_bytes;
};

// Lists, in ascending order, the parts of the larger layout (with `count` entries) that surround
// the entry, each as a pair (place in the larger layout, place in the smaller one).
uint32_t PartsAround(const Sections& large, const Sections& small, uint32_t count, uint32_t times,
                     bool uniform, bool has_times, const EntrySpan& e, Move* parts) {
  uint32_t n = 0;
  auto add = [&](size_t in_large, size_t in_small, size_t bytes) {
    if (bytes != 0) parts[n++] = Move{in_large, in_small, bytes};
  };
  const size_t header = sizeof(Bucket);
  const size_t behind = count - 1u - e.index;
  add(header, header, e.index);
  add(header + e.index + 1, header + e.index, behind);
  add(large.pointers, small.pointers, sizeof(Pointer) * e.index);
  add(large.pointers + sizeof(Pointer) * (e.index + 1), small.pointers + sizeof(Pointer) * e.index,
      sizeof(Pointer) * behind);
  if (has_times) {
    const size_t gap = e.has_time ? 1 : 0;
    add(large.times, small.times, 8 * e.time_rank);
    add(large.times + 8 * (e.time_rank + gap), small.times + 8 * e.time_rank,
        8 * (times - gap - e.time_rank));
  }
  if (!uniform) {
    add(large.lens, small.lens, e.index);
    add(large.lens + e.index + 1, small.lens + e.index, behind);
  }
  add(large.rows, small.rows, e.row_offset);
  add(large.rows + e.row_offset + e.row_bytes, small.rows + e.row_offset,
      large.end - large.rows - e.row_offset - e.row_bytes);
  return n;
}

void StoreRow(char* to, bool uniform, const char* row, size_t row_len) {
  if (!uniform && row_len >= kLongRow) {
    const uint32_t len = static_cast<uint32_t>(row_len);
    std::memcpy(to, &len, kLongRowField);
    to += kLongRowField;
  }
  if (row_len != 0) std::memcpy(to, row, row_len);
}

void StorePointer(Pointer* to, const Pointer& pointer, bool expires) {
  *to = pointer;
  to->flags = expires ? to->flags | Pointer::kHasExpiry : to->flags & ~Pointer::kHasExpiry;
}

size_t ItemBytes(const Item& item) {
  return item.lead.size() + item.row.size() + (item.has_last ? 1 : 0);
}

// Writes the item's row and returns its last byte.
uint8_t AssembleRow(const Item& item, char* to) {
  std::string_view lead = item.lead;
  uint8_t last = item.last;
  if (!item.has_last) {
    last = static_cast<uint8_t>(lead.back());
    lead.remove_suffix(1);
  }
  if (!lead.empty()) std::memcpy(to, lead.data(), lead.size());
  if (!item.row.empty()) std::memcpy(to + lead.size(), item.row.data(), item.row.size());
  return last;
}

// Shape change: takes everything apart, lets `edit` change the items (room for one more), builds
// anew.
template <typename Edit>
Bucket* Rebuild(Bucket* bucket, size_t* charged, Edit&& edit) {
  Item items[Bucket::kMaxEntries + 2];
  uint32_t count = bucket->count;
  TakeApart(bucket, 0, count, 0, {}, items);
  edit(items, &count);
  Bucket* built = BuildBucket(items, count, charged);
  FreeBucket(bucket, charged);
  return built;
}

}  // namespace

uint8_t RowHash(const char* row, size_t bytes) {
  constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15u;
  constexpr size_t kEnds = 32;  // of long rows only both ends count
  uint64_t h = bytes * kMultiplier;
  auto mix = [&h](uint64_t word) {
    h = (h ^ word) * kMultiplier;
    h ^= h >> 29;
  };
  if (bytes > 2 * kEnds) {
    for (size_t i = 0; i < kEnds; i += 8) mix(Load64(row + i));
    for (size_t i = kEnds; i > 0; i -= 8) mix(Load64(row + bytes - i));
  } else if (bytes >= 8) {
    size_t i = 0;
    for (; i + 8 <= bytes; i += 8) mix(Load64(row + i));
    if (i < bytes) mix(Load64(row + bytes - 8));
  } else if (bytes >= 4) {
    mix(Load32(row) | static_cast<uint64_t>(Load32(row + bytes - 4)) << 32);
  } else if (bytes > 0) {
    mix(static_cast<uint8_t>(row[0]) |
        static_cast<uint64_t>(static_cast<uint8_t>(row[bytes / 2])) << 8 |
        static_cast<uint64_t>(static_cast<uint8_t>(row[bytes - 1])) << 16);
  }
  return static_cast<uint8_t>(h >> 56);
}

uint64_t Bucket::mask() const { return (flags & kTimes) != 0 ? Load64(base() + mask_at()) : 0; }

size_t Bucket::RowOffset(uint32_t index) const {
  if ((flags & kUniform) != 0) return size_t{row_len} * index;
  const uint8_t* len = lens();
  size_t offset = SumBytes(len, index);
  if ((flags & kLongRows) == 0) return offset;
  offset = 0;
  const char* row = reinterpret_cast<const char*>(len) + count;
  for (uint32_t i = 0; i < index; ++i) {
    offset += len[i] < kLongRow ? len[i] : kLongRowField + Load32(row + offset);
  }
  return offset;
}

Bucket::Row Bucket::RowAt(uint32_t index) const {
  const char* row = rows() + RowOffset(index);
  if ((flags & kUniform) != 0) return Row{row, row_len};
  const size_t len = lens()[index];
  if (len < kLongRow) return Row{row, len};
  return Row{row + kLongRowField, Load32(row)};
}

uint8_t Bucket::LastByte(uint32_t index) const {
  const Row row = RowAt(index);
  return static_cast<uint8_t>(prints()[index] - RowHash(row.data, row.len));
}

int Bucket::FirstSymbol(uint32_t index) const {
  if (EmptyAt(index)) return -1;
  const Row row = RowAt(index);
  return row.len != 0 ? static_cast<uint8_t>(row.data[0]) : LastByte(index);
}

size_t Bucket::CommonPrefix() const {
  CAIRN_CHECK(count >= 2);
  if (EmptyAt(0)) return 0;
  const uint32_t b = count - 1u;  // sorted: the first and the last entry differ most
  const Row row_a = RowAt(0), row_b = RowAt(b);
  const size_t rows_min = std::min(row_a.len, row_b.len);
  const size_t in_rows = CommonBytes(row_a.data, row_b.data, rows_min);
  if (in_rows < rows_min) return in_rows;
  auto byte_after_rows = [&](uint32_t i, const Row& row) {
    return row.len > rows_min ? static_cast<uint8_t>(row.data[rows_min]) : LastByte(i);
  };
  // One suffix ends with the byte at rows_min, and they are different, so this byte decides or is
  // the last in common.
  return rows_min + (byte_after_rows(0, row_a) == byte_after_rows(b, row_b) ? 1 : 0);
}

uint64_t Bucket::ExpireAt(uint32_t index) const {
  const uint64_t bits = mask();
  if ((bits >> index & 1) == 0) return 0;
  const int rank = __builtin_popcountll(bits & LowMask(index));
  return Load64(base() + mask_at() + 8 + 8 * rank);
}

uint32_t Bucket::EarliestDue() const {
  const uint64_t bits = mask();
  if (bits == 0) return kNeverDue;
  const char* time = base() + mask_at() + 8;
  uint64_t earliest = UINT64_MAX;
  for (int left = __builtin_popcountll(bits); left > 0; --left, time += 8) {
    earliest = std::min(earliest, Load64(time));
  }
  return DueSecond(earliest);
}

void Bucket::OverwriteTime(uint32_t index, uint64_t expire_at_ms) {
  const uint64_t bits = mask();
  CAIRN_CHECK((bits >> index & 1) != 0 && expire_at_ms != 0);
  const int rank = __builtin_popcountll(bits & LowMask(index));
  std::memcpy(base() + mask_at() + 8 + 8 * rank, &expire_at_ms, 8);
}

size_t Bucket::CopySuffix(uint32_t index, char* out) const {
  if (EmptyAt(index)) return 0;
  const Row row = RowAt(index);
  std::memcpy(out, row.data, row.len);
  out[row.len] = static_cast<char>(prints()[index] - RowHash(row.data, row.len));
  return row.len + 1;
}

int Bucket::Locate(const Suffix& suffix) const {
  auto matches = [&](uint32_t i) {
    if (EmptyAt(i) != suffix.empty) return false;
    if ((flags & kUniform) != 0 && row_len != suffix.row_len) return false;
    const Row row = RowAt(i);
    return row.len == suffix.row_len &&
           (row.len == 0 || std::memcmp(row.data, suffix.bytes, row.len) == 0);
  };
#if defined(__SSE2__)
  // Reads at most 15 bytes past the prints: within the block, as at least one pointer follows.
  const __m128i wanted = _mm_set1_epi8(static_cast<char>(suffix.print));
  for (uint32_t base_index = 0; base_index < count; base_index += 16) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(prints() + base_index));
    uint32_t hits = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(v, wanted)));
    for (; hits != 0; hits &= hits - 1) {
      const uint32_t i = base_index + static_cast<uint32_t>(__builtin_ctz(hits));
      if (i >= count) return -1;
      if (matches(i)) return static_cast<int>(i);
    }
  }
#else
  for (uint32_t i = 0; i < count; ++i) {
    if (prints()[i] == suffix.print && matches(i)) return static_cast<int>(i);
  }
#endif
  return -1;
}

void Bucket::PrefetchEntry(uint8_t print) const {
  const void* at = std::memchr(prints(), print, count);
  if (at == nullptr) return;
  const auto index = static_cast<uint32_t>(static_cast<const uint8_t*>(at) - prints());
  Prefetch(base() + pointers_at() + sizeof(Pointer) * index);
  // Where the rows lie depends on memory that is not here yet, if entries expire or rows differ.
  if ((flags & kUniform) != 0 && (flags & kTimes) == 0)
    Prefetch(base() + mask_at() + size_t{row_len} * index);
}

uint32_t Bucket::LowerBound(const Suffix& suffix) const {
  const uint32_t first = (flags & kFirstEmpty) != 0 ? 1 : 0;
  if (suffix.empty) return 0;
  uint32_t low = first, high = count;
  while (low < high) {
    const uint32_t middle = (low + high) / 2;
    const Row row = RowAt(middle);
    const int order = CompareRow(row, suffix, [&] {
      return static_cast<uint8_t>(prints()[middle] - RowHash(row.data, row.len));
    });
    if (order < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

void TakeApart(const Bucket* bucket, uint32_t from, uint32_t to, size_t strip,
               std::string_view lead, Item* items) {
  const Pointer* pointers = const_cast<Bucket*>(bucket)->pointers();
  for (uint32_t i = from; i < to; ++i) {
    Item& item = items[i - from];
    item.pointer = pointers[i];
    item.expire_at_ms = bucket->ExpireAt(i);
    item.lead = lead;
    item.row = {};
    item.has_last = false;
    item.last = 0;
    if (bucket->EmptyAt(i)) {
      CAIRN_CHECK(strip == 0);
      continue;
    }
    const Bucket::Row row = bucket->RowAt(i);
    CAIRN_CHECK(strip <= row.len + 1);
    if (strip > row.len) continue;
    item.row = std::string_view(row.data + strip, row.len - strip);
    item.has_last = true;
    item.last = static_cast<uint8_t>(bucket->prints()[i] - RowHash(row.data, row.len));
  }
}

Bucket* BuildBucket(const Item* items, uint32_t count, size_t* charged) {
  CAIRN_CHECK(count >= 1 && count <= Bucket::kMaxEntries + 1);
  uint8_t flags = Bucket::kUniform;
  uint64_t mask = 0;
  size_t uniform_bytes = 0, varying_bytes = 0;
  const size_t first_row = std::max<size_t>(ItemBytes(items[0]), 1) - 1;
  for (uint32_t i = 0; i < count; ++i) {
    const size_t bytes = ItemBytes(items[i]);
    CAIRN_CHECK(bytes != 0 || i == 0);
    if (bytes == 0) flags |= Bucket::kFirstEmpty;
    const size_t row_len = bytes == 0 ? 0 : bytes - 1;
    if (row_len != first_row || row_len > UINT16_MAX)
      flags &= static_cast<uint8_t>(~Bucket::kUniform);
    if (row_len >= kLongRow) flags |= Bucket::kLongRows;
    if (items[i].expire_at_ms != 0) mask |= uint64_t{1} << i;
    uniform_bytes += row_len;
    varying_bytes += StoredRowBytes(false, row_len);
  }
  const bool uniform = (flags & Bucket::kUniform) != 0;
  if (mask != 0) flags |= Bucket::kTimes;
  if (uniform) flags &= static_cast<uint8_t>(~Bucket::kLongRows);
  const uint32_t times = static_cast<uint32_t>(__builtin_popcountll(mask));
  const Sections s =
      SectionsOf(mask != 0, uniform, count, times, uniform ? uniform_bytes : varying_bytes);
  const size_t usable = UsableBytes(s.end);
  Bucket* bucket = static_cast<Bucket*>(AllocateBlock(usable, charged));
  *bucket = Bucket{flags, static_cast<uint8_t>(count),
                   static_cast<uint16_t>(uniform ? first_row : 0), static_cast<uint32_t>(usable)};
  char* base = bucket->base();
  std::memset(base + sizeof(Bucket), 0, s.pointers - sizeof(Bucket));
  if (mask != 0) std::memcpy(base + s.mask, &mask, 8);
  size_t row_at = s.rows, time_at = s.times;
  for (uint32_t i = 0; i < count; ++i) {
    const Item& item = items[i];
    StorePointer(bucket->pointers() + i, item.pointer, item.expire_at_ms != 0);
    if (item.expire_at_ms != 0) {
      std::memcpy(base + time_at, &item.expire_at_ms, 8);
      time_at += 8;
    }
    const size_t bytes = ItemBytes(item);
    const size_t row_len = bytes == 0 ? 0 : bytes - 1;
    if (!uniform) base[s.lens + i] = static_cast<char>(std::min(row_len, kLongRow));
    const size_t stored = StoredRowBytes(uniform, row_len);
    if (bytes != 0) {
      char* row = base + row_at + (stored - row_len);
      const uint8_t last = AssembleRow(item, row);
      const uint32_t len = static_cast<uint32_t>(row_len);
      if (stored != row_len) std::memcpy(base + row_at, &len, kLongRowField);
      base[sizeof(Bucket) + i] = static_cast<char>(last + RowHash(row, row_len));
    }
    row_at += stored;
  }
  CAIRN_CHECK(row_at == s.end && time_at == s.lens);
  return bucket;
}

void FreeBucket(Bucket* bucket, size_t* charged) { FreeBlock(bucket, bucket->capacity, charged); }

Bucket* InsertEntry(Bucket* bucket, uint32_t index, const Suffix& suffix, const Pointer& pointer,
                    uint64_t expire_at_ms, size_t* charged) {
  const bool uniform = (bucket->flags & Bucket::kUniform) != 0;
  const bool has_times = (bucket->flags & Bucket::kTimes) != 0;
  if ((uniform && suffix.row_len != bucket->row_len) || (expire_at_ms != 0 && !has_times)) {
    return Rebuild(bucket, charged, [&](Item* items, uint32_t* count) {
      std::copy_backward(items + index, items + *count, items + *count + 1);
      items[index] = Item{pointer,       expire_at_ms, {}, {suffix.bytes, suffix.row_len},
                          !suffix.empty, suffix.last};
      ++*count;
    });
  }
  const uint32_t count = bucket->count;
  const uint64_t mask = bucket->mask();
  const uint32_t times = static_cast<uint32_t>(__builtin_popcountll(mask));
  const bool expires = expire_at_ms != 0;
  EntrySpan e;
  e.index = index;
  e.has_time = expires;
  e.time_rank = static_cast<uint32_t>(__builtin_popcountll(mask & LowMask(index)));
  e.row_offset = bucket->RowOffset(index);
  e.row_bytes = StoredRowBytes(uniform, suffix.row_len);
  const size_t row_bytes = bucket->RowOffset(count);
  const Sections small = SectionsOf(has_times, uniform, count, times, row_bytes);
  const Sections large =
      SectionsOf(has_times, uniform, count + 1, times + (expires ? 1 : 0), row_bytes + e.row_bytes);
  Bucket* to = bucket;
  if (large.end > bucket->capacity) {
    const size_t usable = UsableBytes(large.end + std::min(large.end / 16, kSlackMax));
    to = static_cast<Bucket*>(AllocateBlock(usable, charged));
    *to = *bucket;
    to->capacity = static_cast<uint32_t>(usable);
  }
  Move parts[kMovesMax];
  uint32_t n =
      PartsAround(large, small, count + 1, times + (expires ? 1 : 0), uniform, has_times, e, parts);
  while (n-- > 0) {
    std::memmove(to->base() + parts[n].from, bucket->base() + parts[n].to, parts[n].bytes);
  }
  ++to->count;
  if (suffix.empty) to->flags |= Bucket::kFirstEmpty;
  if (!uniform && suffix.row_len >= kLongRow) to->flags |= Bucket::kLongRows;
  char* base = to->base();
  base[sizeof(Bucket) + index] = static_cast<char>(suffix.print);
  StorePointer(to->pointers() + index, pointer, expires);
  if (has_times) {
    const uint64_t low = LowMask(index);
    const uint64_t shifted =
        (mask & low) | (expires ? uint64_t{1} << index : 0) | ((mask & ~low) << 1);
    std::memcpy(base + large.mask, &shifted, 8);
    if (expires) std::memcpy(base + large.times + 8 * e.time_rank, &expire_at_ms, 8);
  }
  if (!uniform) base[large.lens + index] = static_cast<char>(std::min(suffix.row_len, kLongRow));
  StoreRow(base + large.rows + e.row_offset, uniform, suffix.bytes, suffix.row_len);
  if (to != bucket) FreeBucket(bucket, charged);
  return to;
}

Bucket* RemoveEntry(Bucket* bucket, uint32_t index, size_t* charged) {
  const uint32_t count = bucket->count;
  CAIRN_CHECK(index < count);
  if (count == 1) {
    FreeBucket(bucket, charged);
    return nullptr;
  }
  const bool uniform = (bucket->flags & Bucket::kUniform) != 0;
  const bool has_times = (bucket->flags & Bucket::kTimes) != 0;
  const uint64_t mask = bucket->mask();
  const uint32_t times = static_cast<uint32_t>(__builtin_popcountll(mask));
  EntrySpan e;
  e.index = index;
  e.has_time = (mask >> index & 1) != 0;
  e.time_rank = static_cast<uint32_t>(__builtin_popcountll(mask & LowMask(index)));
  e.row_offset = bucket->RowOffset(index);
  e.row_bytes = bucket->RowOffset(index + 1) - e.row_offset;
  const size_t row_bytes = bucket->RowOffset(count);
  const Sections large = SectionsOf(has_times, uniform, count, times, row_bytes);
  const Sections small = SectionsOf(has_times, uniform, count - 1, times - (e.has_time ? 1 : 0),
                                    row_bytes - e.row_bytes);
  Move parts[kMovesMax];
  const uint32_t n = PartsAround(large, small, count, times, uniform, has_times, e, parts);
  if (bucket->EmptyAt(index)) bucket->flags &= static_cast<uint8_t>(~Bucket::kFirstEmpty);
  char* base = bucket->base();
  for (uint32_t i = 0; i < n; ++i) {
    // The mask lies between pointers and times; it is written before anything can move over it.
    std::memmove(base + parts[i].to, base + parts[i].from, parts[i].bytes);
  }
  --bucket->count;
  if (has_times) {
    const uint64_t low = LowMask(index);
    const uint64_t shifted = (mask & low) | ((mask >> 1) & ~low);
    std::memcpy(base + small.mask, &shifted, 8);
  }
  if (bucket->capacity - small.end <= std::max<size_t>(small.end / 4, 64)) return bucket;
  return Rebuild(bucket, charged, [](Item*, uint32_t*) {});
}

Bucket* SetEntryTime(Bucket* bucket, uint32_t index, uint64_t expire_at_ms, size_t* charged) {
  const uint64_t before = bucket->ExpireAt(index);
  if (before == 0 && expire_at_ms == 0) return bucket;
  if (before != 0 && expire_at_ms != 0) {
    bucket->OverwriteTime(index, expire_at_ms);
    return bucket;
  }
  return Rebuild(bucket, charged,
                 [&](Item* items, uint32_t*) { items[index].expire_at_ms = expire_at_ms; });
}

}  // namespace cairn::vlog::art
