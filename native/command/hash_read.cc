// HGET and other commands that read named fields of a hash.

#include "command/handlers.h"
#include "command/hash_args.h"

namespace cairn {
namespace {

// False: answered, or pending. *found: the field is there.
bool ReadField(Call& call, HashValue* hash, bool* found, HashValue::Field* field) {
  const Opened opened = hash->Open();
  *found = false;
  if (!Ready(call, opened, *hash)) return false;
  return opened == Opened::kMissing || Done(call, hash->Get(call.argv[2], found, field), *hash);
}

}  // namespace

void HandleHGet(Call& call) {
  HashValue hash = HashAt(call);
  HashValue::Field field;
  bool found;
  if (!ReadField(call, &hash, &found, &field)) return;
  found ? call.reply.Bulk(field.value) : call.reply.Null();
}

void HandleHStrLen(Call& call) {
  HashValue hash = HashAt(call);
  HashValue::Field field;
  bool found;
  if (!ReadField(call, &hash, &found, &field)) return;
  call.reply.Integer(found ? static_cast<int64_t>(field.value.size()) : 0);
}

void HandleHExists(Call& call) {
  HashValue hash = HashAt(call);
  HashValue::Field field;
  bool found;
  if (!ReadField(call, &hash, &found, &field)) return;
  call.reply.Integer(found);
}

void HandleHLen(Call& call) {
  HashValue hash = HashAt(call);
  const Opened opened = hash.Open();
  if (!Ready(call, opened, hash)) return;
  uint64_t count = 0;
  if (opened == Opened::kFound && !Done(call, hash.Count(&count), hash)) return;
  call.reply.Integer(static_cast<int64_t>(count));
}

void HandleHMGet(Call& call) {
  HashValue hash = HashAt(call);
  const Opened opened = hash.Open();
  if (!Ready(call, opened, hash)) return;
  const auto names = call.argv.subspan(2);
  if (opened == Opened::kFound && !Done(call, hash.Want(names), hash)) return;
  const size_t mark = call.reply.out().size();
  call.reply.ArrayHeader(names.size());
  for (const std::string_view name : names) {
    HashValue::Field field;
    bool found = false;
    if (opened == Opened::kFound) {
      const tree::Outcome got = hash.Get(name, &found, &field);
      if (got != tree::Outcome::kDone) call.reply.out().Truncate(mark);
      if (!Done(call, got, hash)) return;
    }
    found ? call.reply.Bulk(field.value) : call.reply.Null();
  }
}

}  // namespace cairn
