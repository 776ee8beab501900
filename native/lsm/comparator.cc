#include "lsm/comparator.h"

#include <algorithm>

#include "base/check.h"
#include "lsm/key.h"

namespace cairn::lsm {

namespace {

using rocksdb::Slice;

uint8_t ByteAt(const Slice& bytes, size_t offset) { return static_cast<uint8_t>(bytes[offset]); }

size_t CommonBytes(const Slice& a, const Slice& b) {
  const size_t bytes = std::min(a.size(), b.size());
  size_t common = 0;
  while (common < bytes && a[common] == b[common]) ++common;
  return common;
}

// Makes *key greater at the first byte from `offset` on that can be, and cuts it off there.
void CutAndIncrement(std::string* key, size_t offset) {
  for (; offset < key->size(); ++offset) {
    if (ByteAt(*key, offset) == 0xff) continue;
    ++(*key)[offset];
    key->resize(offset + 1);
    return;
  }
}

class Ascending final : public rocksdb::Comparator {
 public:
  const char* Name() const override { return "cairn.ascending"; }
  int Compare(const Slice& a, const Slice& b) const override { return a.compare(b); }
  bool Equal(const Slice& a, const Slice& b) const override { return a == b; }
  bool CanKeysWithDifferentByteContentsBeEqual() const override { return false; }

  // start <= result < limit.
  void FindShortestSeparator(std::string* start, const Slice& limit) const override {
    const size_t common = CommonBytes(*start, limit);
    // One is the beginning of the other, or they are not in order: nothing to shorten.
    if (common == start->size() || common == limit.size()) return;
    const uint8_t first = ByteAt(*start, common);
    const uint8_t last = ByteAt(limit, common);
    if (first > last) return;
    // The incremented byte may be that of the limit only if the limit goes on behind it.
    const bool fits = first + 1 < last || common + 1 < limit.size();
    CutAndIncrement(start, fits ? common : common + 1);
  }

  // key <= result.
  void FindShortSuccessor(std::string* key) const override { CutAndIncrement(key, 0); }
};

class Descending final : public rocksdb::Comparator {
 public:
  const char* Name() const override { return "cairn.descending"; }
  int Compare(const Slice& a, const Slice& b) const override { return b.compare(a); }
  bool Equal(const Slice& a, const Slice& b) const override { return a == b; }
  bool CanKeysWithDifferentByteContentsBeEqual() const override { return false; }

  // In bytes: start >= result > limit. Cut off behind the first difference, a key gets smaller, and
  // stays greater than the limit.
  void FindShortestSeparator(std::string* start, const Slice& limit) const override {
    const size_t common = CommonBytes(*start, limit);
    if (common == start->size()) return;
    if (common < limit.size() && ByteAt(*start, common) < ByteAt(limit, common)) return;
    start->resize(common + 1);
  }

  // In bytes: key >= result.
  void FindShortSuccessor(std::string* key) const override {
    if (key->size() > 1) key->resize(1);
  }
};

}  // namespace

const rocksdb::Comparator* ComparatorOf(KeyOrder order) {
  static const Ascending* const ascending = new Ascending;
  static const Descending* const descending = new Descending;
  if (order == KeyOrder::kDescending) return descending;
  return ascending;
}

std::shared_ptr<const rocksdb::SliceTransform> NewPrefixExtractor() {
  return std::shared_ptr<const rocksdb::SliceTransform>(
      rocksdb::NewCappedPrefixTransform(kPrefixBytes));
}

std::string EndOfPrefix(KeyOrder order, std::string_view prefix) {
  CAIRN_CHECK(!prefix.empty());
  if (order == KeyOrder::kDescending) {
    // In bytes the prefix itself is the smallest of what begins with it. It is no stored key.
    CAIRN_CHECK(prefix.size() != kPrefixBytes);
    return std::string(prefix);
  }
  std::string end = PrefixSuccessor(prefix);
  CAIRN_CHECK(!end.empty(), "a key of ours begins with its database type");
  return end;
}

}  // namespace cairn::lsm
