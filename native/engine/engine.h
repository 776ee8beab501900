// The contract between the transaction layer and a storage engine (vlog, lsm). An engine knows
// namespaces, shards, keys, values and commit streams; it knows no sessions, no RESP and no Node.
//
// Threads. Every call marked [latched] requires the caller to hold ShardLatch(shard) of every shard
// named; any reactor may make it. Calls marked [reactor r] come only from the thread of reactor r.
// Everything else is thread-safe. A latch is held for memory work only, never across I/O, and no
// call of a reactor waits for anything but latches.
//
// Lookups. Find says what memory knows. What it does not know, Fetch reads without a latch; the
// caller looks again when that is done, and takes what was read if the version is still the same.
//
// Durability. A write takes effect, for every reader, when it is applied; its tickets say when it
// is durable. A reply may leave when all its tickets are durable (policy `always`), those of what
// it shows included. A unit is atomic over all streams: no ticket at or behind a part of it becomes
// durable before all parts are, so an acknowledged later write never stands on a part that a crash
// could take back.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/latch.h"
#include "base/slot.h"
#include "base/status.h"
#include "engine/completion_port.h"
#include "engine/options.h"
#include "engine/read.h"
#include "engine/recovery_report.h"
#include "engine/ticket.h"
#include "engine/write.h"

namespace cairn {

class CutSource;
class Disk;
class IoQueue;
class SpaceStore;
struct EngineStats;
struct FigureInput;
class FigureList;
struct SaveStats;

class Engine {
 public:
  class KeyVisitor {
   public:
    virtual ~KeyVisitor() = default;
    // `key` is valid during the call. Return false to stop.
    virtual bool OnKey(std::string_view key, uint64_t expire_at_ms, ValueType type) = 0;
  };

  virtual ~Engine() = default;

  // --- life: Open, then AttachReactor once per reactor thread, ..., then Close from one thread
  // after all detached. ---
  // kBusy: another process has the directory, or options.stop turned true.
  virtual Result<RecoveryReport> Open(const EngineOptions& options, Disk* disk,
                                      DurabilityListener* listener) = 0;
  // Reads complete through `queue` or `port`, whichever suits; both outlive the attachment.
  virtual void AttachReactor(uint32_t reactor, IoQueue* queue, CompletionPort* port) = 0;  // [r]
  virtual void DetachReactor(uint32_t reactor) = 0;  // [r] nothing in flight there any more
  // Makes durable all that was applied, and releases the directory. After all detached.
  virtual Status Close() = 0;

  Latch& ShardLatch(uint32_t shard) { return latches_[shard].latch; }

  // --- durability ---
  virtual uint32_t streams() const = 0;  // constant while open
  virtual bool Durable(const Ticket& ticket) const = 0;
  // Covers everything applied so far in this stream.
  virtual Ticket LatestTicket(uint32_t stream) const = 0;
  virtual StreamState State(uint32_t stream, std::string* reason = nullptr) const = 0;
  // Whether nothing becomes durable: State of at least kStopped. Cheap.
  virtual bool Stopped(uint32_t stream, std::string* reason = nullptr) const {
    return State(stream, reason) >= StreamState::kStopped;
  }
  // Whether threads of the engine's own tell of it (DurabilityListener), and not those of reactors.
  virtual bool CommitsElsewhere() const { return false; }
  // Starts to make durable everything applied so far, whatever the policy (WAITAOF, SAVE): done
  // when the latest tickets are. Under policies other than `always`, durable means synced.
  virtual void RequestSync(uint32_t reactor) = 0;  // [reactor r]

  // --- reads of one key ---
  virtual void Find(uint16_t ns, uint16_t shard, std::string_view key, bool want_value,
                    Entry* entry) = 0;  // [latched]
  // Brings what these keys need from memory into the processor's caches, all at once instead of one
  // miss after another. Changes nothing. Takes latches itself. [reactor]
  virtual void Prefetch(uint16_t ns, std::span<const KeyHint> keys) { (void)ns, (void)keys; }
  // Keeps entry.value as it is beyond the latch, whatever happens to the key. Directly after the
  // Find that filled `entry`. Null: it has to be copied; so for most values of less than
  // kLargeValueBytes. [latched]
  virtual Owner Pin(uint16_t ns, uint16_t shard, std::string_view key, const Entry& entry) {
    (void)ns, (void)shard, (void)key, (void)entry;
    return nullptr;
  }
  // Starts to read what Find did not know: request->version and ->unknown are the entry's. Under
  // the same latch hold as the Find. Done runs later, never within the call. [latched, reactor r]
  virtual void Fetch(uint32_t reactor, uint16_t ns, uint16_t shard, std::string_view key,
                     FetchRequest* request) = 0;

  // --- reads of many keys ---
  // A namespace has parts; in each, keys have an order of their bytes. Who reads all parts from
  // beginning to end sees each key that was there all the time exactly once.
  virtual uint32_t parts() const = 0;
  virtual uint32_t PartOf(uint16_t shard) const = 0;
  // Whether ReadRange and RandomKey answer within the call; then Done does not run. Of other
  // engines it runs later, always.
  virtual bool RangesInMemory() const { return true; }
  // Fills request with the first keys from request->from on. Takes latches itself. [reactor r]
  virtual void ReadRange(uint32_t reactor, RangeRequest* request) = 0;
  // The same for one key of the namespace, about uniformly, as `random` has it: one row, or none if
  // there are no keys.
  virtual void RandomKey(uint32_t reactor, uint64_t random, RangeRequest* request) = 0;
  virtual uint64_t KeyCount(uint16_t ns) const = 0;  // O(1) in the number of keys
  virtual uint64_t ExpiringCount(uint16_t ns) const = 0;
  // Estimates, from a sample of bounded size, how long the keys that expire after now_ms live on
  // the average; 0: there seem to be none. Takes latches itself. From any thread.
  virtual uint64_t MeanTtlMillis(uint16_t ns, uint64_t now_ms) const = 0;
  // Calls visitor for entries of one shard that were expired when the second of now_ms began, until
  // it returns false or *visits, which counts down, is used up. Starts over each time: who deletes
  // what was reported gets the next ones. The work does not depend on how many entries expire
  // later. Returns true if all were reported; an engine that removes them by itself reports none.
  // [latched]
  virtual bool SweepExpired(uint16_t ns, uint16_t shard, uint64_t now_ms, size_t* visits,
                            KeyVisitor* visitor) = 0;
  virtual uint64_t EntryMemoryBytes(uint16_t ns, uint16_t shard,
                                    std::string_view key) = 0;  // [latched] RAM of one key

  // --- writes ---
  // Whether ops have to say what was there before them (WriteOp::before).
  virtual bool WantsBefore() const { return false; }
  // Whether an expiry changes without the value (kExpire).
  virtual bool KeepsExpiryApart() const { return true; }
  // Applies all ops as one atomic unit, also across a crash, in order. On error nothing was
  // changed: kNoSpace, kReadOnly, kTooLarge; kBusy: too much waits to be written, try again after
  // the next OnDurable. Fills tickets (one per stream touched, room for streams()) and
  // *ticket_count. Deletes may use a reserve that other writes may not. `prepared`, all steps done,
  // may be of other ops than these, and is then left unused: who decides by what it sees under the
  // latch may have changed its mind. [latched; reactor r]
  virtual Status Apply(uint32_t reactor, std::span<const WriteOp> ops, Ticket* tickets,
                       uint32_t* ticket_count, PreparedUnit* prepared = nullptr) = 0;
  // For ops whose large values are steady; those are read until all steps are done. Null: not worth
  // it. [reactor r]
  virtual std::unique_ptr<PreparedUnit> Prepare(uint32_t reactor, std::span<const WriteOp> ops) {
    (void)reactor, (void)ops;
    return nullptr;
  }
  // End of a reactor's turn: starts the commits that are due. [reactor r]
  virtual void TurnEnd(uint32_t reactor) = 0;
  // About every 10 ms (timers: everysec, commit delay, retry after a full disk). [reactor r]
  virtual void Tick(uint32_t reactor, uint64_t monotonic_ms) = 0;

  // --- what not every engine has; null: this one does not ---
  virtual SpaceStore* spaces() { return nullptr; }  // pages: engine/spaces.h
  virtual CutSource* cuts() { return nullptr; }     // backups, replicas: engine/cut.h

  // --- for operators; from any thread ---
  // Asks for what makes the next start short, and shows that the data is in good order (SAVE): a
  // checkpoint of the index, a flush. Served when SaveStats::done has reached the number that is
  // returned; then last_ok says how it went. Requests that come while one waits share it.
  virtual uint64_t RequestSave() = 0;
  // Close does without (SHUTDOWN NOSAVE): the next start does the work.
  virtual void SkipFinalSave() = 0;
  // Cheap enough to be asked every few milliseconds by who waits for one.
  virtual SaveStats Saves() const = 0;
  // Changes an option while the engine is open; a later Open has to be told again. Name and value
  // as in the configuration file (engine/option_row.h). kInvalid, and nothing has changed: it has
  // no such option, or not while it is open, or the option no such value.
  virtual Status SetOption(std::string_view name, std::string_view value) = 0;
  // What only this engine can do: `words` are those of a command without its first one. While it is
  // open; may take long, so never on a reactor. What it sets stays as long as this object, also
  // when it is opened again. kInvalid, and nothing has happened: it knows no such command.
  virtual Status Command(std::span<const std::string_view> words, std::string* reply) = 0;
  // How many files it may open beyond those it has open now.
  virtual uint64_t FilesAhead() const { return 0; }
  virtual void Stats(EngineStats* out) const = 0;
  // Adds all that it counts; counters since ResetFigures. Both, and Look, from one thread.
  virtual void Figures(const FigureInput& input, FigureList* list) const = 0;
  virtual void ResetFigures() = 0;
  // Stats and Figures at once, for an engine that can tell both from one look at what it counts.
  virtual void Look(const FigureInput& input, EngineStats* stats, FigureList* list) const {
    Stats(stats);
    Figures(input, list);
  }
  // What happened in the background since the last call and an operator must hear of. From one
  // thread, about every second.
  virtual std::vector<std::string> TakeNotices() { return {}; }

 protected:
  // For engines: what the request shows from now on, and what it frees when it goes.
  static void SetFetched(FetchRequest* request, FetchRequest::Result result, void* state,
                         void (*free_state)(void*)) {
    request->Forget();
    request->result_ = std::move(result);
    request->state_ = state;
    request->free_state_ = free_state;
  }

  // Only what it shows.
  static void ShowFetched(FetchRequest* request, std::string_view value, const Owner& owner) {
    request->result_.value = value;
    request->result_.owner = owner;
  }

  struct alignas(64) PaddedLatch {
    Latch latch;
  };
  std::unique_ptr<PaddedLatch[]> latches_{new PaddedLatch[kShardCount]};
};

}  // namespace cairn
