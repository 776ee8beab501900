// Commands that give a value another place: RENAME, RENAMENX, COPY, MOVE. The value and its time to
// live go along. The value is copied first: what was read belongs to the engine, which may drop it
// while it applies the writes.

#include "collection/root.h"
#include "command/args.h"
#include "command/copy_value.h"
#include "command/handlers.h"
#include "command/other_db.h"

namespace cairn {
namespace {

// An existing database's number.
bool DbArg(Call& call, std::string_view arg, uint16_t* db) {
  int64_t number;
  if (!IntegerArg(call, arg, kInt32Rule, &number)) return false;
  if (number < 0 || number >= call.txn.databases()) {
    return Refuse(call, errors::kDbIndexRange);
  }
  *db = static_cast<uint16_t>(number);
  return true;
}

// True: the key is now named call.argv[2]. False: it was not renamed; *exists tells whether it is
// there.
bool Rename(Call& call, bool only_if_free, bool* exists) {
  std::string_view from = call.argv[1];
  std::string_view to = call.argv[2];
  KeyMeta meta = call.txn.Meta(from);
  *exists = meta.found;
  if (!meta.found) return false;
  if (from == to) return !only_if_free;
  if (only_if_free && call.txn.Exists(to)) return false;
  std::string_view value;
  if (call.txn.Get(from, &value, &meta) != ReadState::kFound) return false;
  // A collection's space stays where it is.
  PutAnew(call, to, call.txn.Copy(value), meta.expire_at_ms, meta.type);
  call.txn.Take(from);
  call.txn.Notify(kNotifyGeneric, "rename_from", from);
  call.txn.Notify(kNotifyGeneric, "rename_to", to);
  --call.txn.extra_changes;
  return true;
}

struct CopyOptions {
  uint16_t db = 0;
  bool replace = false;
};

bool ParseCopyOptions(Call& call, CopyOptions* options) {
  options->db = call.txn.db();
  for (size_t i = 3; i < call.argv.size(); ++i) {
    if (Is(call.argv[i], "replace")) {
      options->replace = true;
    } else if (Is(call.argv[i], "db") && i + 1 < call.argv.size()) {
      if (!DbArg(call, call.argv[++i], &options->db)) return false;
    } else {
      return Refuse(call, errors::kSyntax);
    }
  }
  return true;
}

// Puts call.argv[1]'s value under `to` in `db`. False: it is missing or the place is taken (or the
// pass is pending); *refused: the client was told why, or the pass is pending. counted: the look at
// the source is a hit or a miss.
bool CopyTo(Call& call, uint16_t db, std::string_view to, bool replace, bool counted,
            bool* refused) {
  *refused = false;
  const bool found = call.txn.Exists(call.argv[1]);
  if (counted) call.txn.CountRead(found, call.argv[1]);
  if (!found) return false;
  if (!replace) {
    OtherDb there(call.txn, db);
    if (call.txn.Exists(to)) return false;
  }
  std::string_view value;
  KeyMeta meta;
  if (call.txn.Get(call.argv[1], &value, &meta) != ReadState::kFound) return false;
  if (meta.type != ValueType::kString && SpaceOfRoot(value) != 0) {
    call.txn.set_count_hits(false);  // it was
    *refused = !CopyCollection(call, call.argv[1], meta.type, db, to);
    if (*refused) return false;
  }
  OtherDb there(call.txn, db);
  if (meta.type == ValueType::kString || SpaceOfRoot(value) == 0)
    PutAnew(call, to, call.txn.Copy(value), meta.expire_at_ms, meta.type);
  return true;
}

}  // namespace

void HandleRename(Call& call) {
  bool exists;
  Rename(call, false, &exists);
  exists ? call.reply.Ok() : call.reply.Error(errors::kNoSuchKey);
}

void HandleRenameNx(Call& call) {
  bool exists;
  bool renamed = Rename(call, true, &exists);
  exists ? call.reply.Integer(renamed) : call.reply.Error(errors::kNoSuchKey);
}

void HandleCopy(Call& call) {
  CopyOptions options;
  if (!ParseCopyOptions(call, &options)) return;
  if (options.db == call.txn.db() && call.argv[1] == call.argv[2]) {
    return call.reply.Error(errors::kSameObject);
  }
  bool refused = false;
  const bool copied = CopyTo(call, options.db, call.argv[2], options.replace, true, &refused);
  if (copied) {
    OtherDb there(call.txn, options.db);
    call.txn.Notify(kNotifyGeneric, "copy_to", call.argv[2]);
  }
  if (!refused) call.reply.Integer(copied);
}

void HandleMove(Call& call) {
  uint16_t db;
  if (!DbArg(call, call.argv[2], &db)) return;
  if (db == call.txn.db()) return call.reply.Error(errors::kSameObject);
  std::string_view key = call.argv[1];
  bool refused = false;
  const bool moved = CopyTo(call, db, key, false, false, &refused);
  if (refused) return;
  if (moved) {
    call.txn.extra_changes -= call.txn.Delete(key);
    call.txn.Notify(kNotifyGeneric, "move_from", key);
    OtherDb there(call.txn, db);
    call.txn.Notify(kNotifyGeneric, "move_to", key);
  }
  call.reply.Integer(moved);
}

}  // namespace cairn
