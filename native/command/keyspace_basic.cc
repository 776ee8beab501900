// Commands on whole keys and whole databases that look at no value.

#include <string>

#include "command/args.h"
#include "command/handlers.h"
#include "command/object.h"

namespace cairn {
namespace {

// A database number as SWAPDB takes it: its own text when it is no number.
bool SwapDbArg(Call& call, std::string_view arg, std::string_view error, int64_t* db) {
  return IntegerArg(call, arg, {INT32_MIN, INT32_MAX, error}, db);
}

// Each key that is there counts as changed.
void CountFlushed(Call& call, uint16_t first_db, uint16_t last_db) {
  --call.txn.extra_changes;  // the flush itself does not
  for (const DatabaseKeys& row : call.txn.Keyspace()) {
    if (row.db >= first_db && row.db <= last_db)
      call.txn.extra_changes += static_cast<int64_t>(row.keys);
  }
}

// [SYNC | ASYNC]: both are the same here, the keys are gone at once and their memory follows.
bool FlushArgs(Call& call) {
  if (call.argv.size() == 1) return true;
  if (call.argv.size() == 2 && (Is(call.argv[1], "sync") || Is(call.argv[1], "async"))) return true;
  return Refuse(call, errors::kSyntax);
}

}  // namespace

void HandleDel(Call& call) {
  int64_t deleted = 0;
  for (std::string_view key : call.argv.subspan(1)) {
    if (!call.txn.Delete(key)) continue;
    ++deleted;
    call.txn.Notify(kNotifyGeneric, "del", key);
  }
  call.reply.Integer(deleted);
}

void HandleExists(Call& call) {
  int64_t found = 0;
  for (std::string_view key : call.argv.subspan(1)) found += call.txn.Exists(key);
  call.reply.Integer(found);
}

void HandleType(Call& call) {
  KeyMeta meta = call.txn.Meta(call.argv[1]);
  call.reply.Simple(meta.found ? TypeName(meta.type) : "none");
}

void HandleDbSize(Call& call) { call.reply.Integer(static_cast<int64_t>(call.txn.KeyCount())); }

void HandleRandomKey(Call& call) {
  std::string key;
  call.txn.RandomKey(&key) == ReadState::kFound ? call.reply.Bulk(key) : call.reply.Null();
}

void HandleSwapDb(Call& call) {
  int64_t first;
  int64_t second;
  if (!SwapDbArg(call, call.argv[1], errors::kInvalidFirstDb, &first) ||
      !SwapDbArg(call, call.argv[2], errors::kInvalidSecondDb, &second)) {
    return;
  }
  int64_t databases = call.txn.databases();
  if (first < 0 || first >= databases || second < 0 || second >= databases) {
    return call.reply.Error(errors::kDbIndexRange);
  }
  if (first != second) call.txn.SwapDb(static_cast<uint16_t>(first), static_cast<uint16_t>(second));
  call.reply.Ok();
}

void HandleFlushDb(Call& call) {
  if (!FlushArgs(call)) return;
  CountFlushed(call, call.txn.db(), call.txn.db());
  call.txn.FlushDb(call.txn.db());
  call.reply.Ok();
}

void HandleFlushAll(Call& call) {
  if (!FlushArgs(call)) return;
  CountFlushed(call, 0, UINT16_MAX);
  call.txn.FlushAll();
  call.reply.Ok();
}

}  // namespace cairn
