#include "rdb/stream_encoder.h"

#include "base/check.h"
#include "rdb/pending_index.h"
#include "rdb/stream_node.h"

namespace cairn::rdb {
namespace {

inline constexpr uint16_t kVersionOfStream3 = 11;
inline constexpr uint64_t kIntegersBytesMax = 128;  // ids and counts around an entry and in a node

// All that an entry can add to a node.
uint64_t EntryBytesMax(std::span<const std::string_view> fields) {
  uint64_t bytes = kIntegersBytesMax;
  for (std::string_view text : fields) bytes += Listpack::ItemBytesMax(text.size());
  return bytes;
}

uint64_t TextBytes(std::span<const std::string_view> fields) {
  uint64_t bytes = 0;
  for (std::string_view text : fields) bytes += text.size();
  return bytes;
}

}  // namespace

StreamEncoder::StreamEncoder(Sink* sink, const EncodeOptions& options)
    : writer_(sink, options.compress_bytes_max, options.version),
      node_bytes_max_(options.stream_node_max_bytes),
      node_entries_max_(options.stream_node_max_entries),
      has_active_ms_(options.version >= kVersionOfStream3) {
  writer_.Begin(has_active_ms_ ? Type::kStream3 : Type::kStream2);
  writer_.ReserveCount();
}

void StreamEncoder::Id(StreamId id) {
  writer_.Length(id.ms);
  writer_.Length(id.seq);
}

void StreamEncoder::RawId(StreamId id) {
  char bytes[kStreamIdBytes];
  PutBig(id.ms, bytes);
  PutBig(id.seq, bytes + 8);
  writer_.Bytes({bytes, kStreamIdBytes});
}

bool StreamEncoder::SameNames(std::span<const std::string_view> fields) const {
  if (fields.size() != 2 * names_to_compare_.size()) return false;
  for (size_t i = 0; i < names_to_compare_.size(); ++i) {
    if (names_to_compare_[i] != fields[2 * i]) return false;
  }
  return true;
}

// The names of its first entry are the node's.
void StreamEncoder::OpenNode(StreamId id, std::span<const std::string_view> fields) {
  node_id_ = id;
  node_fields_ = fields.size() / 2;
  for (size_t i = 0; i < fields.size(); i += 2) {
    names_.Append(fields[i]);
    names_to_compare_.emplace_back(fields[i]);
  }
}

void StreamEncoder::FlushNode() {
  if (node_entries_ == 0) return;
  Listpack whole;
  whole.AppendInteger(static_cast<int64_t>(node_entries_));
  whole.AppendInteger(0);  // deleted
  whole.AppendInteger(static_cast<int64_t>(node_fields_));
  whole.AppendAll(names_);
  whole.AppendInteger(0);
  whole.AppendAll(node_);
  writer_.Length(kStreamIdBytes);
  RawId(node_id_);
  writer_.String(whole.Finish());
  ++nodes_;
  node_entries_ = 0;
  names_ = {};
  names_to_compare_ = {};
  node_ = {};
}

bool StreamEncoder::Entry(StreamId id, std::span<const std::string_view> fields) {
  CAIRN_CHECK(!has_state_ && id > last_id_ && !fields.empty() && fields.size() % 2 == 0);
  const uint64_t bytes_max = EntryBytesMax(fields);
  if (bytes_max > kListpackBytesMax) return false;
  const uint64_t bytes = node_.bytes() + names_.bytes();
  const bool is_full = (node_bytes_max_ != 0 && bytes + TextBytes(fields) >= node_bytes_max_) ||
                       (node_entries_max_ != 0 && node_entries_ >= node_entries_max_) ||
                       bytes + bytes_max > kListpackBytesMax;
  if (is_full) FlushNode();
  if (node_entries_ == 0) OpenNode(id, fields);
  const bool same = SameNames(fields);
  const uint64_t count = fields.size() / 2;
  node_.AppendInteger(same ? kStreamSameFields : 0);
  node_.AppendInteger(static_cast<int64_t>(id.ms - node_id_.ms));
  node_.AppendInteger(static_cast<int64_t>(id.seq - node_id_.seq));
  if (!same) node_.AppendInteger(static_cast<int64_t>(count));
  for (size_t i = 0; i < fields.size(); ++i) {
    if (!same || i % 2 != 0) node_.Append(fields[i]);
  }
  node_.AppendInteger(kStreamEntryItems + static_cast<int64_t>(same ? count : 1 + 2 * count));
  ++node_entries_;
  if (entries_++ == 0) first_id_ = id;
  last_id_ = id;
  return true;
}

void StreamEncoder::State(const StreamState& state, uint64_t groups) {
  CAIRN_CHECK(!has_state_ && state.last_id >= last_id_ && state.last_id >= state.max_deleted_id);
  CAIRN_CHECK(state.length == entries_ && state.entries_added >= entries_);
  has_state_ = true;
  FlushNode();
  writer_.FillCount(nodes_);
  writer_.Length(entries_);
  Id(state.last_id);
  Id(first_id_);
  Id(state.max_deleted_id);
  writer_.Length(state.entries_added);
  writer_.Length(groups);
  groups_left_ = groups;
}

void StreamEncoder::Group(const StreamGroup& group) {
  CAIRN_CHECK(groups_left_ != 0 && !consumers_due_ && consumers_left_ == 0);
  CAIRN_CHECK(claims_left_ == 0 && group.entries_read >= -1);
  --groups_left_;
  writer_.String(group.name);
  Id(group.last_id);
  writer_.Length(static_cast<uint64_t>(group.entries_read));
  writer_.Length(group.pending);
  consumers_due_ = true;
  pending_left_ = group.pending;
  claims_left_ = group.pending;
}

void StreamEncoder::Pending(const StreamPending& pending) {
  CAIRN_CHECK(pending_left_ != 0);
  --pending_left_;
  RawId(pending.id);
  writer_.Little(pending.delivered_ms);
  writer_.Length(pending.deliveries);
}

void StreamEncoder::Consumers(uint64_t count) {
  CAIRN_CHECK(consumers_due_ && pending_left_ == 0);
  consumers_due_ = false;
  consumers_left_ = count;
  writer_.Length(count);
}

void StreamEncoder::Consumer(const StreamConsumer& consumer) {
  CAIRN_CHECK(consumers_left_ != 0 && consumer_claims_left_ == 0);
  CAIRN_CHECK(consumer.pending <= claims_left_);
  --consumers_left_;
  writer_.String(consumer.name);
  writer_.Little(consumer.seen_ms);
  if (has_active_ms_) writer_.Little(consumer.active_ms);
  writer_.Length(consumer.pending);
  consumer_claims_left_ = consumer.pending;
}

void StreamEncoder::Claim(StreamId id) {
  CAIRN_CHECK(consumer_claims_left_ != 0);
  --consumer_claims_left_;
  --claims_left_;
  RawId(id);
}

void StreamEncoder::Finish() {
  CAIRN_CHECK(has_state_ && groups_left_ == 0 && consumers_left_ == 0);
  CAIRN_CHECK(!consumers_due_ && claims_left_ == 0 && consumer_claims_left_ == 0);
  writer_.Finish();
}

}  // namespace cairn::rdb
