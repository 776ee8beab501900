// Serving: the clients that a pass serves besides its own, because they wait for keys that it
// writes. See txn/waiters.h for the idea, BlockedClients for the side of those who wait.
//
//   handlers -> Run (their commands run in the same pass) -> Claim -> commit -> Settle -> unlatch
//     -> Send (each answer to the reactor that has the connection)
//
// A pass serves kServedMax clients at most. Of a key for which more wait, the others are told to
// try for themselves, on their reactors, in the places that they had. So is one whose command is
// too much for this pass (Txn::RunApart).
//
// One reactor's thread; part of its Pass.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "command/client.h"
#include "command/registry.h"
#include "resp/reply.h"
#include "session/counters.h"
#include "txn/expiry_sweep.h"
#include "txn/txn_control.h"
#include "txn/waiters.h"

namespace cairn {

struct SessionContext;

// A command that waits for keys, with all that is needed to run it in anybody's pass.
struct BlockedCommand final : Waiter {
  uint32_t reactor = 0;
  uint32_t index = 0;  // of its connection
  uint32_t generation = 0;
  const Command* command = nullptr;
  std::vector<std::string> words;
  std::vector<std::string_view> argv;
  Client client;  // as it was when the command came

  void Take(const Command& its, std::span<const std::string_view> arguments);
  void Say(size_t argument, std::string_view word);
};

// What became of one, for the reactor that has its connection.
struct Served {
  std::shared_ptr<BlockedCommand> waiter;
  bool again = false;  // it is to run itself; no reply
  OutBuffer reply;
  PassFigures figures;
  uint64_t nanos = 0;
  std::vector<Ticket> tickets;
};

class Serving final : public ExpirySweep::Listener {
 public:
  static constexpr size_t kServedMax = 256;

  Serving(const SessionContext& context, Txn* txn, TxnControl* control)
      : context_(context), txn_(*txn), control_(*control) {}

  // Latched, after a pass that can be the last one, which is pending afterwards if one of those
  // who are served made it so.
  void Run() {
    if (CAIRN_UNLIKELY(!served_.empty() || !told_.empty())) Forget();
    if (CAIRN_UNLIKELY(Waiting()) && control_.has_writes() && !txn_.pending() && !txn_.waits())
      RunAll();
  }
  // Latched, before the commit. False: one of them is gone meanwhile; the pass has to run again.
  bool Claim() { return CAIRN_LIKELY(served_.empty()) || ClaimAll(); }
  // Still latched: whether the commit has happened.
  void Settle(bool committed) {
    if (CAIRN_UNLIKELY(!served_.empty() || !told_.empty())) SettleAll(committed);
  }
  // Beside the passes of commands: a key has expired. Who waits for that runs on his own reactor.
  void Gone(uint16_t db, uint16_t shard, std::string_view key) override;
  void Unlatched() override { Send(); }
  // Unlatched, after a commit, whose tickets count for them.
  void Send() {
    if (CAIRN_UNLIKELY(!served_.empty())) SendAll();
  }

 private:
  // Who is told to try for himself: a waiter, or all that a key has.
  struct Told {
    std::shared_ptr<Waiter> waiter;
    uint16_t db = 0;
    uint16_t shard = 0;
    std::string key;
  };

  bool Waiting() const;
  void Forget();
  void RunAll();
  bool RunKey(uint16_t db, uint16_t shard, std::string_view key);
  bool RunOne(const std::shared_ptr<Waiter>& waiter);
  bool ClaimAll();
  void SettleAll(bool committed);
  void TellOthers();
  void Tell(const std::vector<std::shared_ptr<Waiter>>& others);
  void RemoveLatched(const Waiter& waiter);
  void SendAll();

  const SessionContext& context_;
  Txn& txn_;
  TxnControl& control_;
  std::vector<Served> served_;
  std::unordered_set<const Waiter*> chosen_;  // those in served_
  std::vector<Told> told_;
};

}  // namespace cairn
