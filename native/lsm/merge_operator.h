// The merge operator of the lsm engine: looks at the kind of the operands and hands them to
// counters, posting lists or the folds of pages.
//
// A merge never fails. RocksDB takes a failed merge for damage of the whole database: after one in
// a flush nothing can be written any more, and the directory cannot be opened again, because
// recovery meets the same operand (tried with 7.8.3; later versions can leave it alone in a
// compaction). So operands that cannot be merged make a value of the kind kDamaged, which says why
// and keeps all that went into it. Who reads that key reports an error; every other key goes on,
// and nothing is lost that could be repaired. Each case is counted, and the first ones are told
// with their key.
//
// Body of a damaged value, integers little-endian:
//
//   +--------------+--------+------------+-----------+-------------+-------+------
//   | reason bytes | reason | left out   | 'v' / 'o' | input bytes | input | next
//   | u32          |        | u32        | u8        | u32         |       | ...
//   +--------------+--------+------------+-----------+-------------+-------+------
//
// The inputs are the value ('v', if there was one; first) and the operands ('o', oldest first) as
// they were stored. Operands beyond kDamagedBytesMax are left out and counted.
//
// Threads: reads, flushes and compactions merge, all at once.
#pragma once

#include <rocksdb/merge_operator.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lsm/fault.h"
#include "lsm/findings.h"
#include "lsm/merge_page.h"
#include "lsm/value.h"

namespace cairn::lsm {

inline constexpr size_t kDamagedBytesMax = 1u << 20;  // of operands kept in a damaged value

struct MergeFigures {
  std::atomic<uint64_t> full{0};      // values made of operands
  std::atomic<uint64_t> partial{0};   // operands made of operands
  std::atomic<uint64_t> operands{0};  // that went into either
  // Values that became damaged ones. Operands that meet a value that is damaged already do not
  // count again.
  std::atomic<uint64_t> faults{0};
  // Of the faults: deltas without an image. After the drop of a space they may be the last that is
  // left of it, so they are not told.
  std::atomic<uint64_t> orphans{0};
  Findings findings;
};

struct DamagedValue {
  std::string_view reason;
  uint32_t left_out = 0;
  std::optional<std::string_view> value;
  std::vector<std::string_view> operands;
};
// Of the body of a value of the kind kDamaged. Views are of the body.
FormatFault ParseDamaged(std::string_view body, DamagedValue* damaged);

class MergeOperator final : public rocksdb::MergeOperator {
 public:
  // Both outlive the database.
  MergeOperator(const PageFolds* folds, MergeFigures* figures) : folds_(folds), figures_(figures) {}

  const char* Name() const override { return "cairn.merge"; }
  bool FullMergeV2(const MergeOperationInput& in, MergeOperationOutput* out) const override;
  bool PartialMergeMulti(const rocksdb::Slice& key, const std::deque<rocksdb::Slice>& operands,
                         std::string* new_value, rocksdb::Logger* logger) const override;

 private:
  const PageFolds* folds_;
  MergeFigures* figures_;
};

}  // namespace cairn::lsm
