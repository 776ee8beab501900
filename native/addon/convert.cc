#include "addon/convert.h"

namespace cairn::addon {

double Num(const Napi::Object& object, const char* name) {
  Napi::Value value = object.Get(name);
  if (!value.IsNumber())
    throw Napi::TypeError::New(object.Env(), std::string(name) + " is not a number");
  return value.As<Napi::Number>().DoubleValue();
}

uint64_t U64(const Napi::Value& value, const char* name) {
  constexpr double kTwoTo64 = 18446744073709551616.0;
  if (!value.IsNumber())
    throw Napi::TypeError::New(value.Env(), std::string(name) + " is not a number");
  const double number = value.As<Napi::Number>().DoubleValue();
  if (!(number >= 0)) throw Napi::RangeError::New(value.Env(), std::string(name) + " is negative");
  return number >= kTwoTo64 ? UINT64_MAX : static_cast<uint64_t>(number);
}

uint64_t U64(const Napi::Object& object, const char* name) {
  return U64(static_cast<Napi::Value>(object.Get(name)), name);
}

Napi::String Bytes(Napi::Env env, std::string_view bytes) {
  napi_value value = nullptr;
  if (napi_create_string_latin1(env, bytes.data(), bytes.size(), &value) != napi_ok)
    throw Napi::Error::New(env);
  return Napi::String(env, value);
}

std::string BytesOf(const Napi::Value& value) {
  const Napi::String text = value.ToString();
  size_t length = 0;
  if (napi_get_value_string_latin1(value.Env(), text, nullptr, 0, &length) != napi_ok)
    throw Napi::Error::New(value.Env());
  std::string bytes(length + 1, '\0');  // a NUL is written behind it
  napi_get_value_string_latin1(value.Env(), text, bytes.data(), bytes.size(), &length);
  bytes.resize(length);
  return bytes;
}

std::string Str(const Napi::Object& object, const char* name) { return BytesOf(object.Get(name)); }

bool Flag(const Napi::Object& object, const char* name) { return object.Get(name).ToBoolean(); }

std::vector<std::string> Strings(const Napi::Value& value) {
  std::vector<std::string> out;
  if (!value.IsArray()) return out;
  const Napi::Array list = value.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); ++i) {
    out.push_back(BytesOf(list.Get(i)));
  }
  return out;
}

}  // namespace cairn::addon
