#include <algorithm>
#include <utility>

#include "base/check.h"
#include "vlog/vlog.h"
#include "vlog/vlog_checkpoint.h"
#include "vlog/vlog_gc.h"

namespace cairn {

using vlog::Art;
using vlog::EntryRef;
using vlog::Lane;
using vlog::LogPosition;
using vlog::Pointer;
using vlog::ShardIndex;

namespace {

constexpr size_t kScratchKeptMax = 4u << 20;
constexpr uint32_t kReadsInline = 3;  // small, so that tests have reads that wait

// Where staged values are copied to; valid until this thread's next Find.
std::vector<char>& Scratch(size_t bytes) {
  thread_local std::vector<char> scratch;
  if (scratch.size() > kScratchKeptMax && bytes <= kScratchKeptMax)
    std::vector<char>().swap(scratch);
  if (scratch.size() < bytes) scratch.resize(bytes);
  return scratch;
}

// Of the large value that this thread's latest Find found in memory of the lane.
thread_local std::shared_ptr<LargeBuffer> staged_owner;

}  // namespace

std::unique_ptr<Engine> NewVlogEngine() { return std::make_unique<VlogEngine>(); }

VlogEngine::VlogEngine(const VlogTuning& tuning)
    : tuning_(tuning),
      shards_(new ShardIndex[kShardCount]),
      tree_of_(new std::atomic<uint16_t>[kDatabasesMax]),
      counts_(new TreeCount[vlog::kTreesMax]),
      reactors_(new Reactor[kReactorsMax]),
      checkpoint_source_(std::make_unique<CheckpointSource>(this)),
      checkpointer_(checkpoint_source_.get()),
      gc_source_(std::make_unique<GcSource>(this)) {
  for (uint32_t ns = 0; ns < kDatabasesMax; ++ns) {
    tree_of_[ns].store(static_cast<uint16_t>(ns), std::memory_order_relaxed);
  }
}

VlogEngine::~VlogEngine() {
  if (open_) (void)Close();
}

void VlogEngine::AttachReactor(uint32_t reactor, IoQueue* queue, CompletionPort*) {
  CAIRN_CHECK(reactor < kReactorsMax && open_ && reactors_[reactor].queue == nullptr);
  Reactor& me = reactors_[reactor];
  me.queue = queue;
  me.pool = vlog::FetchPool::New();
  if (tuning_.read_window != 0 || tuning_.inline_maintenance)
    me.read_window.Fix(tuning_.read_window != 0 ? tuning_.read_window : kReadsInline);
  me.dirty.clear();
  me.is_dirty.assign(lanes_.size(), 0);
  me.parts.assign(lanes_.size(), Part());
}

void VlogEngine::DetachReactor(uint32_t reactor) {
  Reactor& me = reactors_[reactor];
  if (me.queue == nullptr) return;
  me.pool->Close();
  me.pool = nullptr;
  me.queue = nullptr;
}

// ---- reads ----

void VlogEngine::Find(uint16_t ns, uint16_t shard, std::string_view key, bool want_value,
                      Entry* entry) {
  *entry = Entry();
  ShardIndex& index = Shard(shard);
  Lane* lane = lanes_[LaneOf(shard)].get();
  const uint64_t durable = lane->durable();
  const EntryRef found = index.Find(TreeOf(ns), key);
  const bool waits = index.last_write > durable;
  if (!found) {
    if (waits && index.last_removal > durable) entry->ticket = {lane->id(), index.last_removal};
    return;
  }
  const Pointer& pointer = *found.pointer;
  entry->found = true;
  entry->type = static_cast<ValueType>(pointer.type());
  entry->expire_at_ms = found.expire_at_ms;
  entry->value_bytes = vlog::ValueBytes(pointer, key.size());
  // Survivors are durable, whatever number their segment has.
  const uint64_t position =
      (pointer.flags & vlog::kSurvivor) != 0 ? 0 : LogPosition(pointer.segment_id, pointer.offset);
  if (CAIRN_UNLIKELY(waits)) {
    uint64_t needed = position >= durable ? position + 1 : 0;
    if (index.last_change > durable) needed = std::max(needed, index.last_change);
    if (needed != 0) entry->ticket = {lane->id(), needed};
  }
  if (pointer.resident()) {
    entry->resident = true;
    if (!want_value) return;
    const char* record = cache_->Get(shard, pointer.checksum, pointer.length);
    entry->value = {record + vlog::ValueOffset(pointer, key.size()), entry->value_bytes};
    return;
  }
  entry->version = vlog::VersionOf(pointer);
  if (position < lane->written()) return;
  if (CAIRN_UNLIKELY(want_value && pointer.length >= kLargeValueBytes)) {
    const char* record = nullptr;
    staged_owner = lane->ShareStaged(pointer.segment_id, pointer.offset, &record);
    if (staged_owner != nullptr) {
      entry->resident = entry->copied = true;
      entry->value = {record + vlog::ValueOffset(pointer, key.size()), entry->value_bytes};
      return;
    }
  }
  std::vector<char>& scratch = Scratch(want_value ? pointer.length : 0);
  if (want_value &&
      !lane->ReadStaged(pointer.segment_id, pointer.offset, pointer.length, scratch.data()))
    return;
  entry->resident = true;
  if (want_value) {
    ++index.ring_reads;
    entry->copied = true;
    entry->value = {scratch.data() + vlog::ValueOffset(pointer, key.size()), entry->value_bytes};
  }
}

Owner VlogEngine::Pin(uint16_t ns, uint16_t shard, std::string_view key, const Entry& entry) {
  if (entry.copied) {
    const std::shared_ptr<LargeBuffer> owner = std::move(staged_owner);
    const char* value = entry.value.data();
    const bool owns = owner != nullptr && value >= owner->data() &&
                      value + entry.value.size() <= owner->data() + owner->bytes();
    return owns ? owner : nullptr;
  }
  const EntryRef found = Shard(shard).Find(TreeOf(ns), key);
  if (!found || !found.pointer->resident()) return nullptr;
  return cache_->Share(shard, found.pointer->checksum);
}

void VlogEngine::ReadRange(uint32_t, RangeRequest* request) {
  request->Restart();
  const auto shard = static_cast<uint16_t>(request->part);
  MaybeLatch latch(latches_[shard].latch, !request->latched);
  request->end = true;
  const Art* tree = Shard(shard).Tree(TreeOf(request->ns));
  if (tree != nullptr) {
    const std::string_view prefix = request->prefix;
    tree->Scan(request->from, [&](std::string_view key, Pointer& pointer, uint64_t expire_at_ms) {
      if (!key.starts_with(prefix)) return false;
      request->end = request->Add(key, expire_at_ms, static_cast<ValueType>(pointer.type()));
      return request->end;
    });
  }
  // After the look: what is shown was staged by then.
  request->ticket = LatestTicket(LaneOf(shard));
  request->Seal();
}

// Shards by how many keys they have, then a key of the shard.
void VlogEngine::RandomKey(uint32_t, uint64_t random, RangeRequest* request) {
  request->Restart();
  request->end = true;
  const uint64_t total = KeyCount(request->ns);
  uint64_t rank = total == 0 ? 0 : random % total;
  for (uint16_t shard = 0; total != 0 && shard < kShardCount; ++shard) {
    MaybeLatch latch(latches_[shard].latch, !request->latched);
    const Art* tree = Shard(shard).Tree(TreeOf(request->ns));
    const uint64_t count = tree == nullptr ? 0 : tree->size();
    if (rank >= count) {
      rank -= count;
      continue;
    }
    std::string key;
    if (!tree->Random(random / total, &key)) break;
    Entry entry;
    Find(request->ns, shard, key, false, &entry);
    request->Add(key, entry.expire_at_ms, entry.type);
    request->ticket = entry.ticket;
    break;
  }
  request->Seal();
}

uint64_t VlogEngine::KeyCount(uint16_t ns) const {
  return CountOf(TreeOf(ns)).keys.load(std::memory_order_relaxed);
}

uint64_t VlogEngine::ExpiringCount(uint16_t ns) const {
  return CountOf(TreeOf(ns)).expiring.load(std::memory_order_relaxed);
}

bool VlogEngine::SweepExpired(uint16_t ns, uint16_t shard, uint64_t now_ms, size_t* visits,
                              KeyVisitor* visitor) {
  Art* tree = Shard(shard).Tree(TreeOf(ns));
  if (tree == nullptr) return true;
  return tree->SweepExpired(
      now_ms, visits, [&](std::string_view key, Pointer& pointer, uint64_t expire_at_ms) {
        return visitor->OnKey(key, expire_at_ms, static_cast<ValueType>(pointer.type()));
      });
}

// ---- turns ----

void VlogEngine::TurnEnd(uint32_t reactor) {
  Reactor& me = reactors_[reactor];
  if (!me.dirty.empty()) {
    for (uint32_t lane : me.dirty) {
      me.is_dirty[lane] = 0;
      lanes_[lane]->Kick(me.queue.load(std::memory_order_relaxed));
    }
    me.dirty.clear();
  }
  me.queue.load(std::memory_order_relaxed)->Flush();
  if (CAIRN_UNLIKELY(shared_.service_wanted.load(std::memory_order_relaxed)) &&
      !tuning_.inline_maintenance) {
    WakeMaintenance();
  }
}

void VlogEngine::Tick(uint32_t reactor, uint64_t monotonic_ms) {
  Reactor& me = reactors_[reactor];
  shared_.now_ms.store(monotonic_ms, std::memory_order_relaxed);
  spaces_.Step(reactor);
  for (auto& lane : lanes_) lane->Tick(me.queue.load(std::memory_order_relaxed), monotonic_ms);
  if (tuning_.inline_maintenance && reactor == 0 &&
      (shared_.service_wanted.load(std::memory_order_relaxed) ||
       monotonic_ms >= serviced_ms_ + kMaintenanceMs)) {
    Service(monotonic_ms);
  }
  me.queue.load(std::memory_order_relaxed)->Flush();
}

void VlogEngine::RequestSync(uint32_t reactor) {
  Reactor& me = reactors_[reactor];
  for (auto& lane : lanes_) lane->RequestSync(me.queue.load(std::memory_order_relaxed));
  me.queue.load(std::memory_order_relaxed)->Flush();
}

bool VlogEngine::Stopped(uint32_t stream, std::string* reason) const {
  if (!lanes_[stream]->stopped()) return false;
  if (reason != nullptr) *reason = lanes_[stream]->reason();
  return true;
}

StreamState VlogEngine::State(uint32_t stream, std::string* reason) const {
  Lane& lane = *lanes_[stream];
  if (CAIRN_LIKELY(!lane.stopped())) {
    const std::string rejection = lane.rejection();
    if (rejection.empty()) return StreamState::kRunning;
    if (reason != nullptr) *reason = rejection;
    return StreamState::kRefusing;
  }
  if (reason != nullptr) *reason = lane.reason();
  return lane.failed() ? StreamState::kFailed : StreamState::kStopped;
}

// ---- what is told ----

void VlogEngine::At(GcPoint point) {
  if (CAIRN_UNLIKELY(tuning_.gc_hook != nullptr)) tuning_.gc_hook(tuning_.gc_context, point);
}

void VlogEngine::Notice(const std::string& text) {
  std::lock_guard<std::mutex> lock(notices_mutex_);
  if (notices_.size() < kNoticesMax) notices_.push_back(text);
}

std::vector<std::string> VlogEngine::TakeNotices() {
  std::lock_guard<std::mutex> lock(notices_mutex_);
  return std::exchange(notices_, {});
}

uint64_t VlogEngine::EntryMemoryBytes(uint16_t ns, uint16_t shard, std::string_view key) {
  const Art* tree = Shard(shard).Tree(TreeOf(ns));
  const EntryRef found = tree == nullptr ? EntryRef() : tree->Find(key);
  if (!found) return 0;
  constexpr uint64_t kCacheOverhead = 32;  // slot, malloc, blob header
  uint64_t bytes = tree->bytes() / tree->size();
  if (found.pointer->resident()) bytes += found.pointer->length + kCacheOverhead;
  return bytes;
}

}  // namespace cairn
