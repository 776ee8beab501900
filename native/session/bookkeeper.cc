#include "session/bookkeeper.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "session/redact.h"

namespace cairn {

void Bookkeeper::Book(const Connection& conn, const Command& command,
                      std::span<const std::string_view> argv, std::string_view reply,
                      uint64_t nanos, const PassFigures& figures, bool counted) {
  counters_->commands.Add(1);
  CommandCounters& stats = counters_->per_command[command.number];
  stats.calls.Add(1);
  stats.nanos.Add(nanos);
  BookFigures(figures);
  Record(&stats, nanos, 1);
  if (CAIRN_UNLIKELY(!reply.empty() && reply[0] == '-')) {
    stats.failed.Add(1);
    if (!counted) {
      counters_->error_replies.Add(1);
      shared_->errors.Count(reply.substr(1));
    }
  }
  int64_t slower = shared_->options.slowlog_slower_usec.load(std::memory_order_relaxed);
  uint64_t threshold = shared_->options.latency_threshold_ms.load(std::memory_order_relaxed);
  if (CAIRN_UNLIKELY((slower >= 0 && nanos >= static_cast<uint64_t>(slower) * 1000) ||
                     (threshold != 0 && nanos >= threshold * 1000000))) {
    NoteSlow(conn, command, argv, nanos);
  }
}

inline void Bookkeeper::Record(CommandCounters* stats, uint64_t nanos, uint64_t times) {
  if (CAIRN_UNLIKELY(!shared_->options.latency_tracking.load(std::memory_order_relaxed))) return;
  LatencyHistogramCounts* histogram = stats->histogram.load(std::memory_order_relaxed);
  if (CAIRN_UNLIKELY(histogram == nullptr)) {
    histogram = new LatencyHistogramCounts();
    stats->histogram.store(histogram, std::memory_order_release);
  }
  histogram->Record(nanos, static_cast<uint32_t>(times));
}

// The histogram has all calls of a command where their mean is.
void Bookkeeper::BookCalled(const ScriptLedger& ledger) {
  for (const ScriptLedger::Called& row : ledger.called) {
    CommandCounters& stats = counters_->per_command[row.command->number];
    stats.rejected.Add(row.rejected);
    if (row.calls == 0) continue;
    counters_->commands.Add(row.calls);
    stats.calls.Add(row.calls);
    stats.nanos.Add(row.nanos);
    stats.failed.Add(row.failed);
    Record(&stats, row.nanos / row.calls, row.calls);
  }
  for (const ScriptLedger::Error& error : ledger.errors) {
    counters_->error_replies.Add(error.count);
    shared_->errors.Count(error.code, error.count);
  }
  for (const acl::LogEntry& entry : ledger.denied) shared_->acl_log.Add(entry, context_.now_ms);
  for (const ScriptLedger::Line& line : ledger.log) host_->Log(line.level, line.text);
  if (ledger.log_dropped != 0) {
    host_->Log(2, std::to_string(ledger.log_dropped) +
                      " more lines of a script were too much and are dropped");
  }
  if (shared_->monitors.load(std::memory_order_relaxed) == 0) return;
  for (const ScriptLedger::Shown& shown : ledger.shown) {
    const std::vector<std::string_view> argv(shown.argv.begin(), shown.argv.end());
    FeedMonitors(shown.db, "lua", *shown.command, argv);
  }
}

void Bookkeeper::NoteSlow(const Connection& conn, const Command& command,
                          std::span<const std::string_view> argv, uint64_t nanos) {
  int64_t slower = shared_->options.slowlog_slower_usec.load(std::memory_order_relaxed);
  uint64_t threshold = shared_->options.latency_threshold_ms.load(std::memory_order_relaxed);
  uint64_t now_s = context_.now_ms / 1000;
  if (threshold != 0 && nanos >= threshold * 1000000) {
    shared_->latency.Add(command.Is(kCmdFast) ? "fast-command" : "command", nanos / 1000000, now_s);
  }
  if (slower < 0 || nanos < static_cast<uint64_t>(slower) * 1000 || argv.empty() ||
      command.Is(kCmdSkipSlowlog)) {
    return;
  }
  std::vector<std::string_view> redacted;
  argv = Redacted(command, argv, &redacted);
  SlowlogItem item{0, now_s, nanos / 1000, {}, conn.addr, conn.name};
  size_t shown = std::min(argv.size(), Slowlog::kArgumentsMax);
  for (size_t i = 0; i < shown; ++i) {
    if (shown != argv.size() && i == shown - 1) {
      item.argv.push_back("... (" + std::to_string(argv.size() - shown + 1) + " more arguments)");
    } else if (argv[i].size() > Slowlog::kArgumentBytesMax) {
      item.argv.push_back(std::string(argv[i].substr(0, Slowlog::kArgumentBytesMax)) + "... (" +
                          std::to_string(argv[i].size() - Slowlog::kArgumentBytesMax) +
                          " more bytes)");
    } else {
      item.argv.emplace_back(argv[i]);
    }
  }
  shared_->slowlog.Add(std::move(item), shared_->options.slowlog_max_len.load());
}

void Bookkeeper::Rejected(const Command* command, std::string_view text) {
  if (command != nullptr) counters_->per_command[command->number].rejected.Add(1);
  counters_->error_replies.Add(1);
  shared_->errors.Count(text);
}

void Bookkeeper::FeedMonitors(uint16_t db, std::string_view place, const Command& command,
                              std::span<const std::string_view> argv) {
  // Scripts are to be skipped as well, but show themselves before what they call.
  if (command.Is(kCmdAdmin) || (command.Is(kCmdSkipMonitor) && !command.Is(kCmdScript))) return;
  std::vector<std::string_view> redacted;
  argv = Redacted(command, argv, &redacted);
  uint64_t micros = WallMicros();
  char head[64];
  snprintf(head, sizeof(head), "%llu.%06llu [%u ",
           static_cast<unsigned long long>(micros / 1000000),
           static_cast<unsigned long long>(micros % 1000000), db);
  std::string line = head;
  line.append(place).append("]");
  for (std::string_view arg : argv) {
    line += " \"";
    for (char c : arg) {
      switch (c) {
        case '\\':
          line += "\\\\";
          break;
        case '"':
          line += "\\\"";
          break;
        case '\n':
          line += "\\n";
          break;
        case '\r':
          line += "\\r";
          break;
        case '\t':
          line += "\\t";
          break;
        case '\a':
          line += "\\a";
          break;
        case '\b':
          line += "\\b";
          break;
        default:
          if (c >= 0x20 && c < 0x7f) {
            line += c;
          } else {
            char hex[8];
            snprintf(hex, sizeof(hex), "\\x%02x", static_cast<unsigned char>(c));
            line += hex;
          }
      }
    }
    line += '"';
  }
  line += "\r\n";
  host_->FeedMonitors(line);
}

}  // namespace cairn
