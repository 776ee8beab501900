#include "pubsub/inbox.h"

#include <utility>

namespace cairn {

Inbox::Added Inbox::Add(const MessagePtr& message) {
  std::lock_guard<std::mutex> guard(mutex_);
  const uint64_t bytes = message->bytes();
  // A large one always finds room in an empty inbox.
  if (bytes_ != 0 && bytes_ + bytes > kBytesHardMax) return Added::kDropped;
  messages_.push_back(message);
  bytes_ += bytes;
  filled_.store(true, std::memory_order_release);
  if (crowded_ || bytes_ <= kBytesMax) return Added::kYes;
  crowded_ = true;
  return Added::kCrowded;
}

bool Inbox::Take(std::vector<MessagePtr>* out) {
  out->clear();
  std::lock_guard<std::mutex> guard(mutex_);
  out->swap(messages_);
  bytes_ = 0;
  filled_.store(false, std::memory_order_release);
  return std::exchange(crowded_, false);
}

}  // namespace cairn
