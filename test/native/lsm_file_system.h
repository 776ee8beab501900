// RocksDB on a Disk of ours: what the simulated disk (io/sim_disk.h) does to a value log, it does
// to RocksDB as well. Reads, writes and syncs that fail on command or by chance, with EIO or
// ENOSPC; a disk that is full; a crash that keeps of unsynced sectors and names whatever the seed
// says.
//
// RocksDB appends any number of bytes, the disk takes whole sectors: an append writes the last
// sector again, padded, and cuts the file to its length. So a write of RocksDB is up to two
// operations of the disk. A crash between the two leaves zeros behind the end, as a real file
// system may.
//
// Directories cannot be removed, files not be linked (RocksDB then copies), times of modification
// are 0. Runs can be repeated with the same seed as far as RocksDB's threads come in the same
// order; whoever needs that waits for flushes and compactions.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <cstdint>
#include <memory>
#include <string>

#include "io/disk.h"

namespace cairn::testing {

// The disk outlives the file system and all files.
std::shared_ptr<rocksdb::FileSystem> NewDiskFileSystem(Disk* disk);
// The same as an environment, with the clock and the threads of the system.
std::unique_ptr<rocksdb::Env> NewDiskEnv(Disk* disk);

// The log of RocksDB in that directory that has something in it; without one the test fails.
std::string LogIn(Disk* disk, const std::string& dir);
// Of its records: behind them, there may be zeros (lsm/log_file.h).
uint64_t LogBytes(Disk* disk, const std::string& log);

}  // namespace cairn::testing
