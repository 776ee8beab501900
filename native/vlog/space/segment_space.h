// SegmentSpace: the disk space of a data directory, and who gets it. It owns what is free: the
// figure of free bytes, what is kept back of them, the spare files, and the files on their way out.
//
//   new segment --CreateFile--> spare, or new file --Reserve--> blocks ahead of what is written
//   dead segment --TakeBack--> spare, or removed a piece at a time
//
// Free bytes are given away in three steps:
//
//   beyond min-free-bytes    to whoever writes                        FreeForWriters
//   min-free-bytes           to garbage collection, which makes room  LeavesEnough
//   the last kLastBytes      to the manifest and the file system, without which no space could ever
//                            be given back
//
// On a full disk, what is on its way out and what is kept for later goes at once, before anybody is
// told that there is no space.
//
// A file that comes to TakeBack or Remove is in no manifest any more. Nobody but the caller knows a
// segment while CreateFile or Reserve works on it.
//
// Threads: any, but Begin, End and GiveUpIdleSpare, LookAtFree, Step (one thread at a time). All of
// it may block, so no latch is held; the manifest's mutex may be.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/status.h"
#include "io/disk.h"
#include "vlog/log/segment.h"
#include "vlog/space/file_remover.h"
#include "vlog/space/quiescence.h"
#include "vlog/space/spares.h"

namespace cairn::vlog {

class SegmentSpace {
 public:
  static constexpr uint64_t kLastBytes = 4u << 20;
  static constexpr uint64_t kSparingBytes = 1u << 20;  // for deletes at a time, on a full disk
  static constexpr uint64_t kLookMs = 1000;  // from one look at the free bytes to the next

  struct Config {
    std::string dir;
    Disk* disk = nullptr;
    uint32_t lanes = 0;
    uint64_t segment_bytes = 0;      // of a segment at most, unless a unit needs more
    uint64_t segment_bytes_min = 0;  // of a lane in which little lives
    uint64_t allocate_step = 0;
    uint64_t reserve_bytes = 0;   // of a segment, for deletes when the disk is full
    uint64_t free_bytes_min = 0;  // kept back whatever min-free-bytes says; 0: nothing is
    uint32_t spares_max = 0;      // 0: from the lanes, and from what lives
  };

  // Takes over what an earlier start has left: files on their way out, spares.
  Status Begin(const Config& config);
  void End();  // forgets them; the files stay

  // --- reservations ---
  // *room: what is free for whoever writes. kNoSpace: nothing is.
  Status FreeForWriters(uint64_t* room);
  // Whether garbage collection may use so many bytes.
  Status LeavesEnough(uint64_t bytes);
  // Reserves [room_end, end) of the segment; the caller sets room_end.
  Status Reserve(Segment* segment, uint64_t end);
  // How large a segment must be to take a unit: header, padding and trailer, and what is kept back
  // for deletes.
  uint64_t RoomFor(uint64_t unit_bytes, uint64_t block) const;
  // Gives space back that somebody keeps for later. False: there is none.
  bool MakeRoom() { return remover_.RemoveOne() || spares_.DropOne(); }

  // --- files ---
  struct NewFile {
    uint64_t wanted = 0;      // bytes of the segment
    uint64_t unit_bytes = 0;  // that it must have room for
    uint32_t incarnation = 0;
    bool sparing = false;  // reserves no more than the unit takes
  };
  // The file of a segment whose id, lane, epoch, salt and rank are set: with its header on disk, by
  // its name, and what follows from it (block, capacity, room) in the segment.
  Status CreateFile(Segment* segment, const NewFile& file);
  // The file of a segment that is gone; 0 bytes: nobody knows. It becomes a spare if it suits
  // segments of `wanted` bytes, and if no number of spares is set, while they stay below
  // `spare_bytes_max`.
  void TakeBack(const std::string& path, uint64_t bytes, uint64_t wanted, uint64_t spare_bytes_max);
  void Remove(const std::string& path) { remover_.Add(path); }
  void Shorten(const std::string& path, uint64_t bytes) { remover_.Shorten(path, bytes); }

  // --- what maintenance does now and then ---
  void LookAtFree(uint64_t now_ms);
  // records: written so far. When nobody writes, files kept for reuse are of no use.
  void GiveUpIdleSpare(uint64_t records, uint64_t now_ms);
  static constexpr uint64_t kIdle = FileRemover::kIdle;
  uint64_t Step(uint64_t now_ms) { return remover_.Step(now_ms); }  // as FileRemover's
  void RemoveAll();  // what is on its way out, at once

  void SetMinFreeBytes(uint64_t bytes) { min_free_bytes_.store(bytes, std::memory_order_relaxed); }
  uint64_t min_free_bytes() const { return min_free_bytes_.load(std::memory_order_relaxed); }
  uint64_t kept_back_bytes() const;  // from those who write
  // As of the last look; 0: there was none yet.
  uint64_t free_bytes() const { return free_bytes_.load(std::memory_order_relaxed); }
  uint32_t spare_count() const { return spares_.count(); }
  uint64_t spare_bytes() const { return spares_.bytes(); }
  uint64_t recycled() const { return recycled_.load(std::memory_order_relaxed); }  // files, ever

 private:
  Status NewSegmentFile(Segment* segment, const std::string& path, const NewFile& file);
  bool RecycleFile(Segment* segment, const std::string& path, const NewFile& file);
  void Size(Segment* segment, const NewFile& file) const;
  void GiveUpSpare();

  Config config_;  // set by Begin, constant until End
  SpareSegments spares_;
  FileRemover remover_;
  Quiescence quiescence_;
  uint64_t looked_ms_ = 0;  // at the free bytes
  std::atomic<uint64_t> min_free_bytes_{0};
  std::atomic<uint64_t> free_bytes_{0};
  std::atomic<uint64_t> recycled_{0};
};

}  // namespace cairn::vlog
