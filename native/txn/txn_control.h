// TxnControl: the dispatcher's side of a Txn. One command, or one EXEC, goes through:
//
//   Begin -> Latch* -> [handlers run] -> pending?  no: Commit -> Unlatch -> tickets()
//                                                  yes: StartFetches (still latched) -> Unlatch ->
//                                                  ... values arrive ...
//                                                       -> Restart -> Latch* -> [handlers run
//                                                       again] ...
//
// A read-only command that turned out pending is recorded under the same latches (Freeze) and then
// moved out (Save), so that its reactor's Txn is free for the next command; later Load answers it
// from what was recorded. Used by one reactor thread.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "txn/key_spec.h"
#include "txn/txn.h"
#include "txn/watch.h"

namespace cairn {

// The state of a command that waits for what it reads.
struct SavedTxn {
  std::vector<Txn::Missing> missing;
  std::vector<RangeQuery> missing_ranges;
  std::vector<uint16_t> needed;
  std::vector<Txn::Fetched> fetched;
  std::vector<const RangeRequest*> ranges;
  std::vector<Txn::FrozenRead> frozen;
  std::vector<Ticket> tickets;
  std::shared_ptr<void> progress;
  uint64_t now_ms = 0;
  bool again = false;  // the pass had all that it asked for
  bool busy = false;   // see Txn
  uint64_t random_seed = 0;
  uint64_t frozen_micros = 0;

  void Clear() {
    missing.clear();
    missing_ranges.clear();
    needed.clear();
    fetched.clear();
    ranges.clear();
    frozen.clear();
    tickets.clear();
    progress.reset();
  }
};

class TxnControl {
 public:
  TxnControl(Txn* txn, Engine* engine, WatchTable* watches, uint32_t reactor, uint16_t databases);

  void SetGated(bool gated) { txn_->gated_ = gated; }
  // Classes of events that the passes to come keep (notify.h), and who is told of them; null:
  // nobody.
  void SetNotified(uint32_t classes) {
    txn_->notified_ = sink_ != nullptr && (classes & kNotifyWays) != 0 ? classes & ~kNotifyWays : 0;
  }
  // Until switched off: messages go when the pass is committed.
  void SetDefersMessages(bool on) { txn_->defers_messages_ = on; }
  void SetEventSink(EventSink* sink) { sink_ = sink; }
  // How many clients want to hear of all changes (EventSink::Trace).
  void SetTracked(const std::atomic<uint64_t>* clients) { tracked_ = clients; }
  // Of the pass that comes: what its client reads is traced.
  void SetTraced(bool on) { txn_->traced_ = on; }
  // Latched, once nothing can undo the pass any more. A client that begins to track reads only
  // then, under the same latches, so it misses no change. by: see EventSink::Trace.
  void TellEvents(uint64_t by = 0) {
    if (CAIRN_UNLIKELY(!txn_->events_.empty())) SendEvents();
    if (tracked_ == nullptr) return;
    // What nobody tracks any more still goes with a flush.
    if (CAIRN_UNLIKELY(tracked_->load(std::memory_order_relaxed) != 0 || txn_->writes_whole_))
      SendTrace(by);
  }
  // The same of a pass that only read, and whose writes (of what had expired) were refused.
  void TellReads(uint64_t by);
  // Until switched off: what expires is removed without haste (WriteOp::awaited).
  void SetBackground(bool on) { txn_->background_ = on; }
  // Of the pass that comes: the command may take several waves.
  void SetSliced(bool on) { txn_->sliced_ = on; }
  // Of the pass that comes, or of the handler: see Txn::MayWait.
  void SetMayWait(bool may) { txn_->may_wait_ = may; }
  // The handlers that come are those of commands that waited (Txn::Awake).
  void SetServing(bool on) { txn_->serving_ = on; }
  // Whether the handler has asked to wait; forgets it.
  bool TakeWait() { return std::exchange(txn_->waits_, false); }
  // The same, whether it has asked for a pass of its own.
  bool TakeApart() { return std::exchange(txn_->apart_, false); }
  // What it waits for, distinct. All is in the Waiter but its order.
  void DescribeWait(Waiter* waiter) const;
  // Arguments that it has from now on, by their places.
  std::span<const std::pair<size_t, std::string>> wait_words() const { return txn_->wait_words_; }
  void Begin(uint16_t db, uint64_t now_ms);
  // After a pending pass of a read-only command, still latched: records all that it may look at,
  // its declared keys, so that nothing it asks for later can be unknown; and finds out which values
  // are missing.
  void Freeze(std::span<const std::string_view> argv, const KeySpec& keys);

  void LatchKey(std::string_view key) { LatchKey(key, ShardOf(key)); }
  void LatchKey(std::string_view key, uint16_t shard) {
    txn_->shard_key_data_ = key.data();
    txn_->shard_key_bytes_ = key.size();
    txn_->shard_cached_ = shard;
    engine_->ShardLatch(shard).Lock();
    txn_->latched_.push_back(shard);
  }
  void LatchKeys(std::span<const std::string_view> argv, const KeySpec& keys);
  // For EXEC: collects, then latches in ascending order.
  void Collect(std::span<const std::string_view> argv, const KeySpec& keys);
  void Collect(std::string_view key);
  void LatchCollected();
  // Of the pass that was loaded: latches besides those of the keys it declares.
  bool needs_latches() const { return !txn_->needed_.empty(); }
  void LatchAll();
  bool Latched(uint16_t shard) const { return txn_->Holds(shard); }
  void Unlatch();

  // Applies the writes. kBusy: nothing happened, try again after the next OnDurable. prepared: for
  // these writes, or null.
  Status Commit(PreparedUnit* prepared = nullptr);

  // --- WATCH ---
  bool watching() const { return !txn_->watches_.empty(); }
  // Latched, after a whole pass: what it began to watch (Txn::Watch).
  void PlaceWatches(Watcher* watcher);
  // Takes latches itself.
  void Unwatch(Watcher* watcher);
  // Latched: all watched keys. Whether one has changed; the pass is pending if that is not known.
  bool Touched(const Watcher& watcher);
  // Latched, after a whole pass and before Commit: what the writes mean for those who watch keys
  // that no write names (FLUSHALL, SWAPDB). The pass may be pending then.
  void LookAtWatched() {
    if (CAIRN_UNLIKELY(txn_->writes_whole_))
      watchers_ = watches_->watched() ? WatchersOfWhole() : Watchers();
  }

  // Replies may show the value, which the owner keeps, without a copy.
  void Lend(std::string_view value, const Owner& owner) { txn_->kept_.push_back({value, owner}); }
  // Calls visit(value, owner) for each large value that the pass has read.
  template <typename Visitor>
  void ForEachKept(Visitor visit) const {
    for (const Txn::Kept& kept : txn_->kept_) visit(kept.value, kept.owner);
  }
  std::span<WriteOp> writes() { return txn_->writes_; }
  bool has_writes() const { return !txn_->writes_.empty() || !txn_->page_writes_.empty(); }
  // Bytes of keys and values that the pass writes.
  uint64_t WriteBytes() const {
    uint64_t bytes = 0;
    for (const WriteOp& op : txn_->writes_) bytes += op.key.size() + op.value.size();
    return bytes;
  }
  // Changes to keys so far that a client asked for. Not counted: the removal of what had expired.
  uint64_t Changes(uint64_t expired) const {
    return static_cast<uint64_t>(
        static_cast<int64_t>(txn_->writes_.size() + txn_->touched_.size() - expired) +
        txn_->extra_changes);
  }
  std::vector<Ticket>& tickets() { return txn_->tickets_; }
  const std::vector<Txn::Missing>& missing() const { return txn_->missing_; }

  void Save(SavedTxn* saved);
  // What was fetched, and its key, must stay until the command is done (ForgetFetched, or the next
  // Begin); so must ranges in saved->ranges.
  void AddFetched(SavedTxn* saved, Txn::Fetched fetched);
  void ForgetFetched() {
    if (!txn_->fetched_.empty() || !txn_->ranges_.empty() || txn_->progress_ != nullptr)
      ForgetReads();
  }
  // Reloads a saved command. frozen: answer reads from what was recorded.
  void Load(SavedTxn* saved, uint16_t db, bool frozen);

  // Calls the visitor once per argument that is a key.
  template <typename Visitor>
  static void ForEachKey(std::span<const std::string_view> argv, const KeySpec& keys,
                         Visitor visitor) {
    ForEachKeyIndex(argv, keys, [&](size_t i) { visitor(argv[i]); });
  }

 private:
  // What a flush or a swap means for those who watch: told once it is applied.
  struct Watchers {
    std::vector<std::shared_ptr<WatchState>> touched;
    // Others, whose place has an expired key from now on, or none (Watch::expired).
    std::unordered_map<WatchTable::Watch*, bool> expired;
  };
  // Forgets what the pass did, keeps fetched values; for running it again.
  void Restart(uint16_t db);
  // Who watches a key that a flush or a swap among the writes changes. Before they are applied.
  Watchers WatchersOfWhole();
  void TouchKeys();
  KeyTrace TraceOf(const WriteOp& op) const;
  Status ApplyPages(uint32_t* ticket_count);
  void TouchWatched();
  // Rarely due, and asked for by every command: inlined, their loops would cost each of them some
  // registers, saved and restored.
  [[gnu::cold, gnu::noinline]] void ReleaseMemory();
  [[gnu::cold, gnu::noinline]] void ForgetReads();
  [[gnu::cold, gnu::noinline]] void ForgetMissing();
  [[gnu::cold, gnu::noinline]] void SendEvents();
  [[gnu::cold, gnu::noinline]] void SendTrace(uint64_t by);

  Txn* txn_;
  Engine* engine_;
  WatchTable* watches_;
  EventSink* sink_ = nullptr;
  const std::atomic<uint64_t>* tracked_ = nullptr;
  Watchers watchers_;
  std::vector<KeyTrace> trace_;
  std::vector<Ticket> apply_tickets_;
  std::vector<uint16_t> collected_;
  std::vector<std::string_view> declared_;
};

}  // namespace cairn
