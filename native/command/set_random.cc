// SPOP, SRANDMEMBER: members at random. A random member is one of random rank.
#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "collection/set.h"
#include "command/handlers.h"
#include "command/many_changes.h"
#include "command/random_ranks.h"
#include "command/set_walk.h"
#include "command/slice_sort.h"

namespace cairn {
namespace {

using tree::Outcome;

// Picks that are looked up at once, so that all that is missing is noted.
inline constexpr uint64_t kPicksAtOnce = 256;
inline constexpr uint32_t kPicksCost = 4 * kPicksAtOnce;  // as Txn::Charge has it
// Redis makes a new set of what stays if that is less than a fifth of what goes.
inline constexpr uint64_t kMoveFactor = 5;
inline constexpr IntegerRule kCountRule{-INT64_MAX, INT64_MAX, errors::kNotInteger,
                                        errors::kCountRange};

// Ranks at random, kept from slice to slice.
class Picks {
 public:
  // `once`: none comes twice, and there are as many members at least.
  void Begin(uint64_t random, uint64_t members, uint64_t wanted, bool once) {
    random_ = SplitMix{random};
    members_ = members;
    left_ = wanted;
    once_ = once;
    if (once) different_ = DifferentRanks(members, wanted);
  }
  bool at_end() const { return batch_.empty() && left_ == 0; }
  // The same ones until Taken.
  const std::vector<uint64_t>& Some() {
    if (!batch_.empty()) return batch_;
    for (; batch_.size() < kPicksAtOnce && left_ != 0; --left_)
      batch_.push_back(once_ ? different_.Next(&random_) : random_.Below(members_));
    return batch_;
  }
  void Taken() { batch_.clear(); }

 private:
  SplitMix random_;
  bool once_ = false;
  DifferentRanks different_;  // if once_
  uint64_t members_ = 0;
  uint64_t left_ = 0;  // to be picked
  std::vector<uint64_t> batch_;
};

// What was found so far.
struct Random {
  bool begun = false;
  bool all = false;
  Picks picks;
  SetPlace place;  // of all
  OutBuffer members;
  uint64_t count = 0;

  void Add(std::string_view member) {
    ReplyWriter(&members).Bulk(member);
    ++count;
  }
};

// The members of the next ranks, all of them or none: kWait.
Outcome TakeSome(SetValue* set, Random* random) {
  bool waited = false;
  OutBuffer found;
  uint64_t count = 0;
  for (const uint64_t rank : random->picks.Some()) {
    tree::Cursor cursor;
    std::string_view member;
    Outcome outcome = set->Seek(rank, &cursor);
    if (outcome == Outcome::kDone && cursor.found) outcome = set->Member(cursor.entry, &member);
    if (outcome == Outcome::kFailed) return outcome;
    waited |= outcome == Outcome::kWait;
    if (waited || !cursor.found) continue;  // between slices members may have gone
    ReplyWriter(&found).Bulk(member);
    ++count;
  }
  if (waited) return Outcome::kWait;
  random->picks.Taken();
  random->members.Append(&found);
  random->count += count;
  return Outcome::kDone;
}

// False: pending, or answered.
bool TakeAll(Call& call, SetValue* set, Random* random) {
  while (!random->picks.at_end()) {
    if (call.txn.SliceOver()) {
      call.txn.Again();
      return false;
    }
    if (!Done(call, TakeSome(set, random), set->status())) return false;
    call.txn.Charge(kPicksCost);
  }
  return true;
}

// One member. False: pending, or answered.
bool OneMember(Call& call, SetValue* set, tree::Cursor* cursor, std::string_view* member) {
  uint64_t count;
  if (!Done(call, set->Count(&count), set->status())) return false;
  const uint64_t rank = SplitMix{call.txn.Random()}.Below(count);
  return Done(call, set->Seek(rank, cursor), set->status()) &&
         Done(call, set->Member(cursor->entry, member), set->status());
}

void RandomMember(Call& call) {
  SetValue set(&call.txn, call.argv[1], &call.server.thresholds);
  const Opened opened = set.Open();
  if (!Ready(call, opened, set.status())) return;
  if (opened == Opened::kMissing) return call.reply.Null();
  tree::Cursor cursor;
  std::string_view member;
  if (OneMember(call, &set, &cursor, &member)) call.reply.Bulk(member);
}

void PopOne(Call& call) {
  SetValue set(&call.txn, call.argv[1], &call.server.thresholds);
  const Opened opened = set.Open();
  if (!Ready(call, opened, set.status())) return;
  if (opened == Opened::kMissing) return call.reply.Null();
  tree::Cursor cursor;
  std::string_view member;
  if (!OneMember(call, &set, &cursor, &member)) return;
  const std::string_view popped = call.txn.Copy(member);
  if (!Done(call, set.Remove(cursor), set.status())) return;
  if (!Done(call, set.Save(), set.status())) return;
  uint64_t left;
  if (!Done(call, set.Count(&left), set.status())) return;
  call.txn.Notify(kNotifySet, "spop", call.argv[1]);
  if (left == 0) call.txn.Notify(kNotifyGeneric, "del", call.argv[1]);
  call.reply.Bulk(popped);
}

// What SPOP of many keeps from slice to slice.
struct PopWork {
  ManyChanges many;
  bool begun = false;
  bool all = false;  // the set goes as a whole
  uint64_t members = 0;
  Random popped;
  std::vector<uint64_t> ranks;  // of those that are popped
  std::unique_ptr<SliceSort<uint64_t>> sort;
  bool sorted = false;

  void Begin(Call& call, uint64_t count, uint64_t wanted) {
    begun = true;
    members = count;
    all = wanted >= count;
    popped = Random();
    if (!all) popped.picks.Begin(call.txn.Random(), count, wanted, true);
    ranks.clear();
    sort.reset();
    sorted = false;
  }
  // At the end of a pass in which nothing was left half done. False.
  bool Later(SetValue* set) const {
    many.KeepUntilCommit(&set->collection());
    return false;
  }
  // The rest comes in another pass.
  bool SliceOver(Call& call) const {
    if (!many.sliced() || !call.txn.SliceOver()) return false;
    call.txn.Again();
    return true;
  }
};

// False: pending, or answered.
bool TakePicks(Call& call, SetValue* set, PopWork* work) {
  bool waited = false;
  while (!work->popped.picks.at_end()) {
    if (work->SliceOver(call)) return work->Later(set);
    const std::vector<uint64_t> some = work->popped.picks.Some();
    const Outcome outcome = TakeSome(set, &work->popped);
    call.txn.Charge(kPicksCost);
    if (outcome == Outcome::kFailed) return Done(call, outcome, set->status());
    if (outcome == Outcome::kWait && work->many.sliced()) return work->Later(set);
    waited |= outcome == Outcome::kWait;
    work->popped.picks.Taken();
    work->ranks.insert(work->ranks.end(), some.begin(), some.end());
  }
  return !waited;
}

// From the last one to the first, so that they stay what they are as they go.
bool SortRanks(Call& call, SetValue* set, PopWork* work) {
  if (work->sort == nullptr) work->sort = std::make_unique<SliceSort<uint64_t>>(&work->ranks);
  while (!work->sorted) {
    if (work->SliceOver(call)) return work->Later(set);
    work->sorted = work->sort->Step(std::greater<>());
    call.txn.Charge(SliceSort<uint64_t>::kPiece);
  }
  return true;
}

// Fewer than there are. False: pending, or answered.
bool PopSome(Call& call, SetValue* set, PopWork* work) {
  if (!TakePicks(call, set, work) || !SortRanks(call, set, work)) return false;
  const auto remove = [&](size_t i) {
    tree::Cursor cursor;
    const Outcome sought = set->Seek(work->ranks[i], &cursor);
    return sought == Outcome::kDone ? set->Remove(cursor) : sought;
  };
  const uint64_t gone = work->ranks.size();
  if (!work->many.ChangeEach(call, &set->collection(), set->status(), gone, remove)) return false;
  const bool moved = (work->members - gone) * kMoveFactor <= gone;
  if (moved && !Done(call, set->Shrink(), set->status())) return false;
  return Done(call, set->Save(), set->status());
}

// False: pending, or answered.
bool PopAll(Call& call, SetValue* set, PopWork* work) {
  const auto take = [&](std::string_view member, uint64_t) {
    work->popped.Add(member);
    return true;
  };
  const Slices slices = work->many.sliced() ? Slices::kMany : Slices::kNone;
  if (!WalkAll(call, set, &work->popped.place, slices, take)) return work->Later(set);
  call.txn.CountRead(true);  // Redis answers this as SUNION
  call.txn.Delete(call.argv[1]);
  return true;
}

void PopMany(Call& call) {
  int64_t wanted;
  const IntegerRule rule{0, INT64_MAX, errors::kNotPositive, errors::kNotPositive};
  if (!IntegerArg(call, call.argv[2], rule, &wanted)) return;
  const auto count = static_cast<uint64_t>(wanted);
  PopWork local;
  PopWork* const work = call.txn.ProgressIf(count > ManyChanges::kAtOnce, &local);
  if (work != &local) work->many.Slice();
  SetValue set(&call.txn, call.argv[1], &call.server.thresholds);
  if (work->many.GoOnWith(call, &set.collection())) work->begun = false;
  const Opened opened = set.Open();
  if (!Ready(call, opened, set.status())) return;
  if (opened == Opened::kMissing || wanted == 0) return call.reply.SetHeader(0);
  if (!work->begun) {
    uint64_t members;
    if (!Done(call, set.Count(&members), set.status())) return;
    work->Begin(call, members, count);
  }
  if (!(work->all ? PopAll(call, &set, work) : PopSome(call, &set, work))) return;
  const uint64_t popped = work->popped.count;
  call.txn.Notify(kNotifySet, "spop", call.argv[1]);
  if (work->all) call.txn.Notify(kNotifyGeneric, "del", call.argv[1]);
  call.txn.extra_changes += static_cast<int64_t>(popped) - 1;
  call.reply.SetHeader(popped);
  call.reply.out().Append(work->popped.members.ViewFrom(0));  // the pass may come again
  work->many.KeepUntilCommit(&set.collection());
}

void RandomMembers(Call& call) {
  int64_t wanted;
  if (!IntegerArg(call, call.argv[2], kCountRule, &wanted)) return;
  SetValue set(&call.txn, call.argv[1], &call.server.thresholds);
  const Opened opened = set.Open();
  if (!Ready(call, opened, set.status())) return;
  if (opened == Opened::kMissing || wanted == 0) return call.reply.ArrayHeader(0);
  uint64_t members;
  if (!Done(call, set.Count(&members), set.status())) return;
  const bool once = wanted > 0;
  const auto picks = static_cast<uint64_t>(once ? wanted : -wanted);
  Random local;
  const bool many = std::min(picks, once ? members : picks) > kOnePassMembers;
  Random& random = *call.txn.ProgressIf(many, &local);
  if (!std::exchange(random.begun, true)) {
    random.all = once && picks >= members;
    if (!random.all) random.picks.Begin(call.txn.Random(), members, picks, once);
  }
  if (random.all) {
    const auto take = [&](std::string_view member, uint64_t) {
      random.Add(member);
      return true;
    };
    if (!WalkAll(call, &set, &random.place, Slices::kMany, take)) return;
  } else if (!TakeAll(call, &set, &random)) {
    return;
  }
  call.reply.ArrayHeader(random.count);
  call.reply.out().Append(&random.members);
}

}  // namespace

void HandleSPop(Call& call) {
  if (call.argv.size() > 3) return call.reply.Error(errors::kSyntax);
  call.argv.size() == 3 ? PopMany(call) : PopOne(call);
}

void HandleSRandMember(Call& call) {
  if (call.argv.size() > 3) return call.reply.Error(errors::kSyntax);
  call.argv.size() == 3 ? RandomMembers(call) : RandomMember(call);
}

}  // namespace cairn
