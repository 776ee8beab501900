// StreamEncoder: the payload of DUMP for a stream. Calls come in the order of the bytes:
//
//   Entry by ascending id.. | State | for each group: Group, Pending by ascending id..,
//     Consumers, and for each consumer: Consumer, Claim.. | Finish
//
// What is announced (groups, pending entries, consumers) has to come. Memory: one node, by the
// thresholds of EncodeOptions, and one entry. Threads: one at a time. Views are good during the
// call.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "rdb/encoder.h"

namespace cairn::rdb {

class StreamEncoder {
 public:
  StreamEncoder(Sink* sink, const EncodeOptions& options);

  // Fields and values alternate; at least one of each. False: more than Redis keeps in one node
  // (1 GiB), and nothing has happened.
  [[nodiscard]] bool Entry(StreamId id, std::span<const std::string_view> fields);
  // Length and first id are those of the entries that came.
  void State(const StreamState& state, uint64_t groups);
  void Group(const StreamGroup& group);
  void Pending(const StreamPending& pending);
  void Consumers(uint64_t count);
  void Consumer(const StreamConsumer& consumer);
  // A pending entry of the group is the consumer's.
  void Claim(StreamId id);
  void Finish();

 private:
  bool SameNames(std::span<const std::string_view> fields) const;
  void OpenNode(StreamId id, std::span<const std::string_view> fields);
  void FlushNode();
  void Id(StreamId id);
  void RawId(StreamId id);

  PayloadWriter writer_;
  const uint64_t node_bytes_max_;
  const uint64_t node_entries_max_;
  const bool has_active_ms_;

  uint64_t nodes_ = 0;
  uint64_t entries_ = 0;
  StreamId first_id_;
  StreamId last_id_;
  StreamId node_id_;
  uint64_t node_entries_ = 0;
  uint64_t node_fields_ = 0;
  Listpack names_;  // of the node
  std::vector<std::string> names_to_compare_;
  Listpack node_;  // its entries

  bool has_state_ = false;
  uint64_t groups_left_ = 0;
  bool consumers_due_ = false;
  uint64_t pending_left_ = 0;
  uint64_t claims_left_ = 0;  // of the group
  uint64_t consumers_left_ = 0;
  uint64_t consumer_claims_left_ = 0;
};

}  // namespace cairn::rdb
