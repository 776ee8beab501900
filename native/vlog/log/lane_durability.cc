// How far lanes are durable, one bound to the others by transactions, and what ends that.
#include <algorithm>

#include "base/check.h"
#include "vlog/log/lane.h"

namespace cairn::vlog {

// A part counts only when everything before it in its lane is settled: if an earlier transaction
// dies in a crash, the lane is cut there, and a part behind the cut dies with it, durable or not.
// Transactions lie in the same order in all lanes, so the first unsettled one never waits for a
// later one.
void Lane::AdvanceLocked(News* news) {
  CAIRN_ASSERT_LATCHED(latch_);
  while (!holds_.empty()) {
    Hold& hold = holds_.front();
    if (!hold.counted) {
      if (hold.end > synced_) break;
      hold.counted = true;
      if (hold.txn->parts_left.fetch_sub(1, std::memory_order_acq_rel) == 1)
        news->completed.push_back(hold.txn);
    }
    if (hold.txn->parts_left.load(std::memory_order_acquire) != 0) break;
    holds_.pop_front();
  }
  if (CAIRN_UNLIKELY(refuses_) && MayGoOnLocked()) {
    refuses_ = false;
    stopped_.store(false, std::memory_order_release);
    halted_from_ = UINT64_MAX;
    reason_.clear();
    room_came_ = room_came_ || room_awaited_;
    room_awaited_ = false;
    active_work_.store(true, std::memory_order_release);
  }
  const uint64_t position = holds_.empty() ? synced_ : std::min(synced_, holds_.front().start);
  if (position <= durable_.load(std::memory_order_relaxed)) return;
  durable_.store(position, std::memory_order_release);
  news->moved = true;
}

// With no latch held. What this lane's progress completed may set other lanes free, and so on.
void Lane::Tell(const News& news) {
  if (news.moved) shared_->listener->OnDurable(id_);
  std::vector<std::shared_ptr<LaneTxn>> completed = news.completed;
  while (!completed.empty()) {
    const std::shared_ptr<LaneTxn> txn = std::move(completed.back());
    completed.pop_back();
    for (uint32_t id : txn->lanes) {
      Lane* lane = (*shared_->lanes)[id].get();
      News more;
      {
        LatchGuard guard(lane->latch_);
        lane->AdvanceLocked(&more);
      }
      if (more.moved) shared_->listener->OnDurable(id);
      for (auto& next : more.completed) completed.push_back(std::move(next));
    }
  }
}

void Lane::Fail(const std::string& reason) { Halt(reason, true, nullptr); }

// A transaction whose part here is not durable holds its other lanes back, and so do all that come
// after it here, durable or not: they do not count before it does. `through`: the transaction by
// which another lane's halt came here.
bool Lane::Halt(const std::string& reason, bool for_good, const LaneTxn* through) {
  std::vector<std::shared_ptr<LaneTxn>> stuck;
  {
    LatchGuard guard(latch_);
    uint64_t from = synced_;
    if (through != nullptr) {
      const auto hold = std::find_if(holds_.begin(), holds_.end(),
                                     [&](const Hold& one) { return one.txn.get() == through; });
      if (hold == holds_.end()) return false;  // whole by now
      // Once it has failed for good, nothing behind what is synced is settled here any more, though
      // it lies before the transaction that the failure came by.
      from = for_good ? std::min(hold->start, synced_) : hold->start;
    } else if (!for_good && !stalled_) {
      return true;
    }
    const bool failed = failed_.load(std::memory_order_relaxed);
    if (stopped() && halted_from_ <= from && (failed || !for_good)) return true;
    halted_from_ = std::min(halted_from_, from);
    if (!failed) reason_ = reason;
    refuses_ = true;
    if (for_good) failed_.store(true, std::memory_order_release);
    stopped_.store(true, std::memory_order_release);
    for (const Hold& hold : holds_) {
      if (hold.end > halted_from_) stuck.push_back(hold.txn);
    }
  }
  shared_->listener->OnDurable(id_);
  const std::string cause = "it shares a transaction with lane " + std::to_string(id_) +
                            (for_good ? ", which failed: " : ", which has no room: ");
  // The first cause is told, not the chain of them. Transactions lie in the same order in all
  // lanes, so the first one that a lane shares stops it for the others, too.
  std::vector<bool> told(shared_->lanes->size());
  told[id_] = true;
  for (const auto& txn : stuck) {
    for (uint32_t lane : txn->lanes) {
      if (told[lane]) continue;
      told[lane] = (*shared_->lanes)[lane]->Halt(through == nullptr ? cause + reason : reason,
                                                 for_good, txn.get());
    }
  }
  return true;
}

// Nothing of what was staged when it stopped is held up any more.
bool Lane::MayGoOnLocked() const {
  if (failed_.load(std::memory_order_relaxed) || stalled_ || !holds_.empty()) return false;
  for (uint32_t age = 0; age < in_flight_count_; ++age) {
    if (InFlightLocked(age).was_stalled) return false;
  }
  return true;
}

}  // namespace cairn::vlog
