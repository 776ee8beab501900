// SimDisk: a disk in memory that obeys the contract of disk.h no better than it must, for tests.
// One seed decides everything it does, so a schedule that found a bug can be run again: same seed,
// same calls, same faults, same TraceHash().
//
// What is where. Each file has `current` content, which reads see; `durable` content, which
// survives a power failure; and for each sector of 512 bytes that differs, the versions written
// since, any of which the device may have got round to storing:
//
//     sector 7    durable "A"    versions "B" "C"    current "C"     after Crash(): A, B or C
//
// Names work the same way: creations, renames and removals wait per directory until SyncDir.
//
// What makes things durable:
//   kWriteDataSync completed well
//                                its own sectors, and the file's size
//   kSync completed well         all writes of the file that had completed when it was handed over
//                                with Flush(); those that complete while it runs may or may not
//                                be covered
//   File::Sync                   all completed writes of the file
//   SyncDir                      creations, renames and removals in that directory
//   WriteSmallAtomic, CreateDir  all or nothing, then durable, as on the real disk
//
// The faults:
//   delay, reordering   requests handed over together complete in any order, after a few polls
//   short write         a transfer stores only a prefix of whole sectors and says so (queue only:
//                       File::WriteAt retries)
//   read error          EIO, nothing transferred
//   write error         EIO; any subset of the sectors may be stored, none of it durable
//   sync error          EIO; each version that was waiting in the file may be dropped: reads go on
//                       showing it, but no later sync will make it durable (what kernels do when
//                       they mark failed pages clean). Of a kWriteDataSync, the write half
//                       happened and the sync half failed
//   no space            ENOSPC from Allocate and from writes that grow a file beyond the capacity:
//                       nothing changes. A write that fits in part may come back short. With the
//                       fault no_space also from writes that do not grow the file
//   power failure       Crash(), or PowerOff() by hand or at a scripted operation: each sector
//                       keeps its durable content or one of its versions, chosen one by one; so do
//                       the sectors of writes in flight (a torn write is any subset); an unsynced
//                       size change, truncation or directory operation is kept or lost
//   process death       Kill(): nothing that completed is lost, synced or not; writes in flight
//                       are done, undone or torn
//   bit rot             FlipBit(): reads then see it, it survives everything
//
// After Crash, Kill and PowerOff all open files, queues and locks are dead: their calls fail with
// EIO, and requests in flight complete with -EIO at the next Poll or Wait, so that the program
// under test can be taken down normally.
//
// Threads: a mutex makes every call safe; runs are reproducible only if the calls come in a
// reproducible order.
// Lifetime: files, queues and locks may outlive the disk object.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "io/disk.h"

namespace cairn {

inline constexpr uint32_t kSimSectorBytes = 512;

enum class SimOp : uint8_t { kRead, kWrite, kSync, kAllocate };

// Probabilities from 0 to 1, asked at each operation.
struct SimFaults {
  double short_write = 0;
  double read_error = 0;
  double write_error = 0;
  double no_space = 0;  // of writes, in room that was there (thin provisioning, copy on write)
  double sync_error = 0;
  double drop_after_failed_sync = 0.5;  // of each waiting version
};

struct SimOptions {
  uint64_t seed = 1;
  uint64_t capacity = uint64_t{1} << 40;  // bytes, files count with their size
  uint32_t delay_max = 4;                 // a request completes 1 to this many polls after Flush
  IoAlignment alignment;
  bool direct = true;
  SimFaults faults;
};

// The next `times` operations of this kind on paths that contain `path` (empty: all), after letting
// `skip` of them pass, fail with `error`; a kWrite with error 0 is a short write.
struct SimScript {
  SimOp op = SimOp::kWrite;
  std::string path;
  uint32_t skip = 0;
  uint32_t times = 1;
  int error = 0;
};

class SimState;

class SimDisk final : public Disk {
 public:
  explicit SimDisk(const SimOptions& options);
  ~SimDisk() override;
  SimDisk(const SimDisk&) = delete;
  SimDisk& operator=(const SimDisk&) = delete;

  // What happens to the machine.
  void PowerOff();  // resolves what is left on the medium; every call fails until PowerOn
  void PowerOn();
  void Crash();  // PowerOff and PowerOn
  void Kill();   // the process dies, the machine does not
  // PowerOff by itself just before the operation with this number starts (see operations()); 0:
  // never.
  void PowerOffAt(uint64_t operation);
  bool powered() const;

  // What goes wrong.
  void SetFaults(const SimFaults& faults);
  void Inject(const SimScript& script);
  void SetCapacity(uint64_t bytes);
  // As if the files had been moved to another device or file system. Of files opened from now on.
  void SetDevice(const IoAlignment& alignment, bool direct);
  // Flips one bit in what is current, durable and waiting. The byte must lie inside the file.
  void FlipBit(const std::string& path, uint64_t offset, uint32_t bit = 0);

  // What happened.
  uint64_t operations() const;  // reads, writes, syncs, allocations, directory changes so far
  uint64_t TraceHash() const;   // of all operations and their outcomes
  uint64_t UsedBytes() const;
  uint64_t UnsyncedSectors() const;

  Result<std::unique_ptr<File>> OpenDirect(const std::string& path, Mode mode) override;
  Status CreateDir(const std::string& path) override;
  Status SyncDir(const std::string& path) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Result<std::vector<std::string>> List(const std::string& dir) override;
  Result<bool> Exists(const std::string& path) override;
  Result<uint64_t> Links(const std::string& path) override;
  Result<std::string> ReadSmall(const std::string& path) override;
  Status WriteSmallAtomic(const std::string& path, std::string_view content) override;
  Result<uint64_t> FreeBytes(const std::string& dir) override;
  Result<std::unique_ptr<FileLock>> LockFile(const std::string& path) override;
  Result<std::unique_ptr<IoQueue>> NewQueue(const IoQueueOptions& options,
                                            std::string* why) override;
  Status ProbeDurableWrite(const std::string& dir, std::string* report) override;
  const char* DurableWriteMethod() const override { return "simulated"; }

 private:
  const std::shared_ptr<SimState> state_;
};

}  // namespace cairn
