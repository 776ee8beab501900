#include "engine/keyed_spaces.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.h"

namespace cairn {

namespace {

constexpr std::string_view kMarkValue = "d";

// Keys of a range, within the call.
class PagesFound final : public RangeRequest {
 public:
  void Done(Status) override {}
};

}  // namespace

KeyedSpaces::KeyedSpaces(Engine* engine, uint32_t pages_per_slice)
    : engine_(*engine),
      pages_per_slice_(pages_per_slice),
      homes_(new Home[kShardCount]),
      reactors_(new Reactor[kReactorsMax]) {
  Reset();
}

KeyedSpaces::~KeyedSpaces() = default;

void KeyedSpaces::Reset() {
  any_.store(false);
  numbers_first_.store(0);
  numbers_end_.store(0);
  wants_numbers_.store(false);
  for (uint32_t home = 0; home < kShardCount; ++home) homes_[home] = Home();
  for (uint32_t i = 0; i < kReactorsMax; ++i) reactors_[i] = Reactor();
  place_of_.resize(kDatabasesMax);
  for (uint32_t ns = 0; ns < kDatabasesMax; ++ns) place_of_[ns] = static_cast<uint16_t>(ns);
  ns_of_ = place_of_;
  queue_.clear();
  queued_.store(0);
  dropping_count_.store(0);
}

// ---- numbers ----

void KeyedSpaces::BeginNumbers(uint64_t first, uint64_t end) {
  numbers_first_.store(std::max<uint64_t>(first, 1), std::memory_order_relaxed);  // no space is 0
  AddNumbers(end);
}

void KeyedSpaces::AddNumbers(uint64_t end) {
  numbers_end_.store(end, std::memory_order_release);
  wants_numbers_.store(false, std::memory_order_relaxed);
}

Status KeyedSpaces::NewSpace(uint16_t home, SpaceId* space) {
  CAIRN_ASSERT_LATCHED(engine_.ShardLatch(home));
  Home& mine = homes_[home];
  const uint64_t end = numbers_end_.load(std::memory_order_acquire);
  const uint64_t number =
      std::max(mine.next_number, numbers_first_.load(std::memory_order_relaxed));
  if (CAIRN_UNLIKELY(number >= end)) {
    wants_numbers_.store(true, std::memory_order_relaxed);
    return Status(Code::kBusy, "numbers of spaces are being set aside");
  }
  mine.next_number = number + 1;
  *space = number << kHomeBits | home;
  return Status();
}

// ---- reads ----

void KeyedSpaces::FindPage(uint16_t ns, SpaceId space, uint64_t page, PageEntry* entry) {
  const PageKey key(space, page);
  const uint16_t home = HomeOf(space);
  Entry found;
  if (const Home& at = homes_[home];
      CAIRN_UNLIKELY(!at.dropping.empty() && at.dropping.contains(space))) {
    // What it shows is that the space was dropped: so says the mark.
    *entry = PageEntry();
    engine_.Find(PagesOf(ns), home, PageKey::OfMark(space).view(), false, &found);
    entry->ticket = found.ticket;
    return;
  }
  engine_.Find(PagesOf(ns), home, key.view(), true, &found);
  // All of it, once.
  entry->found = found.found;
  entry->unknown = found.unknown;
  entry->resident = found.resident;
  entry->copied = found.copied;
  entry->kind = static_cast<uint8_t>(found.type);
  entry->image = found.value;
  entry->version = found.version;
  entry->ticket = found.ticket;
}

void KeyedSpaces::FetchPage(uint32_t reactor, uint16_t ns, SpaceId space, uint64_t page,
                            FetchRequest* request) {
  const PageKey key(space, page);
  engine_.Fetch(reactor, PagesOf(ns), HomeOf(space), key.view(), request);
}

// ---- writes ----

Status KeyedSpaces::Apply(uint32_t reactor, std::span<const WriteOp> ops,
                          std::span<const PageOp> pages, Ticket* tickets, uint32_t* ticket_count) {
  *ticket_count = 0;
  if (pages.empty()) return engine_.Apply(reactor, ops, tickets, ticket_count);
  bool too_large = pages.size() > kPageOpsMax;
  for (const PageOp& op : pages)
    too_large = too_large || op.image.size() > kPageBytesMax || op.delta.size() > kPageBytesMax;
  if (CAIRN_UNLIKELY(too_large))
    return Status(Code::kTooLarge, "a page, or the number of pages of a unit, is too large");
  Reactor& me = reactors_[reactor];
  me.ops.assign(ops.begin(), ops.end());
  AddOps(pages, &me);
  Status status = engine_.Apply(reactor, me.ops, tickets, ticket_count);
  if (CAIRN_UNLIKELY(!status.ok())) return status;
  if (!any_.load(std::memory_order_relaxed)) any_.store(true, std::memory_order_relaxed);
  for (const PageOp& op : pages) {
    if (CAIRN_UNLIKELY(op.what == PageOp::What::kDropSpace)) Drop(op.ns, op.space);
  }
  return status;
}

void KeyedSpaces::AddOps(std::span<const PageOp> pages, Reactor* me) {
  me->keys.clear();
  me->keys.reserve(pages.size());  // views of them stay good
  for (const PageOp& op : pages) {
    CAIRN_CHECK(op.space != 0 && op.kind <= kPageKindMax && !IsOfPages(op.ns));
    const bool drop = op.what == PageOp::What::kDropSpace;
    me->keys.push_back(drop ? PageKey::OfMark(op.space) : PageKey(op.space, op.page));
    WriteOp write;
    write.ns = PagesOf(op.ns);
    write.shard = HomeOf(op.space);
    write.key = me->keys.back().view();
    if (drop) {
      write.value = kMarkValue;
    } else if (op.what == PageOp::What::kRemove) {
      write.kind = WriteKind::kDelete;
    } else {
      CAIRN_CHECK(!op.image.empty());
      write.type = static_cast<ValueType>(op.kind);
      write.value = op.image;
    }
    me->ops.push_back(write);
  }
}

// ---- what was dropped ----

void KeyedSpaces::Drop(uint16_t ns, SpaceId space) {
  if (!homes_[HomeOf(space)].dropping.insert(space).second) return;
  dropping_count_.fetch_add(1, std::memory_order_relaxed);
  PutBack({space, place_of_[ns]});
}

void KeyedSpaces::FoundMark(uint16_t ns, SpaceId space) { Drop(ns, space); }

void KeyedSpaces::OnWhole(const WriteOp& op) {
  if (op.kind == WriteKind::kSwap) {
    std::swap(place_of_[op.ns], place_of_[op.other_ns]);
    ns_of_[place_of_[op.ns]] = op.ns;
    ns_of_[place_of_[op.other_ns]] = op.other_ns;
  } else if (op.ns == kAllNamespaces) {
    any_.store(false, std::memory_order_relaxed);  // marks went with the rest; Step will see
  }
}

bool KeyedSpaces::Take(Dropped* dropped) {
  if (queued_.load(std::memory_order_relaxed) == 0) return false;
  std::lock_guard<std::mutex> lock(queue_mutex_);
  if (queue_.empty()) return false;
  *dropped = queue_.front();
  queue_.pop_front();
  queued_.store(queue_.size(), std::memory_order_relaxed);
  return true;
}

void KeyedSpaces::PutBack(const Dropped& dropped) {
  std::lock_guard<std::mutex> lock(queue_mutex_);
  queue_.push_back(dropped);
  queued_.store(queue_.size(), std::memory_order_relaxed);
}

void KeyedSpaces::Forget(SpaceId space) {
  homes_[HomeOf(space)].dropping.erase(space);
  dropping_count_.fetch_sub(1, std::memory_order_relaxed);
}

void KeyedSpaces::TellFigures(FigureList* list) const {
  list->Number({.info = "spaces_dropping",
                .metric = "cairn_spaces_dropping",
                .help = "Deleted collections whose pages are still being removed."},
               dropping());
}

void KeyedSpaces::Step(uint32_t reactor) {
  Dropped dropped;
  for (uint32_t i = 0; i < kSlicesPerStep && Take(&dropped); ++i) {
    const Slice slice = DeleteSlice(reactor, dropped);
    if (slice == Slice::kDone) continue;
    PutBack(dropped);
    if (slice == Slice::kRefused) return;  // for now
  }
}

KeyedSpaces::Slice KeyedSpaces::DeleteSlice(uint32_t reactor, const Dropped& dropped) {
  const uint16_t home = HomeOf(dropped.space);
  const PageKey first(dropped.space, 0);
  LatchGuard guard(engine_.ShardLatch(home));
  PagesFound found;
  found.ns = PagesOf(NamespaceOf(dropped));
  found.part = engine_.PartOf(home);
  found.from = first.view();
  found.prefix = first.space_prefix();
  found.keys_max = pages_per_slice_;
  found.latched = true;  // the one that it needs
  engine_.ReadRange(reactor, &found);
  std::vector<std::string_view> keys;
  for (const RangeRequest::Row& row : found.rows()) keys.push_back(row.key);
  if (!Erase(reactor, dropped, keys, found.end).ok()) return Slice::kRefused;
  return found.end ? Slice::kDone : Slice::kMore;
}

Status KeyedSpaces::Erase(uint32_t reactor, const Dropped& dropped,
                          std::span<const std::string_view> keys, bool last) {
  const PageKey mark = PageKey::OfMark(dropped.space);
  WriteOp erase;
  erase.kind = WriteKind::kDelete;
  erase.ns = PagesOf(NamespaceOf(dropped));
  erase.shard = HomeOf(dropped.space);
  erase.awaited = false;
  std::vector<WriteOp> ops;
  ops.reserve(keys.size() + 1);
  for (const std::string_view key : keys) {
    erase.key = key;
    ops.push_back(erase);
  }
  if (last) {
    // A flush may have taken it along.
    Entry entry;
    engine_.Find(erase.ns, erase.shard, mark.view(), false, &entry);
    erase.key = mark.view();
    if (entry.found || entry.unknown) ops.push_back(erase);
  }
  std::vector<Ticket> tickets(engine_.streams());
  uint32_t ticket_count = 0;
  Status status = engine_.Apply(reactor, ops, tickets.data(), &ticket_count);
  if (status.ok() && last) Forget(dropped.space);
  return status;
}

}  // namespace cairn
