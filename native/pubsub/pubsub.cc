#include "pubsub/pubsub.h"

#include "base/check.h"
#include "resp/glob.h"

namespace cairn {

uint64_t PubSub::Receivers::total() const {
  uint64_t sum = 0;
  ForEach([&sum](const ReactorCount& count) { sum += count.count; });
  return sum;
}

ReactorCount* PubSub::Receivers::Find(uint32_t reactor) {
  if (first.count != 0 && first.reactor == reactor) return &first;
  for (ReactorCount& count : more) {
    if (count.reactor == reactor) return &count;
  }
  return nullptr;
}

void PubSub::Receivers::Add(uint32_t reactor) {
  if (ReactorCount* known = Find(reactor)) {
    ++known->count;
  } else if (first.count == 0) {
    first = {reactor, 1};
  } else {
    more.push_back({reactor, 1});
  }
}

void PubSub::Receivers::Remove(uint32_t reactor) {
  ReactorCount* const known = Find(reactor);
  CAIRN_CHECK(known != nullptr, "who unsubscribes had subscribed");
  if (--known->count != 0 || known == &first) return;
  *known = more.back();
  more.pop_back();
}

PubSub::PubSub(uint32_t reactors_max) : inboxes_(reactors_max) {}

// Other bits than the table's own buckets go by.
uint32_t PubSub::StripeOf(std::string_view name) {
  return static_cast<uint32_t>((Hash()(name) * 0x9e3779b97f4a7c15ull) >> 58);
}

PubSub::Stripe& PubSub::StripeFor(Topic topic, std::string_view name) {
  static_assert(kStripes == 64, "six bits");
  return topic == Topic::kPattern ? patterns_ : stripes_[StripeOf(name)];
}

PubSub::Table* PubSub::TableOf(Topic topic, Stripe* stripe) {
  return topic == Topic::kShardChannel ? &stripe->sharded : &stripe->channels;
}

const std::string* PubSub::Add(Topic topic, std::string_view name, uint32_t reactor) {
  if (subscriptions_.fetch_add(1, std::memory_order_relaxed) >= kSubscriptionsMax) {
    subscriptions_.fetch_sub(1, std::memory_order_relaxed);
    return nullptr;
  }
  Stripe& stripe = StripeFor(topic, name);
  std::lock_guard<std::mutex> guard(stripe.mutex);
  Table* const table = TableOf(topic, &stripe);
  auto at = table->find(name);
  if (at == table->end()) {
    at = table->emplace(std::string(name), Receivers()).first;
    names_[static_cast<size_t>(topic)].fetch_add(1, std::memory_order_seq_cst);
  }
  at->second.Add(reactor);
  if (topic == Topic::kPattern) pattern_version_.fetch_add(1, std::memory_order_release);
  return &at->first;
}

void PubSub::Remove(Topic topic, std::string_view name, uint32_t reactor) {
  Stripe& stripe = StripeFor(topic, name);
  std::lock_guard<std::mutex> guard(stripe.mutex);
  Table* const table = TableOf(topic, &stripe);
  const auto at = table->find(name);
  CAIRN_CHECK(at != table->end(), "who unsubscribes had subscribed");
  at->second.Remove(reactor);
  subscriptions_.fetch_sub(1, std::memory_order_relaxed);
  if (topic == Topic::kPattern) pattern_version_.fetch_add(1, std::memory_order_release);
  if (at->second.total() != 0) return;
  table->erase(at);
  names_[static_cast<size_t>(topic)].fetch_sub(1, std::memory_order_relaxed);
}

uint64_t PubSub::Subscribers(Topic topic, std::string_view name) {
  Stripe& stripe = StripeFor(topic, name);
  std::lock_guard<std::mutex> guard(stripe.mutex);
  Table* const table = TableOf(topic, &stripe);
  const auto at = table->find(name);
  return at == table->end() ? 0 : at->second.total();
}

size_t PubSub::Collect(Topic topic, uint32_t stripe, const std::string_view* pattern,
                       std::vector<std::string>* names) {
  std::lock_guard<std::mutex> guard(stripes_[stripe].mutex);
  const Table& table = *TableOf(topic, &stripes_[stripe]);
  for (const auto& [name, receivers] : table) {
    if (pattern == nullptr || GlobMatch(*pattern, name)) names->push_back(name);
  }
  return table.size();
}

std::shared_ptr<const PatternList> PubSub::Patterns(uint64_t* version) {
  std::lock_guard<std::mutex> guard(patterns_.mutex);
  *version = pattern_version_.load(std::memory_order_relaxed);
  if (listed_version_ != *version) {
    auto list = std::make_shared<PatternList>();
    list->reserve(patterns_.channels.size());
    for (const auto& [text, receivers] : patterns_.channels) {
      PatternEntry& entry = list->emplace_back(PatternEntry{text, {}});
      receivers.ForEach([&entry](const ReactorCount& count) { entry.counts.push_back(count); });
    }
    pattern_list_ = std::move(list);
    listed_version_ = *version;
  }
  return pattern_list_;
}

bool PubSub::Put(uint32_t reactor, const MessagePtr& message) {
  const Inbox::Added added = inboxes_[reactor].Add(message);
  if (added == Inbox::Added::kCrowded) crowded_.fetch_add(1, std::memory_order_relaxed);
  if (added == Inbox::Added::kDropped) dropped_.fetch_add(1, std::memory_order_relaxed);
  return added != Inbox::Added::kDropped;
}

}  // namespace cairn
