// LargeCopies: writes of large values that are prepared, one slice per turn, before their command
// runs again and commits them: so that no command holds its reactor for as long as it takes to copy
// hundreds of megabytes. One reactor's thread.
//
// Who waits here is answered: each turn works off a slice of the oldest, and the reactor does not
// sleep while any are left.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <iterator>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/large_buffer.h"
#include "engine/engine.h"

namespace cairn {

// The arguments of a command, and what keeps them in their place (null: who waits does).
struct LargeArguments {
  std::span<const std::string_view> argv;
  Owner memory;
};

// What has been prepared. It knows values by their place, which nobody else may take meanwhile.
struct PreparedWrites {
  std::unique_ptr<PreparedUnit> unit;
  std::vector<Owner> memory;

  void Clear() {
    unit.reset();
    memory.clear();
  }
};

template <typename Waiter>
class LargeCopies {
 public:
  // Some tenths of a millisecond, page faults and checksum included.
  static constexpr uint64_t kSliceBytes = kLargeUnitBytes / 4;

  struct Item {
    PreparedWrites writes;
    Waiter waiter;
  };

  bool empty() const { return items_.empty(); }
  void Add(Item item) { items_.push_back(std::move(item)); }
  // Forgets the first ones while nobody waits for them any more.
  template <typename Gone>
  void DropGone(Gone gone) {
    while (!items_.empty() && gone(items_.front().waiter)) items_.pop_front();
  }
  // One slice. True: *done is ready.
  bool Step(Item* done) {
    if (items_.empty()) return false;
    const bool ready = items_.front().writes.unit->Step(kSliceBytes);
    Item item = std::move(items_.front());
    items_.pop_front();
    if (!ready) {  // in turns, so that a smaller one need not wait for all of a larger one
      items_.push_back(std::move(item));
      return false;
    }
    *done = std::move(item);
    return true;
  }

 private:
  std::deque<Item> items_;
};

// Marks the writes whose values are arguments, or what was read, and stay where they are.
inline void MarkSteady(std::span<WriteOp> writes, std::span<const LargeArguments> sources) {
  std::vector<std::string_view> large;
  for (const LargeArguments& source : sources) {
    for (const std::string_view argument : source.argv) {
      if (argument.size() >= kPreparedValueBytes) large.push_back(argument);
    }
  }
  const auto before = [](std::string_view a, std::string_view b) { return a.data() < b.data(); };
  std::sort(large.begin(), large.end(), before);
  for (WriteOp& op : writes) {
    if (op.kind != WriteKind::kPut || op.value.size() < kPreparedValueBytes) continue;
    const auto behind = std::upper_bound(large.begin(), large.end(), op.value, before);
    if (behind == large.begin()) continue;
    const std::string_view source = *std::prev(behind);
    op.steady = op.value.data() + op.value.size() <= source.data() + source.size();
  }
}

}  // namespace cairn
