#include "engine/read.h"

namespace cairn {

void RangeRequest::Restart() {
  bytes_.clear();
  ends_.clear();
  rows_.clear();
  end = false;
  ticket = Ticket();
}

bool RangeRequest::Add(std::string_view key, uint64_t expire_at_ms, ValueType type) {
  const bool full = rows_.size() >= keys_max || bytes_.size() + key.size() > kBytesMax;
  if (full && !rows_.empty()) return false;
  bytes_.append(key);
  ends_.push_back(bytes_.size());
  rows_.push_back(Row{{}, expire_at_ms, type});
  return true;
}

void RangeRequest::Seal() {
  size_t begin = 0;
  for (size_t i = 0; i < rows_.size(); ++i) {
    rows_[i].key = std::string_view(bytes_).substr(begin, ends_[i] - begin);
    begin = ends_[i];
  }
}

}  // namespace cairn
