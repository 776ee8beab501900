// Writes: from a list of operations to records in lanes, and from records to the index and the
// cache.
#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "vlog/vlog_engine.h"

namespace cairn {

using vlog::Art;
using vlog::EntryRef;
using vlog::GroupPayload;
using vlog::Lane;
using vlog::LaneTxn;
using vlog::LogPosition;
using vlog::Placement;
using vlog::Pointer;
using vlog::RecordHeader;
using vlog::RecordType;
using vlog::ShardIndex;
using vlog::SwapPayload;
using vlog::TypeFor;
using vlog::UnitImage;

namespace {

bool Everywhere(const WriteOp& op) {
  return op.kind == WriteKind::kFlush || op.kind == WriteKind::kSwap;
}
bool OnlyFrees(const WriteOp& op) {
  return op.kind == WriteKind::kDelete || op.kind == WriteKind::kFlush || FreesPages(op);
}

// Of the record that opens a unit of several records, in each of its lanes.
uint64_t GroupBytes(uint64_t lanes) {
  return vlog::RecordBytes(RecordType::kGroup, 0,
                           sizeof(GroupPayload) + (lanes > 1 ? 8 * lanes : 0));
}

uint64_t SizeOf(const WriteOp& op) {
  const uint64_t value = op.kind == WriteKind::kPut    ? op.value.size()
                         : op.kind == WriteKind::kSwap ? sizeof(SwapPayload)
                                                       : 0;
  return vlog::RecordBytes(TypeFor(op), Everywhere(op) ? 0 : op.key.size(), value);
}

bool TooLarge(const WriteOp& op) {
  return op.key.size() > kKeyBytesMax || op.value.size() > kValueBytesMax;
}

Status TooLargeStatus() {
  return Status(Code::kTooLarge, "key, value or transaction is too large for the log");
}

}  // namespace

Status VlogEngine::Apply(uint32_t reactor, std::span<const WriteOp> ops, Ticket* tickets,
                         uint32_t* ticket_count, PreparedUnit* prepared) {
  *ticket_count = 0;
  if (ops.empty()) return Status();
  if (CAIRN_LIKELY(ops.size() == 1 && ops[0].value.size() < kLargeValueBytes &&
                   !Everywhere(ops[0]))) {
    Status status = ApplyOne(reactor, ops[0], tickets);
    if (CAIRN_LIKELY(status.ok())) *ticket_count = 1;
    return status;
  }
  const auto* image = static_cast<UnitImage*>(prepared);
  if (image != nullptr && !image->Fits(ops)) image = nullptr;
  return ApplyMany(reactor, ops, image, tickets, ticket_count);
}

std::unique_ptr<PreparedUnit> VlogEngine::Prepare(uint32_t reactor, std::span<const WriteOp> ops) {
  Reactor& me = reactors_[reactor];
  bool useful = false;
  for (const WriteOp& op : ops) {
    if (Everywhere(op)) return nullptr;  // has a part in every lane, and happens rarely
    useful = useful || (op.steady && op.value.size() >= kPreparedValueBytes);
  }
  if (!useful) return nullptr;
  const Code code = PlanParts(me, ops);
  std::vector<UnitImage::Part> parts;
  std::vector<size_t> part_of(lanes_.size());
  for (const uint32_t lane : me.touched) {
    const uint64_t bytes = me.parts[lane].bytes;
    me.parts[lane] = Part();
    if (code != Code::kOk) continue;
    part_of[lane] = parts.size();
    parts.push_back(
        {lane, bytes, LargeBuffer::New(vlog::kCommitRecordBytes + bytes + Lane::kImageSlackBytes)});
  }
  if (code != Code::kOk) return nullptr;
  const bool grouped = parts.size() > 1 || ops.size() > 1;
  const uint64_t group = grouped ? GroupBytes(parts.size()) : 0;
  auto image = std::make_unique<UnitImage>(std::move(parts), group);
  for (const WriteOp& op : ops) image->Add(op, part_of[LaneOf(op.shard)]);
  return image;
}

RecordHeader VlogEngine::HeaderOf(const WriteOp& op, const Placement& place) const {
  RecordHeader header;
  header.crc = 0;
  header.type = static_cast<uint8_t>(TypeFor(op));
  header.value_type = static_cast<uint8_t>(op.type);
  header.ns = op.ns == kAllNamespaces ? vlog::kAllTrees : TreeOf(op.ns);
  header.key_bytes = Everywhere(op) ? 0 : static_cast<uint32_t>(op.key.size());
  header.value_bytes = op.kind == WriteKind::kPut ? static_cast<uint32_t>(op.value.size()) : 0;
  header.incarnation = shared_.incarnation;
  header.segment_id = place.segment->id;
  return header;
}

Status VlogEngine::ApplyOne(uint32_t reactor, const WriteOp& op, Ticket* ticket) {
  Reactor& me = reactors_[reactor];
  const uint32_t lane_id = LaneOf(op.shard);
  Lane* lane = lanes_[lane_id].get();
  if (CAIRN_UNLIKELY(TooLarge(op))) return TooLargeStatus();
  const uint64_t bytes = SizeOf(op);
  // Looked up first, so that the cached value it replaces is on its way while the record is
  // encoded.
  const EntryRef old = op.kind == WriteKind::kPut ? Look(op) : EntryRef();
  const std::string_view value = op.kind == WriteKind::kPut ? op.value : std::string_view();
  Placement place;
  RecordHeader header;
  const Code code = lane->Stage(bytes, OnlyFrees(op), [&](const Placement& staged) {
    place = staged;
    me.staged_in.store(place.segment->id, std::memory_order_relaxed);
    header = HeaderOf(op, place);
    header.crc =
        vlog::EncodeRecord(place.data, place.Seed(), header, op.expire_at_ms, op.key, value);
  });
  if (CAIRN_LIKELY(op.awaited)) MarkDirty(me, lane_id);
  if (CAIRN_UNLIKELY(code != Code::kOk)) return lane->Refusal(code);
  if (CAIRN_UNLIKELY(tuning_.after_stage != nullptr)) tuning_.after_stage();
  Count(me, 1, op.key.size() + value.size());
  *ticket = {lane_id, LogPosition(place.segment->id, place.offset + bytes)};
  Index(op, header.ns, header, place.offset, old);
  me.staged_in.store(0, std::memory_order_release);
  if (cache_->OverBudget()) ShrinkCache(op.shard);
  return Status();
}

// ---- several records as one unit ----

Status VlogEngine::ApplyMany(uint32_t reactor, std::span<const WriteOp> ops, const UnitImage* image,
                             Ticket* tickets, uint32_t* ticket_count) {
  Reactor& me = reactors_[reactor];
  Code code = PlanParts(me, ops);
  uint32_t refusing = 0;
  if (code == Code::kOk) code = PlaceParts(me, image, &refusing);
  if (code == Code::kOk) {
    WriteParts(me, ops, image);
    for (uint32_t lane : me.touched) {
      Part& part = me.parts[lane];
      tickets[(*ticket_count)++] = {
          lane, LogPosition(part.place.segment->id, part.place.offset + part.bytes)};
      part.place.FinishFill();
    }
  }
  for (uint32_t lane : me.touched) {
    me.parts[lane] = Part();
    MarkDirty(me, lane);
  }
  if (code == Code::kTooLarge) return TooLargeStatus();
  if (code != Code::kOk) return lanes_[refusing]->Refusal(code);
  if (cache_->OverBudget()) ShrinkCache(ops[0].shard);
  return Status();
}

// How many bytes go to which lane.
Code VlogEngine::PlanParts(Reactor& me, std::span<const WriteOp> ops) {
  me.touched.clear();
  const auto add = [&](uint32_t lane, const WriteOp& op, uint64_t bytes) {
    Part& part = me.parts[lane];
    if (part.records == 0) me.touched.push_back(lane);
    part.records += 1;
    part.bytes += bytes;
    part.frees = part.frees && OnlyFrees(op);
  };
  bool too_large = false;
  for (const WriteOp& op : ops) {
    too_large = too_large || TooLarge(op);
    const uint64_t bytes = SizeOf(op);
    if (Everywhere(op)) {
      for (uint32_t lane = 0; lane < lanes_.size(); ++lane) add(lane, op, bytes);
    } else {
      add(LaneOf(op.shard), op, bytes);
    }
  }
  std::sort(me.touched.begin(), me.touched.end());
  const uint32_t lanes = static_cast<uint32_t>(me.touched.size());
  if (lanes > 1 || me.parts[me.touched[0]].records > 1) {
    for (uint32_t lane : me.touched) me.parts[lane].bytes += GroupBytes(lanes);
  }
  for (uint32_t lane : me.touched) too_large = too_large || me.parts[lane].bytes > kUnitBytesMax;
  return too_large ? Code::kTooLarge : Code::kOk;
}

// Takes room in all lanes at once or in none, so that all lanes see transactions in the same order.
Code VlogEngine::PlaceParts(Reactor& me, const UnitImage* image, uint32_t* refusing_lane) {
  bool frees = true;
  for (uint32_t lane : me.touched) frees = frees && me.parts[lane].frees;
  for (uint32_t lane : me.touched) lanes_[lane]->latch().Lock();
  Code code = Code::kOk;
  size_t prepared = 0;
  for (; prepared < me.touched.size(); ++prepared) {
    const uint32_t lane = me.touched[prepared];
    const uint64_t bytes = me.parts[lane].bytes;
    const auto* memory = image != nullptr ? &image->parts()[prepared].memory : nullptr;
    CAIRN_CHECK(image == nullptr ||
                (image->parts()[prepared].lane == lane && image->parts()[prepared].bytes == bytes));
    code = lanes_[lane]->PrepareLocked(bytes, frees, memory);
    if (code == Code::kOk) continue;
    *refusing_lane = lane;
    break;
  }
  for (size_t i = 0; code != Code::kOk && image != nullptr && i < prepared; ++i)
    lanes_[me.touched[i]]->AbandonLocked(image->parts()[i].memory);
  if (code == Code::kOk) {
    std::shared_ptr<LaneTxn> txn;
    if (me.touched.size() > 1) {
      txn = std::make_shared<LaneTxn>();
      txn->lanes = me.touched;
      txn->parts_left.store(static_cast<uint32_t>(me.touched.size()), std::memory_order_relaxed);
    }
    for (uint32_t lane : me.touched) {
      Part& part = me.parts[lane];
      lanes_[lane]->TakeLocked(part.bytes, &part.place);
      part.place.BeginFill();
      if (txn == nullptr) continue;
      const uint32_t segment = part.place.segment->id;
      lanes_[lane]->HoldLocked(LogPosition(segment, part.place.offset),
                               LogPosition(segment, part.place.offset + part.bytes), txn);
    }
  }
  for (auto lane = me.touched.rbegin(); lane != me.touched.rend(); ++lane)
    lanes_[*lane]->latch().Unlock();
  return code;
}

void VlogEngine::WriteParts(Reactor& me, std::span<const WriteOp> ops, const UnitImage* image) {
  const uint32_t lanes = static_cast<uint32_t>(me.touched.size());
  const bool grouped = lanes > 1 || me.parts[me.touched[0]].records > 1;
  if (grouped) {
    std::string value(sizeof(GroupPayload) + (lanes > 1 ? size_t{8} * lanes : 0), '\0');
    if (lanes > 1) {
      for (uint32_t i = 0; i < lanes; ++i) {
        const Placement& place = me.parts[me.touched[i]].place;
        const uint64_t position = LogPosition(place.segment->id, place.offset);
        std::memcpy(value.data() + sizeof(GroupPayload) + size_t{8} * i, &position, 8);
      }
    }
    const uint64_t txn_id = lanes > 1 ? next_txn_id_.fetch_add(1, std::memory_order_relaxed) : 0;
    for (uint32_t lane : me.touched) {
      Part& part = me.parts[lane];
      RecordHeader header = {};
      header.type = static_cast<uint8_t>(RecordType::kGroup);
      header.value_bytes = static_cast<uint32_t>(value.size());
      header.incarnation = shared_.incarnation;
      header.segment_id = part.place.segment->id;
      part.at = vlog::PlainBytesOf(header);
      const GroupPayload payload = {txn_id, part.bytes - part.at, part.records,
                                    lanes > 1 ? lanes : 0};
      std::memcpy(value.data(), &payload, sizeof(payload));
      vlog::EncodeRecord(part.place.data, part.place.Seed(), header, 0, {}, value);
    }
  }
  for (size_t i = 0; i < ops.size(); ++i) {
    const WriteOp& op = ops[i];
    Count(me, 1, op.key.size() + op.value.size());
    if (Everywhere(op)) {
      WriteEverywhere(me, op, grouped);
      continue;
    }
    Part& part = me.parts[LaneOf(op.shard)];
    RecordHeader header = HeaderOf(op, part.place);
    if (grouped) header.type |= vlog::kGroupMember;
    char* out = part.place.data + part.at;
    const uint64_t offset = part.place.offset + part.at;
    const std::string_view value = op.kind == WriteKind::kPut ? op.value : std::string_view();
    const uint32_t seed = part.place.Seed(part.at);
    bool sealed = false;
    if (image != nullptr) header.crc = image->Seal(i, out, seed, header, op, &sealed);
    if (!sealed) header.crc = vlog::EncodeRecord(out, seed, header, op.expire_at_ms, op.key, value);
    part.at += vlog::PlainBytesOf(header);
    if (CAIRN_UNLIKELY(value.size() >= kLargeValueBytes)) {
      IndexLarge(op, header, part, out, offset);
      continue;
    }
    Index(op, header.ns, header, offset, op.kind == WriteKind::kPut ? Look(op) : EntryRef());
  }
  for (uint32_t lane : me.touched) CAIRN_CHECK(me.parts[lane].at == me.parts[lane].bytes);
}

// A flush or a swap: one record in every lane, then every shard.
void VlogEngine::WriteEverywhere(Reactor& me, const WriteOp& op, bool grouped) {
  SwapPayload swap = {};
  std::string_view value;
  if (op.kind == WriteKind::kSwap) {
    std::lock_guard<std::mutex> lock(swap_mutex_);
    swap = {op.ns, op.other_ns, 0, swap_sequence_ + 1};
    value = {reinterpret_cast<const char*>(&swap), sizeof(swap)};
  }
  uint16_t tree = 0;
  for (uint32_t lane : me.touched) {
    Part& part = me.parts[lane];
    RecordHeader header = HeaderOf(op, part.place);
    if (op.kind == WriteKind::kSwap) header.ns = 0;
    header.value_bytes = static_cast<uint32_t>(value.size());
    if (grouped) header.type |= vlog::kGroupMember;
    tree = header.ns;
    vlog::EncodeRecord(part.place.data + part.at, part.place.Seed(part.at), header, 0, {}, value);
    part.at += vlog::PlainBytesOf(header);
    if (op.kind == WriteKind::kFlush)
      part.place.segment->flushes.store(true, std::memory_order_relaxed);
  }
  for (uint32_t shard = 0; shard < kShardCount; ++shard) {
    const Part& part = me.parts[LaneOf(shard)];
    const uint64_t end = LogPosition(part.place.segment->id, part.place.offset + part.bytes);
    ShardIndex& index = Shard(shard);
    index.last_write = index.last_removal = index.last_change = end;
    if (op.kind == WriteKind::kFlush) FlushShard(static_cast<uint16_t>(shard), tree);
  }
  if (op.kind == WriteKind::kSwap) SwapTrees(op.ns, op.other_ns, swap.sequence);
  spaces_.OnWhole(op);
}

// ---- the index ----

// The entry that a put replaces.
EntryRef VlogEngine::Look(const WriteOp& op) {
  const EntryRef found = Shard(op.shard).Find(TreeOf(op.ns), op.key);
  if (found && found.pointer->resident())
    cache_->Prefetch(op.shard, found.pointer->checksum, found.pointer->length);
  return found;
}

// Reads nothing of the record's place in the lane, which may be on disk and in use again.
void VlogEngine::Index(const WriteOp& op, uint16_t tree, const RecordHeader& header,
                       uint64_t offset, const EntryRef& old) {
  const uint64_t end = LogPosition(header.segment_id, offset + vlog::PlainBytesOf(header));
  ShardIndex& shard = Shard(op.shard);
  shard.last_write = end;
  switch (op.kind) {
    case WriteKind::kPut:
      IndexPut(op, tree, header, vlog::PlainPointer(header, offset), old);
      return;
    case WriteKind::kDelete:
      CountRemoval(header);
      shard.last_removal = end;
      DropEntry(tree, op.shard, op.key);
      return;
    case WriteKind::kExpire:
      CountRemoval(header);
      shard.last_change = end;
      IndexExpire(op, tree);
      return;
    default:
      CAIRN_CHECK(false);
  }
}

// A large value is not copied into the cache: it stays where it was encoded, if that is not much
// more memory than its own.
void VlogEngine::IndexLarge(const WriteOp& op, const RecordHeader& header, const Part& part,
                            const char* record, uint64_t offset) {
  const Pointer pointer = vlog::PlainPointer(header, offset);
  Shard(op.shard).last_write = LogPosition(header.segment_id, offset + vlog::PlainBytesOf(header));
  const ValueCache::SharedRecord shared = {part.place.batch->large, record};
  const bool worth = shared.owner != nullptr && 8 * uint64_t{pointer.length} >= 7 * part.bytes;
  IndexPut(op, header.ns, header, pointer, Look(op), worth ? &shared : nullptr,
           worth || pointer.length <= kLargeUnitBytes);
}

void VlogEngine::IndexPut(const WriteOp& op, uint16_t tree_number, const RecordHeader& header,
                          const Pointer& pointer, const EntryRef& found,
                          const ValueCache::SharedRecord* shared, bool admit) {
  Art& tree = Shard(op.shard).MakeTree(tree_number);
  const uint32_t checksum = pointer.checksum;
  char* cached = nullptr;
  const auto value_bytes = static_cast<uint32_t>(op.value.size());
  // The value may have been in the cache under the checksum of the version before.
  const bool was_resident = found && found.pointer->resident();
  uint32_t handle = ValueCache::kNoHandle;
  if (CAIRN_UNLIKELY(!admit)) {
    if (was_resident) cache_->Erase(op.shard, found.pointer->checksum);
  } else if (was_resident) {
    handle = cache_->ReplaceReserve(op.shard, found.pointer->checksum, found.pointer->length,
                                    checksum, pointer.length, &cached, value_bytes, shared);
  } else {
    handle = cache_->Reserve(op.shard, checksum, pointer.length, &cached,
                             {found ? found.pointer->checksum : checksum, value_bytes}, shared);
  }
  uint32_t flags = pointer.flags;
  uint32_t tag = checksum;
  if (handle != ValueCache::kNoHandle) {
    if (CAIRN_LIKELY(cached != nullptr))
      vlog::FillRecord(cached, header, op.expire_at_ms, op.key, op.value);
    flags |= Pointer::kResident;
    tag = handle;
  }
  TreeCount& count = CountOf(tree_number);
  Account(pointer, found ? found.pointer : nullptr);
  if (!found) {
    Pointer entry = pointer;
    entry.flags = flags;
    entry.checksum = tag;
    tree.Upsert(op.key, entry, op.expire_at_ms);
    count.keys.fetch_add(1, std::memory_order_relaxed);
    if (op.expire_at_ms != 0) count.expiring.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const uint64_t old_expire = found.expire_at_ms;
  if (old_expire != 0) flags |= Pointer::kHasExpiry;
  // Field by field: a Pointer put together on the stack would be read back as a whole before its
  // parts have left the store buffer, which waits for all stores before them.
  Pointer* entry = found.pointer;
  entry->segment_id = pointer.segment_id;
  entry->length = pointer.length;
  entry->offset = pointer.offset;
  entry->flags = flags;
  entry->checksum = tag;
  if (old_expire == op.expire_at_ms) return;
  tree.SetExpire(op.key, op.expire_at_ms);
  if (old_expire == 0) count.expiring.fetch_add(1, std::memory_order_relaxed);
  if (op.expire_at_ms == 0) count.expiring.fetch_sub(1, std::memory_order_relaxed);
}

// A key leaves the index: it was deleted, or garbage collection drops what has expired. With the
// shard's latch held.
void VlogEngine::DropEntry(uint16_t tree_number, uint16_t shard, std::string_view key) {
  Art* tree = Shard(shard).Tree(tree_number);
  Pointer old;
  uint64_t expire_at_ms = 0;
  if (tree == nullptr || !tree->Erase(key, &old, &expire_at_ms)) return;
  if (old.resident()) cache_->Erase(shard, old.checksum);
  Retire(old);
  CountOf(tree_number).keys.fetch_sub(1, std::memory_order_relaxed);
  if (expire_at_ms != 0) CountOf(tree_number).expiring.fetch_sub(1, std::memory_order_relaxed);
}

void VlogEngine::IndexExpire(const WriteOp& op, uint16_t tree_number) {
  Art* tree = Shard(op.shard).Tree(tree_number);
  EntryRef found = tree == nullptr ? EntryRef() : tree->Find(op.key);
  if (!found) return;
  const bool had = found.expire_at_ms != 0;
  found.pointer->flags |= Pointer::kExpiryExternal;
  tree->SetExpire(op.key, op.expire_at_ms);
  if (!had && op.expire_at_ms != 0)
    CountOf(tree_number).expiring.fetch_add(1, std::memory_order_relaxed);
  if (had && op.expire_at_ms == 0)
    CountOf(tree_number).expiring.fetch_sub(1, std::memory_order_relaxed);
}

// Live bytes of a segment: `added` came, `old` (may be null) went. Overwrites within one segment by
// records of the same size, the common case, change nothing.
void VlogEngine::Account(const Pointer& added, const Pointer* old) {
  uint64_t bytes = added.length;
  if (old != nullptr && old->segment_id == added.segment_id) {
    bytes -= old->length;  // may wrap: a difference
  } else if (old != nullptr) {
    Retire(*old);
  }
  if (bytes != 0)
    segments_.Get(added.segment_id)->live_bytes.fetch_add(bytes, std::memory_order_release);
}

void VlogEngine::CountRemoval(const RecordHeader& header) {
  segments_.Get(header.segment_id)
      ->removal_bytes.fetch_add(vlog::PlainBytesOf(header), std::memory_order_relaxed);
}

// Only the reactor writes these.
void VlogEngine::Count(Reactor& me, uint64_t records, uint64_t user_bytes) {
  me.records.store(me.records.load(std::memory_order_relaxed) + records, std::memory_order_relaxed);
  me.user_bytes.store(me.user_bytes.load(std::memory_order_relaxed) + user_bytes,
                      std::memory_order_relaxed);
}

void VlogEngine::Retire(const Pointer& old) {
  segments_.Get(old.segment_id)->live_bytes.fetch_sub(old.length, std::memory_order_release);
}

// A tree of keys, with the pages beside it.
void VlogEngine::FlushShard(uint16_t shard, uint16_t tree) {
  ShardIndex& index = Shard(shard);
  bool any = false;
  bool alone = true;
  const auto goes = [tree](uint16_t number) {
    return tree == vlog::kAllTrees || vlog::KeyTree(number) == tree;
  };
  index.ForEach([&](uint16_t number, Art&) {
    any = any || goes(number);
    alone = alone && goes(number);
  });
  if (!any) return;
  if (alone) cache_->Clear(shard);
  index.ForEach([&](uint16_t number, Art& art) {
    if (!goes(number)) return;
    if (!alone) {
      art.Scan({}, [&](std::string_view, Pointer& pointer, uint64_t) {
        if (pointer.resident()) cache_->Erase(shard, pointer.checksum);
        return true;
      });
    }
    DropTree(shard, number, &art);
  });
}

// The keys are gone at once; the memory goes in the background.
void VlogEngine::DropTree(uint16_t, uint16_t number, Art* tree) {
  CountOf(number).keys.fetch_sub(tree->size(), std::memory_order_relaxed);
  CountOf(number).expiring.fetch_sub(tree->expiring(), std::memory_order_relaxed);
  std::lock_guard<std::mutex> lock(flushed_trees_mutex_);
  flushed_trees_.emplace_back(std::move(*tree));
  shared_.service_wanted.store(true, std::memory_order_release);
}

void VlogEngine::SwapTrees(uint16_t a, uint16_t b, uint64_t sequence) {
  std::lock_guard<std::mutex> lock(swap_mutex_);
  CAIRN_CHECK(sequence == swap_sequence_ + 1);
  const uint16_t tree = tree_of_[a].load(std::memory_order_relaxed);
  tree_of_[a].store(tree_of_[b].load(std::memory_order_relaxed), std::memory_order_relaxed);
  tree_of_[b].store(tree, std::memory_order_relaxed);
  swap_sequence_ = sequence;
}

void VlogEngine::MarkDirty(Reactor& me, uint32_t lane) {
  if (me.is_dirty[lane] != 0) return;
  me.is_dirty[lane] = 1;
  me.dirty.push_back(lane);
}

// ---- the cache ----

void VlogEngine::ShrinkCache(uint32_t held_shard) {
  cache_->Shrink(
      held_shard, [this](uint32_t shard) { return latches_[shard].latch.TryLock(); },
      [this](uint32_t shard) { latches_[shard].latch.Unlock(); },
      [this](std::span<const ValueCache::Victim> victims) { OnEvict(victims); });
}

void VlogEngine::OnEvict(std::span<const ValueCache::Victim> victims) {
  static_assert(ValueCache::kBatch <= Art::kFindManyMax);
  Art::Lookup lookups[ValueCache::kBatch];
  for (size_t i = 0; i < victims.size(); ++i) {
    const char* record = victims[i].view.record.data();
    const RecordHeader header = vlog::LoadHeader(record);
    lookups[i] = {Shard(victims[i].shard).Tree(header.ns), vlog::KeyOf(header, record), {}};
  }
  Art::FindMany(std::span(lookups, victims.size()));
  for (size_t i = 0; i < victims.size(); ++i) {
    Pointer* pointer = lookups[i].found.pointer;
    CAIRN_CHECK(pointer != nullptr && pointer->resident() &&
                pointer->checksum == victims[i].handle);
    pointer->flags &= ~Pointer::kResident;
    pointer->checksum = victims[i].view.checksum;
  }
}

}  // namespace cairn
