// Compares what a start has found with what the model of a seeded schedule allows. See
// vlog_sim_test.cc.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "vlog_sim_model.h"

namespace cairn::testing {

class Comparison {
 public:
  // found: by namespace. spaces: whose pages were looked for. note: what a failure is told with.
  Comparison(Model* model, const std::map<Place, Cell>& found, const std::set<SpaceId>& spaces,
             const std::string& note)
      : model_(*model), found_(found), spaces_(spaces), note_(note) {}

  // Fails the test, or makes the model say what was found.
  void Run(uint32_t new_lanes) {
    std::vector<std::set<size_t>> possible(model_.lanes);
    std::map<Place, std::vector<Cell>> versions;  // by namespace: of what is missing
    for (uint32_t lane = 0; lane < model_.lanes; ++lane) {
      State state = model_.base[lane];
      std::string below;
      for (size_t n = 0;; ++n) {
        if (Matches(state, lane)) {
          if (n < model_.floor[lane]) {
            below += " " + std::to_string(n);
          } else {
            possible[lane].insert(n);
            AddVersions(state, lane, &versions);
          }
        }
        if (n == model_.log[lane].size()) break;
        model_.ApplyTo(&state, lane, *model_.log[lane][n]);
      }
      REQUIRE_MESSAGE(!possible[lane].empty(), Explain(lane) << "; would fit:" << below);
    }
    const std::vector<size_t> cut = Cut(possible);
    std::vector<State> states;
    for (uint32_t lane = 0; lane < model_.lanes; ++lane) {
      State state = model_.base[lane];
      for (size_t n = 0; n < cut[lane]; ++n) model_.ApplyTo(&state, lane, *model_.log[lane][n]);
      Each(lane, [&](uint16_t ns, const std::string& key, const Cell* cell) {
        const bool there = state.cells.count(state.At(ns, key)) != 0;
        if (cell == nullptr && there) ++left_out_;
        if (cell != nullptr && !there) ++returned_;
        model_.Settle(&state, ns, key, cell, versions[{ns, key}]);
        return true;
      });
      states.push_back(state);
    }
    for (uint32_t lane = 1; lane < model_.lanes; ++lane)
      REQUIRE(states[lane].tree_of == states[0].tree_of);
    model_.Rebase(states, new_lanes);
  }

  uint64_t left_out() const { return left_out_; }  // keys that are gone because they have expired
  uint64_t returned() const { return returned_; }  // found again, with the clock set back

 private:
  // visit(ns, key, what was found or null) for a lane's keys and pages, until it returns false.
  template <typename Visit>
  bool Each(uint32_t lane, Visit&& visit) const {
    for (int i = 0; i < kKeys; ++i) {
      if (!EachNamespace(lane, 0, KeyOf(i), visit)) return false;
    }
    for (const SpaceId space : spaces_) {
      for (const uint64_t page : kPageIds)
        if (!EachNamespace(lane, kPagesBit, PageKeyOf(space, page), visit)) return false;
    }
    return true;
  }
  template <typename Visit>
  bool EachNamespace(uint32_t lane, uint16_t bit, const std::string& key, Visit&& visit) const {
    if (model_.LaneOf(bit, key) != lane) return true;
    for (uint16_t number = 0; number < kSpaces; ++number) {
      const uint16_t ns = number | bit;
      const auto here = found_.find({ns, key});
      if (!visit(ns, key, here == found_.end() ? nullptr : &here->second)) return false;
    }
    return true;
  }
  bool Matches(const State& state, uint32_t lane) const {
    return Each(lane, [&](uint16_t ns, const std::string& key, const Cell* cell) {
      return model_.MayFind(state, ns, key, cell);
    });
  }
  void AddVersions(const State& state, uint32_t lane,
                   std::map<Place, std::vector<Cell>>* versions) const {
    Each(lane, [&](uint16_t ns, const std::string& key, const Cell* cell) {
      if (cell == nullptr) Model::AddVersions(state, ns, key, &(*versions)[{ns, key}]);
      return true;
    });
  }

  // The longest prefixes that have no transaction in part.
  std::vector<size_t> Cut(const std::vector<std::set<size_t>>& possible) const {
    std::vector<size_t> cut(model_.lanes);
    for (uint32_t lane = 0; lane < model_.lanes; ++lane) cut[lane] = *possible[lane].rbegin();
    for (bool changed = true; changed;) {
      changed = false;
      for (const auto& unit : model_.units) {
        bool missing = false;
        for (const auto& [lane, at] : unit->index) missing = missing || at >= cut[lane];
        if (!missing) continue;
        for (const auto& [lane, at] : unit->index) {
          if (at >= cut[lane]) continue;
          auto lower = possible[lane].upper_bound(at);
          REQUIRE_MESSAGE(lower != possible[lane].begin(),
                          "a transaction is there in part: "
                              << Describe(*unit) << "; lane " << lane << " needs it, floor "
                              << model_.floor[lane] << "; cuts " << Numbers(cut) << "; " << note_);
          cut[lane] = *--lower;
          changed = true;
        }
      }
    }
    return cut;
  }

  static std::string Numbers(const std::vector<size_t>& numbers) {
    std::string text;
    for (const size_t number : numbers) text += (text.empty() ? "" : ",") + std::to_string(number);
    return text;
  }
  static std::string Describe(const Unit& unit) {
    std::string text = unit.acknowledged ? "acknowledged," : "";
    for (const auto& [lane, at] : unit.index)
      text += " lane " + std::to_string(lane) + " unit " + std::to_string(at) + ",";
    for (const Change& change : unit.changes) {
      text += " kind " + std::to_string(static_cast<int>(change.op.kind)) + " ns " +
              std::to_string(change.op.ns) + " " + change.key + "=" + change.value.substr(0, 8);
    }
    for (const Ticket& ticket : unit.tickets) {
      text += "; ticket of lane " + std::to_string(ticket.stream) + " " +
              std::to_string(vlog::SegmentOf(ticket.position)) + ":" +
              std::to_string(vlog::OffsetOf(ticket.position));
    }
    return text;
  }

  // How far the nearest prefix is away.
  std::string Explain(uint32_t lane) const {
    State state = model_.base[lane];
    std::string nearest;
    size_t fewest = SIZE_MAX;
    const auto show = [](const Cell* cell) {
      return cell == nullptr ? std::string("nothing")
                             : cell->value.substr(0, 8) + "@" + std::to_string(cell->expire);
    };
    for (size_t n = 0;; ++n) {
      std::string differs = "after " + std::to_string(n) + ":";
      size_t count = 0;
      Each(lane, [&](uint16_t ns, const std::string& key, const Cell* is) {
        if (model_.MayFind(state, ns, key, is)) return true;
        const auto there = state.cells.find(state.At(ns, key));
        ++count;
        differs += " " + std::to_string(ns) + "/" + key + " is " + show(is) + ", not " +
                   show(there == state.cells.end() ? nullptr : &there->second) + ";";
        return true;
      });
      if (n >= model_.floor[lane] && count < fewest) {
        fewest = count;
        nearest = differs;
      }
      if (n == model_.log[lane].size()) break;
      model_.ApplyTo(&state, lane, *model_.log[lane][n]);
    }
    return note_ + ": lane " + std::to_string(lane) + " of " + std::to_string(model_.lanes) +
           " has no prefix of " + std::to_string(model_.log[lane].size()) + " units, at least " +
           std::to_string(model_.floor[lane]) + ", that gives what was found at " +
           std::to_string(model_.clock.WallMillis()) + "; nearest " + nearest;
  }

  Model& model_;
  const std::map<Place, Cell>& found_;
  const std::set<SpaceId>& spaces_;
  const std::string note_;
  uint64_t left_out_ = 0;
  uint64_t returned_ = 0;
};

}  // namespace cairn::testing
