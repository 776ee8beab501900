// What handlers of all collection types do with what collections say. Inline leaves for
// native/command only. Those that return bool answer the client themselves, or need not because the
// pass is pending, when they return false: the handler returns at once.
//
//   HashValue hash(&call.txn, call.argv[1], &call.server.thresholds);
//   const Opened opened = hash.Open();
//   if (!Ready(call, opened, hash.status())) return;              wrong type, damage, pending
//   if (opened == Opened::kMissing) return call.reply.Null();
//   if (!Done(call, hash.Get(...), hash.status())) return;
#pragma once

#include <string_view>

#include "base/status.h"
#include "collection/collection.h"
#include "command/args.h"
#include "tree/pager.h"
#include "txn/key_guard.h"

namespace cairn {

// What a collection has failed with. Of damage the operator is told, too. False.
bool RefuseFailed(Call& call, const Status& status);

// kFound and kMissing.
inline bool Ready(Call& call, Opened opened, const Status& status) {
  if (CAIRN_LIKELY(opened == Opened::kFound || opened == Opened::kMissing)) return true;
  if (opened == Opened::kWrongType) return Refuse(call, errors::kWrongType);
  if (opened == Opened::kFailed) return RefuseFailed(call, status);
  return false;
}

// From now on the guard, which the command keeps in its Progress, tells of changes to the key.
inline void GuardKey(Call& call, std::string_view key, KeyGuard* guard) {
  guard->Begin(call.server.engine, call.server.watches, call.txn.db(), key);
}

inline bool Done(Call& call, tree::Outcome outcome, const Status& status) {
  if (CAIRN_LIKELY(outcome == tree::Outcome::kDone)) return true;
  if (outcome == tree::Outcome::kFailed) return RefuseFailed(call, status);
  CAIRN_CHECK(call.txn.pending(), "what is waited for was noted");
  return false;
}

}  // namespace cairn
