// CRC-32C against published vectors and a bit-by-bit reference, its implementations against each
// other; hash slots against values a Redis server answers.
#include <doctest/doctest.h>

#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "base/crc32c.h"
#include "base/large_buffer.h"
#include "base/latch.h"
#include "base/release.h"
#include "base/sha256.h"
#include "base/slot.h"
#include "base/status.h"

namespace cairn {
namespace {

uint32_t BitwiseCrc32c(const std::string& bytes) {
  uint32_t crc = 0xffffffff;
  for (const char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0);
  }
  return ~crc;
}

uint16_t BitwiseCrc16(const std::string& bytes) {
  uint32_t crc = 0;
  for (const char c : bytes) {
    crc ^= static_cast<uint32_t>(static_cast<uint8_t>(c)) << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1;
    crc &= 0xffff;
  }
  return static_cast<uint16_t>(crc);
}

std::string Noise(size_t bytes, uint32_t seed) {
  std::string text(bytes, '\0');
  for (char& c : text) {
    seed = seed * 1664525u + 1013904223u;
    c = static_cast<char>(seed >> 24);
  }
  return text;
}

TEST_CASE("crc32c: vectors of RFC 3720 B.4") {
  CHECK(Crc32c("", 0) == 0);
  CHECK(Crc32c("123456789", 9) == 0xe3069283);
  const std::string zeros(32, '\0');
  const std::string ones(32, '\xff');
  std::string up;
  std::string down;
  for (int i = 0; i < 32; ++i) {
    up.push_back(static_cast<char>(i));
    down.push_back(static_cast<char>(31 - i));
  }
  CHECK(Crc32c(zeros.data(), 32) == 0x8a9136aa);
  CHECK(Crc32c(ones.data(), 32) == 0x62a8ab43);
  CHECK(Crc32c(up.data(), 32) == 0x46dd794e);
  CHECK(Crc32c(down.data(), 32) == 0x113fdb5c);
}

TEST_CASE("crc32c: every implementation, every length and offset") {
  const std::string noise = Noise(8192, 7);
  std::vector<size_t> lengths;
  for (size_t n = 0; n <= 700; ++n) lengths.push_back(n);
  for (const size_t n : {1024, 3071, 3072, 3073, 3143, 3144, 3145, 4096, 6144, 8000}) {
    lengths.push_back(n);
  }
  for (const Crc32cKind kind :
       {Crc32cKind::kPortable, Crc32cKind::kSse42, Crc32cKind::kInterleaved}) {
    if (!Crc32cSupports(kind)) {
      MESSAGE("not supported by this processor: " << static_cast<int>(kind));
      continue;
    }
    uint32_t wrong = 0;
    for (const size_t n : lengths) {
      for (const size_t offset : {0, 1, 3, 5}) {
        const std::string part = noise.substr(offset, n);
        if (Crc32cExtendWith(kind, 0, noise.data() + offset, n) != BitwiseCrc32c(part)) ++wrong;
        if (Crc32c(noise.data() + offset, n) != BitwiseCrc32c(part)) ++wrong;
      }
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("crc32c: extending equals the whole, at every cut") {
  const std::string noise = Noise(900, 3);
  const uint32_t whole = Crc32c(noise.data(), noise.size());
  for (size_t cut = 0; cut <= noise.size(); ++cut) {
    const uint32_t first = Crc32c(noise.data(), cut);
    REQUIRE(Crc32cExtend(first, noise.data() + cut, noise.size() - cut) == whole);
  }
}

TEST_CASE("crc32c: the parts put together equal the whole") {
  const std::string noise = Noise(5000, 7);
  for (const uint32_t seed : {0u, 0xdeadbeefu}) {
    const uint32_t whole = Crc32cExtend(seed, noise.data(), noise.size());
    for (size_t cut = 0; cut <= noise.size(); cut += cut < 40 ? 1 : 97) {
      const uint32_t a = Crc32cExtend(seed, noise.data(), cut);
      const uint32_t b = Crc32c(noise.data() + cut, noise.size() - cut);
      REQUIRE(Crc32cCombine(a, b, noise.size() - cut) == whole);
    }
  }
  // Longer than what can be tried byte by byte: doubling the zeros doubles the way.
  const std::string zeros(1 << 20, '\0');
  const uint32_t once = Crc32c(zeros.data(), zeros.size());
  CHECK(Crc32cCombine(once, once, zeros.size()) == Crc32cExtend(once, zeros.data(), zeros.size()));
}

TEST_CASE("large buffers: zeros at first, and given back in the background") {
  std::shared_ptr<LargeBuffer> buffer = LargeBuffer::New(20u << 20);
  CHECK(buffer->bytes() == 20u << 20);
  CHECK(reinterpret_cast<uintptr_t>(buffer->data()) % 4096 == 0);
  for (size_t at = 0; at < buffer->bytes(); at += 4096) {
    REQUIRE(buffer->data()[at] == 0);
    buffer->data()[at] = 1;
  }
  std::weak_ptr<LargeBuffer> gone = buffer;
  Owner owner = std::move(buffer);
  owner.reset();
  CHECK(gone.expired());
  for (int i = 0; i < 10'000 && ReleaseWaiting() != 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK(ReleaseWaiting() == 0);
}

TEST_CASE("crc16: the specification's vector, and a reference at every length") {
  CHECK(Crc16("123456789") == 0x31c3);
  CHECK(Crc16("") == 0);
  for (size_t n = 0; n < 100; ++n) {
    const std::string noise = Noise(n, static_cast<uint32_t>(n) + 1);
    REQUIRE(Crc16(noise) == BitwiseCrc16(noise));
  }
}

TEST_CASE("slot: as CLUSTER KEYSLOT answers") {
  CHECK(SlotOf("") == 0);
  CHECK(SlotOf("foo") == 12182);
  CHECK(SlotOf("bar") == 5061);
  CHECK(SlotOf("hello") == 866);
  CHECK(SlotOf("123456789") == 12739);
  CHECK(SlotOf("user:{42}:name") == SlotOf("42"));
  CHECK(ShardOf("foo") == 12182 / 16);
  for (const char* key : {"a", "b", "zzz", "key:000000000001"}) CHECK(ShardOf(key) < kShardCount);
}

TEST_CASE("slot: hash tags") {
  CHECK(HashTag("") == "");
  CHECK(HashTag("plain") == "plain");
  CHECK(HashTag("{user1000}.following") == "user1000");
  CHECK(HashTag("foo{}{bar}") == "foo{}{bar}");  // the first pair is empty: the whole key
  CHECK(HashTag("foo{{bar}}zap") == "{bar");     // from the first { to the first } after it
  CHECK(HashTag("foo{bar}{zap}") == "bar");      // only the first pair
  CHECK(HashTag("foo}bar{") == "foo}bar{");
  CHECK(HashTag("}{x}") == "x");
  CHECK(HashTag("{open") == "{open");
  CHECK(HashTag("{") == "{");
  using namespace std::string_view_literals;
  CHECK(HashTag("a\0{b\0c}d"sv) == "b\0c"sv);
}

TEST_CASE("status: carries code, message and errno") {
  CHECK(Status::Ok().ok());
  const Status full(Code::kNoSpace, "disk full", 28);
  CHECK(!full.ok());
  CHECK(full.code() == Code::kNoSpace);
  CHECK(full.sys_errno() == 28);
  Result<std::string> good(std::string("x"));
  CHECK(good.ok());
  CHECK(good.value() == "x");
  const Result<std::string> bad(full);
  CHECK(!bad.ok());
  CHECK(bad.status().message() == "disk full");
}

TEST_CASE("sha-256: what the standard gives") {
  const auto hex = [](std::string_view bytes) {
    const auto digits = Sha256Hex(bytes);
    return std::string(digits.data(), digits.size());
  };
  CHECK(hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  // Lengths at which the padding takes one block more.
  CHECK(hex(std::string(55, 'a')) ==
        "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
  CHECK(hex(std::string(56, 'a')) ==
        "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a");
  CHECK(hex(std::string(64, 'a')) ==
        "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
  CHECK(hex(std::string(1000000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("latch: excludes, and says when it is taken") {
  Latch latch;
  CHECK(latch.TryLock());
  CHECK(!latch.TryLock());
  latch.Unlock();
  {
    const LatchGuard guard(latch);
    CHECK(!latch.TryLock());
  }
  CHECK(latch.TryLock());
  latch.Unlock();
}

}  // namespace
}  // namespace cairn
