// Pages in the seeded schedules of vlog_sim_test.cc: some spaces, and what is done to them. To the
// model a page is a key of a namespace of its own, and a drop takes all keys of a space.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "vlog_sim_model.h"

namespace cairn::testing {

class SimPages {
 public:
  // All outlive it; pick: a random number below another.
  SimPages(Model* model, const std::unique_ptr<Driver>* driver, Tally* tally,
           std::function<uint32_t(uint32_t)> pick)
      : model_(model), driver_(driver), tally_(tally), pick_(std::move(pick)) {}

  bool on = false;

  // Whose pages a start may find.
  const std::set<SpaceId>& known() const { return known_; }
  // After a start: adds the pages there are to *found. Returns the spaces that have some.
  std::set<SpaceId> FindAll(std::map<Place, Cell>* found) {
    std::set<SpaceId> there;
    for (const SpaceId space : known_) {
      for (const uint64_t page : kPageIds) {
        for (uint16_t ns = 0; ns < kSpaces; ++ns) {
          const std::optional<std::string> image = Get(ns, space, page, nullptr);
          if (!image) continue;
          (*found)[{PagesOf(ns), PageKeyOf(space, page)}] = {*image, 0};
          there.insert(space);
        }
      }
    }
    return there;
  }
  // Who lost all their pages are written to no more, whoever took them.
  void Restart(const std::set<SpaceId>& there) {
    known_ = there;
    spaces_.assign(there.begin(), there.end());
  }

  // Writes to one space, or drops it.
  void AddTo(Unit* unit, uint64_t* serial) {
    SpaceId space = 0;
    uint16_t ns = kSpaces;
    if (!spaces_.empty() && (spaces_.size() >= kSpacesMax || pick_(3) != 0)) {
      const size_t at = pick_(static_cast<uint32_t>(spaces_.size()));
      space = spaces_[at];
      ns = NamespaceOf(space);
      if (ns == kSpaces || pick_(6) == 0) spaces_.erase(spaces_.begin() + static_cast<long>(at));
      if (ns == kSpaces) return;
      if (std::find(spaces_.begin(), spaces_.end(), space) == spaces_.end()) {
        unit->changes.push_back(PageChange(ns, 0, space, "d"));
        ++tally_->spaces;
        return;
      }
    } else {
      const auto home = static_cast<uint16_t>(pick_(kShardCount));
      LatchGuard guard((*driver_)->engine->ShardLatch(home));
      REQUIRE((*driver_)->engine->spaces()->NewSpace(home, &space).ok());
      REQUIRE(known_.insert(space).second);
      spaces_.push_back(space);
      ns = static_cast<uint16_t>(pick_(kSpaces));
    }
    const bool fresh = NamespaceOf(space) == kSpaces;
    for (uint32_t count = 1 + pick_(4); count > 0; --count) {
      const uint64_t page = kPageIds[pick_(std::size(kPageIds))];
      Change change = PageChange(ns, space, page, "p" + std::to_string(++*serial) + ":");
      change.value.resize(change.value.size() + (pick_(8) == 0 ? pick_(30000) : pick_(600)),
                          static_cast<char>('a' + *serial % 26));
      const bool once = std::none_of(unit->changes.begin(), unit->changes.end(),
                                     [&](const Change& other) { return other.key == change.key; });
      if (!fresh && once && pick_(6) == 0 && model_->Look(PagesOf(ns), change.key) != nullptr) {
        change.op.kind = WriteKind::kDelete;
        change.value.clear();
      }
      unit->changes.push_back(std::move(change));
      ++tally_->pages;
    }
  }
  void LookAround() {
    if (known_.empty()) return;
    auto at = known_.begin();
    std::advance(at, pick_(static_cast<uint32_t>(known_.size())));
    const uint64_t page = kPageIds[pick_(std::size(kPageIds))];
    const auto ns = static_cast<uint16_t>(pick_(kSpaces));
    const std::string key = PageKeyOf(*at, page);
    const Cell* expected = model_->Look(PagesOf(ns), key);
    PageEntry entry;
    const std::optional<std::string> image = Get(ns, *at, page, &entry);
    REQUIRE(entry.found == (expected != nullptr));
    const bool due = entry.ticket.position == 0 || (*driver_)->engine->Durable(entry.ticket);
    if (due) model_->Observed(PagesOf(ns), key);
    if (image) REQUIRE(*image == expected->value);
  }

  // Applies a unit, with pages or without.
  Status Try(Unit* unit, uint32_t reactor) {
    std::vector<WriteOp> ops;
    std::vector<PageOp> pages;
    std::set<uint32_t> shards;
    for (Change& change : unit->changes) {
      change.op.key = change.key;
      change.op.value = change.value;
      const bool page = change.op.ns != kAllNamespaces && IsOfPages(change.op.ns);
      if (page) pages.push_back(OpOf(change));
      change.op.shard = vlog::ShardIn(page ? change.op.ns : 0, change.key);
      shards.insert(change.op.shard);
      if (!page) ops.push_back(change.op);
    }
    Driver& driver = **driver_;
    if (pages.empty()) return driver.TryApply(ops, &unit->tickets, reactor);
    unit->tickets.assign(driver.engine->streams(), Ticket());
    uint32_t count = 0;
    for (const uint32_t shard : shards) driver.engine->ShardLatch(shard).Lock();
    Status status =
        driver.engine->spaces()->Apply(reactor, ops, pages, unit->tickets.data(), &count);
    for (const uint32_t shard : shards) driver.engine->ShardLatch(shard).Unlock();
    unit->tickets.resize(count);
    return status;
  }

 private:
  static PageOp OpOf(const Change& change) {
    PageOp op;
    op.ns = KeysOf(change.op.ns);
    op.space = SpaceOfPageKey(change.key);
    if (Model::DropsSpace(change)) {
      op.what = PageOp::What::kDropSpace;
      return op;
    }
    op.what = change.op.kind == WriteKind::kDelete ? PageOp::What::kRemove : PageOp::What::kImage;
    op.page = Big64(change.key.data() + 8);
    op.image = change.value;
    return op;
  }
  // Where a space is now; kSpaces: nowhere, it has no pages.
  uint16_t NamespaceOf(SpaceId space) const {
    const State& state = model_->now[HomeOf(space) % model_->lanes];
    for (const auto& [at, cell] : state.cells) {
      if (!IsOfPages(at.first) || SpaceOfPageKey(at.second) != space) continue;
      for (uint16_t ns = 0; ns < kSpaces; ++ns)
        if (state.tree_of[ns] == KeysOf(at.first)) return ns;
    }
    return kSpaces;
  }

  Change PageChange(uint16_t ns, SpaceId space, uint64_t page, const std::string& value) const {
    return {(*driver_)->Put(PagesOf(ns), "", ""), PageKeyOf(space, page), value};
  }

  // seen: what memory says of it; null: nothing may go wrong.
  std::optional<std::string> Get(uint16_t ns, SpaceId space, uint64_t page, PageEntry* seen) {
    Read read;
    PageEntry entry;
    SpaceStore& store = *(*driver_)->engine->spaces();
    {
      LatchGuard guard((*driver_)->engine->ShardLatch(HomeOf(space)));
      store.FindPage(ns, space, page, &entry);
      if (seen != nullptr) *seen = entry;
      if (!entry.found) return std::nullopt;
      if (entry.resident) return std::string(entry.image);
      read.version = entry.version;
      store.FetchPage(0, ns, space, page, &read);
    }
    (*driver_)->Await(&read);
    if (seen == nullptr) REQUIRE(read.status->ok());
    if (!read.status->ok()) {
      REQUIRE_MESSAGE(read.status->code() == Code::kIoError, read.status->message());
      return std::nullopt;
    }
    return std::string(read.value());
  }

  Model* model_;
  const std::unique_ptr<Driver>* driver_;
  Tally* tally_;
  std::function<uint32_t(uint32_t)> pick_;
  std::vector<SpaceId> spaces_;  // that are written to
  std::set<SpaceId> known_;      // those, and others that may have pages in some state
};

}  // namespace cairn::testing
