// Txn: one execution pass over the keyspace. Every command and every EXEC runs as a pass: the
// dispatcher latches the shards of all declared keys, the handlers read through the Txn, buffer
// writes in it and write their replies; then Commit applies all writes as one unit, still under the
// latches. No handler ever waits.
//
// What memory does not know: Get returns kPending (and an empty value); where the engine cannot
// even tell whether a key exists, so do all other reads, and Meta says that there is none. The
// handler may simply go on: a pass with pending reads is thrown away (replies and writes included),
// what is missing is read from disk without latches, and the pass runs again. What was read is
// matched by version: a key that changed meanwhile is looked up anew. So handlers must be pure
// functions of (arguments, client state, reads, now): no side effects besides Txn and reply before
// `pending()` is known to be false.
//
// Waves. Most commands need one such wave at most: they look at the keys they declare. If they only
// read, they are not looked up anew when they run again: under the latches of the first pass
// everything declared as a key is recorded (Freeze), and the second one is answered from that
// record, by the time of the first, so that a pipelined connection may go on behind it. A command
// that finds out what to read next by reading (kCmdWaves) takes as many passes as it takes, and
// nobody on its connection overtakes it. If it looks at much, it goes in slices: it keeps what it
// has so far in Progress, and says Again.
//
// Collections. A value whose type is not kString begins with the id of its space, 8 bytes,
// little-endian (0: none), whose pages GetPage reads and PutPage writes; a page that is not in
// memory makes the pass pending, like a value. Put and Delete drop the space of what was there, and
// have to look for that; PutRoot and Take leave it alone. Pages are under the latch of their
// space's home, nearly always the key's own. A pass that does not hold it (NeedLatch) is pending,
// and runs again with that latch too.
//
// Expired keys are missing to every read here, and are deleted (with a tombstone) by the pass that
// met them. Lifetime: all views passed to Put etc. must live until Commit; Alloc() gives memory
// that does.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "engine/spaces.h"
#include "txn/notify.h"
#include "txn/overlay.h"
#include "txn/page_writes.h"
#include "txn/waiters.h"
#include "txn/watch.h"

namespace cairn {

// Live and expiring keys of each database that has any.
struct DatabaseKeys {
  uint16_t db;
  uint64_t keys;
  uint64_t expires;
};
using KeyspaceFigures = std::vector<DatabaseKeys>;

enum class ReadState : uint8_t { kMissing, kFound, kPending };

struct KeyMeta {
  bool found = false;
  ValueType type = ValueType::kString;
  uint64_t expire_at_ms = 0;  // 0: never
  uint64_t value_bytes = 0;
};

class Txn final : public Lender {
 public:
  // Of a large value that this pass has read.
  Owner OwnerOf(std::string_view bytes) override;

  // --- what handlers use ---
  uint64_t now_ms() const { return now_ms_; }
  uint16_t db() const { return db_; }
  // Namespace for the calls that follow (SELECT inside EXEC, COPY, MOVE). Handlers that change it
  // restore it.
  void set_db(uint16_t db) { db_ = db; }
  uint16_t databases() const { return databases_; }

  KeyMeta Meta(std::string_view key);  // not found while pending
  bool Exists(std::string_view key) { return Meta(key).found; }
  KeyMeta Peek(std::string_view key);  // Meta that is never counted
  // kFound: *value is valid until Commit or the end of the pass. meta may be null; it is right also
  // when pending.
  ReadState Get(std::string_view key, std::string_view* value, KeyMeta* meta = nullptr);
  // Keyspace hits and misses are counted as Redis does it: where a command looks a key up in order
  // to read it. Meta and Get of read-only commands count (the dispatcher sets this) ...
  void set_count_hits(bool on) { count_hits_ = on; }
  // ... and handlers of other commands count the look-ups of theirs that only read.
  void CountRead(bool found) { found ? ++hits : ++misses; }
  void CountRead(bool found, std::string_view key) {
    CountRead(found);
    if (!found) Notify(kNotifyKeyMiss, "keymiss", key);
  }

  void Put(std::string_view key, std::string_view value, uint64_t expire_at_ms,
           ValueType type = ValueType::kString);
  bool Delete(std::string_view key);  // true if it existed
  bool SetExpire(std::string_view key,
                 uint64_t expire_at_ms);  // true if it existed; 0 removes; the past deletes
  // Changes to keys by this pass so far, as they are counted without extra_changes.
  size_t write_count() const { return writes_.size() + touched_.size(); }
  void FlushDb(uint16_t db);
  void FlushAll();
  void SwapDb(uint16_t a, uint16_t b);

  // --- pages of collections ---
  // Of the current db. kFound: *image is valid until Commit or the end of the pass. kMissing: there
  // is no such page, which is damage if somebody names it. kPending: it was noted.
  ReadState GetPage(SpaceId space, uint64_t page, std::string_view* image);
  // A space for the value of this key, which PutRoot is to write in this pass. kBusy: the pass is
  // pending.
  Status NewSpace(std::string_view key, SpaceId* space);
  // `made`: a new page; else one that is there. The pass need not have read any page of the space
  // before: it is pending if it lacks the latch of the home.
  void PutPage(SpaceId space, uint64_t page, uint8_t kind, std::string_view image, bool made);
  void RemovePage(SpaceId space, uint64_t page, uint8_t kind);
  // As Put and Delete, of a value whose space stays: it is the same one in a new state, or it goes
  // on under another key (of this db).
  void PutRoot(std::string_view key, std::string_view value, uint64_t expire_at_ms, ValueType type);
  bool Take(std::string_view key);
  // The key's value has changed in its pages only: whoever watches it is told.
  void Touch(std::string_view key);
  // False: the pass is pending, and will run again with this latch.
  [[nodiscard]] bool NeedLatch(uint16_t shard);
  // The same for all shards.
  [[nodiscard]] bool NeedAllLatches();
  // What a handler has looked at, in keys or elements: see SliceOver.
  void Charge(uint32_t elements) { slice_cost_ += elements; }
  // One element of so many bytes that were copied.
  void ChargeElement(size_t bytes) { Charge(1 + static_cast<uint32_t>(bytes / kBytesPerCharge)); }

  // --- scripts (txn_script.cc) ---
  // The time in microseconds, the same one in all passes of a command.
  uint64_t FrozenMicros();
  // Of this pass: no other one of this Txn has it.
  uint64_t pass_number() const { return pass_number_; }
  // The pass goes on to its end and writes nothing.
  void DropWrites();

  // --- CLIENT TRACKING ---
  // The client keeps track of what it reads (TxnControl::SetTraced).
  bool traced() const { return traced_; }
  // It has read the key as this pass has left it so far. The key lives as one given to Put.
  struct Read {
    size_t writes;
    size_t touched;
    std::string_view key;
  };
  Read ReadNow(std::string_view key) const { return {writes_.size(), touched_.size(), key}; }
  // In the order of what was written.
  void NoteRead(const Read& read) { reads_.push_back(read); }

  // Memory that lives until Commit and the end of the pass; 8-byte aligned, any size.
  char* Alloc(size_t bytes);
  std::string_view Copy(std::string_view bytes);

  // notify-keyspace-events: told once the pass is committed, if somebody asked for that class.
  // Behind the write itself. event: a literal. The key lives as one given to Put. "new", "expired"
  // and "keymiss" come by themselves.
  void Notify(NotifyClass event_class, std::string_view event, std::string_view key) {
    if (CAIRN_UNLIKELY((notified_ & event_class) != 0))
      events_.push_back(KeyEvent{event_class, db_, event, key});
  }

  // PUBLISH where the pass may be run again (scripts): the message goes when the others do.
  bool defers_messages() const { return defers_messages_; }
  void Defer(NotifyClass message, std::string_view channel, std::string_view payload) {
    events_.push_back(KeyEvent{message, db_, channel, payload});
  }
  bool notifies(NotifyClass event_class) const { return (notified_ & event_class) != 0; }
  // Numbers at random, the same ones in each pass of one command or EXEC, so that a pass which runs
  // again looks at what was fetched for it.
  uint64_t Random();
  // A command in slices has used so many in earlier passes.
  void SkipRandoms(uint64_t count) { randoms_ += count; }

  // WATCH: from the commit of this pass on, whoever changes the key is noted for the client.
  void Watch(std::string_view key);

  // --- waiting for keys (txn/waiters.h) ---
  // Whether the command may wait if it has nothing to answer: not in an EXEC, nor in a script.
  bool MayWait() const { return may_wait_; }
  // The handler answers nothing: its command waits for these keys of the current db, and runs
  // again.
  void WaitFor(std::span<const std::string_view> keys, const WaitTerms& terms) {
    waits_ = true;
    wait_db_ = db_;
    wait_terms_ = terms;
    wait_keys_.assign(keys.begin(), keys.end());
    wait_words_.clear();
  }
  // Behind WaitFor: when the command runs again, an argument says this instead. What it meant at
  // first ("$") is no more to be had then.
  void WaitSaying(size_t argument, std::string_view word) {
    wait_words_.emplace_back(argument, word);
  }
  bool waits() const { return waits_; }
  // The handler of a command that waited, in the pass of somebody who writes: it has written
  // nothing, and answers nothing; it runs on its own reactor, behind that pass, for it is too much
  // for it.
  void RunApart() { waits_ = apart_ = true; }
  // Whether the pass of somebody who writes has done so much for those who waited.
  bool ServedEnough() const { return serving_ && slice_cost_ >= kSliceCost; }
  bool serving() const { return serving_; }
  // Whether there can be something new in a key. When a command that waited runs in the pass of
  // somebody who writes, only in what that one has written; nothing else need be latched then.
  bool Awake(std::string_view key) { return !serving_ || all_latched_ || Wrote(key); }

  // The pass cannot be the last one.
  bool pending() const { return pending_count_ != 0 || again_; }

  // --- commands in several waves ---
  // What such a command keeps from one of its passes to the next, made at the first call. Null: it
  // stands in an EXEC, and has to be done in one pass.
  template <typename T>
  T* Progress() {
    if (!sliced_ || serving_) return nullptr;
    if (progress_ == nullptr) progress_ = std::make_shared<T>();
    return static_cast<T*>(progress_.get());
  }
  // The same for a command that only goes in slices if there is much to do; else *local.
  template <typename T>
  T* ProgressIf(bool much, T* local) {
    T* const kept = much ? Progress<T>() : nullptr;
    return kept != nullptr ? kept : local;
  }
  // What Progress answers, if an earlier pass has made it.
  template <typename T>
  T* ProgressSoFar() {
    return sliced_ && !serving_ ? static_cast<T*>(progress_.get()) : nullptr;
  }
  // Whether there is something that an earlier pass of this command has kept, or this one keeps.
  bool progresses() const { return progress_ != nullptr && !serving_; }
  // Whether this pass has looked at so much that the rest should come in another one.
  bool SliceOver() const { return sliced_ && slice_cost_ >= kSliceCost; }
  void Again() { again_ = true; }

  // --- whole keyspace (current db). These take latches themselves unless the pass holds them all.
  // ---
  uint64_t KeyCount();
  KeyspaceFigures Keyspace();  // of all databases, as this pass has made them so far
  struct KeyVisitor {
    virtual ~KeyVisitor() = default;
    // Return false to stop.
    virtual bool OnKey(std::string_view key, const KeyMeta& meta) = 0;  // value_bytes is not filled
  };
  uint32_t parts() const { return engine_->parts(); }
  uint32_t PartOf(uint16_t shard) const { return engine_->PartOf(shard); }
  enum class Scanned : uint8_t {
    kEnd,      // of the part, or of the keys with the prefix
    kMore,     // go on from *next
    kStopped,  // by the visitor
    kPending,  // nothing was visited
  };
  // Some of the live keys of one part, in order from `from` on, as far as they begin with `prefix`:
  // about `most`, and at most RangeRequest::kKeysMax.
  Scanned ScanSome(uint32_t part, std::string_view from, std::string_view prefix, size_t most,
                   KeyVisitor* visitor, std::string* next);
  // kFound: *key.
  ReadState RandomKey(std::string* key);
  // Bytes of RAM of one key's entry (MEMORY USAGE); 0 if missing.
  uint64_t MemoryUsage(std::string_view key);

  // --- the dispatcher's side: txn/txn_control.h ---
  static uint64_t NextRandom();  // of this thread
  // What the request's query says, of the engine.
  static void StartRange(Engine* engine, uint32_t reactor, RangeRequest* request);
  // What a read-only command declared and saw, kept while missing values are read from disk. Sorted
  // by key, each once.
  struct FrozenRead {
    uint16_t db;
    std::string key;
    Entry entry;
    std::string value;
    Owner owner;  // of a large value, which stays where it is: entry.value
  };
  struct Fetched {
    uint16_t db;
    VersionToken version;
    std::string_view key;         // this, and what the result shows, is kept by whoever fetched it
    FetchRequest::Result result;  // of a key that Find knew: only value and owner
    bool page = false;            // see Missing
  };
  struct Missing {
    uint16_t db;
    uint16_t shard;
    std::string key;
    VersionToken version;
    uint64_t value_bytes;
    bool unknown;
    bool page = false;  // of a space: `key` is its PageKey
  };
  // A page's place as bytes.
  struct PageKey {
    SpaceId space;
    uint64_t page;
    std::string_view bytes() const { return {reinterpret_cast<const char*>(this), sizeof(*this)}; }
    static PageKey Of(std::string_view bytes) {
      PageKey key;
      std::memcpy(&key, bytes.data(), sizeof(key));
      return key;
    }
  };

 private:
  friend class TxnControl;
  friend struct SavedTxn;

  // A slice is some tenths of a millisecond up to two: visited keys, and reads of ranges.
  static constexpr uint32_t kSliceCost = 16 * 1024;
  static constexpr uint32_t kBytesPerCharge = 256;
  static constexpr uint32_t kRangeCost = 8;
  static constexpr uint32_t kPageCost = 8;
  // Among the needed latches: all there are. A pass that has found so many one after the other gets
  // all of them, for each find costs a run.
  static constexpr uint16_t kAllShards = kShardCount;
  static constexpr size_t kNeededMax = 8;
  static constexpr size_t kArenaBlockBytes = 16 * 1024;
  static constexpr size_t kLinearWritesMax = 16;  // larger write sets go through overlay_

  // What this pass's own writes say of a key of db_; *base: the namespace where the rest is, or
  // Overlay::kNothing.
  OwnKey FindOwn(std::string_view key, uint16_t* base);
  // Brings overlay_ up to the writes.
  const Overlay& OwnWrites();
  ReadState Look(std::string_view key, bool want_value, KeyMeta* meta, std::string_view* value);
  ReadState LookStored(uint16_t ns, std::string_view key, bool want_value, KeyMeta* meta,
                       std::string_view* value);
  const FrozenRead* FindFrozen(uint16_t db, std::string_view key, Entry* entry);
  bool Keep(std::string_view value, Owner owner);
  bool Dead(uint64_t expire_at_ms) const { return expire_at_ms != 0 && expire_at_ms <= now_ms_; }
  const Fetched* FindFetched(uint16_t ns, std::string_view key, const VersionToken& version,
                             bool page = false) const;
  // What is stored of a key, and where its value comes from if not from the entry.
  struct Stored {
    Entry entry;
    const Fetched* fetched = nullptr;
    const FrozenRead* frozen = nullptr;
  };
  // From memory, or from what was fetched for this pass. kPending: noted as missing.
  ReadState FindStored(uint16_t ns, uint16_t shard, std::string_view key, bool want_value,
                       Stored* stored);
  ReadState FindHere(uint16_t ns, uint16_t shard, std::string_view key, bool want_value,
                     Stored* stored);
  ReadState FindRead(uint16_t ns, uint16_t shard, std::string_view key, Stored* stored);
  void SetBefore(WriteOp* op);
  void Observe(const Ticket& ticket);
  uint16_t ShardFor(std::string_view key);
  void AddWrite(const WriteOp& op);
  bool Wrote(std::string_view key);
  void LookBeforePut(std::string_view key);
  void DropExpired(uint16_t ns, uint16_t shard, std::string_view key, const Entry& entry);
  // --- txn_pages.cc ---
  // Whether the values of keys may have spaces: else nobody need look at what goes.
  bool AnySpaces() const {
    return spaces_ != nullptr && (spaces_->AnyPages() || !page_writes_.empty());
  }
  // Before a key's value goes: its space goes with it. The pass may be pending then.
  void DropSpaceOf(std::string_view key);
  // Of a key that is found expired. False: this pass leaves the key where it is.
  bool DropSpaceOfExpired(uint16_t ns, uint16_t shard, std::string_view key);
  void DropSpace(std::string_view root);
  bool Holds(uint16_t shard) const;
  // After the look that the tickets are for: what a reply may show was applied by then.
  void ObserveAll();
  void ObserveUnlessStopped(const Ticket& ticket);
  DatabaseKeys Count(uint16_t db);
  const RangeRequest* ReadRange(RangeQuery query);
  ReadState RandomStored(uint16_t ns, std::string* key, bool* usable);

  Engine* engine_ = nullptr;
  SpaceStore* spaces_ = nullptr;  // the engine's, or null
  uint32_t reactor_ = 0;
  uint64_t now_ms_ = 0;
  uint16_t db_ = 0;
  uint16_t databases_ = 16;
  bool count_hits_ = false;
  bool all_latched_ = false;
  bool frozen_ = false;      // answer from frozen_reads_
  bool gated_ = true;        // policy `always`: collect tickets
  bool background_ = false;  // no client waits for this pass
  bool wants_before_ = false;
  bool sliced_ = false;  // the command may take several waves
  bool again_ = false;
  bool busy_ = false;  // it found no room for something: again, but later
  bool may_wait_ = false;
  bool serving_ = false;
  bool waits_ = false;
  bool apart_ = false;  // see RunApart
  uint64_t pass_number_ = 0;
  uint64_t frozen_micros_ = 0;  // 0: nobody has asked
  uint32_t slice_cost_ = 0;
  uint64_t random_seed_ = 0;  // 0: none yet
  uint64_t randoms_ = 0;      // used in this pass
  uint32_t pending_count_ = 0;
  uint32_t looks_ = 0;                    // at stored keys, in this pass
  Entry first_look_;                      // what the first one found, if its value is missing
  const char* shard_key_data_ = nullptr;  // the key whose shard was computed last
  size_t shard_key_bytes_ = 0;
  uint16_t shard_cached_ = 0;
  bool defers_messages_ = false;

  std::vector<uint16_t> latched_;  // sorted, distinct
  std::vector<uint16_t> needed_;   // latches besides those of the keys
  std::vector<WriteOp> writes_;
  bool writes_whole_ = false;  // writes_ contains a flush or a swap
  PageWrites page_writes_;
  std::vector<SpaceId> made_spaces_;
  // Keys whose values have changed in pages only, and how many writes there were before.
  struct Touched {
    uint16_t db;
    uint16_t shard;
    size_t writes;
    std::string_view key;
  };
  std::vector<Touched> touched_;
  bool in_pages_ = false;  // one of these three is not empty
  Overlay overlay_;
  size_t overlaid_ = 0;  // writes_[0, n) are in overlay_
  std::vector<Ticket> tickets_;
  std::vector<Missing> missing_;
  std::vector<RangeQuery> missing_ranges_;
  std::vector<Fetched> fetched_;
  std::vector<const RangeRequest*> ranges_;  // fetched, in the order in which they were asked for
  size_t randoms_used_ = 0;                  // of those that are random keys
  std::shared_ptr<void> progress_;
  std::vector<NewWatch> watches_;
  uint16_t wait_db_ = 0;  // this and what follows count if waits_
  WaitTerms wait_terms_;
  std::vector<std::string_view> wait_keys_;
  std::vector<std::pair<size_t, std::string>> wait_words_;
  uint32_t notified_ = 0;  // classes of events that somebody asked for
  std::vector<KeyEvent> events_;
  bool traced_ = false;
  std::vector<Read> reads_;  // by a client that is traced
  std::vector<FrozenRead> frozen_reads_;
  struct Kept {
    std::string_view value;
    Owner owner;
  };
  struct AtOnce final : RangeRequest {  // for engines that have ranges in memory
    void Done(Status) override { CAIRN_CHECK(false, "such an engine answers at once"); }
  } range_;
  std::vector<Kept> kept_;  // large values that this pass has read
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* arena_ = nullptr;
  size_t arena_left_ = 0;

 public:
  // Per-pass figures, collected by the dispatcher.
  uint32_t hits = 0;
  uint32_t misses = 0;
  uint32_t expired = 0;
  // What Redis counts as changes counts one for each write. A command for which that is not so (a
  // rename is one, a flush as many as there were keys) adds the difference here.
  int64_t extra_changes = 0;
};

}  // namespace cairn
