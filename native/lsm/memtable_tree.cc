#include "lsm/memtable_tree.h"

#include <cstddef>
#include <new>
#include <string_view>

#include "base/check.h"

namespace cairn::lsm {

namespace {

using Rep = rocksdb::MemTableRep;

// A vptr and a pointer: as large as the iterator of a skip list at most.
class TreeIterator final : public Rep::Iterator {
 public:
  explicit TreeIterator(const VersionTree* tree)
      : cursor_(std::make_unique<VersionTree::Cursor>(tree)) {}

  bool Valid() const override { return cursor_->Valid(); }
  const char* key() const override { return cursor_->entry(); }
  void Next() override { cursor_->Next(); }
  void Prev() override { cursor_->Prev(); }
  void Seek(const rocksdb::Slice& internal_key, const char* entry) override {
    const EntryKey to = Parse(internal_key, entry);
    cursor_->Seek(to.key, to.sequence);
  }
  void SeekForPrev(const rocksdb::Slice& internal_key, const char* entry) override {
    const EntryKey to = Parse(internal_key, entry);
    cursor_->SeekForPrev(to.key, to.sequence);
  }
  void SeekToFirst() override { cursor_->SeekToFirst(); }
  void SeekToLast() override { cursor_->SeekToLast(); }

 private:
  static EntryKey Parse(const rocksdb::Slice& internal_key, const char* entry) {
    if (entry != nullptr) return ParseEntry(entry);
    return ParseInternalKey({internal_key.data(), internal_key.size()});
  }

  const std::unique_ptr<VersionTree::Cursor> cursor_;
};
static_assert(sizeof(TreeIterator) == 2 * sizeof(void*));

// Takes the key out of a LookupKey, which only RocksDB can read: Rep::Get seeks it in an iterator,
// and gives up, as that stays invalid. Whether it deletes the iterator depends on its version.
class KeyReader final : public Rep::Iterator {
 public:
  explicit KeyReader(EntryKey* key) : key_(key) {}
  static void operator delete(void*) {}

  bool Valid() const override { return false; }
  const char* key() const override { return nullptr; }
  void Next() override {}
  void Prev() override {}
  void Seek(const rocksdb::Slice&, const char* entry) override { *key_ = ParseEntry(entry); }
  void SeekForPrev(const rocksdb::Slice&, const char*) override {}
  void SeekToFirst() override {}
  void SeekToLast() override {}

 private:
  EntryKey* const key_;
};

// Of the look-up that this thread begins.
thread_local KeyReader* key_reader = nullptr;

}  // namespace

rocksdb::KeyHandle MemtableTree::Allocate(size_t bytes, char** to) {
  return *to = tree_.Allocate(bytes);
}

char* MemtableTree::Take(size_t bytes) {
  char* taken = nullptr;
  Rep::Allocate(bytes, &taken);
  return taken;
}

void MemtableTree::Insert(rocksdb::KeyHandle handle) {
  CAIRN_CHECK(InsertKey(handle), "RocksDB inserts nothing twice without asking");
}

bool MemtableTree::InsertKey(rocksdb::KeyHandle handle) {
  return tree_.Insert(static_cast<char*>(handle));
}

bool MemtableTree::InsertKeyWithHint(rocksdb::KeyHandle handle, void** /*hint*/) {
  return InsertKey(handle);
}

bool MemtableTree::Contains(const char* key) const {
  const EntryKey wanted = ParseEntry(key);
  const VersionTree::Version* version = tree_.Find(wanted.key, wanted.sequence);
  return version != nullptr && version->Sequence() == wanted.sequence;
}

void MemtableTree::Get(const rocksdb::LookupKey& key, void* with,
                       bool (*found)(void*, const char*)) {
  EntryKey wanted = {};
  alignas(KeyReader) std::byte place[sizeof(KeyReader)];  // whoever destroys it
  key_reader = new (place) KeyReader(&wanted);
  Rep::Get(key, with, found);
  key_reader = nullptr;
  const VersionTree::Version* version = tree_.Find(wanted.key, wanted.sequence);
  while (version != nullptr && found(with, version->entry())) version = version->Older();
}

uint64_t MemtableTree::ApproximateNumEntries(const rocksdb::Slice& from, const rocksdb::Slice& to) {
  return tree_.EstimateEntries(ParseInternalKey({from.data(), from.size()}).key,
                               ParseInternalKey({to.data(), to.size()}).key);
}

// The class Arena is not public, so nothing can be allocated from one; but the skip list does, for
// an iterator of its own, and ours takes the place of that. Whoever gets it calls the destructor.
Rep::Iterator* MemtableTree::GetIterator(rocksdb::Arena* arena) {
  if (arena == nullptr) return new TreeIterator(&tree_);
  Iterator* const place = list_->GetIterator(arena);
  place->~Iterator();
  return new (static_cast<void*>(place)) TreeIterator(&tree_);
}

Rep::Iterator* MemtableTree::GetDynamicPrefixIterator(rocksdb::Arena* arena) {
  if (key_reader != nullptr) return key_reader;
  return GetIterator(arena);
}

}  // namespace cairn::lsm
