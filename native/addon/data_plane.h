// DataPlane: the server together with what the addon's promises, callbacks and object share.
// Outlives the JavaScript object while a promise of it is open.
//
// The server wants its life calls (Open, Listen, Reload, Stop) one at a time, and nobody else at
// its reactors and its engine meanwhile. Pool threads keep to that by `order`: exclusive for life
// calls, shared for the others. The main thread must not wait: it asks Running() instead, which is
// false from the moment a life call is asked for until it has settled.
#pragma once

#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <utility>

#include "addon/figures.h"
#include "server/server.h"

namespace cairn::addon {

struct DataPlane {
  explicit DataPlane(ServerOptions options) : server(std::move(options)), figures(&server) {}

  bool Running() const { return open && life_calls == 0; }
  const Snapshot& Look() { return figures.Look(Running()); }

  Server server;
  std::shared_mutex order;

  // Main thread only.
  Figures figures;
  RecoveryReport recovery;  // of the latest open or reload
  bool open = false;
  uint32_t life_calls = 0;  // asked for and not settled
};

}  // namespace cairn::addon
