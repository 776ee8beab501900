// Logs with zeros ahead (lsm/log_file.h), of RocksDB on the simulated disk.
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "environment.h"
#include "lsm/log_file.h"
#include "lsm/patient_file_system.h"
#include "lsm_file_system.h"
#include "lsm_testing.h"

using namespace cairn;
using namespace cairn::lsm;
using cairn::testing::FromEnvironment;
using cairn::testing::LsmDb;
using cairn::testing::StoredKey;
using cairn::testing::StoredValue;

namespace {

// Of a record of the log, with its head of 7 bytes; RocksDB's blocks of 32 KiB have whole ones, so
// that each block begins with one, as if nothing had been before.
constexpr size_t kRecordBytes = 4096;
constexpr size_t kBatchOverhead = 7 + 12 + 1 + 1 + 2;  // heads; lengths of key and value

// A database with its logs as the engine has them.
class LoggedDb {
 public:
  explicit LoggedDb(uint64_t seed = 1) : db_(seed) {
    env_ = rocksdb::NewCompositeEnv(
        NewPatientFileSystem(cairn::testing::NewDiskFileSystem(&db_.disk()), &patience_));
    db_.options.env = env_.get();
    db_.options.write_buffer_size = 256u << 20;
    db_.options.avoid_flush_during_recovery = true;
    db_.options.avoid_flush_during_shutdown = true;
    db_.options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
    Open();
  }
  ~LoggedDb() { db_.Close(); }

  void Open() {
    order_ = std::make_unique<LogOrder>();
    db_.options.wal_filter = order_.get();
    REQUIRE(db_.Open().ok());
  }
  LsmDb& operator*() { return db_; }
  LsmDb* operator->() { return &db_; }

  void Write(int number, bool sync) {
    const std::string key = KeyOf(number);
    WriteBody(number, kRecordBytes - kBatchOverhead - key.size() - StoredValue({}, "").size(),
              sync);
  }
  void WriteBody(int number, size_t bytes, bool sync) {
    rocksdb::WriteOptions write;
    write.sync = sync;
    const std::string value = StoredValue({}, std::string(bytes, 'v'));
    REQUIRE(db_.db()->Put(write, KeyOf(number), value).ok());
  }
  // Zeros over a record of a log; while it is closed.
  void Wipe(const std::string& log, int record) {
    Result<std::unique_ptr<File>> opened = db_.disk().OpenDirect(log, Disk::Mode::kReadWrite);
    const std::unique_ptr<File>& file = opened.value();
    alignas(4096) static const char kZeros[kRecordBytes] = {};
    const auto at = static_cast<uint64_t>(record) * kRecordBytes;
    REQUIRE(file->WriteAt(at, kZeros, kRecordBytes).ok());
    REQUIRE(file->Sync().ok());
  }
  bool Has(int number) { return db_.Get(KeyOf(number)).has_value(); }
  // How many of the first ones are there; -1: others are, too.
  int Prefix(int count) {
    int first = 0;
    while (first < count && Has(first)) ++first;
    for (int i = first; i < count; ++i) {
      if (Has(i)) return -1;
    }
    return first;
  }

  std::string Log() { return cairn::testing::LogIn(&db_.disk(), "/db"); }
  uint64_t FileBytes() { return cairn::FileBytes(&db_.disk(), Log()); }
  uint64_t RecordBytes() { return cairn::testing::LogBytes(&db_.disk(), Log()); }

 private:
  static std::string KeyOf(int number) {
    return StoredKey(1, std::to_string(10000 + number));  // all as long
  }

  Patience patience_{[](bool, const std::string&) {}, [] { return false; }};
  LsmDb db_;
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<LogOrder> order_;
};

}  // namespace

TEST_CASE("lsm log file: names") {
  CHECK(IsLogName("/data/rocksdb/000012.log"));
  CHECK(IsLogName("1.log"));
  for (const char* other : {"", ".log", "/x/.log", "LOG", "/x/LOG.old.1", "a1.log", "000012.sst",
                            "000012.log.tmp", "MANIFEST-000001"})
    CHECK_FALSE(IsLogName(other));
}

TEST_CASE("lsm log file: zeros ahead while it grows slowly, none once it is closed") {
  LoggedDb db;
  const auto first = static_cast<int>(LogFile::kSyncedInARow) + 1;  // records, when zeros come
  const uint64_t before = static_cast<uint64_t>(first) * kRecordBytes;
  for (int i = 0; i < first; ++i) {
    db.Write(i, true);
    if (i < first - 1) CHECK(db.FileBytes() == (static_cast<uint64_t>(i) + 1) * kRecordBytes);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  const std::string log = db.Log();
  CHECK(db.RecordBytes() == before);
  // Into the zeros, up to where new ones are written.
  const uint64_t enough = before + LogFile::kZeroBytes - LogFile::kFewZeroBytes;
  int count = first;
  for (; static_cast<uint64_t>(count) * kRecordBytes <= enough; ++count) {
    CHECK(db.FileBytes() == before + LogFile::kZeroBytes);
    db.Write(count, true);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  CHECK(db.FileBytes() == before + 2 * LogFile::kZeroBytes);
  db->Close();
  CHECK(db.FileBytes() == static_cast<uint64_t>(count) * kRecordBytes);
  db.Open();
  CHECK(db.Prefix(count + 1) == count);
}

TEST_CASE("lsm log file: no zeros while it grows quickly, or is not synced") {
  LoggedDb db;
  SUBCASE("quickly") {
    for (int i = 0; i < 6; ++i) db.WriteBody(i, 8u << 20, true);
    const std::string log = db.Log();
    CHECK(db.FileBytes() >= 48u << 20);
    CHECK(db.FileBytes() < (48u << 20) + LogFile::kZeroBytes / 4);
  }
  SUBCASE("now and then synced, also while it is empty") {
    REQUIRE(db->db()->SyncWAL().ok());
    for (int i = 0; i < 12; ++i) {
      db.Write(i, false);
      if (i % 3 != 2) REQUIRE(db->db()->SyncWAL().ok());
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    CHECK(db.FileBytes() == 12 * kRecordBytes);
  }
}

TEST_CASE("lsm log file: a disk without room for zeros") {
  LoggedDb db;
  const auto first = static_cast<int>(LogFile::kSyncedInARow);
  for (int i = 0; i < first; ++i) db.Write(i, true);
  // Two more records.
  db->disk().SetCapacity(db->disk().UsedBytes() + 2 * kRecordBytes);
  db.Write(first, true);
  db->disk().SetCapacity(uint64_t{1} << 40);
  for (int i = first + 1; i < 20; ++i) db.Write(i, true);
  db->disk().Kill();
  db->Close();
  db->disk().PowerOn();
  db.Open();
  CHECK(db.Prefix(21) == 20);
}

TEST_CASE("lsm log file: a hole in the log ends the replay") {
  LoggedDb db;
  for (int i = 0; i < 64; ++i) db.Write(i, i < 6);
  const std::string log = db.Log();
  CHECK(db.RecordBytes() == 64 * kRecordBytes);
  db->Close();
  db.Wipe(log, 11);
  db.Open();
  CHECK(db.Prefix(64) == 11);
  // What is written now is the next; what lay behind the hole does not come back.
  db.WriteBody(64, 10, true);
  db->Close();
  db.Open();
  CHECK(db.Prefix(64) == 11);
  CHECK(db.Has(64));
}

TEST_CASE("lsm log file: a hole ends the replay of later logs, but not of those written since") {
  LoggedDb db;
  for (int i = 0; i < 40; ++i) db.Write(i, i < 6);
  const std::string first = db.Log();
  db->Close();
  db.Open();  // keeps that log, and begins another one
  for (int i = 40; i < 60; ++i) db.Write(i, true);
  REQUIRE(db.RecordBytes() == 40 * kRecordBytes);  // still the first one: the others lie behind it
  db->Close();
  db.Wipe(first, 11);
  // Each start replays all of them again.
  for (int start = 0; start < 4; ++start) {
    CAPTURE(start);
    db.Open();
    CHECK(db.Prefix(60) == 11);
    for (int i = 0; i < start; ++i) CHECK(db.Has(60 + i));
    db.WriteBody(60 + start, 10, true);
    db->Close();
  }
}

TEST_CASE("lsm log file: what a power failure leaves has no holes") {
  const uint64_t seed = FromEnvironment("CAIRN_SEED", 1);
  int torn = 0;
  for (uint64_t run = 0; run < 20; ++run) {
    CAPTURE(run);
    LoggedDb db(seed + run);
    constexpr int kCount = 100;
    const int synced = static_cast<int>((seed + run) % 40);
    for (int i = 0; i < kCount; ++i) {
      db.Write(i, i < synced);
      if (i < 8) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    db->Crash();
    db.Open();
    const int found = db.Prefix(kCount);
    CHECK(found >= synced);
    torn += found < kCount ? 1 : 0;
  }
  CHECK(torn > 0);
}
