#include "collection/list.h"

#include <algorithm>

#include "base/coding.h"
#include "base/number.h"
#include "tree/build.h"
#include "tree/try.h"

namespace cairn {
namespace {

using tree::Outcome;

constexpr tree::TreeShape kShape{.ordered = false};

constexpr uint64_t kListpackFrameBytes = 7;      // head and end
constexpr uint64_t kCountedNodeBytesMax = 8192;  // of a node that is bounded by its elements
constexpr uint64_t kNodeBytesMax[] = {4096, 8192, 16384, 32768, 65536};  // for -1 to -5

// What one node may hold: bytes, or elements.
struct NodeLimit {
  bool by_bytes;
  uint64_t most;

  explicit NodeLimit(int64_t fill) : by_bytes(fill < 0) {
    const auto offset = static_cast<uint64_t>(fill < -5 ? 4 : -fill - 1);
    most = by_bytes ? kNodeBytesMax[offset] : static_cast<uint64_t>(fill == 0 ? 1 : fill);
  }
  bool Exceeded(uint64_t bytes, uint64_t count) const {
    if (by_bytes) return bytes > most;
    return bytes > kCountedNodeBytesMax || count > most;
  }
};

}  // namespace

namespace {

// With the way back over it, 7 bits to a byte.
uint64_t WithBackLength(uint64_t bytes) {
  uint64_t back = 1;
  for (uint64_t rest = bytes >> 7; rest != 0 && back < 5; rest >>= 7) ++back;
  return bytes + back;
}

uint64_t TextItemBytes(uint64_t text_bytes) {
  return WithBackLength(text_bytes + (text_bytes < 64 ? 1 : text_bytes < 4096 ? 2 : 5));
}

// What lies outside is no short text, and not read for this.
uint64_t ItemBytesOf(const tree::LeafEntry& entry) {
  return entry.payload_outside() ? TextItemBytes(entry.payload_bytes())
                                 : ListpackItemBytes(entry.payload);
}

}  // namespace

uint64_t ListpackItemBytes(std::string_view text) {
  int64_t number = 0;
  if (text.size() > kInt64TextBytes || !ParseInt64(text, &number))
    return TextItemBytes(text.size());
  const auto fits = [number](int bits) {
    return number >= -(int64_t{1} << (bits - 1)) && number < int64_t{1} << (bits - 1);
  };
  if (number >= 0 && number < 128) return WithBackLength(1);
  if (fits(13)) return WithBackLength(2);
  if (fits(16)) return WithBackLength(3);
  if (fits(24)) return WithBackLength(4);
  return WithBackLength(fits(32) ? 5 : 9);
}

ListValue::ListValue(Txn* txn, std::string_view key, const Thresholds* thresholds)
    : collection_(txn, key, ValueType::kList),
      thresholds_(*thresholds),
      tree_(kShape, collection_.pager()) {}

uint64_t ListValue::ItemBytes() const {
  std::string_view state = collection_.state();
  uint64_t bytes = 0;
  return TakeVarint(&state, &bytes) ? bytes : 0;
}

void ListValue::SetItemBytes(uint64_t bytes) {
  item_bytes_ = bytes;
  collection_.set_state(ListpackState(bytes));
}

std::string ListValue::ListpackState(uint64_t item_bytes) {
  std::string state;
  AppendVarint(&state, item_bytes);
  return state;
}

bool ListValue::StaysListpack(uint64_t item_bytes, uint64_t bytes, uint64_t count,
                              const Thresholds& thresholds) {
  const NodeLimit limit(thresholds.list_listpack_size.load(std::memory_order_relaxed));
  return !limit.Exceeded(kListpackFrameBytes + item_bytes + bytes, count);
}

Opened ListValue::Opening(Opened opened) {
  if (opened != Opened::kFound) return opened;
  tree::RootHead head;
  if (tree_.Head(&head) != Outcome::kDone) return Opened::kFailed;
  count_ = head.count;
  if (IsListpack()) item_bytes_ = ItemBytes();
  return opened;
}

Opened ListValue::Open() { return Opening(collection_.Open()); }

Opened ListValue::OpenOrMake() {
  const Opened opened = collection_.Open();
  if (opened != Opened::kMissing) return Opening(opened);
  Make();
  return Opened::kFound;
}

void ListValue::Make() {
  collection_.Make(Encoding::kListpack, {&kShape, 1});
  count_ = item_bytes_ = 0;
}

void ListValue::Grow(uint64_t bytes, uint64_t count) {
  if (!IsListpack() || StaysListpack(item_bytes_, bytes, count_ + count, thresholds_)) return;
  collection_.set_encoding(Encoding::kQuicklist);
  collection_.set_state({});
}

void ListValue::Came(std::string_view value) {
  ++count_;
  if (IsListpack()) item_bytes_ += ListpackItemBytes(value);
}

void ListValue::Expect(std::span<const std::string_view> values) {
  uint64_t bytes = 0;
  for (const std::string_view value : values) bytes += value.size();
  Grow(bytes, values.size());
}

Outcome ListValue::Push(bool front, std::span<const std::string_view> values) {
  Expect(values);
  if (front) {
    for (const std::string_view value : values) TREE_TRY(tree_.Insert(0, {value, 0}));
  } else if (values.size() < kBuildMin) {
    uint64_t rank = count_;
    for (const std::string_view value : values) TREE_TRY(tree_.Insert(rank++, {value, 0}));
  } else {
    tree::Builder builder(&tree_);
    for (const std::string_view value : values) TREE_TRY(builder.Add({}, {value, 0}));
    TREE_TRY(builder.Finish());
  }
  for (const std::string_view value : values) Came(value);
  if (IsListpack()) SetItemBytes(item_bytes_);
  return Outcome::kDone;
}

Outcome ListValue::At(uint64_t rank, std::string_view* value) {
  CAIRN_CHECK(rank < count_);
  tree::Cursor cursor;
  TREE_TRY(tree_.Seek(rank, &cursor));
  return tree_.Payload(cursor.entry, &buffer_, value);
}

Outcome ListValue::Set(uint64_t rank, std::string_view value) {
  CAIRN_CHECK(rank < count_);
  Grow(value.size(), 1);
  tree::Cursor cursor;
  TREE_TRY(tree_.Seek(rank, &cursor));
  const uint64_t old_bytes = ItemBytesOf(cursor.entry);
  TREE_TRY(tree_.Replace(cursor, {value, 0}));
  if (IsListpack()) {
    const uint64_t others = item_bytes_ - std::min(item_bytes_, old_bytes);
    SetItemBytes(others + ListpackItemBytes(value));
  }
  return Shrunk();
}

Outcome ListValue::Insert(uint64_t rank, std::string_view value) {
  CAIRN_CHECK(rank <= count_);
  Grow(value.size(), 1);
  TREE_TRY(tree_.Insert(rank, {value, 0}));
  Came(value);
  if (IsListpack()) SetItemBytes(item_bytes_);
  return Outcome::kDone;
}

Outcome ListValue::Erase(uint64_t rank, uint64_t count) {
  if (rank >= count_ || count == 0) return Outcome::kDone;
  count = std::min(count, count_ - rank);
  if (count == 1) {
    TREE_TRY(EraseOne(rank));
    return Shrunk();
  }
  TREE_TRY(tree_.EraseRange(rank, count));
  count_ -= count;
  if (IsListpack()) {
    uint64_t bytes = 0;
    TREE_TRY(CountBytes(&bytes));
    SetItemBytes(bytes);
  }
  return Shrunk();
}

Outcome ListValue::EraseOne(uint64_t rank) {
  tree::Cursor cursor;
  TREE_TRY(tree_.Seek(rank, &cursor));
  if (!cursor.found) return Outcome::kDone;
  --count_;
  if (IsListpack()) SetItemBytes(item_bytes_ - std::min(item_bytes_, ItemBytesOf(cursor.entry)));
  return tree_.Erase(cursor);
}

// All leaves are read: of a listpack, or of a root that is one.
Outcome ListValue::CountBytes(uint64_t* bytes) {
  *bytes = 0;
  if (count_ == 0) return Outcome::kDone;
  tree::Cursor cursor;
  if (tree_.Want(0, count_) == Outcome::kFailed) return Outcome::kFailed;
  TREE_TRY(tree_.Seek(0, &cursor));
  while (cursor.found) {
    *bytes += ItemBytesOf(cursor.entry);
    TREE_TRY(tree_.Next(&cursor));
  }
  return Outcome::kDone;
}

Outcome ListValue::Shrunk() {
  if (IsListpack() || count_ == 0) return Outcome::kDone;
  tree::RootHead head;
  TREE_TRY(tree_.Head(&head));
  if (head.height != 0) return Outcome::kDone;
  const NodeLimit limit(thresholds_.list_listpack_size.load(std::memory_order_relaxed));
  uint64_t bytes = 0;
  if (!limit.by_bytes && count_ > limit.most / 2) return Outcome::kDone;
  TREE_TRY(CountBytes(&bytes));
  if (limit.by_bytes && kListpackFrameBytes + bytes > limit.most / 2) return Outcome::kDone;
  collection_.set_encoding(Encoding::kListpack);
  SetItemBytes(bytes);
  return Outcome::kDone;
}

}  // namespace cairn
