// Values that are packed into nodes, one or many: see node.h.

#include <cmath>

#include "base/number.h"
#include "rdb/decode_input.h"
#include "rdb/types.h"
#include "rdb/visitor.h"

namespace cairn::rdb {
namespace {

// How a node of a quicklist of version 2 holds its items.
inline constexpr uint64_t kContainerPlain = 1;   // it is one
inline constexpr uint64_t kContainerPacked = 2;  // a listpack

inline constexpr size_t kTupleMax = 3;

struct Shape {
  Type type;
  Kind kind;
  Node::Form form;
  size_t tuple;  // items that make an element
  bool many;     // nodes
};

constexpr Shape kShapes[] = {
    {Type::kHashZipmap, Kind::kHash, Node::Form::kZipmap, 2, false},
    {Type::kListZiplist, Kind::kList, Node::Form::kZiplist, 1, false},
    {Type::kSetIntset, Kind::kSet, Node::Form::kIntset, 1, false},
    {Type::kZsetZiplist, Kind::kZset, Node::Form::kZiplist, 2, false},
    {Type::kHashZiplist, Kind::kHash, Node::Form::kZiplist, 2, false},
    {Type::kListQuicklist, Kind::kList, Node::Form::kZiplist, 1, true},
    {Type::kHashListpack, Kind::kHash, Node::Form::kListpack, 2, false},
    {Type::kZsetListpack, Kind::kZset, Node::Form::kListpack, 2, false},
    {Type::kListQuicklist2, Kind::kList, Node::Form::kListpack, 1, true},
    {Type::kSetListpack, Kind::kSet, Node::Form::kListpack, 1, false},
    {Type::kHashListpackExpiry, Kind::kHash, Node::Form::kListpack, 3, false},
};

class NodesBody : public Body {
 public:
  NodesBody(const Shape& shape, Input* input, Visitor* visitor)
      : shape_(shape), input_(input), visitor_(visitor) {}

  Took Next() override {
    if (!has_head_) return Head();
    return in_node_ ? Element() : NextNode();
  }

 private:
  Took Head() {
    has_head_ = true;
    nodes_left_ = 1;
    if (shape_.many) {
      const uint64_t bytes_min = shape_.type == Type::kListQuicklist2 ? 2 : 1;
      Took took = input_->Count("count of nodes runs out of range", bytes_min, &nodes_left_);
      if (took != Took::kTaken) return took;
      return TookIf(visitor_->Begin(shape_.kind, shape_.type, std::nullopt));
    }
    if (shape_.type != Type::kHashListpackExpiry) return Took::kTaken;
    uint64_t soonest_ms;  // the fields tell it, too
    return input_->Little("no soonest expiry", &soonest_ms);
  }

  Took NextNode() {
    if (nodes_left_ == 0) {
      if (has_elements_) return Took::kEnd;
      return input_->Fail("a value without elements", input_->position());
    }
    if (shape_.type == Type::kListQuicklist2 && container_ == 0) {
      const size_t at = input_->position();
      Took took = input_->Length("no kind of node", &container_);
      if (took != Took::kTaken) return took;
      if (container_ != kContainerPlain && container_ != kContainerPacked) {
        return input_->Fail("unknown kind of node", at);
      }
    }
    const bool is_plain = container_ == kContainerPlain;
    const DecodeLimits& limits = input_->limits();
    std::string_view bytes;
    Took took =
        input_->String(0, is_plain ? limits.string_bytes_max : limits.node_bytes_max, &bytes);
    if (took != Took::kTaken) return took;
    container_ = 0;
    --nodes_left_;
    if (is_plain) {
      has_elements_ = true;
      input_->SpendElement(bytes.size() + 1);
      return TookIf(visitor_->ListItem(bytes));
    }
    if (!node_.Open(shape_.form, bytes)) return FailNode();
    in_node_ = true;
    input_->SpendElement(1);
    return shape_.many ? Took::kTaken : BeginNode();
  }

  // The count of a value of one node is the node's.
  Took BeginNode() {
    std::optional<uint64_t> count;
    if (node_.count() != Node::kCountUnknown) {
      if (node_.count() == 0) return input_->FailInNode("a value without elements", 0);
      if (node_.count() % shape_.tuple != 0) return input_->FailInNode(kOdd, 0);
      count = node_.count() / shape_.tuple;
    }
    return TookIf(visitor_->Begin(shape_.kind, shape_.type, count));
  }

  Took Element() {
    uint64_t bytes = 1;
    for (size_t i = 0; i < shape_.tuple; ++i) {
      switch (node_.Next(&items_[i])) {
        case Node::Found::kFault:
          return FailNode();
        case Node::Found::kEnd:
          in_node_ = false;
          return i == 0 ? Took::kTaken : input_->FailInNode(kOdd, items_[i - 1].at);
        case Node::Found::kItem:
          break;
      }
      texts_[i] = TextOf(items_[i], digits_[i]);
      if (texts_[i].size() > input_->limits().string_bytes_max) {
        return input_->FailInNode(DumpResult::kTooLong, "string longer than the limit",
                                  items_[i].at);
      }
      bytes += texts_[i].size();
    }
    has_elements_ = true;
    input_->SpendElement(bytes);
    return Tell();
  }

  Took Tell() {
    switch (shape_.kind) {
      case Kind::kList:
        return TookIf(visitor_->ListItem(texts_[0]));
      case Kind::kSet:
        return TookIf(visitor_->SetMember(texts_[0]));
      case Kind::kZset: {
        double score = static_cast<double>(items_[1].integer);
        if (!items_[1].is_integer && !ParseDouble(items_[1].text, &score)) {
          return input_->FailInNode("score is not a number", items_[1].at);
        }
        return TookIf(visitor_->ZsetMember(texts_[0], score));
      }
      case Kind::kHash: {
        int64_t expire_at_ms = 0;
        if (shape_.tuple == kTupleMax) {
          const bool fits = ParseInt64(texts_[2], &expire_at_ms) && expire_at_ms >= 0 &&
                            static_cast<uint64_t>(expire_at_ms) < kFieldExpiryEnd;
          if (!fits) return input_->FailInNode("expiry out of range", items_[2].at);
        }
        return TookIf(
            visitor_->HashField(texts_[0], texts_[1], static_cast<uint64_t>(expire_at_ms)));
      }
      default:
        return Took::kStopped;
    }
  }

  Took FailNode() { return input_->FailInNode(node_.fault(), node_.fault_at()); }

  static constexpr const char* kOdd = "an element lacks a part";

  const Shape& shape_;
  Input* const input_;
  Visitor* const visitor_;
  bool has_head_ = false;
  bool has_elements_ = false;
  uint64_t nodes_left_ = 0;
  uint64_t container_ = 0;  // of the node that is being taken
  bool in_node_ = false;
  Node node_;
  Node::Item items_[kTupleMax];
  std::string_view texts_[kTupleMax];
  char digits_[kTupleMax][kInt64TextBytes];
};

}  // namespace

std::unique_ptr<Body> NewNodesBody(Type type, Input* input, Visitor* visitor) {
  for (const Shape& shape : kShapes) {
    if (shape.type == type) return std::make_unique<NodesBody>(shape, input, visitor);
  }
  return nullptr;
}

}  // namespace cairn::rdb
