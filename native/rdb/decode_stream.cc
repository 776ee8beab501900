// Streams:
//
//   count of nodes | (id of the node, a string of 16 bytes; listpack, a string: stream_node.h)..
//   length | last id | [first id | largest deleted id | entries added]                 versions 2,
//   3 count of groups, and for each
//     name | last id | [entries read] | count of pending entries | pending entry..
//     (pending_index.h) count of consumers, and for each
//       name | seen, 8 bytes | [active, 8 bytes] | count of ids | id, 16 bytes..       version 3
//
// An id outside of nodes and lists is two lengths. The first id is not believed but found.

#include "base/check.h"
#include "rdb/decode_input.h"
#include "rdb/pending_index.h"
#include "rdb/stream_node.h"
#include "rdb/types.h"
#include "rdb/visitor.h"

namespace cairn::rdb {
namespace {

inline constexpr uint64_t kGroupBytesMin = 5;  // name, last id, two counts
inline constexpr uint64_t kConsumerBytesMin = 10;
inline constexpr uint64_t kNodeBytesMin = 2;

class StreamBody : public Body {
 public:
  StreamBody(Type type, Input* input, Visitor* visitor)
      : type_(type), input_(input), visitor_(visitor) {}

  Took Next() override {
    switch (phase_) {
      case Phase::kHead:
        return Head();
      case Phase::kNodeId:
        return NodeId();
      case Phase::kNode:
        return OpenNode();
      case Phase::kEntries:
        return Entries();
      case Phase::kState:
        return State();
      case Phase::kGroup:
        return Group();
      case Phase::kPending:
        return Pending();
      case Phase::kConsumers:
        return Consumers();
      case Phase::kConsumer:
        return Consumer();
      case Phase::kClaims:
        return Claim();
    }
    return Took::kFailed;
  }

 private:
  enum class Phase : uint8_t {
    kHead,
    kNodeId,
    kNode,
    kEntries,
    kState,
    kGroup,
    kPending,
    kConsumers,
    kConsumer,
    kClaims,
  };

  Took Head() {
    Took took = input_->Count("count of nodes runs out of range", kNodeBytesMin, &nodes_left_);
    if (took != Took::kTaken) return took;
    phase_ = Phase::kNodeId;
    return TookIf(visitor_->Begin(Kind::kStream, type_, std::nullopt));
  }

  Took NodeId() {
    if (nodes_left_ == 0) {
      phase_ = Phase::kState;
      return Took::kTaken;
    }
    std::string_view raw;
    Took took = input_->String(1, input_->limits().string_bytes_max, &raw);
    if (took != Took::kTaken) return took;
    if (raw.size() != kStreamIdBytes) {
      return input_->Fail("id of a node is none", input_->string_at(1));
    }
    node_id_ = StreamIdIn(raw);
    if (node_id_ <= state_.last_id) {
      return input_->Fail("ids of nodes do not ascend", input_->string_at(1));
    }
    --nodes_left_;
    phase_ = Phase::kNode;
    return took;
  }

  Took OpenNode() {
    std::string_view bytes;
    Took took = input_->String(0, input_->limits().node_bytes_max, &bytes);
    if (took != Took::kTaken) return took;
    input_->SpendElement(1);
    if (!node_.Open(bytes, node_id_, state_.last_id)) return FailNode();
    phase_ = Phase::kEntries;
    return took;
  }

  Took Entries() {
    const StreamNode::Found found = node_.Next();
    input_->SpendElement(1);
    switch (found) {
      case StreamNode::Found::kNothing:
        return Took::kTaken;
      case StreamNode::Found::kEntry:
        return TookIf(visitor_->StreamEntry(node_.id(), node_.fields()));
      case StreamNode::Found::kField:
        return Field();
      case StreamNode::Found::kEnd:
        break;
      case StreamNode::Found::kFault:
        return FailNode();
    }
    if (node_.has_first() && state_.length == 0) state_.first_id = node_.first_id();
    state_.length += node_.entries();
    state_.last_id = node_.last_id();  // so far
    phase_ = Phase::kNodeId;
    return Took::kTaken;
  }

  Took Field() {
    std::string_view name = TextOf(node_.name(), digits_[0]);
    std::string_view value = TextOf(node_.value(), digits_[1]);
    const uint64_t bytes_max = input_->limits().string_bytes_max;
    if (name.size() > bytes_max || value.size() > bytes_max) {
      return input_->FailInNode(DumpResult::kTooLong, "string longer than the limit",
                                node_.value().at);
    }
    input_->SpendBytes(name.size() + value.size());
    return TookIf(visitor_->StreamField(name, value));
  }

  Took FailNode() { return input_->FailInNode(node_.fault(), node_.fault_at()); }

  bool TakeId(const char* what, StreamId* out) {
    return input_->Length(what, &out->ms) == Took::kTaken &&
           input_->Length(what, &out->seq) == Took::kTaken;
  }

  Took State() {
    const size_t at = input_->position();
    const StreamId last_entry = state_.last_id;
    uint64_t length;
    if (input_->Length("no length of the stream", &length) != Took::kTaken) return Took::kFailed;
    if (length != state_.length) return input_->Fail("not as many entries as claimed", at);
    const size_t last_at = input_->position();
    if (!TakeId("no last id", &state_.last_id)) return Took::kFailed;
    if (state_.last_id < last_entry) return input_->Fail("entries behind the last id", last_at);
    state_.entries_added = length;
    if (type_ != Type::kStream) {
      const size_t more_at = input_->position();
      StreamId claimed_first_id;
      if (!TakeId("no first id", &claimed_first_id) ||
          !TakeId("no largest deleted id", &state_.max_deleted_id) ||
          input_->Length("no count of entries added", &state_.entries_added) != Took::kTaken) {
        return Took::kFailed;
      }
      if (state_.max_deleted_id > state_.last_id) {
        return input_->Fail("a deleted id behind the last id", more_at);
      }
      if (state_.entries_added < length) {
        return input_->Fail("fewer entries added than there are", more_at);
      }
    }
    if (input_->Count("count of groups runs out of range", kGroupBytesMin, &groups_left_) !=
        Took::kTaken) {
      return Took::kFailed;
    }
    phase_ = Phase::kGroup;
    input_->SpendElement(1);
    return TookIf(visitor_->StreamEnd(state_));
  }

  // What Redis makes of a group that does not say how many entries it has read.
  int64_t EntriesRead(StreamId last_id) const {
    if (state_.length == 0) return 0;
    if (last_id == state_.last_id) return static_cast<int64_t>(state_.length);
    if (last_id < state_.first_id) return 0;
    return last_id == state_.first_id ? 1 : -1;
  }

  Took Group() {
    if (groups_left_ == 0) return Took::kEnd;
    StreamGroup group;
    Took took = input_->String(0, input_->limits().string_bytes_max, &group.name);
    if (took != Took::kTaken) return took;
    if (!TakeId("no last id of a group", &group.last_id)) return Took::kFailed;
    group.entries_read = EntriesRead(group.last_id);
    if (type_ != Type::kStream) {
      const size_t at = input_->position();
      uint64_t read;
      took = input_->Length("no count of entries read", &read);
      if (took != Took::kTaken) return took;
      group.entries_read = static_cast<int64_t>(read);
      if (group.entries_read < -1) return input_->Fail("count of entries read is none", at);
    }
    took = input_->Count("count of pending entries runs out of range", kPendingBytesMin, &pending_);
    if (took != Took::kTaken) return took;
    group.pending = pending_;
    --groups_left_;
    pending_left_ = pending_;
    pending_id_ = StreamId();
    list_at_ = input_->position();
    index_.Clear(input_->rest(), pending_);
    phase_ = Phase::kPending;
    input_->SpendElement(group.name.size() + 1);
    return TookIf(visitor_->Group(group));
  }

  Took Pending() {
    if (pending_left_ == 0) {
      phase_ = Phase::kConsumers;
      return Took::kTaken;
    }
    const size_t at = input_->position();
    std::string_view raw;
    uint64_t delivered_ms;
    uint64_t deliveries;
    if (input_->Bytes("pending entry runs out of range", kStreamIdBytes, &raw) != Took::kTaken ||
        input_->Little("pending entry runs out of range", &delivered_ms) != Took::kTaken ||
        input_->Length("pending entry runs out of range", &deliveries) != Took::kTaken) {
      return Took::kFailed;
    }
    const StreamId id = StreamIdIn(raw);
    if (pending_left_ != pending_ && id <= pending_id_) {
      return input_->Fail("pending entries do not ascend", at);
    }
    pending_id_ = id;
    --pending_left_;
    index_.Add(id, at - list_at_);
    input_->SpendElement(kPendingBytesMin);
    return Took::kTaken;
  }

  Took Consumers() {
    phase_ = Phase::kConsumer;
    return input_->Count("count of consumers runs out of range", kConsumerBytesMin,
                         &consumers_left_);
  }

  Took Consumer() {
    if (consumers_left_ == 0) {
      if (index_.claimed() != pending_) {
        return input_->Fail("a pending entry is no consumer's", list_at_);
      }
      phase_ = Phase::kGroup;
      return Took::kTaken;
    }
    StreamConsumer consumer;
    Took took = input_->String(0, input_->limits().string_bytes_max, &consumer.name);
    if (took != Took::kTaken) return took;
    took = input_->Little("no time of a consumer", &consumer.seen_ms);
    if (took != Took::kTaken) return took;
    consumer.active_ms = consumer.seen_ms;  // what Redis makes of it
    if (type_ == Type::kStream3) {
      took = input_->Little("no time of a consumer", &consumer.active_ms);
      if (took != Took::kTaken) return took;
    }
    took =
        input_->Count("count of pending entries runs out of range", kStreamIdBytes, &pending_left_);
    if (took != Took::kTaken) return took;
    consumer.pending = pending_left_;
    --consumers_left_;
    phase_ = Phase::kClaims;
    input_->SpendElement(consumer.name.size() + 1);
    return TookIf(visitor_->Consumer(consumer));
  }

  Took Claim() {
    if (pending_left_ == 0) {
      phase_ = Phase::kConsumer;
      return Took::kTaken;
    }
    const size_t at = input_->position();
    std::string_view raw;
    Took took = input_->Bytes("pending entry runs out of range", kStreamIdBytes, &raw);
    if (took != Took::kTaken) return took;
    StreamPending pending;
    switch (index_.Claim(StreamIdIn(raw), &pending)) {
      case PendingIndex::Claimed::kUnknown:
        return input_->Fail("a consumer's pending entry is not the group's", at);
      case PendingIndex::Claimed::kTaken:
        return input_->Fail("a pending entry is claimed twice", at);
      case PendingIndex::Claimed::kYes:
        break;
    }
    --pending_left_;
    input_->SpendElement(kStreamIdBytes);
    return TookIf(visitor_->Pending(pending));
  }

  const Type type_;
  Input* const input_;
  Visitor* const visitor_;
  Phase phase_ = Phase::kHead;
  uint64_t nodes_left_ = 0;
  StreamId node_id_;
  StreamNode node_;
  StreamState state_;  // until it is read: of the entries so far
  char digits_[2][kInt64TextBytes];
  uint64_t groups_left_ = 0;
  uint64_t consumers_left_ = 0;
  uint64_t pending_ = 0;       // of the group
  uint64_t pending_left_ = 0;  // of the group, then of a consumer
  StreamId pending_id_;        // the last one
  size_t list_at_ = 0;
  PendingIndex index_;
};

}  // namespace

std::unique_ptr<Body> NewStreamBody(Type type, Input* input, Visitor* visitor) {
  const bool is_stream = type == Type::kStream || type == Type::kStream2 || type == Type::kStream3;
  if (!is_stream) return nullptr;
  return std::make_unique<StreamBody>(type, input, visitor);
}

}  // namespace cairn::rdb
