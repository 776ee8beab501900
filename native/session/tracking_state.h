// What CLIENT TRACKING keeps of a connection that has it on. See session/tracking.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cairn {

// CLIENT CACHING: for the next command, or for the one that runs (an EXEC as a whole).
enum class Caching : uint8_t { kUnset, kNext, kNow };

struct TrackingState {
  bool bcast = false;
  bool optin = false;
  bool optout = false;
  bool noloop = false;
  bool broken = false;  // whom it redirects to has gone
  Caching caching = Caching::kUnset;
  uint64_t redirect = 0;  // id of a client; 0: none
  std::vector<std::string> prefixes;
};

}  // namespace cairn
