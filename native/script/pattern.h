// Patterns of Lua 5.1, as its manual describes them ("Patterns", 5.4.1), matched by our own code:
// Lua's would go on for hours, or too deep, with some patterns, and nobody could stop it. Steps
// count as instructions of the run here (Spend in state.h), and depth has a bound.
//
// All of it may raise errors of Lua: see vm.h for what that means.
#pragma once

#include "script/state.h"

namespace cairn::script {

class Matcher {
 public:
  static constexpr int kCapturesMax = 32;
  // A level is a quantifier or a capture that may have to be taken back.
  static constexpr int kDepthMax = 4000;

  // Both texts end with a NUL, as Lua's strings do, and outlive this. A pattern ends at its first
  // NUL.
  Matcher(lua_State* L, std::string_view text, std::string_view pattern);

  // The pattern began with `^`, which is no part of it then.
  void SkipAnchor() { ++pattern_; }
  bool anchored() const { return pattern_ != pattern_end_ && *pattern_ == '^'; }

  // Where the match that begins at `from` ends; null: there is none.
  const char* MatchAt(const char* from);
  // Of the last match, which was [begin, end). Pushes the captures, or the whole if there are none;
  // begin null: not the whole. Returns how many.
  int PushCaptures(const char* begin, const char* end);
  // Pushes one of them, counted from 0.
  void PushCapture(int index, const char* begin, const char* end);

 private:
  static constexpr ptrdiff_t kOpen = -1;
  static constexpr ptrdiff_t kPosition = -2;

  struct Capture {
    const char* begin;
    ptrdiff_t bytes;  // or kOpen, kPosition
  };

  [[noreturn]] void Malformed(const char* text);
  void Step() {
    if (++state_.steps >= Vm::kTickInstructions) Spend(L_);
  }
  char At(const char* p) const { return p < pattern_end_ ? *p : 0; }
  const char* ItemEnd(const char* p);
  bool InSet(unsigned char c, const char* p, const char* set_end) const;
  bool Fits(const char* s, const char* p, const char* item_end);
  const char* Match(const char* s, const char* p);
  bool MatchSpecial(const char** s, const char** p, bool* failed);
  const char* Most(const char* s, const char* p, const char* item_end);
  const char* Least(const char* s, const char* p, const char* item_end);
  const char* OpenCapture(const char* s, const char* p, ptrdiff_t kind);
  const char* CloseCapture(const char* s, const char* p);
  const char* Balanced(const char* s, const char* p);
  const char* Again(const char* s, char digit);

  lua_State* L_;
  State& state_;
  const char* text_;
  const char* text_end_;
  const char* pattern_;
  const char* pattern_end_;
  int depth_ = 0;
  int captures_ = 0;
  Capture capture_[kCapturesMax];
};

}  // namespace cairn::script
