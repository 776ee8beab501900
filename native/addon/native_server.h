// NativeServer: the object behind the interface of that name in src/native.ts. Every method either
// reads or sets atomics, or hands blocking work to a pool thread and returns a promise.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <string>

#include "addon/bells.h"
#include "addon/data_plane.h"

namespace cairn::addon {

class NativeServer : public Napi::ObjectWrap<NativeServer> {
 public:
  static Napi::Function Define(Napi::Env env);

  explicit NativeServer(const Napi::CallbackInfo& info);

 private:
  using Info = const Napi::CallbackInfo&;

  Napi::Value AddControlCommands(Info info);
  Napi::Value LoadUsers(Info info);
  Napi::Value DescribeUsers(Info info);
  Napi::Value OnControl(Info info);
  Napi::Value OnLog(Info info);

  Napi::Value Open(Info info);
  Napi::Value Listen(Info info);
  Napi::Value Stop(Info info);
  Napi::Value Reload(Info info);
  Napi::Value IsOpen(Info info);
  Napi::Value Sync(Info info);

  Napi::Value RequestCheckpoint(Info info);
  Napi::Value Checkpoint(Info info);
  Napi::Value EngineCommand(Info info);

  Napi::Value Reply(Info info);

  Napi::Value Counters(Info info);
  Napi::Value Stats(Info info);
  Napi::Value Histograms(Info info);
  Napi::Value ResetStats(Info info);
  Napi::Value SetConfig(Info info);

  Napi::Value Clients(Info info);
  Napi::Value KillClients(Info info);
  Napi::Value PauseClients(Info info);
  Napi::Value UnpauseClients(Info info);
  Napi::Value UnblockClient(Info info);

  Napi::Value SlowlogGet(Info info);
  Napi::Value SlowlogReset(Info info);
  Napi::Value LatencyEvents(Info info);
  Napi::Value LatencyReset(Info info);
  Napi::Value PurgeMemory(Info info);

  // Throws unless the engine may be spoken to.
  void RequireRunning(Napi::Env env, const std::string& what) const;
  // Open and Reload: both recover the data directory.
  Napi::Value Recover(Napi::Env env, Result<RecoveryReport> (Server::*recover)());

  std::shared_ptr<DataPlane> plane_;
  Bells bells_;
};

}  // namespace cairn::addon
