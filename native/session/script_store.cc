#include "session/script_store.h"

namespace cairn {

ScriptStore::Script ScriptStore::Find(std::string_view sha) {
  std::lock_guard<std::mutex> guard(mutex_);
  const auto found = places_.find(sha);
  if (found == places_.end()) return nullptr;
  (*found->second)->used.store(true, std::memory_order_relaxed);
  return *found->second;
}

ScriptStore::Script ScriptStore::Add(std::string_view sha, std::string_view body, uint32_t flags,
                                     bool load) {
  std::lock_guard<std::mutex> guard(mutex_);
  const auto found = places_.find(sha);
  if (found != places_.end()) {
    StoredScript& known = **found->second;
    known.used.store(true, std::memory_order_relaxed);
    if (load) known.loaded.store(true, std::memory_order_relaxed);
    return *found->second;
  }
  auto script = std::make_shared<StoredScript>();
  script->sha = sha;
  script->body = body;
  script->flags = flags;
  script->loaded.store(load, std::memory_order_relaxed);
  const uint64_t more = BytesOf(*script);
  MakeRoom(more);
  order_.push_back(script);
  places_.emplace(script->sha, std::prev(order_.end()));
  count_.store(places_.size(), std::memory_order_relaxed);
  bytes_.fetch_add(more, std::memory_order_relaxed);
  return script;
}

// Three times round at most: once for the marks, once for those of EVAL, once for all others.
void ScriptStore::MakeRoom(size_t bytes) {
  const auto full = [&] {
    return !order_.empty() && (places_.size() >= kScriptsMax ||
                               bytes_.load(std::memory_order_relaxed) + bytes > kBytesMax);
  };
  for (int round = 0; round < 3; ++round) {
    for (size_t left = order_.size(); left != 0 && full(); --left) {
      const Order::iterator first = order_.begin();
      const StoredScript& script = **first;
      const bool used = script.used.exchange(false, std::memory_order_relaxed);
      const bool loaded = script.loaded.load(std::memory_order_relaxed);
      if ((used && round == 0) || (loaded && round < 2)) {
        order_.splice(order_.end(), order_, first);
        continue;
      }
      Remove(first);
      evicted_.fetch_add(1, std::memory_order_relaxed);
    }
  }
}

void ScriptStore::Remove(Order::iterator at) {
  const std::shared_ptr<StoredScript> script = *at;
  script->gone.store(true, std::memory_order_relaxed);
  places_.erase(script->sha);
  order_.erase(at);
  count_.store(places_.size(), std::memory_order_relaxed);
  bytes_.fetch_sub(BytesOf(*script), std::memory_order_relaxed);
}

void ScriptStore::Flush() {
  std::lock_guard<std::mutex> guard(mutex_);
  while (!order_.empty()) Remove(order_.begin());
}

}  // namespace cairn
