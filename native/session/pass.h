// Pass: the one run of a command, or of an EXEC, that its reactor has under way. It has the Txn and
// the dispatcher's side of it (txn/txn_control.h), and what all who run passes do alike.
//
// CommandRunner and ExecRunner begin passes, run handlers in them and commit; ParkedPasses moves
// those that have to wait out (Save) and back in (Load); ExpirySweep has its own between commands.
// There is one at a time: latches that a pass takes are free again before its reactor does anything
// else. One reactor's thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "command/command.h"
#include "command/registry.h"
#include "resp/reply.h"
#include "session/connection.h"
#include "session/counters.h"
#include "session/large_copies.h"
#include "session/serving.h"
#include "session/session_host.h"
#include "txn/txn_control.h"

namespace cairn {

// What became of the command at hand. kAgain: it is not consumed, the connection is stalled, and
// the same command will be dispatched again.
enum class Outcome : uint8_t { kTaken, kAgain };

// How the pass of a parked command ended, see ParkedPasses.
enum class PassEnd : uint8_t {
  kDone,     // unlatched; the reply is in its slot
  kPending,  // latched: it waits for what it reads, or for its next slice
  kBusy,     // unlatched, nothing happened: there was no room
  kCopies,   // unlatched, nothing happened: ParkedPass::prepared is to be copied first
  kWalk,     // unlatched: an EXEC is committed, and its steps can be walked
  kWaits,    // unlatched: committed, and the connection waits for keys
};

class Pass {
 public:
  explicit Pass(const SessionContext& context)
      : shared_(context.shared),
        engine_(context.engine),
        reactor_(context.reactor),
        context_(context),
        control_(&txn_, engine_, &shared_->watches, reactor_, shared_->databases),
        serving_(context, &txn_, &control_) {}
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;

  Txn& txn() { return txn_; }
  TxnControl& control() { return control_; }
  Serving& serving() { return serving_; }

  // Whether replies wait for their tickets: appendfsync always.
  bool Gated() const {
    return shared_->options.fsync.load(std::memory_order_relaxed) == FsyncPolicy::kAlways;
  }
  // The passes that come collect tickets, or not, and events. Before the first one of a batch.
  void FollowPolicy() {
    control_.SetGated(Gated());
    control_.SetNotified(shared_->options.notified.load(std::memory_order_relaxed));
  }
  void Begin(uint16_t db) { control_.Begin(db, context_.now_ms); }

  // resp: in force when the command came, which is not always what the connection speaks by now.
  void RunHandler(Connection* conn, const Command& command, std::span<const std::string_view> argv,
                  OutBuffer* out, uint8_t resp) {
    ReplyWriter reply(out, resp, &txn_);
    txn_.set_count_hits((command.spec.flags & kCmdReadOnly) != 0);
    Call call{argv, txn_, reply, *conn, shared_->context};
    command.spec.handler(call);
    if (CAIRN_UNLIKELY(txn_.traced()) && command.Is(kCmdReadOnly) && !command.Is(kCmdScript)) {
      TxnControl::ForEachKey(argv, command.spec.keys(),
                             [this](std::string_view key) { txn_.NoteRead(txn_.ReadNow(key)); });
    }
  }
  // After the commit of a pass: what it has changed, for TakeFigures.
  void CountChanges() { changes_ = control_.Changes(txn_.expired); }
  // Of the pass that has ended.
  PassFigures TakeFigures() {
    return {txn_.hits, txn_.misses, txn_.expired, std::exchange(changes_, 0)};
  }

  // Latched, after a whole pass with large writes: begins to prepare them. sources: the arguments
  // that stay in their place meanwhile. True: *prepared is to be copied in slices (LargeCopies)
  // before the command runs again, and the latches are free. False: that would not help.
  bool PrepareAhead(std::span<const LargeArguments> sources, PreparedWrites* prepared);

  // The reply of a command whose writes were refused. Not for kBusy.
  static void RefuseWrites(const Status& status, OutBuffer* out);

 private:
  Shared* const shared_;
  Engine* const engine_;
  const uint32_t reactor_;
  const SessionContext& context_;
  Txn txn_;
  TxnControl control_;
  Serving serving_;
  uint64_t changes_ = 0;  // by what was committed last, until they are taken
};

}  // namespace cairn
