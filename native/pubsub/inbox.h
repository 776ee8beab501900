// Inbox: messages on their way to the subscribers of one reactor. Publishers put them in, in the
// order that holds for their channel; the reactor takes all there is at once.
//
// Any thread adds, one takes. Bounded: beyond kBytesMax an inbox is crowded, and commands that
// would publish wait (see PubSub::crowded); what cannot wait, such as the events of a sweep, goes
// in up to kBytesHardMax, and beyond that is dropped and counted.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "pubsub/message.h"

namespace cairn {

using MessagePtr = std::shared_ptr<const Message>;

class Inbox {
 public:
  static constexpr uint64_t kBytesMax = 32ull << 20;
  static constexpr uint64_t kBytesHardMax = 2 * kBytesMax;

  enum class Added : uint8_t { kYes, kCrowded, kDropped };  // kCrowded: it just became so

  Added Add(const MessagePtr& message);
  // In the order in which they came. True: it was crowded.
  bool Take(std::vector<MessagePtr>* out);
  bool empty() const { return !filled_.load(std::memory_order_acquire); }

 private:
  std::mutex mutex_;
  std::vector<MessagePtr> messages_;
  uint64_t bytes_ = 0;
  bool crowded_ = false;
  std::atomic<bool> filled_{false};
};

}  // namespace cairn
