// Bell: reactor threads ring it, the main thread then runs `answer` with the JavaScript callback.
// Ringing neither waits nor touches JavaScript, and rings that arrive together may be answered
// together.
//
// A bell does not keep the process alive. It lasts as long as the environment; Server::SetNotify
// must have forgotten it before that ends (bells.cc has the hook), because Node frees what is
// behind it.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <utility>

namespace cairn::addon {

class Bell {
 public:
  using Answer = std::function<void(Napi::Env, Napi::Function callback)>;

  Bell(Napi::Env env, const Napi::Function& callback, const char* name, Answer answer)
      : function_(Napi::ThreadSafeFunction::New(env, callback, name, 0, 1)),
        answer_(std::make_shared<Answer>(std::move(answer))) {
    function_.Unref(env);
  }

  // Any thread. No bound is needed: who rings does so only when its queue was empty.
  void Ring() const {
    (void)function_.NonBlockingCall(
        [answer = answer_](Napi::Env env, Napi::Function callback) { (*answer)(env, callback); });
  }

 private:
  Napi::ThreadSafeFunction function_;
  std::shared_ptr<Answer> answer_;
};

}  // namespace cairn::addon
