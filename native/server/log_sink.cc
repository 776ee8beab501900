#include "server/log_sink.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <mutex>
#include <utility>

#include "base/clock.h"
#include "base/threads.h"

namespace cairn {

namespace {

uint64_t LinesOf(std::string_view text) {
  return static_cast<uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

int OpenLog(const std::string& path) {
  return open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
}

// How much of it was written; *error says what stopped the rest.
size_t WriteAll(int fd, std::string_view text, int* error) {
  size_t written = 0;
  while (written < text.size()) {
    const ssize_t bytes = write(fd, text.data() + written, text.size() - written);
    if (bytes > 0) {
      written += static_cast<size_t>(bytes);
    } else if (bytes == 0) {  // no device does that; trying again might never end
      *error = EIO;
      break;
    } else if (errno == EAGAIN) {  // somebody made it non-blocking; this thread may wait
      pollfd ready{fd, POLLOUT, 0};
      (void)poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      *error = errno;
      break;
    }
  }
  return written;
}

std::string Worded(LogSink::Style style, const std::string& text, uint64_t lines) {
  const uint64_t now_ms = WallMillis();
  const std::string count = std::to_string(lines);
  if (style == LogSink::Style::kJson) {
    return "{\"level\":40,\"time\":" + std::to_string(now_ms) +
           (lines != 0 ? ",\"lines\":" + count : "") + ",\"msg\":\"" + text + "\"}\n";
  }
  const time_t seconds = static_cast<time_t>(now_ms / 1000);
  tm parts{};
  gmtime_r(&seconds, &parts);
  char day[32], stamp[40];
  strftime(day, sizeof(day), "%Y-%m-%d %H:%M:%S", &parts);
  std::snprintf(stamp, sizeof(stamp), "%s.%03u", day, static_cast<unsigned>(now_ms % 1000));
  return std::string(stamp) + " warning " + text + (lines != 0 ? " lines=" + count : "") + "\n";
}

}  // namespace

struct LogSink::State {
  ~State() {
    if (!path.empty() && fd >= 0) close(fd);
  }

  // Everything but what is under the mutex is the thread's.
  std::string path;  // empty: the descriptor is somebody else's
  Style style = Style::kReadable;
  int fd = -1;
  bool torn = false;     // the last write ended within a line
  bool reopened = true;  // the last attempt to open the file anew went well
  uint64_t lost = 0;     // since the log last said so
  std::string lost_why;

  std::mutex mutex;
  std::condition_variable work;
  std::condition_variable settled;
  std::string queue;
  uint64_t dropped = 0;  // lines that found it full
  bool reopen = false;
  bool busy = false;
  bool ending = false;

  std::string Follow(bool reopen_now);
  void Put(const std::string& text);
};

// To a new file if the name leads to another one, or to none. Returns what there is to say of it.
std::string LogSink::State::Follow(bool reopen_now) {
  if (path.empty()) return "";
  struct stat named = {};
  struct stat held = {};
  const bool same = stat(path.c_str(), &named) == 0 && fstat(fd, &held) == 0 &&
                    named.st_dev == held.st_dev && named.st_ino == held.st_ino;
  if (same && !reopen_now) return "";
  const int fresh = OpenLog(path);
  if (fresh < 0) {
    const int error = errno;
    if (!std::exchange(reopened, false)) return "";
    return Worded(style,
                  std::string("the log file cannot be opened again (") + strerror(error) +
                      "): going on with the one that is open",
                  0);
  }
  close(fd);
  fd = fresh;
  torn = false;
  reopened = true;
  return "";
}

void LogSink::State::Put(const std::string& text) {
  std::string front = torn ? "\n" : "";
  if (lost != 0)
    front += Worded(style, "the log could not be written (" + lost_why + "): lost", lost);
  const std::string all = front + text;
  int error = 0;
  const size_t written = WriteAll(fd, all, &error);
  if (written >= front.size()) lost = 0;
  if (written != 0) torn = all[written - 1] != '\n';
  if (error == 0) return;
  lost_why = strerror(error);
  lost += LinesOf(std::string_view(text).substr(std::max(written, front.size()) - front.size()));
}

void LogSink::Work(State* state) {
  pthread_setname_np(pthread_self(), "log");
  std::unique_lock<std::mutex> lock(state->mutex);
  for (;;) {
    state->busy = false;
    state->settled.notify_all();
    state->work.wait(lock,
                     [state] { return !state->queue.empty() || state->reopen || state->ending; });
    const std::string text = std::exchange(state->queue, {});
    const bool reopen = std::exchange(state->reopen, false);
    if (text.empty() && !reopen) return;
    const uint64_t dropped = std::exchange(state->dropped, 0);
    state->busy = true;
    lock.unlock();
    if (dropped != 0) {
      state->lost += dropped;
      state->lost_why = "whoever reads it was too slow";
    }
    const std::string said = state->Follow(reopen);
    if (!said.empty() || !text.empty()) state->Put(said + text);
    lock.lock();
  }
}

LogSink::LogSink(std::shared_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<LogSink>> LogSink::Start(std::shared_ptr<State> state) {
  if (!Threads::Detach([state] { Work(state.get()); }))
    return Status(Code::kBusy, "the log needs a thread, and the system refuses another one");
  return std::unique_ptr<LogSink>(new LogSink(std::move(state)));
}

Result<std::unique_ptr<LogSink>> LogSink::OverDescriptor(int fd, Style style) {
  auto state = std::make_shared<State>();
  state->fd = fd;
  state->style = style;
  return Start(std::move(state));
}

Result<std::unique_ptr<LogSink>> LogSink::OverFile(const std::string& path, Style style) {
  auto state = std::make_shared<State>();
  state->fd = OpenLog(path);
  if (state->fd < 0)
    return Status(Code::kIoError, "logfile: cannot open " + path + ": " + strerror(errno), errno);
  state->path = path;
  state->style = style;
  return Start(std::move(state));
}

LogSink::~LogSink() {
  std::lock_guard<std::mutex> guard(state_->mutex);
  state_->ending = true;
  state_->work.notify_all();
}

void LogSink::Write(std::string line) {
  std::lock_guard<std::mutex> guard(state_->mutex);
  if (state_->queue.size() + line.size() > kQueueBytesMax) {
    ++state_->dropped;
    return;
  }
  state_->queue += line;
  state_->work.notify_all();
}

void LogSink::Reopen() {
  std::lock_guard<std::mutex> guard(state_->mutex);
  state_->reopen = true;
  state_->work.notify_all();
}

bool LogSink::Flush(uint32_t millis) {
  std::unique_lock<std::mutex> lock(state_->mutex);
  return state_->settled.wait_for(lock, std::chrono::milliseconds(millis), [this] {
    return !state_->busy && !state_->reopen && state_->queue.empty();
  });
}

}  // namespace cairn
