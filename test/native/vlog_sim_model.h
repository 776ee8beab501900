// What the seeded schedules of vlog_sim_test.cc are checked against: per lane, the list of units
// (atomic writes) in log order, and the state that each prefix of it gives.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "vlog_testing.h"

namespace cairn::testing {

constexpr uint16_t kSpaces = 3;
constexpr int kKeys = 24;

struct Cell {
  std::string value;
  uint64_t expire = 0;
  bool operator==(const Cell&) const = default;
};

// What one lane's part of the keyspace looks like, and the swaps seen so far.
struct State {
  std::map<std::pair<uint16_t, std::string>, Cell> cells;  // by tree and key
  std::vector<uint16_t> tree_of = {0, 1, 2};
};

struct Change {
  WriteOp op;  // views point into key/value
  std::string key;
  std::string value;
};

struct Unit {
  std::vector<Change> changes;
  std::vector<Ticket> tickets;
  bool acknowledged = false;
  std::map<uint32_t, size_t> index;  // by lane: place in the lane's list
};

struct Model {
  uint32_t lanes = 1;
  std::vector<State> base;  // per lane
  std::vector<State> now;   // per lane
  std::vector<std::shared_ptr<Unit>> units;
  std::vector<std::vector<std::shared_ptr<Unit>>> log;  // per lane
  std::vector<size_t> floor;                            // per lane: units that must survive

  uint32_t LaneOf(std::string_view key) const { return ShardOf(key) % lanes; }

  void ApplyTo(State* state, uint32_t lane, const Unit& unit) const {
    for (const Change& change : unit.changes) {
      const WriteOp& op = change.op;
      if (op.kind == WriteKind::kFlush) {
        std::erase_if(state->cells, [&](const auto& cell) {
          return op.ns == kAllNamespaces || cell.first.first == state->tree_of[op.ns];
        });
        continue;
      }
      if (op.kind == WriteKind::kSwap) {
        std::swap(state->tree_of[op.ns], state->tree_of[op.other_ns]);
        continue;
      }
      if (LaneOf(change.key) != lane) continue;
      const std::pair<uint16_t, std::string> at(state->tree_of[op.ns], change.key);
      if (op.kind == WriteKind::kPut) {
        state->cells[at] = {change.value, op.expire_at_ms};
      } else if (op.kind == WriteKind::kDelete) {
        state->cells.erase(at);
      } else {
        const auto cell = state->cells.find(at);
        if (cell != state->cells.end()) cell->second.expire = op.expire_at_ms;
      }
    }
  }
  void Add(const std::shared_ptr<Unit>& unit) {
    units.push_back(unit);
    for (const Ticket& ticket : unit->tickets) {
      unit->index[ticket.lane] = log[ticket.lane].size();
      log[ticket.lane].push_back(unit);
      ApplyTo(&now[ticket.lane], ticket.lane, *unit);
    }
  }
  const Cell* Look(uint16_t ns, const std::string& key) const {
    const State& state = now[LaneOf(key)];
    const auto cell = state.cells.find({state.tree_of[ns], key});
    return cell == state.cells.end() ? nullptr : &cell->second;
  }
  // The last unit that has a say in what a read of the key shows must survive.
  void Observed(uint16_t ns, const std::string& key) {
    const uint32_t lane = LaneOf(key);
    for (size_t i = log[lane].size(); i > floor[lane]; --i) {
      for (const Change& change : log[lane][i - 1]->changes) {
        const bool all = change.op.kind == WriteKind::kFlush || change.op.kind == WriteKind::kSwap;
        if (!all && change.key != key) continue;
        // A conservative test: with swaps in flight the tree of an older unit is not tracked here.
        if (!all && change.op.ns != ns) continue;
        if (all && change.op.kind == WriteKind::kFlush && change.op.ns != ns &&
            change.op.ns != kAllNamespaces)
          continue;
        if (all && change.op.kind == WriteKind::kSwap && change.op.ns != ns &&
            change.op.other_ns != ns)
          continue;
        Require(*log[lane][i - 1]);
        return;
      }
    }
  }
  void Require(const Unit& unit) {
    for (const auto& [lane, at] : unit.index) floor[lane] = std::max(floor[lane], at + 1);
  }
  void Rebase(const std::vector<State>& states, uint32_t new_lanes) {
    std::vector<State> merged(new_lanes);
    lanes = new_lanes;
    for (State& state : merged) state.tree_of = states[0].tree_of;
    for (const State& state : states) {
      for (const auto& [at, cell] : state.cells) merged[LaneOf(at.second)].cells[at] = cell;
    }
    base = now = merged;
    units.clear();
    log.assign(new_lanes, {});
    floor.assign(new_lanes, 0);
  }
};

}  // namespace cairn::testing
