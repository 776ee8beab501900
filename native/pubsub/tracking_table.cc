#include "pubsub/tracking_table.h"

#include <algorithm>
#include <utility>

namespace cairn {

void TrackingTable::AddClient(const ClientRef& client) {
  std::lock_guard<std::mutex> guard(clients_mutex_);
  clients_[client.id] = client;
  client_count_.store(clients_.size());
}

void TrackingTable::RemoveClient(const ClientRef& client) {
  std::lock_guard<std::mutex> guard(clients_mutex_);
  clients_.erase(client.id);
  client_count_.store(clients_.size());
}

std::vector<ClientRef> TrackingTable::Clients() {
  std::lock_guard<std::mutex> guard(clients_mutex_);
  std::vector<ClientRef> all;
  all.reserve(clients_.size());
  for (const auto& [id, client] : clients_) all.push_back(client);
  return all;
}

TrackingTable::Stripe& TrackingTable::StripeOf(std::string_view key) {
  static_assert(kStripes == 64, "six bits, other ones than the buckets go by");
  return stripes_[(Hash()(key) * 0x9e3779b97f4a7c15ull) >> 58];
}

void TrackingTable::Remember(std::string_view key, const ClientRef& client, uint64_t keys_max,
                             std::vector<Evicted>* evicted) {
  Stripe& stripe = StripeOf(key);
  std::lock_guard<std::mutex> guard(stripe.mutex);
  auto at = stripe.keys.find(key);
  if (at == stripe.keys.end()) {
    at = stripe.keys.emplace(std::string(key), std::vector<ClientRef>()).first;
    keys_.fetch_add(1, std::memory_order_relaxed);
  }
  std::vector<ClientRef>& clients = at->second;
  if (std::find(clients.begin(), clients.end(), client) != clients.end()) return;
  clients.push_back(client);
  ++stripe.items;
  items_.fetch_add(1, std::memory_order_relaxed);
  if (keys_max != 0 && keys() > keys_max) Evict(&stripe, &key, keys_max, kEvictedMax, evicted);
}

// The keys of a stripe are as good as any: their hash has put them there.
void TrackingTable::Evict(Stripe* stripe, const std::string_view* spared, uint64_t keys_max,
                          size_t most, std::vector<Evicted>* evicted) {
  for (size_t gone = 0; gone < most && keys() > keys_max; ++gone) {
    auto at = stripe->keys.begin();
    if (spared != nullptr && at != stripe->keys.end() && at->first == *spared) ++at;
    if (at == stripe->keys.end()) return;
    stripe->items -= at->second.size();
    items_.fetch_sub(at->second.size(), std::memory_order_relaxed);
    keys_.fetch_sub(1, std::memory_order_relaxed);
    evicted->push_back({at->first, std::move(at->second)});
    stripe->keys.erase(at);
  }
}

void TrackingTable::EvictSome(uint64_t keys_max, std::vector<Evicted>* evicted) {
  const std::unique_lock<std::mutex> alone(evict_mutex_, std::try_to_lock);
  if (!alone.owns_lock()) return;
  for (size_t i = 0; i < kStripes && keys() > keys_max && evicted->size() < kSteppedMax; ++i) {
    Stripe& stripe = stripes_[evict_next_++ % kStripes];
    std::lock_guard<std::mutex> guard(stripe.mutex);
    Evict(&stripe, nullptr, keys_max, kSteppedMax - evicted->size(), evicted);
  }
}

void TrackingTable::Take(std::string_view key, std::vector<ClientRef>* clients) {
  if (keys() == 0) return;
  Stripe& stripe = StripeOf(key);
  std::lock_guard<std::mutex> guard(stripe.mutex);
  const auto at = stripe.keys.find(key);
  if (at == stripe.keys.end()) return;
  clients->insert(clients->end(), at->second.begin(), at->second.end());
  stripe.items -= at->second.size();
  items_.fetch_sub(at->second.size(), std::memory_order_relaxed);
  keys_.fetch_sub(1, std::memory_order_relaxed);
  stripe.keys.erase(at);
}

void TrackingTable::Clear() {
  for (Stripe& stripe : stripes_) {
    std::lock_guard<std::mutex> guard(stripe.mutex);
    if (stripe.keys.empty()) continue;
    items_.fetch_sub(stripe.items, std::memory_order_relaxed);
    keys_.fetch_sub(stripe.keys.size(), std::memory_order_relaxed);
    stripe.items = 0;
    std::lock_guard<std::mutex> cleared(cleared_mutex_);
    cleared_.push_back(std::exchange(stripe.keys, Keys()));
    clearing_.store(true, std::memory_order_relaxed);
  }
}

void TrackingTable::FreeSome() {
  if (!clearing_.load(std::memory_order_relaxed)) return;
  const std::unique_lock<std::mutex> alone(cleared_mutex_, std::try_to_lock);
  if (!alone.owns_lock()) return;
  for (size_t freed = 0; freed < kSteppedMax && !cleared_.empty(); ++freed) {
    Keys& keys = cleared_.back();
    keys.empty() ? cleared_.pop_back() : void(keys.erase(keys.begin()));
  }
  clearing_.store(!cleared_.empty(), std::memory_order_relaxed);
}

bool TrackingTable::AddPrefix(std::string_view prefix, const ClientRef& client) {
  std::lock_guard<std::mutex> guard(prefix_mutex_);
  size_t all = 0;
  for (const TrackedPrefix& known : *prefix_list_) all += known.clients.size();
  if (all >= kPrefixesMax) return false;
  auto list = std::make_shared<PrefixList>(*prefix_list_);
  auto at = std::find_if(list->begin(), list->end(),
                         [prefix](const TrackedPrefix& known) { return known.text == prefix; });
  if (at == list->end()) {
    const auto place = std::lower_bound(
        list->begin(), list->end(), prefix,
        [](const TrackedPrefix& known, std::string_view text) { return known.text < text; });
    at = list->insert(place, {std::string(prefix), {}});
  }
  if (std::find(at->clients.begin(), at->clients.end(), client) == at->clients.end())
    at->clients.push_back(client);
  prefix_count_.store(list->size(), std::memory_order_relaxed);
  prefix_list_ = std::move(list);
  prefix_version_.fetch_add(1, std::memory_order_release);
  return true;
}

void TrackingTable::RemovePrefix(std::string_view prefix, const ClientRef& client) {
  std::lock_guard<std::mutex> guard(prefix_mutex_);
  auto list = std::make_shared<PrefixList>(*prefix_list_);
  const auto at = std::find_if(list->begin(), list->end(), [prefix](const TrackedPrefix& known) {
    return known.text == prefix;
  });
  if (at == list->end()) return;
  std::erase(at->clients, client);
  if (at->clients.empty()) list->erase(at);
  prefix_count_.store(list->size(), std::memory_order_relaxed);
  prefix_list_ = std::move(list);
  prefix_version_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<const PrefixList> TrackingTable::Prefixes() {
  std::lock_guard<std::mutex> guard(prefix_mutex_);
  return prefix_list_;
}

}  // namespace cairn
