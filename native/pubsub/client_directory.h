// ClientDirectory: where each client is, by its id, for who has to find one that may be anywhere.
// An entry may be out of date as soon as it is read: the reactor it names looks again.
//
// Any thread; a lock per stripe, taken once when a client comes and once when it goes.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>

namespace cairn {

struct ClientPlace {
  uint32_t reactor = 0;
  uint64_t token = 0;  // Connection::Token
};

class ClientDirectory {
 public:
  void Add(uint64_t id, ClientPlace place) {
    Stripe& stripe = StripeOf(id);
    std::lock_guard<std::mutex> guard(stripe.mutex);
    stripe.places[id] = place;
  }
  void Remove(uint64_t id) {
    Stripe& stripe = StripeOf(id);
    std::lock_guard<std::mutex> guard(stripe.mutex);
    stripe.places.erase(id);
  }
  std::optional<ClientPlace> Find(uint64_t id) {
    Stripe& stripe = StripeOf(id);
    std::lock_guard<std::mutex> guard(stripe.mutex);
    const auto found = stripe.places.find(id);
    if (found == stripe.places.end()) return std::nullopt;
    return found->second;
  }

 private:
  static constexpr size_t kStripes = 16;
  struct alignas(64) Stripe {
    std::mutex mutex;
    std::unordered_map<uint64_t, ClientPlace> places;
  };
  Stripe& StripeOf(uint64_t id) { return stripes_[id % kStripes]; }

  std::array<Stripe, kStripes> stripes_;
};

}  // namespace cairn
