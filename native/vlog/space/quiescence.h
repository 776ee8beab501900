// Quiescence: for how long nobody has written, as somebody sees who looks now and then. One
// thread's own.
#pragma once

#include <cstdint>

namespace cairn::vlog {

class Quiescence {
 public:
  // records: written so far, by anybody.
  uint64_t Ms(uint64_t records, uint64_t now_ms) {
    if (records != records_ || now_ms < since_ms_) since_ms_ = now_ms;
    records_ = records;
    return now_ms - since_ms_;
  }

 private:
  uint64_t records_ = UINT64_MAX;  // never so many: the first look is the beginning
  uint64_t since_ms_ = 0;
};

}  // namespace cairn::vlog
