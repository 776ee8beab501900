// Latch: a spin lock for critical sections well under a microsecond that never wait for I/O. After
// a bounded spin the waiter sleeps for a moment, so that a preempted holder can run. It does not
// yield: recent kernels take the rest of the time slice for that, and a reactor's is long. Not
// recursive. Sized to share a cache line with what it guards.
//
// Built with a sanitizer it also knows who holds it: CAIRN_ASSERT_LATCHED(latch) stops a thread
// that touches what the latch guards without holding it, whether or not anybody else is there at
// the moment, and a thread that waits for itself. Other builds pay nothing.
#pragma once

#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/check.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CAIRN_LATCH_KNOWS_HOLDER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CAIRN_LATCH_KNOWS_HOLDER 1
#endif

#ifdef CAIRN_LATCH_KNOWS_HOLDER
#define CAIRN_ASSERT_LATCHED(latch) CAIRN_CHECK((latch).HeldHere())
#else
#define CAIRN_ASSERT_LATCHED(latch) ((void)0)
#endif

namespace cairn {

class Latch {
 public:
  void Lock() {
    if (locked_.exchange(true, std::memory_order_acquire)) LockSlow();
    Taken();
  }
  bool TryLock() {
    const bool free = !locked_.exchange(true, std::memory_order_acquire);
    if (free) Taken();
    return free;
  }
  void Unlock() {
    Given();
    locked_.store(false, std::memory_order_release);
  }

#ifdef CAIRN_LATCH_KNOWS_HOLDER
  bool HeldHere() const { return holder_.load(std::memory_order_relaxed) == Self(); }
#endif

 private:
  static constexpr uint32_t kSpinsBeforeSleep = 512;
  static constexpr timespec kSleep = {0, 20'000};

  void LockSlow() {
    CheckNotOurs();
    for (uint32_t spins = 0;; ++spins) {
      if (!locked_.load(std::memory_order_relaxed) &&
          !locked_.exchange(true, std::memory_order_acquire)) {
        return;
      }
      if (spins % kSpinsBeforeSleep == kSpinsBeforeSleep - 1) {
        nanosleep(&kSleep, nullptr);
      } else {
        __builtin_ia32_pause();
      }
    }
  }

#ifdef CAIRN_LATCH_KNOWS_HOLDER
  // The system's name for the thread: the same in every shared object.
  static const void* Self() { return reinterpret_cast<const void*>(pthread_self()); }
  void Taken() { holder_.store(Self(), std::memory_order_relaxed); }
  void Given() {
    CAIRN_CHECK(HeldHere());
    holder_.store(nullptr, std::memory_order_relaxed);
  }
  void CheckNotOurs() const { CAIRN_CHECK(!HeldHere()); }
  std::atomic<const void*> holder_{nullptr};
#else
  void Taken() {}
  void Given() {}
  void CheckNotOurs() const {}
#endif

  std::atomic<bool> locked_{false};
};

class LatchGuard {
 public:
  explicit LatchGuard(Latch& latch) : latch_(latch) { latch_.Lock(); }
  ~LatchGuard() { latch_.Unlock(); }
  LatchGuard(const LatchGuard&) = delete;
  LatchGuard& operator=(const LatchGuard&) = delete;

 private:
  Latch& latch_;
};

// Several latches at once, as many as are free: for who only helps, and leaves out what somebody is
// at work with. Since it never waits, their order does not matter. At most kMost different ones.
template <size_t kMost>
class TriedLatches {
 public:
  TriedLatches() = default;
  ~TriedLatches() {
    for (size_t i = 0; i < count_; ++i) held_[i]->Unlock();
  }
  TriedLatches(const TriedLatches&) = delete;
  TriedLatches& operator=(const TriedLatches&) = delete;

  // Whether it is held now.
  bool Try(Latch* latch) {
    if (CAIRN_LIKELY(latch->TryLock())) {
      CAIRN_CHECK(count_ < kMost);
      held_[count_++] = latch;
      return true;
    }
    return std::find(held_, held_ + count_, latch) != held_ + count_;
  }

 private:
  Latch* held_[kMost];
  size_t count_ = 0;
};

// For who may hold the latch already.
class MaybeLatch {
 public:
  MaybeLatch(Latch& latch, bool take) : latch_(take ? &latch : nullptr) {
    if (latch_ != nullptr) latch_->Lock();
  }
  ~MaybeLatch() {
    if (latch_ != nullptr) latch_->Unlock();
  }
  MaybeLatch(const MaybeLatch&) = delete;
  MaybeLatch& operator=(const MaybeLatch&) = delete;

 private:
  Latch* latch_;
};

}  // namespace cairn
