// What may be found after a crash, judged by what the contract promises and nothing else: a unit is
// there as a whole or not at all; with a unit are all earlier ones that had a say in one of its
// keys; what was acknowledged, or observed as durable, is there.
//
// For each key name there is a chain: its states (in all namespaces), one after each unit that had
// a say in it. What a start finds of a name fits some places of its chain:
//
//     chain of "k"     -   v1   v2   (deleted)   v3        found: nothing
//     place            0   1    2    3           4         fits: 0, 3
//
// History looks for the earliest place of each chain that fits, is no earlier than what must be
// there, and agrees with all others about which units are there. Places only ever move forwards, so
// either the search ends, or there is no such choice at all, and a promise was broken.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine_host.h"

namespace cairn::testing {

class History {
 public:
  using States = std::map<uint16_t, Seen>;  // of a key name, by namespace
  using Found = std::map<std::string, States>;

  struct Op {
    WriteKind kind = WriteKind::kPut;
    uint16_t ns = 0;
    uint16_t other_ns = 0;
    std::string key;
    std::string value;
    uint64_t expire_at_ms = 0;
  };
  struct Unit {
    std::vector<Op> ops;
    std::vector<Ticket> tickets;
    bool acknowledged = false;
    std::map<std::string, size_t> places;  // by key name: its place in that chain
  };

  explicit History(const std::vector<std::string>& names) {
    for (const std::string& name : names) chains_[name].states.emplace_back();
  }

  const States& Now(const std::string& name) const { return chains_.at(name).states.back(); }
  std::optional<Seen> Now(uint16_t ns, const std::string& name) const {
    const auto found = Now(name).find(ns);
    return found == Now(name).end() ? std::nullopt : std::optional<Seen>(found->second);
  }

  std::shared_ptr<Unit> Add(Unit added) {
    auto unit = std::make_shared<Unit>(std::move(added));
    std::set<std::string> touched;
    for (const Op& op : unit->ops) {
      const bool all = op.kind == WriteKind::kFlush || op.kind == WriteKind::kSwap;
      if (!all) touched.insert(op.key);
      for (const auto& [name, chain] : chains_) {
        if (all) touched.insert(name);
      }
    }
    for (const std::string& name : touched) {
      Chain& chain = chains_[name];
      States states = chain.states.back();
      for (const Op& op : unit->ops) Apply(op, name, &states);
      unit->places[name] = chain.states.size();
      chain.states.push_back(std::move(states));
      chain.units.push_back(unit);
    }
    units_.push_back(unit);
    return unit;
  }
  void Acknowledge(Unit* unit) { unit->acknowledged = true; }
  // A read showed the present state of a key as durable: the last unit with a say in it is.
  void Observed(uint16_t ns, const std::string& name) {
    const auto has_say = [&](const Op& op) {
      if (op.kind == WriteKind::kFlush) return op.ns == ns || op.ns == kAllNamespaces;
      if (op.kind == WriteKind::kSwap) return op.ns == ns || op.other_ns == ns;
      return op.ns == ns && op.key == name;
    };
    Chain& chain = chains_.at(name);
    for (size_t i = chain.units.size(); i-- > 0;) {
      const std::vector<Op>& ops = chain.units[i]->ops;
      if (std::none_of(ops.begin(), ops.end(), has_say)) continue;
      chain.units[i]->acknowledged = true;
      return;
    }
  }
  void AcknowledgeAll() {
    for (const auto& unit : units_) unit->acknowledged = true;
  }
  const std::vector<std::shared_ptr<Unit>>& units() const { return units_; }

  // After a start. Empty: all is as it may be, and the history begins anew with what was found.
  // Else what is wrong.
  std::string Judge(const Found& found) {
    std::map<std::string, size_t> places;
    for (const auto& [name, chain] : chains_) places[name] = 0;
    std::vector<std::string> open;
    std::string wrong;
    const auto raise = [&](const std::string& name, size_t least, const std::string& why) {
      const Chain& chain = chains_.at(name);
      const auto at = found.find(name);
      const States& is = at == found.end() ? kNothing : at->second;
      size_t place = std::max(least, places[name]);
      while (place < chain.states.size() && !(chain.states[place] == is)) ++place;
      if (place == chain.states.size()) {
        wrong = name + " (" + Text(is) + ") fits no place from " + std::to_string(least) + " of " +
                std::to_string(chain.states.size() - 1) + " on (" + Text(chain.states[least]) +
                " there): " + why;
        return;
      }
      if (place != places[name] || least == 0) open.push_back(name);
      places[name] = place;
    };
    for (const auto& [name, chain] : chains_) {
      if (wrong.empty()) raise(name, 0, "it was never that");
    }
    for (const auto& unit : units_) {
      for (const auto& [name, place] : unit->places) {
        if (unit->acknowledged && wrong.empty()) raise(name, place, "a unit was acknowledged");
      }
    }
    while (!open.empty() && wrong.empty()) {
      const std::string name = open.back();
      open.pop_back();
      const Chain& chain = chains_.at(name);
      for (size_t i = 0; i < places[name] && wrong.empty(); ++i) {
        for (const auto& [other, place] : chain.units[i]->places) {
          if (places[other] < place && wrong.empty())
            raise(other, place, "the same unit is there in " + name);
        }
      }
    }
    if (wrong.empty()) StartAnew(found);
    return wrong;
  }

 private:
  struct Chain {
    std::vector<States> states;                // one more than
    std::vector<std::shared_ptr<Unit>> units;  // those that had a say, in order
  };
  inline static const States kNothing;

  static void Apply(const Op& op, const std::string& name, States* states) {
    if (op.kind == WriteKind::kFlush) {
      if (op.ns == kAllNamespaces)
        states->clear();
      else
        states->erase(op.ns);
      return;
    }
    if (op.kind == WriteKind::kSwap) {
      auto one = states->extract(op.ns);
      auto other = states->extract(op.other_ns);
      if (!one.empty()) one.key() = op.other_ns, states->insert(std::move(one));
      if (!other.empty()) other.key() = op.ns, states->insert(std::move(other));
      return;
    }
    if (op.key != name) return;
    if (op.kind == WriteKind::kDelete) states->erase(op.ns);
    if (op.kind == WriteKind::kPut) (*states)[op.ns] = {op.value, op.expire_at_ms};
    if (op.kind == WriteKind::kExpire) states->at(op.ns).expire_at_ms = op.expire_at_ms;
  }
  static std::string Text(const States& states) {
    if (states.empty()) return "nothing";
    std::string text;
    for (const auto& [ns, seen] : states)
      text += (text.empty() ? "" : ", ") + std::to_string(ns) + ": " + seen.value.substr(0, 12);
    return text;
  }
  void StartAnew(const Found& found) {
    units_.clear();
    for (auto& [name, chain] : chains_) {
      const auto at = found.find(name);
      chain.states.assign(1, at == found.end() ? States() : at->second);
      chain.units.clear();
    }
  }

  std::map<std::string, Chain> chains_;
  std::vector<std::shared_ptr<Unit>> units_;
};

}  // namespace cairn::testing
