// The life of an lsm engine: its directory, its threads.
//
//   DIR/LOCK          one process at a time, as for every engine
//   DIR/rocksdb/...   RocksDB's files
//   DIR/synced        what was durable, see synced_mark.h
//   DIR/reserve       room that is given up on a full disk
#include <rocksdb/statistics.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "lsm/key.h"
#include "lsm/lsm_engine.h"
#include "lsm/memtable.h"
#include "lsm/rocksdb_options.h"
#include "lsm/rocksdb_version.h"
#include "lsm/slices.h"

namespace cairn::lsm {

namespace {

constexpr uint32_t kRangeThreads = 2;
constexpr std::string_view kFormatName = "format";
constexpr std::string_view kEngineName = "engine";
constexpr std::string_view kMappingName = "namespaces";
constexpr std::string_view kDroppedName = "dropped";
constexpr std::string_view kSpacesName = "spaces";
constexpr std::string_view kFormatText = "1";
constexpr std::string_view kEngineText = "lsm";
constexpr std::string_view kCountsName = "counts";  // of keys: exact, or estimated

uint64_t MemoryBytes() {
  return static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
         static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

Status OpenError(const rocksdb::Status& status) {
  Code code = status.IsCorruption() ? Code::kCorruption : Code::kIoError;
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::kNoSpace) code = Code::kNoSpace;
  return Status(code, "RocksDB: " + status.ToString());
}

}  // namespace

LsmEngine::~LsmEngine() {
  if (db_ != nullptr) AbandonForTest();
}

void LsmEngine::AttachReactor(uint32_t reactor, IoQueue*, CompletionPort* port) {
  CAIRN_CHECK(reactor < kReactorsMax);
  reactors_[reactor].port = port;
}

Result<RecoveryReport> LsmEngine::Open(const EngineOptions& options, Disk* disk,
                                       DurabilityListener* listener) {
  const uint64_t started = MonotonicMillis();
  if (options.stop != nullptr && options.stop->load())
    return Status(Code::kBusy, "told to stop before it was open");
  Reset();
  options_ = options;
  disk_ = disk;
  listener_ = listener;
  Result<LsmOptions> own = LsmOptions::From(options);
  if (!own.ok()) return own.status();
  own_ = std::move(own.value());
  exact_ = own_.exact_counts;
  fsync_.store(options.fsync);
  min_free_bytes_.store(options.min_free_bytes);
  RecoveryReport report;
  Status status = disk->CreateDir(options.dir);
  if (!status.ok()) return status;
  Result<std::unique_ptr<cairn::FileLock>> lock = disk->LockFile(options.dir + "/LOCK");
  if (!lock.ok()) return lock.status();
  lock_ = std::move(lock.value());
  if (!options.any_value) {
    const Result<uint64_t> free = disk->FreeBytes(options.dir);
    const Machine machine = {.memory_bytes = MemoryBytes(),
                             .free_bytes = free.ok() ? free.value() : UINT64_MAX,
                             .processors = std::thread::hardware_concurrency()};
    const std::string said = ScaleDown(machine, &own_);
    report.notices.push_back(DescribeLibrary());
    if (!said.empty()) report.notices.push_back("lowered to fit this machine: " + said);
  }
  // What a start needs, and cannot have, it says.
  FindReserve();
  bool unreadable = false;
  marked_ = SyncedMark::Read(disk, options.dir, &unreadable);
  if (unreadable)
    report.notices.push_back(SyncedMark::PathIn(options.dir) +
                             " cannot be read: damage of the logs cannot be told from a torn end");
  status = OpenDatabase();
  if (status.ok()) status = SyncLogs();
  std::optional<std::string> numbers;
  if (status.ok()) status = LoadNamespaces(&report, &numbers);
  if (status.ok()) status = LoadSpaces(numbers);
  if (status.ok() && options_.salvage) status = EndSalvage(&report);
  if (status.ok()) {
    const rocksdb::Status marked = mark_.Open(env_->GetFileSystem().get(), options.dir, version_);
    if (!marked.ok())
      report.notices.push_back(SyncedMark::PathIn(options.dir) + ": " + marked.ToString());
  }
  if (status.ok()) status = StartThreads();
  if (!status.ok()) {
    StopThreads(true);
    Reset();
    return status;
  }
  report.keys = 0;
  for (uint32_t ns = 0; ns < namespaces_.count(); ++ns)
    report.keys += KeyCount(static_cast<uint16_t>(ns));
  report.millis = MonotonicMillis() - started;
  return report;
}

Status LsmEngine::OpenDatabase() {
  block_cache_ = NewBlockCache(own_);
  records_ =
      std::make_unique<RecordCache>(RecordCacheBytes(options_.cache_bytes),
                                    [this](uint32_t shard) -> Latch& { return ShardLatch(shard); });
  rocksdb::Options options = RocksdbOptions(own_, block_cache_);
  options.memtable_factory = NewMemtables(&Committer::Inserting, &large_);
  const bool own_files = tuning_.file_system == nullptr;
  env_ = rocksdb::NewCompositeEnv(NewPatientFileSystem(
      own_files ? rocksdb::FileSystem::Default() : tuning_.file_system, &patience_));
  options.env = env_.get();
  statistics_ = rocksdb::CreateDBStatistics();
  statistics_->set_stats_level(rocksdb::StatsLevel::kExceptHistogramOrTimers);
  options.statistics = statistics_;
  options.info_log = events_->NewLogger(events_);
  options.listeners.push_back(events_);
  options.merge_operator = std::make_shared<MergeOperator>(&folds_, &merges_);
  options.compaction_filter_factory =
      std::make_shared<FilterFactory>(KeyOrder::kAscending, &gate_, &upgrades_, &filtered_);
  // Files without their MANIFEST are none to RocksDB, which would remove them.
  if (marked_.has_value() && !options_.salvage) options.create_if_missing = false;
  if (options_.salvage)
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
  log_order_ = std::make_unique<LogOrder>(options_.salvage);
  options.wal_filter = log_order_.get();
  if (own_files) {
    options.env->SetBackgroundThreads(static_cast<int>(own_.flush_threads),
                                      rocksdb::Env::Priority::HIGH);
    options.env->SetBackgroundThreads(static_cast<int>(own_.compaction_threads),
                                      rocksdb::Env::Priority::LOW);
  }
  const std::string path = options_.dir + "/rocksdb";
  const Status made = disk_->CreateDir(path);
  if (!made.ok()) return made;
  events_->Begin();
  events_->Opening(true);
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, path, &opened);
  events_->Opening(false);
  db_.reset(opened);
  return status.ok() ? Status() : OpenError(status);
}

// What a recovery has read of a log may never have been synced, and is kept there: from now on it
// is served as durable.
Status LsmEngine::SyncLogs() {
  const std::shared_ptr<rocksdb::FileSystem>& files = env_->GetFileSystem();
  const std::string dir = options_.dir + "/rocksdb";
  std::vector<std::string> names;
  rocksdb::Status status = env_->GetChildren(dir, &names);
  for (const std::string& name : names) {
    if (!status.ok() || !name.ends_with(".log")) continue;
    std::unique_ptr<rocksdb::FSWritableFile> file;
    status = files->ReopenWritableFile(dir + "/" + name, {}, &file, nullptr);
    if (status.ok()) status = file->Fsync({}, nullptr);
    if (status.ok()) status = file->Close({}, nullptr);
  }
  std::unique_ptr<rocksdb::FSDirectory> directory;
  if (status.ok()) status = files->NewDirectory(dir, {}, &directory, nullptr);
  if (status.ok()) status = directory->Fsync({}, nullptr);
  return status.ok() ? Status() : OpenError(status);
}

Status LsmEngine::Recount(Batch* batch) {
  for (uint32_t ns = 0; ns < namespaces_.count(); ++ns) {
    const auto number = static_cast<uint16_t>(ns);
    std::string begin(kPrefixBytes, '\0');
    EncodePrefix({.collection = namespaces_.slot(number).collection}, begin.data());
    const std::string end = PrefixSuccessor(begin);
    const rocksdb::Slice upper = Sliced(end);
    rocksdb::ReadOptions options;
    options.total_order_seek = true;
    options.fill_cache = false;
    options.iterate_upper_bound = &upper;
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(options));
    uint64_t keys = 0;
    uint64_t expiring = 0;
    uint64_t seconds = 0;
    for (at->Seek(Sliced(begin)); at->Valid(); at->Next()) {
      ParsedValue value;
      ++keys;
      if (ParseValue(Viewed(at->value()), &value)) continue;
      if (value.head.expire_at_ms == 0) continue;
      ++expiring;
      seconds += value.head.expire_at_ms / 1000;
    }
    if (!at->status().ok()) return OpenError(at->status());
    namespaces_.SetCounters(number, keys, expiring, seconds, batch);
  }
  return Status();
}

bool LsmEngine::IsEmpty() const {
  rocksdb::ReadOptions options;
  options.total_order_seek = true;
  const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(options));
  at->SeekToFirst();
  return !at->Valid() && at->status().ok();
}

Status LsmEngine::ReadMetadata(std::string_view name, std::string* text, bool* found) {
  const std::string key = MetadataKey(name);
  std::string stored;
  const rocksdb::Status status = db_->Get({}, Sliced(key), &stored);
  *found = status.ok();
  if (status.IsNotFound()) return Status();
  if (!status.ok()) return OpenError(status);
  ParsedValue value;
  if (const FormatFault fault = CheckValue(ParseKey(key), stored, false, &value))
    return Status(Code::kCorruption, "metadata '" + std::string(name) + "': " + fault.Text());
  version_ = std::max(version_, value.head.version);
  *text = value.body;
  return Status();
}

// numbers: metadata "spaces", if it is there.
Status LsmEngine::LoadNamespaces(RecoveryReport* report, std::optional<std::string>* numbers) {
  std::string text;
  bool found = false;
  const auto damaged = [](std::string_view name, const FormatFault& fault) {
    return Status(Code::kCorruption, "metadata '" + std::string(name) + "': " + fault.Text());
  };
  Status status = ReadMetadata(kFormatName, &text, &found);
  if (!status.ok()) return status;
  if (found && text != kFormatText) {
    return Status(Code::kInvalid, options_.dir + " has format '" + Printable(text, 32) +
                                      "' of engine lsm; this server knows format 1");
  }
  const bool fresh = !found;
  if (fresh && !IsEmpty()) return damaged(kFormatName, {"it is missing, and there are keys", 0});
  if (!fresh) {
    status = ReadMetadata(kMappingName, &text, &found);
    if (!status.ok()) return status;
    if (!found) return damaged(kMappingName, {"it is missing", 0});
    if (const FormatFault fault = namespaces_.ParseMapping(text))
      return damaged(kMappingName, fault);
    status = ReadMetadata(kDroppedName, &text, &found);
    if (!status.ok()) return status;
    if (const FormatFault fault = namespaces_.ParseDropped(found ? text : std::string()))
      return damaged(kDroppedName, fault);
  }
  bool changed = false;
  if (!namespaces_.Begin(options_.databases, &changed))
    return Status(Code::kInvalid, options_.dir + ": " + Namespaces::kUsedUp);
  for (uint32_t ns = 0; !fresh && ns < namespaces_.count(); ++ns) {
    const auto number = static_cast<uint16_t>(ns);
    const std::string key = CountersKey(namespaces_.slot(number).collection);
    std::string stored;
    const rocksdb::Status got = db_->Get({}, Sliced(key), &stored);
    if (got.IsNotFound()) continue;
    if (!got.ok()) return OpenError(got);
    ParsedValue value;
    FormatFault fault = CheckValue(ParseKey(key), stored, false, &value);
    if (!fault) fault = namespaces_.ParseCounters(number, value.body);
    if (fault) return damaged(DescribeKey(key), fault);
    version_ = std::max(version_, value.head.version);
  }
  status = ReadMetadata(kSpacesName, &text, &found);
  if (!status.ok()) return status;
  if (found) *numbers = text;
  status = ReadMetadata(kCountsName, &text, &found);
  if (!status.ok()) return status;
  // Now that everything with a version has been read.
  status = CompareWithMark(report);
  if (!status.ok()) return status;
  const std::string_view counts = exact_ ? "exact" : "estimated";
  // Counters are written as they stand: they count what a salvage has left out.
  const bool recount = exact_ && found && (text != counts || options_.salvage);
  if (!fresh && !changed && !recount && found && text == counts) return Status();
  // The mapping is there before the first key is.
  Batch batch;
  batch.mapping_changed = true;
  if (recount) {
    report->notices.push_back(
        std::string(text != counts ? "lsm-exact-counts was off" : "salvaged") +
        ": all keys are counted anew");
    status = Recount(&batch);
    if (!status.ok()) return status;
  }
  namespaces_.AddRecords(++version_, &batch);
  rocksdb::WriteBatch write;
  std::string value;
  for (const auto& [name, content] :
       {std::pair(kCountsName, counts), std::pair(kFormatName, kFormatText),
        std::pair(kEngineName, kEngineText)}) {
    EncodeValue({.kind = Kind::kMetadata, .version = version_}, content, &value);
    write.Put(MetadataKey(name), value);
  }
  for (const BatchRecord& record : batch.records) write.Put(record.key, record.value);
  rocksdb::WriteOptions options;
  options.sync = true;
  const rocksdb::Status wrote = db_->Write(options, &write);
  return wrote.ok() ? Status() : OpenError(wrote);
}

// Each batch that gives versions away writes a record with the latest one, so what was recovered
// has them all up to version_.
Status LsmEngine::CompareWithMark(RecoveryReport* report) {
  if (!marked_.has_value() || *marked_ <= version_) return Status();
  std::string text = SyncedMark::Contradiction(options_.dir, version_, *marked_);
  for (const std::string& said : events_->Take()) text += "; " + said;
  if (!options_.salvage) return Status(Code::kCorruption, text);
  report->damage.push_back(text);
  return Status();
}

// What was salvaged leaves the logs: the next start would end its replay at their first gap, and
// lose what is written from now on.
Status LsmEngine::EndSalvage(RecoveryReport* report) {
  if (const uint64_t gaps = log_order_->gaps(); gaps != 0) {
    report->damage.push_back(options_.dir + "/rocksdb: " + std::to_string(gaps) +
                             " times, records are missing in the logs between others");
  }
  const rocksdb::Status flushed = db_->Flush({});
  return flushed.ok() ? Status() : OpenError(flushed);
}

Status LsmEngine::StartThreads() {
  patience_.Begin();
  auto rules = std::make_shared<DropRules>();
  rules->collections = dropped_ = namespaces_.dropped();
  drops_waiting_ = !rules->collections.empty();
  dropped_at_ms_ = MonotonicMillis();
  gate_.Publish(std::move(rules));
  const auto latch = [this](uint32_t shard) -> Latch& { return ShardLatch(shard); };
  Committer::Parts parts;
  parts.db = db_.get();
  parts.index = &pending_;
  parts.records = records_.get();
  parts.listener = listener_;
  parts.latch = latch;
  parts.seal = [this](Batch* batch) { namespaces_.AddRecords(version_, batch); };
  parts.settled = [this](const Batch* batch, uint64_t durable) { Settled(batch, durable); };
  parts.fsync = options_.fsync;
  parts.staged_bytes_max = tuning_.staged_bytes_max;
  Sweeper::Parts sweep;
  sweep.db = db_.get();
  sweep.namespaces = &namespaces_;
  sweep.latch = latch;
  sweep.stale = [this](const Sweeper::Due& due, uint16_t shard) { DropStale(due, shard); };
  sweep.verify_checksums = own_.verify_checksums;
  CheckRoom();  // what it keeps belongs to the thread that watches, from now on
  const bool started = committer_->Start(std::move(parts)) && reads_.Start(own_.read_threads) &&
                       ranges_.Start(kRangeThreads) && sweeper_.Start(std::move(sweep)) &&
                       jobs_.Start([this] { RunJobs(); }) && jobs_.Start([this] { Watch(); }) &&
                       jobs_.Start([this] { RunDrops(); });
  if (!started) return Status(Code::kBusy, Threads::kRefused);
  return Status();
}

void LsmEngine::StopThreads(bool abandon) {
  {
    const std::lock_guard lock(jobs_mutex_);
    jobs_stop_ = true;
    jobs_wake_.notify_all();
  }
  sweeper_.Stop();
  patience_.GiveUp();
  if (abandon) {
    committer_->Abandon();
  } else {
    committer_->Stop();
  }
  reads_.Stop();
  ranges_.Stop();
  jobs_.Join();
}

Status LsmEngine::Close() {
  StopThreads(false);
  Status status;
  std::string reason;
  if (committer_->State(&reason) >= StreamState::kStopped) status = Status(Code::kReadOnly, reason);
  if (status.ok() && !skip_final_flush_) {
    // So that the next start has nothing to replay. What it does not flush is in the log.
    (void)db_->Flush({});
  }
  mark_.Sync();
  const rocksdb::Status closed = db_->Close();
  if (status.ok() && !closed.ok()) status = OpenError(closed);
  Reset();
  return status;
}

void LsmEngine::AbandonForTest() {
  StopThreads(true);
  Reset();
}

void LsmEngine::AwaitDueForTest(uint64_t now_ms) {
  CAIRN_CHECK(committer_->AwaitWritten());
  sweeper_.AwaitPassForTest(now_ms);
}

void LsmEngine::Reset() {
  mark_.Close();
  db_.reset();
  env_.reset();
  lock_.reset();
  block_cache_.reset();
  records_.reset();
  patience_.GiveUp();
  // Tickets of the life before are met: what they were for was durable when it ended.
  committer_ = std::make_unique<Committer>(committer_->latest());
  gate_.Publish(std::make_shared<DropRules>());
  pending_ = PendingIndex();
  namespaces_ = Namespaces();
  spaces_.Reset();
  numbers_batch_ = 0;
  version_ = 0;
  written_version_ = 0;
  mark_synced_ms_ = 0;
  compactions_stopped_ = false;
  std::fill(removed_.begin(), removed_.end(), 0);
  removed_all_ = 0;
  synced_ms_ = 0;
  jobs_stop_ = false;
  compact_canceled_ = false;
  flush_wanted_ = 0;
  saves_ = SaveStats();
  dropped_.clear();
  undurable_drops_.clear();
  any_undurable_drop_ = false;
  drops_waiting_ = false;
  skip_final_flush_ = false;
  reserve_ = false;
}

}  // namespace cairn::lsm
