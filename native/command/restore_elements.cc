#include "command/restore_elements.h"

#include <algorithm>

#include "collection/hash.h"
#include "collection/keyed_hash.h"
#include "collection/list.h"
#include "collection/zset.h"

namespace cairn {

using rdb::Kind;
using rdb::Type;

bool RestoredElements::Begin(Kind kind, Type type, std::optional<uint64_t> count) {
  kind_ = kind;
  type_ = type;
  claimed_ = count.value_or(0);
  unknown_ = kind == Kind::kString || kind == Kind::kStream;
  return !unknown_;
}

void RestoredElements::Take(const RestoredElement& element) {
  bytes_ += element.name.size() + element.value.size();
  bytes_max_ = std::max<uint64_t>({bytes_max_, element.name.size(), element.value.size()});
  RestoredElement& kept = all_.emplace_back(element);
  kept.name = texts_.Keep(element.name);
  kept.value = texts_.Keep(element.value);
  if (kind_ != Kind::kList) kept.head = KeyedHash(seed_, kept.name);
}

bool RestoredElements::ListItem(std::string_view item) {
  listpack_ =
      listpack_ && ListValue::StaysListpack(item_bytes_, item.size(), all_.size() + 1, thresholds_);
  if (listpack_) item_bytes_ += ListpackItemBytes(item);
  Take({.value = item});
  return true;
}

bool RestoredElements::SetMember(std::string_view member) {
  summary_.Add(member);
  Take({.name = member});
  return true;
}

bool RestoredElements::ZsetMember(std::string_view member, double score) {
  Take({.name = member, .score = score});
  return true;
}

bool RestoredElements::HashField(std::string_view field, std::string_view value,
                                 uint64_t expire_at_ms) {
  if (expire_at_ms != 0 && expire_at_ms <= now_ms_) return true;
  Take({.name = field, .value = value, .due = expire_at_ms});
  return true;
}

// As Redis: what was packed is, whatever its elements are, unless there are too many.
Encoding RestoredElements::encoding() const {
  const auto fits = [this](const std::atomic<uint64_t>& entries_max) {
    return count() <= entries_max.load(std::memory_order_relaxed);
  };
  switch (kind_) {
    case Kind::kList:
      return listpack_ ? Encoding::kListpack : Encoding::kQuicklist;
    case Kind::kSet:
      if (type_ == Type::kSetListpack && fits(thresholds_.set_listpack_entries))
        return Encoding::kListpack;
      return type_ != Type::kSetListpack && count() <= IntsetMembersMax(thresholds_)
                 ? SetEncodingOf(summary_, thresholds_)
                 : Encoding::kHashtable;
    case Kind::kHash: {
      const bool packed = type_ == Type::kHashListpack || type_ == Type::kHashZiplist ||
                          type_ == Type::kHashListpackExpiry;
      if (packed && fits(thresholds_.hash_listpack_entries)) return Encoding::kListpack;
      return HashValue::EncodingOf(count(), bytes_max_, thresholds_);
    }
    case Kind::kZset: {
      const bool packed = type_ == Type::kZsetListpack || type_ == Type::kZsetZiplist;
      if (packed && fits(thresholds_.zset_listpack_entries)) return Encoding::kListpack;
      return ZsetValue::EncodingOf(count(), bytes_max_, thresholds_);
    }
    case Kind::kString:
    case Kind::kStream:
      break;
  }
  return Encoding::kListpack;
}

std::string RestoredElements::state() const {
  if (kind_ != Kind::kList) return SeedState(seed_);
  return listpack_ ? ListValue::ListpackState(item_bytes_) : std::string();
}

bool RestoredElements::SortStep() {
  if (sort_ == nullptr) sort_ = std::make_unique<SliceSort<RestoredElement>>(&all_);
  return sort_->Step([](const RestoredElement& a, const RestoredElement& b) {
    return a.head != b.head ? a.head < b.head : a.name < b.name;
  });
}

}  // namespace cairn
