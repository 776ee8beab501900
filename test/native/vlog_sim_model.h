// What the seeded schedules of vlog_sim_test.cc are checked against: per lane, the list of units
// (atomic writes) in log order, and the state that each prefix of it gives.
//
// Time. What has not expired by any time that the wall clock has shown since it was written must be
// there. What has expired may go without a unit: garbage collection drops it, a start leaves it
// out. With the clock set back, a later start may find it again, for its record may still be in the
// log; but never what the key was before.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "engine/page_key.h"
#include "vlog_testing.h"

namespace cairn::testing {

constexpr uint16_t kSpaces = 3;
constexpr int kKeys = 24;
inline std::string KeyOf(int number) { return "k" + std::to_string(number); }
// Pages are keys of namespaces of their own to the model, too (engine/page_key.h).
constexpr uint64_t kPageIds[] = {0, 1, 2, 3, 300, UINT64_MAX};
constexpr size_t kSpacesMax = 4;  // of pages, that are written to at a time
inline std::string PageKeyOf(SpaceId space, uint64_t page) {
  return std::string(PageKey(space, page).view());
}

// How often things happened, in all lives.
struct Tally {
  uint64_t recycled = 0;   // segments
  uint64_t collected = 0;  // likewise
  uint64_t checkpoints = 0;
  uint64_t rotten = 0;      // checkpoints that lost a bit
  uint64_t removed = 0;     // expired keys, with a delete
  uint64_t dropped = 0;     // by garbage collection
  uint64_t left_out = 0;    // by a start
  uint64_t returned = 0;    // found again, with the clock set back
  uint64_t given_back = 0;  // times that idle lanes gave room back
  uint64_t stopped = 0;     // steps that saw a lane stopped for want of room
  uint64_t lone = 0;        // units that were alone on the way
  uint64_t slowest_ms = 0;  // of them, until durable
  uint64_t moved = 0;       // the directory, to another device
  uint64_t pages = 0;       // written
  uint64_t spaces = 0;      // dropped

  void Add(const Tally& other) {
    recycled += other.recycled;
    collected += other.collected;
    checkpoints += other.checkpoints;
    rotten += other.rotten;
    removed += other.removed;
    dropped += other.dropped;
    left_out += other.left_out;
    returned += other.returned;
    given_back += other.given_back;
    stopped += other.stopped;
    lone += other.lone;
    slowest_ms = std::max(slowest_ms, other.slowest_ms);
    moved += other.moved;
    pages += other.pages;
    spaces += other.spaces;
  }
};

// The clocks of a schedule. Their time passes only when the schedule says so, but for a moment at
// each look at the monotonic one.
class SimClock final : public Clock {
 public:
  uint64_t WallMillis() const override { return wall_ms_; }
  uint64_t MonotonicNanos() const override { return nanos_ += 400; }

  void Pass(uint64_t ms) {
    nanos_ += ms * 1000000;
    Set(wall_ms_ + ms);
  }
  void Set(uint64_t wall_ms) {
    ++moment_;
    wall_ms_ = wall_ms;
    while (!peaks_.empty() && peaks_.back().wall_ms <= wall_ms) peaks_.pop_back();
    peaks_.push_back({moment_, wall_ms});
  }

  uint64_t moment() const { return moment_; }
  // The latest wall time shown at that moment or since.
  uint64_t PeakSince(uint64_t moment) const {
    const auto before = [](const Peak& peak, uint64_t when) { return peak.moment < when; };
    return std::lower_bound(peaks_.begin(), peaks_.end(), moment, before)->wall_ms;
  }

 private:
  struct Peak {
    uint64_t moment;
    uint64_t wall_ms;  // later ones are lower
  };
  static constexpr uint64_t kStart = 1700000000000;
  uint64_t wall_ms_ = kStart;
  mutable uint64_t nanos_ = 0;
  uint64_t moment_ = 0;  // counts how often the wall clock moved
  std::vector<Peak> peaks_{{0, kStart}};
};

struct Cell {
  // Which record says when it expires. The engine must not drop a key, but with a delete, when
  // another record than its own does.
  enum class Told : uint8_t { kByItself, kByAnother, kByEither };

  std::string value;
  uint64_t expire = 0;
  uint64_t since = 0;  // SimClock::moment when it was written, or found by a start
  Told told = Told::kByItself;
  bool Same(const Cell& other) const { return value == other.value && expire == other.expire; }
};

using Place = std::pair<uint16_t, std::string>;  // tree or namespace, and key

// What one lane's part of the keyspace looks like, and the swaps seen so far.
struct State {
  std::map<Place, Cell> cells;  // by tree
  // By tree, of keys that are not there: versions that went without a unit. A start may find one of
  // them again.
  std::map<Place, std::vector<Cell>> ghosts;
  std::vector<uint16_t> tree_of = {0, 1, 2};

  Place At(uint16_t ns, const std::string& key) const {
    return {static_cast<uint16_t>(tree_of[KeysOf(ns)] | (ns & kPagesBit)), key};
  }
};

struct Change {
  WriteOp op;  // views point into key/value
  std::string key;
  std::string value;
};

struct Unit {
  std::vector<Change> changes;
  std::vector<Ticket> tickets;
  uint64_t moment = 0;  // SimClock::moment when it was applied
  bool acknowledged = false;
  std::map<uint32_t, size_t> index;  // by lane: place in the lane's list
};

struct Model {
  Model(const SimClock& clock, uint64_t expired_for_ms)
      : clock(clock), expired_for_ms(expired_for_ms) {}

  const SimClock& clock;
  const uint64_t expired_for_ms;  // as VlogTuning has it

  uint32_t lanes = 1;
  std::vector<State> base;  // per lane
  std::vector<State> now;   // per lane
  std::vector<std::shared_ptr<Unit>> units;
  std::vector<std::vector<std::shared_ptr<Unit>>> log;  // per lane
  std::vector<size_t> floor;                            // per lane: units that must survive

  uint32_t LaneOf(uint16_t ns, std::string_view key) const {
    return vlog::ShardIn(ns, key) % lanes;
  }

  void ApplyTo(State* state, uint32_t lane, const Unit& unit) const {
    for (const Change& change : unit.changes) {
      const WriteOp& op = change.op;
      if (op.kind == WriteKind::kFlush) {
        const auto flushed = [&](const auto& entry) {
          return op.ns == kAllNamespaces || KeysOf(entry.first.first) == state->tree_of[op.ns];
        };
        std::erase_if(state->cells, flushed);
        std::erase_if(state->ghosts, flushed);
        continue;
      }
      if (op.kind == WriteKind::kSwap) {
        std::swap(state->tree_of[op.ns], state->tree_of[op.other_ns]);
        continue;
      }
      if (LaneOf(op.ns, change.key) != lane) continue;
      if (DropsSpace(change)) {
        std::erase_if(state->cells, [&](const auto& entry) {
          return IsOfPages(entry.first.first) &&
                 SpaceOfPageKey(entry.first.second) == SpaceOfPageKey(change.key);
        });
        continue;
      }
      const Place at = state->At(op.ns, change.key);
      if (op.kind == WriteKind::kPut) {
        state->cells[at] = {change.value, op.expire_at_ms, unit.moment, Cell::Told::kByItself};
        state->ghosts.erase(at);
      } else if (op.kind == WriteKind::kDelete) {
        state->cells.erase(at);
        state->ghosts.erase(at);
      } else {
        const auto cell = state->cells.find(at);
        if (cell == state->cells.end()) continue;
        cell->second.expire = op.expire_at_ms;
        cell->second.since = unit.moment;
        cell->second.told = Cell::Told::kByAnother;
      }
    }
  }
  static bool DropsSpace(const Change& change) {
    return IsOfPages(change.op.ns) && change.op.kind == WriteKind::kPut && IsMark(change.key);
  }
  void Add(const std::shared_ptr<Unit>& unit) {
    unit->moment = clock.moment();
    units.push_back(unit);
    for (const Ticket& ticket : unit->tickets) {
      unit->index[ticket.stream] = log[ticket.stream].size();
      log[ticket.stream].push_back(unit);
      ApplyTo(&now[ticket.stream], ticket.stream, *unit);
    }
  }
  const Cell* Look(uint16_t ns, const std::string& key) const {
    const State& state = now[LaneOf(ns, key)];
    const auto cell = state.cells.find(state.At(ns, key));
    return cell == state.cells.end() ? nullptr : &cell->second;
  }

  // ---- time ----

  bool Expired(const Cell& cell) const {
    return cell.expire != 0 && cell.expire <= clock.WallMillis();
  }
  // By garbage collection, at any time since.
  bool MayBeDropped(const Cell& cell) const {
    return cell.expire != 0 && cell.told != Cell::Told::kByAnother &&
           cell.expire + expired_for_ms <= clock.PeakSince(cell.since);
  }
  void Dropped(uint16_t ns, const std::string& key) {
    State& state = now[LaneOf(ns, key)];
    state.cells.erase(state.At(ns, key));
  }
  // A start leaves out what has expired and says so itself.
  bool MayShow(const Cell& cell, const Cell& found) const {
    return found.Same(cell) && (!Expired(cell) || cell.told != Cell::Told::kByItself);
  }
  // Whether a start at this moment may find this (null: nothing) of a key.
  bool MayFind(const State& state, uint16_t ns, const std::string& key, const Cell* found) const {
    const auto cell = state.cells.find(state.At(ns, key));
    if (cell != state.cells.end()) {
      const Cell& is = cell->second;
      if (found != nullptr) return MayShow(is, *found);
      return MayBeDropped(is) || Expired(is);
    }
    return found == nullptr || GhostOf(state, ns, key, *found) != nullptr;
  }
  const Cell* GhostOf(const State& state, uint16_t ns, const std::string& key,
                      const Cell& found) const {
    const auto ghosts = state.ghosts.find(state.At(ns, key));
    if (ghosts == state.ghosts.end()) return nullptr;
    for (const Cell& ghost : ghosts->second) {
      if (MayShow(ghost, found)) return &ghost;
    }
    return nullptr;
  }
  // Adds what a key that is missing may have been.
  static void AddVersions(const State& state, uint16_t ns, const std::string& key,
                          std::vector<Cell>* versions) {
    const auto add = [&](const Cell& cell) {
      const auto same = [&](const Cell& other) { return other.Same(cell); };
      if (std::none_of(versions->begin(), versions->end(), same)) versions->push_back(cell);
    };
    const auto cell = state.cells.find(state.At(ns, key));
    if (cell != state.cells.end()) add(cell->second);
    const auto ghosts = state.ghosts.find(state.At(ns, key));
    if (ghosts == state.ghosts.end()) return;
    for (const Cell& ghost : ghosts->second) add(ghost);
  }
  // Makes `state` say what a start has found, all of which MayFind allows.
  void Settle(State* state, uint16_t ns, const std::string& key, const Cell* found,
              const std::vector<Cell>& versions) const {
    const Place at = state->At(ns, key);
    if (found == nullptr) {
      state->cells.erase(at);
      if (!versions.empty()) state->ghosts[at] = versions;
      return;
    }
    const auto cell = state->cells.find(at);
    Cell settled = cell != state->cells.end() ? cell->second : *GhostOf(*state, ns, key, *found);
    settled.since = clock.moment();
    // The record that said it may have gone into a copy by now.
    if (settled.told == Cell::Told::kByAnother) settled.told = Cell::Told::kByEither;
    state->cells[at] = settled;
    state->ghosts.erase(at);
  }

  // ---- what must survive ----

  // The last unit that has a say in what a read of the key shows must survive.
  void Observed(uint16_t ns, const std::string& key) {
    const uint32_t lane = LaneOf(ns, key);
    for (size_t i = log[lane].size(); i > floor[lane]; --i) {
      for (const Change& change : log[lane][i - 1]->changes) {
        const bool all = change.op.kind == WriteKind::kFlush || change.op.kind == WriteKind::kSwap;
        const bool drops = !all && IsOfPages(ns) && DropsSpace(change) &&
                           SpaceOfPageKey(change.key) == SpaceOfPageKey(key);
        if (!all && !drops && change.key != key) continue;
        // A conservative test: with swaps in flight the tree of an older unit is not tracked here.
        if (!all && change.op.ns != ns) continue;
        if (all && change.op.kind == WriteKind::kFlush && change.op.ns != KeysOf(ns) &&
            change.op.ns != kAllNamespaces)
          continue;
        if (all && change.op.kind == WriteKind::kSwap && change.op.ns != KeysOf(ns) &&
            change.op.other_ns != KeysOf(ns))
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
      for (const auto& [at, cell] : state.cells)
        merged[LaneOf(at.first, at.second)].cells[at] = cell;
      for (const auto& [at, cells] : state.ghosts)
        merged[LaneOf(at.first, at.second)].ghosts[at] = cells;
    }
    base = now = merged;
    units.clear();
    log.assign(new_lanes, {});
    floor.assign(new_lanes, 0);
  }
};

}  // namespace cairn::testing
