// What handlers of list commands share; for native/command/list_*.cc only. Those that return bool
// have answered, or the pass is pending, when they return false.
#pragma once

#include <cstdint>
#include <string_view>

#include "collection/list.h"
#include "command/collection_args.h"
#include "command/pop_args.h"

namespace cairn {

// LEFT or RIGHT.
bool EndArg(Call& call, std::string_view arg, bool* front);

// Where an element goes from and to, of LMOVE and its relatives.
struct MoveArgs {
  std::string_view from;
  std::string_view to;
  bool from_front = false;
  bool to_front = true;
};

// The list of a key in a handler: found or made, changed, written. Whatever was put into the reply
// before goes again if something turns out to be damaged.
class ListChange {
 public:
  ListChange(Call& call, std::string_view key);

  bool Open();
  bool OpenOrMake();
  bool missing() const { return missing_; }
  uint64_t count() const { return gone_ ? 0 : value_.count(); }
  ListValue* operator->() { return &value_; }
  bool Done(tree::Outcome outcome);

  // The elements as they are popped from one end, behind what was replied. There are so many.
  bool ReplyPopped(bool front, uint64_t count);
  // If it is all of them, the key goes at once, with whatever belongs to it.
  bool Erase(uint64_t rank, uint64_t count);
  bool EraseAt(bool front, uint64_t count) {
    return Erase(front ? 0 : value_.count() - count, count);
  }
  // Writes what was changed; `changes`: as Redis counts them.
  bool Write(int64_t changes);
  // After Write.
  void Tell(std::string_view event);

 private:
  bool Opening(Opened opened);

  Call& call_;
  const std::string_view key_;
  const size_t mark_;
  ListValue value_;
  size_t writes_ = 0;
  bool missing_ = false;
  bool gone_ = false;
};

inline std::string_view PushEvent(bool front) { return front ? "lpush" : "rpush"; }
inline std::string_view PopEvent(bool front) { return front ? "lpop" : "rpop"; }

// Both answer unless *missing: there is nothing to move or to pop, and nothing was answered. False:
// answered or pending, too.
bool MoveElement(Call& call, const MoveArgs& args, bool* missing);
bool PopFromFirst(Call& call, const PopArgs& args, bool* missing);

}  // namespace cairn
