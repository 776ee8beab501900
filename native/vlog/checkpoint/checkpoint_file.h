// Checkpoint files: the index at one moment, as sorted runs of keys and pointers, so that a start
// need not read the log from its beginning. What the bytes are: checkpoint_codec.h and
// docs/format.md.
//
//   0000000007.ckpt   [block][block] ... [block][tail: info, list of blocks, trailer]
//
// Memory: the writer holds what was added and not yet written, in buffers of
// kCheckpointBufferBytes, and 16 bytes per block; a loading thread one buffer. Keys larger than a
// block need their own size on top, twice when loaded.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "io/disk.h"
#include "vlog/checkpoint/checkpoint_codec.h"
#include "vlog/log/segment.h"

namespace cairn::vlog {

inline constexpr uint64_t kCheckpointBufferBytes = 1u << 20;  // of one write or read
inline constexpr uint32_t kCheckpointThreadsMax = 64;

// Writes one file. One thread at a time. After an error of Write or Finish the call may be repeated
// (for lack of space), but for one of the sync, which is final: what the device dropped then no
// later sync brings back. Or the file is removed; without a successful Finish nothing reads it.
class CheckpointWriter {
 public:
  // The file must not exist.
  static Result<std::unique_ptr<CheckpointWriter>> Create(Disk* disk, const std::string& path,
                                                          uint32_t id);
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;

  // Memory work only, so it may be called under a shard's latch. Shards ascending, in a shard trees
  // ascending, keys ascending, no key twice. The pointer is not resident; kHasExpiry follows from
  // expire_at_ms (0: none), whatever it says.
  void Add(uint16_t shard, uint16_t tree, std::string_view key, const Pointer& pointer,
           uint64_t expire_at_ms);
  // Bytes that wait to be written. More than kCheckpointBufferBytes: Write has something to do.
  size_t pending() const;
  uint64_t entries() const { return entries_; }
  // Writes one full buffer, if there is one. *written: its bytes, 0 if there was none.
  Status Write(uint64_t* written);
  // Writes what is left and the tail, and syncs the file. The caller makes its name durable. Sets
  // id, entries and bytes of *info; the rest of it goes into the file.
  Status Finish(CheckpointInfo* info);

 private:
  struct Buffer {
    AlignedBuffer data;
    uint64_t capacity = 0;
    uint64_t used = 0;
    uint64_t offset = 0;  // in the file
  };

  CheckpointWriter(std::unique_ptr<File> file, uint32_t id);
  void BeginBlock(size_t key_bytes);
  void EndBlock();
  void NextBuffer(uint64_t bytes);
  Status WriteFront();

  std::unique_ptr<File> file_;
  uint32_t id_;
  uint32_t unit_bytes_;
  CheckpointBlockEncoder encoder_;
  Buffer open_;              // its end is where the encoder works
  std::deque<Buffer> full_;  // in the order of the file
  uint64_t full_bytes_ = 0;
  Buffer spare_;
  uint64_t entries_ = 0;
  std::vector<CheckpointBlockEntry> blocks_;
  Status sync_status_;
};

// Reads and checks the tail. kCorruption names file and offset; kInvalid: another version. If the
// file has a checkpoint's name, the id in it counts, too.
Result<CheckpointInfo> ReadCheckpointInfo(Disk* disk, const std::string& path);

// Verifies every byte of the file, and that it is the one that `info` is from. Each shard comes
// from exactly one thread, its keys in order. With an error the sink may have seen a part. Fewer
// threads than `threads` if the system refuses more.
Status LoadCheckpoint(Disk* disk, const std::string& path, const CheckpointInfo& info,
                      uint32_t threads, CheckpointSink* sink);

}  // namespace cairn::vlog
