// The reply writer against the bytes of the protocol, in both versions, and the buffer underneath.
#include <doctest/doctest.h>

#include <limits>
#include <random>
#include <string>
#include <utility>

#include "resp/errors.h"
#include "resp/reply.h"

using namespace cairn;

namespace {

template <typename Write>
std::string Reply(int version, Write write) {
  OutBuffer out;
  ReplyWriter reply(&out, version);
  write(reply);
  return std::string(out.view());
}

#define BOTH(expression, resp2, resp3)                                  \
  do {                                                                  \
    CHECK(Reply(2, [](ReplyWriter& reply) { expression; }) == (resp2)); \
    CHECK(Reply(3, [](ReplyWriter& reply) { expression; }) == (resp3)); \
  } while (false)
#define SAME(expression, bytes) BOTH(expression, bytes, bytes)

}  // namespace

TEST_CASE("resp reply: frames") {
  SAME(reply.Ok(), "+OK\r\n");
  SAME(reply.Queued(), "+QUEUED\r\n");
  SAME(reply.Pong(), "+PONG\r\n");
  SAME(reply.Simple("string"), "+string\r\n");
  SAME(reply.Simple(""), "+\r\n");
  SAME(reply.Error(errors::kSyntax), "-ERR syntax error\r\n");
  SAME(reply.Error("ERR a\r\nb\nc\rd"), "-ERR a  b c d\r\n");
  SAME(reply.Error("ERR a\r\n"), "-ERR a\r\n");
  SAME(reply.Error("\r\n"), "-\r\n");
  SAME(reply.Integer(0), ":0\r\n");
  SAME(reply.Integer(-1), ":-1\r\n");
  SAME(reply.Integer(255), ":255\r\n");
  SAME(reply.Integer(256), ":256\r\n");
  SAME(reply.Integer(std::numeric_limits<int64_t>::max()), ":9223372036854775807\r\n");
  SAME(reply.Integer(std::numeric_limits<int64_t>::min()), ":-9223372036854775808\r\n");
  SAME(reply.Bulk(""), "$0\r\n\r\n");
  SAME(reply.Bulk("a\r\nb"), "$4\r\na\r\nb\r\n");
  SAME(reply.Bulk(std::string_view()), "$0\r\n\r\n");
  SAME(reply.BulkInteger(-42), "$3\r\n-42\r\n");
  SAME(reply.LongDoubleBulk(3.5L), "$3\r\n3.5\r\n");
  SAME(reply.ArrayHeader(0), "*0\r\n");
  SAME(reply.ArrayHeader(1000), "*1000\r\n");
  SAME(reply.Raw("_x"), "_x");
  BOTH(reply.Null(), "$-1\r\n", "_\r\n");
  BOTH(reply.NullArray(), "*-1\r\n", "_\r\n");
  BOTH(reply.MapHeader(3), "*6\r\n", "%3\r\n");
  BOTH(reply.SetHeader(3), "*3\r\n", "~3\r\n");
  BOTH(reply.PushHeader(3), "*3\r\n", ">3\r\n");
  BOTH(reply.Double(3.25), "$4\r\n3.25\r\n", ",3.25\r\n");
  BOTH(reply.Double(-std::numeric_limits<double>::infinity()), "$4\r\n-inf\r\n", ",-inf\r\n");
  BOTH(reply.Bool(true), ":1\r\n", "#t\r\n");
  BOTH(reply.Bool(false), ":0\r\n", "#f\r\n");
  BOTH(reply.BigNumber("123456789012345678901"), "$21\r\n123456789012345678901\r\n",
       "(123456789012345678901\r\n");
  BOTH(reply.Verbatim("txt", "Some\r\nstring"), "$12\r\nSome\r\nstring\r\n",
       "=16\r\ntxt:Some\r\nstring\r\n");
  BOTH(reply.Verbatim("txt", ""), "$0\r\n\r\n", "=4\r\ntxt:\r\n");
  CHECK(Reply(3, [](ReplyWriter& reply) { reply.AttributeHeader(1); }) == "|1\r\n");
}

TEST_CASE("resp reply: every header length, and integers near powers of ten") {
  for (uint64_t n = 0; n < 100000; n = n < 1100 ? n + 1 : n * 3) {
    OutBuffer out;
    ReplyWriter reply(&out);
    reply.ArrayHeader(n);
    reply.Integer(static_cast<int64_t>(n));
    reply.Bulk(std::string(n, 'x'));
    std::string digits = std::to_string(n);
    CHECK(out.view() == "*" + digits + "\r\n:" + digits + "\r\n$" + digits + "\r\n" +
                            std::string(n, 'x') + "\r\n");
  }
}

TEST_CASE("resp reply: version can change between replies, and space can be filled by the caller") {
  OutBuffer out;
  ReplyWriter reply(&out);
  reply.Null();
  reply.set_version(3);
  CHECK(reply.version() == 3);
  reply.Null();
  char* place = reply.BulkSpace(3);
  place[0] = 'a', place[1] = 'b', place[2] = 'c';
  CHECK(out.view() == "$-1\r\n_\r\n$3\r\nabc\r\n");
}

TEST_CASE("resp reply: buffer against a model") {
  std::mt19937 random(4);
  OutBuffer out;
  std::string model;
  for (int i = 0; i < 20000; ++i) {
    switch (random() % 6) {
      case 0:
      case 1:
      case 2: {
        std::string bytes(random() % (i % 100 == 0 ? 20000 : 200), static_cast<char>('a' + i % 26));
        out.Append(bytes);
        model += bytes;
        break;
      }
      case 3: {
        size_t n = model.empty() ? 0 : random() % (model.size() + 1);
        out.Consume(n);
        model.erase(0, n);
        break;
      }
      case 4: {
        size_t mark =
            model.empty() ? 0 : model.size() - random() % std::min<size_t>(model.size(), 50);
        out.Truncate(mark);
        model.resize(mark);
        break;
      }
      case 5: {
        char* p = out.Reserve(100);
        std::memset(p, 'r', 60);
        out.Commit(60);
        model.append(60, 'r');
        break;
      }
    }
    REQUIRE(out.size() == model.size());
    REQUIRE(out.view() == model);
    CHECK(out.empty() == model.empty());
  }
  CHECK(out.capacity() < 1024 * 1024);
}

TEST_CASE("resp reply: buffer gives memory back, moves, and clears") {
  OutBuffer out;
  out.Append(std::string(100000, 'x'));
  out.Shrink(0);
  CHECK(out.size() == 100000);
  OutBuffer other = std::move(out);
  CHECK(out.empty());  // NOLINT: a moved-from buffer is an empty buffer
  CHECK(other.size() == 100000);
  other.Consume(100000);
  other.Shrink(1 << 20);
  CHECK(other.capacity() >= 100000);
  other.Shrink(4096);
  CHECK(other.capacity() == 0);
  other.Append("again");
  CHECK(other.view() == "again");
  other.Clear();
  CHECK(other.empty());
}

TEST_CASE("resp reply: consuming a little at a time does not grow the buffer without end") {
  OutBuffer out;
  out.Append(std::string(1000, 'x'));
  for (int i = 0; i < 100000; ++i) {
    out.Append(std::string(100, 'y'));
    out.Consume(100);
  }
  CHECK(out.size() == 1000);
  CHECK(out.capacity() <= 16384);
}
