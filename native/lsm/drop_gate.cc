#include "lsm/drop_gate.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace cairn::lsm {

namespace {

bool Before(const SweptKeys& swept, uint32_t collection) { return swept.collection < collection; }

}  // namespace

bool DropRules::DropsCollection(uint32_t collection) const {
  return std::binary_search(collections.begin(), collections.end(), collection);
}

bool DropRules::DropsSpace(uint64_t space) const {
  return std::binary_search(spaces.begin(), spaces.end(), space);
}

bool DropRules::DropsExpired(uint32_t collection, uint64_t expire_at_ms, uint64_t version) const {
  if (expire_at_ms == 0) return false;
  const auto found = std::lower_bound(swept.begin(), swept.end(), collection, Before);
  return found != swept.end() && found->collection == collection &&
         expire_at_ms <= found->until_ms && version < found->below_version;
}

DropGate::DropGate() : newest_(std::make_shared<const DropRules>()) {}

void DropGate::Publish(std::shared_ptr<const DropRules> rules) {
  CAIRN_CHECK(rules->collections.size() <= kDroppedCollectionsMax);
  CAIRN_CHECK(rules->spaces.size() <= kDroppedSpacesMax);
  CAIRN_CHECK(std::is_sorted(rules->collections.begin(), rules->collections.end()));
  CAIRN_CHECK(std::is_sorted(rules->spaces.begin(), rules->spaces.end()));
  const auto out_of_order = [](const SweptKeys& a, const SweptKeys& b) {
    return a.collection >= b.collection;
  };
  CAIRN_CHECK(std::adjacent_find(rules->swept.begin(), rules->swept.end(), out_of_order) ==
              rules->swept.end());
  const std::lock_guard lock(mutex_);
  newest_ = std::move(rules);
}

std::shared_ptr<const DropRules> DropGate::InForce() const {
  const std::lock_guard lock(mutex_);
  return held_.empty() ? newest_ : held_.front();
}

DropGate::Hold::Hold(DropGate* gate) : gate_(gate) {
  const std::lock_guard lock(gate_->mutex_);
  place_ = gate_->held_.insert(gate_->held_.end(), gate_->newest_);
}

DropGate::Hold::~Hold() {
  const std::lock_guard lock(gate_->mutex_);
  gate_->held_.erase(place_);
}

}  // namespace cairn::lsm
