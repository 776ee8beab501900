// Which RocksDB this is, and what of it is not used and why: the one place that knows versions. The
// rest of native/lsm/ asks here; a start logs it in one line and INFO shows it.
//
// Two are supported: 7.8 (Debian 12) and 9.10 (Debian 13). The library is either the system's, or
// one that scripts/build-rocksdb.mjs has built from the same sources without asserts.
//
// Pure, but for LibraryVersion, which asks the library that is really there.
#pragma once

#include <rocksdb/version.h>

#include <cstdint>
#include <span>
#include <string>

namespace cairn::lsm {

// Versions in comparisons: 7.8 is 708.
constexpr uint32_t RocksdbVersion(uint32_t major, uint32_t minor) { return major * 100 + minor; }
inline constexpr uint32_t kRocksdbVersion = RocksdbVersion(ROCKSDB_MAJOR, ROCKSDB_MINOR);
static_assert(kRocksdbVersion >= RocksdbVersion(7, 8), "librocksdb 7.8 or newer is needed");

enum class Feature : uint8_t {
  kAutomaticHyperClockCache,
  kWalRecycling,
  kWalCompression,
  kTransactions,
  kMergeFailureScope,
  kAutoPrefixMode,
  kRowCache,
  kIoUring,
  kAsyncIo,
  kMemtableMerging,
};
inline constexpr size_t kFeatureCount = 10;

struct FeatureRow {
  Feature feature;
  const char* name;
  bool on;
  const char* why_not;  // if it is off; else empty
};

// In the order of Feature.
std::span<const FeatureRow, kFeatureCount> FeatureRows();
bool IsOn(Feature feature);

// Faults of old versions that no option turns off. Before 8.7 a read error at the beginning of a
// file below level 0 can lose data in a compaction, without a word. lsm_engine_test.cc tries that
// and has not met it: compactions failed. Whichever version it is, one that fails is the last one
// until a restart (events.h). And after a write stall it can happen that no compaction is
// scheduled: who waits for the end of a stall has to ask for one.
inline constexpr bool kCompactionReadErrorsAreSafe = kRocksdbVersion >= RocksdbVersion(8, 7);
inline constexpr bool kStallsEndByThemselves = kRocksdbVersion >= RocksdbVersion(8, 7);

// "7.8.3".
std::string LibraryVersion();
// Whether the library that is linked checks its asserts: about half as fast.
bool LibraryHasAsserts();
// "system 7.8.3 (asserts on)", "static 7.8.3".
const char* RocksdbBuild();
// For the log: build, and each feature that is off with its reason.
std::string DescribeLibrary();
// Empty, or why the library that is there is not the one we were compiled for.
std::string LibraryMismatch();

}  // namespace cairn::lsm
