// Async: blocking work in libuv's pool, settled as a promise. `work` runs on a pool thread and must
// not touch JavaScript; what it finds it leaves in memory that `convert` shares. `settled` and
// `convert` run on the main thread.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <utility>

#include "base/status.h"

namespace cairn::addon {

class Async : public Napi::AsyncWorker {
 public:
  using Work = std::function<Status()>;
  using Convert = std::function<Napi::Value(Napi::Env)>;
  using Settled = std::function<void(bool ok)>;

  static Napi::Value Run(Napi::Env env, Work work, Convert convert, Settled settled = nullptr) {
    auto* self = new Async(env, std::move(work), std::move(convert), std::move(settled));
    Napi::Promise promise = self->deferred_.Promise();
    self->Queue();  // deletes itself when done
    return promise;
  }

  static Napi::Value Undefined(Napi::Env env) { return env.Undefined(); }

 private:
  Async(Napi::Env env, Work work, Convert convert, Settled settled)
      : Napi::AsyncWorker(env),
        deferred_(env),
        work_(std::move(work)),
        convert_(std::move(convert)),
        settled_(std::move(settled)) {}

  void Execute() override {
    const Status status = work_();
    if (!status.ok()) SetError(status.message());
  }
  void OnOK() override {
    if (settled_) settled_(true);
    deferred_.Resolve(convert_(Env()));
  }
  void OnError(const Napi::Error& error) override {
    if (settled_) settled_(false);
    deferred_.Reject(error.Value());
  }

  Napi::Promise::Deferred deferred_;
  Work work_;
  Convert convert_;
  Settled settled_;
};

}  // namespace cairn::addon
