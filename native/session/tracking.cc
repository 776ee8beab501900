#include "session/tracking.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <utility>

#include "base/check.h"
#include "resp/errors.h"
#include "session/subscriptions.h"

namespace cairn {

namespace {

// *1 $n key, in RESP; of anything with a key.
template <typename Changes>
std::string KeysBody(const Changes& changes) {
  std::string body = "*" + std::to_string(changes.size()) + "\r\n";
  for (const auto& change : changes) {
    body.append("$").append(std::to_string(change.key.size())).append("\r\n");
    body.append(change.key).append("\r\n");
  }
  return body;
}

Message Told(std::string keys, uint64_t by) {
  Message message;
  message.kind = ChannelKind::kInvalidation;
  message.body = std::move(keys);
  message.by = by;
  return message;
}

bool Overlap(std::string_view a, std::string_view b) {
  return a.starts_with(b) || b.starts_with(a);
}

// An error text, or empty: none of them begins with another one, or with one it has already.
std::string PrefixError(const TrackingState* now, std::span<const std::string_view> prefixes) {
  for (size_t i = 0; i < prefixes.size(); ++i) {
    for (const std::string& known : now != nullptr ? now->prefixes : std::vector<std::string>()) {
      if (Overlap(prefixes[i], known))
        return errors::PrefixOverlap(prefixes[i], "an existing", known);
    }
    for (size_t j = i + 1; j < prefixes.size(); ++j) {
      if (Overlap(prefixes[i], prefixes[j]))
        return errors::PrefixOverlap(prefixes[i], "another provided", prefixes[j]);
    }
  }
  return {};
}

std::string_view OptionsError(const TrackingState* now, const TrackingOptions& options) {
  if (!options.bcast && !options.prefixes.empty()) return errors::kTrackingPrefix;
  if (now != nullptr && now->bcast != options.bcast) return errors::kTrackingSwitchBcast;
  if (options.bcast && (options.optin || options.optout)) return errors::kTrackingOptBcast;
  if (options.optin && options.optout) return errors::kTrackingBothOpts;
  if (now != nullptr && ((options.optin && now->optout) || (options.optout && now->optin)))
    return errors::kTrackingSwitchOpt;
  return {};
}

}  // namespace

std::string Tracking::TurnOn(Connection* conn, const TrackingOptions& options) {
  const TrackingState* const now = conn->tracking.get();
  if (std::string_view error = OptionsError(now, options); !error.empty())
    return std::string(error);
  if (options.bcast) {
    if (std::string error = PrefixError(now, options.prefixes); !error.empty()) return error;
  }
  const ClientRef self = RefOf(*conn);
  if (now == nullptr) {
    conn->tracking = std::make_unique<TrackingState>();
    table_->AddClient(self);
  }
  TrackingState& state = *conn->tracking;
  state.bcast = options.bcast;
  state.optin = options.optin;
  state.optout = options.optout;
  state.noloop = options.noloop;
  state.redirect = options.redirect;
  state.broken = false;
  if (!options.bcast) return {};
  std::vector<std::string_view> prefixes = options.prefixes;
  if (prefixes.empty()) prefixes.emplace_back();
  for (const std::string_view prefix : prefixes) {
    if (std::find(state.prefixes.begin(), state.prefixes.end(), prefix) != state.prefixes.end())
      continue;
    if (!table_->AddPrefix(prefix, self)) return std::string(errors::kTrackingTooMany);
    const auto place = std::upper_bound(state.prefixes.begin(), state.prefixes.end(), prefix);
    state.prefixes.emplace(place, prefix);
  }
  return {};
}

void Tracking::TurnOff(Connection* conn) {
  if (conn->tracking == nullptr) return;
  const ClientRef self = RefOf(*conn);
  for (const std::string& prefix : conn->tracking->prefixes) table_->RemovePrefix(prefix, self);
  table_->RemoveClient(self);
  conn->tracking.reset();
}

void Tracking::NextCommand(Connection* conn, const Command& command) {
  if (conn->multi != nullptr) return;  // an EXEC is one
  Caching& caching = conn->tracking->caching;
  if (caching == Caching::kNow) {
    caching = Caching::kUnset;
  } else if (caching == Caching::kNext && !command.name.starts_with("client|")) {
    caching = Caching::kNow;
  }
}

bool Tracking::Follows(const Connection& conn) {
  const TrackingState* const state = conn.tracking.get();
  if (state == nullptr || state->bcast) return false;
  const bool named = state->caching == Caching::kNow;
  if (state->optin) return named;
  return !(state->optout && named);
}

void Tracking::Read(const Connection& conn, const Command& command,
                    std::span<const std::string_view> argv) {
  if (!command.Is(kCmdReadOnly) || command.Is(kCmdScript) || !Follows(conn)) return;
  const ClientRef self = RefOf(conn);
  TxnControl::ForEachKey(argv, command.spec.keys(), [&](std::string_view key) {
    table_->Remember(key, self, KeysMax(), &evicted_);
  });
  TellEvicted();
}

void Tracking::Trace(std::span<const KeyTrace> trace, uint64_t by) {
  if (table_->prefix_version() != prefix_version_) {
    prefix_version_ = table_->prefix_version();
    prefixes_ = table_->Prefixes();
  }
  for (const KeyTrace& one : trace) {
    if (one.kind == KeyTrace::Kind::kRead) {
      CAIRN_CHECK(reader_.id == by, "who tells of what was read says who has");
      table_->Remember(one.key, reader_, KeysMax(), &evicted_);
    } else if (one.kind == KeyTrace::Kind::kWhole) {
      table_->Clear();
      TellAll();
    } else {
      TellReaders({one.key, one.kind == KeyTrace::Kind::kExpired ? 0 : by});
    }
  }
  if (!changes_.empty()) TellPrefixes();
  TellEvicted();
}

void Tracking::TellReaders(const Change& change) {
  if (prefixes_ != nullptr && !prefixes_->empty()) changes_.push_back(change);
  clients_.clear();
  table_->Take(change.key, &clients_);
  if (!clients_.empty()) Send(clients_, Told(KeysBody(std::span(&change, 1)), change.by));
}

// One message for each prefix has all keys of the pass, and one more those that have expired in it,
// which clients with NOLOOP are told of as well. Each key once, by whom it was changed last.
void Tracking::TellPrefixes() {
  std::reverse(changes_.begin(), changes_.end());
  std::stable_sort(changes_.begin(), changes_.end(),
                   [](const Change& a, const Change& b) { return a.key < b.key; });
  changes_.erase(std::unique(changes_.begin(), changes_.end(),
                             [](const Change& a, const Change& b) { return a.key == b.key; }),
                 changes_.end());
  std::vector<Change> named;
  for (const TrackedPrefix& prefix : *prefixes_) {
    auto at = std::lower_bound(
        changes_.begin(), changes_.end(), prefix.text,
        [](const Change& change, std::string_view text) { return change.key < text; });
    auto end = at;
    while (end != changes_.end() && end->key.starts_with(prefix.text)) ++end;
    for (const bool expired : {false, true}) {
      named.clear();
      std::copy_if(at, end, std::back_inserter(named),
                   [expired](const Change& change) { return (change.by == 0) == expired; });
      if (named.empty()) continue;
      Message told = Told(KeysBody(named), named[0].by);
      told.broadcast = true;
      Send(prefix.clients, told);
    }
  }
  changes_.clear();
}

void Tracking::TellEvicted() {
  for (const TrackingTable::Evicted& gone : evicted_) {
    const Change change{gone.key, 0};
    Send(gone.clients, Told(KeysBody(std::span(&change, 1)), 0));
  }
  evicted_.clear();
}

// Whoever flushes is told himself, in spite of NOLOOP.
void Tracking::TellAll() { Send(table_->Clients(), Told({}, 0)); }

void Tracking::Tick() {
  table_->FreeSome();
  const uint64_t keys_max = KeysMax();
  if (keys_max == 0 || CAIRN_LIKELY(table_->keys() <= keys_max)) return;
  table_->EvictSome(keys_max, &evicted_);
  TellEvicted();
}

void Tracking::Send(std::span<const ClientRef> clients, const Message& text) {
  std::vector<uint32_t> done;
  for (size_t i = 0; i < clients.size(); ++i) {
    const uint32_t reactor = clients[i].reactor;
    if (std::find(done.begin(), done.end(), reactor) != done.end()) continue;
    done.push_back(reactor);
    const auto message = std::make_shared<Message>(text);
    std::copy_if(clients.begin() + static_cast<std::ptrdiff_t>(i), clients.end(),
                 std::back_inserter(message->clients),
                 [reactor](const ClientRef& client) { return client.reactor == reactor; });
    if (!subscriptions_->publisher()->Send(reactor, message)) table_->NoteLost();
  }
}

void Tracking::Deliver(const MessagePtr& message) {
  for (const ClientRef& client : message->clients) {
    Connection* const conn = context_.host->FindConnection(
        static_cast<uint32_t>(client.token >> 32), static_cast<uint32_t>(client.token));
    if (conn == nullptr || conn->id != client.id || conn->closed || conn->close_after_reply)
      continue;
    if (message->kind == ChannelKind::kRedirected) {
      Invalidate(conn, *message);
      continue;
    }
    const TrackingState* const state = conn->tracking.get();
    if (state == nullptr || (state->noloop && message->by == conn->id)) continue;
    // What it had read before it changed to BCAST is none of its keys any more.
    if (!message->body.empty() && message->broadcast != state->bcast) continue;
    if (state->redirect != 0) {
      Redirect(conn, *message);
    } else if (conn->resp >= 3) {
      Invalidate(conn, *message);
    }
  }
}

// RESP2 has it as a message, which only who listens can tell from a reply.
void Tracking::Invalidate(Connection* conn, const Message& message) {
  if (conn->resp < 3 && conn->subscriber == nullptr) return;
  ReplyWriter out(&frame_, conn->resp);
  if (conn->resp >= 3) {
    out.PushHeader(2);
    out.Bulk("invalidate");
  } else {
    out.ArrayHeader(3);
    out.Bulk("message");
    out.Bulk("__redis__:invalidate");
  }
  message.body.empty() ? out.Null() : out.Raw(message.body);
  Push(conn);
}

void Tracking::Redirect(Connection* conn, const Message& message) {
  const uint64_t to = conn->tracking->redirect;
  if (const auto place = context_.shared->directory.Find(to)) {
    const ClientRef target{to, place->token, place->reactor};
    Message told = Told(message.body, 0);
    told.kind = ChannelKind::kRedirected;
    return Send({&target, 1}, told);
  }
  conn->tracking->broken = true;
  if (conn->resp < 3) return;
  ReplyWriter out(&frame_, conn->resp);
  out.PushHeader(2);
  out.Bulk("tracking-redir-broken");
  out.Integer(static_cast<int64_t>(to));
  Push(conn);
}

void Tracking::Push(Connection* conn) {
  if (!replies_->PushAhead(conn, frame_.view())) conn->turn.Append(frame_.view());
  frame_.Clear();
  subscriptions_->Grown(conn);
}

}  // namespace cairn
