// LogSink: lines on their way to a file descriptor. Who logs never waits and never fails: a thread
// of the sink's own writes. Lines that find the queue full, or that cannot be written, are dropped
// and counted, and the log says so itself in front of the next line that it takes.
//
// A named file is followed by its name: when it was renamed or removed, the next line goes to a new
// one, and Reopen (SIGHUP) opens it anew at once. It is appended to, so it may also be truncated.
//
// All methods are thread-safe. The thread is never joined: a stopped reader, a terminal that was
// told to wait or a hung file system may keep it in a write for ever. What it works on is its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"

namespace cairn {

class LogSink {
 public:
  static constexpr size_t kQueueBytesMax = 1 << 20;  // and once more as much that is being written

  // How the sink words what it has to say itself: as the lines around it.
  enum class Style { kReadable, kJson };

  // A descriptor that stays the caller's, as 1 and 2.
  static Result<std::unique_ptr<LogSink>> OverDescriptor(int fd, Style style);
  // The path must be absolute. Opens the file before it returns.
  static Result<std::unique_ptr<LogSink>> OverFile(const std::string& path, Style style);
  // Lines that wait are still written, if they can be.
  ~LogSink();

  // One line, with its newline.
  void Write(std::string line);
  void Reopen();
  // Waits until all that was taken has been written or given up, at most so long. True: it has.
  bool Flush(uint32_t millis);

 private:
  struct State;
  static void Work(State* state);
  static Result<std::unique_ptr<LogSink>> Start(std::shared_ptr<State> state);
  explicit LogSink(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;
};

}  // namespace cairn
