// Writes: from the contract's ops to the open batch.
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "base/check.h"
#include "lsm/key.h"
#include "lsm/lsm_engine.h"
#include "lsm/prepared_values.h"

namespace cairn::lsm {

namespace {

constexpr uint64_t kUnitBytesMax = 2ull << 30;  // RocksDB's batches end at 4 GiB
// Of a write beside key and value: heads, the entry of the expiry index, the index of what is
// pending.
constexpr uint64_t kWriteOverhead = 128;
// Collections that were flushed and not cleaned up yet.
constexpr size_t kDroppedMax = 16384 + kDatabasesMax;
static_assert(kDroppedMax <= kDroppedCollectionsMax);
static_assert(kDatabasesMax <= kDroppedMax, "all databases can be flushed at once");

bool OnWhole(const WriteOp& op) {
  return op.kind == WriteKind::kFlush || op.kind == WriteKind::kSwap;
}

bool OnlyFrees(const WriteOp& op) {
  return op.kind == WriteKind::kDelete || op.kind == WriteKind::kFlush || FreesPages(op);
}

// Collections that the unit may drop, and as many that it may take.
uint64_t Dropped(std::span<const WriteOp> ops, uint32_t namespaces) {
  uint64_t dropped = 0;
  for (const WriteOp& op : ops) {
    if (op.kind == WriteKind::kFlush) dropped += op.ns == kAllNamespaces ? namespaces : 1;
  }
  return dropped;
}

}  // namespace

// Why the unit is not taken, whatever is staged; else what it comes to.
Status LsmEngine::Refusal(std::span<const WriteOp> ops, uint64_t* bytes, bool* awaited) const {
  bool frees = true;
  for (const WriteOp& op : ops) {
    if (op.key.size() > kKeyBytesMax || op.value.size() > kValueBytesMax)
      return Status(Code::kTooLarge, "a key or value is larger than 512 MB");
    if (!OnWhole(op)) CAIRN_ASSERT_LATCHED(latches_[op.shard].latch);
    *bytes += op.key.size() + op.value.size() + kWriteOverhead;
    frees = frees && OnlyFrees(op);
    *awaited = *awaited || op.awaited;
  }
  if (*bytes > kUnitBytesMax)
    return Status(Code::kTooLarge,
                  "a transaction is larger than 2 GB, which engine lsm cannot write");
  std::string reason;
  switch (committer_->State(&reason)) {
    case StreamState::kRunning:
      return Status();
    case StreamState::kRefusing:
    case StreamState::kStopped:
      return frees ? Status() : Status(Code::kNoSpace, reason);
    case StreamState::kFailed:
      break;
  }
  return Status(Code::kReadOnly, reason);
}

Status LsmEngine::Apply(uint32_t, std::span<const WriteOp> ops, Ticket* tickets,
                        uint32_t* ticket_count, PreparedUnit* prepared_unit) {
  *ticket_count = 0;
  if (ops.empty()) return Status();
  uint64_t bytes = 0;
  bool awaited = false;
  Status refusal = Refusal(ops, &bytes, &awaited);
  if (CAIRN_UNLIKELY(!refusal.ok())) return refusal;
  bool whole = false;
  // Large values are copied before the others have to wait.
  const auto* const prepared = static_cast<const PreparedValues*>(prepared_unit);
  std::vector<std::pair<size_t, std::shared_ptr<LargeBuffer>>> large;  // by number of the op
  for (size_t i = 0; i < ops.size(); ++i) {
    whole |= OnWhole(ops[i]);
    std::shared_ptr<LargeBuffer> memory;
    if (CAIRN_UNLIKELY(prepared != nullptr)) memory = prepared->CopyOf(i, ops[i]);
    if (CAIRN_UNLIKELY(memory == nullptr && ops[i].kind == WriteKind::kPut &&
                       ops[i].value.size() >= kLargeValueBytes))
      memory = CopyValue(ops[i]);
    if (CAIRN_UNLIKELY(memory != nullptr)) large.emplace_back(i, std::move(memory));
  }
  auto next_large = large.begin();

  const std::lock_guard lock(committer_->mutex());
  if (CAIRN_UNLIKELY(!committer_->HasRoom())) {
    std::string reason;
    if (committer_->State(&reason) >= StreamState::kStopped) return Status(Code::kNoSpace, reason);
    return Status(Code::kBusy, "too much waits for RocksDB");
  }
  if (CAIRN_UNLIKELY(whole)) {
    const uint64_t dropped = Dropped(ops, namespaces_.count());
    if (dropped > kDroppedMax)
      return Status(Code::kTooLarge,
                    "a transaction flushes databases more often than engine lsm can write");
    if (dropped > namespaces_.unused()) return Status(Code::kTooLarge, Namespaces::kUsedUp);
    if (dropped != 0 && namespaces_.dropped().size() + dropped > kDroppedMax) {
      committer_->TellOfRoom();
      // Without compactions, nobody cleans up.
      return Status(events_->compactions_failed() ? Code::kTooLarge : Code::kBusy,
                    "too many databases that were flushed have not been cleaned up yet");
    }
  }
  Batch& batch = committer_->open();
  // First of all: who sees new counts asks for the latest ticket afterwards.
  committer_->Added(bytes, awaited);
  for (size_t i = 0; i < ops.size(); ++i) {
    if (CAIRN_UNLIKELY(OnWhole(ops[i]))) {
      ApplyWhole(ops[i], &batch);
      continue;
    }
    const bool is_large = next_large != large.end() && next_large->first == i;
    ApplyKey(ops[i], is_large ? std::move((next_large++)->second) : nullptr, &batch);
  }
  tickets[(*ticket_count)++] = {0, batch.number};
  return Status();
}

std::unique_ptr<PreparedUnit> LsmEngine::Prepare(uint32_t, std::span<const WriteOp> ops) {
  auto prepared = std::make_unique<PreparedValues>(ops);
  if (!prepared->useful()) return nullptr;
  return prepared;
}

void LsmEngine::ApplyKey(const WriteOp& op, std::shared_ptr<LargeBuffer> large, Batch* batch) {
  CAIRN_CHECK(op.kind != WriteKind::kExpire, "an expiry is written with its value");
  const bool deletion = op.kind == WriteKind::kDelete;
  const bool found = op.before == WriteOp::Before::kFound;
  const uint64_t expire_at_ms = deletion ? 0 : op.expire_at_ms;
  const bool page = IsOfPages(op.ns);

  auto* write = new (batch->arena.Take(sizeof(PendingWrite))) PendingWrite;
  write->batch = batch->number;
  write->shard = op.shard;
  write->type = op.type;
  write->expire_at_ms = expire_at_ms;
  write->old_expire_at_ms = found ? op.before_expire_at_ms : 0;

  const size_t key_bytes = kPrefixBytes + op.key.size();
  char* const key = batch->arena.Take(key_bytes);
  EncodePrefix(PrefixOf(op.ns), key);
  if (!op.key.empty()) std::memcpy(key + kPrefixBytes, op.key.data(), op.key.size());
  write->key = {key, key_bytes};
  write->hash = HashOf(write->key);

  if (!deletion) {
    char head[kHeadBytesMax];
    const auto type = static_cast<uint8_t>(op.type);
    write->body_offset =
        static_cast<uint32_t>(EncodeHead({.kind = page ? Kind::kPage : static_cast<Kind>(type),
                                          .aux = page ? type : uint8_t{0},
                                          .version = ++version_,
                                          .expire_at_ms = expire_at_ms},
                                         head));
    const size_t value_bytes = write->body_offset + op.value.size();
    char* value;
    if (CAIRN_UNLIKELY(large != nullptr)) {
      value = large->data();
      batch->owners.push_back(std::move(large));
      write->owner = &batch->owners.back();
    } else {
      value = batch->arena.Take(value_bytes);
      if (!op.value.empty())
        std::memcpy(value + write->body_offset, op.value.data(), op.value.size());
    }
    std::memcpy(value, head, write->body_offset);
    write->value = {value, value_bytes};
  } else {
    ++version_;
    removed_[op.shard] = batch->number;
  }
  batch->writes.push_back(write);
  pending_.Add(write);
  if (page) return namespaces_.TouchPages(KeysOf(op.ns), batch);

  using Change = Namespaces::Change;
  const Change change = !exact_ || found == !deletion ? Change::kStayed
                        : deletion                    ? Change::kWent
                                                      : Change::kCame;
  namespaces_.Count(op.ns, change, write->old_expire_at_ms, expire_at_ms, batch);
}

void LsmEngine::ApplyWhole(const WriteOp& op, Batch* batch) {
  for (uint32_t shard = 0; shard < kShardCount; ++shard)
    CAIRN_ASSERT_LATCHED(latches_[shard].latch);
  ++version_;
  if (op.kind == WriteKind::kSwap) {
    namespaces_.Swap(op.ns, op.other_ns, batch);
  } else if (op.ns != kAllNamespaces) {
    namespaces_.Flush(op.ns, exact_, batch);
  } else {
    for (uint32_t ns = 0; ns < namespaces_.count(); ++ns)
      namespaces_.Flush(static_cast<uint16_t>(ns), exact_, batch);
  }
  removed_all_.store(batch->number, std::memory_order_relaxed);
  spaces_.OnWhole(op);
}

void LsmEngine::Tick(uint32_t reactor, uint64_t monotonic_ms) {
  committer_->Kick(true);
  if (reactor != 0 || monotonic_ms < synced_ms_ + kSyncEveryMs) return;
  synced_ms_ = monotonic_ms;
  if (fsync_.load(std::memory_order_relaxed) == FsyncPolicy::kEverySecond &&
      committer_->durable() < committer_->latest())
    committer_->Sync();
}

}  // namespace cairn::lsm
