// What a server has to know of its engine, whichever it is. What else an engine counts it tells as
// named figures: engine/figures.h.
#pragma once

#include <cstdint>
#include <string>

namespace cairn {

// How it went with what was saved; see Engine::RequestSave.
struct SaveStats {
  uint64_t done = 0;  // number of the latest request that was served
  bool running = false;
  uint64_t running_millis = 0;  // for how long
  bool last_ok = true;          // of the latest one that ended
  std::string last_error;
  uint64_t last_wall_ms = 0;  // when the newest good one was finished (wall clock); 0: never
  uint64_t last_millis = 0;   // how long it took
  uint64_t last_bytes = 0;
  uint64_t last_keys = 0;
  uint64_t written = 0;  // good ones since the start
  uint64_t written_bytes = 0;
};

struct EngineStats {
  // Memory: of keys and what finds them; of values; of what is on its way to disk.
  uint64_t index_bytes = 0;
  uint64_t cache_bytes = 0;
  uint64_t buffer_bytes = 0;
  uint64_t data_bytes = 0;     // in the data directory, as far as written
  uint64_t pending_bytes = 0;  // applied, not on disk yet
  uint32_t block_bytes = 0;    // unit of commits; 0: does not matter
  std::string io_backend;
  std::string durable_write_method;
};

}  // namespace cairn
