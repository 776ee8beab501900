#include "script/pattern.h"

#include <cctype>

namespace cairn::script {

namespace {

constexpr size_t kSetBytesPerStep = 8;

// Whether the byte belongs to the class that the letter names; upper case: the others.
bool InClass(unsigned char c, unsigned char letter) {
  bool in;
  switch (std::tolower(letter)) {
    case 'a':
      in = std::isalpha(c) != 0;
      break;
    case 'c':
      in = std::iscntrl(c) != 0;
      break;
    case 'd':
      in = std::isdigit(c) != 0;
      break;
    case 'l':
      in = std::islower(c) != 0;
      break;
    case 'p':
      in = std::ispunct(c) != 0;
      break;
    case 's':
      in = std::isspace(c) != 0;
      break;
    case 'u':
      in = std::isupper(c) != 0;
      break;
    case 'w':
      in = std::isalnum(c) != 0;
      break;
    case 'x':
      in = std::isxdigit(c) != 0;
      break;
    case 'z':
      in = c == 0;
      break;
    default:
      return letter == c;
  }
  return std::isupper(letter) ? !in : in;
}

}  // namespace

Matcher::Matcher(lua_State* L, std::string_view text, std::string_view pattern)
    : L_(L),
      state_(StateOf(L)),
      text_(text.data()),
      text_end_(text.data() + text.size()),
      pattern_(pattern.data()),
      pattern_end_(pattern.data() + std::min(pattern.size(), pattern.find('\0'))) {}

void Matcher::Malformed(const char* text) {
  luaL_error(L_, "%s", text);
  __builtin_unreachable();
}

// Behind the single item (a byte, a class, a set) at p.
const char* Matcher::ItemEnd(const char* p) {
  char first = *p++;
  if (first == '%') {
    if (p == pattern_end_) Malformed("malformed pattern (ends with '%')");
    return p + 1;
  }
  if (first != '[') return p;
  const char* set = p;
  if (At(p) == '^') ++p;
  // A bracket right at the beginning is one of the set.
  do {
    if (p == pattern_end_) Malformed("malformed pattern (missing ']')");
    if (*p++ == '%' && p != pattern_end_) ++p;
  } while (At(p) != ']');
  Work(L_, state_, static_cast<size_t>(p - set) / kSetBytesPerStep);
  return p + 1;
}

// The set [p, set_end], with its brackets.
bool Matcher::InSet(unsigned char c, const char* p, const char* set_end) const {
  bool wanted = true;
  ++p;
  if (*p == '^') {
    wanted = false;
    ++p;
  }
  for (; p < set_end; ++p) {
    if (*p == '%') {
      if (InClass(c, static_cast<unsigned char>(*++p))) return wanted;
    } else if (p[1] == '-' && p + 2 < set_end) {
      auto low = static_cast<unsigned char>(p[0]);
      auto high = static_cast<unsigned char>(p[2]);
      p += 2;
      if (low <= c && c <= high) return wanted;
    } else if (static_cast<unsigned char>(*p) == c) {
      return wanted;
    }
  }
  return !wanted;
}

// Whether the byte at s is one of the item [p, item_end).
bool Matcher::Fits(const char* s, const char* p, const char* item_end) {
  Step();
  if (s >= text_end_) return false;
  auto c = static_cast<unsigned char>(*s);
  switch (*p) {
    case '.':
      return true;
    case '%':
      return InClass(c, static_cast<unsigned char>(p[1]));
    case '[':
      Work(L_, state_, static_cast<size_t>(item_end - p) / kSetBytesPerStep);
      return InSet(c, p, item_end - 1);
    default:
      return static_cast<unsigned char>(*p) == c;
  }
}

const char* Matcher::MatchAt(const char* from) {
  captures_ = 0;
  depth_ = 0;
  return Match(from, pattern_);
}

// What is no item: anchors, balances, frontiers, references. False: nothing of that is at *p. Else
// both moved on, or *failed.
bool Matcher::MatchSpecial(const char** s, const char** p, bool* failed) {
  const char* at = *p;
  if (*at == '$' && at + 1 == pattern_end_) {
    *failed = *s != text_end_;
    *p = at + 1;
    return true;
  }
  if (*at != '%') return false;
  char kind = At(at + 1);
  if (kind == 'b') {
    *s = Balanced(*s, at + 2);
    *failed = *s == nullptr;
    *p = at + 4;
    return true;
  }
  if (kind == 'f') {
    at += 2;
    if (At(at) != '[') Malformed("missing '[' after '%f' in pattern");
    const char* end = ItemEnd(at);
    auto before = static_cast<unsigned char>(*s == text_ ? 0 : (*s)[-1]);
    auto here = static_cast<unsigned char>(*s == text_end_ ? 0 : **s);
    Work(L_, state_, 1 + 2 * static_cast<size_t>(end - at) / kSetBytesPerStep);
    *failed = InSet(before, at, end - 1) || !InSet(here, at, end - 1);
    *p = end;
    return true;
  }
  if (kind < '0' || kind > '9') return false;
  *s = Again(*s, kind);
  *failed = *s == nullptr;
  *p = at + 2;
  return true;
}

const char* Matcher::Match(const char* s, const char* p) {
  if (++depth_ > kDepthMax) Malformed("pattern too complex");
  Step();
  while (p != pattern_end_) {
    if (*p == '(') {
      bool position = At(p + 1) == ')';
      s = position ? OpenCapture(s, p + 2, kPosition) : OpenCapture(s, p + 1, kOpen);
      break;
    }
    if (*p == ')') {
      s = CloseCapture(s, p + 1);
      break;
    }
    bool failed = false;
    if (MatchSpecial(&s, &p, &failed)) {
      if (!failed) continue;
      s = nullptr;
      break;
    }
    const char* end = ItemEnd(p);
    char quantifier = At(end);
    if (quantifier == '*' || quantifier == '+') {
      if (quantifier == '+' && !Fits(s, p, end)) {
        s = nullptr;
        break;
      }
      s = Most(quantifier == '+' ? s + 1 : s, p, end);
      break;
    }
    if (quantifier == '-') {
      s = Least(s, p, end);
      break;
    }
    bool fits = Fits(s, p, end);
    if (quantifier == '?') {
      const char* matched = fits ? Match(s + 1, end + 1) : nullptr;
      if (matched != nullptr) {
        s = matched;
        break;
      }
      p = end + 1;
      continue;
    }
    if (!fits) {
      s = nullptr;
      break;
    }
    ++s;
    p = end;
  }
  --depth_;
  return s;
}

const char* Matcher::Most(const char* s, const char* p, const char* item_end) {
  ptrdiff_t count = 0;
  while (Fits(s + count, p, item_end)) ++count;
  for (; count >= 0; --count) {
    Step();
    const char* matched = Match(s + count, item_end + 1);
    if (matched != nullptr) return matched;
  }
  return nullptr;
}

const char* Matcher::Least(const char* s, const char* p, const char* item_end) {
  for (;; ++s) {
    const char* matched = Match(s, item_end + 1);
    if (matched != nullptr) return matched;
    if (!Fits(s, p, item_end)) return nullptr;
  }
}

const char* Matcher::OpenCapture(const char* s, const char* p, ptrdiff_t kind) {
  if (captures_ >= kCapturesMax) Malformed("too many captures");
  capture_[captures_++] = {s, kind};
  const char* matched = Match(s, p);
  if (matched == nullptr) --captures_;
  return matched;
}

const char* Matcher::CloseCapture(const char* s, const char* p) {
  int open = captures_ - 1;
  while (open >= 0 && capture_[open].bytes != kOpen) --open;
  if (open < 0) Malformed("invalid pattern capture");
  capture_[open].bytes = s - capture_[open].begin;
  const char* matched = Match(s, p);
  if (matched == nullptr) capture_[open].bytes = kOpen;
  return matched;
}

// "%bxy": from an x to the y that closes it.
const char* Matcher::Balanced(const char* s, const char* p) {
  if (p + 1 >= pattern_end_) Malformed("unbalanced pattern");
  if (s == text_end_ || *s != p[0]) return nullptr;
  size_t open = 1;
  while (++s < text_end_) {
    Step();
    if (*s == p[1]) {
      if (--open == 0) return s + 1;
    } else if (*s == p[0]) {
      ++open;
    }
  }
  return nullptr;
}

// "%1": what a capture has caught.
const char* Matcher::Again(const char* s, char digit) {
  int index = digit - '1';
  if (index < 0 || index >= captures_ || capture_[index].bytes == kOpen) {
    Malformed("invalid capture index");
  }
  const Capture& capture = capture_[index];
  if (capture.bytes < 0) return nullptr;  // a position is no text
  auto bytes = static_cast<size_t>(capture.bytes);
  WorkOnBytes(L_, state_, bytes);
  Step();
  if (static_cast<size_t>(text_end_ - s) < bytes) return nullptr;
  return bytes == 0 || std::memcmp(capture.begin, s, bytes) == 0 ? s + bytes : nullptr;
}

void Matcher::PushCapture(int index, const char* begin, const char* end) {
  if (index >= captures_) {
    if (index != 0) Malformed("invalid capture index");
    return PushView(L_, {begin, static_cast<size_t>(end - begin)});
  }
  const Capture& capture = capture_[index];
  if (capture.bytes == kOpen) Malformed("unfinished capture");
  if (capture.bytes == kPosition) return lua_pushinteger(L_, capture.begin - text_ + 1);
  PushView(L_, {capture.begin, static_cast<size_t>(capture.bytes)});
}

int Matcher::PushCaptures(const char* begin, const char* end) {
  int count = captures_ == 0 && begin != nullptr ? 1 : captures_;
  luaL_checkstack(L_, count, "too many captures");
  for (int i = 0; i < count; ++i) PushCapture(i, begin, end);
  return count;
}

}  // namespace cairn::script
