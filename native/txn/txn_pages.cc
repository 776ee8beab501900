// Pages of collections in a pass.
#include <algorithm>

#include "base/coding.h"
#include "base/split_mix.h"
#include "txn/txn.h"

namespace cairn {

bool Txn::Holds(uint16_t shard) const {
  return all_latched_ || std::binary_search(latched_.begin(), latched_.end(), shard);
}

bool Txn::NeedLatch(uint16_t shard) {
  if (CAIRN_LIKELY(Holds(shard))) return true;
  // Out of the order of shards a latch is only tried: who waited here might be waited for.
  if (engine_->ShardLatch(shard).TryLock()) {
    latched_.insert(std::lower_bound(latched_.begin(), latched_.end(), shard), shard);
    return true;
  }
  if (needed_.size() >= kNeededMax) return NeedAllLatches();
  if (std::find(needed_.begin(), needed_.end(), shard) == needed_.end()) needed_.push_back(shard);
  ++pending_count_;
  return false;
}

uint64_t Txn::Random() {
  if (random_seed_ == 0) random_seed_ = NextRandom() | 1;
  return SplitMix::At(random_seed_, ++randoms_);
}

ReadState Txn::GetPage(SpaceId space, uint64_t page, std::string_view* image) {
  slice_cost_ += kPageCost;
  if (CAIRN_UNLIKELY(!page_writes_.empty())) {
    const PageOp* own = page_writes_.Find(space, page);
    if (own != nullptr) {
      *image = own->image;
      return own->what == PageOp::What::kImage ? ReadState::kFound : ReadState::kMissing;
    }
  }
  const uint16_t ns = CAIRN_UNLIKELY(writes_whole_) ? OwnWrites().Base(db_) : db_;
  if (spaces_ == nullptr || space == 0 || ns == Overlay::kNothing) return ReadState::kMissing;
  CAIRN_CHECK(!frozen_, "commands that read pages have kCmdWaves");
  if (!NeedLatch(HomeOf(space))) return ReadState::kPending;
  PageEntry entry;
  spaces_->FindPage(ns, space, page, &entry);
  if (gated_) Observe(entry.ticket);
  if (CAIRN_LIKELY(entry.found && entry.resident)) {
    *image = entry.copied ? Copy(entry.image) : entry.image;
    return ReadState::kFound;
  }
  if (!entry.found && !entry.unknown) return ReadState::kMissing;
  const PageKey key{space, page};
  const Fetched* fetched = FindFetched(ns, key.bytes(), entry.version, true);
  if (fetched != nullptr) {
    *image = fetched->result.value;
    return fetched->result.found ? ReadState::kFound : ReadState::kMissing;
  }
  ++pending_count_;
  missing_.push_back(
      Missing{ns, HomeOf(space), std::string(key.bytes()), entry.version, 0, entry.unknown, true});
  return ReadState::kPending;
}

Status Txn::NewSpace(std::string_view key, SpaceId* space) {
  if (spaces_ == nullptr) return {Code::kInvalid, "this engine has no pages"};
  Status status = spaces_->NewSpace(ShardFor(key), space);
  if (status.code() == Code::kBusy) busy_ = again_ = true;
  if (!status.ok()) return status;
  made_spaces_.push_back(*space);
  in_pages_ = true;
  return status;
}

void Txn::PutPage(SpaceId space, uint64_t page, uint8_t kind, std::string_view image, bool made) {
  if (CAIRN_UNLIKELY(!NeedLatch(HomeOf(space)))) return;
  in_pages_ = true;
  page_writes_.Put(db_, space, page, kind, image, made);
}

void Txn::RemovePage(SpaceId space, uint64_t page, uint8_t kind) {
  if (CAIRN_UNLIKELY(!NeedLatch(HomeOf(space)))) return;
  in_pages_ = true;
  page_writes_.Remove(db_, space, page, kind);
}

void Txn::Touch(std::string_view key) {
  in_pages_ = true;
  touched_.push_back(Touched{db_, ShardFor(key), writes_.size(), key});
}

void Txn::DropSpaceOf(std::string_view key) {
  KeyMeta meta;
  std::string_view root;
  // Of a string nothing is read but its type.
  if (Look(key, false, &meta, &root) != ReadState::kFound || meta.type == ValueType::kString)
    return;
  if (Look(key, true, &meta, &root) == ReadState::kFound) DropSpace(root);
}

// An expired key is deleted by whoever meets it, if that is no trouble: not by one who only reads,
// if it would have to be read first.
bool Txn::DropSpaceOfExpired(uint16_t ns, uint16_t shard, std::string_view key) {
  Stored stored;
  Entry& entry = stored.entry;
  engine_->Find(ns, shard, key, true, &entry);
  ++looks_;
  if (entry.resident) {
    DropSpace(entry.value);
    return true;
  }
  const Fetched* fetched = FindFetched(ns, key, entry.version);
  if (fetched != nullptr) {
    DropSpace(fetched->result.value);
    return true;
  }
  if (!count_hits_) (void)FindRead(ns, shard, key, &stored);
  return false;
}

void Txn::DropSpace(std::string_view root) {
  if (root.size() < sizeof(SpaceId)) return;
  const SpaceId space = Little64(root.data());
  if (space == 0 || !NeedLatch(HomeOf(space))) return;
  const bool made =
      std::find(made_spaces_.begin(), made_spaces_.end(), space) != made_spaces_.end();
  in_pages_ = true;
  page_writes_.Drop(db_, space, made);
}

}  // namespace cairn
