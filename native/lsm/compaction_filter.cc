#include "lsm/compaction_filter.h"

#include <utility>

#include "base/check.h"
#include "lsm/slices.h"

namespace cairn::lsm {

namespace {

class Filter final : public rocksdb::CompactionFilter {
 public:
  Filter(KeyOrder order, std::shared_ptr<const DropRules> rules, const Upgrades* upgrades,
         FilterFigures* figures)
      : order_(order), rules_(std::move(rules)), upgrades_(upgrades), figures_(figures) {}

  ~Filter() override {
    const auto add = [](std::atomic<uint64_t>& to, uint64_t count) {
      if (count > 0) to.fetch_add(count, std::memory_order_relaxed);
    };
    add(figures_->compactions, 1);
    add(figures_->entries, seen_.entries);
    add(figures_->dropped_expired, seen_.dropped_expired);
    add(figures_->dropped_collections, seen_.dropped_collections);
    add(figures_->dropped_spaces, seen_.dropped_spaces);
    add(figures_->dropped_empty, seen_.dropped_empty);
    add(figures_->old_format, seen_.old_format);
    add(figures_->rewritten, seen_.rewritten);
    add(figures_->damaged, seen_.damaged);
    add(figures_->faults, seen_.faults);
  }

  const char* Name() const override { return "cairn.filter"; }

  Decision FilterV2(int level, const rocksdb::Slice& key, ValueType type,
                    const rocksdb::Slice& value, std::string* new_value,
                    std::string* skip_until) const override {
    if (type == ValueType::kBlobIndex) return Decision::kKeep;
    ++seen_.entries;
    const std::string_view stored = Viewed(key);
    if (const FormatFault fault = CheckKey(stored)) {
      return Fault(level, "key " + DescribeKey(stored));
    }
    const ParsedKey parsed = ParseKey(stored);
    if (parsed.prefix.category == Category::kKeyValue && SkipsRange(parsed, stored, skip_until)) {
      return Decision::kRemoveAndSkipUntil;
    }
    return FilterValue(level, parsed, stored, Viewed(value), type == ValueType::kMergeOperand,
                       new_value);
  }

 private:
  // Written by the one thread that has the filter; FilterV2 is const all the same.
  struct Seen {
    uint64_t entries = 0;
    uint64_t dropped_expired = 0;
    uint64_t dropped_collections = 0;
    uint64_t dropped_spaces = 0;
    uint64_t dropped_empty = 0;
    uint64_t old_format = 0;
    uint64_t rewritten = 0;
    uint64_t damaged = 0;
    uint64_t faults = 0;
  };

  Decision Fault(int level, const std::string& text) const {
    ++seen_.faults;
    figures_->findings.Add("level " + std::to_string(level) + ": " + text);
    return Decision::kKeep;
  }

  // Whether the key is of a range that goes as a whole; then also where that ends.
  bool SkipsRange(const ParsedKey& key, std::string_view stored, std::string* skip_until) const {
    if (rules_->DropsCollection(key.prefix.collection)) {
      ++seen_.dropped_collections;
      *skip_until = EndOfPrefix(order_, stored.substr(0, kCollectionPrefixBytes));
      return true;
    }
    if (key.prefix.index == key_value_index::kPages && rules_->DropsSpace(SpaceOf(key.user_key))) {
      ++seen_.dropped_spaces;
      *skip_until = EndOfPrefix(order_, stored.substr(0, kPrefixBytes + sizeof(uint64_t)));
      return true;
    }
    return false;
  }

  Decision FilterValue(int level, const ParsedKey& key, std::string_view stored_key,
                       std::string_view value, bool operand, std::string* new_value) const {
    if (const int format = FormatOf(value); format >= 0 && format < kValueFormat) {
      ++seen_.old_format;
      const Upgrades::Upgrade upgrade = upgrades_->Find(static_cast<uint8_t>(format));
      new_value->clear();
      if (upgrade == nullptr || !upgrade(value, new_value)) return Decision::kKeep;
      ++seen_.rewritten;
      return Decision::kChangeValue;
    }
    ParsedValue parsed;
    if (const FormatFault fault = CheckValue(key, value, operand, &parsed)) {
      return Fault(level, "value of " + DescribeKey(stored_key) + ": " + fault.Text());
    }
    if (operand) return Decision::kKeep;
    const ValueHead& head = parsed.head;
    // A collection may have a space, and goes with it: by its delete.
    if (head.kind == Kind::kString &&
        rules_->DropsExpired(key.prefix.collection, head.expire_at_ms, head.version)) {
      ++seen_.dropped_expired;
      return Decision::kRemove;
    }
    if (head.kind == Kind::kPostings && parsed.body.empty()) {
      ++seen_.dropped_empty;
      return Decision::kRemove;
    }
    if (head.kind == Kind::kDamaged) ++seen_.damaged;
    return Decision::kKeep;
  }

  const KeyOrder order_;
  const std::shared_ptr<const DropRules> rules_;
  const Upgrades* const upgrades_;
  FilterFigures* const figures_;
  mutable Seen seen_;
};

}  // namespace

void Upgrades::Register(uint8_t format, Upgrade upgrade) {
  CAIRN_CHECK(format < kValueFormat && upgrade != nullptr && upgrades_[format] == nullptr);
  upgrades_[format] = upgrade;
}

std::unique_ptr<rocksdb::CompactionFilter> FilterFactory::CreateCompactionFilter(
    const rocksdb::CompactionFilter::Context& /*context*/) {
  return std::make_unique<Filter>(order_, gate_->InForce(), upgrades_, figures_);
}

}  // namespace cairn::lsm
