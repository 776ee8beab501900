#include "engine/option_row.h"

#include <charconv>

#include "base/text.h"

namespace cairn {

namespace {

constexpr int64_t kKib = 1024;

struct Unit {
  std::string_view name;
  int64_t bytes;
};
constexpr Unit kUnits[] = {
    {"", 1},        {"b", 1},           {"k", 1000},       {"kb", kKib},
    {"m", 1000000}, {"mb", kKib* kKib}, {"g", 1000000000}, {"gb", kKib* kKib* kKib},
};

Status NotANumber(const OptionRow& row) {
  return {Code::kInvalid, std::string(row.name) + " is not a number"};
}

std::string Written(const OptionRow& row, int64_t value) {
  if (row.kind != OptionKind::kHundredths) return std::to_string(value);
  const std::string part = std::to_string(100 + value % 100).substr(1);
  return std::to_string(value / 100) + (part == "00" ? "" : "." + part);
}

Result<int64_t> InRange(const OptionRow& row, int64_t value, bool any) {
  if (any || (value >= row.min && value <= row.max)) return value;
  return Status(Code::kInvalid, std::string(row.name) + " must be between " +
                                    Written(row, row.min) + " and " + Written(row, row.max));
}

// What follows the digits; null: there are none, or too many.
const char* Digits(std::string_view text, int base, int64_t* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value, base);
  return error == std::errc() ? end : nullptr;
}

Result<int64_t> Integer(const OptionRow& row, std::string_view text, int base, bool any) {
  int64_t value = 0;
  if (Digits(text, base, &value) != text.data() + text.size()) return NotANumber(row);
  return InRange(row, value, any);
}

Result<int64_t> Bytes(const OptionRow& row, std::string_view text, bool any) {
  int64_t value = 0;
  const char* const end = Digits(text, 10, &value);
  if (end == nullptr) return NotANumber(row);
  const std::string_view name = text.substr(static_cast<size_t>(end - text.data()));
  for (const Unit& unit : kUnits) {
    if (!EqualsIgnoreCase(name, unit.name)) continue;
    int64_t bytes = 0;
    if (__builtin_mul_overflow(value, unit.bytes, &bytes)) return InRange(row, kNoLimit, any);
    return InRange(row, bytes, any);
  }
  return NotANumber(row);
}

Result<int64_t> Hundredths(const OptionRow& row, std::string_view text, bool any) {
  const size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  std::string part(point == std::string_view::npos ? "0" : text.substr(point + 1));
  if (part.size() == 1) part += '0';
  int64_t units = 0, hundredths = 0, value = 0;
  if (part.size() != 2 || part[0] == '-' || whole.starts_with('-') ||
      Digits(whole, 10, &units) != whole.data() + whole.size() ||
      Digits(part, 10, &hundredths) != part.data() + part.size() ||
      __builtin_mul_overflow(units, 100, &value)) {
    return NotANumber(row);
  }
  return InRange(row, value + hundredths, any);
}

// Calls use(number, word) for each word until it returns true.
template <typename Use>
bool EachWord(std::string_view words, Use use) {
  for (int64_t number = 0; !words.empty(); ++number) {
    const size_t end = words.find(' ');
    if (use(number, words.substr(0, end))) return true;
    words.remove_prefix(end == std::string_view::npos ? words.size() : end + 1);
  }
  return false;
}

Result<int64_t> Choice(const OptionRow& row, std::string_view choices, std::string_view text) {
  int64_t found = 0;
  if (EachWord(choices, [&](int64_t number, std::string_view word) {
        found = number;
        return EqualsIgnoreCase(word, text);
      })) {
    return found;
  }
  const int64_t last = found;
  std::string wanted;
  EachWord(choices, [&](int64_t number, std::string_view word) {
    if (number > 0) wanted += number == last ? " or " : ", ";
    wanted += word;
    return false;
  });
  return Status(Code::kInvalid, std::string(row.name) + " must be " + wanted);
}

}  // namespace

Result<int64_t> OptionValue(const OptionRow& row, std::string_view text, bool any) {
  if (row.automatic && EqualsIgnoreCase(text, "auto")) return kAutomatic;
  switch (row.kind) {
    case OptionKind::kInteger:
      return Integer(row, text, 10, any);
    case OptionKind::kMode:
      return Integer(row, text, 8, any);
    case OptionKind::kBytes:
    case OptionKind::kShareOfBytes:
      return Bytes(row, text, any);
    case OptionKind::kHundredths:
      return Hundredths(row, text, any);
    case OptionKind::kFlag:
      return Choice(row, "no yes", text);
    case OptionKind::kChoice:
      return Choice(row, row.choices, text);
    case OptionKind::kText:
    case OptionKind::kPath:
    case OptionKind::kAddresses:
    case OptionKind::kLetters:
    case OptionKind::kBufferLimits:
      break;
  }
  return NotANumber(row);
}

std::string_view OptionChoice(const OptionRow& row, int64_t number) {
  std::string_view found;
  EachWord(row.choices, [&](int64_t at, std::string_view word) {
    if (at == number) found = word;
    return at == number;
  });
  return found;
}

}  // namespace cairn
