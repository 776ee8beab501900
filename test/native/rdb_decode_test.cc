// The decoder of serialised values: payloads of real servers and of every old encoding, in steps of
// any size, and lies of every kind behind a checksum that matches.
#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "rdb_testing.h"

namespace cairn::testing {
namespace {

using rdb::Decoder;
using rdb::DumpResult;
using rdb::Type;

constexpr rdb::StepBudget kOneElement{1, UINT64_MAX};
constexpr rdb::StepBudget kFewBytes{UINT64_MAX, 3};
constexpr rdb::StepBudget kAll{UINT64_MAX, UINT64_MAX};

TEST_CASE("rdb decode: payloads of servers, and of old encodings, in steps of any size") {
  const std::vector<RdbRow> rows = RdbRows();
  REQUIRE(rows.size() > 40);
  for (const RdbRow& row : rows) {
    CAPTURE(row.name);
    for (const rdb::StepBudget& budget : {kAll, kOneElement, kFewBytes}) {
      const Decoded decoded = Decode(row.payload, budget);
      CHECK(decoded.Text() == row.is);
      CHECK(decoded.value.IsWhole());
    }
    // The payload alone is summed in such steps.
    CHECK(Decode(row.payload, kFewBytes).steps >= row.payload.size() / 3 - 3);
  }
}

TEST_CASE("rdb decode: a payload that ends early, or late, is none") {
  for (const RdbRow& row : RdbRows()) {
    CAPTURE(row.name);
    const std::string body = BodyOf(row.payload);
    for (size_t bytes = 0; bytes < body.size(); ++bytes) {
      const Decoded decoded = Decode(Sealed(body.substr(0, bytes)));
      CAPTURE(bytes);
      CHECK(decoded.progress == Decoder::Progress::kFailed);
      CHECK(decoded.fault == DumpResult::kBadFormat);
    }
    CHECK(Decode(Sealed(body + '\0')).Text() ==
          "! bytes left over behind the value at byte " + std::to_string(body.size()));
  }
}

TEST_CASE("rdb decode: a value of a file ends where it ends") {
  for (const RdbRow& row : RdbRows()) {
    CAPTURE(row.name);
    const std::string body = BodyOf(row.payload);
    const std::string file = body.substr(1) + "what comes behind";
    Collector value;
    Decoder decoder(static_cast<uint8_t>(body[0]), file, &value);
    CHECK(decoder.Step(kAll) == Decoder::Progress::kDone);
    CHECK(decoder.Step(kAll) == Decoder::Progress::kDone);
    CHECK(decoder.position() == body.size() - 1);
    CHECK(value.Text() == row.is);
  }
}

TEST_CASE("rdb decode: checksum, types that are not decoded, and limits are told apart") {
  std::string payload = Sealed(TypeByte(Type::kString) + Str("hello"));
  CHECK(Decode(payload).Text() == "string \"hello\"");
  payload.back() ^= 1;
  const Decoded damaged = Decode(payload);
  CHECK(damaged.fault == DumpResult::kBadFooter);
  CHECK(damaged.value.begun == 0);
  CHECK(Decode("").fault == DumpResult::kBadFooter);
  CHECK(Decode("123456789").fault == DumpResult::kBadFooter);

  for (uint8_t type : {6, 7, 22, 23, 26, 63}) {
    CHECK(Decode(Sealed(std::string(1, static_cast<char>(type)) + Str("x"))).fault ==
          DumpResult::kOtherType);
  }
  CHECK(Decode(Sealed("\x07 ")).message == "a module's value at byte 0");
  CHECK(Decode(Sealed("\x08 ")).fault == DumpResult::kOtherType);
  CHECK(Decode(Sealed("\xff ")).fault == DumpResult::kBadFormat);

  const rdb::DecodeLimits limits{4, 64};
  CHECK(Decode(Sealed(TypeByte(Type::kString) + Str("hello")), {}, limits).fault ==
        DumpResult::kTooLong);
  CHECK(Decode(Sealed(TypeByte(Type::kSetListpack) + Str(Pack({"four", "fiver"}))), {}, limits)
            .fault == DumpResult::kTooLong);
  CHECK(Decode(Sealed(TypeByte(Type::kSetListpack) + Str(Pack({"four"}))), {}, limits).ok());
}

TEST_CASE("rdb decode: a visitor that stops is told nothing more") {
  class Stopping : public Collector {
   public:
    bool ListItem(std::string_view text) override {
      Collector::ListItem(text);
      return elements.size() < 2;
    }
  };
  Stopping value;
  const std::string payload =
      Sealed(TypeByte(Type::kList) + Len(3) + Str("a") + Str("b") + Str("c"));
  Decoder decoder(payload, &value);
  CHECK(decoder.Step(kAll) == Decoder::Progress::kStopped);
  CHECK(decoder.Step(kAll) == Decoder::Progress::kStopped);
  CHECK(value.elements.size() == 2);
}

TEST_CASE("rdb decode: a long compressed string takes as many steps as it should") {
  const std::string text(1'000'000, 'a');
  std::string coded(rdb::StringRoom(text.size()), '\0');
  coded.resize(rdb::PutLzf(text, coded.data()));
  const std::string payload = Sealed(TypeByte(Type::kString) + coded);
  const Decoded decoded = Decode(payload, {1000, 10'000});
  CHECK(decoded.value.elements.at(0).key == text);
  CHECK(decoded.steps >= 90);
  CHECK(decoded.steps <= 110);
}

std::string Zip(const std::string& items, uint32_t tail, uint16_t count) {
  return Little<uint32_t>(static_cast<uint32_t>(10 + items.size() + 1)) + Little(tail) +
         Little(count) + items + "\xff";
}

std::string Listpack(const std::string& items, uint16_t count) {
  return Little<uint32_t>(static_cast<uint32_t>(6 + items.size() + 1)) + Little(count) + items +
         "\xff";
}

struct Lie {
  std::string body;
  std::string message;
};

void CheckLies(Type type, const std::vector<Lie>& lies) {
  for (const Lie& lie : lies) {
    CHECK(Decode(Sealed(TypeByte(type) + lie.body)).Text() == "! " + lie.message);
  }
}

TEST_CASE("rdb decode: lies of tables") {
  using namespace std::string_literals;
  const std::string wrong = "compressed string does not decode to its length at byte 1";
  CheckLies(Type::kString, {{"\xc4", "string runs out of range at byte 1"},
                            {"\x05hell", "string runs out of range at byte 1"},
                            {"\xc3\x02\x05\x04h"s, wrong},
                            {"\xc3\x02\x01\x01x"s, wrong},
                            {"\xc3\x02\x02\x00x"s, wrong},
                            {"\xc3\x01\x50\x00"s, "string runs out of range at byte 1"},
                            {"\xc3\x01\x42\x00\x00"s, "string runs out of range at byte 1"}});
}

TEST_CASE("rdb decode: counts that the bytes cannot hold, or of nothing") {
  CheckLies(Type::kList, {{Len(0), "a value without elements at byte 1"},
                          {Len(2) + Str("a"), "string runs out of range at byte 4"},
                          {Len(1000) + Str("a"), "count runs out of range at byte 1"},
                          {Len(UINT64_MAX) + Str("a"), "count runs out of range at byte 1"}});
  CheckLies(Type::kHash, {{Len(2) + Str("a") + Str("b"), "string runs out of range at byte 6"},
                          {Len(1) + Str("abc"), "string runs out of range at byte 6"}});
  CheckLies(Type::kListQuicklist2,
            {{Len(0), "a value without elements at byte 2"},
             {Len(2) + "\x02", "count of nodes runs out of range at byte 1"},
             {Len(1) + "\x03" + Str("x"), "unknown kind of node at byte 2"},
             {Len(1) + "\x02" + Str(Pack({})), "a value without elements at byte 11"}});
}

TEST_CASE("rdb decode: scores") {
  using namespace std::string_literals;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::string at_3 = "score is not a number at byte 4";
  CheckLies(Type::kZset2, {{Len(1) + Str("a") + Little(nan), at_3},
                           {Len(1) + Str("a") + "1234567", "no score at byte 4"}});
  CheckLies(Type::kZset, {{Len(1) + Str("a") + "\xfd", at_3},
                          {Len(1) + Str("a") + "\x03nan", at_3},
                          {Len(1) + Str("a") + "\x02" + "1x", at_3},
                          {Len(1) + Str("a") + "\x00"s, at_3},
                          {Len(1) + Str("a") + "\x02" + "1", "score runs out of range at byte 5"}});
  for (const char* score : {"nan", "", "one", "1 ", "1e999"}) {
    CheckLies(Type::kZsetListpack,
              {{Str(Pack({"a", score})), "score is not a number at byte 9 of the node at byte 1"}});
  }
  CHECK(Decode(Sealed(TypeByte(Type::kZsetListpack) + Str(Pack({"a", "-inf"})))).Text() ==
        "zset \"a\" -inf");
}

TEST_CASE("rdb decode: lies of intsets") {
  const auto set = [](uint32_t width, uint32_t count, const std::string& integers) {
    return Str(Little(width) + Little(count) + integers);
  };
  const std::string in_node = " of the node at byte 1";
  const std::string one = Little<int16_t>(1);
  const std::string two = Little<int16_t>(2);
  CheckLies(Type::kSetIntset,
            {{set(3, 2, one + two), "integers of an unknown length at byte 0" + in_node},
             {set(0, 0, ""), "integers of an unknown length at byte 0" + in_node},
             {set(2, 0, ""), "a value without elements at byte 0" + in_node},
             {set(2, 3, one + two), "intset of another length at byte 4" + in_node},
             {set(2, 1, one + two), "intset of another length at byte 4" + in_node},
             {set(8, UINT32_MAX, one + two), "intset of another length at byte 4" + in_node},
             {set(2, 2, two + one), "integers do not ascend at byte 10" + in_node},
             {set(2, 2, one + one), "integers do not ascend at byte 10" + in_node},
             {Str("1234567"), "intset too short at byte 0" + in_node}});
}

TEST_CASE("rdb decode: lies of listpacks") {
  using namespace std::string_literals;
  const std::string in_node = " of the node at byte 1";
  const std::string a =
      "\x81"
      "a\x02";
  const std::string good = Listpack(a + "\x07\x01", 2);
  CHECK(Decode(Sealed(TypeByte(Type::kSetListpack) + Str(good))).Text() == "set \"7\" \"a\"");
  CHECK(Decode(Sealed(TypeByte(Type::kSetListpack) + Str(Listpack(a, 65535)))).ok());
  std::string longer = good;
  longer[0] += 1;
  std::string unended = good;
  unended.back() = 'x';
  CheckLies(
      Type::kSetListpack,
      {{Str("123456"), "listpack too short at byte 0" + in_node},
       {Str(longer), "listpack of another length at byte 0" + in_node},
       {Str(unended), "no end mark at byte 11" + in_node},
       {Str(Listpack(a, 2)), "not as many items as the head claims at byte 4" + in_node},
       {Str(Listpack(a + a, 1)), "not as many items as the head claims at byte 12" + in_node},
       {Str(Listpack("", 0)), "a value without elements at byte 0" + in_node},
       {Str(Listpack("", 65535)), "a value without elements at byte 9"},
       {Str(Listpack("\x81"
                     "a\x03",
                     1)),
        "back-length is not that of its item at byte 8" + in_node},
       {Str(Listpack("\x82"
                     "a\x02",
                     1)),
        "item runs out of range at byte 6" + in_node},
       {Str(Listpack("\xf5"
                     "a\x02",
                     1)),
        "unknown encoding at byte 6" + in_node},
       {Str(Listpack("\xff"
                     "a\x02",
                     1)),
        "end mark before the end at byte 6" + in_node},
       {Str(Listpack("\xf4"
                     "1234567\x09",
                     1)),
        "item runs out of range at byte 6" + in_node},
       {Str(Listpack("\xf0\xff\xff\xff\xff\x05", 1)), "item runs out of range at byte 6" + in_node},
       {Str(Listpack("\xf0\xff\xff", 1)), "item runs out of range at byte 6" + in_node}});
  CheckLies(Type::kHashListpack,
            {{Str(Pack({"a"})), "an element lacks a part at byte 0" + in_node},
             {Str(Listpack(a + a + a, 65535)), "an element lacks a part at byte 12" + in_node}});
}

TEST_CASE("rdb decode: lies of ziplists") {
  using namespace std::string_literals;
  const std::string in_node = " of the node at byte 1";
  const std::string a =
      "\x00\x01"
      "a"s;
  const std::string b =
      "\x03\x01"
      "b"s;
  CHECK(Decode(Sealed(TypeByte(Type::kListZiplist) + Str(Zip(a + b, 13, 2)))).Text() ==
        "list \"a\" \"b\"");
  CheckLies(
      Type::kListZiplist,
      {{Str("1234567890"), "ziplist too short at byte 0" + in_node},
       {Str(Zip(a + b, 10, 2)), "the head does not name the last item at byte 16" + in_node},
       {Str(Zip(a + b, 1000, 2)), "offset of the last item runs out of range at byte 4" + in_node},
       {Str(Zip(a + b, 13, 3)), "not as many items as the head claims at byte 16" + in_node},
       {Str(Zip(a + b, 13, 4)), "not as many items as the head claims at byte 8" + in_node},
       {Str(Zip(a + a, 13, 2)), "length of the item before is not that at byte 13" + in_node},
       {Str(Zip(b, 10, 1)), "length of the item before is not that at byte 10" + in_node},
       {Str(Zip("\x00\x02"
                "a"s,
                10, 1)),
        "item runs out of range at byte 10" + in_node},
       {Str(Zip("\x00\xc1"
                "a"s,
                10, 1)),
        "unknown encoding at byte 11" + in_node},
       {Str(Zip("\x00\xff"
                "a"s,
                10, 1)),
        "unknown encoding at byte 11" + in_node},
       {Str(Zip("\x00\xd0"
                "123"s,
                10, 1)),
        "item runs out of range at byte 10" + in_node},
       {Str(Zip("\x00\x80\x00\x00"s, 10, 1)), "item runs out of range at byte 10" + in_node},
       {Str(Zip("\x00\x40"s, 10, 1)), "item runs out of range at byte 10" + in_node},
       {Str(Zip("\xfe\x00\x00"s, 10, 1)), "item runs out of range at byte 10" + in_node},
       {Str(Zip("\xff\x00\x00"s, 10, 1)), "end mark before the end at byte 10" + in_node},
       {Str(Zip("\x00"s, 10, 65535)), "item runs out of range at byte 10" + in_node},
       {Str(Zip("", 10, 0)), "a value without elements at byte 0" + in_node}});
}

TEST_CASE("rdb decode: lies of zipmaps") {
  using namespace std::string_literals;
  const std::string in_node = " of the node at byte 1";
  const std::string pair =
      "\x01"
      "f\x01\x00"
      "v"s;
  CHECK(Decode(Sealed(TypeByte(Type::kHashZipmap) + Str("\x01" + pair + "\xff"))).Text() ==
        "hash \"f\" \"v\"");
  CheckLies(
      Type::kHashZipmap,
      {{Str("\x01"), "zipmap too short at byte 0" + in_node},
       {Str("\x01" + pair), "no end mark at byte 5" + in_node},
       {Str("\x02" + pair + "\xff"), "not as many items as the head claims at byte 0" + in_node},
       {Str("\x01" + pair + pair + "\xff"),
        "not as many items as the head claims at byte 11" + in_node},
       {Str("\xff" + pair + "\xff"), "zipmap of too many pairs at byte 0" + in_node},
       {Str("\xfe\x01"
            "f\xff"),
        "field without a value at byte 3" + in_node},
       {Str("\xfe\x01"
            "f\x01\xff"),
        "item runs out of range at byte 3" + in_node},
       {Str("\xfe\x01"
            "f\x01\x09v\xff"s),
        "item runs out of range at byte 3" + in_node},
       {Str("\xfe\xfe\xff\xff\xff\xff"
            "f\xff"s),
        "item runs out of range at byte 1" + in_node},
       {Str("\xfe\xfe\x01\xff"s), "item runs out of range at byte 1" + in_node},
       {Str("\xfe\xff"), "a value without elements at byte 4"}});
}

TEST_CASE("rdb decode: fields that expire") {
  const uint64_t soonest = 1'700'000'000'000;
  const auto hash = [&](uint64_t min, uint64_t expiry) {
    return Little(min) + Len(1) + Len(expiry) + Str("f") + Str("v");
  };
  CHECK(Decode(Sealed(TypeByte(Type::kHashExpiry) + hash(soonest, 0))).Text() ==
        "hash \"f\" \"v\"");
  CHECK(Decode(Sealed(TypeByte(Type::kHashExpiry) + hash(rdb::kFieldExpiryEnd - 1, 1))).ok());
  const std::string at = "expiry out of range at byte 10";
  CheckLies(Type::kHashExpiry, {{hash(rdb::kFieldExpiryEnd - 1, 2), at},
                                {hash(0, 1), at},
                                {hash(1, UINT64_MAX), at},
                                {hash(UINT64_MAX, 2), at}});
  for (const char* expiry : {"x", "-1", "281474976710655"}) {
    CheckLies(Type::kHashListpackExpiry,
              {{Little(soonest) + Str(Pack({"f", "v", expiry})),
                "expiry out of range at byte 12 of the node at byte 9"}});
  }
}

}  // namespace
}  // namespace cairn::testing
