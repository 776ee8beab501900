#include "command/member_sort.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/number.h"
#include "collection/keyed_hash.h"

namespace cairn {

void MemberSort::Add(std::string_view member) {
  int64_t integer;
  integers_ = integers_ && ParseInt64(member, &integer);
  if (member.size() > free_bytes_) {
    free_bytes_ = std::max(member.size(), kBlockBytes);
    blocks_.push_back(std::unique_ptr<char[]>(new char[free_bytes_]));
    free_ = blocks_.back().get();
  }
  if (!member.empty()) std::memcpy(free_, member.data(), member.size());
  run_.push_back({KeyedHash(seed_, member), {free_, member.size()}});
  free_ += member.size();
  free_bytes_ -= member.size();
  if (run_.size() == kRunMax) EndRun();
}

void MemberSort::EndRun() {
  if (run_.empty()) return;
  auto run = std::make_unique<Run>();
  run->items = std::exchange(run_, {});
  // Often they come in order.
  if (!std::is_sorted(run->items.begin(), run->items.end(), Less))
    std::sort(run->items.begin(), run->items.end(), Less);
  runs_.push_back(std::move(run));
}

void MemberSort::Seal() {
  EndRun();
  Rewind();
}

void MemberSort::Rewind() {
  heap_.clear();
  for (const std::unique_ptr<Run>& run : runs_) {
    run->next = 0;
    heap_.push_back(run.get());
  }
  std::make_heap(heap_.begin(), heap_.end(), Behind);
  any_ = false;
}

bool MemberSort::Next(std::string_view* member) {
  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end(), Behind);
    Run* const run = heap_.back();
    const Item item = run->items[run->next++];
    run->next == run->items.size() ? heap_.pop_back()
                                   : std::push_heap(heap_.begin(), heap_.end(), Behind);
    if (any_ && last_ == item) continue;
    any_ = true;
    last_ = item;
    *member = item.member;
    return true;
  }
  return false;
}

bool MemberSort::TakeIntegers(uint64_t most, std::vector<int64_t>* integers) {
  integers->clear();
  if (!integers_) return false;
  for (std::string_view member; integers->size() <= most && Next(&member);) {
    integers->emplace_back();
    CAIRN_CHECK(ParseInt64(member, &integers->back()));
  }
  if (integers->size() > most) {
    Rewind();
    return false;
  }
  std::sort(integers->begin(), integers->end());
  return true;
}

}  // namespace cairn
