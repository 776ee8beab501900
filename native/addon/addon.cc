// The face of the data plane towards Node: src/native.ts declares it, this folder implements it,
// and nothing else under native/ knows Node. Thin: it converts values and moves calls to where they
// belong.
//
// Rules kept here: synchronous functions only read or set atomics; what blocks runs in libuv's pool
// (async.h) and settles a promise. Reactor threads never touch JavaScript: they fill bounded queues
// and ring a bell (bell.h).
#include <napi.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "addon/async.h"
#include "addon/command_rows.h"
#include "addon/convert.h"
#include "addon/log_object.h"
#include "addon/native_server.h"
#include "addon/options.h"
#include "addon/reports.h"
#include "session/session_handlers.h"

namespace cairn::addon {

namespace {

Napi::Value CreateServer(const Napi::CallbackInfo& info) {
  return info.Env().GetInstanceData<Napi::FunctionReference>()->New({info[0]});
}

Napi::Value CommandTable(const Napi::CallbackInfo& info) {
  Registry registry;
  AddSessionCommands(&registry);
  return RowsOf(info.Env(), registry);
}

Napi::Value CheckDir(const Napi::CallbackInfo& info) {
  auto findings = std::make_shared<CheckFindings>();
  return Async::Run(
      info.Env(),
      [dir = BytesOf(info[0]), findings] { return CheckDirectory(dir, findings.get()); },
      [findings](Napi::Env env) { return ReportOf(env, *findings); });
}

// process.exit() waits for all that runs in libuv's pool, as a start or a stop.
Napi::Value Leave(const Napi::CallbackInfo& info) { _exit(info[0].ToNumber().Int32Value()); }

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Napi::FunctionReference(Napi::Persistent(NativeServer::Define(env))));
  exports["createServer"] = Napi::Function::New(env, CreateServer);
  exports["commandTable"] = Napi::Function::New(env, CommandTable);
  exports["optionTable"] = Napi::Function::New(
      env, [](const Napi::CallbackInfo& info) { return OptionTableOf(info.Env()); });
  exports["engineNeeds"] = Napi::Function::New(
      env, [](const Napi::CallbackInfo& info) { return NeedsOf(info[0].As<Napi::Object>()); });
  exports["checkDir"] = Napi::Function::New(env, CheckDir);
  exports["openLog"] = Napi::Function::New(env, LogObject::Open);
  exports["leave"] = Napi::Function::New(env, Leave);
  return exports;
}

}  // namespace

NODE_API_MODULE(cairn, Init)

}  // namespace cairn::addon
