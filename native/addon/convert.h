// Plain values between JavaScript and C++. Main thread only; a value of the wrong kind throws a
// JavaScript error that names it.
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cairn::addon {

// Doubles are exact up to 2^53; what is beyond 2^64 saturates. Negative and NaN throw.
uint64_t U64(const Napi::Value& value, const char* name);
double Num(const Napi::Object& object, const char* name);
uint64_t U64(const Napi::Object& object, const char* name);
// Strings cross as bytes, one char (U+0000 to U+00FF) for each: nothing of what a client or a
// configuration says is lost, UTF-8 or not. Text for an operator alone (log, messages of errors,
// findings) crosses as UTF-8, which is what Napi makes of a std::string.
Napi::String Bytes(Napi::Env env, std::string_view bytes);
std::string BytesOf(const Napi::Value& value);
std::string Str(const Napi::Object& object, const char* name);
bool Flag(const Napi::Object& object, const char* name);
// Empty for anything but an array.
std::vector<std::string> Strings(const Napi::Value& value);

inline Napi::Value N(Napi::Env env, uint64_t value) {
  return Napi::Number::New(env, static_cast<double>(value));
}

// An array of convert(item) for each item of a range.
template <typename Range, typename Convert>
Napi::Array ListOf(Napi::Env env, const Range& items, Convert convert) {
  Napi::Array list = Napi::Array::New(env);
  uint32_t at = 0;
  for (const auto& item : items) list[at++] = convert(item);
  return list;
}

}  // namespace cairn::addon
