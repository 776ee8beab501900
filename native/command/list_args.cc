#include "command/list_args.h"

namespace cairn {

bool EndArg(Call& call, std::string_view arg, bool* front) {
  *front = Is(arg, "left");
  return *front || Is(arg, "right") || Refuse(call, errors::kSyntax);
}

ListChange::ListChange(Call& call, std::string_view key)
    : call_(call),
      key_(key),
      mark_(call.reply.out().size()),
      value_(&call.txn, key, &call.server.thresholds) {}

bool ListChange::Opening(Opened opened) {
  missing_ = opened == Opened::kMissing;
  writes_ = call_.txn.write_count();
  return Ready(call_, opened, value_.status());
}

bool ListChange::Open() { return Opening(value_.Open()); }
bool ListChange::OpenOrMake() { return Opening(value_.OpenOrMake()); }

bool ListChange::Done(tree::Outcome outcome) {
  if (outcome == tree::Outcome::kFailed) call_.reply.out().Truncate(mark_);
  return cairn::Done(call_, outcome, value_.status());
}

bool ListChange::ReplyPopped(bool front, uint64_t count) {
  return Done(
      value_.ForEach(front ? 0 : value_.count() - 1, count, front, [this](std::string_view value) {
        call_.reply.Bulk(value);
        return true;
      }));
}

bool ListChange::Erase(uint64_t rank, uint64_t count) {
  if (rank == 0 && count >= value_.count()) {
    gone_ = true;
    return true;
  }
  return Done(value_.Erase(rank, count));
}

bool ListChange::Write(int64_t changes) {
  if (gone_) {
    call_.txn.Delete(key_);
    if (call_.txn.pending()) return false;
  } else if (!Done(value_.Save())) {
    return false;
  }
  call_.txn.extra_changes += changes - static_cast<int64_t>(call_.txn.write_count() - writes_);
  return true;
}

void ListChange::Tell(std::string_view event) {
  call_.txn.Notify(kNotifyList, event, key_);
  if (count() == 0) call_.txn.Notify(kNotifyGeneric, "del", key_);
}

}  // namespace cairn
