// The reply writer against the bytes of the protocol, in both versions, and the buffer underneath.
#include <doctest/doctest.h>

#include <limits>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

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

TEST_CASE("out buffer: lent bytes are sent in their place, and not copied") {
  const auto value = std::make_shared<std::string>(kLargeValueBytes, 'v');
  struct One : Lender {
    std::shared_ptr<std::string> value;
    Owner OwnerOf(std::string_view bytes) override {
      return bytes.data() == value->data() ? Owner(value) : nullptr;
    }
  } lender;
  lender.value = value;
  OutBuffer out;
  ReplyWriter reply(&out, 2, &lender);
  reply.ArrayHeader(2);
  reply.Bulk(*value);
  reply.Bulk("small");
  CHECK(value.use_count() == 3);
  const std::string header = "*2\r\n$" + std::to_string(value->size()) + "\r\n";
  CHECK(out.size() == header.size() + value->size() + 2 + 11);
  CHECK(out.Front() == header);
  out.Consume(header.size());
  CHECK(out.Front().data() == value->data());
  CHECK(out.Front().size() == value->size());
  out.Consume(100);
  CHECK(out.Front().data() == value->data() + 100);
  out.Consume(value->size() - 100);
  CHECK(value.use_count() == 2);
  CHECK(out.Front() == "\r\n$5\r\nsmall\r\n");
  out.Consume(out.Front().size());
  CHECK(out.empty());
  // Of another owner, or none: copied.
  const std::string other(kLargeValueBytes, 'o');
  reply.Bulk(other);
  CHECK(out.view().substr(out.size() - 3) == "o\r\n");
}

TEST_CASE("out buffer: random appends, loans, truncations, moves and sends, against a string") {
  std::mt19937 random(5);
  auto pick = [&](uint32_t n) { return std::uniform_int_distribution<uint32_t>(0, n - 1)(random); };
  OutBuffer out;
  std::string model;
  std::vector<std::weak_ptr<std::string>> lent;
  for (int step = 0; step < 20'000; ++step) {
    const std::string bytes(1 + pick(50), static_cast<char>('a' + pick(26)));
    switch (pick(8)) {
      case 0:
      case 1:
        out.Append(bytes);
        model += bytes;
        break;
      case 2: {
        const auto owner = std::make_shared<std::string>(bytes);
        out.Lend(*owner, owner);
        lent.push_back(owner);
        model += bytes;
        break;
      }
      case 3: {  // a reply that is taken back: a mark, then anything behind it
        const size_t mark = out.size();
        out.Append("-ERR " + bytes);
        REQUIRE(out.ViewFrom(mark) == "-ERR " + bytes);
        const auto owner = std::make_shared<std::string>(bytes);
        if (pick(2) == 0) out.Lend(*owner, owner);
        out.Append(bytes);
        if (pick(2) == 0) out.Lend(*owner, owner);
        REQUIRE(out.ViewFrom(mark).starts_with("-ERR "));
        out.Truncate(mark);
        break;
      }
      case 4: {
        OutBuffer more;
        more.Append(bytes);
        const auto owner = std::make_shared<std::string>(bytes + "!");
        more.Lend(*owner, owner);
        if (pick(2) == 0) more.Append("tail");
        model += bytes + bytes + "!" +
                 (std::string(more.Front()) == bytes && more.size() > 2 * bytes.size() + 1 ? "tail"
                                                                                           : "");
        out.Append(&more);
        REQUIRE(more.empty());
        break;
      }
      case 5: {
        OutBuffer moved = std::move(out);
        REQUIRE(out.empty());
        out = std::move(moved);
        break;
      }
      default: {
        if (model.empty()) break;
        const size_t front = out.Front().size();
        REQUIRE(front != 0);
        REQUIRE(out.Front() == std::string_view(model).substr(0, front));
        const size_t sent = 1 + pick(static_cast<uint32_t>(std::min<size_t>(front, 60)));
        out.Consume(sent);
        model.erase(0, sent);
      }
    }
    REQUIRE(out.size() == model.size());
  }
  out.Clear();
  for (const auto& owner : lent) REQUIRE(owner.expired());
}

TEST_CASE("out buffer: pinned bytes stay where they are, whatever becomes of the buffer") {
  OutBuffer in;
  const std::string first(100'000, '1');
  in.Append(first);
  const char* at = in.data();
  Owner owner = in.Pin();
  CHECK(in.Pin() == owner);
  SUBCASE("consumed, and more comes") {
    in.Consume(first.size());
    CHECK(in.empty());
    in.Append(std::string(300'000, '2'));
    CHECK(in.view() == std::string(300'000, '2'));
  }
  SUBCASE("more than it has room for") {
    in.Append(std::string(1'000'000, '3'));
    CHECK(in.view() == first + std::string(1'000'000, '3'));
  }
  SUBCASE("cleared and used again") {
    in.Clear();
    in.Append(std::string(50'000, '4'));
  }
  SUBCASE("destroyed") { OutBuffer gone = std::move(in); }
  CHECK(std::string_view(at, first.size()) == first);
}

TEST_CASE("out buffer: what is lent takes no memory, so no number of loans is too large") {
  const auto owner = std::make_shared<char>('x');
  OutBuffer out;
  for (int i = 0; i < 3000; ++i) {  // never looked at
    out.Append("$\r\n");
    out.Lend({owner.get(), size_t{1} << 30}, owner);
  }
  CHECK(out.size() > OutBuffer::kBytesMax);
  out.Append(std::string(10'000, 'y'));
  out.Consume(3);
  CHECK(out.Front().data() == owner.get());
  out.Clear();
  CHECK(owner.use_count() == 1);
}
