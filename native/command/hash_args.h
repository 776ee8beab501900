// What handlers of hash commands share. For native/command only.
#pragma once

#include "collection/hash.h"
#include "command/collection_args.h"

namespace cairn {

inline HashValue HashAt(Call& call) {
  return HashValue(&call.txn, call.argv[1], &call.server.thresholds);
}
inline bool Done(Call& call, tree::Outcome outcome, const HashValue& hash) {
  return Done(call, outcome, hash.status());
}
inline bool Ready(Call& call, Opened opened, const HashValue& hash) {
  return Ready(call, opened, hash.status());
}
// Saves, counts `changes` changes where there was one to the key, and tells of them.
inline bool SaveHash(Call& call, HashValue* hash, uint64_t changes, std::string_view event) {
  if (!Done(call, hash->Save(), *hash)) return false;
  call.txn.extra_changes += static_cast<int64_t>(changes) - 1;
  call.txn.Notify(kNotifyHash, event, call.argv[1]);
  return true;
}

// The same where fields may have been removed, so that the hash may be empty.
inline void TellOfFields(Call& call, uint64_t changes, std::string_view event, bool removed,
                         bool empty) {
  call.txn.extra_changes += static_cast<int64_t>(changes) - 1;
  if (!event.empty()) call.txn.Notify(kNotifyHash, event, call.argv[1]);
  if (removed) call.txn.Notify(kNotifyHash, "hdel", call.argv[1]);
  if (empty) call.txn.Notify(kNotifyGeneric, "del", call.argv[1]);
}
inline bool SaveFields(Call& call, HashValue* hash, uint64_t changes, std::string_view event,
                       bool removed) {
  uint64_t left = 0;
  if (!Done(call, hash->CountAll(&left), *hash) || !Done(call, hash->Save(), *hash)) return false;
  TellOfFields(call, changes, event, removed, left == 0);
  return true;
}

}  // namespace cairn
