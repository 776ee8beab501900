// OptionRow: an option, declared once. Parsing, ranges, CONFIG GET and SET, conf/cairn.conf and the
// documentation all read the rows; src/config/ gets them at its start. A row is plain data, and so
// that it can be read without what it configures: of an engine that is not loaded, too.
//
// Values are texts as in the configuration file: `1gb`, `1.4`, `yes`. What depends on the machine,
// a share of its memory for instance, is resolved before a value comes here.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/status.h"

namespace cairn {

enum class OptionKind : uint8_t {
  kInteger,
  kBytes,         // with a unit or none: 64mb, 1g
  kShareOfBytes,  // the same, or a share of the machine's memory: 25%
  kHundredths,    // a number with at most two decimals; min, max and value count hundredths
  kFlag,          // yes or no
  kChoice,        // one of the words in `choices`
  kMode,          // octal digits: the mode of a file
  kText,
  kPath,
  kAddresses,     // several words
  kLetters,       // some of the letters in `choices`; a word "A=xyz" there: A stands for all those
  kBufferLimits,  // client-output-buffer-limit: <class> <hard> <soft> <seconds>, several times
};

enum class OptionChange : uint8_t {
  kAtRuntime,
  kAtStart,    // only
  kProtected,  // only at the start, and refused in the words of Redis's protected options
};

inline constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

struct OptionRow {
  const char* name;
  OptionKind kind;
  const char* initial;  // as it would be written in the file
  int64_t min = 0;      // of numbers, both ends included; 0, 0: there are none
  int64_t max = 0;
  bool automatic = false;    // `auto` instead of a number
  const char* choices = "";  // words with a blank between
  const char* unit = "";     // of a number that does not carry it: "us", "percent"
  OptionChange change = OptionChange::kAtStart;
  const char* section = "";  // heading in conf/cairn.conf
  const char* doc = "";      // one paragraph of plain sentences
};

// What a value of a row comes to: the number, in bytes or hundredths where it counts those; 0 or 1;
// the number of the choice. Not for texts. kInvalid names the option and what it may be. `any`:
// whatever the range says, for tests.
inline constexpr int64_t kAutomatic = std::numeric_limits<int64_t>::min();
Result<int64_t> OptionValue(const OptionRow& row, std::string_view text, bool any = false);
// The word of a choice.
std::string_view OptionChoice(const OptionRow& row, int64_t number);

// A row, and the place of its value in a struct of options.
template <typename Options>
struct BoundOption {
  OptionRow row;
  void (*set)(Options* options, int64_t value) = nullptr;
  void (*set_text)(Options* options, std::string_view text) = nullptr;
};

// The usual `set`.
template <auto member, typename Options>
void StoreOption(Options* options, int64_t value) {
  auto& place = options->*member;
  place = static_cast<std::remove_reference_t<decltype(place)>>(value);
}

template <typename Options>
const BoundOption<Options>* FindOption(std::span<const BoundOption<Options>> options,
                                       std::string_view name) {
  for (const BoundOption<Options>& option : options)
    if (name == option.row.name) return &option;
  return nullptr;
}

template <typename Options>
Status SetOptionText(const BoundOption<Options>& option, std::string_view text, Options* options,
                     bool any = false) {
  if (option.set_text != nullptr) {
    option.set_text(options, text);
    return Status::Ok();
  }
  const Result<int64_t> value = OptionValue(option.row, text, any);
  if (value.ok()) option.set(options, value.value());
  return value.status();
}

}  // namespace cairn
