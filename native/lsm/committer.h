// The committer: takes what reactors have applied, in one order, and hands it to RocksDB, one batch
// after the other, from a thread of its own that may wait for the disk.
//
//   Apply (any reactor) -> open batch        TurnEnd kicks; a batch that is being written keeps the
//   mutex                                    next one open: what comes meanwhile goes together
//   thread: seal -> DB::Write: log, sync -> durable -> memtable -> written, the index forgets it
//
// Replies wait for durable, not for written: reads find the batch in the index until then.
//
// One open batch for all reactors, for keys that two of them write have one order only then. A
// stall of RocksDB holds the thread up and nobody else: what is open then grows to its bound, and
// who wants to add more is told to come again.
//
// Errors. On a full disk DB::Write waits (patient_file_system.h), which stops the stream. An error
// fails it for good: what RocksDB has of the batch is not known, until a recovery.
#pragma once

#include <rocksdb/db.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/latch.h"
#include "base/threads.h"
#include "engine/options.h"
#include "engine/ticket.h"
#include "lsm/gathering.h"
#include "lsm/pending.h"
#include "lsm/record_cache.h"

namespace cairn::lsm {

class Committer {
 public:
  // Applied and not in RocksDB yet: keys and values; and one more unit, however large.
  static constexpr uint64_t kStagedBytesMax = 32ull << 20;

  struct Parts {
    rocksdb::DB* db = nullptr;
    PendingIndex* index = nullptr;
    RecordCache* records = nullptr;
    DurabilityListener* listener = nullptr;
    std::function<Latch&(uint32_t shard)> latch;
    // Completes a batch that is being sealed. The mutex is held.
    std::function<void(Batch*)> seal;
    // After a batch (or null, of a sync alone) was written; what is durable by then. On the thread.
    std::function<void(const Batch* batch, uint64_t durable)> settled;
    FsyncPolicy fsync = FsyncPolicy::kAlways;
    uint64_t staged_bytes_max = kStagedBytesMax;
  };

  // `last`: number of the last batch of an earlier life, all of which is durable; tickets go on
  // from there.
  explicit Committer(uint64_t last = 0)
      : next_number_(last + 2), latest_(last), written_(last), durable_(last) {
    open_->number = last + 1;
  }
  ~Committer() { Stop(); }
  // False: the system refuses the thread.
  bool Start(Parts parts);
  // Writes and syncs what was applied, unless nothing can be written any more.
  void Stop();
  // Writes nothing more: as if the process had died.
  void Abandon();

  // --- with the mutex held ---
  std::mutex& mutex() { return mutex_; }
  Batch& open() { return *open_; }
  // False: try again after an OnDurable, there will be one.
  bool HasRoom() {
    if (staged_bytes_.load(std::memory_order_relaxed) < parts_.staged_bytes_max) return true;
    TellOfRoom();
    return false;
  }
  // After the next batch there is an OnDurable, even if that says nothing new.
  void TellOfRoom() { room_wanted_ = true; }
  // After something was added to the open batch. `awaited`: the next Kick is to send it off.
  void Added(uint64_t bytes, bool awaited);

  // --- from any thread ---
  // Starts to write what is open, if somebody waits for it or `all`.
  void Kick(bool all);
  void Sync();  // makes durable what was applied so far, whatever the policy
  void SetFsync(FsyncPolicy policy) { fsync_.store(policy, std::memory_order_relaxed); }
  uint64_t latest() const { return latest_.load(std::memory_order_acquire); }
  uint64_t written() const { return written_.load(std::memory_order_acquire); }
  uint64_t durable() const { return durable_.load(std::memory_order_acquire); }
  StreamState State(std::string* reason) const;
  // A full disk that was seen before a write met it; the reason goes when it has room again.
  void Refuse(bool refuse, const std::string& reason);
  // An InsertionHook. From any thread.
  static std::span<const std::string_view> Inserting();
  // The thread waits for room on the disk, or does so no more. On the thread.
  bool IsThisThread() const { return thread_id_.load() == std::this_thread::get_id(); }
  void SetWaiting(bool waits, std::string reason);
  // Waits until RocksDB has all that was applied so far. False: it does not get it for now.
  bool AwaitWritten();

  struct Figures {
    std::atomic<uint64_t> batches{0};
    std::atomic<uint64_t> syncs{0};
    std::atomic<uint64_t> bytes{0};
    std::atomic<uint64_t> nanos{0};  // in DB::Write
    std::atomic<uint64_t> errors{0};
  };
  const Figures& figures() const { return figures_; }
  uint64_t staged_bytes() const { return staged_bytes_.load(std::memory_order_relaxed); }

 private:
  enum class Outcome : uint8_t { kDone, kGivenUp };

  void Work();
  std::unique_ptr<Batch> Seal();
  Outcome Commit(Batch* batch, bool sync);
  void Reached(const Batch& batch);  // the log has it, synced; on the thread
  void Gather(std::unique_lock<std::mutex>* lock);
  void Retire(Batch* batch);
  void SetState(StreamState state, std::string reason);
  void Announce();

  Parts parts_;
  Threads thread_;
  std::atomic<std::thread::id> thread_id_{};
  std::atomic<bool> started_{false};  // parts_ is there
  mutable std::mutex mutex_;
  std::condition_variable work_;     // for the thread
  std::condition_variable settled_;  // who waits for the thread
  std::unique_ptr<Batch> open_ = std::make_unique<Batch>();
  std::unique_ptr<Batch> spare_;
  std::unique_ptr<Batch> given_up_;  // reads go on seeing it
  uint64_t next_number_;
  bool kicked_ = false;
  bool urgent_ = false;  // by who has no unit in it
  bool room_wanted_ = false;
  Gathering gathering_;
  uint64_t reached_ns_ = 0;       // when the log had the latest batch, if it was synced
  uint64_t gathered_wanted_ = 0;  // units; 0: the thread does not wait for more
  bool sync_wanted_ = false;
  bool stop_ = false;
  bool abandoned_ = false;
  std::atomic<bool> open_awaited_{false};  // somebody waits for it; for who has no mutex
  std::atomic<bool> open_any_{false};
  std::atomic<uint64_t> staged_bytes_{0};
  std::atomic<uint64_t> latest_;   // number of the newest batch with anything in it
  std::atomic<uint64_t> written_;  // RocksDB shows batches up to this one
  std::atomic<uint64_t> durable_;
  std::atomic<FsyncPolicy> fsync_{FsyncPolicy::kAlways};
  std::atomic<StreamState> state_{StreamState::kRunning};
  bool stopped_ = false;  // state and reasons, under state_mutex_
  bool failed_ = false;
  bool refusing_ = false;
  std::string reason_;
  std::string refusal_;
  mutable std::mutex state_mutex_;
  Figures figures_;
};

}  // namespace cairn::lsm
