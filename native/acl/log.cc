#include "acl/log.h"

#include <algorithm>
#include <utility>

namespace cairn::acl {

namespace {

void Cut(std::string* text, size_t bytes) {
  if (text->size() > bytes) text->resize(bytes);
}

}  // namespace

void Log::Add(LogEntry entry, uint64_t now_ms) {
  Cut(&entry.object, kObjectBytesMax);
  Cut(&entry.user, kObjectBytesMax);
  Cut(&entry.client, kClientBytesMax);
  std::lock_guard<std::mutex> guard(mutex_);
  const auto end = entries_.begin() + static_cast<ptrdiff_t>(std::min(entries_.size(), kLikeMax));
  const auto like = std::find_if(entries_.begin(), end, [&](const LogEntry& known) {
    return known.reason == entry.reason && known.context == entry.context &&
           now_ms - std::min(now_ms, known.updated_ms) <= kLikeMillis &&
           known.object == entry.object && known.user == entry.user;
  });
  if (like != end) {
    LogEntry known = std::move(*like);
    entries_.erase(like);
    ++known.count;
    known.updated_ms = now_ms;
    known.client = std::move(entry.client);
    entries_.push_front(std::move(known));
    return;
  }
  entry.id = next_id_++;
  entry.created_ms = entry.updated_ms = now_ms;
  entries_.push_front(std::move(entry));
  while (entries_.size() > length_) entries_.pop_back();
}

std::vector<LogEntry> Log::Latest(size_t count) {
  std::lock_guard<std::mutex> guard(mutex_);
  return {entries_.begin(),
          entries_.begin() + static_cast<ptrdiff_t>(std::min(count, entries_.size()))};
}

void Log::Reset() {
  std::lock_guard<std::mutex> guard(mutex_);
  entries_.clear();
}

void Log::SetLength(size_t entries) {
  std::lock_guard<std::mutex> guard(mutex_);
  length_ = entries;
  while (entries_.size() > length_) entries_.pop_back();
}

}  // namespace cairn::acl
