#include "session/shared.h"

#include <algorithm>

#include "session/session_handlers.h"

namespace cairn {

Shared::Shared() {
  context.watches = &watches;
  AddSessionCommands(&registry);
}

void Slowlog::Add(SlowlogItem item, size_t keep) {
  std::lock_guard<std::mutex> guard(mutex_);
  item.id = next_id_++;
  items_.push_front(std::move(item));
  while (items_.size() > keep) items_.pop_back();
}

std::vector<SlowlogItem> Slowlog::Get(size_t count) {
  std::lock_guard<std::mutex> guard(mutex_);
  return {items_.begin(), items_.begin() + static_cast<ptrdiff_t>(std::min(count, items_.size()))};
}

size_t Slowlog::size() {
  std::lock_guard<std::mutex> guard(mutex_);
  return items_.size();
}

void Slowlog::Reset() {
  std::lock_guard<std::mutex> guard(mutex_);
  items_.clear();
}

void Slowlog::Trim(size_t keep) {
  std::lock_guard<std::mutex> guard(mutex_);
  while (items_.size() > keep) items_.pop_back();
}

void LatencyEvents::Add(const std::string& event, uint64_t ms, uint64_t now_s) {
  std::lock_guard<std::mutex> guard(mutex_);
  LatencySeries& series = series_[event];
  series.max_ms = std::max(series.max_ms, ms);
  if (!series.samples.empty() && series.samples.back().first == now_s) {
    series.samples.back().second = std::max(series.samples.back().second, ms);
    return;
  }
  series.samples.emplace_back(now_s, ms);
  if (series.samples.size() > LatencySeries::kSamplesMax) series.samples.pop_front();
}

std::map<std::string, LatencySeries> LatencyEvents::Get() {
  std::lock_guard<std::mutex> guard(mutex_);
  return series_;
}

size_t LatencyEvents::Reset(const std::vector<std::string>& events) {
  std::lock_guard<std::mutex> guard(mutex_);
  size_t before = series_.size();
  if (events.empty()) series_.clear();
  for (const std::string& event : events) series_.erase(event);
  return before - series_.size();
}

void ErrorStats::Count(std::string_view error_line, uint64_t times) {
  std::string_view code =
      error_line.substr(0, std::min(error_line.find_first_of(" \r\n"), size_t{32}));
  std::lock_guard<std::mutex> guard(mutex_);
  auto it = counts_.find(code);
  if (it != counts_.end()) {
    it->second += times;
  } else if (counts_.size() < kCodesMax) {
    counts_.emplace(std::string(code), times);
  }
}

std::map<std::string, uint64_t> ErrorStats::Get() {
  std::lock_guard<std::mutex> guard(mutex_);
  return {counts_.begin(), counts_.end()};
}

void ErrorStats::Reset() {
  std::lock_guard<std::mutex> guard(mutex_);
  counts_.clear();
}

}  // namespace cairn
