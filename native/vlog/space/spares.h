// SpareSegments: files of reclaimed segments that wait to become segments again. A data-synced
// write into blocks that were written before takes about half the time of one into blocks that are
// merely allocated, because the file system has nothing to note down.
//
//   segment 42 is dead --Keep--> 0000000042.spare --Take--> segment 97 (Rename by the caller)
//
// A spare keeps its old content; that is never taken for a record of the new segment, since each
// record's checksum covers the id of its segment. Its name says that it is no segment: nothing
// reads it, and it may be deleted at any time.
//
// Threads: any, but Begin and End.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "io/disk.h"

namespace cairn::vlog {

class SpareSegments {
 public:
  struct Limits {
    uint32_t files = 0;      // spares kept at most
    uint64_t bytes_min = 0;  // of a file worth keeping, whatever is wanted
    uint64_t bytes_max = 0;
  };

  // Looks for spares that an earlier start left behind; those beyond the limits are removed.
  Status Begin(const std::string& dir, Disk* disk, const Limits& limits);
  void End();  // forgets them; the files stay
  // Whether a file can become a segment of `wanted` bytes: it is half to twice as large.
  static bool Suits(uint64_t bytes, uint64_t wanted) {
    return bytes >= wanted / 2 && bytes <= 2 * wanted;
  }
  // Keeps the file of a segment that is in no manifest any more. False: it is none to keep, the
  // caller removes it. A file that somebody linked to (a copy made without copying) is none.
  bool Keep(const std::string& path, uint64_t bytes);
  // The path of a spare that suits, which then is the caller's to rename; empty: there is none.
  std::string Take(uint64_t wanted);
  // The path of any, which then is the caller's to remove.
  std::string TakeAny();
  // Gives the space of one spare back to the file system. False: there is none.
  bool DropOne();

  uint32_t count() const { return count_.load(std::memory_order_relaxed); }
  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  struct Spare {
    std::string path;
    uint64_t bytes;
  };
  bool Fits(uint64_t bytes) const {
    return bytes >= limits_.bytes_min && bytes <= limits_.bytes_max;
  }
  std::string TakeLocked(size_t index);
  void PublishLocked();

  std::string dir_;
  Disk* disk_ = nullptr;
  Limits limits_;
  std::mutex mutex_;
  std::vector<Spare> spares_;
  std::atomic<uint32_t> count_{0};
  std::atomic<uint64_t> bytes_{0};
};

}  // namespace cairn::vlog
