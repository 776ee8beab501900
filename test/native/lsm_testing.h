// A RocksDB database on the simulated disk, set up with what native/lsm/ brings: comparator, prefix
// extractor, memtables, merge operator, compaction filter. For tests of these without an engine.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "io/sim_disk.h"
#include "lsm/compaction_filter.h"
#include "lsm/comparator.h"
#include "lsm/drop_gate.h"
#include "lsm/key.h"
#include "lsm/memtable.h"
#include "lsm/merge_operator.h"
#include "lsm/merge_page.h"
#include "lsm/value.h"

namespace cairn::testing {

class LsmDb {
 public:
  explicit LsmDb(uint64_t seed = 1, lsm::KeyOrder order = lsm::KeyOrder::kAscending);
  ~LsmDb();

  // To be changed before Open.
  rocksdb::Options options;

  rocksdb::Status Open();
  void Close();
  // What a power failure leaves; closed afterwards.
  void Crash();

  rocksdb::DB* db() { return db_.get(); }
  SimDisk& disk() { return disk_; }

  // Those that must succeed.
  void Put(std::string_view key, std::string_view value);
  void Merge(std::string_view key, std::string_view operand);
  void Delete(std::string_view key);
  void Flush();
  void Compact();  // all, down to the last level, every file
  std::optional<std::string> Get(std::string_view key, const rocksdb::Snapshot* snapshot = nullptr);
  uint64_t Entries();  // in the tables, tombstones included

  lsm::DropGate gate;
  lsm::Upgrades upgrades;
  lsm::PageFolds folds;
  lsm::MergeFigures merges;
  lsm::FilterFigures filtered;

 private:
  lsm::LargeValues large_;
  SimDisk disk_;
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::DB> db_;
};

// Stored keys and values in one go.
std::string StoredKey(uint32_t collection, std::string_view user_key,
                      uint32_t index = lsm::key_value_index::kKeys);
std::string StoredValue(const lsm::ValueHead& head, std::string_view body);

}  // namespace cairn::testing
