#include "lsm/merge_page.h"

#include "base/check.h"

namespace cairn::lsm {

void PageFolds::Register(uint8_t kind, const PageFold& fold) {
  CAIRN_CHECK(fold.fold != nullptr);
  CAIRN_CHECK(folds_[kind].fold == nullptr, "a kind of page has one fold");
  folds_[kind] = fold;
}

}  // namespace cairn::lsm
