#include "rdb/stream_node.h"

#include "base/number.h"

namespace cairn::rdb {

StreamNode::Found StreamNode::Wrong(const char* what, size_t at) {
  fault_ = what;
  fault_at_ = at;
  return Found::kFault;
}

bool StreamNode::Open(std::string_view bytes, StreamId id, StreamId before) {
  *this = StreamNode();
  bytes_ = bytes.size();
  node_id_ = id;
  id_ = before;
  if (node_.Open(Node::Form::kListpack, bytes)) return true;
  Wrong(node_.fault(), node_.fault_at());
  return false;
}

bool StreamNode::Take(Node* node, Node::Item* item) {
  switch (node->Next(item)) {
    case Node::Found::kItem:
      item_at_ = item->at;
      return true;
    case Node::Found::kEnd:
      Wrong("entry is not complete", bytes_ - 1);
      return false;
    case Node::Found::kFault:
      break;
  }
  Wrong(node->fault(), node->fault_at());
  return false;
}

bool StreamNode::TakeInteger(const char* what, int64_t* out) {
  Node::Item item;
  if (!Take(&node_, &item)) return false;
  *out = item.integer;
  if (item.is_integer || ParseInt64(item.text, out)) return true;
  Wrong(what, item.at);
  return false;
}

// No count is larger than the node, whose items take more than a byte each.
bool StreamNode::TakeCount(const char* what, int64_t min, uint64_t* out) {
  int64_t count;
  if (!TakeInteger(what, &count)) return false;
  *out = static_cast<uint64_t>(count);
  if (count >= min && *out <= bytes_) return true;
  Wrong(what, item_at_);
  return false;
}

StreamNode::Found StreamNode::Next() {
  if (fault_ != nullptr) return Found::kFault;
  switch (phase_) {
    case Phase::kHead:
      return Head();
    case Phase::kNames:
      return Name();
    case Phase::kEntry:
      return Entry();
    case Phase::kFields:
      return Field();
  }
  return Found::kFault;
}

StreamNode::Found StreamNode::Head() {
  if (!TakeCount("count of entries is none", 0, &node_entries_) ||
      !TakeCount("count of deleted entries is none", 0, &node_deleted_) ||
      !TakeCount("count of fields is none", 1, &node_fields_)) {
    return Found::kFault;
  }
  names_ = node_;
  fields_left_ = node_fields_;
  phase_ = Phase::kNames;
  return Found::kNothing;
}

StreamNode::Found StreamNode::Name() {
  if (fields_left_ != 0) {
    --fields_left_;
    return Take(&node_, &name_) ? Found::kNothing : Found::kFault;
  }
  int64_t end;
  if (!TakeInteger("names do not end in 0", &end)) return Found::kFault;
  if (end != 0) return Wrong("names do not end in 0", item_at_);
  phase_ = Phase::kEntry;
  return Found::kNothing;
}

StreamNode::Found StreamNode::Entry() {
  Node::Item item;
  switch (Node at_end = node_; at_end.Next(&item)) {
    case Node::Found::kEnd:
      if (entries_ != node_entries_ || deleted_ != node_deleted_) {
        return Wrong("not as many entries, or deleted ones, as the node claims", bytes_ - 1);
      }
      return Found::kEnd;
    default:
      break;
  }
  int64_t ms;
  int64_t seq;
  if (!TakeInteger("flags are none", &flags_)) return Found::kFault;
  if ((flags_ & ~(kStreamDeleted | kStreamSameFields)) != 0) {
    return Wrong("unknown flags", item_at_);
  }
  if (!TakeInteger("id is none", &ms) || !TakeInteger("id is none", &seq)) return Found::kFault;
  // They may be negative: the second number of an id begins anew with each millisecond.
  const StreamId id{node_id_.ms + static_cast<uint64_t>(ms),
                    node_id_.seq + static_cast<uint64_t>(seq)};
  if (id <= id_ || id < node_id_) return Wrong("ids do not ascend", item_at_);
  id_ = id;
  fields_ = node_fields_;
  if ((flags_ & kStreamSameFields) != 0) {
    names_of_now_ = names_;
  } else if (!TakeCount("count of fields is none", 1, &fields_)) {
    return Found::kFault;
  }
  fields_left_ = fields_;
  phase_ = Phase::kFields;
  if ((flags_ & kStreamDeleted) != 0) {
    ++deleted_;
    return Found::kNothing;
  }
  ++entries_;
  if (!has_first_) first_id_ = id;
  has_first_ = true;
  return Found::kEntry;
}

StreamNode::Found StreamNode::Field() {
  if (fields_left_ == 0) return EndEntry();
  --fields_left_;
  Node* names = (flags_ & kStreamSameFields) != 0 ? &names_of_now_ : &node_;
  if (!Take(names, &name_) || !Take(&node_, &value_)) return Found::kFault;
  return (flags_ & kStreamDeleted) != 0 ? Found::kNothing : Found::kField;
}

StreamNode::Found StreamNode::EndEntry() {
  const bool same = (flags_ & kStreamSameFields) != 0;
  const uint64_t items = kStreamEntryItems + (same ? fields_ : 1 + 2 * fields_);
  int64_t claimed;
  if (!TakeInteger("count of items is none", &claimed)) return Found::kFault;
  if (static_cast<uint64_t>(claimed) != items) {
    return Wrong("entry has another number of items than it claims", item_at_);
  }
  phase_ = Phase::kEntry;
  return Found::kNothing;
}

}  // namespace cairn::rdb
