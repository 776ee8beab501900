#include "txn/notify.h"

namespace cairn {

namespace {

struct Letter {
  char letter;
  uint32_t classes;
};
constexpr Letter kLetters[] = {
    {'A', kNotifyAll},      {'g', kNotifyGeneric},  {'$', kNotifyString},  {'l', kNotifyList},
    {'s', kNotifySet},      {'h', kNotifyHash},     {'z', kNotifyZset},    {'x', kNotifyExpired},
    {'e', kNotifyEvicted},  {'t', kNotifyStream},   {'d', kNotifyModule},  {'n', kNotifyNew},
    {'K', kNotifyKeyspace}, {'E', kNotifyKeyevent}, {'m', kNotifyKeyMiss},
};

}  // namespace

bool NotifyClassesOf(std::string_view letters, uint32_t* classes) {
  *classes = 0;
  for (const char c : letters) {
    uint32_t named = 0;
    for (const Letter& known : kLetters) {
      if (known.letter == c) named = known.classes;
    }
    if (named == 0) return false;
    *classes |= named;
  }
  return true;
}

}  // namespace cairn
