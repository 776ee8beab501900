// The figures of an engine as named rows: INFO's section Engine, /metrics and whoever else shows
// them do it by what the rows say, and know no engine. A row is declared where the figure is told.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace cairn {

// Counts by powers of two: bucket i has the values of i significant bits, up to 2^i - 1; the last
// one also what is greater.
struct Log2Histogram {
  static constexpr uint32_t kBuckets = 40;
  static constexpr uint32_t BucketOf(uint64_t value) {
    const uint32_t bits = static_cast<uint32_t>(std::bit_width(value));
    return bits < kBuckets ? bits : kBuckets - 1;
  }
  uint64_t counts[kBuckets] = {};
  uint64_t sum = 0;  // of the values
};

enum class FigureKind : uint8_t {
  kCounter,  // since the last reset
  kGauge,
  kText,    // in a metric it is the value of the label, and 1 the metric's
  kStatus,  // 1 or 0; in INFO ok or err
  kState,   // one word of `choices`; in a metric each of them is a label, and 1 or 0
  kHistogram,
};

struct FigureRow {
  const char* info = "";    // field of INFO; empty: not there
  const char* metric = "";  // name of the metric, several rows may share one; empty: not there
  FigureKind kind = FigureKind::kGauge;
  const char* unit = "";   // "bytes"; "ns", "us", "ms", "s": metrics are in seconds
  const char* label = "";  // of the metric
  const char* help = "";   // of the metric, a sentence
  uint32_t decimals = 0;   // in INFO
  const char* choices = "";
  uint32_t from_bits = 0;  // of a histogram: its metric has buckets from 2^from to 2^to
  uint32_t to_bits = 0;
};

// Who shows figures looks at them now and then, from one thread that is no reactor's.
struct Figure {
  FigureRow row;
  std::vector<std::string> labels;  // values of the row's label, if it has one
  std::vector<double> values;       // one, or one per label; NaN: not known
  std::string text;
  Log2Histogram histogram;
};

class FigureList {
 public:
  void Number(const FigureRow& row, double value, std::string label = {}) {
    Figure& figure = Add(row);
    if (!label.empty()) figure.labels.push_back(std::move(label));
    figure.values.push_back(value);
  }
  void Number(const FigureRow& row, uint64_t value, std::string label = {}) {
    Number(row, static_cast<double>(value), std::move(label));
  }
  void Text(const FigureRow& row, std::string text) { Add(row).text = std::move(text); }
  void Histogram(const FigureRow& row, const Log2Histogram& histogram) {
    Add(row).histogram = histogram;
  }
  // value(i) under the label i, for each i below `count`.
  template <typename Value>
  void Each(const FigureRow& row, uint32_t count, Value value) {
    Figure& figure = Add(row);
    for (uint32_t i = 0; i < count; ++i) {
      figure.labels.push_back(std::to_string(i));
      figure.values.push_back(static_cast<double>(value(i)));
    }
  }
  const std::vector<Figure>& all() const { return figures_; }
  void Clear() { figures_.clear(); }

 private:
  Figure& Add(const FigureRow& row) { return figures_.emplace_back(Figure{row, {}, {}, {}, {}}); }
  std::vector<Figure> figures_;
};

// What an engine is told, who cannot count it.
struct FigureInput {
  uint64_t found = 0;  // lookups of commands that found their key
};

}  // namespace cairn
