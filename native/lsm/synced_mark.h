// The mark of what was synced: a small file that says up to which version everything is durable.
//
// A log that ends in the middle of a record may have been torn by a power failure, and then all
// that it lacks was never synced; or it is damaged, and lacks what was. RocksDB cannot tell the two
// apart, nor can anybody from the log alone: of what was not synced, a disk stores whatever it got
// round to, so that good records behind a bad one prove nothing. This file can: what it says was
// durable before it was said, so a log that ends below it is damaged, or another one.
//
//   DIR/synced   "cairnsyn" | version (8) | CRC-32C of the 16 bytes before (4)
//
// It is written behind each commit that synced, and synced itself each second only: what a power
// failure takes of it makes it say less, and never more. So damage goes unnoticed only in what was
// committed in the last second before a power failure.
//
// Threads: Note from one, Sync from another.
#pragma once

#include <rocksdb/file_system.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "io/disk.h"

namespace cairn::lsm {

class SyncedMark {
 public:
  static std::string PathIn(const std::string& dir) { return dir + "/synced"; }
  // What it says; nothing: there is none, or (*damaged) it cannot be read.
  static std::optional<uint64_t> Read(Disk* disk, const std::string& dir, bool* damaged);
  // For who finds less: what is wrong.
  static std::string Contradiction(const std::string& dir, uint64_t found, uint64_t synced);

  // Durably. It goes without a file, and marks nothing, if there can be none.
  rocksdb::Status Open(rocksdb::FileSystem* files, const std::string& dir, uint64_t version);
  // Everything up to `version` is durable. A write that fails is the last one.
  void Note(uint64_t version);
  void Sync();
  void Close() { file_.reset(); }

 private:
  rocksdb::Status Write(uint64_t version);

  std::unique_ptr<rocksdb::FSRandomRWFile> file_;
  uint64_t version_ = 0;
  std::atomic<bool> dirty_{false};
  std::atomic<bool> failed_{false};
};

}  // namespace cairn::lsm
