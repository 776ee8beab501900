// MapEngine: the contract of engine/engine.h kept in the plainest way, by maps and one mutex. The
// contract suite runs on it as on the real engines: what it demands is proved to be possible, and
// not to be one engine's habit. It has no files: what it has made durable lies in a MapMedium,
// which outlives it and may lose what a machine may lose.
//
//   Apply -> cells (what reads see), staged        TurnEnd begins a commit of all that is staged,
//   next Tick ends it: staged -> medium            position of a unit: its number
//
// Values leave memory when they are durable and there is no cache, so that they have to be fetched.
// A cold one is as an engine whose keys are on disk: what is durable has left memory altogether, so
// that nobody knows what is there without reading; ranges are read, too; it has a single part and a
// single stream (others have as many as their option `streams` says); and it wants to hear from the
// writer what was there.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "engine/figures.h"
#include "engine/stats.h"
#include "map_pages.h"

namespace cairn::testing {

// A unit of writes with bytes of its own.
struct MapUnit {
  struct Change {
    WriteOp op;  // without key and value
    std::string key;
    std::string value;
  };
  uint64_t number = 0;
  std::vector<Change> changes;
  std::vector<MapPageChange> pages;
};

// What a directory on a disk is to other engines.
struct MapMedium {
  std::vector<MapUnit> written;
  size_t synced = 0;  // of the written ones
  bool locked = false;
  bool full = false;
  bool broken = false;  // commits fail
  uint64_t life = 0;    // an engine of an earlier one writes nothing any more
  uint64_t spaces_given = 0;
  std::mt19937_64 random;  // what a power failure leaves of what was not synced

  void Kill() {
    locked = false;
    ++life;
  }
  void Crash() {
    const size_t unsynced = written.size() - synced;
    written.resize(synced + random() % (unsynced + 1));
    synced = written.size();
    Kill();
  }
};

class MapEngine final : public Engine {
 public:
  explicit MapEngine(MapMedium* medium, bool cold = false)
      : medium_(medium), cold_(cold), streams_(cold ? 1 : 2) {}
  ~MapEngine() override;

  Result<RecoveryReport> Open(const EngineOptions& options, Disk* disk,
                              DurabilityListener* listener) override;
  void AttachReactor(uint32_t reactor, IoQueue* queue, CompletionPort* port) override;
  void DetachReactor(uint32_t reactor) override;
  Status Close() override;

  uint32_t streams() const override { return streams_; }
  bool Durable(const Ticket& ticket) const override;
  Ticket LatestTicket(uint32_t stream) const override;
  StreamState State(uint32_t stream, std::string* reason) const override;
  void RequestSync(uint32_t reactor) override;

  void Find(uint16_t ns, uint16_t shard, std::string_view key, bool want_value,
            Entry* entry) override;
  void Fetch(uint32_t reactor, uint16_t ns, uint16_t shard, std::string_view key,
             FetchRequest* request) override;
  uint32_t parts() const override { return cold_ ? 1 : kShardCount; }
  uint32_t PartOf(uint16_t shard) const override { return cold_ ? 0 : shard; }
  bool RangesInMemory() const override { return !cold_; }
  void ReadRange(uint32_t reactor, RangeRequest* request) override;
  void RandomKey(uint32_t reactor, uint64_t random, RangeRequest* request) override;
  uint64_t KeyCount(uint16_t ns) const override;
  uint64_t ExpiringCount(uint16_t ns) const override;
  uint64_t MeanTtlMillis(uint16_t ns, uint64_t now_ms) const override;
  bool SweepExpired(uint16_t ns, uint16_t shard, uint64_t now_ms, size_t* visits,
                    KeyVisitor* visitor) override;

  bool WantsBefore() const override { return cold_; }
  bool KeepsExpiryApart() const override { return !cold_; }
  Status Apply(uint32_t reactor, std::span<const WriteOp> ops, Ticket* tickets,
               uint32_t* ticket_count, PreparedUnit* prepared = nullptr) override;
  SpaceStore* spaces() override { return &pages_; }
  void TurnEnd(uint32_t reactor) override;
  void Tick(uint32_t reactor, uint64_t monotonic_ms) override;

  uint64_t RequestSave() override;
  void SkipFinalSave() override {}
  SaveStats Saves() const override;
  Status SetOption(std::string_view name, std::string_view value) override;
  Status Command(std::span<const std::string_view> words, std::string* reply) override;
  void Stats(EngineStats* out) const override;
  void Figures(const FigureInput& input, FigureList* list) const override;
  void ResetFigures() override { reset_at_ = last_unit_; }
  uint64_t EntryMemoryBytes(uint16_t ns, uint16_t shard, std::string_view key) override;

 private:
  friend class MapPages;
  static constexpr uint64_t kSyncEveryMs = 1000;

  struct Cell {
    std::string value;
    uint64_t expire_at_ms = 0;
    uint64_t unit = 0;  // that wrote it, or changed its expiry
    uint64_t value_id = 0;
    ValueType type = ValueType::kString;
  };
  using Cells = std::map<std::string, Cell, std::less<>>;
  struct ShardState {
    Cells cells;
    uint64_t last_removal = 0;
  };
  using Space = std::vector<ShardState>;  // by shard
  struct Reading final : Completion {     // of one key, or of a range
    FetchRequest* fetch = nullptr;
    FetchRequest::Result result;
    std::string value;
    RangeRequest* range = nullptr;
    void Run() override;
  };

  // The contract wants the shard latched by whoever asks for what is in it.
  const ShardState& In(uint16_t ns, uint16_t shard) const {
    CAIRN_ASSERT_LATCHED(latches_[shard].latch);
    return spaces_[ns][shard];
  }
  Status ApplyUnit(std::span<const WriteOp> ops, std::span<const PageOp> pages, Ticket* tickets,
                   uint32_t* ticket_count);
  void Change(const MapUnit& unit);
  void FlushSpace(uint16_t ns, uint64_t unit);
  uint64_t Total(uint16_t ns, bool expiring) const;
  bool AllDurable() const { return durable_ == last_unit_; }
  void Commit(uint64_t up_to);
  void Sync();
  void CompleteReads(uint32_t reactor);
  uint32_t StreamOf(uint32_t shard) const { return shard % streams(); }
  void Answer(uint32_t reactor, RangeRequest* request);
  // Rows of one shard or, cold, of all; in order, no more than a request can take and one.
  std::map<std::string_view, const Cell*> RowsOf(const RangeRequest& request) const;

  MapMedium* medium_;
  const bool cold_;
  uint32_t streams_;
  EngineOptions options_;
  DurabilityListener* listener_ = nullptr;
  mutable std::mutex mutex_;
  std::vector<Space> spaces_;
  MapPages pages_{this};
  std::deque<MapUnit> staged_;  // not on the medium yet
  uint64_t staged_bytes_ = 0;
  uint64_t staged_bytes_max_ = 1u << 20;
  uint64_t last_unit_ = 0;
  uint64_t next_value_id_ = 1;
  uint64_t committing_ = 0;  // units up to this one are on their way
  uint64_t durable_ = 0;
  bool awaited_ = false;  // something staged starts a commit
  bool failed_ = false;
  bool open_ = false;
  uint64_t life_ = 0;
  uint64_t now_ms_ = 0;
  uint64_t synced_ms_ = 0;
  uint64_t saves_ = 0;
  uint64_t reset_at_ = 0;
  std::vector<std::unique_ptr<Reading>> pending_[kReactorsMax];
  CompletionPort* ports_[kReactorsMax] = {};
};

}  // namespace cairn::testing
