#include "vlog/art_node.h"

#include <algorithm>
#include <string>

namespace cairn::art {
namespace {

uint8_t SizeClassFor(uint32_t count) {
  uint8_t size_class = 0;
  while (Node::kCapacities[size_class] < count) ++size_class;
  return size_class;
}

Node* Allocate(uint8_t size_class, uint32_t prefix_len, size_t* charged) {
  Node shape{Block::kNodeTag, size_class, 0, prefix_len};
  Node* node = static_cast<Node*>(AllocateBlock(shape.usable(), charged));
  *node = shape;
  std::memset(node->bounds(), 0, shape.prefix_at() - sizeof(Node));
  return node;
}

// Same content in another capacity.
Node* Resize(Node* node, uint8_t size_class, size_t* charged) {
  Node* to = Allocate(size_class, node->prefix_len, charged);
  to->count = node->count;
  std::memcpy(to->bounds(), node->bounds(), node->count - 1u);
  std::memcpy(to->base() + to->prefix_at(), node->prefix().data(), node->prefix_len);
  std::memcpy(to->children(), node->children(), sizeof(Block*) * node->count);
  FreeNode(node, charged);
  return to;
}

}  // namespace

Node* NewNode(std::string_view prefix, Block* child, size_t* charged) {
  Node* node = Allocate(0, static_cast<uint32_t>(prefix.size()), charged);
  node->count = 1;
  if (!prefix.empty()) {
    std::memcpy(node->base() + node->prefix_at(), prefix.data(), prefix.size());
  }
  node->children()[0] = child;
  return node;
}

void FreeNode(Node* node, size_t* charged) { FreeBlock(node, node->usable(), charged); }

Node* InsertChild(Node* node, uint32_t i, uint8_t low, Block* child, size_t* charged) {
  CAIRN_CHECK(i >= 1 && i <= node->count && node->count < 257);
  if (node->count == node->capacity()) {
    node = Resize(node, SizeClassFor(node->count + 1u), charged);
  }
  uint8_t* bounds = node->bounds();
  Block** children = node->children();
  std::memmove(bounds + i, bounds + i - 1, node->count - i);
  std::memmove(children + i + 1, children + i, sizeof(Block*) * (node->count - i));
  bounds[i - 1] = low;
  children[i] = child;
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
  --node->count;
  // Two steps of room before shrinking, so that a node at a border does not flap.
  const uint8_t wanted = SizeClassFor(node->count);
  if (wanted + 1 < node->size_class) node = Resize(node, static_cast<uint8_t>(wanted + 1), charged);
  return node;
}

Node* ReplacePrefix(Node* node, std::string_view a, std::string_view b, size_t* charged) {
  const size_t bytes = a.size() + b.size();
  Node* to = Allocate(SizeClassFor(node->count), static_cast<uint32_t>(bytes), charged);
  to->count = node->count;
  std::memcpy(to->bounds(), node->bounds(), node->count - 1u);
  char* prefix = to->base() + to->prefix_at();
  if (!a.empty()) std::memcpy(prefix, a.data(), a.size());
  if (!b.empty()) std::memcpy(prefix + a.size(), b.data(), b.size());
  std::memcpy(to->children(), node->children(), sizeof(Block*) * node->count);
  FreeNode(node, charged);
  return to;
}

}  // namespace cairn::art
