// ExpirySweep: the removal of expired keys that nobody asks for, a few keys at a time. When it is
// time for that, and for how long, is up to the reactor.
//
// Used by one reactor's thread, between commands: it runs passes of its own in the reactor's Txn,
// which must be idle. What it finds it looks at again under the key's latch before it removes it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/engine.h"
#include "txn/txn_control.h"

namespace cairn {

class ExpirySweep {
 public:
  enum class Swept : uint8_t { kAll, kMore, kRefused };  // none are left; some may be; not writable

  ExpirySweep(Engine* engine, Txn* txn, TxnControl* control)
      : engine_(engine), txn_(txn), control_(control) {}

  // Removes some of the expired keys of a database's shard: about as many as fit into the shortest
  // slice of a sweep. *removed: so many. Leaves the control ungated, see TxnControl::SetGated.
  Swept Shard(uint16_t db, uint16_t shard, uint64_t now_ms, uint32_t* removed);

 private:
  static constexpr size_t kKeysMax = 16;
  static constexpr size_t kKeyBytesMax = 16 * 1024;
  static constexpr size_t kVisitsMax = 64;

  Engine* engine_;
  Txn* txn_;
  TxnControl* control_;
};

}  // namespace cairn
