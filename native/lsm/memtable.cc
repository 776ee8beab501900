#include "lsm/memtable.h"

#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/check.h"
#include "base/large_buffer.h"
#include "lsm/memtable_tree.h"
#include "lsm/value.h"

namespace cairn::lsm {

namespace {

using Rep = rocksdb::MemTableRep;
using Handle = rocksdb::KeyHandle;

// An entry of a memtable. RocksDB does not change its layout, and does not export what reads it.
//
//   +------------+----------+------------------------+--------------+-------+
//   | key bytes  | user key | sequence << 8 | type   | value bytes  | value |
//   | varint32   |          | u64, little-endian     | varint32     |       |
//   +------------+----------+------------------------+--------------+-------+
//   key bytes: of the user key and the eight behind it
struct EntryView {
  std::string_view key;
  uint8_t type;
  std::string_view value;
};
constexpr size_t kTrailerBytes = 8;
constexpr uint8_t kTypeValue = 1;

size_t ReadVarint(const char** at) {
  size_t number = 0;
  for (int shift = 0;; shift += 7) {
    const char byte = *(*at)++;
    number |= static_cast<size_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return number;
  }
}

EntryView ViewOf(const char* at) {
  const size_t key_bytes = ReadVarint(&at) - kTrailerBytes;
  EntryView entry = {{at, key_bytes}, static_cast<uint8_t>(at[key_bytes]), {}};
  at += key_bytes + kTrailerBytes;
  const size_t value_bytes = ReadVarint(&at);
  entry.value = {at, value_bytes};
  return entry;
}

class Memtable final : public Rep {
 public:
  Memtable(std::unique_ptr<Rep> rep, rocksdb::Allocator* allocator, void (*inserting)(),
           LargeValues* large)
      : Rep(allocator), rep_(std::move(rep)), inserting_(inserting), large_(large) {}
  ~Memtable() override { large_->Gone(this); }

  Handle Allocate(size_t bytes, char** to) override {
    const Handle handle = rep_->Allocate(bytes, to);
    bytes_ = bytes;
    entry_ = *to;
    return handle;
  }
  void Insert(Handle handle) override {
    Look();
    rep_->Insert(handle);
  }
  bool InsertKey(Handle handle) override {
    Look();
    return rep_->InsertKey(handle);
  }
  void InsertWithHint(Handle handle, void** hint) override {
    Look();
    rep_->InsertWithHint(handle, hint);
  }
  bool InsertKeyWithHint(Handle handle, void** hint) override {
    Look();
    return rep_->InsertKeyWithHint(handle, hint);
  }

  bool Contains(const char* key) const override { return rep_->Contains(key); }
  void MarkReadOnly() override { rep_->MarkReadOnly(); }
  void MarkFlushed() override { rep_->MarkFlushed(); }
  void Get(const rocksdb::LookupKey& key, void* with, bool (*found)(void*, const char*)) override {
    rep_->Get(key, with, found);
  }
  uint64_t ApproximateNumEntries(const rocksdb::Slice& from, const rocksdb::Slice& to) override {
    return rep_->ApproximateNumEntries(from, to);
  }
  void UniqueRandomSample(uint64_t entries, uint64_t wanted,
                          std::unordered_set<const char*>* sample) override {
    rep_->UniqueRandomSample(entries, wanted, sample);
  }
  size_t ApproximateMemoryUsage() override { return rep_->ApproximateMemoryUsage(); }
  Iterator* GetIterator(rocksdb::Arena* arena) override { return rep_->GetIterator(arena); }
  Iterator* GetDynamicPrefixIterator(rocksdb::Arena* arena) override {
    return rep_->GetDynamicPrefixIterator(arena);
  }
  bool IsMergeOperatorSupported() const override { return rep_->IsMergeOperatorSupported(); }
  bool IsSnapshotSupported() const override { return rep_->IsSnapshotSupported(); }

 private:
  // At what was allocated last, and filled since.
  void Look() {
    inserting_();
    if (CAIRN_LIKELY(bytes_ < kLargeValueBytes && large_->empty())) return;
    const EntryView entry = ViewOf(entry_);
    ParsedValue parsed;
    if (entry.type == kTypeValue && entry.value.size() >= kLargeValueBytes &&
        !ParseValue(entry.value, &parsed) && IsClientKind(parsed.head.kind)) {
      large_->Inserted(this, entry.key, {parsed.head, parsed.body.size()});
    } else {
      large_->Replaced(entry.key);
    }
  }

  const std::unique_ptr<Rep> rep_;
  void (*const inserting_)();
  LargeValues* const large_;
  size_t bytes_ = 0;
  const char* entry_ = nullptr;
};

class Memtables final : public rocksdb::MemTableRepFactory {
 public:
  Memtables(void (*inserting)(), LargeValues* large) : inserting_(inserting), large_(large) {}

  using rocksdb::MemTableRepFactory::CreateMemTableRep;
  Rep* CreateMemTableRep(const Rep::KeyComparator& comparator, rocksdb::Allocator* allocator,
                         const rocksdb::SliceTransform* transform,
                         rocksdb::Logger* logger) override {
    std::unique_ptr<Rep> rep(lists_.CreateMemTableRep(comparator, allocator, transform, logger));
    const bool ascending = comparator("\ta12345678", "\tb12345678") < 0;
    if (ascending) rep = std::make_unique<MemtableTree>(allocator, std::move(rep));
    return new Memtable(std::move(rep), allocator, inserting_, large_);
  }
  const char* Name() const override { return "cairn.Memtables"; }
  bool CanHandleDuplicatedKey() const override { return true; }

 private:
  rocksdb::SkipListFactory lists_;
  void (*const inserting_)();
  LargeValues* const large_;
};

}  // namespace

std::optional<LargeValues::Found> LargeValues::Find(std::string_view stored_key) const {
  const std::lock_guard lock(mutex_);
  const auto held = held_.find(std::string(stored_key));
  if (held == held_.end()) return std::nullopt;
  return held->second.found;
}

void LargeValues::Inserted(const void* memtable, std::string_view stored_key, const Found& found) {
  const std::lock_guard lock(mutex_);
  held_.insert_or_assign(std::string(stored_key), Held{memtable, found});
  count_.store(held_.size(), std::memory_order_release);
}

void LargeValues::Replaced(std::string_view stored_key) {
  const std::lock_guard lock(mutex_);
  held_.erase(std::string(stored_key));
  count_.store(held_.size(), std::memory_order_release);
}

void LargeValues::Gone(const void* memtable) {
  if (empty()) return;
  const std::lock_guard lock(mutex_);
  std::erase_if(held_, [&](const auto& each) { return each.second.memtable == memtable; });
  count_.store(held_.size(), std::memory_order_release);
}

std::shared_ptr<rocksdb::MemTableRepFactory> NewMemtables(void (*inserting)(), LargeValues* large) {
  return std::make_shared<Memtables>(inserting, large);
}

}  // namespace cairn::lsm
