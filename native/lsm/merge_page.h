// Folds: how deltas change the image of a page. The layer that knows the pages brings one per kind
// of page, and registers it before a database is opened.
//
// A fold is a pure function of its arguments, whatever the time, thread or process: image ==
// Fold(old image, deltas), and the same for any cut of the deltas in two. Each may be called by
// many threads at once: reads, flushes and compactions. Bytes that are not what the fold expects
// are a fault, never a reason to stop.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "lsm/fault.h"

namespace cairn::lsm {

struct PageFold {
  // *out (empty) becomes the image that the deltas, oldest first and at least one, make of the old
  // one.
  FormatFault (*fold)(std::string_view image, std::span<const std::string_view> deltas,
                      std::string* out) = nullptr;
  // *out (empty) becomes one delta that does what these do, oldest first and at least two. Null:
  // deltas of this kind stay as they are until there is an image.
  FormatFault (*combine)(std::span<const std::string_view> deltas, std::string* out) = nullptr;
};

class PageFolds {
 public:
  // Kinds are numbers on disk: `aux` of a delta's head. Each once.
  void Register(uint8_t kind, const PageFold& fold);
  // Null: there is no such kind.
  const PageFold* Find(uint8_t kind) const {
    return folds_[kind].fold == nullptr ? nullptr : &folds_[kind];
  }

 private:
  std::array<PageFold, 256> folds_{};
};

}  // namespace cairn::lsm
