// How a run is counted, stopped and left for good.

#include <cstdio>

#include "script/state.h"

namespace cairn::script {

namespace {

void NotePlace(lua_State* L, State& state) {
  lua_Debug place;
  for (int level = 0; level < 3 && lua_getstack(L, level, &place); ++level) {
    if (lua_getinfo(L, "Sl", &place) == 0 || *place.what == 'C') continue;
    std::snprintf(state.killed_source, sizeof(state.killed_source), "%s", place.source);
    state.killed_line = place.currentline;
    return;
  }
}

}  // namespace

void Tick(lua_State* L, lua_Debug*) {
  if (StateOf(L).doom != Doom::kNone) RaiseDoom(L);
  // A coroutine of a library can outlive the run in which it was stopped.
  if (lua_gethookcount(L) != Vm::kTickInstructions) {
    lua_sethook(L, Tick, LUA_MASKCOUNT, Vm::kTickInstructions);
  }
  Spend(L);
}

void Spend(lua_State* L) {
  State& state = StateOf(L);
  state.steps = 0;
  state.instructions += Vm::kTickInstructions;
  if (state.host == nullptr) return;
  state.calling = true;
  Verdict verdict = state.host->Tick(state.instructions);
  state.calling = false;
  if (verdict == Verdict::kGoOn) return;
  NotePlace(L, state);
  state.doom = Doom::kKilled;
  RaiseDoom(L);
}

void RaiseDoom(lua_State* L) {
  lua_sethook(L, Tick, LUA_MASKCOUNT, 1);  // whoever goes on is stopped at once
  lua_pushnil(L);                          // no text: even memory may have run out
  lua_error(L);
  __builtin_unreachable();
}

}  // namespace cairn::script
