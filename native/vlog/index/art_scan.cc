// Reading the index tree in order: scans, expiry sweeps, random entries, and the walk that checks
// the invariants.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/split_mix.h"
#include "vlog/index/art.h"
#include "vlog/index/art_bucket.h"
#include "vlog/index/art_node.h"

namespace cairn::vlog {

using art::AsBucket;
using art::AsNode;
using art::Block;
using art::Bucket;
using art::IsNode;
using art::kNeverDue;
using art::Node;
using art::Suffix;

namespace {

// Buckets in order, with the part of the key above them. Borrowed: the tree must not change
// meanwhile.
class Walker {
 public:
  // Goes to the first entry >= from. Returns its bucket, or a bucket with *index == count if it is
  // in a later one, or null.
  Bucket* Seek(Block* root, std::string_view from, uint32_t* index) {
    *index = 0;
    Block* block = root;
    while (block != nullptr && IsNode(block)) {
      Node* node = AsNode(block);
      const std::string_view prefix = node->prefix();
      const size_t common =
          art::CommonBytes(from.data(), prefix.data(), std::min(from.size(), prefix.size()));
      if (common < prefix.size()) {
        const bool below = common < from.size() && static_cast<uint8_t>(from[common]) >
                                                       static_cast<uint8_t>(prefix[common]);
        if (!below)
          Push(node);  // the whole node lies behind `from`; else the whole node is before it
        return Next();
      }
      from.remove_prefix(prefix.size());
      Push(node);
      const uint32_t child = from.empty() ? 0 : node->ChildFor(static_cast<uint8_t>(from[0]));
      frames_.back().next = child + 1;
      block = node->children()[child];
      if (block != nullptr && IsNode(block)) {
        EnterByte(node, child);
        from.remove_prefix(1);
      }
    }
    if (block == nullptr) return Next();
    Bucket* bucket = AsBucket(block);
    *index = bucket->LowerBound(Suffix(from));
    return bucket;
  }

  Bucket* Next() {
    while (!frames_.empty()) {
      Frame& top = frames_.back();
      if (top.next == top.node->count) {
        frames_.pop_back();
        continue;
      }
      const uint32_t child = top.next++;
      Block* block = top.node->children()[child];
      path_.resize(top.path_bytes);
      if (block == nullptr) continue;
      if (!IsNode(block)) return AsBucket(block);
      EnterByte(top.node, child);
      Push(AsNode(block));
    }
    return nullptr;
  }

  // The whole key of an entry of the current bucket; valid until the next call.
  std::string_view Key(const Bucket* bucket, uint32_t index) {
    const size_t above = frames_.empty() ? 0 : frames_.back().path_bytes;
    path_.resize(above + bucket->SuffixBytes(index));
    bucket->CopySuffix(index, path_.data() + above);
    return path_;
  }

 private:
  struct Frame {
    Node* node;
    uint32_t next;      // child to visit next
    size_t path_bytes;  // of the key, with the node's prefix
  };
  void EnterByte(const Node* node, uint32_t child) {
    path_.resize(frames_.back().path_bytes);
    path_.push_back(static_cast<char>(node->bounds()[child - 1]));
  }
  void Push(Node* node) {
    path_.append(node->prefix());
    frames_.push_back(Frame{node, 0, path_.size()});
  }

  std::vector<Frame> frames_;
  std::string path_;
};

}  // namespace

void Art::ScanImpl(std::string_view from, VisitFn visit, void* visitor) const {
  Walker walker;
  uint32_t index = 0;
  Bucket* bucket = walker.Seek(root_, from, &index);
  for (; bucket != nullptr; bucket = walker.Next(), index = 0) {
    for (; index < bucket->count; ++index) {
      const std::string_view key = walker.Key(bucket, index);
      if (!visit(visitor, key, bucket->pointers()[index], bucket->ExpireAt(index))) return;
    }
  }
}

// Depth first along the children that are due. What is raised on the way stays raised when the
// sweep stops early, so that the next one does not come that way again.
bool Art::SweepImpl(uint64_t now_ms, size_t* visits, VisitFn visit, void* visitor) {
  if (!MayHaveExpired(now_ms)) return true;
  struct Frame {
    Block** slot;       // of a node
    uint32_t child;     // under way, or next
    size_t path_bytes;  // of the key, with the node's prefix
  };
  const uint64_t begun_ms = now_ms - now_ms % 1000;
  const uint32_t now_s = art::DueSecond(begun_ms);
  std::vector<Frame> frames;
  std::string path;
  bool got_on = false;
  // One more block, if there may be one. A call gets to its first bucket however deep that is.
  const auto look = [&] {
    if (*visits == 0) return !got_on;
    --*visits;
    return true;
  };
  // Of what is below the slot, or nothing if the sweep is to stop.
  const auto enter = [&](Block** slot) -> std::optional<uint32_t> {
    if (!look()) return std::nullopt;
    got_on = true;
    if (*slot == nullptr) return kNeverDue;
    Bucket* bucket = AsBucket(*slot);
    const size_t above = path.size();
    for (uint64_t expiring = bucket->mask(); expiring != 0; expiring &= expiring - 1) {
      const uint32_t i = static_cast<uint32_t>(__builtin_ctzll(expiring));
      const uint64_t expire = bucket->ExpireAt(i);
      if (expire > begun_ms) continue;
      path.resize(above + bucket->SuffixBytes(i));
      bucket->CopySuffix(i, path.data() + above);
      if (!visit(visitor, path, bucket->pointers()[i], expire)) return std::nullopt;
    }
    path.resize(above);
    return bucket->EarliestDue();
  };
  const auto push = [&](Block** slot) {
    path.append(AsNode(*slot)->prefix());
    frames.push_back(Frame{slot, 0, path.size()});
  };
  std::optional<uint32_t> due;
  if (root_ == nullptr || !IsNode(root_)) {
    due = enter(&root_);
    if (due) due_s_ = *due;
    return due.has_value();
  }
  push(&root_);
  while (true) {
    Frame& top = frames.back();
    Node* node = AsNode(*top.slot);
    while (top.child < node->count && node->DueOf(top.child) > now_s) ++top.child;
    path.resize(top.path_bytes);
    if (top.child < node->count) {
      Block** slot = &node->children()[top.child];
      if (*slot != nullptr && IsNode(*slot)) {
        if (!look()) return false;
        path.push_back(static_cast<char>(node->bounds()[top.child - 1]));
        push(slot);
        continue;
      }
      due = enter(slot);
      if (!due) return false;
      node->due()[top.child++] = *due;
      continue;
    }
    const uint32_t earliest = node->EarliestDue();
    if (earliest == kNeverDue) *top.slot = AsBlock(art::DropDue(node, &bytes_));
    frames.pop_back();
    if (frames.empty()) {
      due_s_ = earliest;
      return true;
    }
    Frame& above = frames.back();
    AsNode(*above.slot)->due()[above.child++] = earliest;
  }
}

namespace {

struct Rng : SplitMix {
  uint32_t Below(uint32_t bound) { return static_cast<uint32_t>((Next() >> 32) * bound >> 32); }
  double Unit() { return static_cast<double>(Next() >> 11) * 0x1p-53; }  // [0, 1)
};

// About how many entries are below: exact for a bucket, from the fan-out for a node.
double EntriesBelow(const Block* block) {
  constexpr double kTypicalBucket = 24;
  if (block == nullptr) return 0;
  return IsNode(block) ? kTypicalBucket * AsNode(block)->count : AsBucket(block)->count;
}

// One descent, where a child's chance follows EntriesBelow. *weight: 1 / (probability of this
// bucket).
Bucket* RandomBucket(Block* root, Rng* rng, double* weight, std::string* path) {
  Block* block = root;
  *weight = 1;
  path->clear();
  while (IsNode(block)) {
    Node* node = AsNode(block);
    double sums[257];
    double sum = 0;
    for (uint32_t i = 0; i < node->count; ++i) {
      sum += EntriesBelow(node->children()[i]);
      sums[i] = sum;
    }
    const double dice = rng->Unit() * sum;
    uint32_t child = 0;
    while (child + 1u < node->count && sums[child] <= dice) ++child;
    while (node->children()[child] == nullptr) --child;  // only if rounding went past the end
    *weight *= sum / EntriesBelow(node->children()[child]);
    path->append(node->prefix());
    block = node->children()[child];
    if (IsNode(block)) path->push_back(static_cast<char>(node->bounds()[child - 1]));
  }
  return AsBucket(block);
}

}  // namespace

EntryRef Art::Random(uint64_t rnd, std::string* key) const {
  if (root_ == nullptr) return {};
  Rng rng{{rnd}};
  Bucket* chosen = nullptr;
  double weight_sum = 0;
  std::string path;
  for (int probe = 0; probe < (IsNode(root_) ? kRandomProbes : 1); ++probe) {
    double weight = 0;
    Bucket* bucket = RandomBucket(root_, &rng, &weight, &path);
    weight = std::min(weight * bucket->count, 1e300);
    weight_sum += weight;
    if (rng.Unit() * weight_sum < weight || chosen == nullptr) {
      chosen = bucket;
      key->swap(path);
    }
  }
  const uint32_t index = rng.Below(chosen->count);
  const size_t above = key->size();
  key->resize(above + chosen->SuffixBytes(index));
  chosen->CopySuffix(index, key->data() + above);
  return EntryRef{chosen->pointers() + index, chosen->ExpireAt(index)};
}

void Art::SampleTtl(uint64_t now_ms, uint64_t rnd, double* ttl_ms, double* count) const {
  constexpr double kWeightMax = 1e200;
  if (root_ == nullptr) return;
  Rng rng{{rnd}};
  const int probes = IsNode(root_) ? kTtlProbes : 1;
  for (int probe = 0; probe < probes; ++probe) {
    const Block* block = root_;
    double weight = 1.0 / probes;
    while (block != nullptr && IsNode(block)) {
      const Node* node = AsNode(block);
      uint32_t due[257];  // children with an expiry below, or where there was one
      uint32_t children = 0;
      for (uint32_t i = 0; i < node->count; ++i) {
        if (node->DueOf(i) != kNeverDue) due[children++] = i;
      }
      block = children == 0 ? nullptr : node->children()[due[rng.Below(children)]];
      weight = std::min(weight * children, kWeightMax);
    }
    if (block == nullptr) continue;
    const Bucket* bucket = AsBucket(block);
    for (uint64_t expiring = bucket->mask(); expiring != 0; expiring &= expiring - 1) {
      const uint64_t expire = bucket->ExpireAt(static_cast<uint32_t>(__builtin_ctzll(expiring)));
      if (expire <= now_ms) continue;
      *ttl_ms += weight * static_cast<double>(expire - now_ms);
      *count += weight;
    }
  }
}

namespace {

struct Visit {
  const Block* block;
  int low, high;  // symbols the block serves, if it is a bucket
  size_t depth;
  uint32_t due;  // of all nodes above the latest: nothing below is due before
};

struct Totals {
  size_t entries = 0, expiring = 0;
};

void CheckBucket(const Bucket* bucket, int low, int high, Totals* totals) {
  CAIRN_CHECK(bucket->count >= 1 && bucket->count <= Bucket::kMaxEntries);
  CAIRN_CHECK(bucket->used() <= bucket->capacity);
  std::string before, suffix;
  for (uint32_t i = 0; i < bucket->count; ++i) {
    const int symbol = bucket->FirstSymbol(i);
    CAIRN_CHECK(symbol >= low && symbol <= high);
    suffix.resize(bucket->SuffixBytes(i));
    bucket->CopySuffix(i, suffix.data());
    CAIRN_CHECK(i == 0 || before < suffix);
    CAIRN_CHECK(bucket->Locate(Suffix(suffix)) == static_cast<int>(i));
    before.swap(suffix);
    const uint64_t expire = bucket->ExpireAt(i);
    CAIRN_CHECK(const_cast<Bucket*>(bucket)->pointers()[i].has_expiry() == (expire != 0));
    if (expire != 0) ++totals->expiring;
  }
  totals->entries += bucket->count;
}

// Calls on_block for every block, parents first.
template <typename OnBlock>
void WalkBlocks(const Block* root, uint32_t due, OnBlock&& on_block) {
  std::vector<Visit> pending;
  if (root != nullptr) pending.push_back(Visit{root, -1, 255, 1, due});
  while (!pending.empty()) {
    const Visit visit = pending.back();
    pending.pop_back();
    on_block(visit);
    if (!IsNode(visit.block)) continue;
    const Node* node = AsNode(visit.block);
    for (uint32_t i = 0; i < node->count; ++i) {
      const Block* child = node->children()[i];
      if (child == nullptr) continue;
      pending.push_back(Visit{child, node->LowSymbol(i), node->HighSymbol(i), visit.depth + 1,
                              std::max(visit.due, node->DueOf(i))});
    }
  }
}

}  // namespace

Art::Shape Art::Measure() const {
  Shape shape;
  WalkBlocks(root_, due_s_, [&](const Visit& visit) {
    shape.depth_max = std::max(shape.depth_max, visit.depth);
    if (IsNode(visit.block)) {
      ++shape.nodes;
      shape.node_bytes += AsNode(visit.block)->usable();
    } else {
      ++shape.buckets;
      shape.bucket_bytes += AsBucket(visit.block)->capacity;
    }
  });
  return shape;
}

void Art::CheckInvariants() const {
  Totals totals;
  WalkBlocks(root_, due_s_, [&](const Visit& visit) {
    if (!IsNode(visit.block)) {
      CheckBucket(AsBucket(visit.block), visit.low, visit.high, &totals);
      CAIRN_CHECK(AsBucket(visit.block)->EarliestDue() >= visit.due);
      return;
    }
    const Node* node = AsNode(visit.block);
    CAIRN_CHECK(visit.depth == 1 || visit.low == visit.high);  // a node serves one byte
    CAIRN_CHECK(node->count >= 1 && node->count <= node->capacity());
    size_t present = 0;
    for (uint32_t i = 0; i < node->count; ++i) {
      const Block* child = node->children()[i];
      present += child != nullptr ? 1 : 0;
      CAIRN_CHECK(i == 0 || node->LowSymbol(i) > node->LowSymbol(i - 1));
      CAIRN_CHECK(child == nullptr || !IsNode(child) || i > 0);
    }
    CAIRN_CHECK(present >= 1);
  });
  const Shape shape = Measure();
  CAIRN_CHECK(totals.entries == size_ && totals.expiring == expiring_);
  CAIRN_CHECK(shape.node_bytes + shape.bucket_bytes == bytes_);
}

}  // namespace cairn::vlog
