// TxnPager: the pages of one collection, as a pass sees them: roots from the value of the key,
// pages from the space (Txn::GetPage). What is missing is noted in the Txn, so that the pass is
// pending as soon as an operation says kWait.
//
// One pass, one thread. Pagers have buffers that are worth keeping: PagerLoan takes one of this
// thread's and gives it back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "collection/root.h"
#include "tree/pager.h"
#include "txn/txn.h"

namespace cairn {

class TxnPager final : public tree::Pager {
 public:
  // Views in `root` stay for as long as the pass.
  void Open(Txn* txn, const RootValue& root, uint64_t next_page);
  SpaceId space() const { return root_.space; }

 protected:
  tree::Outcome Find(uint64_t page, std::string_view* image) override;

 private:
  friend class Collection;

  // Pages that were found last, so that who goes through a leaf need not look each time.
  static constexpr size_t kSeen = 8;
  struct Seen {
    uint64_t page = 0;
    std::string_view image;
  };

  Txn* txn_ = nullptr;
  RootValue root_;
  Seen seen_[kSeen];
};

class PagerLoan {
 public:
  PagerLoan();
  ~PagerLoan();
  PagerLoan(const PagerLoan&) = delete;
  PagerLoan& operator=(const PagerLoan&) = delete;
  TxnPager* operator->() const { return pager_.get(); }
  TxnPager* get() const { return pager_.get(); }

 private:
  std::unique_ptr<TxnPager> pager_;
};

}  // namespace cairn
