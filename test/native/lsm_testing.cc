#include "lsm_testing.h"

#include <doctest/doctest.h>

#include "lsm/slices.h"
#include "lsm_file_system.h"

namespace cairn::testing {

namespace {

constexpr char kPath[] = "/db";

SimOptions WithSeed(uint64_t seed) {
  SimOptions options;
  options.seed = seed;
  return options;
}

// RocksDB's own file of remarks would share the fate of the disk: a library with asserts stops the
// process when it goes on writing to a file after an error.
class NoLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

void MustBeOk(const rocksdb::Status& status) {
  INFO(status.ToString());
  REQUIRE(status.ok());
}

}  // namespace

LsmDb::LsmDb(uint64_t seed, lsm::KeyOrder order) : disk_(WithSeed(seed)), env_(NewDiskEnv(&disk_)) {
  options.create_if_missing = true;
  options.env = env_.get();
  options.info_log = std::make_shared<NoLog>();
  options.comparator = lsm::ComparatorOf(order);
  options.prefix_extractor = lsm::NewPrefixExtractor();
  options.merge_operator = std::make_shared<lsm::MergeOperator>(&folds, &merges);
  options.compaction_filter_factory =
      std::make_shared<lsm::FilterFactory>(order, &gate, &upgrades, &filtered);
  options.allow_concurrent_memtable_write = false;
  options.memtable_factory = lsm::NewMemtables(nullptr, &large_);
  options.disable_auto_compactions = true;
  options.compression = rocksdb::kNoCompression;
  options.write_buffer_size = 1u << 20;
  options.max_bgerror_resume_count = 0;  // it would be tried again after a second
}

LsmDb::~LsmDb() { Close(); }

rocksdb::Status LsmDb::Open() {
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, kPath, &opened);
  db_.reset(opened);
  return status;
}

void LsmDb::Close() { db_.reset(); }

void LsmDb::Crash() {
  disk_.PowerOff();
  Close();
  disk_.PowerOn();
}

void LsmDb::Put(std::string_view key, std::string_view value) {
  MustBeOk(db_->Put({}, lsm::Sliced(key), lsm::Sliced(value)));
}

void LsmDb::Merge(std::string_view key, std::string_view operand) {
  MustBeOk(db_->Merge({}, lsm::Sliced(key), lsm::Sliced(operand)));
}

void LsmDb::Delete(std::string_view key) { MustBeOk(db_->Delete({}, lsm::Sliced(key))); }

void LsmDb::Flush() { MustBeOk(db_->Flush({})); }

void LsmDb::Compact() {
  rocksdb::CompactRangeOptions compact;
  compact.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  MustBeOk(db_->CompactRange(compact, nullptr, nullptr));
}

std::optional<std::string> LsmDb::Get(std::string_view key, const rocksdb::Snapshot* snapshot) {
  rocksdb::ReadOptions read;
  read.snapshot = snapshot;
  std::string value;
  const rocksdb::Status status = db_->Get(read, lsm::Sliced(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  MustBeOk(status);
  return value;
}

uint64_t LsmDb::Entries() {
  rocksdb::TablePropertiesCollection tables;
  MustBeOk(db_->GetPropertiesOfAllTables(&tables));
  uint64_t entries = 0;
  for (const auto& [name, properties] : tables) entries += properties->num_entries;
  return entries;
}

std::string StoredKey(uint32_t collection, std::string_view user_key, uint32_t index) {
  std::string key;
  lsm::EncodeKey({.collection = collection, .index = index}, user_key, &key);
  return key;
}

std::string StoredValue(const lsm::ValueHead& head, std::string_view body) {
  std::string value;
  lsm::EncodeValue(head, body, &value);
  return value;
}

}  // namespace cairn::testing
