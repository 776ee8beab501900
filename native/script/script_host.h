// ScriptHost: what a script may ask of the world around it. Whoever runs a script implements it;
// the virtual machine (vm.h) calls it on the thread that runs the script, and never from two.
//
// A run may be thrown away and made again (txn/txn.h): Call, CheckAcl and Clock then answer for the
// new pass, and what Log got belongs to the run that was thrown away. A host must not call the
// machine back. None of its methods is left by a jump, so they may have locals of any kind.
#pragma once

#include <time.h>

#include <cstdint>
#include <span>
#include <string_view>

#include "resp/reply.h"

namespace cairn::script {

enum class CallAnswer : uint8_t {
  kReplied,  // exactly one reply was written, perhaps an error
  kSuspend,  // nothing counts any more: the run ends with Outcome::kSuspended
};

enum class Verdict : uint8_t { kGoOn, kStop };

enum class AclAnswer : uint8_t { kAllowed, kDenied, kNoSuchCommand };

enum class LogLevel : uint8_t { kDebug, kVerbose, kNotice, kWarning };

class ScriptHost {
 public:
  // redis.call and redis.pcall. argv has at least one element and is valid until the return;
  // `reply` has the version that the script set by redis.setresp. Whether the command exists, its
  // arity, flags and permissions are the host's affair.
  virtual CallAnswer Call(std::span<const std::string_view> argv, ReplyWriter& reply) = 0;
  // redis.acl_check_cmd.
  virtual AclAnswer CheckAcl(std::span<const std::string_view> argv) = 0;
  virtual void Log(LogLevel level, std::string_view text) = 0;
  // Called every Vm::kTickInstructions; `instructions` counts from the beginning of the run. kStop
  // ends the run with Outcome::kKilled, whatever the script tries to catch.
  virtual Verdict Tick(uint64_t instructions) = 0;
  // os.clock: seconds from any beginning. The one thing that a script sees and that is not a
  // function of its inputs; each run is of one piece all the same.
  virtual double Clock() {
    timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return static_cast<double>(ts.tv_sec) + static_cast<double>(ts.tv_nsec) * 1e-9;
  }

 protected:
  ~ScriptHost() = default;
};

}  // namespace cairn::script
