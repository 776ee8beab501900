// Numbers and glob patterns; the vectors were checked against a real server's INCRBYFLOAT,
// SETRANGE, SCAN and KEYS.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>

#include "base/number.h"
#include "resp/glob.h"

using namespace cairn;

namespace {

using namespace std::string_view_literals;

std::string Int(int64_t value) {
  char text[kInt64TextBytes];
  return std::string(text, FormatInt64(value, text));
}
std::string Double(double value) {
  char text[kDoubleTextBytes];
  return std::string(text, FormatDouble(value, text));
}
std::string LongDouble(long double value) {
  char text[kLongDoubleTextBytes];
  return std::string(text, FormatLongDouble(value, text));
}
// What INCRBYFLOAT answers for this value and increment.
std::string Sum(std::string_view a, std::string_view b) {
  long double x = 0;
  long double y = 0;
  if (!ParseLongDouble(a, &x) || !ParseLongDouble(b, &y)) return "refused";
  return LongDouble(x + y);
}

}  // namespace

TEST_CASE("resp number: integers are canonical or refused") {
  int64_t value = 77;
  for (std::string_view bad : {""sv,
                               "-"sv,
                               "+1"sv,
                               "-0"sv,
                               "01"sv,
                               "-01"sv,
                               "--1"sv,
                               " 1"sv,
                               "1 "sv,
                               "1a"sv,
                               "a"sv,
                               "1\0"sv,
                               "\0"sv,
                               "0x1"sv,
                               "1.0"sv,
                               "9223372036854775808"sv,
                               "-9223372036854775809"sv,
                               "10000000000000000000"sv,
                               "18446744073709551617"sv,
                               "99999999999999999999"sv,
                               "/"sv,
                               ":"sv,
                               "1/"sv,
                               "1:"sv}) {
    CAPTURE(bad);
    CHECK(!ParseInt64(bad, &value));
    CHECK(value == 77);
  }
  CHECK(ParseInt64("0", &value));
  CHECK(value == 0);
  CHECK(ParseInt64("9223372036854775807", &value));
  CHECK(value == std::numeric_limits<int64_t>::max());
  CHECK(ParseInt64("-9223372036854775808", &value));
  CHECK(value == std::numeric_limits<int64_t>::min());
}

TEST_CASE("resp number: integers survive the way there and back") {
  auto check = [](int64_t number) {
    std::string text = Int(number);
    CHECK(text == std::to_string(number));
    int64_t back = 0;
    CHECK(ParseInt64(text, &back));
    CHECK(back == number);
  };
  int64_t power = 1;
  for (int digits = 0; digits < 19; ++digits) {
    for (int64_t near : {power - 1, power, power + 1}) {
      check(near);
      check(-near);
    }
    if (digits < 18) power *= 10;
  }
  std::mt19937_64 random(1);
  for (int i = 0; i < 2000; ++i) check(static_cast<int64_t>(random() >> (random() % 64)));
  check(std::numeric_limits<int64_t>::min());
  check(std::numeric_limits<int64_t>::max());
  char text[kInt64TextBytes];
  CHECK(std::string(text, FormatUint64(std::numeric_limits<uint64_t>::max(), text)) ==
        "18446744073709551615");
}

TEST_CASE("resp number: cursors") {
  uint64_t value = 0;
  for (auto [text, wanted] : {std::pair{"0"sv, uint64_t{0}},
                              {""sv, 0},
                              {"\0x"sv, 0},
                              {"7\0x"sv, 7},
                              {"01"sv, 1},
                              {"+1"sv, 1},
                              {"18446744073709551615"sv, ~0ull},
                              {"-1"sv, ~0ull},
                              {"-18446744073709551615"sv, 1}}) {
    CHECK(ParseCursor(text, &value));
    CHECK(value == wanted);
  }
  for (std::string_view bad : {"+"sv, "-"sv, "+-1"sv, "-+1"sv, "--1"sv, " 1"sv, "1 "sv, "x"sv,
                               "0x1"sv, "18446744073709551616"sv, "-\0"sv}) {
    CAPTURE(bad);
    CHECK(!ParseCursor(bad, &value));
  }
}

TEST_CASE("resp number: floats as INCRBYFLOAT reads and writes them") {
  CHECK(Sum("10.50", "0.1") == "10.6");
  CHECK(Sum("5.0e3", "2.0e2") == "5200");
  CHECK(Sum("0", "-0") == "0");
  CHECK(Sum("-0", "-0.0") == "0");
  CHECK(Sum("0.1", "0.2") == "0.3");
  CHECK(Sum("3", "1e-17") == "3.00000000000000001");
  CHECK(Sum("0", "1e-18") == "0");
  CHECK(Sum("0", "-1e-18") == "0");
  CHECK(Sum("0", "1e20") == "100000000000000000000");
  CHECK(Sum("0", ".5") == "0.5");
  CHECK(Sum("0", "5.") == "5");
  CHECK(Sum("0", "+1") == "1");
  CHECK(Sum("0", "00012") == "12");
  CHECK(Sum("0", "0x10") == "16");
  CHECK(Sum("1", "-2.5") == "-1.5");
  CHECK(Sum("0", "1e4932").size() == 4933);
  CHECK(Sum("0", "inf") == "inf");
  CHECK(Sum("0", "-Infinity") == "-inf");
  CHECK(LongDouble(std::nanl("")) == "nan");
  CHECK(LongDouble(std::numeric_limits<long double>::max()).size() == 4933);
  CHECK(LongDouble(-std::numeric_limits<long double>::max()).size() == 4934);
  for (std::string_view bad :
       {""sv, " 1"sv, "\t1"sv, "1 "sv, "1\n"sv, "abc"sv, "1e"sv, "1_0"sv, "1\0"sv, "\0"sv, "nan"sv,
        "NaN"sv, "-nan"sv, "nan(1)"sv, "1e5000"sv, "-1e5000"sv, "1e-5000"sv, "1,5"sv}) {
    CAPTURE(bad);
    CHECK(Sum("0", bad) == "refused");
  }
  CHECK(Sum("0", std::string(kLongDoubleTextBytes - 1, '0')) == "0");
  CHECK(Sum("0", std::string(kLongDoubleTextBytes, '0')) == "refused");

  double value = 0;
  CHECK(ParseDouble("1e308", &value));
  CHECK(value == 1e308);
  CHECK(ParseDouble("-inf", &value));
  CHECK(std::isinf(value));
  CHECK(ParseDouble("4e-320", &value));  // denormal: imprecise, but not lost
  for (std::string_view bad : {"1e309"sv, "1e-400"sv, "nan"sv, ""sv, " 1"sv, "1x"sv})
    CHECK(!ParseDouble(bad, &value));
}

TEST_CASE("resp number: doubles in replies") {
  for (auto [value, text] : {std::pair{0.0, "0"},
                             {-0.0, "-0"},
                             {1.0, "1"},
                             {-1.0, "-1"},
                             {3.5, "3.5"},
                             {0.1, "0.1"},
                             {-0.25, "-0.25"},
                             {100000000.0, "100000000"},
                             {4503599627370496.0, "4503599627370496"},
                             {9007199254740993.0, "9007199254740992"},
                             {1e17, "100000000000000000"},
                             {-4611686018427387904.0, "-4611686018427387904"},
                             {4611686018427388928.0, "4611686018427389000"},
                             {1e20, "1e+20"},
                             {1e21, "1e+21"},
                             {-1.5e300, "-1.5e+300"},
                             {0.0001, "0.0001"},
                             {0.000001, "0.000001"},
                             {1e-7, "1e-7"},
                             {1.5e-7, "1.5e-7"},
                             {0.00123456789, "0.00123456789"},
                             {1234567.891, "1234567.891"},
                             {3.141592653589793, "3.141592653589793"},
                             {123456789.12345679, "1.2345678912345679e+8"},
                             {1.7976931348623157e308, "1.7976931348623157e+308"},
                             {5e-324, "5e-324"},
                             {std::numeric_limits<double>::infinity(), "inf"},
                             {-std::numeric_limits<double>::infinity(), "-inf"},
                             {std::numeric_limits<double>::quiet_NaN(), "nan"}}) {
    CHECK(Double(value) == text);
  }
  std::mt19937_64 random(2);
  for (int i = 0; i < 20000; ++i) {
    uint64_t bits = random();
    double value;
    static_assert(sizeof(value) == sizeof(bits));
    std::memcpy(&value, &bits, sizeof(value));
    if (i % 2 == 0) value = static_cast<double>(static_cast<int64_t>(bits) >> (bits % 60)) / 1000.0;
    if (std::isnan(value)) continue;
    double back = 0;
    std::string text = Double(value);
    CAPTURE(text);
    CHECK(text.size() <= 25);
    CHECK(ParseDouble(text, &back));
    CHECK(back == value);
  }
}

TEST_CASE("resp glob: vectors") {
  struct Case {
    std::string_view pattern;
    std::string_view text;
    bool match;
  };
  const Case cases[] = {
      {"", "", true},
      {"", "a", false},
      {"a", "", false},
      {"*", "", false},
      {"*", "abc", true},
      {"**", "abc", true},
      {"a*c", "abc", true},
      {"a*c", "ac", true},
      {"a*c", "abcd", false},
      {"a*", "a", true},
      {"a**", "a", true},
      {"?", "a", true},
      {"?", "", false},
      {"??", "a", false},
      {"h?llo", "hello", true},
      {"h[ae]llo", "hallo", true},
      {"h[ae]llo", "hillo", false},
      {"h[^e]llo", "hallo", true},
      {"h[^e]llo", "hello", false},
      {"h[a-b]llo", "hbllo", true},
      {"h[b-a]llo", "hbllo", true},
      {"h[a-b]llo", "hcllo", false},
      {"\\*", "*", true},
      {"\\*", "a", false},
      {"\\\\", "\\", true},
      {"\\", "\\", true},
      {"a\\", "a\\", true},
      {"[]", "a", false},
      {"[^]", "a", true},
      {"[a", "a", true},
      {"[a", "b", false},
      {"[", "a", false},
      {"[^", "a", true},
      {"[\\]]", "]", true},
      {"[a-]", "a", true},
      {"[a-]", "]", true},
      {"[a-", "a", true},
      {"[a-", "-", true},
      {"[\\a-c]", "b", false},
      {"[]a]", "a]", false},
      {"*a*b*c*", "xxaxxbxxcxx", true},
      {"*a*b*c*", "xxaxxcxxbxx", false},
      {"user:*:name", "user:42:name", true},
      {"*.?", "a.b.c", true},
      {"a\0*"sv, "a\0b"sv, true},
      {"[\0]"sv, "\0"sv, true},
  };
  for (const Case& c : cases) {
    CAPTURE(c.pattern);
    CAPTURE(c.text);
    CHECK(GlobMatch(c.pattern, c.text) == c.match);
  }
  CHECK(!GlobMatch("ABC", "abc"));
  CHECK(GlobMatch("ABC", "abc", true));
  CHECK(GlobMatch("a[B-D]*", "ACx", true));
  CHECK(GlobMatch("[^a]", "b", true));
  CHECK(!GlobMatch("[^a]", "A", true));
}

TEST_CASE("resp glob: many stars do not blow up") {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "a*";
  pattern += "b";
  CHECK(!GlobMatch(pattern, std::string(5000, 'a')));
  CHECK(GlobMatch(pattern, std::string(5000, 'a') + "b"));
}

TEST_CASE("resp glob: literal prefix") {
  CHECK(LiteralPrefix("user:42:*") == "user:42:");
  CHECK(LiteralPrefix("user") == "user");
  CHECK(LiteralPrefix("*") == "");
  CHECK(LiteralPrefix("") == "");
  CHECK(LiteralPrefix("a?b*") == "a");
  CHECK(LiteralPrefix("ab[c]") == "ab");
  CHECK(LiteralPrefix("ab\\*c*") == "ab");
  // Whatever matches begins with it.
  std::mt19937 random(3);
  const std::string letters = "ab*?[]^-\\";
  for (int i = 0; i < 20000; ++i) {
    std::string pattern;
    std::string text;
    for (uint32_t n = random() % 6; n > 0; --n) pattern += letters[random() % letters.size()];
    for (uint32_t n = random() % 6; n > 0; --n) text += letters[random() % letters.size()];
    if (GlobMatch(pattern, text)) CHECK(text.starts_with(LiteralPrefix(pattern)));
  }
}
