// KeySpec: where the keys of a command stand in its argv. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/number.h"
#include "base/text.h"

namespace cairn {

struct KeySpec {
  int16_t first;  // 0: none
  int16_t last;   // negative: from the end
  int16_t step;
  // Of an argument that says how many keys follow it, besides those above (numkeys); 0: none.
  int16_t count_at = 0;
  // In its place: keys are the first half of what follows STREAMS (XREAD).
  static constexpr int16_t kBehindStreams = -1;

  bool any() const { return first != 0 || count_at != 0; }
  bool one() const { return first != 0 && first == last && count_at == 0; }
};

// The first argument behind STREAMS, found as XREAD finds it; argv.size() if there is none.
inline size_t BehindStreams(std::span<const std::string_view> argv) {
  for (size_t i = 1; i < argv.size(); ++i) {
    if (EqualsIgnoreCase(argv[i], "streams")) return i + 1;
    if (EqualsIgnoreCase(argv[i], "block") || EqualsIgnoreCase(argv[i], "count")) {
      i += 1;
    } else if (EqualsIgnoreCase(argv[i], "group")) {
      i += 2;
    } else if (!EqualsIgnoreCase(argv[i], "noack")) {
      break;
    }
  }
  return argv.size();
}

// Calls visitor(index) for each argument that is a key. A count that is none, or more than there
// are arguments, counts nothing: the handler refuses it.
template <typename Visitor>
void ForEachKeyIndex(std::span<const std::string_view> argv, const KeySpec& keys, Visitor visitor) {
  const auto size = static_cast<int>(argv.size());
  if (keys.first > 0) {
    int last = keys.last < 0 ? size + keys.last : keys.last;
    if (last >= size) last = size - 1;
    for (int i = keys.first; i <= last; i += keys.step) visitor(static_cast<size_t>(i));
  }
  if (keys.count_at == KeySpec::kBehindStreams) {
    const size_t from = BehindStreams(argv);
    for (size_t i = 0; i < (argv.size() - from) / 2; ++i) visitor(from + i);
  }
  if (keys.count_at <= 0 || keys.count_at >= size) return;
  int64_t count;
  const auto from = static_cast<size_t>(keys.count_at) + 1;
  if (!ParseInt64(argv[from - 1], &count) || count < 0) return;
  if (static_cast<uint64_t>(count) > argv.size() - from) return;
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) visitor(from + i);
}

}  // namespace cairn
