// SADD, SREM, SMOVE, SCARD, SISMEMBER, SMISMEMBER: what names its members.
#include "collection/set.h"
#include "command/collection_args.h"
#include "command/handlers.h"
#include "command/many_changes.h"

namespace cairn {
namespace {

using tree::Outcome;
using Members = std::span<const std::string_view>;

// Redis counts a change for each member, and a put counts one.
void CountMembers(Call& call, uint64_t changed) {
  call.txn.extra_changes += static_cast<int64_t>(changed) - 1;
}

// Members have gone from a set, which is saved: perhaps the last one. False: answered.
bool TellRemoved(Call& call, SetValue* set, std::string_view event, std::string_view key) {
  uint64_t left;
  if (!Done(call, set->Count(&left), set->status())) return false;
  call.txn.Notify(kNotifySet, event, key);
  if (left == 0) call.txn.Notify(kNotifyGeneric, "del", key);
  return true;
}

}  // namespace

void HandleSAdd(Call& call) {
  const Members members = call.argv.subspan(2);
  SetValue set(&call.txn, call.argv[1], &call.server.thresholds);
  ManyChanges local;
  ManyChanges* const many = ManyChanges::For(call, members.size(), &local);
  many->GoOnWith(call, &set.collection());
  if (!Ready(call, set.OpenOrMake(members[0], members.size()), set.status())) return;
  const auto add = [&](size_t i) {
    bool is_new = false;
    set.Want(many->Ahead(members, i));
    const Outcome outcome = set.Add(members[i], &is_new);
    many->added += outcome == Outcome::kDone && is_new;
    return outcome;
  };
  if (!many->ChangeEach(call, &set.collection(), set.status(), members.size(), add)) return;
  if (many->added != 0) {
    if (!Done(call, set.Save(), set.status())) return;
    call.txn.Notify(kNotifySet, "sadd", call.argv[1]);
    CountMembers(call, many->added);
  }
  call.reply.Integer(static_cast<int64_t>(many->added));
  many->KeepUntilCommit(&set.collection());
}

void HandleSRem(Call& call) {
  const Members members = call.argv.subspan(2);
  SetValue set(&call.txn, call.argv[1], &call.server.thresholds);
  ManyChanges local;
  ManyChanges* const many = ManyChanges::For(call, members.size(), &local);
  many->GoOnWith(call, &set.collection());
  const Opened opened = set.Open();
  if (!Ready(call, opened, set.status())) return;
  if (opened == Opened::kMissing) return call.reply.Integer(0);
  const auto remove = [&](size_t i) {
    bool was_there = false;
    set.Want(many->Ahead(members, i));
    const Outcome outcome = set.Remove(members[i], &was_there);
    many->added += outcome == Outcome::kDone && was_there;
    return outcome;
  };
  if (!many->ChangeEach(call, &set.collection(), set.status(), members.size(), remove)) return;
  if (many->added != 0) {
    if (!Done(call, set.Save(), set.status())) return;
    if (!TellRemoved(call, &set, "srem", call.argv[1])) return;
    CountMembers(call, many->added);
  }
  call.reply.Integer(static_cast<int64_t>(many->added));
  many->KeepUntilCommit(&set.collection());
}

void HandleSMove(Call& call) {
  const std::string_view member = call.argv[3];
  SetValue from(&call.txn, call.argv[1], &call.server.thresholds);
  SetValue to(&call.txn, call.argv[2], &call.server.thresholds);
  const Opened opened = from.Open();
  if (opened == Opened::kMissing) return call.reply.Integer(0);
  const Opened target = to.Open();
  if (!Ready(call, opened, from.status()) || !Ready(call, target, to.status())) return;
  bool moved;
  if (!Done(call, from.Contains(member, &moved), from.status())) return;
  if (!moved || call.argv[1] == call.argv[2]) return call.reply.Integer(moved);
  bool changed;
  if (target == Opened::kMissing) to.MakeFor(member, 1);
  if (!Done(call, from.Remove(member, &changed), from.status())) return;
  if (!Done(call, to.Add(member, &changed), to.status())) return;
  if (!Done(call, from.Save(), from.status())) return;
  if (!TellRemoved(call, &from, "srem", call.argv[1])) return;
  if (changed) {
    if (!Done(call, to.Save(), to.status())) return;
    call.txn.Notify(kNotifySet, "sadd", call.argv[2]);
  }
  call.reply.Integer(1);
}

void HandleSCard(Call& call) {
  SetValue set(&call.txn, call.argv[1], &call.server.thresholds);
  const Opened opened = set.Open();
  uint64_t count = 0;
  if (!Ready(call, opened, set.status())) return;
  if (opened == Opened::kFound && !Done(call, set.Count(&count), set.status())) return;
  call.reply.Integer(static_cast<int64_t>(count));
}

void HandleSIsMember(Call& call) {
  SetValue set(&call.txn, call.argv[1], &call.server.thresholds);
  const Opened opened = set.Open();
  bool contains = false;
  if (!Ready(call, opened, set.status())) return;
  if (opened == Opened::kFound &&
      !Done(call, set.Contains(call.argv[2], &contains), set.status())) {
    return;
  }
  call.reply.Integer(contains);
}

void HandleSMIsMember(Call& call) {
  const Members members = call.argv.subspan(2);
  SetValue set(&call.txn, call.argv[1], &call.server.thresholds);
  const Opened opened = set.Open();
  if (!Ready(call, opened, set.status())) return;
  if (opened == Opened::kFound) set.Want(members);
  const size_t mark = call.reply.out().size();
  call.reply.ArrayHeader(members.size());
  for (const std::string_view member : members) {
    bool contains = false;
    const Outcome found =
        opened == Opened::kFound ? set.Contains(member, &contains) : Outcome::kDone;
    if (found == Outcome::kFailed) call.reply.out().Truncate(mark);
    if (!Done(call, found, set.status())) return;
    call.reply.Integer(contains);
  }
}

}  // namespace cairn
