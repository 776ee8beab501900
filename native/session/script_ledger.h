// ScriptLedger: what the runs of scripts in one pass have called and said, until it is known
// whether the pass counts. A pass that is thrown away clears it; a committed one is booked from it,
// once (Bookkeeper::BookCalled).
//
// Bounds: one row per command of the table; kLogBytesMax and kShownBytesMax, beyond which lines are
// dropped and counted; kErrorsMax; kDeniedMax. One reactor's thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "acl/log.h"
#include "command/registry.h"

namespace cairn {

struct ScriptLedger {
  static constexpr size_t kLogBytesMax = 1 << 20;
  static constexpr size_t kShownBytesMax = 16 << 20;
  static constexpr size_t kErrorsMax = 64;  // different codes
  static constexpr size_t kDeniedMax = 16;  // of those for ACL LOG; which has few of them, too

  struct Called {
    const Command* command = nullptr;
    uint64_t calls = 0;
    uint64_t nanos = 0;
    uint64_t failed = 0;
    uint64_t rejected = 0;
  };
  struct Error {
    std::string code;
    uint64_t count = 0;
  };
  struct Line {
    int level = 0;  // SessionHost::Log
    std::string text;
  };
  struct Shown {  // for monitors
    const Command* command = nullptr;
    uint16_t db = 0;
    std::vector<std::string> argv;
  };

  std::vector<Called> called;
  std::vector<Error> errors;
  std::vector<Line> log;
  std::vector<Shown> shown;
  std::vector<acl::LogEntry> denied;
  size_t log_bytes = 0;
  size_t shown_bytes = 0;
  uint64_t log_dropped = 0;
  // The reply of the script is an error that a command of its has counted.
  bool counted = false;

  bool empty() const { return called.empty() && errors.empty() && log.empty() && !counted; }
  void Clear() {
    called.clear();
    errors.clear();
    log.clear();
    shown.clear();
    denied.clear();
    log_bytes = shown_bytes = 0;
    log_dropped = 0;
    counted = false;
  }

  Called& RowOf(const Command& command) {
    // Scripts call a few commands, and those again and again.
    for (Called& row : called) {
      if (row.command == &command) return row;
    }
    called.push_back({&command});
    return called.back();
  }
  void AddDenied(acl::LogEntry entry) {
    if (denied.size() < kDeniedMax) denied.push_back(std::move(entry));
  }
  // `line`: an error without its '-'.
  void AddError(std::string_view line) {
    const std::string_view code = line.substr(0, std::min<size_t>(line.find_first_of(" \r\n"), 32));
    for (Error& error : errors) {
      if (error.code == code) return void(++error.count);
    }
    if (errors.size() < kErrorsMax) errors.push_back({std::string(code), 1});
  }
  void AddLine(int level, std::string_view text) {
    log_bytes += text.size() + sizeof(Line);
    if (log_bytes > kLogBytesMax) return void(++log_dropped);
    log.push_back({level, std::string(text)});
  }
};

}  // namespace cairn
