// Findings: texts about damage that somebody met who cannot report it himself (a merge, a
// compaction). The first ones are kept until they are taken, the others only counted. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace cairn::lsm {

class Findings {
 public:
  static constexpr size_t kKeptMax = 16;

  void Add(std::string text) {
    const std::lock_guard lock(mutex_);
    ++count_;
    if (kept_.size() < kKeptMax) {
      kept_.push_back(std::move(text));
    } else {
      ++left_out_;
    }
  }

  // Those since the last call; a last line says how many were left out.
  std::vector<std::string> Take() {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> taken = std::exchange(kept_, {});
    if (const uint64_t more = std::exchange(left_out_, 0); more > 0) {
      taken.push_back("and " + std::to_string(more) + " more");
    }
    return taken;
  }

  uint64_t count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> kept_;
  uint64_t left_out_ = 0;
  uint64_t count_ = 0;
};

}  // namespace cairn::lsm
