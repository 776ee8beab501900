#include "addon/bells.h"

#include <cstring>
#include <string>
#include <vector>

#include "addon/convert.h"

namespace cairn::addon {

namespace {

constexpr const char* kLevels[] = {"debug", "info", "warn", "error"};

Napi::Object RequestOf(Napi::Env env, const ControlMessage& message, size_t offset) {
  Napi::Object request = Napi::Object::New(env);
  request["token"] = N(env, message.token);
  request["reactor"] = N(env, message.reactor);
  request["clientId"] = N(env, message.client_id);
  request["db"] = N(env, message.db);
  request["resp"] = N(env, message.resp);
  request["name"] = Bytes(env, message.name);
  request["user"] = Bytes(env, message.user);
  request["inMulti"] = Napi::Boolean::New(env, message.in_multi);
  request["offset"] = N(env, offset);
  request["length"] = N(env, message.frame.size());
  if (message.keyspace != nullptr) {
    request["keyspace"] = ListOf(env, *message.keyspace, [env](const DatabaseKeys& figures) {
      Napi::Object row = Napi::Object::New(env);
      row["db"] = N(env, figures.db);
      row["keys"] = N(env, figures.keys);
      row["expires"] = N(env, figures.expires);
      return row;
    });
  }
  return request;
}

// One buffer for all frames: a buffer costs more than copying a short command.
Napi::Object BatchOf(Napi::Env env, const std::vector<ControlMessage>& batch) {
  size_t bytes = 0;
  for (const ControlMessage& message : batch) bytes += message.frame.size();
  Napi::Buffer<char> frames = Napi::Buffer<char>::New(env, bytes);
  size_t offset = 0;
  Napi::Object out = Napi::Object::New(env);
  out["requests"] = ListOf(env, batch, [&](const ControlMessage& message) {
    std::memcpy(frames.Data() + offset, message.frame.data(), message.frame.size());
    const Napi::Object request = RequestOf(env, message, offset);
    offset += message.frame.size();
    return request;
  });
  out["frames"] = frames;
  return out;
}

Napi::Object BatchOf(Napi::Env env, const std::vector<LogEntry>& batch, uint64_t dropped) {
  Napi::Object out = Napi::Object::New(env);
  out["entries"] = ListOf(env, batch, [env](const LogEntry& logged) {
    Napi::Object entry = Napi::Object::New(env);
    entry["level"] = kLevels[logged.level & 3];
    entry["message"] = logged.message;
    entry["timeMs"] = N(env, logged.time_ms);
    return entry;
  });
  out["dropped"] = N(env, dropped);
  return out;
}

}  // namespace

void Bells::OnControl(Napi::Env env, const Napi::Function& callback) {
  control_ = std::make_shared<Bell>(
      env, callback, "cairn-control", [plane = plane_](Napi::Env env, Napi::Function callback) {
        const std::vector<ControlMessage> batch = plane->server.TakeControl();
        if (!batch.empty()) callback.Call({BatchOf(env, batch)});
      });
  Connect(env);
}

void Bells::OnLog(Napi::Env env, const Napi::Function& callback) {
  log_ = std::make_shared<Bell>(
      env, callback, "cairn-log", [plane = plane_](Napi::Env env, Napi::Function callback) {
        uint64_t dropped = 0;
        const std::vector<LogEntry> batch = plane->server.TakeLog(&dropped);
        if (!batch.empty()) callback.Call({BatchOf(env, batch, dropped)});
      });
  Connect(env);
}

void Bells::Connect(Napi::Env env) {
  auto ring = [](const std::shared_ptr<Bell>& bell) -> std::function<void()> {
    if (bell == nullptr) return nullptr;
    return [bell] { bell->Ring(); };
  };
  plane_->server.SetNotify(ring(control_), ring(log_));
  // Hooks run last in, first out: this one before those with which Node tears the bells down.
  // Reactors may still run then.
  env.AddCleanupHook([weak = std::weak_ptr<DataPlane>(plane_)] {
    if (auto plane = weak.lock()) plane->server.SetNotify(nullptr, nullptr);
  });
}

void GiveReplies(Server* server, const Napi::Array& items) {
  for (uint32_t i = 0; i < items.Length(); ++i) {
    const Napi::Object item = static_cast<Napi::Value>(items.Get(i)).As<Napi::Object>();
    server->ControlReply(static_cast<uint32_t>(U64(item, "reactor")), U64(item, "token"),
                         Str(item, "data"), U64(item, "usec"));
  }
}

}  // namespace cairn::addon
