// What the load generator draws and counts with: random numbers, a Zipf sampler, the keys and
// values of "mixgraph", a permutation of keys, a latency histogram.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <numeric>
#include <utility>
#include <vector>

namespace loadgen {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int kKeyDigits = 12;

// SplitMix64.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  uint64_t Below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }

  double Unit() { return static_cast<double>(Next() >> 11) * 0x1p-53; }

 private:
  uint64_t state_;
};

// Ranks 1..count with probability proportional to rank^-theta, exactly: rejection-inversion after
// Hörmann and Derflinger (1996).
class Zipf {
 public:
  Zipf(uint64_t count, double theta) : count_(static_cast<double>(count)), theta_(theta) {
    h_first_ = H(1.5) - 1;
    h_count_ = H(count_ + 0.5);
    shortcut_ = 2 - HInverse(H(2.5) - Weight(2));
  }

  uint64_t Sample(Random& random) const {
    for (;;) {
      const double u = h_count_ + random.Unit() * (h_first_ - h_count_);
      const double x = HInverse(u);
      const double k = std::clamp(std::floor(x + 0.5), 1.0, count_);
      if (k - x <= shortcut_ || u >= H(k + 0.5) - Weight(k)) return static_cast<uint64_t>(k);
    }
  }

  double Weight(double x) const { return std::exp(-theta_ * std::log(x)); }

 private:
  // An integral of Weight, and its inverse.
  double H(double x) const {
    const double log = std::log(x);
    const double t = (1 - theta_) * log;
    return (std::abs(t) > 1e-8 ? std::expm1(t) / t : 1 + t / 2) * log;
  }

  double HInverse(double x) const {
    const double t = std::max(-1.0, x * (1 - theta_));
    return std::exp((std::abs(t) > 1e-8 ? std::log1p(t) / t : 1 - t / 2) * x);
  }

  double count_, theta_, h_first_, h_count_, shortcut_;
};

// The keys that the benchmark "mixgraph" of RocksDB's db_bench reads and writes: a model, with the
// parameters for it, of what a social graph's store was seen to do (Cao et al., FAST 2020). Ranges
// of keys are popular by a sum of two exponentials, the keys within one by a power law.
class MixGraph {
 public:
  static constexpr uint64_t kRanges = 30;

  explicit MixGraph(uint64_t count) : range_keys_(count / kRanges) {
    std::vector<double> shares;
    for (uint64_t i = 1; i <= kRanges; ++i) shares.push_back(Share(static_cast<double>(i)));
    Random random(7);  // popular ranges lie anywhere
    for (size_t i = shares.size(); i-- > 1;) std::swap(shares[i], shares[random.Below(i + 1)]);
    ends_.resize(kRanges);
    std::partial_sum(shares.begin(), shares.end(), ends_.begin());
  }

  uint64_t Sample(Random& random) const {
    const double at = random.Unit() * ends_.back();
    const auto range = std::upper_bound(ends_.begin(), ends_.end(), at) - ends_.begin();
    const double rank = std::ceil(std::pow(random.Unit() / 0.002312, 1 / 0.3467));
    Random place(static_cast<uint64_t>(rank));
    return std::min<uint64_t>(range, kRanges - 1) * range_keys_ + place.Below(range_keys_);
  }

  static double Share(double range) {
    return 14.18 * std::exp(-2.917 * range) + 0.0164 * std::exp(-0.08082 * range);
  }

 private:
  uint64_t range_keys_;
  std::vector<double> ends_;
};

constexpr uint64_t kMixGraphValueBytesMax = 1024;
// Lengths of the values of that model, a generalized Pareto distribution, drawn once per key so
// that who reads it can tell.
inline uint64_t MixGraphValueBytes(uint64_t key) {
  const double u = 1 - Random(key).Unit();
  const double bytes = std::ceil(25.45 * (std::pow(u, -0.2615) - 1) / 0.2615);
  return static_cast<uint64_t>(std::clamp(bytes, 10.0, 1.0 * kMixGraphValueBytesMax));
}

// The n-th number of a fixed permutation of [0, count), so that popular keys do not lie together.
inline uint64_t Permuted(uint64_t n, uint64_t count) {
  const int bits = std::max(1, static_cast<int>(std::bit_width(count - 1)));
  const uint64_t mask = (uint64_t{1} << bits) - 1;
  do {
    n = (n * 0x9e3779b97f4a7c15u + 12345) & mask;
    n ^= n >> ((bits + 1) / 2);
    n = (n * 0xbf58476d1ce4e5b9u + 999) & mask;
    n ^= n >> ((bits + 1) / 2);
  } while (n >= count);
  return n;
}

// Nanoseconds in buckets of at most 1/64 of their value; quantiles are upper ends of buckets.
class Histogram {
 public:
  void Add(int64_t nanos) {
    const uint64_t value = nanos > 0 ? static_cast<uint64_t>(nanos) : 0;
    const size_t bucket = BucketOf(value);
    if (buckets_.size() <= bucket) buckets_.resize(bucket + 1);
    ++buckets_[bucket];
    ++count_;
    max_ = std::max(max_, value);
  }

  uint64_t count() const { return count_; }
  uint64_t max() const { return max_; }

  uint64_t Quantile(double q) const {
    const uint64_t rank = static_cast<uint64_t>(std::ceil(q * static_cast<double>(count_)));
    uint64_t seen = 0;
    for (size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen >= std::max<uint64_t>(rank, 1)) return std::min(max_, UpperEnd(i));
    }
    return max_;
  }

 private:
  static constexpr int kBits = 6;
  static constexpr uint64_t kSteps = 1 << kBits;

  static size_t BucketOf(uint64_t value) {
    if (value < kSteps) return value;
    const int shift = static_cast<int>(std::bit_width(value)) - 1 - kBits;
    return static_cast<size_t>(shift) * kSteps + (value >> shift);
  }

  static uint64_t UpperEnd(size_t bucket) {
    if (bucket < 2 * kSteps) return bucket;
    const int shift = static_cast<int>(bucket / kSteps) - 1;
    return ((bucket % kSteps + kSteps + 1) << shift) - 1;
  }

  std::vector<uint64_t> buckets_;
  uint64_t count_ = 0, max_ = 0;
};

// Exit code: 0 when all is well.
inline int SelfTest() {
  int failures = 0;
  const auto expect = [&](bool good, const char* what, double figure) {
    std::printf("%s: %s (%g)\n", good ? "ok" : "FAILED", what, figure);
    failures += !good;
  };
  for (const double theta : {0.5, 0.99, 1.2}) {
    constexpr uint64_t kRanks = 1000, kDraws = 4'000'000;
    const Zipf zipf(kRanks, theta);
    Random random(7);
    std::vector<double> seen(kRanks + 1);
    for (uint64_t i = 0; i < kDraws; ++i) ++seen[zipf.Sample(random)];
    double sum = 0, chi_square = 0;
    for (uint64_t k = 1; k <= kRanks; ++k) sum += zipf.Weight(static_cast<double>(k));
    for (uint64_t k = 1; k <= kRanks; ++k) {
      const double expected = kDraws * zipf.Weight(static_cast<double>(k)) / sum;
      chi_square += (seen[k] - expected) * (seen[k] - expected) / expected;
    }
    // 999 degrees of freedom: mean 999, standard deviation 45.
    expect(seen[0] == 0 && chi_square > 820 && chi_square < 1180, "Zipf chi-square", chi_square);
  }
  {
    constexpr uint64_t kRangeKeys = 1'000'000, kDraws = 2'000'000;
    const MixGraph graph(MixGraph::kRanges * kRangeKeys);
    Random random(7);
    std::vector<double> seen(MixGraph::kRanges), shares(MixGraph::kRanges);
    for (uint64_t i = 0; i < kDraws; ++i) ++seen[graph.Sample(random) / kRangeKeys];
    std::sort(seen.begin(), seen.end(), std::greater<>());
    for (uint64_t i = 0; i < shares.size(); ++i) {
      shares[i] = MixGraph::Share(static_cast<double>(i + 1));
    }
    const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
    double chi_square = 0;
    for (uint64_t i = 0; i < shares.size(); ++i) {
      const double expected = kDraws * shares[i] / sum;
      chi_square += (seen[i] - expected) * (seen[i] - expected) / expected;
    }
    // 29 degrees of freedom; sorting brings it closer.
    expect(chi_square < 60, "mixgraph's ranges, chi-square", chi_square);
    double bytes = 0;
    for (uint64_t key = 0; key < kDraws; ++key) {
      bytes += static_cast<double>(MixGraphValueBytes(key));
    }
    // 36.15 for what is at least 10, and a little for rounding up.
    expect(std::abs(bytes / kDraws - 36.4) < 0.3, "mixgraph's values, mean", bytes / kDraws);
  }
  for (const uint64_t count : {1, 2, 3, 1000, 4096, 12345}) {
    std::vector<bool> taken(count);
    uint64_t distinct = 0;
    for (uint64_t n = 0; n < count; ++n) {
      const uint64_t at = Permuted(n, count);
      if (at < count && !taken[at]) ++distinct;
      if (at < count) taken[at] = true;
    }
    expect(distinct == count, "permutation", static_cast<double>(count));
  }
  Histogram histogram;
  for (int64_t i = 1; i <= 1'000'000; ++i) histogram.Add(i * 1000);
  for (const double q : {0.001, 0.5, 0.99, 0.999, 1.0}) {
    const double error = static_cast<double>(histogram.Quantile(q)) / (q * 1e9) - 1;
    expect(error >= -1e-9 && error < 1.0 / 32, "quantile, relative error", error);
  }
  return failures == 0 ? 0 : 1;
}

}  // namespace loadgen
