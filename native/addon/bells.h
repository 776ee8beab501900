// The two streams from the reactors to JavaScript: control commands and log lines, each in batches
// (ControlBatch and NativeLogBatch of src/native.ts). The queues, with their bounds, are the
// server's. Main thread.
#pragma once

#include <napi.h>

#include <memory>

#include "addon/bell.h"
#include "addon/data_plane.h"

namespace cairn::addon {

class Bells {
 public:
  explicit Bells(std::shared_ptr<DataPlane> plane) : plane_(std::move(plane)) {}

  void OnControl(Napi::Env env, const Napi::Function& callback);
  void OnLog(Napi::Env env, const Napi::Function& callback);

 private:
  void Connect(Napi::Env env);

  std::shared_ptr<DataPlane> plane_;
  std::shared_ptr<Bell> control_;
  std::shared_ptr<Bell> log_;
};

// Hands TypeScript's replies (ControlReply) to the reactors that wait for them.
void GiveReplies(Server* server, const Napi::Array& items);

}  // namespace cairn::addon
