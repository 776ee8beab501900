// HyperLogLogs against models: bits, one rank per register, textbook sums; and strings that only
// claim to be some.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "command/hyperloglog.h"

namespace cairn {
namespace {

using Random = std::mt19937_64;

constexpr uint64_t kFactor = 0xc6a4a7935bd1e995;
constexpr uint64_t kSeed = 0xadc83b19;

// MurmurHash64A, a byte at a time.
uint64_t SlowHash(const std::string& text) {
  uint64_t hash = kSeed ^ (text.size() * kFactor);
  size_t i = 0;
  auto word = [&](size_t bytes) {
    uint64_t out = 0;
    for (size_t n = 0; n < bytes; ++n) {
      out += uint64_t{static_cast<uint8_t>(text[i++])} << (8 * n);
    }
    return out;
  };
  while (text.size() - i >= 8) {
    uint64_t k = word(8);
    k *= kFactor;
    k ^= k >> 47;
    k *= kFactor;
    hash ^= k;
    hash *= kFactor;
  }
  if (i < text.size()) {
    hash ^= word(text.size() - i);
    hash *= kFactor;
  }
  hash ^= hash >> 47;
  hash *= kFactor;
  hash ^= hash >> 47;
  return hash;
}

// The eight bytes with this hash: each step of it can be undone.
std::string TextWithHash(uint64_t hash) {
  uint64_t inverse = kFactor;  // Newton: each step doubles the bits that are right
  for (int i = 0; i < 6; ++i) inverse *= 2 - kFactor * inverse;
  hash ^= hash >> 47;
  hash *= inverse;
  hash ^= hash >> 47;
  uint64_t k = hash * inverse ^ (kSeed ^ 8 * kFactor);
  k *= inverse;
  k ^= k >> 47;
  k *= inverse;
  std::string text(8, '\0');
  std::memcpy(text.data(), &k, 8);
  return text;
}

std::string TextFor(uint32_t index, uint32_t rank) {
  return TextWithHash(uint64_t{1} << (kHllIndexBits + rank - 1) | index);
}

// In memory of exactly its size, so that a sanitizer sees what is read behind its end.
class Exact {
 public:
  explicit Exact(const std::string& text) : size_(text.size()), bytes_(new char[text.size()]) {
    std::memcpy(bytes_.get(), text.data(), size_);
  }
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  size_t size_;
  std::unique_ptr<char[]> bytes_;
};

std::string Header(char form) { return std::string("HYLL") + form + std::string(11, '\0'); }
std::string Sparse(const std::string& runs) { return Header(1) + runs; }

std::string Dense(const HllRanks& ranks) {
  std::string out(kHllDenseBytes, '\0');
  WriteDenseHll(kEmptyHll, ranks, out.data());
  return out;
}

// What a valid string says.
HllRanks RanksOf(std::string_view value) {
  HllRanks ranks{};
  REQUIRE(IsHll(value));
  REQUIRE(MergeHll(value, &ranks));
  return ranks;
}

uint64_t CountOf(std::string_view value) {
  uint64_t count = 12345;
  REQUIRE(CountHll(value, &count));
  return count;
}

HllRanks RandomRanks(Random* random, uint32_t share, uint8_t max) {
  HllRanks ranks{};
  for (uint8_t& rank : ranks) {
    if ((*random)() % share == 0) rank = static_cast<uint8_t>((*random)() % (max + 1));
  }
  return ranks;
}

TEST_CASE("hyperloglog: the hash, at every length and place") {
  Random random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string text(random() % 40, '\0');
    for (char& c : text) c = static_cast<char>(random());
    const uint64_t hash = SlowHash(text);
    const HllElement element = HashHllElement(Exact(text).view());
    CHECK(element.index == hash % 16384);
    uint32_t rank = 1;
    while (rank < kHllRankMax && (hash >> (kHllIndexBits + rank - 1) & 1) == 0) ++rank;
    CHECK(element.rank == rank);
  }
  for (uint32_t rank = 1; rank <= kHllRankMax - 1; ++rank) {
    const HllElement element = HashHllElement(TextFor(rank * 100, rank));
    CHECK((element.index == rank * 100 && element.rank == rank));
  }
  const HllElement zeros = HashHllElement(TextWithHash(77));
  CHECK((zeros.index == 77 && zeros.rank == kHllRankMax));
}

TEST_CASE("hyperloglog: the bytes that redis-server has made of the same elements") {
  SparseHll sparse(3000);
  REQUIRE(sparse.Load(kEmptyHll));
  for (std::string_view text : {"a", "b", "c", "hello", "a longer element, with a tail", ""}) {
    const HllElement element = HashHllElement(text);
    REQUIRE(sparse.Raise(element.index, element.rank));
  }
  const std::string_view made(
      "HYLL\1\0\0\0\0\0\0\0\0\0\0\x80"
      "\x50\x7f\x90\x46\xb0\x84\x49\xc0\x80\x43\x0a\x80\x4d\xa5\x84\x4b\xfb\x80\x42\x5a",
      36);
  CHECK(sparse.bytes() == made);
  CHECK(CountOf(made) == 6);
}

TEST_CASE("hyperloglog: dense registers are six bits each, in order") {
  Random random(2);
  HllRanks ranks = RandomRanks(&random, 1, 63);
  std::string value = Dense(ranks);
  auto bit_model = [&](uint32_t index) {
    uint32_t rank = 0;
    for (uint32_t bit = 0; bit < 6; ++bit) {
      const uint32_t at = index * 6 + bit;
      rank |= (static_cast<uint8_t>(value[16 + at / 8]) >> at % 8 & 1u) << bit;
    }
    return rank;
  };
  for (uint32_t i = 0; i < kHllRegisters; ++i) {
    REQUIRE(bit_model(i) == ranks[i]);
    REQUIRE(DenseRank(value.data() + 16, i) == ranks[i]);
  }
  for (int round = 0; round < 20000; ++round) {
    const auto index = static_cast<uint32_t>(random() % kHllRegisters);
    ranks[index] = static_cast<uint8_t>(random() % 64);
    SetDenseRank(value.data() + 16, index, ranks[index]);
  }
  CHECK(value == Dense(ranks));
  CHECK(value[4] == 0);
  CHECK(RanksOf(Exact(value).view()) == ranks);
  // All of 64 ranks in each place of a group.
  for (uint32_t index = 0; index < 8; ++index) {
    for (uint32_t rank = 0; rank < 64; ++rank) {
      ranks[index] = static_cast<uint8_t>(rank);
      SetDenseRank(value.data() + 16, index, ranks[index]);
      REQUIRE(RanksOf(value) == ranks);
    }
  }
}

TEST_CASE("hyperloglog: merging keeps the higher rank of each register") {
  Random random(3);
  for (int round = 0; round < 30; ++round) {
    HllRanks ranks = RandomRanks(&random, 1 + random() % 5, 63);
    const HllRanks others = RandomRanks(&random, 1 + random() % 5, 63);
    HllRanks wanted;
    for (uint32_t i = 0; i < kHllRegisters; ++i) wanted[i] = std::max(ranks[i], others[i]);
    REQUIRE(MergeHll(Exact(Dense(others)).view(), &ranks));
    CHECK(ranks == wanted);
  }
}

// A sparse HyperLogLog as a list of runs, each write from the beginning.
struct Model {
  struct Run {
    uint32_t registers;
    uint32_t rank;
    bool wide;
  };
  std::vector<Run> runs;

  explicit Model(std::string_view value) {
    ForEachHllRun(value.substr(16), [this](uint32_t, const HllRun& run) {
      runs.push_back({run.registers, run.rank, run.bytes == 2});
    });
  }

  void Raise(uint32_t index, uint32_t rank) {
    size_t at = 0;
    uint32_t first = 0;
    while (first + runs[at].registers <= index) first += runs[at++].registers;
    const Run old = runs[at];
    std::vector<Run> made;
    const uint32_t left = index - first;
    const uint32_t right = old.registers - left - 1;
    if (left > 0) made.push_back({left, old.rank, old.rank == 0 && left > 64});
    made.push_back({1, rank, false});
    if (right > 0) made.push_back({right, old.rank, old.rank == 0 && right > 64});
    runs.erase(runs.begin() + static_cast<ptrdiff_t>(at));
    runs.insert(runs.begin() + static_cast<ptrdiff_t>(at), made.begin(), made.end());
    size_t i = at == 0 ? 0 : at - 1;
    for (int looks = 5; looks > 0 && i < runs.size(); --looks) {
      const bool joins = i + 1 < runs.size() && runs[i].rank > 0 &&
                         runs[i].rank == runs[i + 1].rank &&
                         runs[i].registers + runs[i + 1].registers <= 4;
      if (!joins) {
        ++i;
        continue;
      }
      runs[i].registers += runs[i + 1].registers;
      runs.erase(runs.begin() + static_cast<ptrdiff_t>(i) + 1);
    }
  }

  std::string Bytes() const {
    std::string out;
    for (const Run& run : runs) {
      const uint32_t more = run.registers - 1;
      if (run.rank > 0) {
        out += static_cast<char>(128 + (run.rank - 1) * 4 + more);
      } else if (run.wide) {
        out += static_cast<char>(64 + more / 256);
        out += static_cast<char>(more % 256);
      } else {
        out += static_cast<char>(more);
      }
    }
    return out;
  }
};

// Runs somebody else may have chosen: short where long ones would do, equal neighbours, long ones
// for one register.
std::string OddRuns(Random* random) {
  std::string runs;
  for (uint32_t left = kHllRegisters; left > 0;) {
    uint32_t registers = 1;
    const uint64_t dice = (*random)() % 10;
    if (dice < 3) {
      registers = std::min<uint32_t>(left, 1 + (*random)() % 64);
      runs += static_cast<char>(registers - 1);
    } else if (dice < 6) {
      registers = std::min<uint32_t>(left, 1 + (*random)() % (dice == 5 ? 2000 : 3));
      runs += static_cast<char>(0x40 | (registers - 1) >> 8);
      runs += static_cast<char>(registers - 1);
    } else {
      registers = std::min<uint32_t>(left, 1 + (*random)() % 4);
      runs += static_cast<char>(0x80 | (*random)() % 4 << 2 | (registers - 1));
    }
    left -= registers;
  }
  return runs;
}

// Where a write goes, from all at random to one after the other.
uint32_t NextIndex(Random* random, uint32_t last, uint64_t way) {
  if (way == 0) return static_cast<uint32_t>((*random)() % kHllRegisters);
  if (way == 1) return static_cast<uint32_t>((last + 1 + (*random)() % 3) % kHllRegisters);
  return static_cast<uint32_t>((last + (*random)() % 9 + kHllRegisters - 4) % kHllRegisters);
}

TEST_CASE("hyperloglog: sparse writes against a list of runs") {
  Random random(4);
  for (int round = 0; round < 60; ++round) {
    CAPTURE(round);
    const uint64_t bytes_max =
        round % 3 == 0 ? 3000 : 20 + random() % (round % 3 == 1 ? 600 : 20000);
    const uint64_t way = random() % 3;
    const std::string start = random() % 2 == 0 ? Sparse(OddRuns(&random)) : std::string(kEmptyHll);
    HllRanks ranks = RanksOf(start);
    Model model(start);
    SparseHll sparse(bytes_max);
    REQUIRE(sparse.Load(start));
    REQUIRE(sparse.ranks() == ranks);
    uint32_t index = 0;
    for (int step = 0; step < 1000; ++step) {
      index = NextIndex(&random, index, way);
      const auto rank = static_cast<uint8_t>(
          random() % 300 == 0 ? 1 + random() % 51 : 1 + random() % (1 + random() % 5));
      if (rank <= ranks[index]) continue;
      ranks[index] = rank;
      const std::string before(sparse.bytes());
      const bool fits = sparse.Raise(index, rank);
      REQUIRE(sparse.ranks()[index] == rank);
      if (!fits) {
        CHECK(sparse.bytes() == before);
        CHECK((rank > 32 || before.size() + 3 > bytes_max));
        break;
      }
      model.Raise(index, rank);
      REQUIRE(sparse.bytes().substr(16) == model.Bytes());
      CHECK((sparse.bytes().size() <= bytes_max || sparse.bytes().size() <= before.size()));
    }
    const std::string_view made = sparse.bytes();
    uint64_t count;
    CHECK_FALSE((made != start && ValidHllCount(made, &count)));
    if (ranks[index] <= 32 && made.size() + 3 <= bytes_max) CHECK(RanksOf(made) == ranks);
    CHECK(sparse.ranks() == ranks);
  }
}

TEST_CASE("hyperloglog: sparse runs are split and joined") {
  struct Step {
    uint32_t index;
    uint8_t rank;
    const char* runs;
  };
  // z: up to 64 zeros, Z: more, v: a rank and how often.
  const Step steps[] = {
      {0, 1, "v:1,1 Z:16383"},
      {1, 1, "v:1,2 Z:16382"},
      {3, 1, "v:1,2 z:1 v:1,1 Z:16380"},
      {2, 1, "v:1,4 Z:16380"},
      {4, 1, "v:1,4 v:1,1 Z:16379"},
      {1, 2, "v:1,1 v:2,1 v:1,3 Z:16379"},
      {2, 2, "v:1,1 v:2,2 v:1,2 Z:16379"},
      {16383, 32, "v:1,1 v:2,2 v:1,2 Z:16378 v:32,1"},
      {100, 3, "v:1,1 v:2,2 v:1,2 Z:95 v:3,1 Z:16282 v:32,1"},
      {50, 3, "v:1,1 v:2,2 v:1,2 z:45 v:3,1 z:49 v:3,1 Z:16282 v:32,1"},
  };
  SparseHll sparse(3000);
  REQUIRE(sparse.Load(kEmptyHll));
  for (const Step& step : steps) {
    REQUIRE(sparse.Raise(step.index, step.rank));
    std::string runs;
    REQUIRE(ForEachHllRun(sparse.bytes().substr(16), [&](uint32_t, const HllRun& run) {
      if (!runs.empty()) runs += ' ';
      runs += run.rank != 0 ? "v:" + std::to_string(run.rank) + "," : run.bytes == 2 ? "Z:" : "z:";
      runs += std::to_string(run.registers);
    }));
    CHECK(runs == step.runs);
  }
}

// Ertl's sums as they are written in the paper, in long double and with a fixed number of terms.
double Textbook(const HllRanks& ranks) {
  std::vector<long double> with(64);
  for (uint8_t rank : ranks) with[rank] += 1;
  const long double m = kHllRegisters;
  long double x = 1 - with[51] / m;
  long double tau = 0;
  if (x != 1 && x != 0) {
    tau = 1 - x;
    for (int k = 1; k < 60; ++k) {
      x = std::sqrt(x);
      tau -= (1 - x) * (1 - x) * std::pow(0.5L, k);
    }
    tau /= 3;
  }
  long double sum = m * tau * std::pow(0.5L, 50);
  for (int k = 1; k <= 50; ++k) sum += with[k] * std::pow(0.5L, k);
  x = with[0] / m;
  if (x == 1) return 0;
  long double sigma = x;
  for (int k = 1; k < 30; ++k) sigma += std::pow(x, std::pow(2.0L, k)) * std::pow(2.0L, k - 1);
  sum += m * sigma;
  return static_cast<double>(m * m / (2 * std::log(2.0L) * sum));
}

TEST_CASE("hyperloglog: the estimate is Ertl's, and as good as promised") {
  Random random(5);
  CHECK(EstimateHll(HllRanks{}) == 0);
  CHECK(CountOf(kEmptyHll) == 0);
  for (int round = 0; round < 100; ++round) {
    const HllRanks ranks = RandomRanks(&random, 1 + random() % 50, round % 2 == 0 ? 20 : 51);
    const double wanted = Textbook(ranks);
    const auto got = static_cast<double>(EstimateHll(ranks));
    CHECK(std::abs(got - wanted) <= 0.51 + wanted * 1e-12);
  }
  HllRanks ranks{};
  uint64_t n = 0;
  for (uint64_t until : {1, 10, 100, 1000, 10000, 100000, 1000000}) {
    for (; n < until; ++n) {
      const HllElement element = HashHllElement(std::to_string(n));
      ranks[element.index] = std::max(ranks[element.index], element.rank);
    }
    const auto error = std::abs(static_cast<double>(EstimateHll(ranks)) - static_cast<double>(n));
    CHECK(error <= std::ceil(static_cast<double>(n) * 0.0081 * 4));
    CHECK(CountOf(Dense(ranks)) == EstimateHll(ranks));
  }
  // Ranks that no element has.
  ranks.fill(63);
  CHECK(EstimateHll(ranks) == uint64_t{1} << 63);
  ranks[0] = 51;
  CHECK(EstimateHll(ranks) == uint64_t{1} << 63);
}

TEST_CASE("hyperloglog: a count is valid until something is added") {
  std::string value = Sparse("\x7f\xff");
  value.replace(8, 8, std::string("\x01\x02\x03\x04\x05\x06\x07\x7f", 8));
  uint64_t count = 0;
  CHECK(ValidHllCount(value, &count));
  CHECK(count == 0x7f07060504030201);
  InvalidateHllCount(value.data());
  CHECK_FALSE(ValidHllCount(value, &count));
  CHECK(value.substr(8, 8) == std::string("\x01\x02\x03\x04\x05\x06\x07\xff", 8));
}

// Whatever the string is: nobody reads beyond it, and all agree on whether it is damaged.
void UseAll(const std::string& text, bool* is_hll, bool* whole) {
  const Exact exact(text);
  const std::string_view value = exact.view();
  *is_hll = IsHll(value);
  *whole = false;
  if (!*is_hll) return;
  HllRanks ranks{};
  uint64_t count;
  *whole = MergeHll(value, &ranks);
  CHECK(CountHll(value, &count) == *whole);
  uint64_t old_count;
  (void)ValidHllCount(value, &old_count);
  if (!IsSparseHll(value)) {
    CHECK(*whole);
    return;
  }
  SparseHll sparse(3000);
  REQUIRE(sparse.Load(value) == *whole);
  if (!*whole) return;
  CHECK(count == EstimateHll(ranks));
  for (uint32_t index : {0u, 1u, 8191u, 16383u}) {
    if (sparse.ranks()[index] < 32) (void)sparse.Raise(index, 32);
  }
  CHECK(RanksOf(Exact(std::string(sparse.bytes())).view()).size() == kHllRegisters);
}

enum class Kind : uint8_t { kOther, kDamaged, kGood };

Kind KindOf(const std::string& text) {
  bool is_hll;
  bool whole;
  UseAll(text, &is_hll, &whole);
  return !is_hll ? Kind::kOther : whole ? Kind::kGood : Kind::kDamaged;
}

TEST_CASE("hyperloglog: every kind of damage") {
  const std::string good = Sparse("\x7f\xff");
  CHECK(KindOf(good) == Kind::kGood);
  for (size_t bytes = 0; bytes < kHllHeaderBytes; ++bytes) {
    CHECK(KindOf(good.substr(0, bytes)) == Kind::kOther);
  }
  for (size_t at = 0; at < 4; ++at) {
    std::string magic = good;
    magic[at] ^= 0x20;
    CHECK(KindOf(magic) == Kind::kOther);
  }
  for (int form = 2; form < 256; ++form) {
    CHECK(KindOf(Header(static_cast<char>(form)) + "\x7f\xff") == Kind::kOther);
  }
  std::string reserved = good;
  reserved.replace(5, 3, "abc");
  CHECK(KindOf(reserved) == Kind::kGood);
  // Dense: the length.
  for (size_t bytes : {0, 1, 100, 12287, 12289, 20000}) {
    CHECK(KindOf(Header(0) + std::string(bytes, 'x')) == Kind::kOther);
  }
  CHECK(KindOf(Header(0) + std::string(12288, '\xff')) == Kind::kGood);
  // Sparse: registers too few, too many, or beyond the end by each kind of run; half a run.
  CHECK(KindOf(Sparse("")) == Kind::kDamaged);
  CHECK(KindOf(Sparse("\x7f")) == Kind::kDamaged);
  CHECK(KindOf(Sparse("\x7f\xfe")) == Kind::kDamaged);
  CHECK(KindOf(Sparse(std::string("\x7f\xfe\x00", 3))) == Kind::kGood);
  CHECK(KindOf(Sparse("\x7f\xfe\x40")) == Kind::kDamaged);
  CHECK(KindOf(Sparse(std::string("\x7f\xfe\x40\x00", 4))) == Kind::kGood);
  CHECK(KindOf(Sparse("\x7f\xfe\x80")) == Kind::kGood);
  CHECK(KindOf(Sparse("\x7f\xfe\x81")) == Kind::kDamaged);
  CHECK(KindOf(Sparse("\x7f\xfe\xff")) == Kind::kDamaged);
  CHECK(KindOf(Sparse("\x7f\xfe\x01")) == Kind::kDamaged);
  CHECK(KindOf(Sparse("\x7f\xfe\x7f\xff")) == Kind::kDamaged);
  CHECK(KindOf(Sparse("\x7f\xffhello")) == Kind::kDamaged);
  CHECK(KindOf(Sparse(std::string("\x7f\xff\x00", 3))) == Kind::kDamaged);
  CHECK(KindOf(Sparse(std::string(256, '\x3f'))) == Kind::kGood);
  CHECK(KindOf(Sparse(std::string(257, '\x3f'))) == Kind::kDamaged);
  CHECK(KindOf(Sparse(std::string(4096, '\xff'))) == Kind::kGood);
  CHECK(KindOf(Sparse(std::string(4097, '\xff'))) == Kind::kDamaged);
  // Long enough for sums to wrap around.
  CHECK(KindOf(Sparse(std::string(1 << 20, '\x7f'))) == Kind::kDamaged);
}

TEST_CASE("hyperloglog: random damage") {
  Random random(6);
  size_t kinds[3] = {};
  for (int round = 0; round < 6000; ++round) {
    std::string text =
        random() % 4 == 0 ? Dense(RandomRanks(&random, 3, 63)) : Sparse(OddRuns(&random));
    if (text.size() < kHllDenseBytes && random() % 2 == 0) {  // few runs
      text = Sparse(std::string("\x7f\x00\x84\x7e\xfe", 5));
    }
    for (uint64_t changes = random() % 4; changes > 0; --changes) {
      const size_t at = random() % text.size();
      switch (random() % 5) {
        case 0:
          text[at] ^= static_cast<char>(1 << random() % 8);
          break;
        case 1:
          text[16 + random() % 8 % (text.size() - 16)] = static_cast<char>(random());
          break;
        case 2:
          text.erase(std::max<size_t>(at, 16), 1 + random() % 3);
          break;
        case 3:
          text.insert(at, 1, static_cast<char>(random()));
          break;
        default:
          text.resize(std::max<size_t>(at, 17));
      }
      if (text.size() < 17) text.resize(17);
    }
    ++kinds[static_cast<size_t>(KindOf(text))];
  }
  for (size_t count : kinds) CHECK(count > 100);
}

TEST_CASE("hyperloglog: the self-test passes") { CHECK(HllSelfTest() == nullptr); }

}  // namespace
}  // namespace cairn
