// FileRemover: deletes large files, and cuts unused ends off others, a piece at a time. To delete
// 1 GiB at once makes some file systems and devices hold up every write meanwhile: ext4 mounted
// with `discard` tells the device about all blocks that became free before it goes on, which takes
// the disk of a virtual machine a fifth of a second. Of pieces of 4 MiB nobody notices anything.
//
//   0000000042.vlog --Add--> 0000000042.vlog.gone --Step, Step, ...--> shorter and shorter, gone
//   0000000043.vlog --Shorten--> 0000000043.vlog  --Step, Step, ...--> as long as it was told
//
// The new name says that it is no segment and no checkpoint any more. A file that has other names
// as well (a copy made without copying) only loses this one: nothing is cut off of it. What
// Shorten cuts off must mean nothing to anybody: a crash may leave it there for good.
//
// Threads: any, but Begin.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "io/disk.h"

namespace cairn::vlog {

class FileRemover {
 public:
  static constexpr uint64_t kPieceBytes = 4u << 20;
  static constexpr uint64_t kPieceMillis = 10;             // from one piece to the next
  static constexpr uint32_t kFilesPerStep = 64;            // small ones that make up a piece
  static constexpr uint64_t kUnhurriedBytes = 4ull << 30;  // while more wait there is no pause

  // Takes over what an earlier start has not finished.
  Status Begin(const std::string& dir, Disk* disk);
  void End();  // forgets what is left; the next start finds it
  // The file's content is of no use from now on. What cannot be renamed is deleted at once; what
  // cannot be deleted stays for the next start.
  void Add(const std::string& path);
  // Cuts the file off at `bytes`, by and by. Best effort.
  void Shorten(const std::string& path, uint64_t bytes);
  // The file gets another use: when this returns, nothing will be cut off it any more.
  void Release(const std::string& path);
  // The next piece, if it is time for it. now_ms: a monotonic clock. Returns in how many
  // milliseconds to call again; kIdle: there is nothing to do.
  static constexpr uint64_t kIdle = UINT64_MAX;
  uint64_t Step(uint64_t now_ms);
  // The rest of one file at once, for who needs the space. False: there is nothing to do.
  bool RemoveOne();
  bool empty() const;

 private:
  struct Entry {
    std::string path;
    uint64_t bytes;         // now
    uint64_t until = 0;     // that many are left
    bool shortens = false;  // else it goes altogether
  };

  void AppendLocked(std::string path, uint64_t until, bool shortens);
  void FinishFirstLocked();
  void DropLocked(size_t index);
  bool CutLocked();
  bool OpenFirstLocked();

  Disk* disk_ = nullptr;
  mutable std::mutex mutex_;
  std::deque<Entry> files_;
  uint64_t bytes_ = 0;           // to be cut off, of all of them
  std::unique_ptr<File> first_;  // files_.front(), once it is being cut
  uint64_t due_ms_ = 0;
};

}  // namespace cairn::vlog
