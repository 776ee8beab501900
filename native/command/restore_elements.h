// RestoredElements: what a payload of DUMP says is in a collection, gathered as the decoder tells
// it, and put in order. For RESTORE only.
//
// Memory: the elements' bytes, and twice sizeof(RestoredElement) for each. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "collection/set.h"
#include "command/run_merge.h"
#include "command/slice_sort.h"
#include "rdb/visitor.h"

namespace cairn {

struct RestoredElement {
  uint64_t head = 0;         // of its key in a tree
  std::string_view name{};   // a member or a field; of an item of a list: none
  std::string_view value{};  // of a field; an item
  uint64_t due = 0;          // of a field: ms since 1970, 0: never
  double score = 0;
};

class RestoredElements final : public rdb::Visitor {
 public:
  // Names get heads by this seed. Fields that have ended by `now_ms` are left away.
  RestoredElements(uint64_t seed, uint64_t now_ms, const Thresholds* thresholds)
      : thresholds_(*thresholds), seed_(seed), now_ms_(now_ms) {}

  bool Begin(rdb::Kind kind, rdb::Type type, std::optional<uint64_t> count) override;
  bool ListItem(std::string_view item) override;
  bool SetMember(std::string_view member) override;
  bool ZsetMember(std::string_view member, double score) override;
  bool HashField(std::string_view field, std::string_view value, uint64_t expire_at_ms) override;

  // It is of a kind that no collection is made of.
  bool unknown() const { return unknown_; }
  rdb::Kind kind() const { return kind_; }
  rdb::Type type() const { return type_; }
  uint64_t seed() const { return seed_; }
  // What the payload claims, or what came if that is more.
  uint64_t count() const { return claimed_ > all_.size() ? claimed_ : all_.size(); }
  uint64_t bytes() const { return bytes_; }
  // In the order of the payload, until they are sorted.
  std::vector<RestoredElement>& all() { return all_; }
  Encoding encoding() const;
  std::string state() const;

  // By head, then by name, in steps of SliceSort. True: they are sorted.
  bool SortStep();
  // Other heads will come: what was sorted is to be sorted again.
  void Unsort() { sort_.reset(); }

 private:
  void Take(const RestoredElement& element);

  const Thresholds& thresholds_;
  const uint64_t seed_;
  const uint64_t now_ms_;
  rdb::Kind kind_ = rdb::Kind::kString;
  rdb::Type type_ = rdb::Type::kString;
  bool unknown_ = false;
  uint64_t claimed_ = 0;
  std::vector<RestoredElement> all_;
  uint64_t bytes_ = 0;
  uint64_t bytes_max_ = 0;  // of a name or a value
  SetSummary summary_;      // of a set
  bool listpack_ = true;    // a list still is one
  uint64_t item_bytes_ = 0;
  TextBlocks texts_;
  std::unique_ptr<SliceSort<RestoredElement>> sort_;
};

}  // namespace cairn
