// A pager for tests: pages in a map, of which a random part is not in memory. Each pass is run
// until it needs nothing more, and what it has changed is committed as an engine would do it: an
// edited page must be what Fold makes of the page before and the delta.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "tree/pager.h"

namespace cairn::testing {

using tree::Outcome;

class MapPager final : public tree::Pager {
 public:
  struct Page {
    tree::PageKind kind = tree::PageKind::kRoot;
    std::string image;
  };
  static constexpr int kWavesMax = 500;

  explicit MapPager(uint64_t seed) : random(seed) {}

  // Runs it as a pass, and commits it. How it ended, which is not kWait.
  template <typename Operation>
  Outcome Run(Operation&& operation) {
    epoch_ = random();
    warmed_.clear();
    waves = 0;
    for (;;) {
      Begin(next_page_);
      const Outcome outcome = operation();
      if (outcome == Outcome::kWait) {
        REQUIRE(!missing().empty());
        REQUIRE(++waves < kWavesMax);
        for (const uint64_t page : missing()) {
          REQUIRE(Cold(page));
          cold_.erase(page);
          warmed_.insert(page);
        }
        continue;
      }
      REQUIRE(status().ok() == (outcome == Outcome::kDone));
      if (outcome == Outcome::kDone) Commit();
      return outcome;
    }
  }
  // Runs it once, with all pages in memory, and commits nothing.
  template <typename Operation>
  Outcome Try(Operation&& operation) {
    REQUIRE(cold_one_in == 0);
    Begin(next_page_);
    return operation();
  }
  template <typename Operation>
  void DoWarm(Operation&& operation) {
    const uint64_t cold = std::exchange(cold_one_in, 0);
    cold_.clear();
    Do(operation);
    cold_one_in = cold;
  }
  template <typename Operation>
  void Do(Operation&& operation) {
    const Outcome outcome = Run(operation);
    INFO(status().message());
    REQUIRE(outcome == Outcome::kDone);
  }
  void EvictAll() {
    for (const auto& [page, kept] : pages) {
      if (page >= tree::kRootPages) cold_.insert(page);
    }
  }
  size_t PagesOf(tree::PageKind kind) const {
    size_t count = 0;
    for (const auto& [page, kept] : pages) count += kept.kind == kind;
    return count;
  }
  size_t BytesOf(tree::PageKind kind) const {
    size_t bytes = 0;
    for (const auto& [page, kept] : pages) bytes += kept.kind == kind ? kept.image.size() : 0;
    return bytes;
  }

  std::mt19937_64 random;
  uint64_t cold_one_in = 0;  // pages that are not in memory at the beginning of a pass; 0: none
  std::map<uint64_t, Page> pages;
  int waves = 0;           // of the last pass
  size_t changed = 0;      // pages, by it
  size_t delta_bytes = 0;  // of it
  size_t deltas = 0;       // of all passes

 protected:
  Outcome Find(uint64_t page, std::string_view* image) override {
    const auto found = pages.find(page);
    if (found == pages.end()) return Outcome::kFailed;
    if (Cold(page)) return Outcome::kWait;
    *image = found->second.image;
    return Outcome::kDone;
  }

 private:
  // The same pages all through a pass, until they are fetched.
  bool Cold(uint64_t page) const {
    if (page < tree::kRootPages) return false;
    if (cold_.count(page) != 0) return true;
    const uint64_t mixed = (page ^ epoch_) * 0x9e3779b97f4a7c15u >> 32;
    return cold_one_in != 0 && mixed % cold_one_in == 0 && warmed_.count(page) == 0;
  }
  void Commit() {
    next_page_ = next_page();
    changed = delta_bytes = 0;
    for (size_t i = 0; i < change_count(); ++i) {
      const Change& one = change(i);
      const auto found = pages.find(one.page);
      ++changed;
      switch (one.what) {
        case Change::What::kNothing:
          REQUIRE(found == pages.end());
          break;
        case Change::What::kMade:
          REQUIRE(found == pages.end());
          pages[one.page] = {one.kind, one.staging.image};
          break;
        case Change::What::kRemoved:
          REQUIRE(found != pages.end());
          REQUIRE(found->second.kind == one.kind);
          pages.erase(found);
          cold_.erase(one.page);
          break;
        case Change::What::kEdited:
          REQUIRE(found != pages.end());
          REQUIRE(found->second.kind == one.kind);
          if (!one.staging.whole) {
            std::string folded;
            const Status status = tree::TreeFolds::Get().Fold(
                static_cast<uint8_t>(one.kind), found->second.image, one.staging.delta, &folded);
            INFO(status.message());
            REQUIRE(status.ok());
            REQUIRE(folded == one.staging.image);
            ++deltas;
            delta_bytes += one.staging.delta.size();
          }
          found->second.image = one.staging.image;
          break;
      }
    }
  }

  std::set<uint64_t> cold_, warmed_;
  uint64_t epoch_ = 0;
  uint64_t next_page_ = tree::kFirstPage;
};

}  // namespace cairn::testing
