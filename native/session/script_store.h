// ScriptStore: the texts of scripts that EVAL and SCRIPT LOAD have brought, by their SHA1, for all
// reactors. What each reactor compiles of them is its own (scripts.h).
//
// Bounds: kScriptsMax and kBytesMax. Beyond them the one that was not used for longest goes, as far
// as that is known: a second chance is given to what was used since the hand came by last (CLOCK).
// Scripts of SCRIPT LOAD go last, for their clients count on them.
//
// Thread-safe; a mutex, taken where a reactor meets a script that it has not compiled yet.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace cairn {

struct StoredScript {
  std::string sha;                        // 40 lower-case digits
  std::string body;                       // as sent
  uint32_t flags = 0;                     // script/shebang.h
  std::atomic<bool> loaded{false};        // by SCRIPT LOAD
  mutable std::atomic<bool> used{true};   // since the hand came by
  mutable std::atomic<bool> gone{false};  // from the store: flushed, or for want of room
};

class ScriptStore {
 public:
  using Script = std::shared_ptr<const StoredScript>;

  static constexpr size_t kScriptsMax = 16'384;
  static constexpr size_t kBytesMax = 64u << 20;  // of texts

  // Null: not there.
  Script Find(std::string_view sha);
  // The script of that name; a new one if there is none. `load`: for SCRIPT LOAD.
  Script Add(std::string_view sha, std::string_view body, uint32_t flags, bool load);
  void Flush();

  uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  // Of texts and names.
  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  uint64_t evicted() const { return evicted_.load(std::memory_order_relaxed); }

 private:
  using Order = std::list<std::shared_ptr<StoredScript>>;

  void MakeRoom(size_t bytes);
  void Remove(Order::iterator at);
  static uint64_t BytesOf(const StoredScript& script) {
    return script.sha.size() + script.body.size() + sizeof(StoredScript);
  }

  std::mutex mutex_;
  Order order_;  // oldest first
  std::unordered_map<std::string_view, Order::iterator> places_;
  std::atomic<uint64_t> count_{0};
  std::atomic<uint64_t> bytes_{0};
  std::atomic<uint64_t> evicted_{0};
};

}  // namespace cairn
