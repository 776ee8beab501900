// Damage behind a checksum that matches: thousands of changed payloads of every encoding end in an
// error, or in a value that is what it announced; in a number of steps that follows from the
// length. The sanitizers see whatever is read or written beside.
#include <doctest/doctest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

#include "environment.h"
#include "rdb_testing.h"

namespace cairn::testing {
namespace {

using rdb::Decoder;
using rdb::Kind;

class Damager {
 public:
  explicit Damager(uint64_t seed) : random_(seed) {}

  uint64_t Below(uint64_t end) { return random_() % end; }

  // The type stays as it is most of the time: others are fuzzed by themselves.
  std::string Damaged(std::string body, const std::string& other) {
    for (uint64_t i = 1 + Below(3); i > 0 && body.size() > 2; --i) Change(&body, other);
    return body;
  }

 private:
  void Change(std::string* body, const std::string& other) {
    static constexpr uint8_t kTelling[] = {0,    1,    2,    0x3f, 0x40, 0x7f, 0x80, 0x81,
                                           0xc0, 0xc3, 0xf0, 0xf1, 0xf4, 0xfd, 0xfe, 0xff};
    const size_t at = Below(50) == 0 ? 0 : 1 + Below(body->size() - 1);
    const size_t bytes = 1 + Below(std::min<uint64_t>(body->size() - at, 9));
    switch (Below(9)) {
      case 0:
        (*body)[at] = static_cast<char>((*body)[at] ^ (1 << Below(8)));
        break;
      case 1:
        (*body)[at] = static_cast<char>(random_());
        break;
      case 2:
      case 3:
        (*body)[at] = static_cast<char>(kTelling[Below(sizeof(kTelling))]);
        break;
      case 4:
        (*body)[at] = static_cast<char>((*body)[at] + (Below(2) == 0 ? 1 : -1));
        break;
      case 5:
        body->erase(at, bytes);
        break;
      case 6:
        body->insert(at, body->substr(Below(body->size()), bytes));
        break;
      case 7:
        body->insert(at, other.substr(Below(other.size()), bytes));
        break;
      default:
        body->resize(1 + Below(body->size()));
        break;
    }
  }

  std::mt19937_64 random_;
};

bool ComesOnce(const Collector& value) {
  std::set<std::string> keys;
  for (const auto& element : value.elements) keys.insert(element.key);
  return keys.size() == value.elements.size();
}

TEST_CASE("rdb fuzz: damage ends in an error or in a value that is whole") {
  const std::vector<RdbRow> rows = RdbRows();
  const uint64_t first = FromEnvironment("CAIRN_RDB_SEED", 1);
  const uint64_t runs = FromEnvironment("CAIRN_RDB_RUNS", Runs(6000));
  uint64_t decoded_well = 0;
  for (const RdbRow& row : rows) {
    const std::string body = BodyOf(row.payload);
    for (uint64_t seed = first; seed < first + runs; ++seed) {
      Damager damager(seed);
      const std::string& other = rows[damager.Below(rows.size())].payload;
      // In memory of its own, so that a read behind it is seen.
      const std::string payload = Sealed(damager.Damaged(body, other));
      const std::vector<char> exact(payload.begin(), payload.end());
      const rdb::StepBudget budget{1 + damager.Below(20), 1 + damager.Below(200)};
      const Decoded decoded = Decode({exact.data(), exact.size()}, budget, {1 << 20, 1 << 20});
      CAPTURE(row.name);
      CAPTURE(seed);
      REQUIRE(decoded.progress != Decoder::Progress::kMore);
      // Elements and bytes of a payload, compressed ones many times over.
      REQUIRE(decoded.steps <= 10 + payload.size() * (2 + kLzfExpansionMax));
      REQUIRE(decoded.ok() == (decoded.fault == rdb::DumpResult::kOk));
      REQUIRE(decoded.ok() == decoded.message.empty());
      if (!decoded.ok()) continue;
      ++decoded_well;
      REQUIRE(decoded.value.IsWhole());
      const bool needs_once = decoded.value.kind == Kind::kSet;
      if (decoded.value.kind == Kind::kString || (needs_once && !ComesOnce(decoded.value)))
        continue;
      REQUIRE(Decode(Encode(decoded.value)).Text() == decoded.Text());
    }
  }
  CHECK(decoded_well > runs);
}

TEST_CASE("rdb fuzz: bytes of any kind behind any type") {
  const uint64_t runs = FromEnvironment("CAIRN_RDB_RUNS", Runs(3000));
  for (uint64_t type = 0; type < 30; ++type) {
    for (uint64_t seed = 0; seed < runs; ++seed) {
      Damager damager(seed * 30 + type);
      std::string body(1, static_cast<char>(type));
      const uint64_t bytes = damager.Below(40);
      for (uint64_t i = 0; i < bytes; ++i) body.push_back(static_cast<char>(damager.Below(256)));
      const Decoded decoded = Decode(Sealed(body), {3, 30}, {1 << 20, 1 << 20});
      REQUIRE(decoded.progress != Decoder::Progress::kMore);
      if (decoded.ok()) REQUIRE(decoded.value.IsWhole());
    }
  }
}

}  // namespace
}  // namespace cairn::testing
