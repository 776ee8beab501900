// Values of the lsm engine: bytes, structure, where which kind may lie.
#include <doctest/doctest.h>

#include <random>
#include <string>

#include "environment.h"
#include "hex.h"
#include "lsm/key.h"
#include "lsm/value.h"
#include "lsm_testing.h"

using namespace cairn::lsm;
using cairn::testing::FromEnvironment;
using cairn::testing::Hex;
using cairn::testing::StoredKey;
using cairn::testing::StoredValue;

namespace {

std::string FaultOf(std::string_view stored) {
  ParsedValue value;
  const FormatFault fault = ParseValue(stored, &value);
  return fault ? fault.Text() : "";
}

std::string FaultAt(std::string_view key, std::string_view stored, bool operand = false) {
  REQUIRE_FALSE(CheckKey(key));
  ParsedValue value;
  const FormatFault fault = CheckValue(ParseKey(key), stored, operand, &value);
  return fault ? fault.Text() : "";
}

}  // namespace

TEST_CASE("lsm value: the bytes") {
  CHECK(Hex(StoredValue({.version = 0x0102030405060708}, "v")) ==
        "01000000"
        "0807060504030201"
        "76");
  CHECK(Hex(StoredValue({.aux = 9, .version = 1, .expire_at_ms = 2}, "")) ==
        "01000109"
        "0100000000000000"
        "02000000\n"
        "00000000");
  CHECK(Hex(StoredValue({.kind = Kind::kPageDelta, .aux = 3}, "d")) ==
        "01500003"
        "0000000000000000"
        "64");
}

TEST_CASE("lsm value: numbers on disk") {
  CHECK(kValueFormat == 1);
  CHECK(static_cast<int>(Kind::kString) == 0);
  CHECK(static_cast<int>(Kind::kPage) == 16);
  CHECK(static_cast<int>(Kind::kCounters) == 17);
  CHECK(static_cast<int>(Kind::kPostings) == 18);
  CHECK(static_cast<int>(Kind::kMetadata) == 19);
  CHECK(static_cast<int>(Kind::kDamaged) == 20);
  CHECK(static_cast<int>(Kind::kPageDelta) == 80);
  CHECK(static_cast<int>(Kind::kCountersDelta) == 81);
  CHECK(static_cast<int>(Kind::kPostingsDelta) == 82);
  for (const Kind target : {Kind::kPage, Kind::kCounters, Kind::kPostings}) {
    const auto delta = static_cast<Kind>(static_cast<uint8_t>(target) | kOperandBit);
    CHECK(IsOperand(delta));
    CHECK_FALSE(IsOperand(target));
    CHECK(TargetOf(delta) == target);
  }
}

TEST_CASE("lsm value: what was encoded is parsed") {
  std::mt19937_64 random(FromEnvironment("CAIRN_SEED", 1));
  for (int i = 0; i < 2000; ++i) {
    ValueHead head;
    head.kind = static_cast<Kind>(random() % 16);
    head.aux = static_cast<uint8_t>(random());
    head.version = random();
    head.expire_at_ms = random() % 2 == 0 ? 0 : random() | 1;
    const std::string body(random() % 30, static_cast<char>(random()));
    std::string stored = "what was there before";
    EncodeValue(head, body, &stored);
    ParsedValue value;
    REQUIRE_FALSE(ParseValue(stored, &value));
    CHECK(value.head.kind == head.kind);
    CHECK(value.head.aux == head.aux);
    CHECK(value.head.version == head.version);
    CHECK(value.head.expire_at_ms == head.expire_at_ms);
    CHECK(value.body == body);
  }
}

TEST_CASE("lsm value: what is wrong with a value, and where") {
  const std::string good = StoredValue({.version = 1, .expire_at_ms = 5}, "");
  for (size_t bytes = 0; bytes < kHeadBytes; ++bytes) {
    CHECK(FaultOf(good.substr(0, bytes)) ==
          "head of the value is cut off at byte " + std::to_string(bytes));
  }
  for (size_t bytes = kHeadBytes; bytes < kHeadBytesMax; ++bytes) {
    CHECK(FaultOf(good.substr(0, bytes)) == "expiry is cut off at byte " + std::to_string(bytes));
  }
  const auto with = [&](size_t offset, char byte) {
    std::string value = good;
    value[offset] = byte;
    return FaultOf(value);
  };
  CHECK(with(0, 2) == "unknown format of the value at byte 0");
  CHECK(with(0, 0) == "unknown format of the value at byte 0");
  CHECK(with(1, 21) == "unknown kind of value at byte 1");
  CHECK(with(1, 16) == "expiry of what cannot expire at byte 2");
  CHECK(with(2, 3) == "unknown flags at byte 2");
  CHECK(with(12, 0) == "expiry of what never expires at byte 12");
  std::string counters = StoredValue({.kind = Kind::kCounters}, "");
  counters[3] = 1;
  CHECK(FaultOf(counters) == "unexpected encoding at byte 3");
  CHECK(FormatOf("") == -1);
  CHECK(FormatOf(good) == 1);
}

TEST_CASE("lsm value: each kind has its place") {
  const std::string key = StoredKey(1, "k");
  std::string page;
  EncodePageKey({.collection = 1}, 2, 3, &page);
  std::string expiry;
  EncodeExpiryKey({.collection = 1}, 5, "k", &expiry);
  std::string counters;
  EncodeKey({.category = Category::kSystem, .collection = 1, .index = system_index::kCounters},
            "keys", &counters);
  std::string metadata;
  EncodeKey({.category = Category::kSystem}, "format", &metadata);
  std::string document;
  EncodeKey({.category = Category::kDocument}, "term", &document);

  const std::string wrong = "kind of value that does not belong there at byte 1";
  const auto value = [](Kind kind) { return StoredValue({.kind = kind}, "x"); };
  CHECK(FaultAt(key, value(Kind::kString)) == "");
  CHECK(FaultAt(key, value(static_cast<Kind>(15))) == "");
  CHECK(FaultAt(key, value(Kind::kDamaged)) == "");
  CHECK(FaultAt(key, value(Kind::kPage)) == wrong);
  CHECK(FaultAt(key, value(Kind::kPageDelta), true) == "");
  CHECK(FaultAt(key, value(Kind::kCountersDelta), true) == wrong);
  CHECK(FaultAt(page, value(Kind::kPage)) == "");
  CHECK(FaultAt(page, value(Kind::kString)) == wrong);
  CHECK(FaultAt(page, value(Kind::kPageDelta), true) == "");
  CHECK(FaultAt(counters, value(Kind::kCounters)) == "");
  CHECK(FaultAt(counters, value(Kind::kCountersDelta), true) == "");
  CHECK(FaultAt(counters, value(Kind::kMetadata)) == wrong);
  CHECK(FaultAt(metadata, value(Kind::kMetadata)) == "");
  CHECK(FaultAt(metadata, value(Kind::kString)) == wrong);
  CHECK(FaultAt(document, value(Kind::kPostings)) == "");
  CHECK(FaultAt(document, value(Kind::kString)) == wrong);
  CHECK(FaultAt(expiry, "") == "");
  CHECK(FaultAt(expiry, value(Kind::kString)) ==
        "an entry of the expiry index has no value at byte 0");

  CHECK(FaultAt(page, value(Kind::kPageDelta), false) ==
        "merge operand instead of a value at byte 1");
  CHECK(FaultAt(page, value(Kind::kPage), true) == "value instead of a merge operand at byte 1");
}
