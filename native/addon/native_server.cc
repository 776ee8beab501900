#include "addon/native_server.h"

#include <malloc.h>

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "addon/async.h"
#include "addon/clients.h"
#include "addon/command_rows.h"
#include "addon/convert.h"
#include "addon/options.h"
#include "addon/reports.h"
#include "addon/stats.h"

namespace cairn::addon {

namespace {

// Runs a life call on a pool thread, alone. `done` runs on the main thread when it went well,
// before Running() can be true.
Napi::Value LifeCall(Napi::Env env, const std::shared_ptr<DataPlane>& plane,
                     std::function<Status(Server*)> call, std::function<void(DataPlane*)> done,
                     Async::Convert convert) {
  ++plane->life_calls;
  return Async::Run(
      env,
      [plane, call = std::move(call)] {
        std::unique_lock<std::shared_mutex> lock(plane->order);
        return call(&plane->server);
      },
      std::move(convert),
      [plane, done = std::move(done)](bool ok) {
        --plane->life_calls;
        if (!plane->server.is_open()) plane->open = false;  // also a reload may have ended it
        if (ok) done(plane.get());
      });
}

}  // namespace

Napi::Function NativeServer::Define(Napi::Env env) {
  using S = NativeServer;
  return DefineClass(env, "NativeServer",
                     {
                         InstanceMethod<&S::AddControlCommands>("addControlCommands"),
                         InstanceMethod<&S::OnControl>("onControl"),
                         InstanceMethod<&S::OnLog>("onLog"),
                         InstanceMethod<&S::Open>("open"),
                         InstanceMethod<&S::Listen>("listen"),
                         InstanceMethod<&S::Stop>("stop"),
                         InstanceMethod<&S::Reload>("reload"),
                         InstanceMethod<&S::IsOpen>("isOpen"),
                         InstanceMethod<&S::Sync>("sync"),
                         InstanceMethod<&S::RequestCheckpoint>("requestCheckpoint"),
                         InstanceMethod<&S::Checkpoint>("checkpoint"),
                         InstanceMethod<&S::EngineCommand>("engineCommand"),
                         InstanceMethod<&S::LoadUsers>("loadUsers"),
                         InstanceMethod<&S::DescribeUsers>("describeUsers"),
                         InstanceMethod<&S::Reply>("reply"),
                         InstanceMethod<&S::Counters>("counters"),
                         InstanceMethod<&S::Stats>("stats"),
                         InstanceMethod<&S::Histograms>("histograms"),
                         InstanceMethod<&S::ResetStats>("resetStats"),
                         InstanceMethod<&S::SetConfig>("setConfig"),
                         InstanceMethod<&S::Clients>("clients"),
                         InstanceMethod<&S::KillClients>("killClients"),
                         InstanceMethod<&S::PauseClients>("pauseClients"),
                         InstanceMethod<&S::UnpauseClients>("unpauseClients"),
                         InstanceMethod<&S::UnblockClient>("unblockClient"),
                         InstanceMethod<&S::SlowlogGet>("slowlogGet"),
                         InstanceMethod<&S::SlowlogReset>("slowlogReset"),
                         InstanceMethod<&S::LatencyEvents>("latencyEvents"),
                         InstanceMethod<&S::LatencyReset>("latencyReset"),
                         InstanceMethod<&S::PurgeMemory>("purgeMemory"),
                     });
}

NativeServer::NativeServer(Info info)
    : Napi::ObjectWrap<NativeServer>(info),
      plane_(std::make_shared<DataPlane>(OptionsOf(info[0].As<Napi::Object>()))),
      bells_(plane_) {}

// --- before the start ---

Napi::Value NativeServer::AddControlCommands(Info info) {
  AddRows(&plane_->server.shared().registry, "", info[0].As<Napi::Array>());
  plane_->server.shared().users.Begin();
  return info.Env().Undefined();
}

Napi::Value NativeServer::LoadUsers(Info info) {
  return addon::LoadUsers(info.Env(), &plane_->server, info[0].As<Napi::Array>());
}

Napi::Value NativeServer::DescribeUsers(Info info) {
  return ListOf(info.Env(), plane_->server.shared().users.Describe(),
                [env = info.Env()](const std::string& line) { return Bytes(env, line); });
}

Napi::Value NativeServer::OnControl(Info info) {
  bells_.OnControl(info.Env(), info[0].As<Napi::Function>());
  return info.Env().Undefined();
}

Napi::Value NativeServer::OnLog(Info info) {
  bells_.OnLog(info.Env(), info[0].As<Napi::Function>());
  return info.Env().Undefined();
}

// --- life ---

Napi::Value NativeServer::Recover(Napi::Env env, Result<RecoveryReport> (Server::*recover)()) {
  auto report = std::make_shared<RecoveryReport>();
  return LifeCall(
      env, plane_,
      [recover, report](Server* server) {
        auto result = (server->*recover)();
        if (result.ok()) *report = result.value();
        return result.status();
      },
      [report](DataPlane* plane) {
        plane->recovery = *report;
        plane->open = true;
      },
      [report](Napi::Env env) { return ReportOf(env, *report); });
}

Napi::Value NativeServer::Open(Info info) { return Recover(info.Env(), &Server::Open); }

Napi::Value NativeServer::Reload(Info info) { return Recover(info.Env(), &Server::Reload); }

Napi::Value NativeServer::Listen(Info info) {
  auto addresses = std::make_shared<std::vector<std::string>>();
  return LifeCall(
      info.Env(), plane_,
      [addresses](Server* server) {
        auto result = server->Listen();
        if (result.ok()) *addresses = result.value();
        return result.status();
      },
      [](DataPlane*) {},
      [plane = plane_, addresses](Napi::Env env) {
        Napi::Object out = Napi::Object::New(env);
        out["port"] = N(env, plane->server.options().port);
        out["maxclients"] = N(env, plane->server.shared().options.maxclients.load());
        out["addresses"] = ListOf(env, *addresses, [env](const std::string& address) {
          return Napi::String::New(env, address);
        });
        return out;
      });
}

Napi::Value NativeServer::Stop(Info info) {
  (void)plane_->Look();  // the last figures, for who asks later
  plane_->open = false;
  plane_->server.RequestStop();  // an Open under way holds the order
  return LifeCall(
      info.Env(), plane_,
      [checkpoint = info[0].IsUndefined() || info[0].ToBoolean().Value()](Server* server) {
        return server->Stop(checkpoint);
      },
      [](DataPlane* plane) { plane->open = false; }, Async::Undefined);
}

Napi::Value NativeServer::IsOpen(Info info) { return Napi::Boolean::New(info.Env(), plane_->open); }

Napi::Value NativeServer::Sync(Info info) {
  return Async::Run(
      info.Env(),
      [plane = plane_] {
        std::shared_lock<std::shared_mutex> lock(plane->order);
        return plane->server.Sync();
      },
      Async::Undefined);
}

// --- checkpoints, commands of the engine ---

void NativeServer::RequireRunning(Napi::Env env, const std::string& what) const {
  if (plane_->Running()) return;
  throw Napi::Error::New(env, what + " while the server starts or stops");
}

Napi::Value NativeServer::RequestCheckpoint(Info info) {
  RequireRunning(info.Env(), "there are no checkpoints");
  return N(info.Env(), plane_->server.engine().RequestSave());
}

Napi::Value NativeServer::Checkpoint(Info info) {
  if (!plane_->Running()) return CheckpointOf(info.Env(), plane_->Look().save);
  return CheckpointOf(info.Env(), plane_->server.engine().Saves());
}

Napi::Value NativeServer::EngineCommand(Info info) {
  RequireRunning(info.Env(), "the engine takes no commands");
  auto words = std::make_shared<std::vector<std::string>>(Strings(info[0]));
  auto reply = std::make_shared<std::string>();
  return Async::Run(
      info.Env(),
      [plane = plane_, words, reply] {
        std::shared_lock<std::shared_mutex> lock(plane->order);
        if (!plane->server.is_open()) return Status(Code::kBusy, "the engine is not open");
        const std::vector<std::string_view> views(words->begin(), words->end());
        return plane->server.engine().Command(views, reply.get());
      },
      [reply](Napi::Env env) { return Bytes(env, *reply); });
}

Napi::Value NativeServer::Reply(Info info) {
  GiveReplies(&plane_->server, info[0].As<Napi::Array>());
  return info.Env().Undefined();
}

// --- figures, options ---

Napi::Value NativeServer::Counters(Info info) { return CountersOf(info.Env(), plane_.get()); }

Napi::Value NativeServer::Stats(Info info) { return StatsOf(info.Env(), plane_.get()); }

Napi::Value NativeServer::Histograms(Info info) { return HistogramsOf(info.Env(), plane_.get()); }

Napi::Value NativeServer::ResetStats(Info info) {
  plane_->figures.Reset(plane_->Running());
  return addon::ResetCounters(info.Env(), plane_);
}

Napi::Value NativeServer::SetConfig(Info info) {
  const std::string name = info[0].ToString().Utf8Value();
  RequireRunning(info.Env(), "'" + name + "' cannot be changed");
  ApplyRuntime(&plane_->server, info.Env(), name, BytesOf(info[1]));
  return info.Env().Undefined();
}

// --- clients ---

Napi::Value NativeServer::Clients(Info info) { return ListClients(info.Env(), plane_); }

Napi::Value NativeServer::KillClients(Info info) {
  return addon::KillClients(info.Env(), plane_, info[0].As<Napi::Object>());
}

Napi::Value NativeServer::PauseClients(Info info) {
  const bool write = info[1].ToString().Utf8Value() == "write";
  plane_->server.Pause(U64(info[0], "untilMs"), write ? PauseMode::kWrite : PauseMode::kAll);
  return info.Env().Undefined();
}

Napi::Value NativeServer::UnpauseClients(Info info) {
  if (plane_->Running()) plane_->server.Unpause();
  return info.Env().Undefined();
}

Napi::Value NativeServer::UnblockClient(Info info) {
  const bool with_error = info[1].ToString().Utf8Value() == "error";
  return addon::UnblockClient(info.Env(), plane_, U64(info[0], "clientId"), with_error);
}

// --- slow log, latency, memory ---

Napi::Value NativeServer::SlowlogGet(Info info) {
  return SlowlogOf(info.Env(), &plane_->server.shared(), info[0].ToNumber().DoubleValue());
}

Napi::Value NativeServer::SlowlogReset(Info info) {
  plane_->server.shared().slowlog.Reset();
  return info.Env().Undefined();
}

Napi::Value NativeServer::LatencyEvents(Info info) {
  return LatencyEventsOf(info.Env(), &plane_->server.shared());
}

Napi::Value NativeServer::LatencyReset(Info info) {
  return N(info.Env(), plane_->server.shared().latency.Reset(Strings(info[0])));
}

Napi::Value NativeServer::PurgeMemory(Info info) {
  malloc_trim(0);
  return info.Env().Undefined();
}

}  // namespace cairn::addon
