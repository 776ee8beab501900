// SORT, SORT_RO: the elements of a list, set or sorted set, in some order, or what keys named after
// them hold.
//
// It goes in slices: elements are gathered with what they are sorted by, then shown with what is
// asked of them, or stored. If the key is changed in between it begins again, and after some tries
// goes in one go; keys that patterns name may change between slices.
#include "command/sort.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>

#include "base/slot.h"
#include "collection/detached.h"
#include "collection/element_walk.h"
#include "collection/list.h"
#include "command/collection_args.h"
#include "command/handlers.h"
#include "command/sort.h"
#include "resp/set_errors.h"
#include "tree/build.h"

namespace cairn {
namespace {

using tree::Outcome;

inline constexpr uint64_t kOnePassElements = 1024;
inline constexpr size_t kAtOnce = 256;         // elements whose keys are looked up at once
inline constexpr size_t kStoredAtOnce = 4096;  // a list of more is a quicklist

// What is kept from slice to slice.
struct SortWork {
  KeyGuard guard;
  uint32_t tries = 0;
  bool begun = false;
  SortRuns runs;
  bool not_score = false;
  uint64_t rank = 0;  // the next element to be gathered
  uint64_t rank_end = 0;
  uint64_t first = 0;  // of those that are shown
  uint64_t end = 0;
  bool gathered = false;                // and runs are sealed
  uint64_t shown = 0;                   // elements that have come out of runs
  std::vector<std::string_view> batch;  // that came out and are not shown yet
  OutBuffer found;
  std::vector<std::string> to_store;
  bool all_shown = false;
  std::unique_ptr<Detached> made;  // of what is stored, if that is much
  size_t made_of = 0;              // elements
};

// The elements of a key, whatever its type.
struct Source {
  ValueType type = ValueType::kString;
  std::unique_ptr<Collection> collection;
  uint64_t count = 0;
};

// False: pending, or answered. A missing key has no elements.
bool OpenSource(Call& call, std::string_view key, Source* source) {
  const KeyMeta meta = call.txn.Peek(key);
  if (call.txn.pending()) return false;
  call.txn.CountRead(meta.found, key);
  if (!meta.found) return true;
  source->type = meta.type;
  const bool sortable = meta.type == ValueType::kList || meta.type == ValueType::kSet ||
                        meta.type == ValueType::kZset;
  if (!sortable) return Refuse(call, errors::kWrongType);
  source->collection = std::make_unique<Collection>(&call.txn, key, meta.type);
  return Ready(call, source->collection->Open(), source->collection->status()) &&
         Done(call, source->collection->Count(&source->count), source->collection->status());
}

// Which elements are gathered, and which of those are shown, of so many.
void SetRange(const SortTask& task, uint64_t count, SortWork* work) {
  const auto size = static_cast<int64_t>(count);
  int64_t first = std::min(std::max<int64_t>(task.offset, 0), size);
  const int64_t wanted = std::min(std::max<int64_t>(task.count, -1), size);
  const int64_t end = wanted < 0 ? size : std::min(first + wanted, size);
  first = std::min(first, end);
  work->first = static_cast<uint64_t>(first);
  work->end = static_cast<uint64_t>(end);
  work->rank = 0;
  work->rank_end = count;
  if (task.sorts) return;
  // In an order of their own, or from its end: no others are needed.
  work->rank = task.descending ? count - work->end : work->first;
  work->rank_end = task.descending ? count - work->first : work->end;
  work->end -= work->first;
  work->first = 0;
}

Outcome ReadElement(const Source& source, ElementWalk* walk, std::string* element) {
  std::string_view text;
  const Outcome outcome =
      source.type == ValueType::kList ? walk->Payload(&text) : walk->Member(&text);
  if (outcome == Outcome::kDone) element->assign(text);
  return outcome;
}

// As strtod reads it, all of it.
bool ScoreOf(std::string_view text, double* score) {
  const std::string copy(text);
  char* end = nullptr;
  errno = 0;
  *score = std::strtod(copy.c_str(), &end);
  return *end == '\0' && errno != ERANGE && !std::isnan(*score);
}

// Sorts in what was read of one element. *waits: it looked for something that is missing.
bool Prepare(Call& call, const SortTask& task, std::string_view element, SortRuns::Item* item,
             bool* waits, bool* not_score) {
  std::string_view by = element;
  item->has_by = true;
  if (!task.sorts) return true;
  if (task.has_by) {
    switch (SortLookup(call).Find(task.by, element, &by)) {
      case SortLookup::Found::kAnswered:
        return false;
      case SortLookup::Found::kWait:
        *waits = true;
        return true;
      case SortLookup::Found::kNothing:
        item->has_by = false;
        return true;
      case SortLookup::Found::kValue:
        break;
    }
  }
  if (task.alpha) {
    if (task.has_by) item->by = by;
  } else {
    *not_score |= !ScoreOf(by, &item->score);
  }
  return true;
}

// Gathers a batch. False: pending, or answered.
bool GatherSome(Call& call, const SortTask& task, const Source& source, ElementWalk* walk,
                SortWork* work) {
  std::vector<std::string> elements;
  std::vector<SortRuns::Item> items;
  Outcome outcome = Outcome::kDone;
  const uint64_t most = std::min<uint64_t>(kAtOnce, work->rank_end - work->rank);
  while (elements.size() < most && !walk->at_end() && outcome == Outcome::kDone) {
    elements.emplace_back();
    outcome = ReadElement(source, walk, &elements.back());
    if (outcome == Outcome::kDone) outcome = walk->Next();
  }
  if (!Done(call, outcome, source.collection->status())) return false;
  bool waits = false;
  for (const std::string& element : elements) {
    items.emplace_back();
    if (!Prepare(call, task, element, &items.back(), &waits, &work->not_score)) return false;
  }
  if (waits) return false;
  for (size_t i = 0; i < items.size(); ++i) {
    items[i].element = work->runs.Keep(elements[i]);
    items[i].by = work->runs.Keep(items[i].by);
    work->runs.Add(items[i]);
  }
  work->rank += items.size();
  call.txn.Charge(static_cast<uint32_t>(items.size()));
  return true;
}

// False: pending, or answered.
bool Gather(Call& call, const SortTask& task, const Source& source, SortWork* work) {
  if (work->rank == work->rank_end) return true;
  ElementWalk walk(source.collection.get(), 0, source.type != ValueType::kList,
                   ElementWalk::Order::kByRank);
  if (!Done(call, walk.Start(work->rank), source.collection->status())) return false;
  while (work->rank < work->rank_end && !walk.at_end()) {
    if (!GatherSome(call, task, source, &walk, work)) return false;
    if (work->rank < work->rank_end && work->tries <= KeyGuard::kTriesMax && call.txn.SliceOver()) {
      call.txn.Again();
      return false;
    }
  }
  return true;
}

void Take(const SortTask& task, bool found, std::string_view value, int version, SortWork* work) {
  if (task.stores) {
    work->to_store.emplace_back(found ? value : std::string_view());
  } else if (found) {
    ReplyWriter(&work->found).Bulk(value);
  } else {
    ReplyWriter(&work->found, version).Null();
  }
}

// Shows a batch that came out of the runs. False: pending, or answered.
bool ShowBatch(Call& call, const SortTask& task, SortWork* work) {
  struct Read {
    bool found;
    std::string_view value;
  };
  std::vector<Read> reads;
  bool waits = false;
  for (const std::string_view element : work->batch) {
    if (task.gets.empty()) reads.push_back({true, element});
    for (const std::string_view pattern : task.gets) {
      std::string_view value;
      const SortLookup::Found found = SortLookup(call).Find(pattern, element, &value);
      if (found == SortLookup::Found::kAnswered) return false;
      waits |= found == SortLookup::Found::kWait;
      reads.push_back({found == SortLookup::Found::kValue, value});
    }
  }
  if (waits) return false;
  for (const Read& read : reads) Take(task, read.found, read.value, call.reply.version(), work);
  call.txn.Charge(static_cast<uint32_t>(reads.size()));
  work->batch.clear();
  return true;
}

// False: pending, or answered.
bool Show(Call& call, const SortTask& task, SortWork* work) {
  for (;;) {
    while (work->batch.size() < kAtOnce && work->shown < work->end) {
      std::string_view element;
      if (!work->runs.Next(&element)) break;
      if (work->shown++ >= work->first) work->batch.push_back(element);
    }
    if (work->batch.empty()) return true;
    if (!ShowBatch(call, task, work)) return false;
    if (work->shown < work->end && call.txn.SliceOver()) {
      call.txn.Again();
      return false;
    }
  }
}

// Much is made in slices. False: pending, or answered.
bool BuildList(Call& call, SortWork* work) {
  constexpr bool kOrdered[] = {false};
  if (work->made == nullptr) work->made = std::make_unique<Detached>(kOrdered);
  tree::Tree tree({.ordered = false}, work->made->pager(), 0);
  tree::Builder builder(&tree);
  const Status& status = work->made->pager()->status();
  bool over = false;
  while (!over && work->made_of < work->to_store.size()) {
    const std::string& element = work->to_store[work->made_of++];
    if (!Done(call, builder.Add({}, {element, 0}), status)) return false;
    call.txn.ChargeElement(element.size());
    over = call.txn.SliceOver();
  }
  if (!Done(call, builder.Finish(), status)) return false;
  if (over) call.txn.Again();
  return !over;
}

// In place of what the key has. False: pending, or answered.
bool StoreList(Call& call, std::string_view key, bool lasts, SortWork* work) {
  const std::vector<std::string>& elements = work->to_store;
  if (elements.size() > kStoredAtOnce) {
    if (!BuildList(call, work)) return false;
    const Status put =
        work->made->PutInto(&call.txn, key, ValueType::kList, Encoding::kQuicklist, {}, 0, lasts);
    return put.ok() || (!call.txn.pending() && RefuseFailed(call, put));
  }
  ListValue list(&call.txn, key, &call.server.thresholds);
  list.Make();
  const std::vector<std::string_view> views(elements.begin(), elements.end());
  return Done(call, list.Push(false, views), list.status()) &&
         Done(call, list.Save(), list.status());
}

void Store(Call& call, std::string_view key, bool lasts, SortWork* work) {
  const size_t stored = work->to_store.size();
  if (stored == 0) {
    if (call.txn.Delete(key)) call.txn.Notify(kNotifyGeneric, "del", key);
    return call.reply.Integer(0);
  }
  if (!StoreList(call, key, lasts, work)) return;
  call.txn.Notify(kNotifyList, "sortstore", key);
  call.txn.extra_changes += static_cast<int64_t>(stored) - 1;
  call.reply.Integer(static_cast<int64_t>(stored));
}

void Sort(Call& call, bool may_store) {
  SortTask task;
  Source source;
  if (!ParseSort(call, may_store, &task)) return;
  call.txn.set_count_hits(false);
  if (!OpenSource(call, call.argv[1], &source)) return;
  if (task.stores && !call.txn.NeedLatch(ShardOf(task.store))) return;
  if (!task.sorts && source.type == ValueType::kSet) {
    // A set has no order of its own that would mean anything.
    task.sorts = task.alpha = true;
    task.has_by = false;
  }
  SortWork local;
  SortWork* const work = call.txn.ProgressIf(source.count > kOnePassElements, &local);
  const bool kept = work != &local;
  if (!work->begun || (!work->gathered && work->guard.broken())) {
    work->begun = true;
    ++work->tries;
    work->not_score = work->gathered = false;
    work->shown = 0;
    work->batch.clear();
    work->found.Clear();
    work->to_store.clear();
    work->all_shown = false;
    work->made.reset();
    work->made_of = 0;
    work->runs.Begin(task);
    SetRange(task, source.count, work);
    if (kept) GuardKey(call, call.argv[1], &work->guard);
  }
  if (!work->gathered) {
    if (!Gather(call, task, source, work)) return;
    work->runs.Seal();
    work->gathered = true;
  }
  if (work->not_score) return call.reply.Error(errors::kSortNotFloat);
  if (!work->all_shown && !Show(call, task, work)) return;
  work->all_shown = true;
  if (task.stores) return Store(call, task.store, kept, work);
  const uint64_t columns = std::max<size_t>(task.gets.size(), 1);
  call.reply.ArrayHeader((work->end - work->first) * columns);
  call.reply.out().Append(&work->found);
}

}  // namespace

void HandleSort(Call& call) { Sort(call, true); }
void HandleSortRo(Call& call) { Sort(call, false); }

}  // namespace cairn
