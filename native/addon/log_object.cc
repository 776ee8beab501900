#include "addon/log_object.h"

#include "addon/convert.h"

namespace cairn::addon {

Napi::Value LogObject::Open(const Napi::CallbackInfo& info) {
  const Napi::Function made = DefineClass(info.Env(), "LogSink",
                                          {
                                              InstanceMethod<&LogObject::Write>("write"),
                                              InstanceMethod<&LogObject::Reopen>("reopen"),
                                              InstanceMethod<&LogObject::Flush>("flush"),
                                          });
  return made.New({info[0], info[1]});
}

LogObject::LogObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<LogObject>(info) {
  const auto style =
      info[1].ToBoolean().Value() ? LogSink::Style::kJson : LogSink::Style::kReadable;
  auto sink = info[0].IsNumber() ? LogSink::OverDescriptor(info[0].ToNumber().Int32Value(), style)
                                 : LogSink::OverFile(BytesOf(info[0]), style);
  if (!sink.ok()) throw Napi::Error::New(info.Env(), sink.status().message());
  sink_ = std::move(sink.value());
}

Napi::Value LogObject::Write(const Napi::CallbackInfo& info) {
  sink_->Write(info[0].ToString().Utf8Value());
  return info.Env().Undefined();
}

Napi::Value LogObject::Reopen(const Napi::CallbackInfo& info) {
  sink_->Reopen();
  return info.Env().Undefined();
}

Napi::Value LogObject::Flush(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), sink_->Flush(info[0].ToNumber().Uint32Value()));
}

}  // namespace cairn::addon
