#include "rdb/encoder.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/number.h"
#include "rdb/decode_input.h"
#include "rdb/node.h"

namespace cairn::rdb {
namespace {

inline constexpr uint16_t kVersionOfSetListpack = 11;
inline constexpr uint64_t kContainerPlain = 1;
inline constexpr uint64_t kContainerPacked = 2;
// What Redis takes an item of a list to need beside its bytes.
inline constexpr uint64_t kListItemOverhead = 8;
// Of a node whose size is given in items.
inline constexpr uint64_t kCountedNodeBytesMax = 8192;
// Integers that are exact as doubles, with room.
inline constexpr double kIntegerScoreMax = 4503599627370496.0;  // 2^52

uint64_t NodeBytesMax(int64_t size) {
  switch (size) {
    case -1:
      return 4096;
    case -3:
      return 16384;
    case -4:
      return 32768;
    default:
      return size < -4 ? 65536 : kCountedNodeBytesMax;
  }
}

uint64_t NodeItemsMax(int64_t size) {
  return size < 0 ? UINT64_MAX : static_cast<uint64_t>(std::max<int64_t>(size, 1));
}

// Goes through what has been packed so far.
class Unpacking {
 public:
  explicit Unpacking(Listpack* pack) {
    CAIRN_CHECK(node_.Open(Node::Form::kListpack, pack->Finish()));
  }
  bool Next() {
    const Node::Found found = node_.Next(&item_);
    CAIRN_CHECK(found != Node::Found::kFault);
    return found == Node::Found::kItem;
  }
  std::string_view text() { return TextOf(item_, digits_); }
  double score() const {
    double score = static_cast<double>(item_.integer);
    CAIRN_CHECK(item_.is_integer || ParseDouble(item_.text, &score));
    return score;
  }

 private:
  Node node_;
  Node::Item item_;
  char digits_[kInt64TextBytes];
};

bool MayAppend(const Listpack& pack, uint64_t text_bytes) {
  return pack.Fits(Listpack::ItemBytesMax(text_bytes));
}

void AppendScore(Listpack* pack, double score) {
  const bool is_integer = std::fabs(score) <= kIntegerScoreMax && score == std::trunc(score) &&
                          !(score == 0 && std::signbit(score));
  if (is_integer) return pack->AppendInteger(static_cast<int64_t>(score));
  char text[kDoubleTextBytes];
  pack->Append({text, FormatDouble(score, text)});
}

}  // namespace

ListEncoder::ListEncoder(Sink* sink, const EncodeOptions& options, uint64_t count)
    : writer_(sink, options.compress_bytes_max, options.version),
      count_(count),
      node_bytes_max_(NodeBytesMax(options.list_max_listpack_size)),
      node_items_max_(NodeItemsMax(options.list_max_listpack_size)) {
  CAIRN_CHECK(count > 0);
}

bool ListEncoder::FitsNode(std::string_view item) const {
  return node_.items() < node_items_max_ &&
         node_.bytes() + item.size() + kListItemOverhead <= node_bytes_max_;
}

void ListEncoder::Add(std::string_view item) {
  CAIRN_CHECK(added_ < count_);
  ++added_;
  if (item.size() > node_bytes_max_) {
    FlushNode();
    Start();
    writer_.Length(kContainerPlain);
    writer_.String(item);
    ++nodes_;
    return;
  }
  if (!FitsNode(item)) FlushNode();
  node_.Append(item);
}

// The count of nodes stands in front. It is known only if there is no more to come.
void ListEncoder::Start() {
  if (started_) return;
  started_ = true;
  is_single_ = count_ == 1 || node_.items() == count_;
  writer_.Begin(Type::kListQuicklist2);
  if (is_single_) return writer_.Length(1);
  writer_.ReserveCount();
}

void ListEncoder::FlushNode() {
  if (node_.items() == 0) return;
  Start();
  writer_.Length(kContainerPacked);
  writer_.String(node_.Finish());
  node_.Clear();
  ++nodes_;
}

void ListEncoder::Finish() {
  CAIRN_CHECK(added_ == count_);
  FlushNode();
  CAIRN_CHECK(!is_single_ || nodes_ == 1);
  if (!is_single_) writer_.FillCount(nodes_);
  writer_.Finish();
}

SetEncoder::SetEncoder(Sink* sink, const EncodeOptions& options, uint64_t count)
    : writer_(sink, options.compress_bytes_max, options.version), options_(options), count_(count) {
  CAIRN_CHECK(count > 0);
  if (!options.table && count <= options.set_max_intset_entries) return;
  form_ = Form::kListpack;
  if (!MayPack()) StartTable();
}

bool SetEncoder::MayPack() const {
  return !options_.table && options_.version >= kVersionOfSetListpack &&
         count_ <= options_.set_max_listpack_entries;
}

void SetEncoder::StartTable() {
  form_ = Form::kTable;
  writer_.Begin(Type::kSet);
  writer_.Length(count_);
}

void SetEncoder::LeaveIntset() {
  form_ = Form::kListpack;
  if (!MayPack()) StartTable();
  char digits[kInt64TextBytes];
  for (int64_t integer : integers_) {
    if (form_ == Form::kListpack) {
      pack_.AppendInteger(integer);
    } else {
      writer_.String({digits, FormatInt64(integer, digits)});
    }
  }
  integers_ = {};
}

void SetEncoder::LeaveListpack() {
  StartTable();
  for (Unpacking members(&pack_); members.Next();) writer_.String(members.text());
  pack_ = {};
}

void SetEncoder::Add(std::string_view member) {
  CAIRN_CHECK(added_ < count_);
  ++added_;
  if (form_ == Form::kIntset) {
    int64_t integer;
    if (ParseInt64(member, &integer)) return integers_.push_back(integer);
    LeaveIntset();
  }
  if (form_ == Form::kListpack) {
    if (member.size() <= options_.set_max_listpack_value && MayAppend(pack_, member.size())) {
      return pack_.Append(member);
    }
    LeaveListpack();
  }
  writer_.String(member);
}

void SetEncoder::WriteIntset() {
  std::sort(integers_.begin(), integers_.end());
  CAIRN_CHECK(std::adjacent_find(integers_.begin(), integers_.end()) == integers_.end(),
              "each member comes once");
  const int64_t least = integers_.front();
  const int64_t most = integers_.back();
  const uint32_t width = least >= INT16_MIN && most <= INT16_MAX   ? 2
                         : least >= INT32_MIN && most <= INT32_MAX ? 4
                                                                   : 8;
  std::string bytes(8 + width * integers_.size(), '\0');
  PutLittle(width, bytes.data());
  PutLittle(static_cast<uint32_t>(integers_.size()), bytes.data() + 4);
  char* out = bytes.data() + 8;
  for (int64_t integer : integers_) {
    std::memcpy(out, &integer, width);  // the low bytes come first
    out += width;
  }
  writer_.Begin(Type::kSetIntset);
  writer_.String(bytes);
}

void SetEncoder::Finish() {
  CAIRN_CHECK(added_ == count_);
  if (form_ == Form::kIntset) WriteIntset();
  if (form_ == Form::kListpack) {
    writer_.Begin(Type::kSetListpack);
    writer_.String(pack_.Finish());
  }
  writer_.Finish();
}

ZsetEncoder::ZsetEncoder(Sink* sink, const EncodeOptions& options, uint64_t count)
    : writer_(sink, options.compress_bytes_max, options.version),
      value_bytes_max_(options.zset_max_listpack_value),
      count_(count),
      is_packed_(!options.table && count <= options.zset_max_listpack_entries) {
  CAIRN_CHECK(count > 0);
  if (!is_packed_) StartTable();
}

void ZsetEncoder::StartTable() {
  is_packed_ = false;
  writer_.Begin(Type::kZset2);
  writer_.Length(count_);
}

void ZsetEncoder::LeaveListpack() {
  StartTable();
  for (Unpacking items(&pack_); items.Next();) {
    writer_.String(items.text());
    CAIRN_CHECK(items.Next());
    writer_.Little(items.score());
  }
  pack_ = {};
}

void ZsetEncoder::Add(std::string_view member, double score) {
  CAIRN_CHECK(added_ < count_);
  CAIRN_CHECK(!std::isnan(score) && (added_ == 0 || score >= last_score_), "by ascending score");
  ++added_;
  last_score_ = score;
  if (is_packed_) {
    if (member.size() <= value_bytes_max_ && MayAppend(pack_, member.size() + kDoubleTextBytes)) {
      pack_.Append(member);
      return AppendScore(&pack_, score);
    }
    LeaveListpack();
  }
  writer_.String(member);
  writer_.Little(score);
}

void ZsetEncoder::Finish() {
  CAIRN_CHECK(added_ == count_);
  if (is_packed_) {
    writer_.Begin(Type::kZsetListpack);
    writer_.String(pack_.Finish());
  }
  writer_.Finish();
}

HashEncoder::HashEncoder(Sink* sink, const EncodeOptions& options, uint64_t count,
                         std::optional<uint64_t> soonest_ms)
    : writer_(sink, options.compress_bytes_max, options.version),
      value_bytes_max_(options.hash_max_listpack_value),
      count_(count),
      soonest_ms_(soonest_ms),
      is_packed_(!options.table && !soonest_ms && count <= options.hash_max_listpack_entries) {
  CAIRN_CHECK(count > 0);
  if (!is_packed_) StartTable();
}

void HashEncoder::StartTable() {
  is_packed_ = false;
  writer_.Begin(soonest_ms_ ? Type::kHashExpiry : Type::kHash);
  if (soonest_ms_) writer_.Little(*soonest_ms_);
  writer_.Length(count_);
}

void HashEncoder::LeaveListpack() {
  StartTable();
  for (Unpacking items(&pack_); items.Next();) writer_.String(items.text());
  pack_ = {};
}

void HashEncoder::Add(std::string_view field, std::string_view value, uint64_t expire_at_ms) {
  CAIRN_CHECK(added_ < count_);
  ++added_;
  if (is_packed_) {
    const bool is_short = std::max(field.size(), value.size()) <= value_bytes_max_;
    if (is_short && MayAppend(pack_, field.size() + value.size() + Listpack::ItemBytesMax(0))) {
      pack_.Append(field);
      return pack_.Append(value);
    }
    LeaveListpack();
  }
  if (soonest_ms_) {
    const bool fits = expire_at_ms >= *soonest_ms_ && expire_at_ms < kFieldExpiryEnd;
    CAIRN_CHECK(expire_at_ms == 0 || fits, "none is sooner than the soonest");
    writer_.Length(expire_at_ms == 0 ? 0 : expire_at_ms - *soonest_ms_ + 1);
  } else {
    CAIRN_CHECK(expire_at_ms == 0);
  }
  writer_.String(field);
  writer_.String(value);
}

void HashEncoder::Finish() {
  CAIRN_CHECK(added_ == count_);
  if (is_packed_) {
    writer_.Begin(Type::kHashListpack);
    writer_.String(pack_.Finish());
  }
  writer_.Finish();
}

}  // namespace cairn::rdb
