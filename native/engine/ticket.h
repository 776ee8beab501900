// Ticket: how a caller knows whether what it did, or saw, is durable. An engine commits in one or
// more streams; in each, what was applied earlier is durable earlier. Opaque but for that: of two
// tickets of one stream the one with the greater position covers the other.
#pragma once

#include <cstdint>

namespace cairn {

struct Ticket {
  uint32_t stream = 0;
  uint64_t position = 0;  // 0: nothing to wait for
};

// How a commit stream is, from good to bad.
enum class StreamState : uint8_t {
  kRunning,
  // Takes no writes for now (a full disk), other than deletes; what it has taken goes on.
  kRefusing,
  // Nothing becomes durable any more, for now: what waits for tickets is answered with the reason,
  // which says that the write was taken and is written when there is room. What shows no single
  // key's state (counts, scans) does not wait for the stream then.
  kStopped,
  // As kStopped, until the engine is opened again: what was not durable is lost then.
  kFailed,
};

// Told on the thread that completed a commit, after a stream's tickets became durable or its state
// changed. Must be quick.
class DurabilityListener {
 public:
  virtual ~DurabilityListener() = default;
  virtual void OnDurable(uint32_t stream) = 0;
};

}  // namespace cairn
