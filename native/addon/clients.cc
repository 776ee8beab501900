#include "addon/clients.h"

#include <algorithm>
#include <functional>
#include <mutex>
#include <utility>

#include "addon/async.h"
#include "addon/convert.h"
#include "session/client_line.h"

namespace cairn::addon {

namespace {

KillFilter FilterOf(const Napi::Object& object) {
  KillFilter filter;
  auto text = [&object](const char* name, std::optional<std::string>* to) {
    if (object.Get(name).IsString()) *to = Str(object, name);
  };
  const Napi::Value ids = object.Get("ids");
  if (ids.IsArray()) {
    const Napi::Array list = ids.As<Napi::Array>();
    for (uint32_t i = 0; i < list.Length(); ++i) {
      filter.ids.push_back(U64(static_cast<Napi::Value>(list.Get(i)), "ids"));
    }
  }
  text("addr", &filter.addr);
  text("laddr", &filter.laddr);
  text("type", &filter.type);
  text("user", &filter.user);
  if (object.Get("maxAge").IsNumber())
    filter.max_age_s = static_cast<int64_t>(Num(object, "maxAge"));
  filter.skip_me = Flag(object, "skipMe");
  filter.caller = U64(object, "callerId");
  return filter;
}

Napi::Object RowOf(Napi::Env env, const ClientInfo& client) {
  Napi::Object row = Napi::Object::New(env);
  row["id"] = N(env, client.id);
  row["type"] = std::string(KindName(client.kind));
  row["line"] = Bytes(env, client.line);
  return row;
}

Napi::Object EntryOf(Napi::Env env, const SlowlogItem& item) {
  Napi::Object entry = Napi::Object::New(env);
  entry["id"] = N(env, item.id);
  entry["time"] = N(env, item.time_s);
  entry["usec"] = N(env, item.usec);
  entry["argv"] = ListOf(env, item.argv, [env](const std::string& arg) { return Bytes(env, arg); });
  entry["addr"] = Bytes(env, item.addr);
  entry["name"] = Bytes(env, item.name);
  return entry;
}

// Runs `ask` on a pool thread; no life call runs meanwhile.
template <typename Answer>
Napi::Value Ask(Napi::Env env, const Plane& plane, std::function<Answer(Server*)> ask,
                std::function<Napi::Value(Napi::Env, const Answer&)> convert) {
  auto answer = std::make_shared<Answer>();
  return Async::Run(
      env,
      [plane, answer, ask = std::move(ask)] {
        std::shared_lock<std::shared_mutex> lock(plane->order);
        *answer = ask(&plane->server);
        return Status::Ok();
      },
      [answer, convert = std::move(convert)](Napi::Env env) { return convert(env, *answer); });
}

}  // namespace

Napi::Value ListClients(Napi::Env env, const Plane& plane) {
  using Rows = std::vector<ClientInfo>;
  return Ask<Rows>(
      env, plane, [](Server* server) { return server->Clients(); },
      [](Napi::Env env, const Rows& rows) {
        return ListOf(env, rows, [env](const ClientInfo& client) { return RowOf(env, client); });
      });
}

Napi::Value KillClients(Napi::Env env, const Plane& plane, const Napi::Object& filter) {
  return Ask<uint64_t>(
      env, plane,
      [filter = FilterOf(filter)](Server* server) { return server->KillClients(filter); },
      [](Napi::Env env, const uint64_t& killed) { return N(env, killed); });
}

Napi::Value UnblockClient(Napi::Env env, const Plane& plane, uint64_t id, bool with_error) {
  return Ask<bool>(
      env, plane,
      [id, with_error](Server* server) { return server->UnblockClient(id, with_error); },
      [](Napi::Env env, const bool& done) { return Napi::Boolean::New(env, done); });
}

Napi::Value ResetCounters(Napi::Env env, const Plane& plane) {
  return Ask<bool>(
      env, plane,
      [](Server* server) {
        server->ResetStats();
        return true;
      },
      [](Napi::Env env, const bool&) { return env.Undefined(); });
}

Napi::Array SlowlogOf(Napi::Env env, Shared* shared, double count) {
  const size_t wanted = count < 0 ? SIZE_MAX : static_cast<size_t>(std::min(count, 1e15));
  return ListOf(env, shared->slowlog.Get(wanted),
                [env](const SlowlogItem& item) { return EntryOf(env, item); });
}

Napi::Array LoadUsers(Napi::Env env, Server* server, const Napi::Array& lines) {
  std::vector<acl::UserLine> users;
  for (uint32_t i = 0; i < lines.Length(); ++i) {
    const Napi::Object line = static_cast<Napi::Value>(lines.Get(i)).As<Napi::Object>();
    users.push_back({Str(line, "name"), Strings(line.Get("rules"))});
  }
  const std::vector<acl::LineError> wrong = server->shared().users.Load(users);
  if (wrong.empty()) server->UsersChanged();
  return ListOf(env, wrong, [env](const acl::LineError& error) {
    Napi::Object object = Napi::Object::New(env);
    object["line"] = N(env, error.line);
    object["reason"] = Bytes(env, error.reason);
    return object;
  });
}

Napi::Array LatencyEventsOf(Napi::Env env, Shared* shared) {
  return ListOf(env, shared->latency.Get(), [env](const auto& named) {
    Napi::Object event = Napi::Object::New(env);
    event["event"] = Bytes(env, named.first);
    event["maxMs"] = N(env, named.second.max_ms);
    event["samples"] = ListOf(env, named.second.samples, [env](const auto& measured) {
      Napi::Object sample = Napi::Object::New(env);
      sample["time"] = N(env, measured.first);
      sample["ms"] = N(env, measured.second);
      return sample;
    });
    return event;
  });
}

}  // namespace cairn::addon
