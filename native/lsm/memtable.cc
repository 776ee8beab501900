#include "lsm/memtable.h"

#include <unordered_set>

namespace cairn::lsm {

namespace {

using Rep = rocksdb::MemTableRep;
using Handle = rocksdb::KeyHandle;

class Memtable final : public Rep {
 public:
  Memtable(Rep* list, rocksdb::Allocator* allocator, void (*inserting)())
      : Rep(allocator), list_(list), inserting_(inserting) {}

  Handle Allocate(size_t bytes, char** to) override { return list_->Allocate(bytes, to); }

  void Insert(Handle handle) override {
    inserting_();
    list_->Insert(handle);
  }
  bool InsertKey(Handle handle) override {
    inserting_();
    return list_->InsertKey(handle);
  }
  void InsertWithHint(Handle handle, void** hint) override {
    inserting_();
    list_->InsertWithHint(handle, hint);
  }
  bool InsertKeyWithHint(Handle handle, void** hint) override {
    inserting_();
    return list_->InsertKeyWithHint(handle, hint);
  }
  void InsertWithHintConcurrently(Handle handle, void** hint) override {
    inserting_();
    list_->InsertWithHintConcurrently(handle, hint);
  }
  bool InsertKeyWithHintConcurrently(Handle handle, void** hint) override {
    inserting_();
    return list_->InsertKeyWithHintConcurrently(handle, hint);
  }
  void InsertConcurrently(Handle handle) override {
    inserting_();
    list_->InsertConcurrently(handle);
  }
  bool InsertKeyConcurrently(Handle handle) override {
    inserting_();
    return list_->InsertKeyConcurrently(handle);
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
  const std::unique_ptr<Rep> list_;
  void (*const inserting_)();
};

class Memtables final : public rocksdb::MemTableRepFactory {
 public:
  explicit Memtables(void (*inserting)()) : inserting_(inserting) {}

  using rocksdb::MemTableRepFactory::CreateMemTableRep;
  Rep* CreateMemTableRep(const Rep::KeyComparator& comparator, rocksdb::Allocator* allocator,
                         const rocksdb::SliceTransform* transform,
                         rocksdb::Logger* logger) override {
    Rep* list = lists_.CreateMemTableRep(comparator, allocator, transform, logger);
    return new Memtable(list, allocator, inserting_);
  }
  const char* Name() const override { return "cairn.Memtables"; }
  bool IsInsertConcurrentlySupported() const override { return true; }
  bool CanHandleDuplicatedKey() const override { return true; }

 private:
  rocksdb::SkipListFactory lists_;
  void (*const inserting_)();
};

}  // namespace

std::shared_ptr<rocksdb::MemTableRepFactory> NewMemtables(void (*inserting)()) {
  return std::make_shared<Memtables>(inserting);
}

}  // namespace cairn::lsm
