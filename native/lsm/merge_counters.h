// Counters: up to eight signed numbers under one key that are changed by adding to them, without
// being read. What they count is up to their owner (of a database: keys, bytes, keys that expire).
// Pure.
//
// Body of the value and of an operand alike: i64 little-endian each. Those that are not there are
// 0. Sums wrap around at 2^63, so that the order of adding never matters.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "lsm/fault.h"

namespace cairn::lsm {

inline constexpr size_t kCountersMax = 8;

struct Counters {
  std::array<int64_t, kCountersMax> values{};
  size_t count = 0;  // of them that were named so far
};

void AppendCounters(std::span<const int64_t> values, std::string* body);
// *sum is left alone if there is a fault.
FormatFault AddCounters(std::string_view body, Counters* sum);

}  // namespace cairn::lsm
