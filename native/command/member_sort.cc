#include "command/member_sort.h"

#include <algorithm>

#include "base/number.h"
#include "collection/keyed_hash.h"

namespace cairn {

void MemberSort::Add(std::string_view member) {
  int64_t integer;
  integers_ = integers_ && ParseInt64(member, &integer);
  merge_.Add({KeyedHash(seed_, member), texts_.Keep(member)});
}

bool MemberSort::Next(std::string_view* member) {
  for (Item item{}; merge_.Next(&item);) {
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
    merge_.Rewind();
    any_ = false;
    return false;
  }
  std::sort(integers->begin(), integers->end());
  return true;
}

}  // namespace cairn
