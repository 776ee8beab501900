// Gathered: an aggregate reply that a command puts together in slices. A command with kCmdWaves
// keeps it from one of its passes to the next (Txn::Progress); inside an EXEC it is made whole in
// one pass.
//
// What a pass has added stays also if that pass turns out to be pending: so only what is complete
// is added, and `next` goes along with it.
#pragma once

#include <cstdint>
#include <string_view>

#include "command/command.h"
#include "resp/reply.h"

namespace cairn {

struct Gathered {
  bool begun = false;
  uint64_t next = 0;      // where to go on
  uint64_t elements = 0;  // in body, as the reply counts them
  uint64_t visited = 0;
  OutBuffer body;  // framed
};

// The one that earlier passes have begun, or `local`.
inline Gathered* GatheredOf(Call& call, Gathered* local) {
  Gathered* const kept = call.txn.Progress<Gathered>();
  return kept != nullptr ? kept : local;
}

}  // namespace cairn
