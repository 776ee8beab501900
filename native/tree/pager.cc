#include "tree/pager.h"

#include <algorithm>
#include <utility>

#include "tree/try.h"

namespace cairn::tree {

void Pager::Begin(uint64_t next_page) {
  if (changes_.size() > kKeptChanges) changes_.resize(kKeptChanges);
  changes_used_ = 0;
  if (!by_page_.empty()) by_page_.clear();
  missing_.clear();
  next_page_ = std::clamp(next_page, kFirstPage, kPageIdMax);
  if (!status_.ok()) status_ = Status();
}

void Pager::SwapChanges(Pager* other) {
  changes_.swap(other->changes_);
  by_page_.swap(other->by_page_);
  std::swap(first_pages_, other->first_pages_);
  std::swap(changes_used_, other->changes_used_);
  std::swap(next_page_, other->next_page_);
}

Pager::Change* Pager::Staged(uint64_t page) {
  if (changes_used_ > kLinearMax) {
    const auto found = by_page_.find(page);
    return found == by_page_.end() ? nullptr : found->second;
  }
  for (size_t i = 0; i < changes_used_; ++i) {
    if (first_pages_[i] == page) return changes_[i].get();
  }
  return nullptr;
}

Outcome Pager::Add(uint64_t page, PageKind kind, Change** added) {
  if (CAIRN_UNLIKELY(changes_used_ == kChangesMax)) {
    return Refuse(Code::kTooLarge,
                  "a change of more than " + std::to_string(kChangesMax) + " pages at once");
  }
  ++edits_;
  if (changes_used_ == changes_.size()) changes_.push_back(std::make_unique<Change>());
  Change* change = changes_[changes_used_].get();
  if (changes_used_ < kLinearMax) first_pages_[changes_used_] = page;
  ++changes_used_;
  change->page = page;
  change->kind = kind;
  change->staging.image.clear();
  change->staging.delta.clear();
  change->staging.whole = false;
  if (changes_used_ > kLinearMax + 1) {
    by_page_[page] = change;
  } else if (changes_used_ == kLinearMax + 1) {
    for (size_t i = 0; i < changes_used_; ++i) by_page_[changes_[i]->page] = changes_[i].get();
  }
  *added = change;
  return Outcome::kDone;
}

Outcome Pager::ReadStaged(const Change& change, std::string_view* image) {
  if (change.what == Change::What::kRemoved || change.what == Change::What::kNothing)
    return Fail(change.page, "is named by another one, and was removed");
  *image = change.staging.image;
  return Outcome::kDone;
}

Outcome Pager::Missed(uint64_t page, Outcome found) {
  if (found == Outcome::kFailed) return Fail(page, "is named by another one, and is not there");
  if (missing_.size() < kMissingMax &&
      std::find(missing_.begin(), missing_.end(), page) == missing_.end()) {
    missing_.push_back(page);
  }
  return Outcome::kWait;
}

Outcome Pager::NeverMade(uint64_t page) {
  return Fail(page, "is named by another one, and was never made");
}

bool Pager::Want(uint64_t page) {
  if (page >= next_page_ || (changes_used_ != 0 && Staged(page) != nullptr)) return true;
  std::string_view image;
  const Outcome found = Find(page, &image);
  // What is not there at all is told to who reads it.
  if (found == Outcome::kWait) (void)Missed(page, found);
  return found != Outcome::kWait;
}

Outcome Pager::Edit(uint64_t page, PageKind kind, Change** change) {
  *change = changes_used_ == 0 ? nullptr : Staged(page);
  if (*change != nullptr) {
    std::string_view image;
    ++edits_;
    if ((*change)->kind != kind) return Fail(page, "is of another kind than before");
    return ReadStaged(**change, &image);
  }
  std::string_view image;
  const Outcome found = Find(page, &image);
  if (found != Outcome::kDone) return Missed(page, found);
  TREE_TRY(Add(page, kind, change));
  (*change)->what = Change::What::kEdited;
  (*change)->staging.image.assign(image);
  return Outcome::kDone;
}

Outcome Pager::New(PageKind kind, std::string image, uint64_t* page) {
  if (next_page_ == kPageIdMax) return Refuse(Code::kTooLarge, "a space has no page ids left");
  Change* change = nullptr;
  TREE_TRY(Add(next_page_, kind, &change));
  *page = next_page_++;
  change->what = Change::What::kMade;
  change->staging.image = std::move(image);
  change->staging.whole = true;
  return Outcome::kDone;
}

Outcome Pager::Remove(uint64_t page, PageKind kind) {
  if (page < kFirstPage) return Fail(page, "is no page and cannot be removed");
  Change* change = changes_used_ == 0 ? nullptr : Staged(page);
  ++edits_;
  if (change == nullptr) {
    if (page >= next_page_) return NeverMade(page);
    TREE_TRY(Add(page, kind, &change));
  } else if (change->what == Change::What::kMade) {
    change->what = Change::What::kNothing;
    return Outcome::kDone;
  } else if (change->what != Change::What::kEdited) {
    return Fail(page, "is named twice");
  }
  // The image stays until the next pass: somebody may look at it.
  change->what = Change::What::kRemoved;
  return Outcome::kDone;
}

Outcome Pager::Fail(uint64_t page, std::string_view what) {
  if (status_.ok()) {
    status_ = Status(Code::kCorruption, (page < kRootPages ? "root " : "page ") +
                                            std::to_string(page) + ": " + std::string(what));
  }
  return Outcome::kFailed;
}

Outcome Pager::FailAs(uint64_t page, std::string_view image, std::string_view what) {
  if (!IsNewer(image)) return Fail(page, what);
  return Refuse(Code::kInvalid, (page < kRootPages ? "root " : "page ") + std::to_string(page) +
                                    ": of format " +
                                    std::to_string(static_cast<uint8_t>(image[0]) >> 4) +
                                    ": written by a newer server");
}

Outcome Pager::Refuse(Code code, std::string message) {
  if (status_.ok()) status_ = Status(code, std::move(message));
  return Outcome::kFailed;
}

}  // namespace cairn::tree
