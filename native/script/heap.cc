#include "script/heap.h"

#include <cstdlib>

namespace cairn::script {

namespace {

// Of the collector, in percent of what is allocated.
constexpr int kPaceDefault = 200;
constexpr int kPaceAllAtOnce = 1'000'000;

constexpr size_t kReserveBytes = 64 * 1024;  // of Enter

// Lua collects garbage when memory has doubled since it did so last, which the budget may not
// allow. Beyond three quarters of it the next moment at which Lua looks brings a whole round; after
// that, halfway to the end, and so on. Both calls only set numbers, so an allocator may make them.
void HurryCollector(State& state) {
  if (state.lua == nullptr || state.bytes <= state.collect_at) return;
  state.collect_at = state.bytes + (state.bytes_max - std::min(state.bytes, state.bytes_max)) / 2;
  lua_gc(state.lua, LUA_GCSETSTEPMUL, kPaceAllAtOnce);
  lua_gc(state.lua, LUA_GCRESTART, 0);
}

int Collect(lua_State* L) {
  lua_gc(L, LUA_GCCOLLECT, 0);
  return 0;
}

}  // namespace

void* Allocate(void* data, void* block, size_t old_bytes, size_t new_bytes) {
  auto& state = *static_cast<State*>(data);
  if (block == nullptr) old_bytes = 0;
  if (new_bytes == 0) {
    std::free(block);
    state.bytes -= old_bytes;
    size_t most = state.bytes_max / 4 * 3;
    if (state.bytes <= most) state.collect_at = most;
    return nullptr;
  }
  if (new_bytes > old_bytes && state.bytes + (new_bytes - old_bytes) > state.bytes_max) {
    return nullptr;
  }
  void* moved = std::realloc(block, new_bytes);
  // Lua counts on it that a smaller block is always given.
  if (moved == nullptr) return new_bytes <= old_bytes ? block : nullptr;
  state.bytes += new_bytes - old_bytes;
  HurryCollector(state);
  return moved;
}

void ResetCollector(State& state) { lua_gc(state.lua, LUA_GCSETSTEPMUL, kPaceDefault); }

bool Enter(State& state, lua_CFunction entry, void* data) {
  state.bytes_max += kReserveBytes;
  if (state.bytes > state.bytes_max / 2) lua_cpcall(state.lua, Collect, nullptr);
  int status = lua_cpcall(state.lua, entry, data);
  state.bytes_max -= kReserveBytes;
  lua_settop(state.lua, 0);
  return status == 0;
}

void CollectGarbage(State& state) { (void)Enter(state, Collect, nullptr); }

}  // namespace cairn::script
