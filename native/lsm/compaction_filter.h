// The compaction filter of the lsm engine: looks at every entry that a compaction rewrites.
//
//   drops     what the rules of the drop gate name, and posting lists that have become empty (to a
//             merge that is the same as no list)
//   checks    structure of key and value, see key.h and value.h. What it does not understand it
//             keeps, counts and tells
//   rewrites  values of an older format, as far as there is an upgrade; counts all of them
//
// What it cannot see: values that merge operands make in the same compaction (their operands it
// does), files that move to another level without being rewritten, files that no compaction wants.
// So nothing may depend on its having come by; who wants a range gone compacts it.
//
// Threads: each compaction makes a filter of its own; gate and figures are shared.
#pragma once

#include <rocksdb/compaction_filter.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "lsm/comparator.h"
#include "lsm/drop_gate.h"
#include "lsm/findings.h"
#include "lsm/value.h"

namespace cairn::lsm {

struct FilterFigures {
  std::atomic<uint64_t> compactions{0};  // that had a filter and are done with it
  std::atomic<uint64_t> entries{0};      // looked at; of a range that is skipped only the first
  std::atomic<uint64_t> dropped_expired{0};
  // Ranges that were skipped without being read, once per file and more.
  std::atomic<uint64_t> dropped_collections{0};
  std::atomic<uint64_t> dropped_spaces{0};
  std::atomic<uint64_t> dropped_empty{0};  // posting lists
  std::atomic<uint64_t> old_format{0};     // values of an older format
  std::atomic<uint64_t> rewritten{0};      // of them
  std::atomic<uint64_t> damaged{0};        // values of the kind kDamaged
  std::atomic<uint64_t> faults{0};         // keys and values that are not understood
  Findings findings;                       // the faults
};

// How values of formats older than kValueFormat become current ones. The merge operator meets old
// values, too: a second format has to be taught to it as well.
class Upgrades {
 public:
  // False: this value cannot be upgraded, and stays as it is. *current is empty before.
  using Upgrade = bool (*)(std::string_view old, std::string* current);
  void Register(uint8_t format, Upgrade upgrade);
  Upgrade Find(uint8_t format) const { return format < kValueFormat ? upgrades_[format] : nullptr; }

 private:
  std::array<Upgrade, kValueFormat> upgrades_{};
};

class FilterFactory final : public rocksdb::CompactionFilterFactory {
 public:
  // All outlive the database.
  FilterFactory(KeyOrder order, const DropGate* gate, const Upgrades* upgrades,
                FilterFigures* figures)
      : order_(order), gate_(gate), upgrades_(upgrades), figures_(figures) {}
  const char* Name() const override { return "cairn.filter"; }
  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context& context) override;

 private:
  KeyOrder order_;
  const DropGate* gate_;
  const Upgrades* upgrades_;
  FilterFigures* figures_;
};

}  // namespace cairn::lsm
