#include "collection/txn_pager.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace cairn {

using tree::Outcome;

void TxnPager::Open(Txn* txn, const RootValue& root, uint64_t next_page) {
  txn_ = txn;
  root_ = root;
  for (Seen& seen : seen_) seen.page = 0;
  Begin(next_page);
}

Outcome TxnPager::Find(uint64_t page, std::string_view* image) {
  if (page < tree::kRootPages) {
    if (page >= root_.trees) return Outcome::kFailed;
    *image = root_.roots[page];
    return Outcome::kDone;
  }
  Seen& seen = seen_[page % kSeen];
  if (seen.page == page) {
    *image = seen.image;
    return Outcome::kDone;
  }
  switch (txn_->GetPage(root_.space, page, image)) {
    case ReadState::kFound:
      seen = {page, *image};
      return Outcome::kDone;
    case ReadState::kPending:
      return Outcome::kWait;
    case ReadState::kMissing:
      break;
  }
  return Outcome::kFailed;
}

namespace {

constexpr size_t kSparesMax = 8;

std::vector<std::unique_ptr<TxnPager>>& Spares() {
  static thread_local std::vector<std::unique_ptr<TxnPager>> spares;
  return spares;
}

}  // namespace

PagerLoan::PagerLoan() {
  auto& spares = Spares();
  if (spares.empty()) {
    pager_ = std::make_unique<TxnPager>();
    return;
  }
  pager_ = std::move(spares.back());
  spares.pop_back();
}

PagerLoan::~PagerLoan() {
  auto& spares = Spares();
  if (spares.size() < kSparesMax) spares.push_back(std::move(pager_));
}

}  // namespace cairn
