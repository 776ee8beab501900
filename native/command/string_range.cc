// Commands on parts of a string: APPEND, STRLEN, SETRANGE, GETRANGE (and SUBSTR, its old name).

#include <cstring>

#include "command/args.h"
#include "command/handlers.h"

namespace cairn {

void HandleStrLen(Call& call) {
  KeyMeta meta;
  if (!StringMeta(call, call.argv[1], &meta)) return;
  call.reply.Integer(meta.found ? static_cast<int64_t>(meta.value_bytes) : 0);
}

void HandleAppend(Call& call) {
  std::string_view key = call.argv[1];
  std::string_view tail = call.argv[2];
  std::string_view old;
  KeyMeta meta;
  if (!ReadString(call, key, &old, &meta)) return;
  if (!meta.found) {
    call.txn.Put(key, tail, 0);
    call.txn.Notify(kNotifyString, "append", key);
    return call.reply.Integer(static_cast<int64_t>(tail.size()));
  }
  uint64_t bytes = old.size() + tail.size();
  if (!CheckStringBytes(call, bytes)) return;
  // An empty tail writes too: to a watcher the key was touched.
  char* joined = call.txn.Alloc(bytes);
  if (!old.empty()) std::memcpy(joined, old.data(), old.size());
  if (!tail.empty()) std::memcpy(joined + old.size(), tail.data(), tail.size());
  call.txn.Put(key, {joined, bytes}, meta.expire_at_ms);
  call.txn.Notify(kNotifyString, "append", key);
  call.reply.Integer(static_cast<int64_t>(bytes));
}

void HandleSetRange(Call& call) {
  std::string_view key = call.argv[1];
  std::string_view part = call.argv[3];
  int64_t offset;
  const IntegerRule rule{0, INT64_MAX, errors::kNotInteger, errors::kOffsetRange};
  if (!IntegerArg(call, call.argv[2], rule, &offset)) return;
  KeyMeta meta;
  if (!StringMeta(call, key, &meta)) return;
  uint64_t old_bytes = meta.found ? meta.value_bytes : 0;
  if (part.empty()) return call.reply.Integer(static_cast<int64_t>(old_bytes));
  auto start = static_cast<uint64_t>(offset);
  if (!CheckStringBytes(call, start + part.size())) return;
  uint64_t bytes = std::max(old_bytes, start + part.size());
  if (start == 0 && part.size() == bytes) {  // nothing of the old value remains: no need to read it
    call.txn.Put(key, part, meta.found ? meta.expire_at_ms : 0);
    call.txn.Notify(kNotifyString, "setrange", key);
    return call.reply.Integer(static_cast<int64_t>(bytes));
  }
  std::string_view old;
  if (!ReadString(call, key, &old, &meta)) return;
  char* made = call.txn.Alloc(bytes);
  if (!old.empty()) std::memcpy(made, old.data(), old.size());
  if (start > old.size()) std::memset(made + old.size(), 0, start - old.size());
  std::memcpy(made + start, part.data(), part.size());
  call.txn.Put(key, {made, bytes}, meta.found ? meta.expire_at_ms : 0);
  call.txn.Notify(kNotifyString, "setrange", key);
  call.reply.Integer(static_cast<int64_t>(bytes));
}

void HandleGetRange(Call& call) {
  int64_t start;
  int64_t end;
  if (!IntegerArg(call, call.argv[2], &start) || !IntegerArg(call, call.argv[3], &end)) return;
  std::string_view value;
  KeyMeta meta;
  if (!ReadString(call, call.argv[1], &value, &meta)) return;
  uint64_t first;
  uint64_t last;
  if (ReversedFromEnd(start, end) || !ResolveRange(start, end, value.size(), &first, &last)) {
    return call.reply.Bulk({});
  }
  call.reply.Bulk(value.substr(first, last - first + 1));
}

}  // namespace cairn
