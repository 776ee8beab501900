// GET, GETDEL and the commands on several keys at once.

#include "command/args.h"
#include "command/handlers.h"

namespace cairn {
namespace {

bool CheckPairs(Call& call, std::string_view command) {
  if (call.argv.size() % 2 == 1) return true;
  return Refuse(call, errors::WrongArity(command));
}

void PutPairs(Call& call) {
  for (size_t i = 1; i < call.argv.size(); i += 2) {
    call.txn.Put(call.argv[i], call.argv[i + 1], 0);
    call.txn.Notify(kNotifyString, "set", call.argv[i]);
  }
}

}  // namespace

void HandleGet(Call& call) {
  std::string_view value;
  KeyMeta meta;
  if (!ReadString(call, call.argv[1], &value, &meta)) return;
  meta.found ? call.reply.Bulk(value) : call.reply.Null();
}

void HandleGetDel(Call& call) {
  std::string_view value;
  KeyMeta meta;
  if (!ReadStringCounted(call, call.argv[1], &value, &meta)) return;
  if (!meta.found) return call.reply.Null();
  call.reply.Bulk(value);
  call.txn.Delete(call.argv[1]);
  call.txn.Notify(kNotifyGeneric, "del", call.argv[1]);
}

void HandleMGet(Call& call) {
  call.reply.ArrayHeader(call.argv.size() - 1);
  for (std::string_view key : call.argv.subspan(1)) {
    std::string_view value;
    KeyMeta meta;
    bool is_string =
        call.txn.Get(key, &value, &meta) == ReadState::kFound && meta.type == ValueType::kString;
    is_string ? call.reply.Bulk(value) : call.reply.Null();
  }
}

void HandleMSet(Call& call) {
  if (!CheckPairs(call, "mset")) return;
  PutPairs(call);
  call.reply.Ok();
}

void HandleMSetNx(Call& call) {
  if (!CheckPairs(call, "msetnx")) return;
  for (size_t i = 1; i < call.argv.size(); i += 2) {
    if (call.txn.Exists(call.argv[i])) return call.reply.Integer(0);
  }
  PutPairs(call);
  call.reply.Integer(1);
}

}  // namespace cairn
