// A memtable of RocksDB that is a VersionTree. What a skip list does in a million versions waits
// for memory mostly: here a write takes a fifth of the time, a look-up an eighth
// (bench/native/memtable_bench.cc).
#pragma once

#include <rocksdb/memtablerep.h>

#include <memory>
#include <utility>

#include "lsm/version_tree.h"

namespace cairn::lsm {

// Keys are in the order of their bytes, and one thread writes at a time.
class MemtableTree final : public rocksdb::MemTableRep, private VersionTree::Memory {
 public:
  // `list` is a skip list in the same memtable, and stays empty (see GetIterator).
  MemtableTree(rocksdb::Allocator* allocator, std::unique_ptr<rocksdb::MemTableRep> list)
      : MemTableRep(allocator), tree_(this), list_(std::move(list)) {}

  rocksdb::KeyHandle Allocate(size_t bytes, char** to) override;
  void Insert(rocksdb::KeyHandle handle) override;
  bool InsertKey(rocksdb::KeyHandle handle) override;
  bool InsertKeyWithHint(rocksdb::KeyHandle handle, void** hint) override;
  bool Contains(const char* key) const override;
  void Get(const rocksdb::LookupKey& key, void* with, bool (*found)(void*, const char*)) override;
  uint64_t ApproximateNumEntries(const rocksdb::Slice& from, const rocksdb::Slice& to) override;
  Iterator* GetIterator(rocksdb::Arena* arena) override;
  Iterator* GetDynamicPrefixIterator(rocksdb::Arena* arena) override;
  size_t ApproximateMemoryUsage() override { return 0; }  // all is the allocator's

 private:
  char* Take(size_t bytes) override;

  VersionTree tree_;
  const std::unique_ptr<rocksdb::MemTableRep> list_;
};

}  // namespace cairn::lsm
