// The memtables: RocksDB's skip lists, and a look at when a batch comes to them.
//
// RocksDB inserts a batch after its log has it; one that is to be synced, after the log and the
// directory of the log were synced. Its first insertion is therefore the moment from which it is
// durable, and DB::Write says so only after the last.
#pragma once

#include <rocksdb/memtablerep.h>

#include <memory>

namespace cairn::lsm {

// `inserting` is called before each insertion, on the thread that inserts.
std::shared_ptr<rocksdb::MemTableRepFactory> NewMemtables(void (*inserting)());

}  // namespace cairn::lsm
