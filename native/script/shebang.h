// The first line of a script ("#!lua flags=no-writes,allow-oom") or of a library of functions
// ("#!lua name=mylib"), with Redis's error texts. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cairn::script {

enum ScriptFlag : uint32_t {
  kNoWrites = 1u << 0,
  kAllowOom = 1u << 1,
  kAllowStale = 1u << 2,
  kNoCluster = 1u << 3,
  kAllowCrossSlotKeys = 1u << 4,
  kCompatible = 1u << 5,  // a script without such a line, as before there were any
};

// The flag of that name ("no-writes"); 0: there is none.
uint32_t FlagOf(std::string_view name);
// Of one of them; empty: it has none.
std::string_view FlagName(uint32_t flag);

struct Shebang {
  uint32_t flags = 0;
  size_t bytes = 0;    // of the line, without its end, so that line numbers stay right
  std::string engine;  // of a library: "lua"
  std::string name;    // of a library
};

// False: *error is the text of the reply without its code.
[[nodiscard]] bool ParseScriptShebang(std::string_view body, Shebang* out, std::string* error);
// Whether there is an engine of that name is the caller's question.
[[nodiscard]] bool ParseLibraryShebang(std::string_view body, Shebang* out, std::string* error);

// Letters, digits and underscores: names of libraries and functions.
bool IsLibraryName(std::string_view name);

}  // namespace cairn::script
