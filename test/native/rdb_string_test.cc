// DUMP payloads, LZF and CRC-64. The payloads in hexadecimal were made by redis-server 7.0.
#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <string>

#include "base/crc64.h"
#include "base/lzf.h"
#include "base/number.h"
#include "rdb/string_payload.h"

namespace cairn::rdb {
namespace {

inline constexpr uint64_t kLimit = 512u << 20;

std::string FromHex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

std::string Encode(const std::string& value, uint16_t version = kDumpVersion) {
  std::string payload(DumpBytesMax(value.size()), '\0');
  payload.resize(EncodeDump(value, payload.data(), version));
  return payload;
}

// The decoded value, or "!" and the reason.
std::string Decode(const std::string& payload) {
  DumpedString dumped;
  switch (ParseDump(payload, kLimit, &dumped)) {
    case DumpResult::kBadFooter:
      return "!footer";
    case DumpResult::kBadFormat:
      return "!format";
    case DumpResult::kOtherType:
      return "!type";
    case DumpResult::kTooLong:
      return "!long";
    case DumpResult::kOk:
      break;
  }
  if (dumped.form == DumpedString::Form::kInteger) return std::to_string(dumped.integer);
  if (dumped.form == DumpedString::Form::kRaw) return std::string(dumped.bytes);
  std::string text(dumped.value_bytes, '\0');
  return LzfDecompress(dumped.bytes.data(), dumped.bytes.size(), text.data(), text.size()) ? text
                                                                                           : "!lzf";
}

// A body with a version and a checksum that fit it.
std::string Seal(std::string body, uint16_t version = 10) {
  body.push_back(static_cast<char>(version & 0xff));
  body.push_back(static_cast<char>(version >> 8));
  uint64_t crc = Crc64(body.data(), body.size());
  body.append(reinterpret_cast<const char*>(&crc), sizeof(crc));
  return body;
}

std::string Compress(const std::string& in, size_t capacity) {
  std::string out(capacity, '\0');
  out.resize(LzfCompress(in.data(), in.size(), out.data(), capacity));
  return out;
}

bool Decompress(const std::string& in, size_t bytes) {
  std::string out(bytes, '\0');
  return LzfDecompress(in.data(), in.size(), out.data(), bytes);
}

std::string Text(size_t bytes, uint32_t letters, uint32_t seed) {
  std::mt19937 random(seed);
  std::string text(bytes, '\0');
  for (char& c : text) c = static_cast<char>(random() % letters);
  return text;
}

TEST_CASE("crc64: the check value, split anywhere") {
  const char digits[] = "123456789";
  CHECK(Crc64(digits, 9) == 0xe9c6d914c4b8d9cau);
  std::string text = Text(200, 256, 1);
  uint64_t whole = Crc64(text.data(), text.size());
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    uint64_t head = Crc64(text.data(), cut);
    CHECK(Crc64Extend(head, text.data() + cut, text.size() - cut) == whole);
    uint64_t tail = Crc64(text.data() + cut, text.size() - cut);
    CHECK(Crc64Combine(head, tail, text.size() - cut) == whole);
  }
}

TEST_CASE("lzf: what is coded decodes to itself") {
  for (uint32_t letters : {1u, 2u, 4u, 20u, 256u}) {
    for (size_t bytes :
         {1u, 2u, 3u, 4u, 5u, 31u, 32u, 33u, 264u, 265u, 266u, 267u, 8192u, 8200u, 50000u}) {
      std::string text = Text(bytes, letters, static_cast<uint32_t>(bytes));
      std::string coded = Compress(text, bytes + bytes / 32 + 1);  // enough for all literals
      REQUIRE(!coded.empty());
      std::string back(bytes, '\0');
      CHECK(LzfDecompress(coded.data(), coded.size(), back.data(), bytes));
      CHECK(back == text);
      CHECK_FALSE(Decompress(coded, bytes + 1));
      CHECK_FALSE(Decompress(coded, bytes - 1));
    }
  }
  CHECK(Compress(std::string(1000, 'x'), 1000).size() < 30);
}

TEST_CASE("lzf: decoding in pieces gives the same, and ends where it should") {
  for (size_t piece : {size_t{0}, size_t{1}, size_t{7}, size_t{300}, size_t{100'000}}) {
    std::string text = Text(20'000, 3, 5);
    std::string coded = Compress(text, text.size());
    for (size_t claimed : {text.size(), text.size() - 1, text.size() + 1}) {
      std::string back(claimed, '\0');
      LzfDecoder decoder(coded.data(), coded.size(), back.data(), claimed);
      LzfDecoder::State state;
      size_t steps = 0;
      do {
        state = decoder.Step(piece);
      } while (state == LzfDecoder::State::kMore && ++steps <= text.size());
      CHECK((state == LzfDecoder::State::kDone) == (claimed == text.size()));
      if (claimed == text.size()) CHECK(back == text);
      if (piece == 7) CHECK(steps > 10);
    }
  }
}

TEST_CASE("lzf: repeats farther back than an offset reaches are literals") {
  std::string unit = Text(300, 256, 7);
  size_t sizes[2];
  for (size_t distance : {8191u, 8192u, 8193u, 8194u}) {
    std::string text = unit + std::string(distance - unit.size(), 'z') + unit;
    std::string coded = Compress(text, text.size() * 2);
    std::string back(text.size(), '\0');
    CHECK(LzfDecompress(coded.data(), coded.size(), back.data(), back.size()));
    CHECK(back == text);
    sizes[distance > 8192] = coded.size();
  }
  CHECK(sizes[1] > sizes[0] + 250);
}

TEST_CASE("lzf: gives up where coding does not fit") {
  std::string text = Text(100, 256, 3);
  CHECK(Compress(text, 96).empty());
  CHECK(Compress(std::string(100, 'x'), 4).empty());
}

TEST_CASE("lzf: damaged streams are refused") {
  CHECK_FALSE(Decompress(FromHex("05"), 6));  // literals are missing
  CHECK_FALSE(Decompress(FromHex("0061"
                                 "20"),
                         4));  // the offset is missing
  CHECK_FALSE(Decompress(FromHex("0061"
                                 "e0"),
                         10));  // the length is missing
  CHECK_FALSE(Decompress(FromHex("0061"
                                 "2001"),
                         4));  // reaches before the start
  CHECK_FALSE(Decompress(FromHex("0161"
                                 "6220ff"),
                         5));
  CHECK(Decompress(FromHex("0061"
                           "2000"),
                   4));  // a and three more of it
  CHECK_FALSE(Decompress(FromHex("0061"
                                 "2000"),
                         3));
  CHECK(Decompress("", 0));
  CHECK_FALSE(Decompress("", 1));
  std::string text = Text(500, 3, 5);
  std::string coded = Compress(text, 500);
  std::mt19937 random(11);
  for (int i = 0; i < 20000; ++i) {  // must not read or write out of bounds; the sanitizers watch
    std::string damaged = coded.substr(0, random() % (coded.size() + 1));
    for (uint32_t k = random() % 4; k > 0 && !damaged.empty(); --k) {
      damaged[random() % damaged.size()] = static_cast<char>(random());
    }
    (void)Decompress(damaged, random() % 600);
  }
}

TEST_CASE("dump: integers and raw strings come out byte for byte as Redis writes them") {
  const struct {
    const char* value;
    const char* payload;
  } kVectors[] = {
      {"", "00000a005d9b5c400f7fa2da"},
      {"0", "00c0000a009840a778f8500308"},
      {"-1", "00c0ff0a000c937e2485089dc5"},
      {"127", "00c07f0a000db5eb315254c514"},
      {"128", "00c180000a00eb7ab3b510cf4b65"},
      {"-128", "00c0800a009966326d2f0c5bd9"},
      {"-129", "00c17fff0a001760822854808480"},
      {"32767", "00c1ff7f0a00495a37da17f4d52b"},
      {"32768", "00c2008000000a0045d82eedd5bda910"},
      {"-32768", "00c100800a00b540064753bb1ace"},
      {"2147483647", "00c2ffffff7f0a002c74e59ee02eada1"},
      {"-2147483648", "00c2000000800a00c74f873e33558187"},
      {"2147483648", "000a323134373438333634380a00e7b129a34c1d76ee"},
      {"9223372036854775807", "0013393232333337323033363835343737353830370a003a657e9481e85f22"},
      {"hello", "000568656c6c6f0a006372df766534200a"},
      {"aaaaaaaaaaaaaaaaaaaa", "001461616161616161616161616161616161616161610a0083b46b5e1b11acf1"},
  };
  for (const auto& vector : kVectors) {
    CAPTURE(vector.value);
    CHECK(Encode(vector.value, 10) == FromHex(vector.payload));  // as of Redis 7.0
    CHECK(Decode(FromHex(vector.payload)) == vector.value);
  }
}

TEST_CASE("dump: compressed strings of Redis") {
  CHECK(Decode(FromHex("00c30615016161e00a000a00fd0cb36807413f68")) == std::string(21, 'a'));
  CHECK(Decode(FromHex("00c30c412c016161e0ff00e017000161610a004b1bc2625246e713")) ==
        std::string(300, 'a'));
  std::string digits;
  for (int i = 0; i < 30; ++i) digits += "0123456789";
  CHECK(Decode(FromHex(
            "00c315412c0a3031323334353637383930e0ff09e10e0d0138390a00f1e9827c1e55e49a")) == digits);
}

TEST_CASE("dump: round trips over all forms of a length") {
  for (size_t bytes : {0u, 1u, 20u, 21u, 63u, 64u, 16383u, 16384u, 70000u}) {
    for (uint32_t letters : {1u, 3u, 256u}) {
      std::string value = Text(bytes, letters, static_cast<uint32_t>(bytes) + letters);
      CHECK(Decode(Encode(value)) == value);
    }
  }
  CHECK(Encode(std::string(21, 'a')).size() < 24);                                // coded
  CHECK(Encode(Text(70000, 256, 2)).size() == 70000 + 1 + 5 + kDumpFooterBytes);  // raw
}

TEST_CASE("dump: texts that look like numbers but are not canonical stay texts") {
  for (const char* text : {"01", "-0", "+1", " 1", "1 ", "1.0", "-", "99999999999"}) {
    CHECK(Decode(Encode(text)) == text);
  }
}

TEST_CASE("dump: a damaged payload is refused") {
  std::string payload = Encode("hello");
  for (size_t i = 0; i < payload.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = payload;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      CHECK(Decode(damaged) == "!footer");
    }
    CHECK(Decode(payload.substr(0, i)) == "!footer");
  }
}

TEST_CASE("dump: versions") {
  std::string body("\0\5hello", 7);
  CHECK(Decode(Seal(body, 1)) == "hello");
  CHECK(Decode(Seal(body, 10)) == "hello");
  CHECK(Decode(Seal(body, 11)) == "hello");
  CHECK(Decode(Seal(body, 12)) == "hello");
  CHECK(Decode(Seal(body, 0xffff)) == "hello");
}

TEST_CASE("dump: payloads whose checksum fits and whose structure does not") {
  CHECK(Decode(Seal("")) == "!format");
  CHECK(Decode(Seal(FromHex("00"))) == "!format");
  CHECK(Decode(Seal(FromHex("0006") + "hello")) == "!format");  // one byte short
  CHECK(Decode(Seal(FromHex("0004") + "hello")) == "!format");  // one byte too many
  CHECK(Decode(Seal(FromHex("0040"))) == "!format");
  CHECK(Decode(Seal(FromHex("004005") + "hello")) == "hello");
  CHECK(Decode(Seal(FromHex("008000000005") + "hello")) == "hello");
  CHECK(Decode(Seal(FromHex("00810000000000000005") + "hello")) == "hello");
  CHECK(Decode(Seal(FromHex("00820000000000000005") + "hello")) == "!format");
  CHECK(Decode(Seal(FromHex("00817fffffffffffffff") + "hello")) == "!format");
  CHECK(Decode(Seal(FromHex("0081ffffffffffffffff") + "hello")) == "!format");
  CHECK(Decode(Seal(FromHex("00c0"))) == "!format");
  CHECK(Decode(Seal(FromHex("00c105"))) == "!format");
  CHECK(Decode(Seal(FromHex("00c2050000"))) == "!format");
  CHECK(Decode(Seal(FromHex("00c4"))) == "!format");
  CHECK(Decode(Seal(FromHex("00c3060504") + "hello")) == "hello");
  CHECK(Decode(Seal(FromHex("00c3060604") + "hello")) == "!lzf");
  CHECK(Decode(Seal(FromHex("00c3060404") + "hello")) == "!lzf");
  CHECK(Decode(Seal(FromHex("00c3070504") + "hello")) == "!format");
  CHECK(Decode(Seal(FromHex("0101") + "x")) == "!type");
  CHECK(Decode(Seal(FromHex("1901") + "x", 12)) == "!type");  // of a newer version
  CHECK(Decode(Seal(FromHex("6300"))) == "!format");
}

TEST_CASE("dump: a small payload cannot claim a large value") {
  CHECK(Decode(Seal(FromHex("00c306"
                            "8020000000") +
                    FromHex("046865"
                            "6c6c6f"))) == "!format");
  CHECK(Decode(Seal(FromHex("00c306"
                            "81ffffffffffffffff") +
                    FromHex("046865"
                            "6c6c6f"))) == "!format");
  DumpedString dumped;
  std::string payload = Encode(std::string(1000, 'a'));
  CHECK(ParseDump(payload, 999, &dumped) == DumpResult::kTooLong);
  CHECK(ParseDump(payload, 1000, &dumped) == DumpResult::kOk);
  payload = Encode(Text(1000, 256, 1));
  CHECK(ParseDump(payload, 999, &dumped) == DumpResult::kTooLong);
}

}  // namespace
}  // namespace cairn::rdb
