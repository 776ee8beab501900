// CommandRunner: runs one command by itself: latches its keys, runs its handler in a pass, commits,
// books it, and puts its reply with the tickets it waits for in line.
//
// A pass that cannot be the last one goes to ParkedPasses, which comes back to RunAgain. A command
// whose writes find no room, or are so large that they are prepared first, leaves nothing behind:
// its connection stalls, and dispatches it again.
//
// One reactor's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "session/bookkeeper.h"
#include "session/look_ahead.h"
#include "session/pass.h"
#include "session/replies.h"
#include "session/scripts.h"

namespace cairn {

class BlockedClients;
class ParkedPasses;
class Tracking;
struct ParkedPass;

class CommandRunner {
 public:
  CommandRunner(const SessionContext& context, Pass* pass, Replies* replies, Bookkeeper* books,
                Scripts* scripts, LookAhead* look_ahead, ParkedPasses* parked,
                BlockedClients* blocked, Tracking* tracking)
      : host_(context.host),
        pass_(pass),
        replies_(replies),
        books_(books),
        scripts_(scripts),
        look_ahead_(look_ahead),
        parked_(parked),
        blocked_(blocked),
        tracking_(tracking) {}

  Outcome Run(Connection* conn, const Command& command, std::span<const std::string_view> argv);
  // The next pass of a parked one, loaded. Not kWalk.
  PassEnd RunAgain(Connection* conn, ParkedPass* parked);

 private:
  enum class Committed : uint8_t { kDone, kBusy, kLarge, kAgain, kWaits };

  void Latch(const Command& command, std::span<const std::string_view> argv);
  void LatchMore(const Command& command, std::span<const std::string_view> argv);
  // Commits the pass and unlatches. kBusy: there is no room, nothing happened.
  // kLarge, if asked for: there is so much to copy that it should be prepared first
  // (Pass::PrepareAhead); nothing happened, all is latched.
  // kAgain: the same, and the pass is pending now, see Serving::Claim.
  // kWaits: committed, and the command waits for keys; all is latched.
  Committed Commit(Connection* conn, const Command& command, OutBuffer* out, size_t mark,
                   PreparedUnit* prepared, bool ask);
  // A command whose pass has ended for good.
  void Book(Connection* conn, const Command& command, std::span<const std::string_view> argv,
            std::string_view reply, bool show);

  SessionHost* const host_;
  Pass* const pass_;
  Replies* const replies_;
  Bookkeeper* const books_;
  Scripts* const scripts_;
  LookAhead* const look_ahead_;
  ParkedPasses* const parked_;
  BlockedClients* const blocked_;
  Tracking* const tracking_;
};

}  // namespace cairn
