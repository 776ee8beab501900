// How set commands go through many members: in batches, whose look-ups in other sets note all that
// is missing at once, and in slices, so that nobody is held up. For native/command only.
//
// A walk in several slices shows no single moment: a member that is there all the time comes once.
// What a command keeps between slices is its Progress (txn/txn.h); if the set that it walks through
// has been made anew meanwhile, it begins again.
#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collection/set.h"
#include "command/collection_args.h"

namespace cairn {

// A set that is no larger is answered in one pass.
inline constexpr uint64_t kOnePassMembers = 1024;

// Some members of a set, copied.
class SetBatch {
 public:
  static constexpr size_t kMembersMax = 256;
  static constexpr size_t kBytesMax = 256u << 10;

  // From where the walk is on. kWait: there may be some all the same.
  tree::Outcome Fill(const SetValue& set, SetWalk* walk);
  size_t size() const { return items_.size(); }
  std::string_view member(size_t i) const {
    return std::string_view(bytes_).substr(items_[i].at, items_[i].bytes);
  }
  uint64_t head(size_t i) const { return items_[i].head; }
  // Behind the last one.
  void Place(SetPlace* place) const;

 private:
  struct Item {
    uint64_t head;
    size_t at;
    size_t bytes;
  };
  std::vector<Item> items_;
  std::string bytes_;
  bool has_rests_ = false;
};

struct Tested {
  tree::Outcome outcome = tree::Outcome::kDone;
  bool wanted = true;
  const Status* status = nullptr;  // kFailed: of the set that is damaged
};

enum class Slices : uint8_t { kNone, kMany };

// Goes on behind *place, which comes along. test(member): Tested; take(member, head of
// its key): false ends the walk. True: it is at its end. False: the pass is pending, or an error
// was answered.
template <typename Test, typename Take>
bool WalkOn(Call& call, SetValue* set, SetPlace* place, Slices slices, Test test, Take take) {
  SetWalk walk(set);
  SetBatch batch;
  tree::Outcome walked = walk.Start(*place);
  while (walked == tree::Outcome::kDone && !walk.at_end()) {
    walked = batch.Fill(*set, &walk);
    bool waited = false;
    std::bitset<SetBatch::kMembersMax> wanted;
    for (size_t i = 0; i < batch.size(); ++i) {
      const Tested tested = test(batch.member(i));
      if (tested.outcome == tree::Outcome::kFailed)
        return Done(call, tested.outcome, *tested.status);
      waited |= tested.outcome == tree::Outcome::kWait;  // the others note what they miss
      wanted[i] = tested.wanted;
    }
    if (waited) return false;
    for (size_t i = 0; i < batch.size(); ++i) {
      if (wanted[i] && !take(batch.member(i), batch.head(i))) return true;
    }
    batch.Place(place);
    call.txn.Charge(static_cast<uint32_t>(batch.size()));
    const bool more = walked == tree::Outcome::kDone && !walk.at_end();
    if (more && slices == Slices::kMany && call.txn.SliceOver()) {
      call.txn.Again();
      return false;
    }
  }
  return Done(call, walked, set->status());
}

// Through all of a set.
template <typename Take>
bool WalkAll(Call& call, SetValue* set, SetPlace* place, Slices slices, Take take) {
  return WalkOn(
      call, set, place, slices, [](std::string_view) { return Tested(); }, take);
}

}  // namespace cairn
