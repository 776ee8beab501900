// DUMP key, and RESTORE key ttl payload [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency].

#include "base/lzf.h"
#include "command/args.h"
#include "command/dump_value.h"
#include "command/handlers.h"
#include "rdb/string_payload.h"

namespace cairn {
namespace {

using rdb::DumpedString;
using rdb::DumpResult;

struct RestoreOptions {
  bool replace = false;
  bool absolute = false;
};

bool ParseRestoreOptions(Call& call, RestoreOptions* options) {
  bool has_idletime = false;  // IDLETIME and FREQ are checked and have no further effect
  bool has_freq = false;
  for (size_t i = 4; i < call.argv.size(); ++i) {
    std::string_view arg = call.argv[i];
    bool has_value = i + 1 < call.argv.size();
    int64_t number;
    if (Is(arg, "replace")) {
      options->replace = true;
    } else if (Is(arg, "absttl")) {
      options->absolute = true;
    } else if (Is(arg, "idletime") && has_value && !has_freq) {
      has_idletime = true;
      const IntegerRule rule{0, INT64_MAX, errors::kNotInteger, errors::kRestoreIdletime};
      if (!IntegerArg(call, call.argv[++i], rule, &number)) return false;
    } else if (Is(arg, "freq") && has_value && !has_idletime) {
      has_freq = true;
      const IntegerRule rule{0, 255, errors::kNotInteger, errors::kRestoreFreq};
      if (!IntegerArg(call, call.argv[++i], rule, &number)) return false;
    } else {
      return Refuse(call, errors::kSyntax);
    }
  }
  return true;
}

bool TtlArg(Call& call, bool absolute, uint64_t* expire_at_ms) {
  int64_t ttl;
  const IntegerRule rule{0, INT64_MAX, errors::kNotInteger, errors::kRestoreTtl};
  if (!IntegerArg(call, call.argv[2], rule, &ttl)) return false;
  *expire_at_ms = static_cast<uint64_t>(ttl);
  if (ttl != 0 && !absolute) {
    *expire_at_ms = std::min<uint64_t>(*expire_at_ms + call.txn.now_ms(), INT64_MAX);
  }
  return true;
}

// The value, in the payload itself or in memory that lives until Commit. False: answered.
bool StringIn(Call& call, std::string_view payload, std::string_view* value) {
  DumpedString dumped;
  const DumpResult result = rdb::ParseDump(payload, kValueBytesMax, &dumped);
  if (result != DumpResult::kOk) return Refuse(call, RestoreError(result));
  *value = dumped.bytes;
  if (dumped.form == DumpedString::Form::kInteger) {
    char* digits = call.txn.Alloc(kInt64TextBytes);
    *value = {digits, FormatInt64(dumped.integer, digits)};
  } else if (dumped.form == DumpedString::Form::kLzf) {
    char* text = call.txn.Alloc(dumped.value_bytes);
    *value = {text, dumped.value_bytes};
    if (!LzfDecompress(dumped.bytes.data(), dumped.bytes.size(), text, dumped.value_bytes))
      return Refuse(call, errors::kRestoreFormat);
  }
  return true;
}

}  // namespace

void HandleDump(Call& call) {
  std::string_view value;
  KeyMeta meta;
  if (call.txn.Get(call.argv[1], &value, &meta) == ReadState::kPending) return;
  if (!meta.found) return call.reply.Null();
  if (meta.type != ValueType::kString) return DumpCollection(call, call.argv[1], meta.type);
  char* payload = call.txn.Alloc(rdb::DumpBytesMax(value.size()));
  const uint16_t version = call.server.dump_version.load(std::memory_order_relaxed);
  call.reply.Bulk({payload, rdb::EncodeDump(value, payload, version)});
}

void HandleRestore(Call& call) {
  RestoreOptions options;
  if (!ParseRestoreOptions(call, &options)) return;
  std::string_view key = call.argv[1];
  if (!options.replace && call.txn.Exists(key)) return call.reply.Error(errors::kBusyKey);
  uint64_t expire_at_ms;
  if (!TtlArg(call, options.absolute, &expire_at_ms)) return;
  const bool past = expire_at_ms != 0 && expire_at_ms <= call.txn.now_ms();
  const std::string_view payload = call.argv[3];
  if (rdb::IsDumpedString(payload)) {
    std::string_view value;
    if (!StringIn(call, payload, &value)) return;
    if (!past) PutAnew(call, key, value, expire_at_ms, ValueType::kString);
  } else if (!RestoreCollection(call, key, payload, past ? 0 : expire_at_ms, past)) {
    return;
  }
  if (!past) {
    call.txn.Notify(kNotifyGeneric, "restore", key);
  } else if (call.txn.Delete(key)) {
    call.txn.Notify(kNotifyGeneric, "del", key);
  }
  call.reply.Ok();
}

}  // namespace cairn
