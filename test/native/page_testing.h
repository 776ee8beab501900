// Pages for the contract suite: two kinds, and how their deltas change them.
#pragma once

#include <string>
#include <string_view>

#include "engine/spaces.h"

namespace cairn::testing {

// Kind 0: the delta is a place, one byte, and what stands there from now on. Kind 1: the delta
// comes behind what is there. In neither do two deltas give the same in any other order.
class SuiteFolds final : public PageFolds {
 public:
  static const SuiteFolds& Get() {
    static const SuiteFolds folds;
    return folds;
  }
  static std::string Splice(size_t at, std::string_view bytes) {
    return std::string(1, static_cast<char>(at)) + std::string(bytes);
  }
  static std::string Folded(uint8_t kind, std::string_view image, std::string_view delta) {
    std::string folded(image);
    if (kind == 1) return folded.append(delta);
    const size_t at = static_cast<uint8_t>(delta[0]);
    if (folded.size() < at + delta.size() - 1) folded.resize(at + delta.size() - 1);
    return folded.replace(at, delta.size() - 1, delta.substr(1));
  }
  Status Fold(uint8_t kind, std::string_view image, std::string_view delta,
              std::string* folded) const override {
    if (kind > 1 || image.data() == nullptr || (kind == 0 && delta.empty()))
      return Status(Code::kCorruption, "no such delta");
    *folded = Folded(kind, image, delta);
    return Status();
  }
};

}  // namespace cairn::testing
