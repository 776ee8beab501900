// Pager: what a tree sees of pages in one pass, and what it has made of them.
//
//   tree -> Read, Edit, New, Remove -> pager -> Find -> the engine's memory
//                                        |
//                     missing pages (read them, run the pass again) or changes (commit them)
//
// A pass runs under the latch of the space's home. It can be thrown away: pages are changed on
// copies that belong to the pager. When an operation says kWait, some of what it needs is not in
// memory, and `missing` has the ids; whoever runs the pass fetches them, calls Begin, and runs it
// again. An operation goes on after a missing page as far as it knows what else it will need.
// kFailed: `status` says which page is damaged, and how; the pass has to be given up. Neither
// leaves anything behind but changes that are thrown away.
//
// Page ids below kRootPages are no pages of the space but roots, which lie in the value of the
// client's key: trees that share a space have a root each (0, 1, ...). Ids are given in ascending
// order and never twice; the next one is kept in the head of root 0. So a page that is named and
// whose id was not given yet is damage, of one or of the other.
//
// One thread. Views that Read gives are valid until the page is edited, or Begin.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "tree/edit.h"
#include "tree/page.h"

namespace cairn::tree {

enum class [[nodiscard]] Outcome : uint8_t{kDone, kWait, kFailed};

class Pager {
 public:
  static constexpr size_t kMissingMax = 256;  // noted at a time; what is beyond comes next time
  // Pages that a pass may change. A pass that would change more is refused with kTooLarge; a unit
  // of the engine has some room beside them.
  static constexpr size_t kChangesMax = kPageOpsMax - 256;

  struct Change {
    enum class What : uint8_t {
      kNothing,  // made and removed again
      kMade,     // new, with this image
      kEdited,   // the image; and the delta, unless `whole`
      kRemoved,
    };
    uint64_t page = 0;
    PageKind kind = PageKind::kRaw;
    What what = What::kNothing;
    Staging staging;
    bool root() const { return page < kRootPages; }
  };

  virtual ~Pager() = default;

  // A new pass. `next_page` is as the head of root 0 has it, at least kFirstPage.
  void Begin(uint64_t next_page);
  // What it has made of pages becomes the other one's, and the other way round.
  void SwapChanges(Pager* other);

  // --- the tree's side ---
  Outcome Read(uint64_t page, std::string_view* image) {
    if (changes_used_ != 0) {
      if (const Change* change = Staged(page)) return ReadStaged(*change, image);
    }
    if (CAIRN_UNLIKELY(page >= next_page_)) return NeverMade(page);
    const Outcome found = Find(page, image);
    return CAIRN_LIKELY(found == Outcome::kDone) ? found : Missed(page, found);
  }
  // Whether the page is here; notes it if not.
  bool Want(uint64_t page);
  // A page that Read has shown. kFailed: it is none of such a kind.
  Outcome Edit(uint64_t page, PageKind kind, Change** change);
  Outcome New(PageKind kind, std::string image, uint64_t* page);
  // Need not have been read.
  Outcome Remove(uint64_t page, PageKind kind);
  // Damage. Always kFailed, and the first one counts.
  Outcome Fail(uint64_t page, std::string_view what);
  // As Fail, of a page with this image, which is none of the kind that was asked for: unless it is
  // one of a newer format, which is told with kInvalid.
  Outcome FailAs(uint64_t page, std::string_view image, std::string_view what);
  // Something that cannot be done, through nobody's fault.
  Outcome Refuse(Code code, std::string message);

  // --- the pass's side ---
  const Status& status() const { return status_; }
  std::span<const uint64_t> missing() const { return missing_; }
  uint64_t next_page() const { return next_page_; }
  size_t change_count() const { return changes_used_; }
  // Grows with whatever is changed: if it has not grown while an operation went on that ended in
  // kWait, that one has left nothing half done.
  uint64_t edits() const { return edits_; }
  const Change& change(size_t i) const { return *changes_[i]; }

 protected:
  // kWait: not in memory. kFailed: there is no such page.
  virtual Outcome Find(uint64_t page, std::string_view* image) = 0;

 private:
  static constexpr size_t kLinearMax = 8;     // more changes are looked up in by_page_
  static constexpr size_t kKeptChanges = 64;  // whose memory is used again

  Change* Staged(uint64_t page);
  Outcome Add(uint64_t page, PageKind kind, Change** change);
  Outcome NeverMade(uint64_t page);
  Outcome ReadStaged(const Change& change, std::string_view* image);
  Outcome Missed(uint64_t page, Outcome found);

  std::vector<std::unique_ptr<Change>> changes_;  // the first changes_used_ count
  uint64_t first_pages_[kLinearMax] = {};         // theirs
  size_t changes_used_ = 0;
  std::unordered_map<uint64_t, Change*> by_page_;
  std::vector<uint64_t> missing_;
  uint64_t next_page_ = kFirstPage;
  uint64_t edits_ = 0;
  Status status_;
};

}  // namespace cairn::tree
