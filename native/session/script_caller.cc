#include "session/script_caller.h"

#include <cstring>
#include <string>

#include "base/clock.h"
#include "resp/errors.h"
#include "session/executor.h"
#include "session/session_commands.h"

namespace cairn {

using script::AclAnswer;
using script::CallAnswer;
using script::LogLevel;
using script::Verdict;

ScriptCaller::ScriptCaller(const SessionContext& context, ::cairn::Call* call, const Script& script,
                           RunningScript* running, ScriptLedger* ledger)
    : context_(context),
      outer_(*call),
      conn_(ConnectionOf(*call)),
      script_(script),
      running_(running),
      ledger_(ledger),
      outer_db_(call->txn.db()),
      db_(outer_db_),
      begun_ns_(MonotonicNanos()) {
  running_->kill.store(false, std::memory_order_relaxed);
  running_->wrote.store(false, std::memory_order_relaxed);
}

ScriptCaller::~ScriptCaller() {
  if (entered_) context_.shared->running_scripts.Leave(running_);
  if (CAIRN_UNLIKELY(last_read_.has_value())) NoteDeclared();
  outer_.txn.set_db(outer_db_);
  outer_.txn.set_count_hits(false);
}

const Command* ScriptCaller::Resolve(std::span<const std::string_view> argv) const {
  const Command* command = context_.shared->registry.Find(argv[0]);
  if (command == nullptr || !command->Is(kCmdContainer) || argv.size() < 2) return command;
  return Registry::Subcommand(*command, argv[1]);
}

namespace {

// Those of the session and of TypeScript have no handler: the one would change what the pass cannot
// take back, the other would have to be waited for.
bool MayBeCalled(const Command& command) {
  return !command.Is(kCmdNoScript) && command.spec.handler != nullptr;
}

}  // namespace

std::string_view ScriptCaller::Denied(const Command& command,
                                      std::span<const std::string_view> argv) {
  Gate& gate = conn_.executor->gate();
  const acl::Denial denial = gate.AskInScript(conn_, command, argv);
  if (denial.allowed()) return acl::Judge::WhyNotUnnamed(*conn_.login.user, command, argv);
  ledger_->AddDenied(
      Gate::EntryOf(conn_, denial, acl::LogEntry::Context::kScript, context_.now_ms));
  if (denial.what == acl::Denied::kKey) return errors::kScriptNoPermKey;
  return denial.what == acl::Denied::kChannel ? errors::kScriptNoPermChannel
                                              : errors::kScriptNoPermCommand;
}

std::string_view ScriptCaller::Refusal(const Command& command) const {
  if (!MayBeCalled(command)) return errors::kNotFromScript;
  if (command.Is(kCmdWrite) && script_.read_only) return errors::kWriteInReadOnlyScript;
  if (command_bytes_ > kCommandBytesMax) return errors::kScriptMemory;
  return {};
}

CallAnswer ScriptCaller::Reject(const Command* command, std::string_view text, ReplyWriter& reply) {
  if (command != nullptr) ++ledger_->RowOf(*command).rejected;
  ledger_->AddError(text);
  reply.Error(text);
  return CallAnswer::kReplied;
}

bool ScriptCaller::Latched(const Command& command, std::span<const std::string_view> argv) {
  Txn& txn = outer_.txn;
  if (command.Is(kCmdWholeKeyspace | kCmdAllLatches)) return txn.NeedAllLatches();
  bool latched = true;
  ForEachKeyIndex(argv, command.spec.keys(), [&](size_t index) {
    if (!txn.NeedLatch(ShardOf(argv[index]))) latched = false;
  });
  return latched;
}

// What a pass is given must stay until its commit, and what Lua has given does not.
std::span<const std::string_view> ScriptCaller::Keep(std::span<const std::string_view> argv) {
  size_t bytes = argv.size() * sizeof(std::string_view);
  for (const std::string_view argument : argv) bytes += argument.size();
  command_bytes_ += bytes;
  char* memory = outer_.txn.Alloc(bytes);
  auto* kept = reinterpret_cast<std::string_view*>(memory);
  char* at = memory + argv.size() * sizeof(std::string_view);
  for (size_t i = 0; i < argv.size(); ++i) {
    if (!argv[i].empty()) std::memcpy(at, argv[i].data(), argv[i].size());
    new (&kept[i]) std::string_view(at, argv[i].size());
    at += argv[i].size();
  }
  return {kept, argv.size()};
}

CallAnswer ScriptCaller::Call(std::span<const std::string_view> argv, ReplyWriter& reply) {
  const Command* command = Resolve(argv);
  if (command == nullptr) return Reject(nullptr, errors::kUnknownInScript, reply);
  if (!command->ArityFits(argv.size())) return Reject(command, errors::kArityInScript, reply);
  if (CAIRN_UNLIKELY(!conn_.login.free()) && MayBeCalled(*command)) {
    if (const std::string_view why = Denied(*command, argv); !why.empty())
      return Reject(command, why, reply);
  }
  if (const std::string_view why = Refusal(*command); !why.empty())
    return Reject(command, why, reply);
  Txn& txn = outer_.txn;
  if (command->TouchesKeys()) {
    if (!Latched(*command, argv)) return CallAnswer::kSuspend;
    argv = Keep(argv);
  }
  if (command->Is(kCmdWrite)) running_->wrote.store(true, std::memory_order_relaxed);
  const uint64_t begun = __builtin_ia32_rdtsc();
  txn.set_db(db_);
  txn.set_count_hits(command->Is(kCmdReadOnly));
  const uint16_t conn_db = conn_.db;
  conn_.db = db_;
  ::cairn::Call call{argv, txn, reply, outer_.client, outer_.server, true};
  command->spec.handler(call);
  db_ = conn_.db;
  conn_.db = conn_db;
  if (txn.pending()) return CallAnswer::kSuspend;
  if (CAIRN_UNLIKELY(txn.traced()) && command->Is(kCmdReadOnly)) NoteReads(*command, argv);
  command_bytes_ += reply.out().size();
  Note(*command, argv, reply.out().view(), __builtin_ia32_rdtsc() - begun);
  return CallAnswer::kReplied;
}

// As in Redis 7.0 a command that reads stands for all keys of KEYS, and as in later ones for its
// own. The former count from the first such command to the last one: what was changed in between is
// told, and read again.
void ScriptCaller::NoteReads(const Command& command, std::span<const std::string_view> argv) {
  Txn& txn = outer_.txn;
  const bool first = !last_read_.has_value();
  last_read_ = txn.ReadNow({});
  if (first) NoteDeclared();
  ForEachKeyIndex(argv, command.spec.keys(), [&](size_t index) {
    txn.NoteRead(txn.ReadNow(argv[index]));
    command_bytes_ += sizeof(Txn::Read);
  });
}

void ScriptCaller::NoteDeclared() {
  const KeySpec declared{0, 0, 0, 2};
  Txn::Read read = *last_read_;
  ForEachKeyIndex(script_.argv, declared, [&](size_t index) {
    read.key = script_.argv[index];
    outer_.txn.NoteRead(read);
  });
}

void ScriptCaller::Note(const Command& command, std::span<const std::string_view> argv,
                        std::string_view reply, uint64_t ticks) {
  ScriptLedger::Called& row = ledger_->RowOf(command);
  ++row.calls;
  row.nanos += static_cast<uint64_t>(static_cast<double>(ticks) * context_.shared->nanos_per_tick);
  if (CAIRN_UNLIKELY(reply.starts_with('-'))) {
    ++row.failed;
    ledger_->AddError(reply.substr(1));
  }
  if (CAIRN_LIKELY(context_.shared->monitors.load(std::memory_order_relaxed) == 0)) return;
  for (const std::string_view argument : argv) ledger_->shown_bytes += argument.size() + 32;
  if (ledger_->shown_bytes > ScriptLedger::kShownBytesMax) return;
  ledger_->shown.push_back({&command, db_, {argv.begin(), argv.end()}});
}

AclAnswer ScriptCaller::CheckAcl(std::span<const std::string_view> argv) {
  const Command* const command = Resolve(argv);
  if (command == nullptr) return AclAnswer::kNoSuchCommand;
  Gate& gate = conn_.executor->gate();
  return gate.AskInScript(conn_, *command, argv).allowed() ? AclAnswer::kAllowed
                                                           : AclAnswer::kDenied;
}

void ScriptCaller::Log(LogLevel level, std::string_view text) {
  const int levels[] = {0, 0, 1, 2};  // of SessionHost::Log
  ledger_->AddLine(levels[static_cast<size_t>(level)], text);
}

void ScriptCaller::EnterLong(uint64_t now_ns) {
  if (now_ns - begun_ns_ < RunningScripts::kLongNanos) return;
  running_->function = script_.function;
  running_->name = script_.name;
  running_->command.assign(script_.argv.begin(), script_.argv.end());
  running_->since_ns = begun_ns_;
  context_.shared->running_scripts.Enter(running_);
  entered_ = true;
}

Verdict ScriptCaller::Tick(uint64_t) {
  const uint64_t now_ns = MonotonicNanos();
  if (!entered_) EnterLong(now_ns);
  if (entered_ && now_ns - served_ns_ >= kServeEveryNanos) {
    const uint64_t limit_ms = context_.shared->options.busy_reply_ms.load();
    const bool refuse = limit_ms != 0 && now_ns - begun_ns_ >= limit_ms * 1'000'000;
    context_.host->ServeOthers(&conn_, refuse ? Busy::kOthersAreRefused : Busy::kOthersWait);
    served_ns_ = MonotonicNanos();
  }
  stopped_ = context_.shared->running_scripts.stopping();
  return stopped_ || running_->kill.load(std::memory_order_relaxed) ? Verdict::kStop
                                                                    : Verdict::kGoOn;
}

}  // namespace cairn
