// What an operator sets about the engine while it runs. The engine forgets options when it is
// closed: a reload gives them back. It is never called with mutex_ held: it may be about to call
// us.
#include <algorithm>

#include "server/server.h"

namespace cairn {

EngineOptions Server::LiveEngineOptions() {
  std::lock_guard<std::mutex> guard(mutex_);
  EngineOptions options = live_;
  options.stop = nullptr;  // a reload ends: clients wait for it, and the log has just been closed
  return options;
}

Status Server::SetEngineOption(const std::string& name, const std::string& value) {
  Status status = engine_->SetOption(name, value);
  if (!status.ok()) return status;
  EngineOptions now;
  {
    std::lock_guard<std::mutex> guard(mutex_);
    if (const auto* common = FindOption(CommonOptions(), name)) {
      status = SetOptionText(*common, value, &live_);
    } else {
      std::erase_if(live_.own, [&](const OptionText& own) { return own.name == name; });
      live_.own.push_back({name, value});
    }
    now = live_;
  }
  cache_bytes_max_.store(now.cache_bytes);
  if (shared_.options.fsync.exchange(now.fsync) == now.fsync) return status;
  // Replies that were gated under the old policy still wait for a sync.
  for (auto& reactor : reactors_) reactor->Post([](Reactor* self) { self->RequestSync(); });
  return status;
}

}  // namespace cairn
