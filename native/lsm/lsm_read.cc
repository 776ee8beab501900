// Reads: of one key from memory or in the read pool, of ranges, of what has expired.
#include <rocksdb/iterator.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "lsm/comparator.h"
#include "lsm/key.h"
#include "lsm/look_ahead.h"
#include "lsm/lsm_engine.h"
#include "lsm/rocksdb_version.h"
#include "lsm/slices.h"

namespace cairn::lsm {

namespace {

constexpr uint64_t kUnknownMark = 1;  // word 2 of tokens: of a key that is unknown,
constexpr uint64_t kKnownMark = 2;    // of one that is known and large

// What the last Find of this thread found in RocksDB. Given back at the end of the turn, for it
// holds a block of the cache.
struct LastFound {
  std::string key;  // stored
  rocksdb::PinnableSlice value;
};
thread_local LastFound last_found;

Status ReadError(const rocksdb::Status& status, std::string_view stored_key) {
  const Code code = status.IsCorruption() ? Code::kCorruption : Code::kIoError;
  return Status(code, "RocksDB: " + status.ToString() + ", reading " + DescribeKey(stored_key));
}

Status FormatError(const FormatFault& fault, std::string_view stored_key) {
  return Status(Code::kCorruption, "the value of " + DescribeKey(stored_key) + ": " + fault.Text());
}

}  // namespace

// A request on its way through the pool: Work there, Run on the reactor's thread.
class LsmEngine::Reading : public ReadPool::Task, public Completion {
 public:
  Reading(LsmEngine* engine, uint32_t reactor) : engine_(engine), reactor_(reactor) {}

  void Work() final {
    const uint64_t started = MonotonicNanos();
    Read();
    ReadFigures& figures = engine_->read_figures_;
    figures.nanos.fetch_add(MonotonicNanos() - started, std::memory_order_relaxed);
    figures.in_flight.fetch_sub(1, std::memory_order_relaxed);
    if (!status_.ok()) figures.errors.fetch_add(1, std::memory_order_relaxed);
    // Once it is posted it may be gone.
    std::atomic<uint64_t>& reading = engine_->reactors_[reactor_].reading;
    engine_->reactors_[reactor_].port->Post(this);
    reading.fetch_sub(1, std::memory_order_release);
  }

 protected:
  virtual void Read() = 0;

  LsmEngine* const engine_;
  const uint32_t reactor_;
  Status status_;
};

void LsmEngine::Submit(uint32_t reactor, ReadPool* pool, Reading* reading) {
  reactors_[reactor].reading.fetch_add(1, std::memory_order_relaxed);
  read_figures_.reads.fetch_add(1, std::memory_order_relaxed);
  read_figures_.in_flight.fetch_add(1, std::memory_order_relaxed);
  pool->Submit(reading);
}

void LsmEngine::TurnEnd(uint32_t reactor) {
  last_found.value.Reset();
  reactors_[reactor].snapshot = nullptr;
  committer_->Kick(false);
}

void LsmEngine::DetachReactor(uint32_t reactor) {
  last_found.value.Reset();
  Reactor& state = reactors_[reactor];
  state.snapshot = nullptr;
  while (state.reading.load(std::memory_order_acquire) != 0)
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  state.port = nullptr;
}

// ---- one key ----

void LsmEngine::Find(uint16_t ns, uint16_t shard, std::string_view key, bool want_value,
                     Entry* entry) {
  *entry = Entry();
  CAIRN_ASSERT_LATCHED(latches_[shard].latch);
  const KeyPrefix prefix = PrefixOf(ns);
  const uint32_t collection = prefix.collection;
  LastFound& last = last_found;
  EncodeKey(prefix, key, &last.key);
  const uint64_t durable = committer_->durable();
  const uint32_t hash = HashOf(last.key);
  // Whatever is seen stands on the latest flush or swap.
  const uint64_t whole = removed_all_.load(std::memory_order_relaxed);
  const auto set_ticket = [&](uint64_t batch) {
    if (batch = std::max(batch, whole); batch > durable) entry->ticket = {0, batch};
  };
  if (const PendingWrite* write = pending_.Find(shard, last.key, hash)) {
    set_ticket(write->batch);
    if (write->deletion()) return;
    entry->found = entry->resident = true;
    entry->type = write->type;
    entry->expire_at_ms = write->expire_at_ms;
    entry->value_bytes = write->body().size();
    if (want_value) entry->value = write->body();
    return;
  }
  // What RocksDB shows is written; without `always`, it may not be synced yet.
  ParsedValue parsed;
  if (const std::string_view stored = records_->Find(shard, last.key, hash);
      stored.data() != nullptr && !ParseValue(stored, &parsed)) {
    set_ticket(Written());
    read_figures_.record_hits.fetch_add(1, std::memory_order_relaxed);
    entry->found = entry->resident = true;
    entry->type = static_cast<ValueType>(TypeOf(parsed.head));
    entry->expire_at_ms = parsed.head.expire_at_ms;
    entry->value_bytes = parsed.body.size();
    if (want_value) entry->value = parsed.body;
    return;
  }
  const InMemory memory = LookInMemory(last.key, &last.value);
  if (memory.state == InMemory::State::kMissing) {
    set_ticket(removed_[shard]);
    return;
  }
  set_ticket(Written());
  if (memory.state == InMemory::State::kUnknown || !IsWhole(memory.head.kind, IsOfPages(ns))) {
    // Not in memory, or damaged: then the fetch says so.
    entry->unknown = true;
    entry->version = {{Flushes(), collection, kUnknownMark}};
    return;
  }
  entry->found = true;
  entry->type = static_cast<ValueType>(TypeOf(memory.head));
  entry->expire_at_ms = memory.head.expire_at_ms;
  entry->value_bytes = memory.body_bytes;
  if (CAIRN_UNLIKELY(memory.state == InMemory::State::kLarge)) {
    // Copied by the read pool, so that somebody owns it.
    entry->version = {{memory.head.version, collection, kKnownMark}};
    return;
  }
  entry->resident = entry->copied = true;
  read_figures_.block_hits.fetch_add(1, std::memory_order_relaxed);
  if (!want_value) return;
  entry->value = memory.body;
  if (records_->on()) records_->Put(shard, last.key, hash, Viewed(last.value), false);
}

void LsmEngine::Prefetch(uint16_t, std::span<const KeyHint> keys) {
  const auto latch_of = [this](uint32_t shard) -> Latch& { return latches_[shard].latch; };
  KeyAhead ahead[kKeysAheadMax];
  while (!keys.empty()) {
    const size_t count = std::min(keys.size(), kKeysAheadMax);
    for (size_t i = 0; i < count; ++i) ahead[i] = {keys[i].shard, HashOfUserKey(keys[i].key)};
    LookAhead(std::span(ahead, count), latch_of, pending_, *records_);
    keys = keys.subspan(count);
  }
}

LsmEngine::InMemory LsmEngine::LookInMemory(const std::string& stored_key,
                                            rocksdb::PinnableSlice* value) const {
  InMemory found;
  if (CAIRN_UNLIKELY(!large_.empty())) {
    if (const std::optional<LargeValues::Found> large = large_.Find(stored_key))
      return {InMemory::State::kLarge, large->head, large->body_bytes, {}};
  }
  rocksdb::ReadOptions options;
  options.read_tier = rocksdb::kBlockCacheTier;
  options.verify_checksums = own_.verify_checksums;
  // A large value would keep its memory.
  if (value->size() >= kLargeValueBytes) {
    *value = rocksdb::PinnableSlice();
  } else {
    value->Reset();
  }
  const rocksdb::Status status =
      db_->Get(options, db_->DefaultColumnFamily(), Sliced(stored_key), value);
  ParsedValue parsed;
  if (status.IsNotFound()) {
    found.state = InMemory::State::kMissing;
  } else if (status.ok() && !ParseValue(Viewed(*value), &parsed)) {
    found = {InMemory::State::kFound, parsed.head, parsed.body.size(), parsed.body};
    if (found.body_bytes >= kLargeValueBytes) found.state = InMemory::State::kLarge;
  }
  return found;
}

// Only what is pending is large and in memory.
Owner LsmEngine::Pin(uint16_t ns, uint16_t shard, std::string_view key, const Entry& entry) {
  if (!entry.resident || entry.copied || entry.value.size() < kLargeValueBytes) return nullptr;
  std::string stored;
  EncodeKey(PrefixOf(ns), key, &stored);
  const PendingWrite* write = pending_.Find(shard, stored, HashOf(stored));
  return write == nullptr || write->owner == nullptr ? nullptr : *write->owner;
}

class LsmEngine::Fetching final : public Reading {
 public:
  Fetching(LsmEngine* engine, uint32_t reactor, std::string key, bool page, FetchRequest* request,
           std::shared_ptr<HeldSnapshot> snapshot)
      : Reading(engine, reactor),
        key_(std::move(key)),
        page_(page),
        request_(request),
        fill_(!request->no_admit),
        snapshot_(std::move(snapshot)) {}

  void Run() override {
    FetchRequest* const request = request_;
    const Status status = std::move(status_);
    if (status.ok()) {
      SetFetched(request, result_, value_.release(),
                 [](void* value) { delete static_cast<std::string*>(value); });
    }
    delete this;
    request->Done(status);
  }

 private:
  void Read() override {
    rocksdb::ReadOptions options;
    options.fill_cache = fill_;
    options.verify_checksums = engine_->own_.verify_checksums;
    options.snapshot = snapshot_->at();
    rocksdb::PinnableSlice stored;
    rocksdb::DB* const db = engine_->db_.get();
    rocksdb::Status status = db->Get(options, db->DefaultColumnFamily(), Sliced(key_), &stored);
    if (status.IsIncomplete() || status.IsMemoryLimit()) {
      // A block cache that is full of what is in use takes nothing more; it need not.
      options.fill_cache = false;
      stored.Reset();
      status = db->Get(options, db->DefaultColumnFamily(), Sliced(key_), &stored);
    }
    snapshot_ = nullptr;
    if (status.IsNotFound()) {
      result_.found = false;
      return;
    }
    if (!status.ok()) {
      status_ = ReadError(status, key_);
      return;
    }
    ParsedValue parsed;
    FormatFault fault = ParseValue(Viewed(stored), &parsed);
    if (!fault && !IsWhole(parsed.head.kind, page_)) fault = {"damaged, see the log", 1};
    if (fault) {
      status_ = FormatError(fault, key_);
      return;
    }
    engine_->read_figures_.bytes.fetch_add(stored.size(), std::memory_order_relaxed);
    result_.type = static_cast<ValueType>(TypeOf(parsed.head));
    result_.expire_at_ms = parsed.head.expire_at_ms;
    if (parsed.body.size() >= kLargeValueBytes) {
      std::shared_ptr<LargeBuffer> buffer = LargeBuffer::New(parsed.body.size());
      parsed.body.copy(buffer->data(), parsed.body.size());
      result_.value = {buffer->data(), parsed.body.size()};
      result_.owner = std::move(buffer);
    } else {
      value_ = std::make_unique<std::string>(parsed.body);
      result_.value = *value_;
    }
  }

  const std::string key_;  // stored
  const bool page_;
  FetchRequest* const request_;
  const bool fill_;
  std::shared_ptr<HeldSnapshot> snapshot_;
  FetchRequest::Result result_;
  std::unique_ptr<std::string> value_;
};

void LsmEngine::Fetch(uint32_t reactor, uint16_t ns, [[maybe_unused]] uint16_t shard,
                      std::string_view key, FetchRequest* request) {
  CAIRN_ASSERT_LATCHED(latches_[shard].latch);
  std::string stored;
  EncodeKey(PrefixOf(ns), key, &stored);
  // A snapshot shows a key that has been unknown since then as it is now: had it been written
  // meanwhile, memory would know it, unless a flush came between.
  Reactor& state = reactors_[reactor];
  const uint64_t flushes = Flushes();
  if (state.snapshot == nullptr || state.snapshot_flushes != flushes || !request->unknown) {
    state.snapshot_flushes = flushes;
    state.snapshot = std::make_shared<HeldSnapshot>(db_.get(), &gate_);
  }
  Submit(reactor, &reads_,
         new Fetching(this, reactor, std::move(stored), IsOfPages(ns), request, state.snapshot));
}

uint64_t LsmEngine::EntryMemoryBytes(uint16_t ns, uint16_t shard, std::string_view key) {
  Entry entry;
  Find(ns, shard, key, false, &entry);
  if (!entry.found && !entry.unknown) return 0;
  return kPrefixBytes + key.size() + (entry.resident ? kHeadBytes + entry.value_bytes : 0);
}

// ---- many keys ----

class LsmEngine::Ranging : public Reading {
 public:
  Ranging(LsmEngine* engine, uint32_t reactor, RangeRequest* request)
      : Reading(engine, reactor),
        collection_(engine->namespaces_.slot(request->ns).collection.load()),
        request_(request) {}

  void Run() override {
    RangeRequest* const request = request_;
    const Status status = std::move(status_);
    delete this;
    request->Done(status);
  }

 protected:
  std::unique_ptr<rocksdb::Iterator> Iterate() {
    prefix_.resize(kPrefixBytes);
    EncodePrefix({.collection = collection_}, prefix_.data());
    end_ = PrefixSuccessor(prefix_);
    upper_ = Sliced(end_);
    request_->Restart();
    // Where nothing is written for now, the range is what RocksDB has.
    (void)engine_->committer_->AwaitWritten();
    hold_ = std::make_unique<DropGate::Hold>(&engine_->gate_);
    rocksdb::ReadOptions options;
    if (engine_->own_.auto_prefix_mode && IsOn(Feature::kAutoPrefixMode)) {
      options.auto_prefix_mode = true;
    } else {
      options.total_order_seek = true;
    }
    options.async_io = engine_->own_.async_io && IsOn(Feature::kAsyncIo);
    options.iterate_upper_bound = &upper_;
    options.fill_cache = false;
    options.adaptive_readahead = engine_->own_.adaptive_readahead;
    options.verify_checksums = engine_->own_.verify_checksums;
    std::unique_ptr<rocksdb::Iterator> at(engine_->db_->NewIterator(options));
    const uint64_t written = engine_->Written();
    if (written > engine_->committer_->durable()) request_->ticket = {0, written};
    return at;
  }
  // False: the row does not fit any more, or status_ says what is wrong with it.
  bool Add(const rocksdb::Iterator& at) {
    ParsedValue parsed;
    FormatFault fault = ParseValue(Viewed(at.value()), &parsed);
    if (!fault && !IsClientKind(parsed.head.kind)) fault = {"damaged, see the log", 1};
    if (fault) {
      status_ = FormatError(fault, Viewed(at.key()));
      return false;
    }
    return request_->Add(Viewed(at.key()).substr(kPrefixBytes), parsed.head.expire_at_ms,
                         static_cast<ValueType>(parsed.head.kind));
  }
  void Finish(const rocksdb::Iterator& at) {
    if (status_.ok() && !at.status().ok()) status_ = ReadError(at.status(), prefix_);
    request_->Seal();
  }
  std::string Stored(std::string_view key) const { return prefix_ + std::string(key); }

  const uint32_t collection_;
  RangeRequest* const request_;
  std::string prefix_;

 private:
  void Read() override {
    const std::unique_ptr<rocksdb::Iterator> at = Iterate();
    request_->end = true;
    for (at->Seek(Sliced(Stored(request_->from))); at->Valid(); at->Next()) {
      if (!Viewed(at->key()).substr(kPrefixBytes).starts_with(request_->prefix)) break;
      request_->end = Add(*at);
      if (!request_->end) break;
    }
    Finish(*at);
  }

  std::string end_;
  rocksdb::Slice upper_;
  std::unique_ptr<DropGate::Hold> hold_;
};

void LsmEngine::ReadRange(uint32_t reactor, RangeRequest* request) {
  Submit(reactor, &ranges_, new Ranging(this, reactor, request));
}

// Of few keys, each is as probable as the others. Of many, one near a random place between the
// first and the last.
class LsmEngine::Drawing final : public Ranging {
 public:
  Drawing(LsmEngine* engine, uint32_t reactor, uint64_t random, RangeRequest* request)
      : Ranging(engine, reactor, request),
        random_(random),
        keys_(engine->exact_ ? engine->namespaces_.slot(request->ns).keys.load() : kManyKeys) {}

 private:
  static constexpr uint64_t kFewKeys = 1024;
  static constexpr uint64_t kManyKeys = UINT64_MAX;  // or not known
  static constexpr uint64_t kStepsMax = 256;         // from the random place on

  void Read() override {
    const std::unique_ptr<rocksdb::Iterator> at = Iterate();
    request_->end = true;
    uint64_t steps = keys_ == 0 ? 0 : random_ % std::min(keys_, kFewKeys);
    if (keys_ <= kFewKeys) {
      at->Seek(Sliced(prefix_));
    } else {
      at->Seek(Sliced(Place(at.get())));
      steps = random_ % kStepsMax;
    }
    for (; at->Valid() && steps > 0; --steps) at->Next();
    if (!at->Valid() && at->status().ok()) at->Seek(Sliced(prefix_));
    if (at->Valid()) Add(*at);
    Finish(*at);
  }

  // Between the first and the last key: what they have in common, then bytes that lie between.
  std::string Place(rocksdb::Iterator* at) const {
    at->SeekToLast();
    if (!at->Valid()) return prefix_;
    const std::string last(Viewed(at->key()));
    at->Seek(Sliced(prefix_));
    if (!at->Valid()) return prefix_;
    const std::string first(Viewed(at->key()));
    size_t same = 0;
    while (same < first.size() && same < last.size() && first[same] == last[same]) ++same;
    const auto eight = [same](const std::string& key) {
      uint64_t value = 0;
      for (size_t i = same; i < same + 8; ++i)
        value = value << 8 | (i < key.size() ? static_cast<uint8_t>(key[i]) : 0);
      return value;
    };
    const uint64_t low = eight(first);
    const uint64_t span = eight(last) - low;
    const uint64_t value = low + (span == UINT64_MAX ? random_ : random_ % (span + 1));
    std::string place = first.substr(0, same);
    for (int shift = 56; shift >= 0; shift -= 8) place += static_cast<char>(value >> shift);
    return place;
  }

  const uint64_t random_;
  const uint64_t keys_;
};

void LsmEngine::RandomKey(uint32_t reactor, uint64_t random, RangeRequest* request) {
  Submit(reactor, &ranges_, new Drawing(this, reactor, random, request));
}

// ---- figures of keys, and the sweep ----

uint64_t LsmEngine::KeyCount(uint16_t ns) const {
  if (exact_) return namespaces_.slot(ns).keys.load(std::memory_order_relaxed);
  // Its share of the bytes, of as many keys as RocksDB believes to have.
  const auto bytes_of = [this](const KeyPrefix& prefix, size_t named) {
    char bytes[kPrefixBytes];
    EncodePrefix(prefix, bytes);
    const std::string begin(bytes, named);
    const std::string end = PrefixSuccessor(begin);
    const rocksdb::Range range(begin, end);
    uint64_t size = 0;
    rocksdb::SizeApproximationOptions options;
    options.include_memtables = options.include_files = true;
    (void)db_->GetApproximateSizes(options, db_->DefaultColumnFamily(), &range, 1, &size);
    return static_cast<double>(size);
  };
  uint64_t keys = 0;
  (void)db_->GetIntProperty(rocksdb::DB::Properties::kEstimateNumKeys, &keys);
  const double all = bytes_of({}, kCollectionOffset);
  const double own = bytes_of({.collection = namespaces_.slot(ns).collection.load()}, kPrefixBytes);
  return all == 0 ? 0 : static_cast<uint64_t>(static_cast<double>(keys) * std::min(1.0, own / all));
}

uint64_t LsmEngine::ExpiringCount(uint16_t ns) const {
  return namespaces_.slot(ns).expiring.load(std::memory_order_relaxed);
}

uint64_t LsmEngine::MeanTtlMillis(uint16_t ns, uint64_t now_ms) const {
  const Namespaces::Slot& slot = namespaces_.slot(ns);
  const uint64_t expiring = slot.expiring.load(std::memory_order_relaxed);
  if (expiring == 0) return 0;
  const uint64_t mean_ms = slot.expiry_seconds.load(std::memory_order_relaxed) / expiring * 1000;
  return mean_ms > now_ms ? mean_ms - now_ms : 0;
}

bool LsmEngine::SweepExpired(uint16_t ns, uint16_t shard, uint64_t now_ms, size_t* visits,
                             KeyVisitor* visitor) {
  CAIRN_ASSERT_LATCHED(latches_[shard].latch);
  const Namespaces::Slot& slot = namespaces_.slot(ns);
  if (exact_ && slot.expiring.load(std::memory_order_relaxed) == 0) return true;
  const uint64_t second = now_ms / 1000 * 1000;
  sweeper_.Want(second);
  std::vector<Sweeper::Due>& due = sweeper_.due(shard);
  const uint32_t collection = slot.collection.load(std::memory_order_relaxed);
  for (size_t i = due.size(); i-- > 0;) {
    if (due[i].collection != collection || due[i].expire_at_ms > second) continue;
    if (*visits == 0) return false;
    --*visits;
    const Sweeper::Due one = std::move(due[i]);
    due[i] = std::move(due.back());
    due.pop_back();
    sweeper_.Took(1);
    // It may have changed; and what has left memory comes again, in a later pass.
    Entry entry;
    Find(ns, shard, one.key, false, &entry);
    if (!entry.found || entry.expire_at_ms != one.expire_at_ms) continue;
    if (!visitor->OnKey(one.key, one.expire_at_ms, entry.type)) return false;
  }
  return true;
}

}  // namespace cairn::lsm
