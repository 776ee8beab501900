#include "base/number.h"

#include <locale.h>
#include <stdlib.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace cairn {
namespace {

constexpr size_t kInt64DigitsMax = 19;

constexpr char kDigitPairs[] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546"
    "4748"
    "4950515253545556575859606162636465666768697071727374757677787980818283848586878889909192939495"
    "9697"
    "9899";

size_t CountDigits(uint64_t value) {
  size_t digits = 1;
  for (uint64_t bound = 10; value >= bound; bound *= 10) {
    if (++digits == 20) break;  // the next bound would not fit
  }
  return digits;
}

locale_t NumberLocale() {
  static const locale_t locale = newlocale(LC_ALL_MASK, "C", nullptr);
  return locale;
}

// The texts that strtod may see: copied because it wants a NUL at the end, and free of leading
// blanks and inner NULs, which it would skip or stop at.
bool CopyNumberText(std::string_view text, char (&copy)[kLongDoubleTextBytes]) {
  if (text.empty() || text.size() >= sizeof(copy)) return false;
  if (std::isspace(static_cast<unsigned char>(text.front())) != 0) return false;
  if (std::memchr(text.data(), '\0', text.size()) != nullptr) return false;
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  return true;
}

template <typename T>
bool IsWanted(T value) {
  if (std::isnan(value)) return false;
  bool overflow_or_underflow = std::isinf(value) || value == T{0};
  return errno != ERANGE || !overflow_or_underflow;
}

}  // namespace

bool ParseInt64(std::string_view text, int64_t* out) {
  const char* p = text.data();
  size_t left = text.size();
  bool negative = left > 1 && *p == '-';
  if (negative) ++p, --left;
  if (left == 0 || left > kInt64DigitsMax) return false;
  unsigned first = static_cast<unsigned char>(*p) - unsigned{'0'};
  if (first > 9) return false;
  if (first == 0) {
    if (left != 1 || negative) return false;
    *out = 0;
    return true;
  }
  uint64_t value = first;  // 19 digits fit in 64 bits without a sign
  for (++p, --left; left != 0; ++p, --left) {
    unsigned digit = static_cast<unsigned char>(*p) - unsigned{'0'};
    if (digit > 9) return false;
    value = value * 10 + digit;
  }
  constexpr uint64_t kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (value > kMax + (negative ? 1 : 0)) return false;
  *out = static_cast<int64_t>(negative ? uint64_t{0} - value : value);
  return true;
}

bool ParseCursor(std::string_view text, uint64_t* out) {
  text = text.substr(0, text.find('\0'));
  if (text.empty()) {
    *out = 0;
    return true;
  }
  bool negative = text.front() == '-';
  if (negative || text.front() == '+') text.remove_prefix(1);
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  *out = negative ? uint64_t{0} - value : value;
  return true;
}

bool ParseDouble(std::string_view text, double* out) {
  char copy[kLongDoubleTextBytes];
  if (!CopyNumberText(text, copy)) return false;
  char* end = nullptr;
  errno = 0;
  double value = strtod_l(copy, &end, NumberLocale());
  if (end != copy + text.size() || !IsWanted(value)) return false;
  *out = value;
  return true;
}

bool ParseLongDouble(std::string_view text, long double* out) {
  char copy[kLongDoubleTextBytes];
  if (!CopyNumberText(text, copy)) return false;
  char* end = nullptr;
  errno = 0;
  long double value = strtold_l(copy, &end, NumberLocale());
  if (end != copy + text.size() || !IsWanted(value)) return false;
  *out = value;
  return true;
}

size_t FormatUint64(uint64_t value, char* out) {
  size_t digits = CountDigits(value);
  char* p = out + digits;
  while (value >= 100) {
    p -= 2;
    std::memcpy(p, kDigitPairs + 2 * (value % 100), 2);
    value /= 100;
  }
  if (value >= 10) {
    std::memcpy(out, kDigitPairs + 2 * value, 2);
  } else {
    *out = static_cast<char>('0' + value);
  }
  return digits;
}

size_t FormatInt64(int64_t value, char* out) {
  if (value >= 0) return FormatUint64(static_cast<uint64_t>(value), out);
  *out = '-';
  return 1 + FormatUint64(uint64_t{0} - static_cast<uint64_t>(value), out + 1);
}

namespace {

// Digits without a point, and the power of ten of the last one: value = digits * 10^exponent.
struct Decimal {
  char digits[24];
  int count;
  int exponent;
};

Decimal ShortestDigits(double magnitude) {
  char text[kDoubleTextBytes];
  auto [end, error] =
      std::to_chars(text, text + sizeof(text), magnitude, std::chars_format::scientific);
  Decimal decimal{};
  const char* p = text;
  for (; *p != 'e'; ++p) {
    if (*p != '.') decimal.digits[decimal.count++] = *p;
  }
  p += p[1] == '+' ? 2 : 1;
  std::from_chars(p, end, decimal.exponent);
  decimal.exponent -= decimal.count - 1;
  return decimal;
}

char* Copy(char* out, const char* bytes, int count) {
  std::memcpy(out, bytes, static_cast<size_t>(count));
  return out + count;
}
char* Zeros(char* out, int count) {
  std::memset(out, '0', static_cast<size_t>(count));
  return out + count;
}

// Where Redis's output changes form: so many zeros may follow an integer's digits, so many digits
// may follow the point, and below one the first digit may be so far behind it, before it takes an
// exponent.
constexpr int kTrailingZerosMax = 7;
constexpr int kFractionDigitsMax = 6;
constexpr int kLeadingExponentMax = 3;

char* LayOut(const Decimal& d, char* out) {
  const int leading = d.exponent + d.count - 1;  // power of ten of the first digit
  if (d.exponent >= 0 && d.exponent <= kTrailingZerosMax) {
    return Zeros(Copy(out, d.digits, d.count), d.exponent);
  }
  if (d.exponent < 0 &&
      (-d.exponent <= kFractionDigitsMax || std::abs(leading) <= kLeadingExponentMax)) {
    const int whole = d.count + d.exponent;
    if (whole <= 0) return Copy(Zeros(Copy(out, "0.", 2), -whole), d.digits, d.count);
    out = Copy(Copy(out, d.digits, whole), ".", 1);
    return Copy(out, d.digits + whole, d.count - whole);
  }
  *out++ = d.digits[0];
  if (d.count > 1) out = Copy(Copy(out, ".", 1), d.digits + 1, d.count - 1);
  *out++ = 'e';
  *out++ = leading < 0 ? '-' : '+';
  return out + FormatUint64(static_cast<uint64_t>(std::abs(leading)), out);
}

// Integers in this range are written as integers.
constexpr double kIntegerMax = 4611686018427387904.0;  // 2^62

}  // namespace

size_t FormatDouble(double value, char* out) {
  char* p = out;
  if (std::isnan(value)) return static_cast<size_t>(Copy(p, "nan", 3) - out);
  if (std::signbit(value)) *p++ = '-';
  value = std::fabs(value);
  if (std::isinf(value)) {
    p = Copy(p, "inf", 3);
  } else if (value <= kIntegerMax && value == std::trunc(value)) {
    p += FormatUint64(static_cast<uint64_t>(value), p);
  } else {
    p = LayOut(ShortestDigits(value), p);
  }
  return static_cast<size_t>(p - out);
}

size_t FormatLongDouble(long double value, char* out) {
  if (std::isnan(value)) return static_cast<size_t>(Copy(out, "nan", 3) - out);
  if (std::isinf(value)) {
    return static_cast<size_t>((value > 0 ? Copy(out, "inf", 3) : Copy(out, "-inf", 4)) - out);
  }
  // to_chars with a fixed precision is exact and knows no locale.
  auto [end, error] =
      std::to_chars(out, out + kLongDoubleTextBytes, value, std::chars_format::fixed, 17);
  while (end[-1] == '0') --end;
  if (end[-1] == '.') --end;
  if (end - out == 2 && out[0] == '-' && out[1] == '0') {
    out[0] = '0';
    return 1;
  }
  return static_cast<size_t>(end - out);
}

}  // namespace cairn
