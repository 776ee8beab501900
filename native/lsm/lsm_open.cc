// The life of an lsm engine: its directory, its threads, what goes on in the background.
//
//   DIR/LOCK          one process at a time, as for every engine
//   DIR/rocksdb/...   RocksDB's files
#include <rocksdb/convenience.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "base/text.h"
#include "lsm/key.h"
#include "lsm/lsm_engine.h"
#include "lsm/rocksdb_options.h"
#include "lsm/rocksdb_version.h"

namespace cairn::lsm {

namespace {

constexpr std::string_view kFormatName = "format";
constexpr std::string_view kEngineName = "engine";
constexpr std::string_view kMappingName = "namespaces";
constexpr std::string_view kDroppedName = "dropped";
constexpr std::string_view kFormatText = "1";
constexpr std::string_view kEngineText = "lsm";

constexpr uint64_t kFilesAhead = 1000;
constexpr uint64_t kJobMillis = 100;
constexpr uint64_t kCleanAfterMillis = 5000;  // after the last flush of a namespace
// What compactions need beside what is told to be kept free.
constexpr uint64_t kFreeBytesLast = 4u << 20;

rocksdb::Slice Sliced(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view Viewed(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// What clients keep in a collection: first key, and first one behind it.
struct CollectionRange {
  explicit CollectionRange(uint32_t collection) {
    char prefix[kPrefixBytes];
    EncodePrefix({.collection = collection}, prefix);
    begin.assign(prefix, kCollectionPrefixBytes);
    end = PrefixSuccessor(begin);
  }
  std::string begin;
  std::string end;
};

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
  if (!options.any_value) {
    const std::string said = ScaleDown(MemoryBytes(), std::thread::hardware_concurrency(), &own_);
    report.notices.push_back(DescribeLibrary());
    if (!said.empty()) report.notices.push_back("lowered to fit this machine: " + said);
  }
  Status status = disk->CreateDir(options.dir);
  if (!status.ok()) return status;
  Result<std::unique_ptr<cairn::FileLock>> lock = disk->LockFile(options.dir + "/LOCK");
  if (!lock.ok()) return lock.status();
  lock_ = std::move(lock.value());
  status = OpenDatabase();
  if (status.ok()) status = LoadNamespaces(&report);
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
  const bool own_files = tuning_.file_system == nullptr;
  env_ = rocksdb::NewCompositeEnv(NewPatientFileSystem(
      own_files ? rocksdb::FileSystem::Default() : tuning_.file_system, &patience_));
  options.env = env_.get();
  options.info_log = events_->NewLogger(events_);
  options.listeners.push_back(events_);
  options.merge_operator = std::make_shared<MergeOperator>(&folds_, &merges_);
  options.compaction_filter_factory =
      std::make_shared<FilterFactory>(KeyOrder::kAscending, &gate_, &upgrades_, &filtered_);
  if (options_.salvage)
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
  if (own_files) {
    options.env->SetBackgroundThreads(static_cast<int>(own_.flush_threads),
                                      rocksdb::Env::Priority::HIGH);
    options.env->SetBackgroundThreads(static_cast<int>(own_.compaction_threads),
                                      rocksdb::Env::Priority::LOW);
  }
  const std::string path = options_.dir + "/rocksdb";
  const Status made = disk_->CreateDir(path);
  if (!made.ok()) return made;
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, path, &opened);
  db_.reset(opened);
  return status.ok() ? Status() : OpenError(status);
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

Status LsmEngine::LoadNamespaces(RecoveryReport*) {
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
  namespaces_.Begin(options_.databases, &changed);
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
  if (!fresh && !changed) return Status();
  // The mapping is there before the first key is.
  Batch batch;
  batch.mapping_changed = true;
  namespaces_.AddRecords(++version_, &batch);
  rocksdb::WriteBatch write;
  std::string value;
  for (const auto& [name, content] :
       {std::pair(kFormatName, kFormatText), std::pair(kEngineName, kEngineText)}) {
    EncodeValue({.kind = Kind::kMetadata, .version = version_}, content, &value);
    write.Put(MetadataKey(name), value);
  }
  for (const BatchRecord& record : batch.records) write.Put(record.key, record.value);
  rocksdb::WriteOptions options;
  options.sync = true;
  const rocksdb::Status wrote = db_->Write(options, &write);
  return wrote.ok() ? Status() : OpenError(wrote);
}

Status LsmEngine::StartThreads() {
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
  parts.done = [this](const Batch& batch) {
    if (!batch.dropped.empty()) PublishDrops(batch);
  };
  parts.fsync = options_.fsync;
  parts.staged_bytes_max = tuning_.staged_bytes_max;
  Sweeper::Parts sweep;
  sweep.db = db_.get();
  sweep.namespaces = &namespaces_;
  sweep.latch = latch;
  sweep.stale = [this](const Sweeper::Due& due, uint16_t shard) { DropStale(due, shard); };
  sweep.verify_checksums = own_.verify_checksums;
  const bool started = committer_->Start(std::move(parts)) && reads_.Start(own_.read_threads) &&
                       sweeper_.Start(std::move(sweep)) && jobs_.Start([this] { RunJobs(); });
  if (!started) return Status(Code::kBusy, Threads::kRefused);
  CheckRoom();
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
  db_.reset();
  env_.reset();
  lock_.reset();
  block_cache_.reset();
  records_.reset();
  patience_.Begin();
  committer_ = std::make_unique<Committer>();
  pending_ = PendingIndex();
  namespaces_ = Namespaces();
  version_ = 0;
  std::fill(removed_.begin(), removed_.end(), 0);
  removed_all_ = 0;
  synced_ms_ = 0;
  jobs_stop_ = false;
  flush_wanted_ = 0;
  saves_ = SaveStats();
  dropped_.clear();
  drops_waiting_ = false;
  skip_final_flush_ = false;
  reserve_ = false;
}

// ---- in the background ----

void LsmEngine::RunJobs() {
  std::unique_lock lock(jobs_mutex_);
  while (!jobs_stop_) {
    jobs_wake_.wait_for(lock, std::chrono::milliseconds(kJobMillis),
                        [this] { return jobs_stop_ || flush_wanted_ > saves_.done; });
    if (jobs_stop_) return;
    const uint64_t flush = flush_wanted_ > saves_.done ? flush_wanted_ : 0;
    const bool clean = drops_waiting_ && MonotonicMillis() >= dropped_at_ms_ + kCleanAfterMillis;
    if (clean) drops_waiting_ = false;
    lock.unlock();
    CheckRoom();
    if (flush != 0) Flush(flush);
    if (clean) CleanDropped();
    lock.lock();
  }
}

// Refuses writes while there is still room for what memtables have yet to become.
void LsmEngine::CheckRoom() {
  const Result<uint64_t> free = disk_->FreeBytes(options_.dir);
  if (!free.ok()) return;
  free_bytes_.store(free.value(), std::memory_order_relaxed);
  uint64_t memtables = 0;
  (void)db_->GetIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &memtables);
  const uint64_t wanted =
      min_free_bytes_.load(std::memory_order_relaxed) + memtables + kFreeBytesLast;
  if (free.value() >= wanted + tuning_.reserve_bytes) KeepReserve();
  const bool reserve = [this] {
    const std::lock_guard lock(reserve_mutex_);
    return reserve_;
  }();
  committer_->Refuse(free.value() < wanted || !reserve,
                     options_.dir + ": the disk is full: " + std::to_string(free.value() >> 20) +
                         " MB are free, " + std::to_string(wanted >> 20) +
                         " MB are kept for what is in memory");
}

// A file that takes room and is given up when RocksDB finds none: so that deletes, which need a
// little, go on.
void LsmEngine::KeepReserve() {
  const std::lock_guard lock(reserve_mutex_);
  if (reserve_) return;
  const Result<bool> there = disk_->Exists(ReservePath());
  reserve_ = there.ok() && there.value();
  if (reserve_) return;
  Result<std::unique_ptr<File>> file = disk_->OpenDirect(ReservePath(), Disk::Mode::kCreate);
  if (!file.ok()) return;
  reserve_ = file.value()->Allocate(0, tuning_.reserve_bytes).ok();
  if (!reserve_) (void)disk_->Remove(ReservePath());
}

bool LsmEngine::ReleaseReserve() {
  const std::lock_guard lock(reserve_mutex_);
  if (!reserve_) return false;
  reserve_ = false;
  if (!disk_->Remove(ReservePath()).ok()) return false;
  committer_->Refuse(true,
                     options_.dir + ": the disk is full: what was kept for deletes is in use");
  return true;
}

// A thread of RocksDB, or of ours in RocksDB, waits for room on the disk.
void LsmEngine::Waits(bool waits, const std::string& reason) {
  if (committer_->IsThisThread()) {
    committer_->SetWaiting(waits, options_.dir + ": the disk is full: " + reason);
  } else if (waits) {
    committer_->Refuse(
        true, options_.dir + ": the disk is full: " + reason);  // until CheckRoom finds some
    events_->Notice("the disk is full, background work waits: " + reason);
  }
}

uint64_t LsmEngine::RequestSave() {
  const std::lock_guard lock(jobs_mutex_);
  jobs_wake_.notify_all();
  // One that is being served may have begun before what is to be saved was written.
  return ++flush_wanted_;
}

SaveStats LsmEngine::Saves() const {
  const std::lock_guard lock(jobs_mutex_);
  return saves_;
}

void LsmEngine::Flush(uint64_t wanted) {
  const uint64_t started = MonotonicMillis();
  {
    const std::lock_guard lock(jobs_mutex_);
    saves_.running = true;
  }
  std::string error;
  if (!committer_->AwaitWritten()) {
    committer_->State(&error);
    if (error.empty()) error = "the engine is being closed";
  }
  if (error.empty()) {
    rocksdb::FlushOptions options;
    options.allow_write_stall = true;
    const rocksdb::Status status = db_->Flush(options);
    if (!status.ok()) error = "RocksDB: " + status.ToString();
  }
  const std::lock_guard lock(jobs_mutex_);
  saves_.running = false;
  saves_.done = wanted;
  saves_.last_ok = error.empty();
  saves_.last_error = error;
  saves_.last_millis = MonotonicMillis() - started;
  if (!error.empty()) return;
  saves_.last_wall_ms = WallMillis();
  saves_.last_keys = namespaces_.keys();
  ++saves_.written;
}

// On the committer's thread: a batch that dropped collections is durable.
void LsmEngine::PublishDrops(const Batch& batch) {
  auto rules = std::make_shared<DropRules>();
  const std::lock_guard lock(jobs_mutex_);
  dropped_.insert(dropped_.end(), batch.dropped.begin(), batch.dropped.end());
  std::sort(dropped_.begin(), dropped_.end());
  rules->collections = dropped_;
  gate_.Publish(std::move(rules));
  drops_waiting_ = true;
  dropped_at_ms_ = MonotonicMillis();
}

void LsmEngine::CleanDropped() {
  const std::shared_ptr<const DropRules> rules = gate_.InForce();
  std::vector<uint32_t> gone;
  for (const uint32_t collection : rules->collections) {
    if (jobs_stop_) return;
    const CollectionRange range(collection);
    const rocksdb::Slice from = Sliced(range.begin);
    const rocksdb::Slice to = Sliced(range.end);
    rocksdb::CompactRangeOptions options;
    options.exclusive_manual_compaction = false;
    options.canceled = &jobs_stop_;
    options.bottommost_level_compaction =
        rocksdb::BottommostLevelCompaction::kIfHaveCompactionFilter;
    (void)rocksdb::DeleteFilesInRange(db_.get(), db_->DefaultColumnFamily(), &from, &to, false);
    (void)db_->CompactRange(options, &from, &to);
    if (IsGone(collection)) gone.push_back(collection);
  }
  if (gone.empty()) return;
  {
    const std::lock_guard lock(jobs_mutex_);
    std::vector<uint32_t> left;
    std::set_difference(dropped_.begin(), dropped_.end(), gone.begin(), gone.end(),
                        std::back_inserter(left));
    dropped_ = std::move(left);
  }
  const std::lock_guard lock(committer_->mutex());
  namespaces_.Forget(gone, &committer_->open());
  committer_->Added(0, false);
}

bool LsmEngine::IsGone(uint32_t collection) const {
  const CollectionRange range(collection);
  const rocksdb::Slice upper = Sliced(range.end);
  rocksdb::ReadOptions options;
  options.total_order_seek = true;
  options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(options));
  at->Seek(Sliced(range.begin));
  return !at->Valid() && at->status().ok();
}

// An entry of the expiry index whose key has another expiry, or none: so after blind writes.
void LsmEngine::DropStale(const Sweeper::Due& due, uint16_t shard) {
  std::string key;
  EncodeKey({.collection = due.collection}, due.key, &key);
  const LatchGuard guard(ShardLatch(shard));
  if (pending_.Find(shard, key, HashOf(key)) != nullptr) return;
  rocksdb::ReadOptions options;
  options.read_tier = rocksdb::kBlockCacheTier;
  rocksdb::PinnableSlice stored;
  const rocksdb::Status status =
      db_->Get(options, db_->DefaultColumnFamily(), Sliced(key), &stored);
  ParsedValue parsed;
  if (!status.ok() && !status.IsNotFound()) return;
  if (status.ok() &&
      (ParseValue(Viewed(stored), &parsed) || parsed.head.expire_at_ms == due.expire_at_ms))
    return;
  BatchRecord record;
  EncodeExpiryKey({.collection = due.collection, .index = key_value_index::kExpiry},
                  due.expire_at_ms, due.key, &record.key);
  record.deletion = true;
  const std::lock_guard lock(committer_->mutex());
  committer_->open().records.push_back(std::move(record));
  committer_->Added(0, false);
}

// ---- figures ----

uint64_t LsmEngine::RecordCacheBytes(uint64_t cache_bytes) const {
  return cache_bytes / 100 * own_.record_cache_percent;
}

Status LsmEngine::SetOption(std::string_view name, std::string_view value) {
  const std::lock_guard lock(jobs_mutex_);
  const BoundOption<EngineOptions>* option = FindOption(CommonOptions(), name);
  if (option == nullptr)
    return Status(Code::kInvalid, "the engine lsm has no option '" + std::string(name) + "'");
  if (option->row.change != OptionChange::kAtRuntime)
    return Status(Code::kInvalid, std::string(name) + " takes effect at the next start only");
  const Status status = SetOptionText(*option, value, &options_, options_.any_value);
  if (!status.ok()) return status;
  min_free_bytes_.store(options_.min_free_bytes, std::memory_order_relaxed);
  block_cache_->SetCapacity(BlockCacheBytes(own_, options_.cache_bytes));
  records_->SetBudget(RecordCacheBytes(options_.cache_bytes));
  if (fsync_.exchange(options_.fsync) != options_.fsync) {
    committer_->SetFsync(options_.fsync);
    committer_->Sync();
  }
  return Status();
}

Status LsmEngine::Command(std::span<const std::string_view> words, std::string* reply) {
  reply->clear();
  if (words.size() == 1 && EqualsIgnoreCase(words[0], "compact")) {
    rocksdb::CompactRangeOptions options;
    options.exclusive_manual_compaction = false;
    options.canceled = &jobs_stop_;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
    const rocksdb::Status status = db_->CompactRange(options, nullptr, nullptr);
    return status.ok() ? Status() : Status(Code::kIoError, "RocksDB: " + status.ToString());
  }
  std::string text;
  for (const std::string_view word : words) text += (text.empty() ? "" : " ") + std::string(word);
  return Status(Code::kInvalid, "the engine lsm has no command '" + text + "'");
}

// Tables are opened as they are read, and stay open.
uint64_t LsmEngine::FilesAhead() const { return kFilesAhead; }

}  // namespace cairn::lsm
