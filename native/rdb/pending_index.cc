#include "rdb/pending_index.h"

#include <algorithm>

#include "base/check.h"
#include "rdb/coding.h"

namespace cairn::rdb {

StreamId StreamIdIn(std::string_view bytes) {
  Reader reader(bytes);
  StreamId id;
  const bool whole = reader.TakeBig(8, &id.ms) && reader.TakeBig(8, &id.seq);
  CAIRN_CHECK(whole && reader.empty(), "an id has 16 bytes");
  return id;
}

void PendingIndex::Clear(std::string_view list, uint64_t entries) {
  CAIRN_CHECK(entries <= list.size() / kPendingBytesMin);
  list_ = list;
  entries_ = entries;
  added_ = 0;
  claimed_ = 0;
  marks_.clear();
  taken_.clear();
}

void PendingIndex::Add(StreamId id, size_t at) {
  CAIRN_CHECK(added_ < entries_);
  if (added_++ % kStride != 0) return;
  marks_.push_back({id, at});
  taken_.push_back(0);
}

PendingIndex::Claimed PendingIndex::Claim(StreamId id, StreamPending* out) {
  CAIRN_CHECK(added_ == entries_);
  auto behind = std::upper_bound(marks_.begin(), marks_.end(), id,
                                 [](StreamId left, const Mark& right) { return left < right.id; });
  if (behind == marks_.begin()) return Claimed::kUnknown;
  const auto word = static_cast<size_t>(behind - marks_.begin()) - 1;
  const uint64_t in_word = std::min(kStride, entries_ - word * kStride);
  Reader reader(list_.substr(marks_[word].at));
  for (uint64_t i = 0; i < in_word; ++i) {
    std::string_view raw;
    const bool whole = reader.TakeBytes(kStreamIdBytes, &raw) &&
                       reader.TakeLittle(&out->delivered_ms) && reader.TakeLength(&out->deliveries);
    CAIRN_CHECK(whole, "the list was gone through before");
    out->id = StreamIdIn(raw);
    if (out->id != id) continue;
    const uint64_t bit = uint64_t{1} << i;
    if ((taken_[word] & bit) != 0) return Claimed::kTaken;
    taken_[word] |= bit;
    ++claimed_;
    return Claimed::kYes;
  }
  return Claimed::kUnknown;
}

}  // namespace cairn::rdb
