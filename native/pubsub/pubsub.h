// PubSub: who has subscribed to what, as far as publishers must know it: which reactors, and how
// many clients there. Which clients is known to their reactor alone (session/subscriptions.h).
//
//   publisher                      PubSub                            reactor of a subscriber
//   PUBLISH ch m --> Publisher --> stripe of ch: reactors 0 (3), 2 (1) --> inbox 0, inbox 2
//                                                                          bell at the turn's end
//
// Order. A message goes into all inboxes while the stripe of its channel is locked, so all
// receivers of a channel get its messages in one order, which holds what each publisher did in
// order. Bounds: kSubscriptionsMax, and the inboxes'. Memory: about 100 bytes and the name, per
// channel.
//
// All of it is thread-safe, but that a Publisher belongs to one reactor. Locks are leaves: a stripe
// before an inbox, nothing else is taken with them. They may be taken with latches of shards held.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pubsub/inbox.h"
#include "pubsub/message.h"

namespace cairn {

// What one subscribes to.
enum class Topic : uint8_t { kChannel, kPattern, kShardChannel };
inline constexpr size_t kTopics = 3;

class PubSub {
 public:
  static constexpr uint64_t kSubscriptionsMax = 16ull << 20;  // of all clients
  static constexpr uint32_t kStripes = 64;

  explicit PubSub(uint32_t reactors_max);
  PubSub(const PubSub&) = delete;
  PubSub& operator=(const PubSub&) = delete;

  // One more client of the reactor. Null: there are kSubscriptionsMax. Else the name, which stays
  // where it is until as many are removed.
  const std::string* Add(Topic topic, std::string_view name, uint32_t reactor);
  void Remove(Topic topic, std::string_view name, uint32_t reactor);

  // Names with subscribers, not patterns.
  uint64_t Names(Topic topic) const {
    return names_[static_cast<size_t>(topic)].load(std::memory_order_relaxed);
  }
  uint64_t Subscribers(Topic topic, std::string_view name);
  // Adds the names of one stripe, not of patterns, that match; a null pattern: all. Returns how
  // many were looked at.
  size_t Collect(Topic topic, uint32_t stripe, const std::string_view* pattern,
                 std::vector<std::string>* names);

  Inbox& InboxOf(uint32_t reactor) { return inboxes_[reactor]; }
  // Some inbox is: who would publish waits.
  bool crowded() const { return crowded_.load(std::memory_order_relaxed) != 0; }
  // Of what an inbox has.
  void Take(uint32_t reactor, std::vector<MessagePtr>* out) {
    if (inboxes_[reactor].Take(out)) crowded_.fetch_sub(1, std::memory_order_relaxed);
  }
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  friend class Publisher;

  // Most have clients of one reactor only.
  struct Receivers {
    ReactorCount first{0, 0};
    std::vector<ReactorCount> more;

    uint64_t total() const;
    ReactorCount* Find(uint32_t reactor);
    void Add(uint32_t reactor);
    void Remove(uint32_t reactor);
    template <typename Visit>
    void ForEach(Visit visit) const {
      if (first.count != 0) visit(first);
      for (const ReactorCount& count : more) visit(count);
    }
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
  };
  using Table = std::unordered_map<std::string, Receivers, Hash, std::equal_to<>>;
  struct alignas(64) Stripe {
    std::mutex mutex;
    Table channels;
    Table sharded;
  };

  static uint32_t StripeOf(std::string_view name);
  Table* TableOf(Topic topic, Stripe* stripe);
  Stripe& StripeFor(Topic topic, std::string_view name);
  const std::string* AddTo(Table* table, std::string_view name, uint32_t reactor, Topic topic);
  void RemoveFrom(Table* table, std::string_view name, uint32_t reactor, Topic topic);
  // As they are now; *version tells when they are others.
  std::shared_ptr<const PatternList> Patterns(uint64_t* version);
  // False: its inbox is full.
  bool Put(uint32_t reactor, const MessagePtr& message);

  std::array<Stripe, kStripes> stripes_;
  Stripe patterns_;  // its table of channels
  std::shared_ptr<const PatternList>
      pattern_list_;  // of that version; under the mutex of patterns_
  uint64_t listed_version_ = 0;
  std::atomic<uint64_t> pattern_version_{1};
  std::array<std::atomic<uint64_t>, kTopics> names_{};
  std::atomic<uint64_t> subscriptions_{0};
  std::vector<Inbox> inboxes_;
  std::atomic<uint32_t> crowded_{0};
  std::atomic<uint64_t> dropped_{0};
};

}  // namespace cairn
