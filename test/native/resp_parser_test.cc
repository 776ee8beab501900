// The request parser against vectors whose outcome was taken from a real server: each fed whole,
// byte by byte, at random splits, and behind other commands.
#include <doctest/doctest.h>

#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "resp/parser.h"

using namespace cairn;

namespace {

// Plays the connection: every chunk lands in a fresh allocation of exactly the bytes held, so that
// a view or a read beyond them is caught by the address sanitizer. The log has one line per
// outcome.
class Connection {
 public:
  explicit Connection(ParserOptions options = ParserOptions()) : parser_(options) {}

  void Feed(std::string_view bytes) {
    if (closed_) return;
    std::string held = std::string(data_.get(), size_) + std::string(bytes);
    Hold(held);
    while (!closed_ && Step()) {
    }
  }
  const std::vector<std::string>& log() const { return log_; }
  size_t held() const { return size_; }
  size_t bytes_needed() const { return request_.bytes_needed; }
  RequestParser& parser() { return parser_; }

 private:
  void Hold(std::string_view bytes) {
    data_ = std::make_unique<char[]>(bytes.size());
    std::copy(bytes.begin(), bytes.end(), data_.get());
    size_ = bytes.size();
  }

  bool Step() {
    ParseResult result = parser_.Parse(data_.get(), size_, &request_);
    if (result == ParseResult::kIncomplete) {
      REQUIRE(request_.bytes_needed >= 1);
      if (size_ != 0) quiet_until_ = size_ + request_.bytes_needed;
      return false;
    }
    // The hint was a promise: nothing may come of fewer bytes.
    CHECK(size_ >= quiet_until_);
    quiet_until_ = 0;
    if (result == ParseResult::kError) {
      log_.push_back("error " + std::string(request_.error));
      closed_ = true;
      return false;
    }
    REQUIRE(request_.consumed >= 1);
    REQUIRE(request_.consumed <= size_);
    if (result == ParseResult::kEmpty) {
      log_.push_back("empty");
    } else {
      REQUIRE(!request_.argv.empty());
      std::string line = "command";
      for (std::string_view arg : request_.argv) line += " <" + std::string(arg) + ">";
      log_.push_back(line);
    }
    Hold(std::string(data_.get() + request_.consumed, size_ - request_.consumed));
    return true;
  }

  RequestParser parser_;
  Request request_;
  std::unique_ptr<char[]> data_ = std::make_unique<char[]>(0);
  size_t size_ = 0;
  size_t quiet_until_ = 0;
  bool closed_ = false;
  std::vector<std::string> log_;
};

using Log = std::vector<std::string>;

Log Whole(std::string_view bytes, ParserOptions options = ParserOptions()) {
  Connection connection(options);
  connection.Feed(bytes);
  return connection.log();
}
Log Chunks(std::string_view bytes, size_t chunk, ParserOptions options = ParserOptions()) {
  Connection connection(options);
  for (size_t at = 0; at < bytes.size(); at += chunk) connection.Feed(bytes.substr(at, chunk));
  return connection.log();
}
Log RandomSplits(std::string_view bytes, uint32_t seed, ParserOptions options = ParserOptions()) {
  std::mt19937 random(seed);
  Connection connection(options);
  while (!bytes.empty()) {
    size_t n = 1 + random() % std::min<size_t>(bytes.size(), 40);
    connection.Feed(bytes.substr(0, n));
    bytes.remove_prefix(n);
  }
  return connection.log();
}

struct Vector {
  std::string bytes;
  Log log;
};

std::string Bulk(std::string_view s) {
  return "$" + std::to_string(s.size()) + "\r\n" + std::string(s) + "\r\n";
}
const std::string kPing = "*1\r\n$4\r\nPING\r\n";
const std::string kCount = "error ERR Protocol error: invalid multibulk length";
const std::string kBulk = "error ERR Protocol error: invalid bulk length";
const std::string kQuotes = "error ERR Protocol error: unbalanced quotes in request";
const std::string kP = "command <PING>";
std::string Expected(std::string_view got) {
  return "error ERR Protocol error: expected '$', got '" + std::string(got) + "'";
}

const std::vector<Vector>& Arrays() {
  static const std::vector<Vector> vectors = {
      {kPing, {kP}},
      {kPing + kPing, {kP, kP}},
      {"*3\r\n" + Bulk("SET") + Bulk("key") + Bulk(""), {"command <SET> <key> <>"}},
      {"*2\r\n" + Bulk("ECHO") + Bulk(std::string("a\0\r\n*b", 6)),
       {std::string("command <ECHO> <a\0\r\n*b>", 23)}},
      {"*1\r\n$0\r\n\r\n", {"command <>"}},
      {"*2\r\n" + Bulk("ECHO") + Bulk(std::string(9, 'a')), {"command <ECHO> <aaaaaaaaa>"}},
      {"*2\r\n" + Bulk("ECHO") + Bulk(std::string(10, 'a')), {"command <ECHO> <aaaaaaaaaa>"}},
      {"*2\r\n" + Bulk("ECHO") + Bulk(std::string(1234, 'a')),
       {"command <ECHO> <" + std::string(1234, 'a') + ">"}},
      {"*0\r\n" + kPing, {"empty", kP}},
      {"*-1\r\n" + kPing, {"empty", kP}},
      {"*-10\r\n" + kPing, {"empty", kP}},
      {"*-9223372036854775808\r\n" + kPing, {"empty", kP}},
      {"*-9223372036854775809\r\n", {kCount}},
      {"*abc\r\n", {kCount}},
      {"*\r\n", {kCount}},
      {"*+1\r\n" + kPing, {kCount}},
      {"*01\r\n" + kPing, {kCount}},
      {"* 1\r\n", {kCount}},
      {"*1 \r\n", {kCount}},
      {"*-0\r\n", {kCount}},
      {"*-\r\n", {kCount}},
      {"*--1\r\n", {kCount}},
      {"*1048577\r\n", {}},
      {"*2147483647\r\n", {}},
      {"*2147483648\r\n", {kCount}},
      {"*9223372036854775807\r\n", {kCount}},
      {"*99999999999999999999\r\n", {kCount}},
      {"*000000000000000000000001\r\n", {kCount}},
      {"*1\nabc\r\n$4\r\nPING\r\n", {kCount}},
      {"*1\r\n$-1\r\n", {kBulk}},
      {"*1\r\n$-0\r\n", {kBulk}},
      {"*1\r\n$\r\n", {kBulk}},
      {"*1\r\n$abc\r\n", {kBulk}},
      {"*1\r\n$04\r\nPING\r\n", {kBulk}},
      {"*1\r\n$ 4\r\n", {kBulk}},
      {"*1\r\n$4 \r\n", {kBulk}},
      {"*1\r\n$12345x\r\n", {kBulk}},
      {"*1\r\n$536870912\r\n", {}},
      {"*1\r\n$536870913\r\n", {kBulk}},
      {"*1\r\n$9223372036854775808\r\n", {kBulk}},
      {"*1\r\n:1\r\n", {Expected(":")}},
      {"*1\r\n*1\r\n", {Expected("*")}},
      {"*1\r\n'\r\n", {Expected("'")}},
      {"*1\r\n\r\n", {Expected(" ")}},
      {"*1\r\n\nabc\r\n", {Expected(" ")}},
      {"*1\r\n\xff\r\n", {Expected("\xff")}},
      {"*1\r\n:1", {}},
      {"*2\r\n" + Bulk("GET") + ":1\r\n", {Expected(":")}},
      {"*1\n$4\nPING\n", {}},
      // What stands where LF should, and behind a bulk, is not looked at.
      {"*1\rX$4\rXPING\r\n", {kP}},
      {"*1\r\n$4\r\nPINGxx" + kPing, {kP, kP}},
      {"*1\r\n$4\r\nPING\r", {}},
      {kPing + "*1\r\n$4\r\nPI", {kP}},
      {kPing + "PING\r\n" + kPing, {kP, kP, kP}},
      {kPing + "*1\r\n$x\r\n" + kPing, {kP, kBulk}},
      {"*1\r\n" + Bulk("A") + "\r\n" + kPing, {"command <A>", "empty", kP}},
      {"\n" + kPing + "\n\nPING\n", {"empty", kP, "empty", "empty", kP}},
  };
  return vectors;
}

const std::vector<Vector>& Inlines() {
  static const std::vector<Vector> vectors = {
      {"PING\r\n", {kP}},
      {"PING\n", {kP}},
      {"PING\r\r\n", {kP}},
      {"\r\n\r\nPING\r\n", {"empty", "empty", kP}},
      {"   \r\nPING\n", {"empty", kP}},
      {" \t PING\t \n", {kP}},
      {"$4\r\nPING\r\n", {"command <$4>", kP}},
      {"set k \"a b\"\r\nget k\r\n", {"command <set> <k> <a b>", "command <get> <k>"}},
      {"echo \"a\\x41\\n\\r\\t\\a\\b\\q\\\"\"\r\n", {"command <echo> <aA\n\r\t\a\bq\">"}},
      {"echo 'a\\'b\\n'\r\n", {"command <echo> <a'b\\n>"}},
      {"echo \"abc\r\n", {kQuotes}},
      {"echo 'abc\r\n", {kQuotes}},
      {"echo \"abc\"def\r\n", {kQuotes}},
      {"echo 'abc'def\r\n", {kQuotes}},
      {"echo \"abc\"'def'\r\n", {kQuotes}},
      {"echo a'b c'd\r\n", {kQuotes}},
      {"echo \"abc\\\"\r\n", {kQuotes}},
      {"echo 'abc\\'\r\n", {kQuotes}},
      {"echo \"abc\\\r\n", {kQuotes}},
      {"echo \"\n", {kQuotes}},
      {"echo a\"b c\"\r\n", {"command <echo> <ab c>"}},
      {"echo a\"b c\" \"d\" e 'f'\r\n", {"command <echo> <ab c> <d> <e> <f>"}},
      {"echo \"\" ''\r\n", {"command <echo> <> <>"}},
      {"echo \"\\x4\"\r\n", {"command <echo> <x4>"}},
      {"echo \"\\xzz\"\r\n", {"command <echo> <xzz>"}},
      {"echo \"\\xfF\\x00\"\r\n", {std::string("command <echo> <\xff\0>", 19)}},
      {"echo a\tb\r\n", {"command <echo> <a> <b>"}},
      {"echo\va\r\n", {"command <echo\va>"}},
      {"echo\fa\r\n", {"command <echo\fa>"}},
      {"\v\fecho \v\"a\"\f\r\n", {"command <echo> <a>"}},
      {"echo a\rb\r\n", {"command <echo> <a> <b>"}},
      {"echo \"a\rb\"\r\n", {"command <echo> <a\rb>"}},
      {"echo a\\ b\r\n", {"command <echo> <a\\> <b>"}},
      {"PING", {}},
      {"PING\r", {}},
  };
  return vectors;
}

void CheckEveryWay(const Vector& vector) {
  CAPTURE(vector.bytes);
  CHECK(Whole(vector.bytes) == vector.log);
  CHECK(Chunks(vector.bytes, 1) == vector.log);
  for (uint32_t seed = 1; seed <= 20; ++seed) CHECK(RandomSplits(vector.bytes, seed) == vector.log);
  // Behind other commands: the same, and nothing of what came before shows through.
  const std::string before = "*3\r\n" + Bulk("SET") + Bulk("a") + Bulk("12") + "echo \"x y\"\r\n";
  Log log = {"command <SET> <a> <12>", "command <echo> <x y>"};
  log.insert(log.end(), vector.log.begin(), vector.log.end());
  CHECK(Whole(before + vector.bytes) == log);
  CHECK(Chunks(before + vector.bytes, 1) == log);
  CHECK(RandomSplits(before + vector.bytes, 7) == log);
}

}  // namespace

TEST_CASE("resp parser: arrays") {
  for (const Vector& vector : Arrays()) CheckEveryWay(vector);
}

TEST_CASE("resp parser: inline commands") {
  for (const Vector& vector : Inlines()) CheckEveryWay(vector);
}

TEST_CASE("resp parser: all vectors in one pipeline") {
  std::string bytes;
  Log log;
  auto add = [&](const std::vector<Vector>& vectors) {
    for (const Vector& vector : vectors) {
      if (vector.log.empty() || vector.log.back().starts_with("error") ||
          vector.bytes.ends_with("PI")) {
        continue;
      }
      bytes += vector.bytes;
      log.insert(log.end(), vector.log.begin(), vector.log.end());
    }
  };
  add(Arrays());
  add(Inlines());
  CHECK(log.size() > 40);
  CHECK(Whole(bytes) == log);
  CHECK(Chunks(bytes, 1) == log);
  CHECK(Chunks(bytes, 7) == log);
  for (uint32_t seed = 1; seed <= 50; ++seed) CHECK(RandomSplits(bytes, seed) == log);
}

TEST_CASE("resp parser: line limits") {
  const std::string big(kInlineBytesMax, 'a');
  const std::string digits(kInlineBytesMax, '1');
  struct Case {
    std::string bytes;
    Log log;
  };
  const std::vector<Case> cases = {
      {big, {}},
      {big + "\n", {"command <" + big + ">"}},
      {big + "a", {"error ERR Protocol error: too big inline request"}},
      {big + "a\n", {"error ERR Protocol error: too big inline request"}},
      {"*" + digits.substr(1), {}},
      {"*" + digits.substr(1) + "\r\n", {kCount}},
      {"*" + digits, {"error ERR Protocol error: too big mbulk count string"}},
      {"*" + digits + "\r\n", {"error ERR Protocol error: too big mbulk count string"}},
      {"*1\r\n$" + digits.substr(1), {}},
      {"*1\r\n$" + digits.substr(1) + "\r\n", {kBulk}},
      {"*1\r\n$" + digits, {"error ERR Protocol error: too big bulk count string"}},
      {"*1\r\n:" + digits, {"error ERR Protocol error: too big bulk count string"}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.bytes.substr(0, 8));
    CHECK(Whole(c.bytes) == c.log);
    CHECK(Chunks(c.bytes, 997) == c.log);
    CHECK(Whole(kPing + c.bytes).size() == c.log.size() + 1);
  }
}

TEST_CASE("resp parser: limits before authentication") {
  ParserOptions closed{.bulk_bytes_max = kBulkBytesMaxDefault, .authenticated = false};
  const Log count = {"error ERR Protocol error: unauthenticated multibulk length"};
  const Log bulk = {"error ERR Protocol error: unauthenticated bulk length"};
  CHECK(Whole("*11\r\n", closed) == count);
  CHECK(Chunks("*11\r\n", 1, closed) == count);
  CHECK(Whole("*10\r\n$16384\r\n", closed).empty());
  CHECK(Whole("*10\r\n$16385\r\n", closed) == bulk);
  CHECK(Chunks("*10\r\n$16385\r\n", 1, closed) == bulk);
  // Out of any range: the general error comes first.
  CHECK(Whole("*1\r\n$536870913\r\n", closed) == Log{kBulk});
  CHECK(Whole("*2147483648\r\n", closed) == Log{kCount});

  Connection connection(closed);
  connection.Feed(kPing);
  connection.parser().SetAuthenticated(true);
  connection.Feed("*11\r\n$16385\r\n");
  CHECK(connection.log() == Log{kP});
}

TEST_CASE("resp parser: proto-max-bulk-len") {
  ParserOptions small{.bulk_bytes_max = 100, .authenticated = true};
  CHECK(Whole("*1\r\n$100\r\n", small).empty());
  CHECK(Whole("*1\r\n$101\r\n", small) == Log{kBulk});
  // As it stands at the moment.
  std::atomic<uint64_t> most{kBulkBytesMaxLeast};
  const ParserOptions changing{.bulk_bytes_max_now = &most};
  CHECK(Whole("*1\r\n$1048576\r\n", changing).empty());
  CHECK(Whole("*1\r\n$1048577\r\n", changing) == Log{kBulk});
  const ParserOptions closed{.bulk_bytes_max_now = &most, .authenticated = false};
  CHECK(Whole("*1\r\n$16385\r\n", closed) ==
        Log{"error ERR Protocol error: unauthenticated bulk length"});
  Connection connection(changing);
  connection.Feed(kPing);
  most = kBulkBytesMaxLeast + 1;
  connection.Feed("*1\r\n$1048577\r\n");
  CHECK(connection.log() == Log{kP});
  CHECK(connection.bytes_needed() == 1048577 + 2);
  Connection large(changing);
  most = 1ull << 40;
  large.Feed("*1\r\n$1099511627776\r\nabc");
  CHECK(large.bytes_needed() == (1ull << 40) + 2 - 3);
}

TEST_CASE("resp parser: bytes needed for the bulk in progress") {
  Connection connection;
  connection.Feed("*2\r\n$3\r\nGET\r\n$536870912\r\n");
  CHECK(connection.bytes_needed() == 536870914);
  connection.Feed("12345");
  CHECK(connection.bytes_needed() == 536870909);
  CHECK(connection.parser().in_command());
}

TEST_CASE("resp parser: many arguments grow the array and give it back") {
  for (size_t count : {15u, 16u, 17u, 63u, 64u, 65u, 1000u, 3000u}) {
    std::string bytes = "*" + std::to_string(count) + "\r\n";
    std::string line = "command";
    for (size_t i = 0; i < count; ++i) {
      bytes += Bulk(std::to_string(i));
      line += " <" + std::to_string(i) + ">";
    }
    CHECK(Whole(bytes + kPing) == Log{line, kP});
    CHECK(Chunks(bytes + kPing, 11) == Log{line, kP});
    std::string words = line.substr(sizeof("command"));
    std::erase(words, '<');
    std::erase(words, '>');
    CHECK(Whole(words + "\r\n" + kPing) == Log{line, kP});
  }
  Connection connection;
  std::string bytes = "*50000\r\n";
  for (size_t i = 0; i < 50000; ++i) bytes += Bulk("x");
  connection.Feed(bytes.substr(0, bytes.size() - 1));
  CHECK(connection.log().empty());
  connection.Feed(bytes.substr(bytes.size() - 1));
  CHECK(connection.log().size() == 1);
  connection.Feed("echo \"" + std::string(60000, 'y') + "\"\r\n");
  connection.Feed(kPing);
  CHECK(connection.parser().heap_bytes() < 64 * 1024);
}

TEST_CASE("resp parser: what was scanned is not read again") {
  // Everything before the unfinished part is overwritten between calls; lengths and offsets must
  // still come out right.
  constexpr size_t kArgs = 500;
  std::string bytes = "*" + std::to_string(kArgs) + "\r\n";
  for (size_t i = 0; i < kArgs; ++i) bytes += Bulk(std::string(i % 37, 'v'));
  RequestParser parser;
  Request request;
  std::string held;
  size_t next = 0;
  ParseResult result = ParseResult::kIncomplete;
  while (result == ParseResult::kIncomplete) {
    REQUIRE(next < bytes.size());
    std::fill(held.begin(), held.end(), '!');
    // Whole arguments only, so that no length line is left half read.
    size_t line = bytes.find("\r\n$", next + 1);
    size_t upto = line == std::string::npos ? bytes.size() : line + 2;
    held += bytes.substr(next, upto - next);
    next = upto;
    result = parser.Parse(held.data(), held.size(), &request);
  }
  REQUIRE(result == ParseResult::kComplete);
  CHECK(request.consumed == bytes.size());
  REQUIRE(request.argv.size() == kArgs);
  for (size_t i = 0; i < kArgs; ++i) CHECK(request.argv[i].size() == i % 37);
}

TEST_CASE("resp parser: reset forgets a command in progress") {
  Connection connection;
  connection.Feed("*2\r\n$3\r\nGET\r\n$5");
  connection.parser().Reset();
  CHECK(!connection.parser().in_command());
  CHECK(connection.parser().heap_bytes() == 0);
  RequestParser& parser = connection.parser();
  Request request;
  CHECK(parser.Parse(kPing.data(), kPing.size(), &request) == ParseResult::kComplete);
  CHECK(request.argv.size() == 1);
  CHECK(request.argv[0] == "PING");
}
