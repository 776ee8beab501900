// SINTER, SINTERCARD, SUNION, SDIFF and the forms that store: of several sets.
//
// Intersection and difference walk through one set, the smallest or the first, and look its members
// up in the others. A union gathers the members of one set after the other, and takes each once.
// What is to be stored is gathered, and made into a set that nobody sees before it is whole.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "collection/detached.h"
#include "collection/keyed_hash.h"
#include "collection/set.h"
#include "command/handlers.h"
#include "command/member_sort.h"
#include "command/set_walk.h"
#include "resp/zset_errors.h"
#include "tree/build.h"

namespace cairn {
namespace {

using tree::Outcome;
using Words = std::span<const std::string_view>;

enum class Operation : uint8_t { kInter, kUnion, kDiff };

// The sets of a command, in the order of its keys; those that are missing are null.
class Sets {
 public:
  // False: pending, or answered.
  bool Open(Call& call, Words keys, bool counted) {
    counts_.resize(keys.size());
    for (size_t i = 0; i < keys.size(); ++i) {
      sets_.push_back(std::make_unique<SetValue>(&call.txn, keys[i], &call.server.thresholds));
      SetValue* const set = sets_.back().get();
      const Opened opened = set->Open();
      if (counted) call.txn.CountRead(opened != Opened::kMissing, keys[i]);
      // Those behind one that is pending are looked up all the same; those behind an error are not.
      if (call.txn.pending()) continue;
      if (!Ready(call, opened, set->status())) return false;
      if (opened == Opened::kMissing) {
        sets_.back().reset();
      } else if (!Done(call, set->Count(&counts_[i]), set->status())) {
        return false;
      }
    }
    return !call.txn.pending();
  }
  size_t size() const { return sets_.size(); }
  SetValue* at(size_t i) { return sets_[i].get(); }
  uint64_t count(size_t i) const { return counts_[i]; }
  bool all() const {
    return std::all_of(sets_.begin(), sets_.end(), [](const auto& set) { return set != nullptr; });
  }
  size_t Smallest() const {
    return static_cast<size_t>(std::min_element(counts_.begin(), counts_.end()) - counts_.begin());
  }
  uint64_t Members() const {
    uint64_t sum = 0;
    for (const uint64_t count : counts_) sum += count;
    return sum;
  }

 private:
  std::vector<std::unique_ptr<SetValue>> sets_;
  std::vector<uint64_t> counts_;
};

// What is kept from slice to slice.
struct Work {
  bool begun = false;
  size_t at = 0;      // the set that is walked through
  uint64_t seed = 0;  // its
  SetPlace place;
  uint64_t count = 0;
  OutBuffer found;      // of what is answered: framed bulks
  MemberSort gathered;  // of a union, or of what is stored
  bool sealed = false;
  SetSummary walked;  // of a difference that is stored: all that was looked at
  // What is stored.
  std::unique_ptr<Detached> made;
  bool intset = false;
  std::vector<int64_t> integers;  // all of an intset, in order
  SetSummary built;
};

struct Task {
  Operation operation;
  Words keys;
  bool stores = false;
  bool card = false;
  uint64_t limit = UINT64_MAX;  // of `card`
};

void Take(const Task& task, std::string_view member, Work* work) {
  ++work->count;
  if (task.card) return;
  if (task.stores || task.operation == Operation::kUnion) {
    work->gathered.Add(member);
  } else {
    ReplyWriter(&work->found).Bulk(member);
  }
}

// Begins with a set, and goes back there if it was made anew meanwhile.
void BeginWith(size_t at, const SetValue& set, Work* work) {
  if (work->begun && work->seed == set.seed()) return;
  work->begun = true;
  work->at = at;
  work->seed = set.seed();
  work->place = {};
  work->found.Clear();
  work->count = 0;
  work->walked = {};
  work->gathered = MemberSort(set.seed());
}

// Whether the member is in all of the others, or in none. What they miss is noted.
Tested TestOthers(const std::vector<SetValue*>& others, Operation operation,
                  std::string_view member) {
  for (SetValue* set : others) {
    bool contains = false;
    const Outcome outcome = set->Contains(member, &contains);
    if (outcome != Outcome::kDone) return {outcome, false, &set->status()};
    if (contains != (operation == Operation::kInter)) return {Outcome::kDone, false, nullptr};
  }
  return {};
}

// Intersection or difference. False: pending, or answered.
bool Walk(Call& call, const Task& task, Sets* sets, Work* work) {
  const bool inter = task.operation == Operation::kInter;
  if (inter ? !sets->all() : sets->at(0) == nullptr) return true;
  size_t at = inter ? sets->Smallest() : 0;
  if (work->begun) at = work->at;
  SetValue* const set = sets->at(at);
  BeginWith(at, *set, work);
  std::vector<size_t> order;
  for (size_t i = 0; i < sets->size(); ++i) {
    if (i != at && sets->at(i) != nullptr) order.push_back(i);
  }
  // The one that most likely decides comes first.
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return inter ? sets->count(a) < sets->count(b) : sets->count(a) > sets->count(b);
  });
  std::vector<SetValue*> others;
  for (const size_t i : order) others.push_back(sets->at(i));
  const auto test = [&](std::string_view member) {
    if (task.stores && !inter) work->walked.Add(member);
    return TestOthers(others, task.operation, member);
  };
  const auto take = [&](std::string_view member, uint64_t) {
    Take(task, member, work);
    return work->count < task.limit;
  };
  return WalkOn(call, set, &work->place, Slices::kMany, test, take);
}

// False: pending, or answered.
bool Unite(Call& call, const Task& task, Sets* sets, Work* work) {
  if (!work->begun) {
    work->begun = true;
    work->gathered = MemberSort(Txn::NextRandom());
    work->seed = 0;
  }
  for (; work->at < sets->size(); ++work->at) {
    SetValue* const set = sets->at(work->at);
    if (set == nullptr) continue;
    // What came of a set that was made anew meanwhile may come again: each counts once.
    if (work->seed != set->seed()) work->place = {};
    work->seed = set->seed();
    const auto take = [&](std::string_view member, uint64_t) {
      Take(task, member, work);
      return true;
    };
    if (!WalkAll(call, set, &work->place, Slices::kMany, take)) return false;
    work->place = {};
    work->seed = 0;
  }
  return true;
}

bool Gather(Call& call, const Task& task, Sets* sets, Work* work) {
  return task.operation == Operation::kUnion ? Unite(call, task, sets, work)
                                             : Walk(call, task, sets, work);
}

// Frames what was gathered, in slices: integers in order where Redis would have an intset.
bool Frame(Call& call, Work* work) {
  if (!std::exchange(work->sealed, true)) {
    std::vector<int64_t> integers;
    work->gathered.Seal();
    work->count = 0;
    (void)work->gathered.TakeIntegers(IntsetMembersMax(call.server.thresholds), &integers);
    for (const int64_t integer : integers) ReplyWriter(&work->found).BulkInteger(integer);
    work->count = integers.size();
  }
  for (std::string_view member; work->gathered.Next(&member); ++work->count) {
    ReplyWriter(&work->found).Bulk(member);
    call.txn.Charge(1);
    if (!call.txn.SliceOver()) continue;
    ++work->count;
    call.txn.Again();
    return false;
  }
  return true;
}

Work* WorkOf(Call& call, const Sets& sets, Work* local) {
  return call.txn.ProgressIf(sets.Members() > kOnePassMembers, local);
}

void Combine(Call& call, Operation operation) {
  const Task task{operation, call.argv.subspan(1)};
  Sets sets;
  Work local;
  if (!sets.Open(call, task.keys, false)) return;
  Work* const work = WorkOf(call, sets, &local);
  if (!work->sealed && !Gather(call, task, &sets, work)) return;
  if (operation == Operation::kUnion && !Frame(call, work)) return;
  call.reply.SetHeader(work->count);
  call.reply.out().Append(&work->found);
}

// Redis takes the members of the other sets from a copy of the first one, if that is less work than
// to look its members up; what is stored then has the encoding of the copy.
bool CopiesFirst(const Sets& sets) {
  uint64_t present = 0;
  for (size_t i = 0; i < sets.size(); ++i) present += sets.count(i) != 0;
  return sets.count(0) * present / 2 > sets.Members();
}

// Entries of the set that is to be stored, from what was gathered, in slices. False: pending, or
// answered.
bool Build(Call& call, Encoding least, Work* work) {
  MemberSort& members = work->gathered;
  if (work->made == nullptr) {
    constexpr bool kOrdered[] = {true};
    const uint64_t most = IntsetMembersMax(call.server.thresholds);
    work->made = std::make_unique<Detached>(kOrdered);
    members.Seal();
    work->sealed = true;
    work->intset = least == Encoding::kIntset && members.TakeIntegers(most, &work->integers);
  }
  tree::Tree tree(SetValue::Shape(), work->made->pager(), 0);
  tree::Builder builder(&tree);
  const Status& status = work->made->pager()->status();
  for (const int64_t integer : work->integers) {
    work->built.members += 1;
    if (!Done(call, builder.Add(SetValue::KeyOf(integer), {}), status)) return false;
  }
  bool over = false;
  for (std::string_view member; !over && !work->intset && members.Next(&member);) {
    work->built.Add(member);
    if (!Done(call, builder.Add(SetValue::KeyOf(members.seed(), member), {}), status)) return false;
    call.txn.Charge(1);
    over = call.txn.SliceOver();
  }
  if (!Done(call, builder.Finish(), status)) return false;
  if (over) call.txn.Again();
  return !over;
}

// What was gathered becomes the value of the key. False: pending, or answered.
bool Store(Call& call, std::string_view key, Encoding least, bool lasts, Work* work) {
  if (!Build(call, least, work)) return false;
  if (work->built.members == 0) return true;
  work->built.integers = work->intset;
  const Encoding encoding = LargerOf(SetEncodingOf(work->built, call.server.thresholds), least);
  const Status put = work->made->PutInto(&call.txn, key, ValueType::kSet, encoding,
                                         SeedState(work->gathered.seed()), 0, lasts);
  return put.ok() || (!call.txn.pending() && RefuseFailed(call, put));
}

void CombineAndStore(Call& call, Operation operation, std::string_view event) {
  Task task{operation, call.argv.subspan(2)};
  task.stores = true;
  Sets sets;
  Work local;
  if (!sets.Open(call, task.keys, true)) return;
  Work* const work = WorkOf(call, sets, &local);
  if (!work->sealed && !Gather(call, task, &sets, work)) return;
  Encoding least = Encoding::kIntset;
  if (operation == Operation::kDiff && CopiesFirst(sets))
    least = SetEncodingOf(work->walked, call.server.thresholds);
  if (!Store(call, call.argv[1], least, work != &local, work)) return;
  const uint64_t stored = work->built.members;
  if (stored != 0) {
    call.txn.Notify(kNotifySet, event, call.argv[1]);
  } else if (call.txn.Delete(call.argv[1])) {
    call.txn.Notify(kNotifyGeneric, "del", call.argv[1]);
  }
  call.reply.Integer(static_cast<int64_t>(stored));
}

}  // namespace

void HandleSInterCard(Call& call) {
  int64_t keys;
  const IntegerRule rule{1, INT64_MAX, errors::kNumkeys, errors::kNumkeys};
  if (!IntegerArg(call, call.argv[1], rule, &keys)) return;
  if (static_cast<uint64_t>(keys) > call.argv.size() - 2)
    return call.reply.Error(errors::kTooManyKeys);
  Task task{Operation::kInter, call.argv.subspan(2, static_cast<size_t>(keys))};
  task.card = true;
  for (size_t i = 2 + static_cast<size_t>(keys); i < call.argv.size(); i += 2) {
    if (!Is(call.argv[i], "limit") || i + 1 == call.argv.size())
      return call.reply.Error(errors::kSyntax);
    int64_t limit;
    const IntegerRule limits{0, INT64_MAX, errors::kLimitNegative, errors::kLimitNegative};
    if (!IntegerArg(call, call.argv[i + 1], limits, &limit)) return;
    task.limit = limit == 0 ? UINT64_MAX : static_cast<uint64_t>(limit);
  }
  Sets sets;
  Work local;
  if (!sets.Open(call, task.keys, false)) return;
  Work* const work = WorkOf(call, sets, &local);
  if (!Gather(call, task, &sets, work)) return;
  call.reply.Integer(static_cast<int64_t>(work->count));
}

void HandleSInterStore(Call& call) { CombineAndStore(call, Operation::kInter, "sinterstore"); }
void HandleSUnionStore(Call& call) { CombineAndStore(call, Operation::kUnion, "sunionstore"); }
void HandleSDiffStore(Call& call) { CombineAndStore(call, Operation::kDiff, "sdiffstore"); }
void HandleSInter(Call& call) { Combine(call, Operation::kInter); }
void HandleSUnion(Call& call) { Combine(call, Operation::kUnion); }
void HandleSDiff(Call& call) { Combine(call, Operation::kDiff); }

}  // namespace cairn
