#include "lsm/rocksdb_version.h"

#include <array>

namespace rocksdb {
// There only in a library that was built with asserts: its test hooks go with them.
class SyncPoint {
 public:
  __attribute__((weak)) static SyncPoint* GetInstance();
};
}  // namespace rocksdb

#ifdef CAIRN_ROCKSDB_STATIC
// RocksDB asks the program whether it may use io_uring for reads.
extern "C" bool RocksDbIOUringEnable();
extern "C" bool RocksDbIOUringEnable() { return true; }
#endif

namespace cairn::lsm {

namespace {

#ifdef CAIRN_ROCKSDB_STATIC
constexpr bool kStatic = true;
#else
constexpr bool kStatic = false;
#endif
#ifdef CAIRN_ROCKSDB_URING
constexpr bool kUring = true;
#else
constexpr bool kUring = false;
#endif

constexpr FeatureRow Row(Feature feature, const char* name, bool on, const char* why_not) {
  return {feature, name, on, on ? "" : why_not};
}
constexpr bool Since(uint32_t major, uint32_t minor) {
  return kRocksdbVersion >= RocksdbVersion(major, minor);
}

constexpr std::array<FeatureRow, kFeatureCount> kRows = {
    Row(Feature::kAutomaticHyperClockCache, "automatic hyper-clock-cache", Since(8, 7),
        "before 8.7 it has to be told the size of its entries"),
    // Never together with WAL_ttl_seconds or WAL_size_limit_MB, in any version.
    Row(Feature::kWalRecycling, "wal-recycling", Since(9, 3),
        "not with point-in-time recovery before 9.1, wrong recoveries before 9.3"),
    Row(Feature::kWalCompression, "wal-compression", Since(8, 0),
        "recovery can take good records for damage before 8.0"),
    Row(Feature::kTransactions, "transaction-db", Since(9, 3),
        "can miss a sync of the WAL before 9.3"),
    // Not needed: see merge_operator.h.
    Row(Feature::kMergeFailureScope, "merge-failure-scope", Since(7, 10),
        "before 7.10 a merge that fails stops all writes"),
    // The known faults need keys shorter than the prefix, or a comparator that names immediate
    // successors. We have neither (comparator.cc).
    Row(Feature::kAutoPrefixMode, "auto-prefix-mode", true, ""),
    Row(Feature::kRowCache, "row-cache", Since(8, 7), "can miss keys that are there before 8.7"),
    Row(Feature::kIoUring, "io_uring", kUring, "the library was built without liburing"),
    Row(Feature::kAsyncIo, "async-io", kUring&& Since(7, 9),
        kUring ? "a read error can corrupt memory before 7.9" : "needs io_uring"),
    // A flush that begins takes back what another one has asked for: DB::Flush and CompactRange
    // then wait for a memtable that nobody writes until enough others have come.
    Row(Feature::kMemtableMerging, "memtable-merging", false,
        "flushes and compactions that were asked for can wait forever, in every version so far"),
};

constexpr bool InOrder() {
  for (size_t i = 0; i < kFeatureCount; ++i) {
    if (static_cast<size_t>(kRows[i].feature) != i) return false;
  }
  return true;
}
static_assert(InOrder());

}  // namespace

std::span<const FeatureRow, kFeatureCount> FeatureRows() { return kRows; }

bool IsOn(Feature feature) { return kRows[static_cast<size_t>(feature)].on; }

std::string LibraryVersion() { return rocksdb::GetRocksVersionAsString(); }

bool LibraryHasAsserts() { return &rocksdb::SyncPoint::GetInstance != nullptr; }

const char* RocksdbBuild() {
  static const std::string* const build =
      new std::string(std::string(kStatic ? "static " : "system ") + LibraryVersion() +
                      (LibraryHasAsserts() ? " (asserts on)" : ""));
  return build->c_str();
}

std::string DescribeLibrary() {
  std::string text = std::string("RocksDB: ") + RocksdbBuild();
  const char* separator = "; off: ";
  for (const FeatureRow& row : kRows) {
    if (row.on) continue;
    text += std::string(separator) + row.name + " (" + row.why_not + ")";
    separator = ", ";
  }
  return text;
}

std::string LibraryMismatch() {
  const std::string compiled = std::to_string(ROCKSDB_MAJOR) + "." + std::to_string(ROCKSDB_MINOR);
  const std::string there = LibraryVersion();
  if (there.compare(0, compiled.size() + 1, compiled + ".") == 0) return "";
  return "compiled for librocksdb " + compiled + ", but " + there + " is there";
}

}  // namespace cairn::lsm
