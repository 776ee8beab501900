#include "script/shebang.h"

#include <strings.h>

#include <vector>

namespace cairn::script {

namespace {

struct NamedFlag {
  std::string_view name;
  uint32_t flag;
};
constexpr NamedFlag kFlags[] = {
    {"no-writes", kNoWrites},
    {"allow-oom", kAllowOom},
    {"allow-stale", kAllowStale},
    {"no-cluster", kNoCluster},
    {"allow-cross-slot-keys", kAllowCrossSlotKeys},
};

bool Fail(std::string_view text, std::string_view detail, std::string* error) {
  error->assign(text).append(detail);
  return false;
}

bool IsBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == 0; }

std::vector<std::string_view> Words(std::string_view line) {
  std::vector<std::string_view> words;
  for (size_t at = 0; at < line.size();) {
    if (IsBlank(line[at])) {
      ++at;
      continue;
    }
    size_t end = at;
    while (end < line.size() && !IsBlank(line[end])) ++end;
    words.push_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

bool ParseFlags(std::string_view list, uint32_t* flags, std::string* error) {
  if (list.empty()) return true;
  for (;;) {
    size_t comma = list.find(',');
    std::string_view name = list.substr(0, comma);
    uint32_t flag = FlagOf(name);
    if (flag == 0) return Fail("Unexpected flag in script shebang: ", name, error);
    *flags |= flag;
    if (comma == std::string_view::npos) return true;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace

uint32_t FlagOf(std::string_view name) {
  for (const NamedFlag& row : kFlags) {
    if (row.name == name) return row.flag;
  }
  return 0;
}

std::string_view FlagName(uint32_t flag) {
  for (const NamedFlag& row : kFlags) {
    if (row.flag == flag) return row.name;
  }
  return {};
}

bool ParseScriptShebang(std::string_view body, Shebang* out, std::string* error) {
  *out = Shebang();
  if (!body.starts_with("#!")) {
    out->flags = kCompatible;
    return true;
  }
  size_t end = body.find('\n');
  if (end == std::string_view::npos) return Fail("Invalid script shebang", "", error);
  out->bytes = end;
  std::vector<std::string_view> words = Words(body.substr(0, end));
  if (words[0] != "#!lua") return Fail("Unexpected engine in script shebang: ", words[0], error);
  out->engine = "lua";
  for (size_t i = 1; i < words.size(); ++i) {
    if (!words[i].starts_with("flags=")) {
      return Fail("Unknown lua shebang option: ", words[i], error);
    }
    if (!ParseFlags(words[i].substr(6), &out->flags, error)) return false;
  }
  return true;
}

bool ParseLibraryShebang(std::string_view body, Shebang* out, std::string* error) {
  *out = Shebang();
  if (!body.starts_with("#!")) return Fail("Missing library metadata", "", error);
  size_t end = body.find('\n');
  if (end == std::string_view::npos) return Fail("Invalid library metadata", "", error);
  out->bytes = end;
  std::vector<std::string_view> words = Words(body.substr(0, end));
  out->engine = words[0].substr(2);
  bool named = false;
  for (size_t i = 1; i < words.size(); ++i) {
    constexpr std::string_view kName = "name=";
    if (words[i].size() < kName.size() ||
        strncasecmp(words[i].data(), kName.data(), kName.size()) != 0) {
      return Fail("Invalid metadata value given: ", words[i], error);
    }
    if (named) {
      return Fail("Invalid metadata value, name argument was given multiple times", "", error);
    }
    named = true;
    out->name = words[i].substr(kName.size());
  }
  if (!named) return Fail("Library name was not given", "", error);
  return true;
}

bool IsLibraryName(std::string_view name) {
  for (char c : name) {
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && !(c >= '0' && c <= '9') && c != '_') return false;
  }
  return !name.empty();
}

}  // namespace cairn::script
