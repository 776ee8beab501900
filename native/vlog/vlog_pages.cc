// What pages need beside what keys need: numbers for their spaces, and what a start has to know of
// them. The rest is in engine/keyed_spaces.h.
#include <algorithm>

#include "base/check.h"
#include "vlog/vlog_engine.h"

namespace cairn {

using vlog::Art;
using vlog::Pointer;

// A home has used up its numbers: the next ones, for all homes.
Status VlogEngine::SetNumbersAside() {
  const uint64_t first = spaces_.numbers_end();
  if (first >= KeyedSpaces::kNumbersMax - tuning_.space_numbers)
    return Status(Code::kTooLarge, "the numbers of spaces are used up");
  {
    std::lock_guard<std::mutex> lock(catalog_.mutex());
    vlog::Manifest changed = catalog_.ManifestLocked();
    changed.space_numbers = first + tuning_.space_numbers;
    Status status = catalog_.ReplaceLocked(std::move(changed));
    if (!status.ok()) return status;
  }
  spaces_.AddNumbers(first + tuning_.space_numbers);
  return Status();
}

// Of the pages there are. At a start, when nobody else is there.
uint64_t VlogEngine::HighestSpaceNumber() const {
  uint64_t highest = 0;
  for (uint32_t shard = 0; shard < kShardCount; ++shard) {
    shards_[shard].ForEach([&](uint16_t number, Art& tree) {
      if (!vlog::IsPageTree(number)) return;
      tree.Scan({}, [&](std::string_view key, Pointer&, uint64_t) {
        highest = std::max(highest, SpaceOfPageKey(key) >> kHomeBits);
        return true;
      });
    });
  }
  return highest;
}

// At a start, likewise.
void VlogEngine::FindMarks() {
  std::vector<uint16_t> ns_of(kDatabasesMax);
  for (uint32_t ns = 0; ns < kDatabasesMax; ++ns)
    ns_of[tree_of_[ns].load()] = static_cast<uint16_t>(ns);
  for (uint32_t shard = 0; shard < kShardCount; ++shard) {
    shards_[shard].ForEach([&](uint16_t number, Art& tree) {
      if (!vlog::IsPageTree(number)) return;
      tree.Scan({}, [&](std::string_view key, Pointer&, uint64_t) {
        if (!IsMark(key)) return false;  // marks come first
        spaces_.FoundMark(ns_of[vlog::KeyTree(number)], SpaceOfPageKey(key));
        return true;
      });
    });
  }
}

// Marks are none.
uint64_t VlogEngine::PageCount() const {
  uint64_t pages = 0;
  for (uint32_t tree = kDatabasesMax; tree < vlog::kTreesMax; ++tree)
    pages += counts_[tree].keys.load(std::memory_order_relaxed);
  return pages - std::min(pages, spaces_.dropping());
}

}  // namespace cairn
