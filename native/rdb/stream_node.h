// StreamNode: goes through the listpack that holds some entries of a stream, and adds up what it
// says of itself.
//
//   entries | deleted | fields n | name.. n | 0               of the whole node
//   flags | ms - those of the node's id | seq - that | [fields m | (name, value).. m] or value.. n
//   |
//     items of all this                                       for each entry
//
// Flags: 1: deleted; 2: it has the names of the node.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "rdb/node.h"
#include "rdb/types.h"

namespace cairn::rdb {

inline constexpr int64_t kStreamDeleted = 1;
inline constexpr int64_t kStreamSameFields = 2;
// Items of an entry that are no names or values: flags and id, then the count of fields.
inline constexpr int64_t kStreamEntryItems = 3;

class StreamNode {
 public:
  enum class Found : uint8_t { kNothing, kEntry, kField, kEnd, kFault };

  // The id of the node, and of the last entry before it. False: fault.
  bool Open(std::string_view bytes, StreamId id, StreamId before);
  // kNothing: something was checked that is not to be told, such as part of a deleted entry.
  Found Next();

  // After kEntry, or kField.
  StreamId id() const { return id_; }
  uint64_t fields() const { return fields_; }
  const Node::Item& name() const { return name_; }
  const Node::Item& value() const { return value_; }

  // At the end.
  uint64_t entries() const { return entries_; }
  StreamId last_id() const { return id_; }  // deleted ones count
  bool has_first() const { return has_first_; }
  StreamId first_id() const { return first_id_; }

  const char* fault() const { return fault_; }
  size_t fault_at() const { return fault_at_; }

 private:
  enum class Phase : uint8_t { kHead, kNames, kEntry, kFields };

  Found Head();
  Found Name();
  Found Entry();
  Found Field();
  Found EndEntry();
  // False: fault, of the node or that there is no such item.
  bool Take(Node* node, Node::Item* item);
  bool TakeInteger(const char* what, int64_t* out);
  bool TakeCount(const char* what, int64_t min, uint64_t* out);
  Found Wrong(const char* what, size_t at);

  Phase phase_ = Phase::kHead;
  Node node_;
  Node names_;         // of the node, from the first one
  Node names_of_now_;  // as far as this entry is
  size_t bytes_ = 0;
  StreamId node_id_;
  StreamId id_;
  uint64_t node_entries_ = 0;
  uint64_t node_deleted_ = 0;
  uint64_t node_fields_ = 0;
  uint64_t entries_ = 0;
  uint64_t deleted_ = 0;
  bool has_first_ = false;
  StreamId first_id_;

  int64_t flags_ = 0;
  uint64_t fields_ = 0;  // of this entry, or names of the node to pass
  uint64_t fields_left_ = 0;
  Node::Item name_;
  Node::Item value_;
  size_t item_at_ = 0;

  const char* fault_ = nullptr;
  size_t fault_at_ = 0;
};

}  // namespace cairn::rdb
