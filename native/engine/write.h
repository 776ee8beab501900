// What is written: the ops of one atomic unit.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/read.h"

namespace cairn {

enum class WriteKind : uint8_t {
  kPut,
  kDelete,  // of a key that exists
  // Sets (0: removes) the expiry of a key that exists; the value stays where it is. Only for
  // engines that can (Engine::KeepsExpiryApart); for others it is a kPut.
  kExpire,
  kFlush,  // every key of `ns`, or of all namespaces when ns == kAllNamespaces; needs all latches
  kSwap,   // exchanges namespaces ns and other_ns; needs all latches
};
inline constexpr uint16_t kAllNamespaces = 0xffff;

struct WriteOp {
  WriteKind kind = WriteKind::kPut;
  ValueType type = ValueType::kString;
  uint16_t ns = 0;
  uint16_t shard = 0;
  uint16_t other_ns = 0;
  uint64_t expire_at_ms = 0;
  std::string_view key;
  std::string_view value;
  // What was there, as the unit's earlier ops have left it: for engines that ask for it
  // (Engine::WantsBefore), of each kPut, kDelete and kExpire.
  enum class Before : uint8_t { kNotAsked, kMissing, kFound };
  Before before = Before::kNotAsked;
  uint64_t before_expire_at_ms = 0;  // kFound: its expiry; 0: never
  // False: nobody waits for it. It reaches the disk with the next commit, which it does not start;
  // that is at the next Tick at the latest. Only for units of one op.
  bool awaited = true;
  // The bytes of the value stay where and as they are until the unit is applied, also between two
  // passes that write it.
  bool steady = false;
};

// The bytes of a unit that is about to be applied, copied and checksummed ahead, in pieces, without
// any latch: so that applying hundreds of megabytes takes no longer than a few bytes. One thread.
class PreparedUnit {
 public:
  virtual ~PreparedUnit() = default;
  // Works off at most about `bytes` bytes of values. True: all is done.
  virtual bool Step(uint64_t bytes) = 0;
};

}  // namespace cairn
