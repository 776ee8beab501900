// LogObject: a LogSink for JavaScript. See LogSink for what it promises.
#pragma once

#include <napi.h>

#include <memory>

#include "server/log_sink.h"

namespace cairn::addon {

class LogObject : public Napi::ObjectWrap<LogObject> {
 public:
  // openLog(target, json): target is a descriptor or an absolute path.
  static Napi::Value Open(const Napi::CallbackInfo& info);
  explicit LogObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value Write(const Napi::CallbackInfo& info);
  Napi::Value Reopen(const Napi::CallbackInfo& info);
  Napi::Value Flush(const Napi::CallbackInfo& info);

  std::unique_ptr<LogSink> sink_;
};

}  // namespace cairn::addon
