#include "lsm/check.h"

#include <rocksdb/db.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "engine/page_key.h"
#include "io/disk.h"
#include "lsm/compaction_filter.h"
#include "lsm/key.h"
#include "lsm/log_file.h"
#include "lsm/merge_counters.h"
#include "lsm/merge_operator.h"
#include "lsm/namespaces.h"
#include "lsm/rocksdb_options.h"
#include "lsm/slices.h"
#include "lsm/synced_mark.h"

namespace cairn::lsm {

namespace {

constexpr size_t kFindingsMax = 10'000;
constexpr uint64_t kMillisPerSecond = 1000;

// What there is of a collection.
struct Found {
  uint64_t keys = 0;
  uint64_t expiring = 0;
  uint64_t expiry_seconds = 0;
  uint64_t index_entries = 0;
  uint64_t index_seconds = 0;
  bool counted = false;
  int64_t told_keys = 0;  // by its counters
  int64_t told_expiring = 0;
  int64_t told_seconds = 0;
  uint64_t pages = 0;  // of spaces that were not dropped
  uint64_t page_bytes = 0;
  std::set<SpaceId> dropped;  // spaces; their marks come before all pages
};

class Check {
 public:
  explicit Check(uint64_t now_ms) : now_ms_(now_ms) { report.engine = "lsm"; }

  void Entry(std::string_view key, std::string_view value) {
    ++report.records;
    report.bytes += key.size() + value.size();
    if (const FormatFault fault = CheckKey(key))
      return Damage("key " + DescribeKey(key) + ": " + fault.Text());
    const ParsedKey parsed = ParseKey(key);
    ParsedValue stored;
    if (const FormatFault fault = CheckValue(parsed, value, false, &stored))
      return Damage("value of " + DescribeKey(key) + ": " + fault.Text());
    if (!value.empty() && stored.head.kind == Kind::kDamaged)
      return Damage("value of " + DescribeKey(key) + " could not be merged");
    if (parsed.prefix.category == Category::kSystem) return System(parsed, stored);
    Found& found = collections_[parsed.prefix.collection];
    if (parsed.prefix.index == key_value_index::kExpiry) {
      ++found.index_entries;
      found.index_seconds += ExpireAtOf(parsed.user_key) / kMillisPerSecond;
    } else if (parsed.prefix.index == key_value_index::kKeys) {
      Key(parsed, stored, &found);
    } else if (parsed.prefix.index == key_value_index::kPages) {
      Page(parsed, stored, &found);
    }
  }

  // Counters and expiry index are exact, unless writes were blind.
  void Finish() {
    if (!mapped_) return Damage("metadata 'namespaces' is missing");
    if (const FormatFault fault = namespaces_.ParseDropped(dropped_))
      Damage("metadata 'dropped': " + fault.Text());
    for (uint16_t ns = 0; ns < namespaces_.count(); ++ns) {
      const uint32_t collection = namespaces_.slot(ns).collection.load();
      const Found& found = collections_[collection];
      report.live_keys += live_[collection].first;
      report.live_bytes += live_[collection].second;
      report.live_pages += found.pages;
      report.live_page_bytes += found.page_bytes;
      report.dropped_spaces += found.dropped.size();
      if (!exact_) continue;
      const std::string name =
          "database " + std::to_string(ns) + " (collection " + std::to_string(collection) + ")";
      if (found.counted && static_cast<uint64_t>(found.told_keys) != found.keys) {
        Damage(name + " has " + std::to_string(found.keys) + " keys, its counters say " +
               std::to_string(found.told_keys));
      }
      if (found.counted && static_cast<uint64_t>(found.told_expiring) != found.expiring) {
        Damage(name + " has " + std::to_string(found.expiring) +
               " keys that expire, its counters say " + std::to_string(found.told_expiring));
      }
      if (found.index_entries != found.expiring || found.index_seconds != found.expiry_seconds) {
        Damage(name + " has " + std::to_string(found.expiring) +
               " keys that expire, and an expiry index of " + std::to_string(found.index_entries) +
               " entries that does not agree");
      }
      if (!found.counted && found.keys != 0) Damage(name + " has keys and no counters");
    }
  }

  void Damage(std::string reason) {
    if (report.findings.size() >= kFindingsMax) return;
    report.findings.push_back({CheckFinding::Kind::kDamaged, "rocksdb", 0, std::move(reason)});
  }

  // The newest one that metadata and counters have.
  uint64_t version() const { return version_; }

  CheckReport report;

 private:
  void Key(const ParsedKey& key, const ParsedValue& value, Found* found) {
    ++found->keys;
    const uint64_t expire_at_ms = value.head.expire_at_ms;
    if (expire_at_ms != 0) {
      ++found->expiring;
      found->expiry_seconds += expire_at_ms / kMillisPerSecond;
    }
    if (expire_at_ms != 0 && expire_at_ms <= now_ms_) return;
    auto& [keys, bytes] = live_[key.prefix.collection];
    ++keys;
    bytes += key.user_key.size() + value.body.size();
  }

  static void Page(const ParsedKey& key, const ParsedValue& value, Found* found) {
    if (IsMark(key.user_key)) {
      found->dropped.insert(SpaceOfPageKey(key.user_key));
    } else if (!found->dropped.contains(SpaceOf(key.user_key))) {
      ++found->pages;
      found->page_bytes += value.body.size();
    }
  }

  void System(const ParsedKey& key, const ParsedValue& value) {
    version_ = std::max(version_, value.head.version);
    if (key.prefix.index == system_index::kCounters) {
      Counters counters;
      if (AddCounters(value.body, &counters)) return Damage("counters are damaged");
      Found& found = collections_[key.prefix.collection];
      found.counted = true;
      found.told_keys = counters.values[0];
      found.told_expiring = counters.values[1];
      found.told_seconds = counters.values[2];
    } else if (key.user_key == "counts") {
      exact_ = value.body == "exact";
    } else if (key.user_key == "namespaces") {
      mapped_ = true;
      if (const FormatFault fault = namespaces_.ParseMapping(value.body))
        Damage("metadata 'namespaces': " + fault.Text());
    } else if (key.user_key == "dropped") {
      dropped_ = value.body;
    }
  }

  const uint64_t now_ms_;
  Namespaces namespaces_;
  uint64_t version_ = 0;
  bool mapped_ = false;
  std::string dropped_;
  bool exact_ = true;
  std::map<uint32_t, Found> collections_;
  std::map<uint32_t, std::pair<uint64_t, uint64_t>> live_;  // keys, bytes
};

}  // namespace

Result<CheckReport> CheckDirectory(const std::string& dir, Disk* disk, uint64_t now_ms) {
  Result<std::unique_ptr<cairn::FileLock>> lock = disk->LockFile(dir + "/LOCK");
  if (!lock.ok()) return lock.status();
  LsmOptions own;
  PageFolds folds;
  MergeFigures merges;
  rocksdb::Options options = RocksdbOptions(own, NewBlockCache(own));
  options.create_if_missing = false;
  LogOrder order;
  options.wal_filter = &order;
  options.merge_operator = std::make_shared<MergeOperator>(&folds, &merges);
  bool unreadable = false;
  const std::optional<uint64_t> marked = SyncedMark::Read(disk, dir, &unreadable);
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::OpenForReadOnly(options, dir + "/rocksdb", &opened, false);
  const std::unique_ptr<rocksdb::DB> db(opened);
  Check check(now_ms);
  if (unreadable) check.Damage(SyncedMark::PathIn(dir) + " cannot be read");
  if (!status.ok()) {
    if (!status.IsCorruption()) return Status(Code::kIoError, "RocksDB: " + status.ToString());
    check.Damage(status.ToString());
    return std::move(check.report);
  }
  if (const rocksdb::Status sums = db->VerifyChecksum(); !sums.ok()) check.Damage(sums.ToString());
  std::vector<rocksdb::LiveFileMetaData> files;
  db->GetLiveFilesMetaData(&files);
  check.report.segments = static_cast<uint32_t>(files.size());
  rocksdb::ReadOptions read;
  read.total_order_seek = true;
  read.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> at(db->NewIterator(read));
  for (at->SeekToFirst(); at->Valid(); at->Next())
    check.Entry(Viewed(at->key()), Viewed(at->value()));
  if (!at->status().ok()) {
    check.Damage(at->status().ToString());
  } else {
    check.Finish();
    if (marked.has_value() && *marked > check.version())
      check.Damage(SyncedMark::Contradiction(dir, check.version(), *marked));
  }
  return std::move(check.report);
}

}  // namespace cairn::lsm
