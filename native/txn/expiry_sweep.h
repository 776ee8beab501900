// ExpirySweep: the removal of expired keys that nobody asks for, a few keys at a time. When it is
// time for that, and for how long, is up to the reactor.
//
// Used by one reactor's thread, between commands: it runs passes of its own in the reactor's Txn,
// which must be idle. What it finds it looks at again under the key's latch before it removes it.
// With a collection goes its space, which its value names: where that is not in memory it is read
// first, for a few keys at a time. Such reads end before the sweep goes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "txn/txn_control.h"

namespace cairn {

class ExpirySweep {
 public:
  enum class Swept : uint8_t { kAll, kMore, kRefused };  // none are left; some may be; not writable

  // Told of each key that is removed. Some who wait, wait for that as well (WaitTerms::when_gone).
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void Gone(uint16_t db, uint16_t shard, std::string_view key) = 0;  // still latched
    virtual void Unlatched() = 0;                                              // behind it
  };

  ExpirySweep(Engine* engine, Txn* txn, TxnControl* control, uint32_t reactor, Listener* listener)
      : engine_(engine), txn_(txn), control_(control), reactor_(reactor), listener_(listener) {}

  // Removes some of the expired keys of a database's shard: about as many as fit into the shortest
  // slice of a sweep. *removed: so many, those for which earlier calls had to read included. Leaves
  // the control ungated, see TxnControl::SetGated.
  Swept Shard(uint16_t db, uint16_t shard, uint64_t now_ms, uint32_t* removed);

 private:
  static constexpr size_t kKeysMax = 16;
  static constexpr size_t kKeyBytesMax = 16 * 1024;
  static constexpr size_t kVisitsMax = 64;
  static constexpr size_t kReadsMax = 16;  // at a time
  static constexpr int kPassesMax = 4;     // of one key: each finds at most one more latch

  struct Place {
    uint16_t db;
    uint16_t shard;
    std::string_view key;
  };
  // Of the value of an expired key.
  struct Reading final : FetchRequest {
    ExpirySweep* sweep = nullptr;
    uint16_t db = 0;
    uint16_t shard = 0;
    std::string key;
    uint64_t now_ms = 0;
    void Done(Status status) override { sweep->ReadDone(this, status); }
  };

  // False: not writable. `saved` has what was read for it, and its time.
  bool Remove(const Place& place, SavedTxn* saved, uint32_t* removed);
  void StartRead(const Place& place, const SavedTxn& saved);
  void ReadDone(Reading* reading, const Status& status);

  Engine* engine_;
  Txn* txn_;
  TxnControl* control_;
  uint32_t reactor_;
  Listener* listener_;
  std::vector<std::unique_ptr<Reading>> readings_;
  uint32_t removed_late_ = 0;  // not told yet
};

}  // namespace cairn
