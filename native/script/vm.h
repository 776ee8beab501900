// Vm: one Lua 5.1 virtual machine for scripts and functions, without commands (those are above).
// Used by one thread at a time, one run at a time.
//
// A run is a function of its KEYS and ARGV, what its host answers, and its seed: math.random begins
// anew with each run, options of cjson are back at their defaults, nothing global can be written.
// What is left: os.clock (script_host.h); the addresses that tostring shows of tables and
// functions, and the order in which pairs walks keys of these kinds; when the collector empties
// weak tables; and the local variables of a library, which live as long as the library does.
//
// Bounds. Memory: every byte of Lua's goes through one allocator with a budget; beyond it a script
// gets the error "not enough memory", and the machine stays usable. Time: a hook counts
// instructions, in each coroutine, and asks the host; a run that is stopped or suspended raises an
// error that no pcall, xpcall, coroutine or load keeps. Lengths and depths: constants below and in
// the libraries. What a C function of Lua's does in one go the hook does not see, so those that
// could take long were replaced or are refused what takes long (text_lib.cc, pattern.h).
//
// Jumps. Debian's Lua is C and leaves a failing call by longjmp, over all frames up to the nearest
// protected call. So a function that Lua calls (lua_CFunction), and whatever it calls that calls
// Lua, has only locals that need no destructor: views, numbers, arrays. What needs more room or
// lasts longer belongs to the State (state.h), which outlives every jump. Code that does have
// destructors (the host, OutBuffer, std::string) never calls Lua. The methods of Vm enter Lua by
// lua_cpcall only, so that not even memory running out can jump over them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "script/script_host.h"

namespace cairn::script {

struct State;

struct VmOptions {
  size_t memory_bytes_max = 256u << 20;  // of Lua, compiled scripts included
  std::string_view version = "0.0.0";    // redis.REDIS_VERSION, three numbers
};

enum class Outcome : uint8_t {
  kReplied,    // one reply was written
  kFailed,     // one error was written
  kKilled,     // the same, because the host's Tick said so
  kSuspended,  // nothing was written: throw the pass away and run again
};

struct RunResult {
  Outcome outcome = Outcome::kReplied;
  // The reply is an error that came out of a command, where it was counted already.
  bool counted = false;
  uint64_t instructions = 0;
};

struct RunInput {
  std::string_view label = {};  // what error texts call it: a script's SHA1, a function's name
  std::span<const std::string_view> keys = {};
  std::span<const std::string_view> argv = {};
  int32_t seed = 0;  // of math.random
  std::string_view kill_text = "Script killed by user with SCRIPT KILL...";
};

// What redis.register_function told, in this order.
struct RegisteredFunction {
  std::string name;
  std::string description;
  bool has_description = false;
  uint32_t flags = 0;  // ScriptFlag
  int callback = 0;    // for RunFunction
};

class Vm {
 public:
  static constexpr int kTickInstructions = 10'000;      // some tenths of a millisecond at most
  static constexpr size_t kScriptBytesMax = 16u << 20;  // of one script or library
  static constexpr size_t kFunctionsMax = 4096;         // of one library

  explicit Vm(VmOptions options = VmOptions());
  ~Vm();
  Vm(const Vm&) = delete;
  Vm& operator=(const Vm&) = delete;

  // Compiles a script and keeps it under its name, the SHA1. The body may begin with a shebang
  // (shebang.h), whose line is left out. False: *error is the text of the reply, code first.
  [[nodiscard]] bool Compile(std::string_view sha, std::string_view body, std::string* error);
  // Without memory, one says no and the other does nothing.
  bool Has(std::string_view sha);
  void Forget(std::string_view sha);
  // Runs what was compiled. Writes one reply, in the version of `reply`, unless it is suspended.
  RunResult Run(std::string_view sha, const RunInput& input, ScriptHost& host, ReplyWriter& reply);

  // Runs the code of a library and collects what it registers. False: *error is the text of the
  // reply, code first, and nothing is kept. Of `host` only Log, Tick and Clock are asked.
  [[nodiscard]] bool LoadLibrary(std::string_view body, ScriptHost& host,
                                 std::vector<RegisteredFunction>* functions, std::string* error);
  RunResult RunFunction(int callback, const RunInput& input, ScriptHost& host, ReplyWriter& reply);
  void DropFunction(int callback);

  // Bytes that Lua holds, compiled scripts included.
  size_t memory_bytes() const;
  // A whole round of garbage collection: when the caller has time, and before it takes
  // memory_bytes() for a figure.
  void Collect();

 private:
  std::unique_ptr<State> state_;
};

}  // namespace cairn::script
