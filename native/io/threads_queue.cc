// IoQueue on a pool of threads with blocking calls: for kernels and sandboxes without io_uring.
// Each queue has its own workers. Requests pass through three lists:
//
//   staged (owner) --Flush--> pending (mutex) --worker--> done (mutex, eventfd) --Poll--> callback
//
// At most `depth` requests are pending, running or done; what exceeds that stays staged, in order.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "base/clock.h"
#include "base/threads.h"
#include "io/posix_file.h"

namespace cairn {
namespace {

inline constexpr int kInterruptsMax = 64;

// -errno for a failed call, retried while signals interrupt it.
template <typename Call>
int64_t Blocking(Call call) {
  for (int i = 0; i < kInterruptsMax; ++i) {
    const int64_t result = call();
    if (result >= 0) return result;
    if (errno != EINTR) return -errno;
  }
  return -EINTR;
}

int64_t WriteThenSync(const IoRequest& request, int fd, off_t offset, int iov_count) {
  const int64_t written = Blocking([&] { return pwritev2(fd, request.iov, iov_count, offset, 0); });
  if (written <= 0) return written;
  // A short write is reported as such, without a sync: the caller takes it for a failure anyway.
  int64_t bytes = 0;
  for (int i = 0; i < iov_count; ++i) bytes += static_cast<int64_t>(request.iov[i].iov_len);
  if (written < bytes) return written;
  const int64_t synced = Blocking([&] { return fdatasync(fd); });
  return synced < 0 ? synced : written;
}

int64_t Execute(const IoRequest& request, DurableMethod durable) {
  const int fd = FdOf(request);
  const auto offset = static_cast<off_t>(request.offset);
  const int iov_count = static_cast<int>(request.iov_count);
  switch (request.op) {
    case IoOp::kRead:
      return Blocking([&] { return preadv(fd, request.iov, iov_count, offset); });
    case IoOp::kWrite:
      return Blocking([&] { return pwritev(fd, request.iov, iov_count, offset); });
    case IoOp::kWriteDataSync:
      if (durable == DurableMethod::kWriteThenSync) {
        return WriteThenSync(request, fd, offset, iov_count);
      }
      return Blocking([&] { return pwritev2(fd, request.iov, iov_count, offset, RWF_DSYNC); });
    case IoOp::kSync:
      return Blocking([&] { return fdatasync(fd); });
  }
  return -EINVAL;
}

class ThreadsQueue final : public IoQueue {
 public:
  ThreadsQueue(const IoQueueOptions& options, std::shared_ptr<const DurableChoice> durable)
      : depth_(options.depth), durable_(std::move(durable)), results_(options.depth) {
    free_.reserve(depth_);
    for (uint32_t i = depth_; i-- > 0;) free_.push_back(i);
    pending_.reserve(depth_);
    done_.reserve(depth_);
    batch_.reserve(depth_);
  }
  ~ThreadsQueue() override;

  // 0 or -errno.
  int Start(uint32_t threads);

  void Submit(IoRequest* request) override;
  void Flush() override;
  unsigned Poll() override;
  unsigned Wait(uint32_t timeout_ms) override;
  int EventFd() const override { return event_fd_; }
  uint32_t in_flight() const override { return in_flight_; }
  const char* name() const override { return "threads"; }

 private:
  struct Work {
    IoRequest* request = nullptr;
    int64_t result = 0;
  };

  void Run();

  const uint32_t depth_;
  const std::shared_ptr<const DurableChoice> durable_;
  int event_fd_ = -1;
  Threads workers_;

  // The owner's thread only.
  IoRequest* staged_head_ = nullptr;
  IoRequest* staged_tail_ = nullptr;
  std::vector<uint32_t> free_;
  std::vector<uint32_t> batch_;
  uint32_t in_flight_ = 0;
  bool polling_ = false;

  // An entry belongs to the owner while its index is in free_ or batch_, to a worker while in none,
  // else to the mutex.
  std::vector<Work> results_;

  std::atomic<bool> any_done_{false};  // a hint that spares an idle Poll the mutex

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<uint32_t> pending_;  // guarded by mutex_, a ring: [pending_next_, size)
  size_t pending_next_ = 0;        // guarded by mutex_
  std::vector<uint32_t> done_;     // guarded by mutex_; eventfd readable exactly while not empty
  bool stopping_ = false;          // guarded by mutex_
};

int ThreadsQueue::Start(uint32_t threads) {
  event_fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (event_fd_ < 0) return -errno;
  // Signals belong to the main thread.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  while (workers_.count() < threads && workers_.Start([this] { Run(); })) {  // fewer will do
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return workers_.count() != 0 ? 0 : -EAGAIN;
}

ThreadsQueue::~ThreadsQueue() {
  CAIRN_CHECK(in_flight_ == 0);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  workers_.Join();
  if (event_fd_ >= 0) close(event_fd_);
}

void ThreadsQueue::Submit(IoRequest* request) {
  CAIRN_CHECK(request->done != nullptr && request->file != nullptr);
  CAIRN_CHECK(request->op == IoOp::kSync ||
              (request->iov_count > 0 && request->iov_count <= kIoVecMax));
  ++in_flight_;
  request->next = nullptr;
  (staged_tail_ != nullptr ? staged_tail_->next : staged_head_) = request;
  staged_tail_ = request;
}

void ThreadsQueue::Flush() {
  if (staged_head_ == nullptr || free_.empty()) return;
  size_t added = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (pending_next_ == pending_.size()) {
      pending_.clear();
      pending_next_ = 0;
    } else if (pending_.size() + free_.size() > pending_.capacity()) {
      pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(pending_next_));
      pending_next_ = 0;
    }
    for (; staged_head_ != nullptr && !free_.empty(); ++added) {
      IoRequest* const request = staged_head_;
      staged_head_ = request->next;
      request->next = nullptr;
      const uint32_t index = free_.back();
      free_.pop_back();
      results_[index].request = request;
      pending_.push_back(index);
    }
  }
  if (staged_head_ == nullptr) staged_tail_ = nullptr;
  if (added >= workers_.count()) {
    wake_.notify_all();
  } else {
    for (size_t i = 0; i < added; ++i) wake_.notify_one();
  }
}

void ThreadsQueue::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || pending_next_ < pending_.size(); });
    if (pending_next_ == pending_.size()) return;  // stopping
    const uint32_t index = pending_[pending_next_++];
    lock.unlock();
    Work& work = results_[index];
    work.result = Execute(*work.request, durable_->load(std::memory_order_relaxed));
    lock.lock();
    done_.push_back(index);
    if (done_.size() == 1) {
      any_done_.store(true, std::memory_order_release);
      const uint64_t one = 1;
      (void)!write(event_fd_, &one, sizeof(one));
    }
  }
}

unsigned ThreadsQueue::Poll() {
  CAIRN_CHECK(!polling_);
  // A worker that is about to set this signals the eventfd after it, so a sleeper still wakes.
  if (!any_done_.load(std::memory_order_acquire)) return 0;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (done_.empty()) return 0;
    batch_.swap(done_);
    any_done_.store(false, std::memory_order_relaxed);
    uint64_t count;
    (void)!read(event_fd_, &count, sizeof(count));
  }
  polling_ = true;
  for (const uint32_t index : batch_) {
    const Work work = results_[index];
    results_[index].request = nullptr;
    free_.push_back(index);
    --in_flight_;
    CompleteRequest(work.request, work.result);
  }
  polling_ = false;
  const unsigned callbacks = static_cast<unsigned>(batch_.size());
  batch_.clear();
  Flush();  // what had to wait for room
  return callbacks;
}

unsigned ThreadsQueue::Wait(uint32_t timeout_ms) {
  Flush();
  unsigned callbacks = Poll();
  const uint64_t deadline = MonotonicMillis() + timeout_ms;
  while (callbacks == 0 && in_flight_ > 0) {
    const uint64_t now = MonotonicMillis();
    if (now >= deadline) break;
    pollfd waiter = {event_fd_, POLLIN, 0};
    (void)::poll(&waiter, 1, static_cast<int>(deadline - now));
    callbacks = Poll();
  }
  return callbacks;
}

}  // namespace

Result<std::unique_ptr<IoQueue>> NewThreadsQueue(const IoQueueOptions& options,
                                                 std::shared_ptr<const DurableChoice> durable) {
  auto queue = std::make_unique<ThreadsQueue>(options, std::move(durable));
  const int error = queue->Start(options.threads);
  if (error != 0) return ErrnoStatus("thread pool", "start", -error);
  return std::unique_ptr<IoQueue>(std::move(queue));
}

}  // namespace cairn
