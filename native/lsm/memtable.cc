#include "lsm/memtable.h"

#include <string_view>
#include <unordered_set>

#include "base/check.h"
#include "base/large_buffer.h"
#include "lsm/pending.h"

namespace cairn::lsm {

namespace {

using Rep = rocksdb::MemTableRep;
using Handle = rocksdb::KeyHandle;

constexpr size_t kSequenceBytes = 8;  // and type: behind each key

// An entry begins with the length of its key, seven bits per byte, and the key. RocksDB does not
// change that, and does not export what reads it.
std::string_view KeyOf(const char* entry) {
  size_t length = 0;
  int shift = 0;
  do {
    length |= static_cast<size_t>(*entry & 0x7f) << shift;
    shift += 7;
  } while ((*entry++ & 0x80) != 0);
  return {entry, length - kSequenceBytes};
}

class Memtable final : public Rep {
 public:
  Memtable(Rep* list, rocksdb::Allocator* allocator, void (*inserting)(), LargeKeys* large)
      : Rep(allocator), list_(list), inserting_(inserting), large_(large) {}

  Handle Allocate(size_t bytes, char** to) override {
    const Handle handle = list_->Allocate(bytes, to);
    bytes_ = bytes;
    entry_ = *to;
    return handle;
  }
  void Insert(Handle handle) override {
    Look();
    list_->Insert(handle);
  }
  bool InsertKey(Handle handle) override {
    Look();
    return list_->InsertKeyWithHint(handle, &hint_);
  }
  void InsertWithHint(Handle handle, void** hint) override {
    Look();
    list_->InsertWithHint(handle, hint);
  }
  bool InsertKeyWithHint(Handle handle, void** hint) override {
    Look();
    return list_->InsertKeyWithHint(handle, hint);
  }

  bool Contains(const char* key) const override { return list_->Contains(key); }
  void MarkReadOnly() override { list_->MarkReadOnly(); }
  void MarkFlushed() override { list_->MarkFlushed(); }
  void Get(const rocksdb::LookupKey& key, void* with, bool (*found)(void*, const char*)) override {
    list_->Get(key, with, found);
  }
  uint64_t ApproximateNumEntries(const rocksdb::Slice& from, const rocksdb::Slice& to) override {
    return list_->ApproximateNumEntries(from, to);
  }
  void UniqueRandomSample(uint64_t entries, uint64_t wanted,
                          std::unordered_set<const char*>* sample) override {
    list_->UniqueRandomSample(entries, wanted, sample);
  }
  size_t ApproximateMemoryUsage() override { return list_->ApproximateMemoryUsage(); }
  Iterator* GetIterator(rocksdb::Arena* arena) override { return list_->GetIterator(arena); }
  Iterator* GetDynamicPrefixIterator(rocksdb::Arena* arena) override {
    return list_->GetDynamicPrefixIterator(arena);
  }
  bool IsMergeOperatorSupported() const override { return list_->IsMergeOperatorSupported(); }
  bool IsSnapshotSupported() const override { return list_->IsSnapshotSupported(); }

 private:
  // At what was allocated last, and filled since.
  void Look() {
    inserting_();
    if (CAIRN_LIKELY(bytes_ < kLargeValueBytes)) return;
    large_->Add(HashOf(KeyOf(entry_)));
  }

  const std::unique_ptr<Rep> list_;
  void (*const inserting_)();
  LargeKeys* const large_;
  void* hint_ = nullptr;  // where the one before went: batches come in the order of their keys
  size_t bytes_ = 0;
  const char* entry_ = nullptr;
};

class Memtables final : public rocksdb::MemTableRepFactory {
 public:
  Memtables(void (*inserting)(), LargeKeys* large) : inserting_(inserting), large_(large) {}

  using rocksdb::MemTableRepFactory::CreateMemTableRep;
  Rep* CreateMemTableRep(const Rep::KeyComparator& comparator, rocksdb::Allocator* allocator,
                         const rocksdb::SliceTransform* transform,
                         rocksdb::Logger* logger) override {
    Rep* list = lists_.CreateMemTableRep(comparator, allocator, transform, logger);
    return new Memtable(list, allocator, inserting_, large_);
  }
  const char* Name() const override { return "cairn.Memtables"; }
  bool CanHandleDuplicatedKey() const override { return true; }

 private:
  rocksdb::SkipListFactory lists_;
  void (*const inserting_)();
  LargeKeys* const large_;
};

}  // namespace

std::shared_ptr<rocksdb::MemTableRepFactory> NewMemtables(void (*inserting)(), LargeKeys* large) {
  return std::make_shared<Memtables>(inserting, large);
}

}  // namespace cairn::lsm
