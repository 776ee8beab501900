// CLIENT TRACKING, CACHING, TRACKINGINFO, GETREDIR.
#include "base/text.h"
#include "command/args.h"
#include "resp/errors.h"
#include "session/executor.h"
#include "session/session_commands.h"
#include "session/session_handlers.h"

namespace cairn {

namespace {

// False: answered.
bool ParseTracking(Call& call, TrackingOptions* options) {
  for (size_t at = 3; at < call.argv.size(); ++at) {
    const std::string_view word = call.argv[at];
    const bool more = at + 1 < call.argv.size();
    if (Is(word, "redirect") && more) {
      if (options->redirect != 0) return Refuse(call, errors::kTrackingRedirects);
      int64_t id;
      if (!IntegerArg(call, call.argv[++at], &id)) return false;
      Connection& conn = ConnectionOf(call);
      if (id <= 0 || !conn.executor->shared()->directory.Find(static_cast<uint64_t>(id)))
        return Refuse(call, errors::kTrackingRedirect);
      options->redirect = static_cast<uint64_t>(id);
    } else if (Is(word, "bcast")) {
      options->bcast = true;
    } else if (Is(word, "optin")) {
      options->optin = true;
    } else if (Is(word, "optout")) {
      options->optout = true;
    } else if (Is(word, "noloop")) {
      options->noloop = true;
    } else if (Is(word, "prefix") && more) {
      options->prefixes.push_back(call.argv[++at]);
    } else {
      return Refuse(call, errors::kSyntax);
    }
  }
  return true;
}

}  // namespace

void ClientTrackingCommand(Call& call) {
  Connection& conn = ConnectionOf(call);
  TrackingOptions options;
  if (!ParseTracking(call, &options)) return;
  Tracking* const tracking = conn.executor->tracking();
  if (Is(call.argv[2], "off")) {
    tracking->TurnOff(&conn);
    return call.reply.Ok();
  }
  if (!Is(call.argv[2], "on")) return call.reply.Error(errors::kSyntax);
  const std::string error = tracking->TurnOn(&conn, options);
  error.empty() ? call.reply.Ok() : call.reply.Error(error);
}

void ClientCachingCommand(Call& call) {
  TrackingState* const state = ConnectionOf(call).tracking.get();
  if (state == nullptr) return call.reply.Error(errors::kCachingMode);
  if (Is(call.argv[2], "yes")) {
    if (!state->optin) return call.reply.Error(errors::kCachingYes);
  } else if (Is(call.argv[2], "no")) {
    if (!state->optout) return call.reply.Error(errors::kCachingNo);
  } else {
    return call.reply.Error(errors::kSyntax);
  }
  state->caching = Caching::kNext;
  call.reply.Ok();
}

void ClientGetRedirCommand(Call& call) {
  const TrackingState* const state = ConnectionOf(call).tracking.get();
  call.reply.Integer(state == nullptr ? -1 : static_cast<int64_t>(state->redirect));
}

void ClientTrackingInfoCommand(Call& call) {
  const TrackingState* const state = ConnectionOf(call).tracking.get();
  std::vector<std::string_view> flags;
  flags.push_back(state == nullptr ? "off" : "on");
  if (state != nullptr) {
    const bool caching = state->caching != Caching::kUnset;
    if (state->bcast) flags.push_back("bcast");
    if (state->optin) flags.push_back("optin");
    if (state->optin && caching) flags.push_back("caching-yes");
    if (state->optout) flags.push_back("optout");
    if (state->optout && caching) flags.push_back("caching-no");
    if (state->noloop) flags.push_back("noloop");
    if (state->broken) flags.push_back("broken_redirect");
  }
  call.reply.MapHeader(3);
  call.reply.Bulk("flags");
  call.reply.SetHeader(flags.size());
  for (const std::string_view flag : flags) call.reply.Bulk(flag);
  call.reply.Bulk("redirect");
  call.reply.Integer(state == nullptr ? -1 : static_cast<int64_t>(state->redirect));
  call.reply.Bulk("prefixes");
  call.reply.ArrayHeader(state == nullptr ? 0 : state->prefixes.size());
  if (state == nullptr) return;
  for (const std::string& prefix : state->prefixes) call.reply.Bulk(prefix);
}

}  // namespace cairn
