// KeyedSpaces: the contract of spaces (spaces.h) over an engine's own keys, for engines that keep
// pages as they keep values. To such an engine a page is a key of a namespace that only it and this
// know of (page_key.h): so log, recovery, cache and garbage collection need not know what a page
// is. What the engine has to do for it:
//
//   - Find, Fetch and Apply, and what Step uses, take the namespaces PagesOf(ns) as they take
//     namespaces of clients; the type of a value there is the kind of the page. Nothing counts them
//   - a flush of a namespace takes that of its pages along, a swap exchanges those, too; then it
//     says OnWhole
//   - an op that FreesPages may use the reserve that deletes may use
//   - at a start it says FoundMark of each mark there is, and sets numbers of spaces aside
//
// Amends are stored as the images that they come with.
//
// Ids. number << kHomeBits | home, numbers rising in each home. The engine sets a range of numbers
// aside, durably, before the first is given out, and the next range when one home has used it up;
// no later start gives out any of it.
//
// Drops. The unit that drops a space puts a mark; from then on nobody finds a page of it. Step
// deletes the pages a few at a time and, with the last, the mark: a crash leaves the mark, with
// whatever pages are left, and the next start goes on. Nothing remains of it but what deleted keys
// leave.
//
//   Apply: mark --> dropping --Step, a slice--> deletes ... --> delete of the mark --> forgotten
//
// Threads: as spaces.h says. What is dropping is guarded by the latch of its home, and queued under
// a mutex; a namespace changes its place with all latches held, so that one is enough to rely on
// it.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_set>
#include <vector>

#include "engine/engine.h"
#include "engine/figures.h"
#include "engine/page_key.h"
#include "engine/spaces.h"

namespace cairn {

// Whether it is the mark of a space, which makes room in the end.
inline bool FreesPages(const WriteOp& op) { return IsOfPages(op.ns) && IsMark(op.key); }

class KeyedSpaces final : public SpaceStore {
 public:
  // Numbers that are set aside at a time, for each home. There are 2^54.
  static constexpr uint64_t kNumbersAside = 1ull << 32;
  static constexpr uint64_t kNumbersMax = 1ull << (64 - kHomeBits);
  // Of a Step: pages that are deleted under one hold of a latch, and how often.
  static constexpr uint32_t kPagesPerSlice = 256;
  static constexpr uint32_t kSlicesPerStep = 8;

  // A space that was dropped and is not gone.
  struct Dropped {
    SpaceId space = 0;
    uint16_t place = 0;  // of its namespace: NamespaceOf tells which that is now
  };

  explicit KeyedSpaces(Engine* engine, uint32_t pages_per_slice = kPagesPerSlice);
  ~KeyedSpaces() override;

  void UseFolds(const PageFolds* folds) override { folds_ = folds; }
  bool AnyPages() const override { return any_.load(std::memory_order_relaxed); }
  Status NewSpace(uint16_t home, SpaceId* space) override;
  void FindPage(uint16_t ns, SpaceId space, uint64_t page, PageEntry* entry) override;
  void FetchPage(uint32_t reactor, uint16_t ns, SpaceId space, uint64_t page,
                 FetchRequest* request) override;
  Status Apply(uint32_t reactor, std::span<const WriteOp> ops, std::span<const PageOp> pages,
               Ticket* tickets, uint32_t* ticket_count) override;

  // --- for the engine: a life ---
  // As before the first; nobody else is there.
  void Reset();
  // At a start, alone. The directory may have pages; it has the mark of a space.
  void FoundPages() { any_.store(true, std::memory_order_relaxed); }
  void FoundMark(uint16_t ns, SpaceId space);
  // After a flush or a swap was applied. All latches are held.
  void OnWhole(const WriteOp& op);

  // --- for the engine: numbers ---
  // At a start: those from `first` on and below `end` may be given out; `end` is in the directory
  // before anybody can ask.
  void BeginNumbers(uint64_t first, uint64_t end);
  // Later: those below `end`, which is in the directory, durably.
  void AddNumbers(uint64_t end);
  // A home has no more: the engine is to set more aside, from here on, soon.
  bool wants_numbers() const { return wants_numbers_.load(std::memory_order_relaxed); }
  uint64_t numbers_end() const { return numbers_end_.load(std::memory_order_relaxed); }

  // --- for the engine: what was dropped ---
  uint64_t dropping() const { return dropping_count_.load(std::memory_order_relaxed); }
  void TellFigures(FigureList* list) const;
  // Works at it for about a millisecond, of an engine whose ranges are in memory. No latch is held.
  // [reactor r]
  void Step(uint32_t reactor);
  // For engines that do it in their own way: takes one; then it is put back, or its last pages are
  // erased.
  uint64_t queued() const { return queued_.load(std::memory_order_relaxed); }
  bool Take(Dropped* dropped);
  void PutBack(const Dropped& dropped);
  // Deletes pages of it, by their keys; with the `last` ones, it is forgotten. As Engine::Apply.
  // [latched: home; any thread that the engine's Apply knows as `reactor`]
  Status Erase(uint32_t reactor, const Dropped& dropped, std::span<const std::string_view> keys,
               bool last);
  uint16_t NamespaceOf(const Dropped& dropped) const {  // [latched: any]
    return ns_of_[dropped.place];
  }

 private:
  struct alignas(64) Home {
    uint64_t next_number = 0;
    std::unordered_set<SpaceId> dropping;
  };
  struct alignas(64) Reactor {  // what Apply makes its ops of
    std::vector<WriteOp> ops;
    std::vector<PageKey> keys;
  };
  enum class Slice : uint8_t { kMore, kDone, kRefused };

  void AddOps(std::span<const PageOp> pages, Reactor* me);
  void Drop(uint16_t ns, SpaceId space);
  Slice DeleteSlice(uint32_t reactor, const Dropped& dropped);
  void Forget(SpaceId space);

  Engine& engine_;
  const uint32_t pages_per_slice_;
  const PageFolds* folds_ = nullptr;
  std::atomic<bool> any_{false};
  std::atomic<uint64_t> numbers_first_{0};
  std::atomic<uint64_t> numbers_end_{0};
  std::atomic<bool> wants_numbers_{false};
  std::unique_ptr<Home[]> homes_;        // latched
  std::unique_ptr<Reactor[]> reactors_;  // each its own
  std::vector<uint16_t> place_of_;       // by namespace; changes with all latches held
  std::vector<uint16_t> ns_of_;          // by place

  std::mutex queue_mutex_;
  std::deque<Dropped> queue_;
  std::atomic<uint64_t> queued_{0};          // in queue_, for who does not want to lock
  std::atomic<uint64_t> dropping_count_{0};  // in all homes
};

}  // namespace cairn
