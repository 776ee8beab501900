#include "session/gate.h"

#include <utility>

#include "base/text.h"
#include "resp/errors.h"
#include "session/client_line.h"
#include "session/session_commands.h"

namespace cairn {

using acl::Denial;
using acl::Denied;
using acl::LogEntry;
using acl::Login;

void Gate::Begin(Shared* shared, Connection* conn) {
  conn->authenticated = shared->users.default_open();
  conn->login = {};
  conn->login.account = shared->users.DefaultAccount();
  shared->users.Refresh(&conn->login, conn->authenticated);
  conn->parser.SetAuthenticated(conn->authenticated);
}

void Gate::Refresh(Connection* conn) {
  acl::Users& users = context_.shared->users;
  Login& login = conn->login;
  if (login.account == nullptr) login.account = users.DefaultAccount();
  users.Refresh(&login, conn->authenticated);
  if (login.state == Login::State::kIn) conn->parser.SetAuthenticated(true);
}

bool Gate::LogIn(Connection* conn, std::string_view command, std::string_view user,
                 std::string_view password) {
  Shared* const shared = context_.shared;
  std::shared_ptr<acl::Account> account = shared->users.Authenticate(user, password);
  if (account == nullptr) {
    context_.counters->auth_failures.Add(1);
    shared->throttle.Failed(conn->addr, context_.now_ms);
    LogEntry entry = EntryOf(
        *conn, {Denied::kCommand, command},
        conn->exec_run != nullptr ? LogEntry::Context::kMulti : LogEntry::Context::kTopLevel,
        context_.now_ms);
    entry.reason = LogEntry::Reason::kAuth;
    entry.user = user;
    shared->acl_log.Add(std::move(entry), context_.now_ms);
    return false;
  }
  conn->authenticated = true;
  conn->login.account = std::move(account);
  Refresh(conn);
  return true;
}

uint64_t Gate::LoginDelay(const Connection& conn) {
  return context_.shared->throttle.DelayMillis(conn.addr, context_.now_ms);
}

bool Gate::LoggedIn(Connection* conn) {
  if (!Open(*conn)) Refresh(conn);
  return conn->login.state == Login::State::kIn;
}

std::string Gate::Ask(Connection* conn, const Command& command,
                      std::span<const std::string_view> argv) {
  Login& login = conn->login;
  if (CAIRN_UNLIKELY(login.generation != context_.shared->users.generation())) {
    bool at_once = false;
    if (Review(conn, &at_once)) {
      (at_once ? conn->closed : conn->close_after_reply) = true;
      context_.host->FlushSoon(conn);
      return {};
    }
    if (login.free()) return {};
  }
  if (login.state == Login::State::kOut) {
    return command.Is(kCmdNoAuth) ? std::string() : std::string(errors::kNoAuth);
  }
  const Denial denial = judge_.Ask(*login.user, command, argv);
  if (CAIRN_LIKELY(denial.allowed()))
    return std::string(acl::Judge::WhyNotUnnamed(*login.user, command, argv));
  const auto place =
      conn->multi != nullptr ? LogEntry::Context::kMulti : LogEntry::Context::kTopLevel;
  context_.shared->acl_log.Add(EntryOf(*conn, denial, place, context_.now_ms), context_.now_ms);
  if (denial.what == Denied::kKey) return std::string(errors::kNoPermKey);
  if (denial.what == Denied::kChannel) return std::string(errors::kNoPermChannel);
  return errors::NoPermCommand(command.name);
}

std::vector<ExecDenial> Gate::Foresee(Connection* conn, std::span<const QueuedCommand> queue) {
  acl::Users& users = context_.shared->users;
  bool logs_in = false;
  for (const QueuedCommand& queued : queue) logs_in |= queued.command->Is(kCmdNoAuth);
  if (Open(*conn) && !logs_in) return {};
  if (!Open(*conn)) Refresh(conn);
  Login login = conn->login;
  std::vector<ExecDenial> denials(queue.size());
  bool any = false;
  for (size_t i = 0; i < queue.size(); ++i) {
    const QueuedCommand& queued = queue[i];
    const std::span<const std::string_view> argv = queued.argv;
    if (!login.free()) {
      denials[i] = {judge_.Ask(*login.user, *queued.command, argv), login.user->name()};
      any |= !denials[i].denial.allowed();
    }
    if (!queued.command->Is(kCmdNoAuth)) continue;
    const Credentials given = CredentialsOf(*queued.command, argv);
    if (!given.any || LoginDelay(*conn) != 0) continue;
    if (auto account = users.Authenticate(given.user, given.password)) {
      login.account = std::move(account);
      users.Refresh(&login, true);
    }
  }
  if (!any) denials.clear();
  return denials;
}

std::string_view Gate::ExecText(Denied denied) {
  if (denied == Denied::kKey) return errors::kExecNoPermKey;
  return denied == Denied::kChannel ? errors::kExecNoPermChannel : errors::kExecNoPermCommand;
}

void Gate::LogExec(const Connection& conn, const ExecDenial& denial) {
  LogEntry entry = EntryOf(conn, denial.denial, LogEntry::Context::kMulti, context_.now_ms);
  entry.user = denial.user;
  context_.shared->acl_log.Add(std::move(entry), context_.now_ms);
}

Denial Gate::AskInScript(const Connection& conn, const Command& command,
                         std::span<const std::string_view> argv) {
  if (conn.login.free()) return {};
  return judge_.Ask(*conn.login.user, command, argv);
}

LogEntry Gate::EntryOf(const Connection& conn, const Denial& denial, LogEntry::Context context,
                       uint64_t now_ms) {
  LogEntry entry;
  switch (denial.what) {
    case Denied::kKey:
      entry.reason = LogEntry::Reason::kKey;
      break;
    case Denied::kChannel:
      entry.reason = LogEntry::Reason::kChannel;
      break;
    default:
      entry.reason = LogEntry::Reason::kCommand;
  }
  entry.context = context;
  entry.object = denial.object;
  if (conn.login.user != nullptr) entry.user = conn.login.user->name();
  entry.client = ClientLine(conn, now_ms);
  return entry;
}

bool Gate::KeepsSubscriptions(const Connection& conn) {
  const acl::User& user = *conn.login.user;
  for (const Topic topic : {Topic::kChannel, Topic::kPattern, Topic::kShardChannel}) {
    for (const auto& [name, subscription] : conn.subscriber->topics[static_cast<size_t>(topic)]) {
      if (!acl::MayListen(user, name, topic == Topic::kPattern)) return false;
    }
  }
  return true;
}

bool Gate::Review(Connection* conn, bool* at_once) {
  if (conn->login.generation == context_.shared->users.generation()) return false;
  const std::shared_ptr<const acl::User> before = conn->login.user;
  Refresh(conn);
  const bool waits =
      conn->stall == Connection::kBlocked || conn->stall == Connection::kWaitsForPause;
  const bool listens = conn->subscriber != nullptr;
  if (conn->login.state == Login::State::kGone) {
    *at_once = waits || listens || conn->monitor || conn->tracking != nullptr;
    return true;
  }
  if (before == conn->login.user || !listens || KeepsSubscriptions(*conn)) return false;
  *at_once = true;
  return true;
}

}  // namespace cairn
