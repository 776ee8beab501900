#include "vlog/index/art_node.h"

#include <algorithm>
#include <string>

namespace cairn::vlog::art {
namespace {

uint8_t SizeClassFor(uint32_t count) {
  uint8_t size_class = 0;
  while (Node::kCapacities[size_class] < count) ++size_class;
  return size_class;
}

Node* Allocate(uint8_t size_class, uint32_t prefix_len, bool has_due, size_t* charged) {
  const uint8_t tag = static_cast<uint8_t>(Block::kNodeTag | (has_due ? Node::kDue : 0));
  Node shape{tag, size_class, 0, prefix_len};
  Node* node = static_cast<Node*>(AllocateBlock(shape.usable(), charged));
  *node = shape;
  std::memset(node->bounds(), 0, shape.prefix_at() - sizeof(Node));
  return node;
}

// Bounds, children and what is known of their expiries.
void CopyChildren(Node* to, const Node* node) {
  to->count = node->count;
  std::memcpy(to->bounds(), node->bounds(), node->count - 1u);
  std::memcpy(to->children(), node->children(), sizeof(Block*) * node->count);
  if (!to->has_due()) return;
  if (node->has_due()) {
    std::memcpy(to->due(), node->due(), sizeof(uint32_t) * node->count);
  } else {
    std::fill_n(to->due(), node->count, kNeverDue);
  }
}

// Same content in another capacity, with or without due.
Node* Resize(Node* node, uint8_t size_class, bool has_due, size_t* charged) {
  Node* to = Allocate(size_class, node->prefix_len, has_due, charged);
  CopyChildren(to, node);
  std::memcpy(to->base() + to->prefix_at(), node->prefix().data(), node->prefix_len);
  FreeNode(node, charged);
  return to;
}

}  // namespace

Node* NewNode(std::string_view prefix, Block* child, size_t* charged, uint32_t due) {
  Node* node = Allocate(0, static_cast<uint32_t>(prefix.size()), due != kNeverDue, charged);
  node->count = 1;
  if (!prefix.empty()) {
    std::memcpy(node->base() + node->prefix_at(), prefix.data(), prefix.size());
  }
  node->children()[0] = child;
  if (node->has_due()) node->due()[0] = due;
  return node;
}

void FreeNode(Node* node, size_t* charged) { FreeBlock(node, node->usable(), charged); }

Node* InsertChild(Node* node, uint32_t i, uint8_t low, Block* child, size_t* charged,
                  uint32_t due) {
  CAIRN_CHECK(i >= 1 && i <= node->count && node->count < 257);
  const bool wants_due = node->has_due() || due != kNeverDue;
  if (node->count == node->capacity() || wants_due != node->has_due()) {
    const uint8_t size_class = std::max(node->size_class, SizeClassFor(node->count + 1u));
    node = Resize(node, size_class, wants_due, charged);
  }
  uint8_t* bounds = node->bounds();
  Block** children = node->children();
  std::memmove(bounds + i, bounds + i - 1, node->count - i);
  std::memmove(children + i + 1, children + i, sizeof(Block*) * (node->count - i));
  bounds[i - 1] = low;
  children[i] = child;
  if (wants_due) {
    std::memmove(node->due() + i + 1, node->due() + i, sizeof(uint32_t) * (node->count - i));
    node->due()[i] = due;
  }
  ++node->count;
  return node;
}

Node* RemoveChild(Node* node, uint32_t i, Heir heir, size_t* charged) {
  CAIRN_CHECK(node->count >= 2 && i < node->count);
  CAIRN_CHECK(heir == Heir::kLeft ? i >= 1 : i + 1u < node->count);
  uint8_t* bounds = node->bounds();
  Block** children = node->children();
  const uint32_t bound = heir == Heir::kLeft ? i - 1 : i;
  std::memmove(bounds + bound, bounds + bound + 1, node->count - 2u - bound);
  std::memmove(children + i, children + i + 1, sizeof(Block*) * (node->count - 1u - i));
  if (node->has_due()) {
    uint32_t* due = node->due();
    std::memmove(due + i, due + i + 1, sizeof(uint32_t) * (node->count - 1u - i));
  }
  --node->count;
  // Two steps of room before shrinking, so that a node at a border does not flap.
  const uint8_t wanted = SizeClassFor(node->count);
  if (wanted + 1 < node->size_class) {
    node = Resize(node, static_cast<uint8_t>(wanted + 1), node->has_due(), charged);
  }
  return node;
}

Node* SetDue(Node* node, uint32_t i, uint32_t due, size_t* charged) {
  if (!node->has_due()) {
    if (due == kNeverDue) return node;
    node = Resize(node, node->size_class, true, charged);
  }
  node->due()[i] = due;
  return node;
}

Node* DropDue(Node* node, size_t* charged) {
  return node->has_due() ? Resize(node, node->size_class, false, charged) : node;
}

Node* ReplacePrefix(Node* node, std::string_view a, std::string_view b, size_t* charged) {
  const size_t bytes = a.size() + b.size();
  Node* to =
      Allocate(SizeClassFor(node->count), static_cast<uint32_t>(bytes), node->has_due(), charged);
  CopyChildren(to, node);
  char* prefix = to->base() + to->prefix_at();
  if (!a.empty()) std::memcpy(prefix, a.data(), a.size());
  if (!b.empty()) std::memcpy(prefix + a.size(), b.data(), b.size());
  FreeNode(node, charged);
  return to;
}

}  // namespace cairn::vlog::art
