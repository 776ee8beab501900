#include "map_pages.h"

#include "base/check.h"
#include "map_engine.h"

namespace cairn::testing {

Status MapPages::NewSpace(uint16_t home, SpaceId* space) {
  CAIRN_ASSERT_LATCHED(engine_.latches_[home].latch);
  std::lock_guard<std::mutex> lock(engine_.mutex_);
  *space = ++engine_.medium_->spaces_given << kHomeBits | home;
  return Status();
}

bool MapPages::AnyPages() const {
  std::lock_guard<std::mutex> lock(engine_.mutex_);
  return any_;
}

const MapPages::Page* MapPages::Look(uint16_t ns, SpaceId space, uint64_t page) const {
  CAIRN_ASSERT_LATCHED(engine_.latches_[HomeOf(space)].latch);
  const auto pages = namespaces_[ns].find(space);
  if (pages == namespaces_[ns].end()) return nullptr;
  const auto found = pages->second.find(page);
  return found == pages->second.end() ? nullptr : &found->second;
}

void MapPages::FindPage(uint16_t ns, SpaceId space, uint64_t page, PageEntry* entry) {
  std::lock_guard<std::mutex> lock(engine_.mutex_);
  *entry = PageEntry();
  const uint64_t durable = engine_.durable_;
  const uint32_t stream = engine_.StreamOf(HomeOf(space));
  const Page* found = Look(ns, space, page);
  if (found == nullptr) {
    const auto removal = last_removal_.find(HomeOf(space));
    if (removal != last_removal_.end() && removal->second > durable) {
      entry->ticket = {stream, removal->second};
    } else {
      entry->unknown = engine_.cold_;
    }
    return;
  }
  entry->version = {{found->unit, 0, 1}};
  entry->unknown = engine_.cold_ && found->unit <= durable;
  if (entry->unknown) return;
  entry->found = true;
  entry->kind = found->kind;
  if (found->unit > durable) entry->ticket = {stream, found->unit};
  entry->resident = engine_.options_.cache_bytes != 0 || found->unit > durable;
  if (entry->resident) entry->image = found->image;
}

void MapPages::FetchPage(uint32_t reactor, uint16_t ns, SpaceId space, uint64_t page,
                         FetchRequest* request) {
  std::lock_guard<std::mutex> lock(engine_.mutex_);
  auto reading = std::make_unique<MapEngine::Reading>();
  reading->fetch = request;
  const Page* found = Look(ns, space, page);
  reading->result.found = found != nullptr;
  CAIRN_CHECK(found != nullptr || request->unknown);
  if (found != nullptr) {
    CAIRN_CHECK((request->version == VersionToken{{found->unit, 0, 1}}));
    reading->value = found->image;
  }
  engine_.pending_[reactor].push_back(std::move(reading));
}

Status MapPages::Apply(uint32_t, std::span<const WriteOp> ops, std::span<const PageOp> pages,
                       Ticket* tickets, uint32_t* ticket_count) {
  return engine_.ApplyUnit(ops, pages, tickets, ticket_count);
}

void MapPages::Change(const MapPageChange& change, uint64_t unit) {
  using What = PageOp::What;
  const PageOp& op = change.op;
  CAIRN_CHECK(dropped_.count(op.space) == 0 && op.kind <= kPageKindMax);
  if (op.what == What::kDropSpace) {
    namespaces_[op.ns].erase(op.space);
    dropped_.insert(op.space);
    last_removal_[HomeOf(op.space)] = unit;
    return;
  }
  Pages& pages = namespaces_[op.ns][op.space];
  const auto found = pages.find(op.page);
  if (op.what == What::kImage) {
    CAIRN_CHECK(!change.image.empty());
    CAIRN_CHECK(found == pages.end() || found->second.kind == op.kind);
    pages[op.page] = {change.image, op.kind, unit};
    any_ = true;
    return;
  }
  CAIRN_CHECK(found != pages.end());
  if (op.what == What::kRemove) {
    pages.erase(found);
    last_removal_[HomeOf(op.space)] = unit;
    return;
  }
  std::string folded;
  CAIRN_CHECK(found->second.kind == op.kind &&
              folds_->Fold(op.kind, found->second.image, change.delta, &folded).ok());
  CAIRN_CHECK(change.image.empty() || change.image == folded);
  found->second = {folded, op.kind, unit};
}

void MapPages::Flush(uint16_t ns, uint64_t unit) {
  for (const auto& [space, pages] : namespaces_[ns]) {
    dropped_.insert(space);
    last_removal_[HomeOf(space)] = unit;
  }
  namespaces_[ns].clear();
}

void MapPages::Swap(uint16_t a, uint16_t b, uint64_t unit) {
  std::swap(namespaces_[a], namespaces_[b]);
  for (const uint16_t ns : {a, b}) {
    for (auto& [space, pages] : namespaces_[ns]) {
      last_removal_[HomeOf(space)] = unit;
      for (auto& [number, page] : pages) page.unit = unit;
    }
  }
}

}  // namespace cairn::testing
