// ScriptCaller: what a script asks of the server while it runs (script/script_host.h): commands,
// which run in the pass of the script, by their own handlers; permissions; the log; and whether it
// may go on.
//
// A command whose keys are on shards that the pass has not latched, or whose values are not in
// memory, ends the run: the pass is pending, and runs again from its start with what was missing
// (txn/txn.h). So nothing here has an effect but through the Txn, and on the ledger, which is
// thrown away with the pass.
//
// One run; one reactor's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "command/command.h"
#include "script/script_host.h"
#include "session/connection.h"
#include "session/running_scripts.h"
#include "session/script_ledger.h"
#include "session/session_host.h"

namespace cairn {

class ScriptCaller final : public script::ScriptHost {
 public:
  // What a run's commands take as memory until it ends: arguments, which stay until the commit, and
  // replies, which may have been copied on their way.
  static constexpr uint64_t kCommandBytesMax = 1ull << 30;

  // How often a long run lets others in.
  static constexpr uint64_t kServeEveryNanos = 2'000'000;

  struct Script {
    std::string_view name;  // SHA1, or the name of a function
    bool function = false;
    bool read_only = false;                       // commands that write are refused
    std::span<const std::string_view> argv = {};  // of the command that runs it
  };
  ScriptCaller(const SessionContext& context, ::cairn::Call* call, const Script& script,
               RunningScript* running, ScriptLedger* ledger);
  ~ScriptCaller();
  ScriptCaller(const ScriptCaller&) = delete;
  ScriptCaller& operator=(const ScriptCaller&) = delete;

  script::CallAnswer Call(std::span<const std::string_view> argv, ReplyWriter& reply) override;
  script::AclAnswer CheckAcl(std::span<const std::string_view> argv) override;
  void Log(script::LogLevel level, std::string_view text) override;
  script::Verdict Tick(uint64_t instructions) override;

  // The server ends, and this run did for that reason.
  bool stopped() const { return stopped_; }

 private:
  const Command* Resolve(std::span<const std::string_view> argv) const;
  // Why the script may not call that command; empty: it may.
  std::string_view Refusal(const Command& command) const;
  // As the user who runs the script; empty: it may, too.
  std::string_view Denied(const Command& command, std::span<const std::string_view> argv);
  script::CallAnswer Reject(const Command* command, std::string_view text, ReplyWriter& reply);
  bool Latched(const Command& command, std::span<const std::string_view> argv);
  std::span<const std::string_view> Keep(std::span<const std::string_view> argv);
  void Note(const Command& command, std::span<const std::string_view> argv, std::string_view reply,
            uint64_t ticks);
  void EnterLong(uint64_t now_ns);
  // CLIENT TRACKING: it has read what the command names, and what the script declares.
  void NoteReads(const Command& command, std::span<const std::string_view> argv);
  void NoteDeclared();

  const SessionContext& context_;
  ::cairn::Call& outer_;
  Connection& conn_;
  const Script script_;
  RunningScript* const running_;
  ScriptLedger* const ledger_;
  const uint16_t outer_db_;
  uint16_t db_;  // SELECT counts until the end of the run
  uint64_t begun_ns_;
  uint64_t served_ns_ = 0;
  uint64_t command_bytes_ = 0;
  std::optional<Txn::Read> last_read_;  // of a client that is traced; without a key
  bool entered_ = false;
  bool stopped_ = false;
};

}  // namespace cairn
