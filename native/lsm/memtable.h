// The memtables: trees of versions (version_tree.h), for keys in the order of their bytes. What a
// skip list does in a million versions waits for memory mostly: here a write takes a fifth of the
// time, a look-up an eighth (bench/native/memtable_bench.cc).
//
// RocksDB inserts a batch after its log has it; one that is to be synced, after the log and the
// directory of the log were synced. Its first insertion is therefore the moment from which it is
// durable, and DB::Write says so only after the last.
#pragma once

#include <rocksdb/memtablerep.h>

#include <memory>
#include <span>
#include <string_view>

#include "lsm/large_values.h"

namespace cairn::lsm {

// Called before each insertion, on the thread that inserts; one at a time
// (allow_concurrent_memtable_write is off). Returns stored keys that are inserted soon, if it knows
// some: now and then, and at most kKeysSoonMax.
using InsertionHook = std::span<const std::string_view> (*)();
inline constexpr size_t kKeysSoonMax = 16;

// `inserting` may be null, `large` outlives them. With a comparator that is not the ascending one
// they are RocksDB's own, and nobody is told.
std::shared_ptr<rocksdb::MemTableRepFactory> NewMemtables(InsertionHook inserting,
                                                          LargeValues* large);

}  // namespace cairn::lsm
