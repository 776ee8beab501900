#include "vlog/index/art_bulk.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace cairn::vlog {

using art::AsBlock;
using art::Block;
using art::Bucket;
using art::Item;
using art::Node;

namespace {

constexpr size_t kKeyMemory = 16u << 10;  // kept; more only while long keys need it

}  // namespace

void ArtLoader::Begin(Art* tree) {
  Finish();
  tree_ = tree;
  plain_ = !tree->empty();
  if (keys_.size() != kKeyMemory) {
    keys_.resize(kKeyMemory);
    keys_.shrink_to_fit();
  }
}

void ArtLoader::Append(std::string_view key, const Pointer& pointer, uint64_t expire_at_ms) {
  CAIRN_CHECK(tree_ != nullptr && key.size() <= Art::kKeyBytesMax);
  if (!plain_ && count_ != 0) {
    const std::string_view before = Key(count_ - 1);
    const size_t common =
        art::CommonBytes(before.data(), key.data(), std::min(before.size(), key.size()));
    const bool ascends = common < key.size() &&
                         (common == before.size() ||
                          static_cast<uint8_t>(before[common]) < static_cast<uint8_t>(key[common]));
    if (!ascends) {
      Art* tree = tree_;
      Finish();
      tree_ = tree;
      plain_ = true;
    } else if (common < Depth()) {
      Leave(common);
    }
  }
  if (plain_) {
    tree_->Upsert(key, pointer, expire_at_ms);
    return;
  }
  Wait(key, pointer, expire_at_ms);
  if (Oversized()) Relieve();
}

void ArtLoader::Wait(std::string_view key, const Pointer& pointer, uint64_t expire_at_ms) {
  const size_t at = count_ == 0 ? 0 : waiting_[count_ - 1].key_at + waiting_[count_ - 1].key_bytes;
  if (keys_.size() < at + key.size()) keys_.resize(2 * (at + key.size()));
  if (!key.empty()) std::memcpy(keys_.data() + at, key.data(), key.size());
  waiting_[count_++] = Waiting{pointer, expire_at_ms, at, key.size()};
  waiting_bytes_ += key.size();
  if (expire_at_ms != 0) ++times_;
}

// What a bucket of them all would take, or a little more.
bool ArtLoader::Oversized() const {
  if (count_ > Bucket::kMaxEntries) return true;
  if (count_ < 2) return false;
  const size_t suffixes = waiting_bytes_ - count_ * Depth();
  const size_t times = times_ == 0 ? 0 : 8 + 8 * times_;
  // Bytes of a suffix: one is the print, but there may be a length, so they weigh as they are.
  return sizeof(Bucket) + art::Pad8(count_) + sizeof(Pointer) * count_ + times + suffixes >
         Bucket::kMaxBytes;
}

// Ends a bucket at the last place where the symbol changes; if there is none, goes a node down.
void ArtLoader::Relieve() {
  while (Oversized()) {
    uint32_t cut = 0;
    if (!open_.empty()) {
      cut = count_ - 1;
      const int last = Symbol(cut);
      while (cut > 0 && Symbol(cut - 1) == last) --cut;
    }
    if (cut != 0) {
      Emit(cut);
    } else {
      Descend();
    }
  }
}

// All that wait begin with the same symbol (or there is no node yet): a node for them.
void ArtLoader::Descend() {
  const std::string_view first = Key(0), last = Key(count_ - 1);
  const size_t common =
      art::CommonBytes(first.data(), last.data(), std::min(first.size(), last.size()));
  const size_t from = open_.empty() ? 0 : Depth() + 1;  // behind the symbol
  CAIRN_CHECK(from <= common);
  Node* node = art::NewNode(first.substr(from, common - from), nullptr, &tree_->bytes_);
  uint32_t child = 0;
  if (open_.empty()) {
    tree_->root_ = AsBlock(node);
  } else {
    const int symbol = Symbol(0);
    OpenNode& top = open_.back();
    if (top.last_symbol >= 0 && top.last_symbol + 1 < symbol)
      AddChild(top.last_symbol + 1, nullptr);
    top.fresh = false;  // child 0 remains null, if nothing came before
    AddChild(symbol, AsBlock(node));
    top.last_symbol = symbol;
    child = top.node->count - 1u;
  }
  open_.push_back(OpenNode{node, common, child, true, -1});
}

void ArtLoader::Replace(Node* node) {
  OpenNode& top = open_.back();
  top.node = node;
  if (open_.size() == 1) {
    tree_->root_ = AsBlock(node);
  } else {
    open_[open_.size() - 2].node->children()[top.child] = AsBlock(node);
  }
}

// A child of the last open node, behind those it has.
void ArtLoader::AddChild(int low, Block* child) {
  OpenNode& top = open_.back();
  if (top.fresh) {
    top.node->children()[0] = child;
    top.fresh = false;
  } else {
    Node* node = top.node;
    node = art::InsertChild(node, node->count, static_cast<uint8_t>(low), child, &tree_->bytes_);
    if (node != top.node) Replace(node);
  }
  top.last_symbol = -1;
}

// A bucket of the first `count` entries that wait.
void ArtLoader::Emit(uint32_t count) {
  CAIRN_CHECK(tree_->size_ <= UINT32_MAX - count);
  const size_t depth = Depth();
  Item items[Bucket::kMaxEntries];
  for (uint32_t i = 0; i < count; ++i) {
    const std::string_view suffix = Key(i).substr(depth);
    Item& item = items[i];
    item.pointer = waiting_[i].pointer;
    item.expire_at_ms = waiting_[i].expire_at_ms;
    item.lead = {};
    item.has_last = !suffix.empty();
    item.row = suffix.substr(0, suffix.size() - (item.has_last ? 1 : 0));
    item.last = item.has_last ? static_cast<uint8_t>(suffix.back()) : 0;
    if (item.expire_at_ms != 0) {
      ++tree_->expiring_;
      --times_;
    }
    waiting_bytes_ -= waiting_[i].key_bytes;
  }
  tree_->size_ += count;
  Block* bucket = AsBlock(art::BuildBucket(items, count, &tree_->bytes_));
  if (open_.empty()) {
    tree_->root_ = bucket;
  } else {
    // The range begins behind the node before, or else where the bucket before ends.
    const int last_symbol = open_.back().last_symbol;
    AddChild(last_symbol >= 0 ? last_symbol + 1 : Symbol(0), bucket);
  }
  // The rest moves to the front.
  const size_t gone = count == count_ ? 0 : waiting_[count].key_at;
  count_ -= count;
  if (count_ == 0) return;
  std::memmove(keys_.data(), keys_.data() + gone, waiting_bytes_);
  std::memmove(waiting_, waiting_ + count, sizeof(Waiting) * count_);
  for (uint32_t i = 0; i < count_; ++i) waiting_[i].key_at -= gone;
}

// What lies behind the last child, if that is a node, needs a child, too.
void ArtLoader::Seal() {
  const int last_symbol = open_.back().last_symbol;
  if (last_symbol >= 0 && last_symbol < 255) AddChild(last_symbol + 1, nullptr);
}

// The next key shares only `common` bytes with those before: closes the nodes below. If it leaves
// in the prefix of a node, a new one takes the part in common.
void ArtLoader::Leave(size_t common) {
  const uint8_t symbol = static_cast<uint8_t>(Key(count_ - 1)[common]);
  Emit(count_);
  while (common < Depth()) {
    Seal();
    OpenNode& top = open_.back();
    const std::string_view prefix = top.node->prefix();
    const size_t from = top.depth - prefix.size();
    if (common < from) {
      open_.pop_back();
      continue;
    }
    Node* above = art::NewNode(prefix.substr(0, common - from), nullptr, &tree_->bytes_);
    Node* below =
        art::ReplacePrefix(top.node, prefix.substr(common - from + 1), {}, &tree_->bytes_);
    above = art::InsertChild(above, 1, symbol, AsBlock(below), &tree_->bytes_);
    top.depth = common;
    top.last_symbol = symbol;
    Replace(above);
  }
}

void ArtLoader::Finish() {
  if (tree_ == nullptr) return;
  if (count_ != 0) Emit(count_);
  while (!open_.empty()) {
    Seal();
    open_.pop_back();
  }
  if (!plain_) tree_->NoteAllExpiries();
  tree_ = nullptr;
}

}  // namespace cairn::vlog
