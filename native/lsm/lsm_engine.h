// LsmEngine: the engine contract (engine/engine.h) over RocksDB, for key sets that outgrow memory.
//
//   writes   Apply -> open batch + index of what is pending -> committer -> DB::Write
//   reads    Find: pending, then DB::Get in memory only. What memory cannot say is unknown: Fetch
//            reads it in the read pool, as of the moment of the Find
//   ranges   in the read pool, after RocksDB has all that was applied before
//   expiry   an index by time, read ahead by the sweeper's thread; SweepExpired reports from that
//   pages    keys of an index of their own (engine/keyed_spaces.h); what is left of spaces that
//   were
//            dropped is deleted by a thread
//
// One part, one stream; a ticket's position is the number of a batch.
//
// Tokens. A key that is unknown was not written since the last flush of a memtable began: what is
// in memory would be found. So (collection, number of flushes) names its state. A value that is
// known but large is named by its own version.
//
// Whatever waits for a disk has a thread: committer, read pool, sweeper, jobs, drops. Reactors wait
// for latches and for the mutex of the open batch alone.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/keyed_spaces.h"
#include "engine/stats.h"
#include "io/disk.h"
#include "lsm/committer.h"
#include "lsm/compaction_filter.h"
#include "lsm/drop_gate.h"
#include "lsm/events.h"
#include "lsm/log_file.h"
#include "lsm/lsm_options.h"
#include "lsm/memtable.h"
#include "lsm/merge_operator.h"
#include "lsm/merge_page.h"
#include "lsm/namespaces.h"
#include "lsm/patient_file_system.h"
#include "lsm/pending.h"
#include "lsm/read_pool.h"
#include "lsm/record_cache.h"
#include "lsm/sweeper.h"
#include "lsm/synced_mark.h"

namespace cairn::lsm {

// A snapshot of RocksDB, and what compactions must leave alone while it is there.
class HeldSnapshot {
 public:
  HeldSnapshot(rocksdb::DB* db, DropGate* gate) : hold_(gate), db_(db), at_(db->GetSnapshot()) {}
  ~HeldSnapshot() { db_->ReleaseSnapshot(at_); }
  HeldSnapshot(const HeldSnapshot&) = delete;
  HeldSnapshot& operator=(const HeldSnapshot&) = delete;
  const rocksdb::Snapshot* at() const { return at_; }

 private:
  DropGate::Hold hold_;
  rocksdb::DB* db_;
  const rocksdb::Snapshot* at_;
};

// What it counts, all since it was opened.
struct LsmCounts {
  uint64_t user_bytes = 0;
  uint64_t commits = 0;
  uint64_t commit_nanos = 0;
  uint64_t syncs = 0;
  uint64_t reads = 0;
  uint64_t read_bytes = 0;
  uint64_t read_nanos = 0;
  uint64_t write_errors = 0;
  uint64_t read_errors = 0;
  uint64_t cache_evictions = 0;
  uint64_t record_hits = 0;
  uint64_t block_hits = 0;
  uint64_t wal_bytes = 0;
  uint64_t flushed_bytes = 0;
  uint64_t compactions = 0;
  uint64_t compacted_read_bytes = 0;
  uint64_t compacted_written_bytes = 0;
  uint64_t stalls = 0;
  uint64_t stall_nanos = 0;
  uint64_t filter_useful = 0;
  uint64_t filter_positive = 0;
  uint64_t block_cache_hits = 0;
  uint64_t block_cache_misses = 0;
  uint64_t filter_faults = 0;
  uint64_t background_errors = 0;
};

class LsmEngine final : public Engine {
 public:
  // Parts that a test brings.
  struct Tuning {
    std::shared_ptr<rocksdb::FileSystem> file_system;  // null: the system's
    uint64_t staged_bytes_max = Committer::kStagedBytesMax;
    uint64_t reserve_bytes = 16u << 20;
    uint64_t space_numbers = KeyedSpaces::kNumbersAside;  // set aside at a time
  };
  LsmEngine() = default;
  explicit LsmEngine(const Tuning& tuning) : tuning_(tuning) {}
  ~LsmEngine() override;

  Result<RecoveryReport> Open(const EngineOptions& options, Disk* disk,
                              DurabilityListener* listener) override;
  void AttachReactor(uint32_t reactor, IoQueue* queue, CompletionPort* port) override;
  void DetachReactor(uint32_t reactor) override;
  Status Close() override;
  // As if the process had died: nothing is written any more.
  void AbandonForTest();
  // Until the sweeper has seen all that RocksDB has by now and that expires by then.
  void AwaitDueForTest(uint64_t now_ms);

  uint32_t streams() const override { return 1; }
  bool Durable(const Ticket& ticket) const override {
    return committer_->durable() >= ticket.position;
  }
  Ticket LatestTicket(uint32_t stream) const override { return {stream, committer_->latest()}; }
  StreamState State(uint32_t, std::string* reason) const override {
    return committer_->State(reason);
  }
  bool CommitsElsewhere() const override { return true; }
  void RequestSync(uint32_t) override { committer_->Sync(); }

  void Prefetch(uint16_t ns, std::span<const KeyHint> keys) override;
  void Find(uint16_t ns, uint16_t shard, std::string_view key, bool want_value,
            Entry* entry) override;
  Owner Pin(uint16_t ns, uint16_t shard, std::string_view key, const Entry& entry) override;
  void Fetch(uint32_t reactor, uint16_t ns, uint16_t shard, std::string_view key,
             FetchRequest* request) override;
  uint32_t parts() const override { return 1; }
  uint32_t PartOf(uint16_t) const override { return 0; }
  bool RangesInMemory() const override { return false; }
  void ReadRange(uint32_t reactor, RangeRequest* request) override;
  void RandomKey(uint32_t reactor, uint64_t random, RangeRequest* request) override;
  uint64_t KeyCount(uint16_t ns) const override;
  uint64_t ExpiringCount(uint16_t ns) const override;
  uint64_t MeanTtlMillis(uint16_t ns, uint64_t now_ms) const override;
  bool SweepExpired(uint16_t ns, uint16_t shard, uint64_t now_ms, size_t* visits,
                    KeyVisitor* visitor) override;
  uint64_t EntryMemoryBytes(uint16_t ns, uint16_t shard, std::string_view key) override;

  bool WantsBefore() const override { return exact_; }
  bool KeepsExpiryApart() const override { return false; }
  Status Apply(uint32_t reactor, std::span<const WriteOp> ops, Ticket* tickets,
               uint32_t* ticket_count, PreparedUnit* prepared = nullptr) override;
  std::unique_ptr<PreparedUnit> Prepare(uint32_t reactor, std::span<const WriteOp> ops) override;
  void TurnEnd(uint32_t reactor) override;
  void Tick(uint32_t reactor, uint64_t monotonic_ms) override;
  SpaceStore* spaces() override { return &spaces_; }

  uint64_t RequestSave() override;
  void SkipFinalSave() override { skip_final_flush_ = true; }
  SaveStats Saves() const override;
  Status SetOption(std::string_view name, std::string_view value) override;
  Status Command(std::span<const std::string_view> words, std::string* reply) override;
  uint64_t FilesAhead() const override;
  void Stats(EngineStats* out) const override;
  void Figures(const FigureInput& input, FigureList* list) const override;
  void ResetFigures() override;
  std::vector<std::string> TakeNotices() override;

 private:
  struct Reactor {
    CompletionPort* port = nullptr;
    std::atomic<uint64_t> reading{0};        // requests that were not posted yet
    std::shared_ptr<HeldSnapshot> snapshot;  // of this turn's fetches
    uint64_t snapshot_flushes = 0;
  };
  class Reading;
  class Fetching;
  class Ranging;
  class Drawing;

  // --- lsm_open.cc, lsm_jobs.cc ---
  Status OpenDatabase();
  Status SyncLogs();
  bool IsEmpty() const;
  Status Recount(Batch* batch);
  Status LoadNamespaces(RecoveryReport* report, std::optional<std::string>* numbers);
  Status EndSalvage(RecoveryReport* report);
  Status CompareWithMark(RecoveryReport* report);
  Status ReadMetadata(std::string_view name, std::string* text, bool* found);
  Status StartThreads();
  void StopThreads(bool abandon);
  void RunJobs();
  void Watch();
  void Flush(uint64_t wanted);
  void CleanDropped();
  void CheckRoom();
  uint64_t RecordCacheBytes(uint64_t cache_bytes) const;
  void Waits(bool waits, const std::string& reason);
  std::string ReservePath() const { return options_.dir + "/reserve"; }
  void TrimArchive(bool all);
  void FindReserve();
  void KeepReserve();
  bool ReleaseReserve();
  bool IsGone(uint32_t collection) const;
  void Settled(const Batch* batch, uint64_t durable);
  void NoteDrops(const Batch* batch, uint64_t durable);
  void DropStale(const Sweeper::Due& due, uint16_t shard);
  // What RocksDB says of a key without the disk. A large value (by its body) is not copied: it has
  // no body here. Any other is in `value`.
  struct InMemory {
    enum class State : uint8_t { kUnknown, kMissing, kFound, kLarge };  // unknown: damaged, too
    State state = State::kUnknown;
    ValueHead head;
    uint64_t body_bytes = 0;
    std::string_view body;  // if kFound
  };
  InMemory LookInMemory(const std::string& stored_key, rocksdb::PinnableSlice* value) const;
  void Reset();

  // --- lsm_pages.cc ---
  // Of the keys of a namespace, or of pages.
  KeyPrefix PrefixOf(uint16_t ns) const {
    return {.collection = namespaces_.slot(KeysOf(ns)).collection.load(std::memory_order_relaxed),
            .index = IsOfPages(ns) ? key_value_index::kPages : key_value_index::kKeys};
  }
  Status LoadSpaces(const std::optional<std::string>& set_aside);
  uint64_t LookAtPages(uint16_t ns, rocksdb::Iterator* at);
  void MoreNumbers();
  void RunDrops();
  bool DeletePages();

  // --- lsm_read.cc ---
  void Submit(uint32_t reactor, ReadPool* pool, Reading* reading);
  uint64_t Flushes() const { return events_->flushes(); }
  uint64_t Written() const { return committer_->written(); }

  // --- lsm_write.cc ---
  Status Refusal(std::span<const WriteOp> ops, uint64_t* bytes, bool* awaited) const;
  void ApplyKey(const WriteOp& op, std::shared_ptr<LargeBuffer> large, Batch* batch);
  void ApplyWhole(const WriteOp& op, Batch* batch);
  LsmCounts Counts() const;

  Tuning tuning_;
  EngineOptions options_;
  LsmOptions own_;
  LsmCounts reset_at_;  // of whoever looks at figures
  Disk* disk_ = nullptr;
  DurabilityListener* listener_ = nullptr;
  std::unique_ptr<cairn::FileLock> lock_;
  bool exact_ = true;

  DropGate gate_;
  Upgrades upgrades_;
  PageFolds folds_;
  MergeFigures merges_;
  FilterFigures filtered_;
  std::shared_ptr<Events> events_ = std::make_shared<Events>();
  Patience patience_{[this](bool waits, const std::string& reason) { Waits(waits, reason); },
                     [this] { return ReleaseReserve(); }};
  std::unique_ptr<rocksdb::Env> env_;
  LargeValues large_;                    // told by the memtables
  std::unique_ptr<LogOrder> log_order_;  // of this start; RocksDB names it in its notes of options
  std::unique_ptr<rocksdb::DB> db_;
  std::shared_ptr<rocksdb::Cache> block_cache_;
  std::shared_ptr<rocksdb::Statistics> statistics_;

  Namespaces namespaces_;
  KeyedSpaces spaces_{this};
  uint64_t numbers_batch_ = 0;      // that sets more aside; 0: none does. Of the thread that drops
  uint64_t version_ = 0;            // the newest one; under the committer's mutex
  std::optional<uint64_t> marked_;  // by the life before
  SyncedMark mark_;
  uint64_t written_version_ = 0;  // that RocksDB has; of the committer's thread
  uint64_t mark_synced_ms_ = 0;   // of the thread that watches; the next one, too
  bool compactions_stopped_ = false;
  PendingIndex pending_;
  std::unique_ptr<RecordCache> records_;
  std::unique_ptr<Committer> committer_ = std::make_unique<Committer>();
  ReadPool reads_;   // of single keys
  ReadPool ranges_;  // which may wait for the committer
  Sweeper sweeper_;
  std::vector<uint64_t> removed_ =
      std::vector<uint64_t>(kShardCount, 0);  // batch; by shard, latched
  std::atomic<uint64_t> removed_all_{0};      // batch of the latest flush or swap
  Reactor reactors_[kReactorsMax];
  static constexpr uint64_t kSyncEveryMs = 1000;
  std::atomic<FsyncPolicy> fsync_{FsyncPolicy::kAlways};
  uint64_t synced_ms_ = 0;  // of reactor 0's ticks

  Threads jobs_;
  mutable std::mutex jobs_mutex_;
  std::condition_variable jobs_wake_;
  std::atomic<bool> compact_canceled_{false};
  std::atomic<bool> jobs_stop_{false};  // changed under jobs_mutex_
  uint64_t flush_wanted_ = 0;
  SaveStats saves_;
  std::atomic<uint64_t> min_free_bytes_{0};
  std::atomic<uint64_t> free_bytes_{0};
  std::mutex reserve_mutex_;
  bool reserve_ = false;           // the file is there; under reserve_mutex_
  std::vector<uint32_t> dropped_;  // collections, durably; ascending; under jobs_mutex_
  uint64_t dropped_at_ms_ = 0;     // the last of them
  bool drops_waiting_ = false;
  // Batches that dropped collections and are not durable yet; of the committer's thread.
  std::deque<std::pair<uint64_t, std::vector<uint32_t>>> undurable_drops_;
  bool any_undurable_drop_ = false;  // under jobs_mutex_
  uint64_t drops_synced_ms_ = 0;
  uint64_t trimmed_at_ms_ = 0;  // the archive of logs; of the thread that watches
  bool skip_final_flush_ = false;

  struct ReadFigures {
    std::atomic<uint64_t> record_hits{0};  // found in the record cache
    std::atomic<uint64_t> block_hits{0};   // by RocksDB, in memory
    std::atomic<uint64_t> reads{0};
    std::atomic<uint64_t> bytes{0};
    std::atomic<uint64_t> nanos{0};
    std::atomic<uint64_t> errors{0};
    std::atomic<uint64_t> in_flight{0};
  } read_figures_;
};

}  // namespace cairn::lsm
