// Which durable write is faster here? Each round overwrites one block with each method, alternating
// so that noise on the device hits both. Blocks are written once before, because that is how
// recycled log segments are written. The fastest tenth decides, not the median: on busy processors
// most rounds measure the scheduler (a median of 3.7 ms where the disk needed 90 us was seen), the
// fast ones the disk. RWF_DSYNC is one request instead of two, so it wins when there is little
// between them.
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <cstdio>

#include "base/clock.h"
#include "io/posix_file.h"

namespace cairn {
namespace {

inline constexpr size_t kBlockBytes = 4096;
inline constexpr size_t kBlocks = 64;
inline constexpr int kRounds = 50;
inline constexpr int kRoundsMin = 3;
inline constexpr double kSyncMustWinBy = 1.1;
inline constexpr uint64_t kBudgetMs = 1000;  // slow disks get fewer rounds
inline constexpr uint32_t kStuckMs = 30000;
inline constexpr const char* kProbeName = "/durable-probe.tmp";

using Buffer = std::unique_ptr<void, void (*)(void*)>;

struct Outcome {
  bool ready = false;
  int64_t result = 0;
};

void Done(IoRequest* request, int64_t result) {
  *static_cast<Outcome*>(request->owner) = Outcome{true, result};
}

Result<uint64_t> TimeOne(IoQueue* queue, File* file, uint64_t offset, void* block) {
  const iovec iov = {block, kBlockBytes};
  Outcome outcome;
  IoRequest request;
  request.op = IoOp::kWriteDataSync;
  request.file = file;
  request.offset = offset;
  request.iov = &iov;
  request.iov_count = 1;
  request.done = Done;
  request.owner = &outcome;
  const uint64_t begin = MonotonicNanos();
  queue->Submit(&request);
  queue->Flush();
  // The request lives on this stack: it must come back before we leave.
  while (!outcome.ready) queue->Wait(kStuckMs);
  const uint64_t took = MonotonicNanos() - begin;
  if (outcome.result == static_cast<int64_t>(kBlockBytes)) return took;
  const int error = outcome.result < 0 ? static_cast<int>(-outcome.result) : EIO;
  return ErrnoStatus(file->path(), "durable write", error);
}

double FastestTenthMicros(std::vector<uint64_t> nanos) {
  const auto tenth = nanos.begin() + static_cast<ptrdiff_t>(nanos.size() / 10);
  std::nth_element(nanos.begin(), tenth, nanos.end());
  return static_cast<double>(*tenth) / 1000.0;
}

Status Fill(File* file, void* block) {
  for (size_t i = 0; i < kBlocks; ++i) {
    const Status written = file->WriteAt(i * kBlockBytes, block, kBlockBytes);
    if (!written.ok()) return written;
  }
  return file->Sync();
}

Status Measure(const std::string& path, QueueFactory& queues, DurableChoice* choice,
               std::string* report) {
  Result<std::unique_ptr<File>> opened = PosixFile::Open(path, Disk::Mode::kCreate);
  if (!opened.ok()) return opened.status();
  File* const file = opened.value().get();
  const Buffer block(aligned_alloc(kBlockBytes, kBlockBytes), free);
  memset(block.get(), 0x5a, kBlockBytes);
  const Status filled = Fill(file, block.get());
  if (!filled.ok()) return filled;

  const auto tried = std::make_shared<DurableChoice>(DurableMethod::kDataSyncWrite);
  Result<std::unique_ptr<IoQueue>> queue = queues.New(tried);
  if (!queue.ok()) return queue.status();
  std::vector<uint64_t> data_sync;
  std::vector<uint64_t> write_sync;
  const uint64_t deadline = MonotonicMillis() + kBudgetMs;
  for (int i = 0; i < kRounds; ++i) {
    if (i >= kRoundsMin && MonotonicMillis() > deadline) break;
    for (const DurableMethod method :
         {DurableMethod::kDataSyncWrite, DurableMethod::kWriteThenSync}) {
      tried->store(method);
      const uint64_t offset = static_cast<uint64_t>(i) % kBlocks * kBlockBytes;
      const Result<uint64_t> took = TimeOne(queue.value().get(), file, offset, block.get());
      if (!took.ok()) return took.status();
      (method == DurableMethod::kDataSyncWrite ? data_sync : write_sync).push_back(took.value());
    }
  }
  const double data_sync_us = FastestTenthMicros(data_sync);
  const double write_sync_us = FastestTenthMicros(write_sync);
  const bool use_data_sync = data_sync_us <= write_sync_us * kSyncMustWinBy;
  choice->store(use_data_sync ? DurableMethod::kDataSyncWrite : DurableMethod::kWriteThenSync);
  if (report != nullptr) {
    char text[200];
    std::snprintf(text, sizeof(text),
                  "durable write: RWF_DSYNC %.0f us, write + fdatasync %.0f us "
                  "(fastest tenth of %zu overwrites of 4 KiB): using %s",
                  data_sync_us, write_sync_us, data_sync.size(),
                  use_data_sync ? "RWF_DSYNC" : "write + fdatasync");
    *report = text;
  }
  return Status::Ok();
}

}  // namespace

Status MeasureDurableWrite(const std::string& dir, QueueFactory& queues, DurableChoice* choice,
                           std::string* report) {
  const std::string path = dir + kProbeName;
  (void)::remove(path.c_str());  // left over from a start that was killed
  const Status status = Measure(path, queues, choice, report);
  (void)::remove(path.c_str());
  return status;
}

}  // namespace cairn
