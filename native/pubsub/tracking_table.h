// TrackingTable: which keys which clients may have in caches of their own (CLIENT TRACKING). Two
// tables: keys that have been read by clients in the default mode, each forgotten when its clients
// are told that it has changed; and prefixes of clients in the mode BCAST, which stay.
//
// As in Redis a key is its name alone, whatever the database; and what a client that has gone had
// read stays until the key changes, or has to make room.
//
// Any thread. A key is remembered by its reader, and taken by its writer, with its shard's latch
// held: no change comes between a read and its being remembered. Locks are leaves. Bounds:
// tracking-table-max-keys, beyond which others have to go (their clients are told), and
// kPrefixesMax. A reactor whose inbox had no room for what its clients should have been told is
// noted here (Lost), and all clients are told to forget everything instead.
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

namespace cairn {

// A client, and the reactor it is of.
struct ClientRef {
  uint64_t id = 0;
  uint64_t token = 0;  // Connection::Token
  uint32_t reactor = 0;

  bool operator==(const ClientRef&) const = default;
};

struct TrackedPrefix {
  std::string text;
  std::vector<ClientRef> clients;
};
using PrefixList = std::vector<TrackedPrefix>;  // in the order of their texts

class TrackingTable {
 public:
  static constexpr size_t kPrefixesMax = 4096;  // of all clients
  static constexpr size_t kEvictedMax = 16;     // keys, by one Remember
  static constexpr size_t kSteppedMax = 1024;   // keys, by one EvictSome or FreeSome

  // Clients that track, in either mode; while there are none nothing else is asked here.
  void AddClient(const ClientRef& client);
  void RemoveClient(const ClientRef& client);
  std::vector<ClientRef> Clients();
  const std::atomic<uint64_t>& client_count() const { return client_count_; }

  // --- keys that were read ---
  struct Evicted {
    std::string key;
    std::vector<ClientRef> clients;
  };
  // keys_max 0: no limit. Appends what had to go to *evicted.
  void Remember(std::string_view key, const ClientRef& client, uint64_t keys_max,
                std::vector<Evicted>* evicted);
  // Appends the clients that have the key to *clients; they are forgotten.
  void Take(std::string_view key, std::vector<ClientRef>* clients);
  // Some of what is beyond keys_max, if nobody else is at it. Appends what had to go to *evicted.
  void EvictSome(uint64_t keys_max, std::vector<Evicted>* evicted);
  // After a flush: forgets all keys. Their memory is given back in steps (FreeSome).
  void Clear();
  void FreeSome();
  uint64_t keys() const { return keys_.load(std::memory_order_relaxed); }
  uint64_t items() const { return items_.load(std::memory_order_relaxed); }

  // --- prefixes ---
  // False: there are kPrefixesMax.
  bool AddPrefix(std::string_view prefix, const ClientRef& client);
  void RemovePrefix(std::string_view prefix, const ClientRef& client);
  uint64_t prefixes() const { return prefix_count_.load(std::memory_order_relaxed); }
  // As they are now.
  std::shared_ptr<const PrefixList> Prefixes();
  uint64_t prefix_version() const { return prefix_version_.load(std::memory_order_acquire); }

  // --- what found no room on its way ---
  void NoteLost() { lost_.store(true, std::memory_order_release); }
  // Whether something was; forgets it.
  bool TakeLost() {
    return lost_.load(std::memory_order_relaxed) &&
           lost_.exchange(false, std::memory_order_acquire);
  }

 private:
  static constexpr size_t kStripes = 64;
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  };
  using Keys = std::unordered_map<std::string, std::vector<ClientRef>, Hash, std::equal_to<>>;
  struct alignas(64) Stripe {
    std::mutex mutex;
    Keys keys;
    uint64_t items = 0;
  };

  Stripe& StripeOf(std::string_view key);
  // At most so many of the stripe's keys go, but not `spared` (null: any). Locked.
  void Evict(Stripe* stripe, const std::string_view* spared, uint64_t keys_max, size_t most,
             std::vector<Evicted>* evicted);

  std::mutex clients_mutex_;
  std::unordered_map<uint64_t, ClientRef> clients_;  // by id
  std::atomic<uint64_t> client_count_{0};
  std::atomic<uint64_t> keys_{0};
  std::atomic<uint64_t> items_{0};
  std::array<Stripe, kStripes> stripes_;
  std::mutex evict_mutex_;
  size_t evict_next_ = 0;  // a stripe; under evict_mutex_
  std::atomic<bool> lost_{false};
  std::mutex cleared_mutex_;
  std::vector<Keys> cleared_;
  std::atomic<bool> clearing_{false};  // cleared_ is not empty
  std::mutex prefix_mutex_;
  std::shared_ptr<const PrefixList> prefix_list_ = std::make_shared<PrefixList>();
  std::atomic<uint64_t> prefix_count_{0};
  std::atomic<uint64_t> prefix_version_{1};
};

}  // namespace cairn
