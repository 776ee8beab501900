// Bookkeeper: what is kept of commands that have run, or were refused: statistics, histograms, slow
// log, latency events, errors; and what MONITOR shows of them.
//
// A command is booked once, when its reply is made, however many passes it took; the commands of an
// EXEC one by one, in order, and then EXEC itself. Each is shown to the monitors once, too, when it
// has run, so that SELECT and RESET stand beside the database they lead to.
//
// One reactor's thread writes the counters; slow log, latency events and errors are shared.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "session/connection.h"
#include "session/counters.h"
#include "session/script_ledger.h"
#include "session/session_host.h"
#include "session/shared.h"

namespace cairn {

class Bookkeeper {
 public:
  explicit Bookkeeper(const SessionContext& context)
      : shared_(context.shared),
        host_(context.host),
        counters_(context.counters),
        context_(context) {}

  // The time that the next command takes begins now.
  void StartTimer() { ticks_ = __builtin_ia32_rdtsc(); }
  uint64_t timer() const { return ticks_; }
  void SetTimer(uint64_t ticks) { ticks_ = ticks; }
  // Since the last call, or StartTimer.
  uint64_t TakeNanos() {
    const uint64_t now = __builtin_ia32_rdtsc();
    const uint64_t nanos =
        static_cast<uint64_t>(static_cast<double>(now - ticks_) * shared_->nanos_per_tick);
    ticks_ = now;
    return nanos;
  }

  // One command and what it answered. Without argv it stays out of the slow log.
  // `counted`: its error is one of a command that a script called, which has counted it.
  void Book(const Connection& conn, const Command& command, std::span<const std::string_view> argv,
            std::string_view reply, uint64_t nanos, const PassFigures& figures,
            bool counted = false);
  // The same, of a command that has ended just now.
  void BookNow(const Connection& conn, const Command& command,
               std::span<const std::string_view> argv, std::string_view reply,
               const PassFigures& figures, bool counted = false) {
    Book(conn, command, argv, reply, TakeNanos(), figures, counted);
  }
  // Of a pass that has ended without a reply: its command waits. The rest of it is booked later.
  void BookFigures(const PassFigures& figures) {
    if (figures.hits) counters_->hits.Add(figures.hits);
    if (figures.misses) counters_->misses.Add(figures.misses);
    if (figures.changes) counters_->changes.Add(figures.changes);
    if (CAIRN_UNLIKELY(figures.expired)) counters_->expired.Add(figures.expired);
  }
  // What the scripts of a committed pass have called and said. After the command that ran them has
  // been booked and shown.
  void BookCalled(const ScriptLedger& ledger);
  // Refused with that error before it ran. Null: no such command.
  void Rejected(const Command* command, std::string_view text);

  // Shows an executed command to the monitors, unless it is one they do not get to see.
  void Show(const Connection& conn, const Command& command,
            std::span<const std::string_view> argv) {
    if (CAIRN_UNLIKELY(shared_->monitors.load(std::memory_order_relaxed) != 0))
      FeedMonitors(conn.db, conn.addr, command, argv);
  }

 private:
  void NoteSlow(const Connection& conn, const Command& command,
                std::span<const std::string_view> argv, uint64_t nanos);
  // `place`: of the client.
  void FeedMonitors(uint16_t db, std::string_view place, const Command& command,
                    std::span<const std::string_view> argv);
  void Record(CommandCounters* stats, uint64_t nanos, uint64_t times);

  Shared* const shared_;
  SessionHost* const host_;
  ReactorCounters* const counters_;
  const SessionContext& context_;
  uint64_t ticks_ = 0;  // cycle counter at the end of the last command
};

}  // namespace cairn
