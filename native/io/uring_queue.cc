// IoQueue on io_uring: one ring per thread.
//
// A request takes one slot, and one ring entry; under DurableMethod::kWriteThenSync a
// kWriteDataSync takes two, linked:
//
//     write [IOSQE_IO_LINK] -> fdatasync      user_data = slot index * 2 + (1 for the fdatasync)
//
// A failed or short write breaks the link: the kernel then completes the fdatasync with -ECANCELED,
// and the request's result is the write's.
//
// A full ring is a state. The ring has two entries per slot, but who took an entry says so in his
// own time: with SQPOLL a completion may free its slot before the kernel's thread has published
// that it took what led there. What finds no entry waits, in order, like what finds no slot, and is
// placed by the next Flush or Poll; those who call Poll only when the eventfd says so are woken for
// it. Completions beyond their ring (twice as large) the kernel keeps, refusing to submit more with
// EBUSY on older ones, until Poll has collected them. EAGAIN, EINTR and ENOMEM leave the entries in
// the ring for the next Poll.
//
//     Submit -> [waiting] -> slot and entry -> io_uring_submit -> completion -> done
//                   ^             |  ^                                |
//               no slot,          |  +------ [again], first in line --+  EINTR, EAGAIN
//               no entry      (ring full: stays)
//
// Waking a sleeper: with IORING_SETUP_DEFER_TASKRUN completions wait in the kernel until this
// thread asks for them, and the ring's own descriptor does not wake a poll(2) or epoll_wait(2) that
// is already asleep (seen on Linux 6.18). A registered eventfd does: it is signalled when deferred
// work arrives, and again when the work turns into completions. The second signal comes while we
// are collecting, so it is switched off around that call (IORING_CQ_EVENTFD_DISABLED). In the other
// modes the kernel completes at any moment, and the eventfd stays on.
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <deque>
#include <span>

#include "base/clock.h"
#include "io/posix_file.h"

namespace cairn {
namespace {

inline constexpr unsigned kReapBatch = 64;
inline constexpr uint32_t kSqThreadIdleMs = 20;
inline constexpr uint32_t kSelfTestMs = 2000;
inline constexpr uint32_t kRetriesMax = 16;   // of one request that came back with EINTR or EAGAIN
inline constexpr uint32_t kIdlePollsMax = 8;  // polls without result, then drain the eventfd
inline constexpr uint32_t kSubmitRoundsMax = 64;
inline constexpr uint32_t kCollectRoundsMax = 4;
inline constexpr uint64_t kSelfTestTag = ~uint64_t{0} - 16;
inline constexpr uint32_t kNoSlot = ~uint32_t{0};

// Orders the end of one ring before the use of the next, which the kernel may map at the same
// address. The kernel does that anyway; this tells the thread sanitizer, which does not see
// liburing's system calls. So the count goes up before a ring is unmapped, and is read after a ring
// was mapped: whoever is given the address sees what was written before it was given back.
std::atomic<uint64_t> g_rings_ended{0};

int64_t BytesOf(const IoRequest& request) {
  int64_t bytes = 0;
  for (uint32_t i = 0; i < request.iov_count; ++i) {
    bytes += static_cast<int64_t>(request.iov[i].iov_len);
  }
  return bytes;
}

class UringQueue final : public IoQueue {
 public:
  UringQueue(const IoQueueOptions& options, std::shared_ptr<const DurableChoice> durable,
             uint32_t entries)
      : depth_(options.depth),
        entries_(entries != 0 ? entries : 2 * options.depth),
        sqpoll_(options.sqpoll),
        durable_(std::move(durable)) {}
  ~UringQueue() override;

  // 0 or -errno.
  int Start(uint32_t modes_skipped);

  void Submit(IoRequest* request) override;
  void Flush() override;
  unsigned Poll() override;
  unsigned Wait(uint32_t timeout_ms) override;
  int EventFd() const override { return event_fd_; }
  uint32_t in_flight() const override { return in_flight_; }
  const char* name() const override { return "io_uring"; }

 private:
  struct Slot {
    IoRequest* request = nullptr;
    int64_t result = 0;       // of the transfer, or of a lone kSync
    int64_t sync_result = 0;  // of the linked fdatasync
    uint32_t next_free = kNoSlot;
    uint8_t parts_left = 0;  // completions to come
    uint8_t retries = 0;
  };

  int InitRing(unsigned flags);
  int SelfTest();
  void Prepare(uint32_t index);
  io_uring_sqe* PrepareTransfer(const IoRequest& request, bool write);
  void Collect();
  unsigned Reap();
  bool Complete(uint64_t tag, int64_t result);
  void WaitInLine(IoRequest* request);
  void Place(IoRequest* request);
  // For any request: no link can be torn in two.
  bool RoomInRing() const { return io_uring_sq_space_left(&ring_) >= 2; }
  void Refill();
  bool SubmitEntries();
  // Something has a slot, or could have one, and waits for room in the ring.
  bool AwaitsEntry() const {
    return !again_.empty() || (waiting_head_ != nullptr && free_slot_ != kNoSlot);
  }
  // No completion is to come that would lead to the next Poll.
  bool Starved() const { return AwaitsEntry() && in_ring_ == 0; }
  void DrainEventFd();
  void SignalEventFd();
  bool WorkPending() const {
    const unsigned flags = IO_URING_READ_ONCE(*ring_.sq.kflags);
    return (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
  }

  bool Overflowed() const {
    return (IO_URING_READ_ONCE(*ring_.sq.kflags) & IORING_SQ_CQ_OVERFLOW) != 0;
  }

  const uint32_t depth_;
  const uint32_t entries_;
  const bool sqpoll_;
  const std::shared_ptr<const DurableChoice> durable_;
  io_uring ring_ = {};
  bool ring_ready_ = false;
  bool defer_ = false;      // IORING_SETUP_DEFER_TASKRUN
  bool unflushed_ = false;  // entries prepared since the last complete Flush
  bool flush_due_ = false;  // some of them the caller has flushed already: Poll must do it
  bool polling_ = false;
  std::atomic<uint32_t> barrier_{0};  // a locked operation, the full barrier TSan understands
  int event_fd_ = -1;
  uint32_t in_flight_ = 0;
  uint32_t in_ring_ = 0;  // of them: with entries in the ring, or with the kernel
  uint32_t idle_polls_ = 0;
  std::vector<Slot> slots_;
  uint32_t free_slot_ = kNoSlot;
  IoRequest* waiting_head_ = nullptr;  // for a slot, or for an entry, in order
  IoRequest* waiting_tail_ = nullptr;
  std::deque<uint32_t> again_;  // slots that are to be tried once more, at most depth_
};

int UringQueue::InitRing(unsigned flags) {
  io_uring_params params;
  memset(&params, 0, sizeof(params));
  params.flags = flags;
  params.sq_thread_idle = kSqThreadIdleMs;
  ring_ = {};
  const int error = io_uring_queue_init_params(entries_, &ring_, &params);
  (void)g_rings_ended.load(std::memory_order_acquire);
  return error;
}

// The best ring the kernel has: 6.1, 5.19, anything; with SQPOLL 6.0, anything.
constexpr unsigned kPlainModes[] = {
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
        IORING_SETUP_SUBMIT_ALL,
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL, 0};
constexpr unsigned kPolledModes[] = {
    IORING_SETUP_SQPOLL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_SUBMIT_ALL,
    IORING_SETUP_SQPOLL};

int UringQueue::Start(uint32_t modes_skipped) {
  const std::span<const unsigned> modes =
      sqpoll_ ? std::span<const unsigned>(kPolledModes) : std::span<const unsigned>(kPlainModes);
  int error = -EINVAL;
  for (size_t i = modes_skipped; i < modes.size() && error == -EINVAL; ++i) {
    error = InitRing(modes[i]);
  }
  if (error != 0) return error;
  defer_ = (ring_.flags & IORING_SETUP_DEFER_TASKRUN) != 0;
  ring_ready_ = true;
  event_fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (event_fd_ < 0) return -errno;
  error = io_uring_register_eventfd(&ring_, event_fd_);
  if (error != 0) return error;
  error = SelfTest();
  if (error != 0) return error;
  slots_.resize(depth_);
  for (uint32_t i = depth_; i-- > 0;) {
    slots_[i].next_free = free_slot_;
    free_slot_ = i;
  }
  return 0;
}

// A sandbox may let io_uring_setup pass and refuse io_uring_enter, and a sleeper that is never
// woken is a server that hangs: so one timer of a microsecond goes the whole way, through the
// eventfd.
int UringQueue::SelfTest() {
  __kernel_timespec delay = {0, 1000};
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  io_uring_prep_timeout(sqe, &delay, 0, 0);
  io_uring_sqe_set_data64(sqe, kSelfTestTag);
  const int submitted = io_uring_submit(&ring_);
  if (submitted < 0) return submitted;
  const uint64_t deadline = MonotonicMillis() + kSelfTestMs;
  int ready = 0;
  for (uint64_t now = MonotonicMillis(); ready <= 0 && now < deadline; now = MonotonicMillis()) {
    pollfd waiter = {event_fd_, POLLIN, 0};
    ready = poll(&waiter, 1, static_cast<int>(deadline - now));
    if (ready < 0 && errno != EINTR) return -errno;
  }
  if (ready <= 0) return -ETIME;
  io_uring_cqe* cqe = nullptr;
  const int error = io_uring_wait_cqe(&ring_, &cqe);
  if (error != 0) return error;
  io_uring_cqe_seen(&ring_, cqe);
  DrainEventFd();
  return 0;
}

UringQueue::~UringQueue() {
  CAIRN_CHECK(in_flight_ == 0);
  g_rings_ended.fetch_add(1, std::memory_order_release);
  if (ring_ready_) io_uring_queue_exit(&ring_);
  if (event_fd_ >= 0) close(event_fd_);
}

void UringQueue::Submit(IoRequest* request) {
  CAIRN_CHECK(request->done != nullptr && request->file != nullptr);
  CAIRN_CHECK(request->op == IoOp::kSync ||
              (request->iov_count > 0 && request->iov_count <= kIoVecMax));
  ++in_flight_;
  request->next = nullptr;
  if (waiting_tail_ != nullptr || free_slot_ == kNoSlot || !again_.empty() || !RoomInRing()) {
    WaitInLine(request);
  } else {
    Place(request);
  }
}

void UringQueue::WaitInLine(IoRequest* request) {
  if (waiting_tail_ != nullptr) {
    waiting_tail_->next = request;
  } else {
    waiting_head_ = request;
  }
  waiting_tail_ = request;
}

void UringQueue::Place(IoRequest* request) {
  const uint32_t index = free_slot_;
  free_slot_ = slots_[index].next_free;
  slots_[index].request = request;
  slots_[index].retries = 0;
  Prepare(index);
}

io_uring_sqe* UringQueue::PrepareTransfer(const IoRequest& request, bool write) {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  CAIRN_CHECK(sqe != nullptr);  // RoomInRing has seen it
  const int fd = FdOf(request);
  if (request.iov_count == 1) {  // cheaper than a vector of one
    const iovec& v = request.iov[0];
    const auto bytes = static_cast<unsigned>(v.iov_len);
    if (write) {
      io_uring_prep_write(sqe, fd, v.iov_base, bytes, request.offset);
    } else {
      io_uring_prep_read(sqe, fd, v.iov_base, bytes, request.offset);
    }
  } else if (write) {
    io_uring_prep_writev(sqe, fd, request.iov, request.iov_count, request.offset);
  } else {
    io_uring_prep_readv(sqe, fd, request.iov, request.iov_count, request.offset);
  }
  return sqe;
}

void UringQueue::Prepare(uint32_t index) {
  Slot& slot = slots_[index];
  const IoRequest& request = *slot.request;
  const uint64_t tag = uint64_t{index} * 2;
  slot.parts_left = 1;
  slot.result = 0;
  slot.sync_result = 0;
  ++in_ring_;
  unflushed_ = true;
  if (request.op == IoOp::kSync) {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    CAIRN_CHECK(sqe != nullptr);
    io_uring_prep_fsync(sqe, FdOf(request), IORING_FSYNC_DATASYNC);
    io_uring_sqe_set_data64(sqe, tag);
    return;
  }
  io_uring_sqe* sqe = PrepareTransfer(request, request.op != IoOp::kRead);
  io_uring_sqe_set_data64(sqe, tag);
  if (request.op != IoOp::kWriteDataSync) return;
  if (durable_->load(std::memory_order_relaxed) == DurableMethod::kDataSyncWrite) {
    sqe->rw_flags = RWF_DSYNC;
    return;
  }
  sqe->flags |= IOSQE_IO_LINK;
  io_uring_sqe* sync = io_uring_get_sqe(&ring_);
  CAIRN_CHECK(sync != nullptr);
  io_uring_prep_fsync(sync, FdOf(request), IORING_FSYNC_DATASYNC);
  io_uring_sqe_set_data64(sync, tag + 1);
  slot.parts_left = 2;
}

void UringQueue::Flush() {
  flush_due_ = false;
  // A small ring may take what waits in several goes.
  for (uint32_t round = 0; round < kSubmitRoundsMax; ++round) {
    if (CAIRN_UNLIKELY(AwaitsEntry())) Refill();
    if (!unflushed_ || !SubmitEntries() || CAIRN_LIKELY(!AwaitsEntry())) break;
  }
  if (CAIRN_LIKELY(!unflushed_ && !AwaitsEntry())) return;
  flush_due_ = true;
  if (Starved()) SignalEventFd();
}

// False: some entries are still there, for the next Poll.
bool UringQueue::SubmitEntries() {
  for (uint32_t round = 0; round < kSubmitRoundsMax; ++round) {
    const int submitted = io_uring_submit(&ring_);
    if (submitted < 0) {
      // Out of memory for the moment, or completions must be collected first. Anything else is a
      // ring we have broken ourselves.
      CAIRN_CHECK(submitted == -EAGAIN || submitted == -EBUSY || submitted == -EINTR ||
                  submitted == -ENOMEM);
      if (submitted != -EINTR) return false;
      continue;
    }
    if (io_uring_sq_ready(&ring_) == 0 || sqpoll_) {
      unflushed_ = false;
      return true;
    }
  }
  return false;
}

void UringQueue::DrainEventFd() {
  uint64_t count;
  (void)!read(event_fd_, &count, sizeof(count));
}

void UringQueue::SignalEventFd() {
  const uint64_t one = 1;
  (void)!write(event_fd_, &one, sizeof(one));
}

// Lets the kernel turn deferred work into completions, and clears the eventfd without losing a
// signal.
void UringQueue::Collect() {
  if (!defer_) {
    if (WorkPending()) (void)io_uring_get_events(&ring_);
    DrainEventFd();  // before Reap looks: what completes after that look signals again
    return;
  }
  DrainEventFd();
  // Work that arrives while the eventfd is off has raised the TASKRUN flag before it looked at the
  // eventfd; so look at the flag after switching it on again.
  for (uint32_t round = 0; WorkPending() && round < kCollectRoundsMax; ++round) {
    io_uring_cq_eventfd_toggle(&ring_, false);
    (void)io_uring_get_events(&ring_);
    io_uring_cq_eventfd_toggle(&ring_, true);
    barrier_.fetch_add(1);
  }
  if (WorkPending()) SignalEventFd();
}

unsigned UringQueue::Reap() {
  unsigned callbacks = 0;
  struct {
    uint64_t tag;
    int64_t result;
  } batch[kReapBatch];
  // As many as were there on entry, at most: callbacks that submit must not keep us here for ever.
  unsigned left = io_uring_cq_ready(&ring_);
  while (left > 0) {
    const unsigned count = std::min(left, kReapBatch);
    unsigned head = 0;
    unsigned n = 0;
    io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(&ring_, head, cqe) {
      if (n == count) break;
      batch[n].tag = cqe->user_data;
      batch[n].result = cqe->res;
      ++n;
    }
    if (n == 0) break;
    io_uring_cq_advance(&ring_, n);
    for (unsigned i = 0; i < n; ++i) {
      if (Complete(batch[i].tag, batch[i].result)) ++callbacks;
    }
    left -= n;
  }
  return callbacks;
}

bool UringQueue::Complete(uint64_t tag, int64_t result) {
  const uint64_t index = tag / 2;
  CAIRN_CHECK(index < depth_);
  Slot& slot = slots_[index];
  CAIRN_CHECK(slot.request != nullptr && slot.parts_left > 0);
  ((tag & 1) == 0 ? slot.result : slot.sync_result) = result;
  if (--slot.parts_left > 0) return false;
  --in_ring_;
  // The write has said why it failed or stopped short; else the sync decides. A cancelled sync
  // after a whole write, which should not be, counts as failed.
  if (slot.sync_result < 0 && slot.result >= 0 &&
      (slot.sync_result != -ECANCELED || slot.result == BytesOf(*slot.request))) {
    slot.result = slot.sync_result;
  }
  if ((slot.result == -EINTR || slot.result == -EAGAIN) && slot.retries < kRetriesMax) {
    ++slot.retries;
    again_.push_back(static_cast<uint32_t>(index));
    return false;
  }
  IoRequest* const request = slot.request;
  const int64_t final_result = slot.result;
  slot.request = nullptr;
  slot.next_free = free_slot_;
  free_slot_ = static_cast<uint32_t>(index);
  --in_flight_;
  CompleteRequest(request, final_result);
  return true;
}

// Gives slots and entries to what waits for them, as far as there are any.
void UringQueue::Refill() {
  while (!again_.empty() && RoomInRing()) {
    Prepare(again_.front());
    again_.pop_front();
  }
  while (again_.empty() && waiting_head_ != nullptr && free_slot_ != kNoSlot && RoomInRing()) {
    IoRequest* const request = waiting_head_;
    waiting_head_ = request->next;
    if (waiting_head_ == nullptr) waiting_tail_ = nullptr;
    request->next = nullptr;
    Place(request);
  }
}

unsigned UringQueue::Poll() {
  CAIRN_CHECK(!polling_);
  if (CAIRN_UNLIKELY(flush_due_)) Flush();
  if (io_uring_cq_ready(&ring_) == 0 && !WorkPending()) {
    // A signal can arrive late, after its completion was collected: without this a level-triggered
    // sleeper would spin.
    if (++idle_polls_ >= kIdlePollsMax) {
      idle_polls_ = 0;
      DrainEventFd();
      // A completion that came in between has just lost its signal.
      if (io_uring_cq_ready(&ring_) != 0 || WorkPending() || Starved()) SignalEventFd();
    }
    return 0;
  }
  idle_polls_ = 0;
  polling_ = true;
  Collect();
  const unsigned callbacks = Reap();
  polling_ = false;
  if (flush_due_ || AwaitsEntry()) Flush();
  if (CAIRN_UNLIKELY(Overflowed())) SignalEventFd();  // Reap has made room for the next ones
  return callbacks;
}

unsigned UringQueue::Wait(uint32_t timeout_ms) {
  Flush();
  unsigned callbacks = Poll();
  const uint64_t deadline = MonotonicMillis() + timeout_ms;
  while (callbacks == 0 && in_flight_ > 0) {
    Flush();
    const uint64_t now = MonotonicMillis();
    if (now >= deadline) break;
    // Perhaps nothing that could end the wait is with the kernel yet.
    const uint64_t left = flush_due_ ? std::min<uint64_t>(deadline - now, 1) : deadline - now;
    __kernel_timespec timeout = {static_cast<int64_t>(left / 1000),
                                 static_cast<long long>(left % 1000) * 1000000};
    io_uring_cqe* cqe = nullptr;
    if ((ring_.features & IORING_FEAT_EXT_ARG) != 0) {
      (void)io_uring_wait_cqe_timeout(&ring_, &cqe, &timeout);
    } else {
      pollfd waiter = {event_fd_, POLLIN, 0};
      (void)poll(&waiter, 1, static_cast<int>(left));
    }
    callbacks = Poll();
  }
  return callbacks;
}

}  // namespace

std::string UringRefusalHint(int error) {
  if (error == EPERM || error == EACCES) {
    int setting = 0;
    std::unique_ptr<FILE, int (*)(FILE*)> file(
        std::fopen("/proc/sys/kernel/io_uring_disabled", "re"), std::fclose);
    if (file != nullptr && std::fscanf(file.get(), "%d", &setting) == 1 && setting != 0) {
      return "kernel.io_uring_disabled is " + std::to_string(setting);
    }
    return "a seccomp profile or security module forbids it";
  }
  if (error == ENOSYS) return "the kernel has none, or a seccomp profile hides it";
  if (error == ENOMEM) return "raise the memlock limit (ulimit -l)";
  return "";
}

Result<std::unique_ptr<IoQueue>> NewUringQueue(const IoQueueOptions& options,
                                               std::shared_ptr<const DurableChoice> durable,
                                               uint32_t modes_skipped, uint32_t entries) {
  auto queue = std::make_unique<UringQueue>(options, std::move(durable), entries);
  const int error = queue->Start(modes_skipped);
  if (error == 0) return std::unique_ptr<IoQueue>(std::move(queue));
  char buffer[128];
  std::string message = "io_uring refused (";
  message.append(strerror_r(-error, buffer, sizeof(buffer))).append(")");
  return Status(Code::kIoError, std::move(message), -error);
}

}  // namespace cairn
