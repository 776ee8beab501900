// PendingIndex: finds the entries of a group's pending list where they stand in the payload, and
// knows which of them a consumer has claimed. The list ascends, so that every 64th place and a bit
// for each entry are enough: a byte for about two of them, which take 25 or more in the payload.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "rdb/types.h"

namespace cairn::rdb {

// id, 16 bytes, big-endian | delivery time, 8 bytes | deliveries, a length
inline constexpr size_t kStreamIdBytes = 16;
inline constexpr size_t kPendingBytesMin = kStreamIdBytes + 8 + 1;

StreamId StreamIdIn(std::string_view bytes);

class PendingIndex {
 public:
  // `list` begins with the first entry; `entries` of them fit into it.
  void Clear(std::string_view list, uint64_t entries);
  // The next one, which begins there.
  void Add(StreamId id, size_t at);

  enum class Claimed : uint8_t { kYes, kUnknown, kTaken };
  // kUnknown: not in the list; kTaken: not for the first time.
  Claimed Claim(StreamId id, StreamPending* out);
  uint64_t claimed() const { return claimed_; }

 private:
  struct Mark {
    StreamId id;
    size_t at;
  };
  static constexpr uint64_t kStride = 64;

  std::string_view list_;
  uint64_t entries_ = 0;
  uint64_t added_ = 0;
  uint64_t claimed_ = 0;
  std::vector<Mark> marks_;
  std::vector<uint64_t> taken_;  // one word for each mark
};

}  // namespace cairn::rdb
