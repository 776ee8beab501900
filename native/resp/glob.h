// Glob patterns as KEYS, SCAN MATCH and CONFIG GET take them: ? * [abc] [^abc] [a-z] and backslash
// escapes, byte by byte. Pure functions, safe from any thread.
#pragma once

#include <string_view>

namespace cairn {

// Time is at most proportional to pattern times text, whatever the pattern. As in Redis, the empty
// text matches only the empty pattern, not even "*".
bool GlobMatch(std::string_view pattern, std::string_view text, bool nocase = false);
// The bytes that every match of a case-sensitive pattern begins with: the pattern up to its first
// special character.
std::string_view LiteralPrefix(std::string_view pattern);

}  // namespace cairn
