// The machine behind SimDisk, its files and its queues: names, power, scripted and random faults.
// Part of SimDisk; every method except the constructor requires `mutex` to be held.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "io/sim_inode.h"

namespace cairn {

using SimInodePtr = std::shared_ptr<SimInode>;

class SimFile;

// A queue whose writes in flight take part in a power failure.
class SimInFlight {
 public:
  virtual ~SimInFlight() = default;
  virtual void ForEachWrite(void (*visit)(void* context, const IoRequest& request),
                            void* context) = 0;
};

class SimState {
 public:
  explicit SimState(const SimOptions& options)
      : options_(options), faults_(options.faults), random_(options.seed) {}

  std::mutex mutex;

  const SimOptions& options() const { return options_; }
  SimRandom& random() { return random_; }

  // --- Power. A handle works while the generation it was born in lasts.
  uint64_t generation() const { return generation_; }
  bool Alive(uint64_t generation) const { return powered_ && generation == generation_; }
  bool powered() const { return powered_; }
  void PowerOff();
  void PowerOn() { powered_ = true; }
  void Kill();
  void PowerOffAt(uint64_t operation) { power_off_at_ = operation; }

  // Counts an operation; false if the power fails here. Every later outcome is recorded with Trace.
  bool BeginOperation();
  bool FailsNext() const { return power_off_at_ != 0 && operations_ + 1 >= power_off_at_; }
  void Trace(uint64_t a, uint64_t b, int64_t result);
  uint64_t operations() const { return operations_; }
  uint64_t trace_hash() const { return trace_hash_; }

  // --- Faults.
  void SetFaults(const SimFaults& faults) { faults_ = faults; }
  void Inject(const SimScript& script) { scripts_.push_back(script); }
  void SetCapacity(uint64_t bytes) { options_.capacity = bytes; }
  void SetDevice(const IoAlignment& alignment, bool direct) {
    options_.alignment = alignment;
    options_.direct = direct;
  }

  // --- Operations on content; results as of IoRequest: bytes or -errno.
  int64_t Read(const std::string& path, const SimInode& inode, uint64_t offset, const iovec* iov,
               uint32_t iov_count);
  int64_t Write(const std::string& path, SimInode* inode, const IoRequest& request,
                bool may_be_short);
  int64_t Sync(const std::string& path, SimInode* inode, uint64_t sequence);
  int64_t Allocate(const std::string& path, SimInode* inode, uint64_t offset, uint64_t bytes);
  void Truncate(SimInode* inode, uint64_t bytes) { inode->Resize(bytes, ++sequence_); }
  uint64_t sequence() const { return sequence_; }  // of the last completed write

  // --- Names. Paths are normalised by the caller.
  SimInodePtr Find(const std::string& path) const;
  SimInodePtr Create(const std::string& path, bool durable);
  bool HasDir(const std::string& path) const;
  void MakeDir(const std::string& path) { dirs_.insert(path); }
  void Rename(const std::string& from, const std::string& to);
  void Remove(const std::string& path);
  void SyncDir(const std::string& dir);
  std::vector<std::string> List(const std::string& dir) const;
  // Replaces the content of `path` by a new durable file.
  void Replace(const std::string& path, std::string_view content);

  void Opened(const SimInodePtr& inode) {
    Open& open = opens_[inode->id()];
    open.inode = inode;
    ++open.count;
  }
  void Closed(const SimInode& inode);
  bool Lock(const std::string& path) { return locks_.emplace(path, generation_).second; }
  void Unlock(const std::string& path, uint64_t generation);

  void Register(SimInFlight* queue) { queues_.push_back(queue); }
  void Unregister(SimInFlight* queue) { std::erase(queues_, queue); }

  uint64_t UsedBytes() const;
  uint64_t UnsyncedSectors() const;

  // True if this operation is to fail; *error as in SimScript.
  bool Fails(SimOp op, const std::string& path, int* error);

 private:
  // Names set or (null) removed by one atomic directory operation.
  struct DirOp {
    std::vector<std::pair<std::string, SimInodePtr>> names;
  };
  struct Open {
    SimInodePtr inode;
    uint32_t count = 0;
  };

  std::map<uint64_t, SimInodePtr> AllInodes() const;
  void Apply(const DirOp& op);
  void ResolveNames();
  void StoreSubset(SimInode* inode, const IoRequest& request);

  SimOptions options_;
  SimFaults faults_;
  std::vector<SimScript> scripts_;
  SimRandom random_;

  bool powered_ = true;
  uint64_t generation_ = 1;
  uint64_t operations_ = 0;
  uint64_t power_off_at_ = 0;
  uint64_t sequence_ = 0;
  uint64_t trace_hash_ = 0x9e3779b97f4a7c15u;

  uint64_t next_inode_ = 1;
  std::map<std::string, SimInodePtr> names_;
  std::map<std::string, SimInodePtr> durable_names_;
  std::vector<DirOp> dir_ops_;  // oldest first, not yet durable
  std::set<std::string> dirs_;
  std::map<uint64_t, Open> opens_;
  std::map<std::string, uint64_t> locks_;
  std::vector<SimInFlight*> queues_;
};

std::string SimNormalize(const std::string& path);
std::string SimParent(const std::string& path);

class SimFile final : public File {
 public:
  SimFile(std::shared_ptr<SimState> state, std::string path, SimInodePtr inode, bool writable);
  ~SimFile() override;
  const std::string& path() const override { return path_; }
  IoAlignment alignment() const override { return alignment_; }
  bool direct() const override { return direct_; }
  Result<uint64_t> Size() override;
  Status Allocate(uint64_t offset, uint64_t bytes) override;
  Status Truncate(uint64_t bytes) override;
  Result<size_t> ReadAt(uint64_t offset, void* data, size_t bytes) override;
  Status WriteAt(uint64_t offset, const void* data, size_t bytes) override;
  Status Sync() override;

  SimInode* inode() const { return inode_.get(); }
  uint64_t generation() const { return generation_; }
  bool writable() const { return writable_; }

 private:
  const std::shared_ptr<SimState> state_;
  const std::string path_;
  const SimInodePtr inode_;
  const bool writable_;
  const IoAlignment alignment_;
  const bool direct_;
  uint64_t generation_ = 0;
};

std::unique_ptr<IoQueue> NewSimQueue(std::shared_ptr<SimState> state, uint32_t depth);

}  // namespace cairn
