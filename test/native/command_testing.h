// Commands and replies as bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cairn::testing {

using Argv = std::vector<std::string>;

inline const std::string kOk = "+OK\r\n";
inline const std::string kNil = "$-1\r\n";

inline std::string Bulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}
inline std::string Integer(int64_t n) { return ":" + std::to_string(n) + "\r\n"; }

inline std::string Frame(const Argv& argv) {
  std::string out = "*" + std::to_string(argv.size()) + "\r\n";
  for (const std::string& arg : argv) out += Bulk(arg);
  return out;
}

}  // namespace cairn::testing
