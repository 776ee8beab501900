#include "resp/glob.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace cairn {
namespace {

inline unsigned char Fold(char c, bool nocase) {
  unsigned char u = static_cast<unsigned char>(c);
  return nocase && u >= 'A' && u <= 'Z' ? static_cast<unsigned char>(u + ('a' - 'A')) : u;
}

// The class that opens at p ('['): does it hold c? *next is the byte behind it. An unclosed class
// ends with the pattern; a backslash makes the next byte literal; the ends of a range may come in
// either order.
bool MatchClass(const char* p, const char* end, char c, bool nocase, const char** next) {
  const unsigned char wanted = Fold(c, nocase);
  ++p;
  const bool negated = p != end && *p == '^';
  if (negated) ++p;
  bool found = false;
  for (; p != end && *p != ']'; ++p) {
    if (*p == '\\' && end - p >= 2) {
      ++p;
      found |= static_cast<unsigned char>(*p) == static_cast<unsigned char>(c);
    } else if (end - p >= 3 && p[1] == '-') {
      unsigned char low = Fold(p[0], nocase);
      unsigned char high = Fold(p[2], nocase);
      if (static_cast<unsigned char>(p[0]) > static_cast<unsigned char>(p[2])) std::swap(low, high);
      found |= wanted >= low && wanted <= high;
      p += 2;
    } else {
      found |= Fold(*p, nocase) == wanted;
    }
  }
  *next = p == end ? p : p + 1;
  return found != negated;
}

// One pattern element that is not '*', against one byte.
bool MatchOne(const char* p, const char* end, char c, bool nocase, const char** next) {
  switch (*p) {
    case '?':
      *next = p + 1;
      return true;
    case '[':
      return MatchClass(p, end, c, nocase, next);
    case '\\':
      if (end - p >= 2) ++p;
      break;
    default:
      break;
  }
  *next = p + 1;
  return Fold(*p, nocase) == Fold(c, nocase);
}

}  // namespace

// Every element but '*' takes exactly one byte, so the leftmost match of what stands between two
// stars is as good as any other: only the last star is ever tried again, and no pattern is
// exponential.
bool GlobMatch(std::string_view pattern, std::string_view text, bool nocase) {
  if (text.empty()) return pattern.empty();
  const char* p = pattern.data();
  const char* const p_end = p + pattern.size();
  const char* t = text.data();
  const char* const t_end = t + text.size();
  const char* star = nullptr;  // the pattern behind the last star
  const char* resume = nullptr;
  while (t != t_end) {
    if (p != p_end && *p == '*') {
      star = ++p;
      resume = t;
      if (p == p_end) return true;
      continue;
    }
    const char* next = nullptr;
    if (p != p_end && MatchOne(p, p_end, *t, nocase, &next)) {
      p = next;
      ++t;
    } else if (star != nullptr) {
      p = star;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p != p_end && *p == '*') ++p;
  return p == p_end;
}

std::string_view LiteralPrefix(std::string_view pattern) {
  return pattern.substr(0, std::min(pattern.find_first_of("*?[\\"), pattern.size()));
}

}  // namespace cairn
