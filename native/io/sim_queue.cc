// The queue of the simulated disk: time passes with Poll and Wait only.
#include <errno.h>

#include <algorithm>
#include <deque>

#include "io/sim_state.h"

namespace cairn {
namespace {

class SimQueue final : public IoQueue, public SimInFlight {
 public:
  SimQueue(std::shared_ptr<SimState> state, uint32_t depth)
      : state_(std::move(state)), depth_(depth), generation_(state_->generation()) {
    state_->Register(this);
  }
  ~SimQueue() override {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    CAIRN_CHECK(in_flight_ == 0 || !state_->Alive(generation_));
    state_->Unregister(this);
  }

  void Submit(IoRequest* request) override;
  void Flush() override;
  unsigned Poll() override;
  unsigned Wait(uint32_t timeout_ms) override;
  int EventFd() const override { return -1; }
  uint32_t in_flight() const override { return in_flight_; }
  const char* name() const override { return "simulated"; }
  void ForEachWrite(void (*visit)(void*, const IoRequest&), void* context) override;

 private:
  struct Item {
    IoRequest* request = nullptr;
    uint64_t due = 0;       // tick
    uint64_t sequence = 0;  // of a kSync: the writes it covers for certain
  };

  void Refill();
  std::vector<Item> TakeDue();
  bool CompleteOne(const Item& item);
  unsigned FailAll();
  int64_t Perform(const Item& item);

  const std::shared_ptr<SimState> state_;
  const uint32_t depth_;
  const uint64_t generation_;
  uint32_t in_flight_ = 0;
  uint64_t tick_ = 0;
  std::deque<IoRequest*> staged_;
  size_t flushed_ = 0;        // of staged_: handed over, but the device had no room
  std::vector<Item> active_;  // on the device
};

void SimQueue::Submit(IoRequest* request) {
  CAIRN_CHECK(request->done != nullptr && request->file != nullptr);
  CAIRN_CHECK(request->op == IoOp::kSync ||
              (request->iov_count > 0 && request->iov_count <= kIoVecMax));
  if (request->op != IoOp::kSync) {
    const IoAlignment alignment = request->file->alignment();
    CAIRN_CHECK(request->offset % alignment.offset == 0);
    for (uint32_t i = 0; i < request->iov_count; ++i) {
      CAIRN_CHECK(request->iov[i].iov_len % alignment.offset == 0);
      CAIRN_CHECK(reinterpret_cast<uintptr_t>(request->iov[i].iov_base) % alignment.memory == 0);
    }
  }
  ++in_flight_;
  staged_.push_back(request);
}

void SimQueue::Flush() {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  flushed_ = staged_.size();
  Refill();
}

void SimQueue::Refill() {
  if (!state_->Alive(generation_)) return;
  for (; flushed_ > 0 && active_.size() < depth_; --flushed_) {
    const uint64_t delay = 1 + state_->random().Below(state_->options().delay_max);
    active_.push_back(Item{staged_.front(), tick_ + delay, state_->sequence()});
    staged_.pop_front();
  }
}

// What completes now, in a shuffled order; it stays in flight until CompleteOne.
std::vector<SimQueue::Item> SimQueue::TakeDue() {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  std::vector<Item> due;
  if (!state_->Alive(generation_)) return due;
  ++tick_;
  for (const Item& item : active_) {
    if (item.due > tick_) continue;
    due.push_back(item);
    std::swap(due[state_->random().Below(due.size())], due.back());
  }
  return due;
}

// False if the power failed: the request was in flight at that moment.
bool SimQueue::CompleteOne(const Item& item) {
  int64_t result = 0;
  {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    if (!state_->Alive(generation_) || !state_->BeginOperation()) return false;
    result = Perform(item);
    state_->Trace(static_cast<uint64_t>(item.request->op), item.request->offset, result);
    std::erase_if(active_, [&](const Item& other) { return other.request == item.request; });
  }
  --in_flight_;
  CompleteRequest(item.request, result);
  return true;
}

int64_t SimQueue::Perform(const Item& item) {
  const IoRequest& request = *item.request;
  auto* const file = static_cast<SimFile*>(request.file);
  if (file->generation() != generation_) return -EIO;
  switch (request.op) {
    case IoOp::kRead:
      return state_->Read(file->path(), *file->inode(), request.offset, request.iov,
                          request.iov_count);
    case IoOp::kWrite:
    case IoOp::kWriteDataSync:
      if (!file->writable()) return -EBADF;
      return state_->Write(file->path(), file->inode(), request, true);
    case IoOp::kSync:
      // Writes that completed since the hand-over are covered or not, as it happens.
      return state_->Sync(file->path(), file->inode(),
                          state_->random().Coin() ? item.sequence : state_->sequence());
  }
  return -EINVAL;
}

unsigned SimQueue::FailAll() {
  std::vector<IoRequest*> requests;
  {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    if (state_->Alive(generation_)) return 0;
    for (const Item& item : active_) requests.push_back(item.request);
    requests.insert(requests.end(), staged_.begin(), staged_.end());
    active_.clear();
    staged_.clear();
    flushed_ = 0;
  }
  for (IoRequest* request : requests) {
    --in_flight_;
    CompleteRequest(request, -EIO);
  }
  return static_cast<unsigned>(requests.size());
}

unsigned SimQueue::Poll() {
  unsigned callbacks = 0;
  for (const Item& item : TakeDue()) {
    if (!CompleteOne(item)) break;
    ++callbacks;
  }
  callbacks += FailAll();
  const std::lock_guard<std::mutex> lock(state_->mutex);
  Refill();
  return callbacks;
}

// Simulated time is free: any positive timeout is long enough for the next completion.
unsigned SimQueue::Wait(uint32_t timeout_ms) {
  Flush();
  const uint32_t polls = timeout_ms == 0 ? 1 : state_->options().delay_max + 1;
  unsigned callbacks = 0;
  for (uint32_t i = 0; i < polls && callbacks == 0 && in_flight_ > 0; ++i) callbacks = Poll();
  return callbacks;
}

void SimQueue::ForEachWrite(void (*visit)(void*, const IoRequest&), void* context) {
  for (const Item& item : active_) {
    const IoOp op = item.request->op;
    if (op == IoOp::kWrite || op == IoOp::kWriteDataSync) visit(context, *item.request);
  }
}

}  // namespace

std::unique_ptr<IoQueue> NewSimQueue(std::shared_ptr<SimState> state, uint32_t depth) {
  return std::make_unique<SimQueue>(std::move(state), depth);
}

}  // namespace cairn
