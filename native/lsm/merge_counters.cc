#include "lsm/merge_counters.h"

#include <algorithm>

#include "base/check.h"
#include "base/coding.h"

namespace cairn::lsm {

void AppendCounters(std::span<const int64_t> values, std::string* body) {
  CAIRN_CHECK(!values.empty() && values.size() <= kCountersMax);
  for (const int64_t value : values) AppendLittle64(body, static_cast<uint64_t>(value));
}

FormatFault AddCounters(std::string_view body, Counters* sum) {
  const size_t count = body.size() / sizeof(int64_t);
  if (body.size() % sizeof(int64_t) != 0) return {"counter is cut off", body.size()};
  if (count == 0) return {"no counters", 0};
  if (count > kCountersMax) return {"too many counters", kCountersMax * sizeof(int64_t)};
  for (size_t i = 0; i < count; ++i) {
    const uint64_t delta = Little64(body.data() + i * sizeof(int64_t));
    sum->values[i] = static_cast<int64_t>(static_cast<uint64_t>(sum->values[i]) + delta);
  }
  sum->count = std::max(sum->count, count);
  return {};
}

}  // namespace cairn::lsm
