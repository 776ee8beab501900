// ManyChanges: a command that changes many elements of one collection, in slices, all at once for
// everybody else. What is changed so far is kept in its Progress, and goes into the pass when it is
// all. If somebody else changes the key meanwhile, it begins again, and after some tries it goes in
// one pass; so it does in an EXEC. For native/command only.
//
//   ManyChanges local;
//   ManyChanges* many = ManyChanges::For(call, elements, &local);
//   many->GoOnWith(call, &set.collection());          before it is opened
//   ... open, perhaps make ...
//   if (!many->ChangeEach(call, &set.collection(), set.status(), n, change)) return;
//   ... Save, replies ...
//   many->KeepUntilCommit(&set.collection());         the last thing
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "collection/kept_changes.h"
#include "command/collection_args.h"

namespace cairn {

class ManyChanges {
 public:
  // As many changes need no slices. A slice is of about so many, too: some milliseconds.
  static constexpr size_t kAtOnce = 1024;
  static constexpr uint32_t kCost = 16;  // of each, as Txn::Charge has it
  // What they will read is asked for ahead, so many at a time.
  static constexpr size_t kAhead = 256;

  // *local: in one pass.
  static ManyChanges* For(Call& call, size_t elements, ManyChanges* local) {
    ManyChanges* const many = call.txn.ProgressIf(elements > kAtOnce, local);
    if (CAIRN_UNLIKELY(many != local)) many->Slice();
    return many;
  }
  // It lies in the command's Progress.
  void Slice() {
    if (kept_ == nullptr) kept_ = std::make_unique<Kept>();
  }
  // Where it turns out only later how many there are: those of an earlier pass, else *local.
  static ManyChanges* SoFar(Call& call, ManyChanges* local) {
    ManyChanges* const kept = call.txn.ProgressSoFar<ManyChanges>();
    return kept != nullptr ? kept : local;
  }

  size_t done = 0;       // elements
  uint64_t added = 0;    // of them, or removed
  uint64_t changed = 0;  // of those that were there
  size_t checked = 0;    // arguments, before anything is changed
  uint64_t bytes_max = 0;
  // Of a range by rank that goes, which was found out when it began.
  uint64_t first = 0;
  uint64_t count = 0;

  bool sliced() const { return kept_ != nullptr; }

  // True: it begins, or begins anew.
  bool GoOnWith(Call& call, Collection* collection) {
    if (CAIRN_LIKELY(!sliced())) return true;
    if (kept_->guard.broken()) kept_->changes.Forget();
    const bool anew = !kept_->changes.any();
    if (anew) {
      done = 0;
      added = changed = 0;
      ++kept_->tries;
      GuardKey(call, collection->key(), &kept_->guard);
    }
    collection->KeepIn(&kept_->changes);
    return anew;
  }

  void KeepUntilCommit(Collection* collection) const {
    if (CAIRN_UNLIKELY(sliced())) collection->Keep();
  }

  // Of arguments that every change names one of: what is to be asked for before the i-th.
  template <typename T>
  std::span<const T> Ahead(std::span<const T> all, size_t i) const {
    if (!sliced()) return i == 0 ? all : std::span<const T>();
    if (i % kAhead != 0) return {};
    return all.subspan(i, std::min(kAhead, all.size() - i));
  }

  // What those behind the i-th will read is asked for along with what that waits for.
  template <typename Want>
  static void WantBehind(tree::Outcome outcome, size_t i, size_t elements, Want want) {
    if (CAIRN_LIKELY(outcome != tree::Outcome::kWait)) return;
    const size_t end = std::min(elements, i + 1 + kAhead);
    for (size_t j = i + 1; j < end; ++j) want(j);
  }

  // check(i): false if it has answered an error. False: pending, or answered.
  template <typename Check>
  bool CheckEach(Call& call, size_t arguments, Check check) {
    while (checked < arguments) {
      if (!check(checked)) return false;
      ++checked;
      if (!sliced()) continue;
      call.txn.Charge(1);
      if (checked == arguments || !call.txn.SliceOver()) continue;
      call.txn.Again();
      return false;
    }
    return true;
  }

  // change(i): an outcome, for each element that has not been changed yet. False: pending, or
  // answered.
  template <typename Change>
  bool ChangeEach(Call& call, Collection* collection, const Status& status, size_t elements,
                  Change change) {
    while (done < elements) {
      const uint64_t edits = collection->pager()->edits();
      const tree::Outcome outcome = change(done);
      if (CAIRN_UNLIKELY(outcome != tree::Outcome::kDone)) {
        const bool whole = collection->pager()->edits() == edits;
        if (outcome == tree::Outcome::kWait && whole) KeepUntilCommit(collection);
        return Done(call, outcome, status);
      }
      ++done;
      if (CAIRN_LIKELY(!sliced())) continue;
      call.txn.Charge(kCost);
      if (done == elements || kept_->tries > KeyGuard::kTriesMax || !call.txn.SliceOver()) continue;
      collection->Keep();
      call.txn.Again();
      return false;
    }
    return true;
  }

 private:
  struct Kept {
    KeyGuard guard;
    KeptChanges changes;
    uint32_t tries = 0;
  };
  std::unique_ptr<Kept> kept_;
};

}  // namespace cairn
