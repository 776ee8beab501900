// MapPages: the contract of engine/spaces.h kept in the plainest way, beside MapEngine's keys. What
// lies on the medium of an amended page is the delta alone: a life that opens it has to fold.
#pragma once

#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "engine/spaces.h"

namespace cairn::testing {

class MapEngine;

// With bytes of its own.
struct MapPageChange {
  PageOp op;  // without image and delta
  std::string image;
  std::string delta;
};

class MapPages final : public SpaceStore {
 public:
  explicit MapPages(MapEngine* engine) : engine_(*engine) {}

  void UseFolds(const PageFolds* folds) override { folds_ = folds; }
  bool AnyPages() const override;
  Status NewSpace(uint16_t home, SpaceId* space) override;
  void FindPage(uint16_t ns, SpaceId space, uint64_t page, PageEntry* entry) override;
  void FetchPage(uint32_t reactor, uint16_t ns, SpaceId space, uint64_t page,
                 FetchRequest* request) override;
  Status Apply(uint32_t reactor, std::span<const WriteOp> ops, std::span<const PageOp> pages,
               Ticket* tickets, uint32_t* ticket_count) override;

  // For the engine, with its mutex held.
  void Open(uint32_t databases) {
    namespaces_.assign(databases, {});
    any_ = false;
  }
  void Change(const MapPageChange& change, uint64_t unit);
  void Flush(uint16_t ns, uint64_t unit);
  void Swap(uint16_t a, uint16_t b, uint64_t unit);

 private:
  struct Page {
    std::string image;
    uint8_t kind = 0;
    uint64_t unit = 0;  // that wrote it
  };
  using Pages = std::map<uint64_t, Page>;
  const Page* Look(uint16_t ns, SpaceId space, uint64_t page) const;

  MapEngine& engine_;
  const PageFolds* folds_ = nullptr;
  std::vector<std::map<SpaceId, Pages>> namespaces_;
  bool any_ = false;
  std::unordered_set<SpaceId> dropped_;
  std::map<uint16_t, uint64_t> last_removal_;  // unit, by home
};

}  // namespace cairn::testing
