#include "command/set_walk.h"

namespace cairn {

tree::Outcome SetBatch::Fill(const SetValue& set, SetWalk* walk) {
  items_.clear();
  bytes_.clear();
  has_rests_ = !set.is_intset();
  while (!walk->at_end() && items_.size() < kMembersMax && bytes_.size() < kBytesMax) {
    std::string_view member;
    const uint64_t head = walk->head();
    tree::Outcome outcome = walk->Member(&member);
    if (outcome != tree::Outcome::kDone) return outcome;
    items_.push_back({head, bytes_.size(), member.size()});
    bytes_.append(member);
    outcome = walk->Next();
    if (outcome != tree::Outcome::kDone) return outcome;
  }
  return tree::Outcome::kDone;
}

void SetBatch::Place(SetPlace* place) const {
  if (items_.empty()) return;
  place->begun = true;
  place->head = items_.back().head;
  place->rest.clear();
  if (has_rests_) place->rest.assign(member(items_.size() - 1));
}

}  // namespace cairn
