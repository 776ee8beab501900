// DEBUG: what helps tests and nobody else. Refused unless enable-debug-command says otherwise.
#include <unistd.h>

#include <cstdio>
#include <string>

#include "base/number.h"
#include "collection/root.h"
#include "command/object.h"
#include "command/server_context.h"
#include "resp/errors.h"
#include "session/executor.h"
#include "session/session_commands.h"
#include "session/session_handlers.h"

namespace cairn {

namespace {

bool DebugAllowed(Call& call) {
  Connection& conn = ConnectionOf(call);
  const DebugCommand who = conn.executor->shared()->options.debug_command.load();
  if (who == DebugCommand::kEverybody || (who == DebugCommand::kLocal && conn.from_loopback))
    return true;
  call.reply.Error(
      "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you "
      "can run "
      "it from a local connection, otherwise you need to set this option in the configuration "
      "file, and "
      "then restart the server.");
  return false;
}

}  // namespace

void DebugSleepCommand(Call& call) {
  constexpr double kSecondsMax = 3600;
  if (!DebugAllowed(call)) return;
  double seconds = 0;
  if (!ParseDouble(call.argv[2], &seconds) || seconds < 0 || seconds > kSecondsMax) {
    call.reply.Error(errors::kNotFloat);
    return;
  }
  usleep(static_cast<useconds_t>(seconds * 1e6));
  call.reply.Ok();
}

void DebugSetActiveExpireCommand(Call& call) {
  if (!DebugAllowed(call)) return;
  call.server.active_expire.store(call.argv[2] != "0");
  call.reply.Ok();
}

void DebugObjectCommand(Call& call) {
  if (!DebugAllowed(call)) return;
  std::string_view value;
  KeyMeta meta;
  if (call.txn.Get(call.argv[2], &value, &meta) == ReadState::kMissing) {
    call.reply.Error(errors::kNoSuchKey);
    return;
  }
  if (call.txn.pending()) return;
  std::string encoding;
  if (meta.type == ValueType::kString) {
    encoding = StringEncoding(value);
  } else {
    RootValue root;
    if (!DecodeRoot(value, &root)) return call.reply.Error(errors::kValueCorrupt);
    encoding = EncodingName(root.encoding);
  }
  char line[160];
  int n =
      snprintf(line, sizeof(line),
               "Value at:0x0 refcount:1 encoding:%s serializedlength:%llu lru:0 lru_seconds_idle:0",
               encoding.c_str(), static_cast<unsigned long long>(meta.value_bytes));
  call.reply.Simple(std::string_view(line, static_cast<size_t>(n)));
}

void DebugJmapCommand(Call& call) {
  if (DebugAllowed(call)) call.reply.Ok();
}

}  // namespace cairn
