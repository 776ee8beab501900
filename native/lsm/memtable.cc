#include "lsm/memtable.h"

#include <cstddef>
#include <new>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/large_buffer.h"
#include "lsm/slices.h"
#include "lsm/value.h"
#include "lsm/version_tree.h"

namespace cairn::lsm {

namespace {

using Rep = rocksdb::MemTableRep;
using Handle = rocksdb::KeyHandle;

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
    return ParseInternalKey(Viewed(internal_key));
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

static_assert(kKeysSoonMax == VersionTree::kPrefetchMax);

class Memtable final : public Rep, private VersionTree::Memory {
 public:
  // `list` is a skip list in the same memtable, and stays empty (see GetIterator).
  Memtable(rocksdb::Allocator* allocator, std::unique_ptr<Rep> list, InsertionHook inserting,
           LargeValues* large)
      : Rep(allocator), tree_(this), list_(std::move(list)), inserting_(inserting), large_(large) {}
  ~Memtable() override { large_->Gone(this); }

  Handle Allocate(size_t bytes, char** to) override {
    bytes_ = bytes;
    return *to = tree_.Allocate(bytes);
  }
  void Insert(Handle handle) override {
    CAIRN_CHECK(InsertKey(handle), "RocksDB inserts nothing twice without asking");
  }
  bool InsertKey(Handle handle) override {
    auto* const entry = static_cast<char*>(handle);
    const std::span<const std::string_view> soon = inserting_();
    if (CAIRN_UNLIKELY(!soon.empty())) tree_.Prefetch(soon);
    if (CAIRN_UNLIKELY(bytes_ >= kLargeValueBytes || !large_->empty())) Tell(entry);
    return tree_.Insert(entry);
  }
  bool InsertKeyWithHint(Handle handle, void** /*hint*/) override { return InsertKey(handle); }

  bool Contains(const char* key) const override {
    const EntryKey wanted = ParseEntry(key);
    const VersionTree::Version* version = tree_.Find(wanted.key, wanted.sequence);
    return version != nullptr && version->Sequence() == wanted.sequence;
  }
  void Get(const rocksdb::LookupKey& key, void* with, bool (*found)(void*, const char*)) override {
    EntryKey wanted = {};
    alignas(KeyReader) std::byte place[sizeof(KeyReader)];  // whoever destroys it
    key_reader = new (place) KeyReader(&wanted);
    Rep::Get(key, with, found);
    key_reader = nullptr;
    const VersionTree::Version* version = tree_.Find(wanted.key, wanted.sequence);
    while (version != nullptr && found(with, version->entry())) version = version->Older();
  }
  uint64_t ApproximateNumEntries(const rocksdb::Slice& from, const rocksdb::Slice& to) override {
    return tree_.EstimateEntries(ParseInternalKey(Viewed(from)).key,
                                 ParseInternalKey(Viewed(to)).key);
  }
  // The class Arena is not public, so nothing can be allocated from one; but the skip list does,
  // for an iterator of its own, and ours takes the place of that. Whoever gets it calls the
  // destructor.
  Iterator* GetIterator(rocksdb::Arena* arena) override {
    if (arena == nullptr) return new TreeIterator(&tree_);
    Iterator* const place = list_->GetIterator(arena);
    place->~Iterator();
    return new (static_cast<void*>(place)) TreeIterator(&tree_);
  }
  Iterator* GetDynamicPrefixIterator(rocksdb::Arena* arena) override {
    if (key_reader != nullptr) return key_reader;
    return GetIterator(arena);
  }
  size_t ApproximateMemoryUsage() override { return 0; }  // all is the allocator's

 private:
  char* Take(size_t bytes) override {
    char* taken = nullptr;
    Rep::Allocate(bytes, &taken);
    return taken;
  }
  void Tell(const char* entry) {
    const EntryKey key = ParseEntry(entry);
    const std::string_view value = ValueOf(key);
    ParsedValue parsed;
    // What is too short with its head needs no look at it.
    if (key.type == kTypeValue && value.size() >= kLargeValueBytes && !ParseValue(value, &parsed) &&
        parsed.body.size() >= kLargeValueBytes && IsClientKind(parsed.head.kind)) {
      large_->Inserted(this, key.key, {parsed.head, parsed.body.size()});
    } else {
      large_->Replaced(key.key);
    }
  }

  VersionTree tree_;
  const std::unique_ptr<Rep> list_;
  const InsertionHook inserting_;
  LargeValues* const large_;
  size_t bytes_ = 0;  // of what was allocated last, and is inserted next
};

std::span<const std::string_view> NothingKnown() { return {}; }

class Memtables final : public rocksdb::MemTableRepFactory {
 public:
  Memtables(InsertionHook inserting, LargeValues* large)
      : inserting_(inserting == nullptr ? NothingKnown : inserting), large_(large) {}

  using rocksdb::MemTableRepFactory::CreateMemTableRep;
  Rep* CreateMemTableRep(const Rep::KeyComparator& comparator, rocksdb::Allocator* allocator,
                         const rocksdb::SliceTransform* transform,
                         rocksdb::Logger* logger) override {
    std::unique_ptr<Rep> list(lists_.CreateMemTableRep(comparator, allocator, transform, logger));
    const bool ascending = comparator("\ta12345678", "\tb12345678") < 0;
    if (!ascending) return list.release();
    return new Memtable(allocator, std::move(list), inserting_, large_);
  }
  const char* Name() const override { return "cairn.Memtables"; }
  bool CanHandleDuplicatedKey() const override { return true; }

 private:
  rocksdb::SkipListFactory lists_;
  const InsertionHook inserting_;
  LargeValues* const large_;
};

}  // namespace

std::shared_ptr<rocksdb::MemTableRepFactory> NewMemtables(InsertionHook inserting,
                                                          LargeValues* large) {
  return std::make_shared<Memtables>(inserting, large);
}

}  // namespace cairn::lsm
