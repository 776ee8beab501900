// LogSink: what happens to the lines of a log when what they go to is full, slow, gone or renamed.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "server/log_sink.h"

namespace cairn {
namespace {

constexpr uint32_t kSoonMs = 60'000;

struct TempDir {
  TempDir() {
    char name[] = "/tmp/cairn-log-sink-XXXXXX";
    path = mkdtemp(name);
  }
  ~TempDir() { std::filesystem::remove_all(path); }
  std::string path;
};

std::string Slurp(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

size_t Count(const std::string& text, const std::string& what) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += what.size()) ++count;
  return count;
}

std::unique_ptr<LogSink> SinkOver(const std::string& path) {
  auto sink = LogSink::OverFile(path, LogSink::Style::kReadable);
  REQUIRE(sink.ok());
  return std::move(sink.value());
}

struct Pipe {
  Pipe() { REQUIRE(pipe2(ends, O_CLOEXEC) == 0); }
  ~Pipe() { CloseReader(); }
  void CloseReader() {
    if (ends[0] >= 0) close(ends[0]);
    ends[0] = -1;
  }
  int ends[2];  // the sink's thread may still be at the second one
};

TEST_CASE("log sink: lines arrive in their order, and Flush waits for them") {
  TempDir dir;
  const std::string path = dir.path + "/log";
  auto sink = SinkOver(path);
  std::string all;
  for (int i = 0; i < 1000; ++i) {
    const std::string line = "line " + std::to_string(i) + "\n";
    all += line;
    sink->Write(line);
  }
  CHECK(sink->Flush(kSoonMs));
  CHECK(Slurp(path) == all);
}

TEST_CASE("log sink: a file that cannot be opened is an error that names it") {
  auto sink = LogSink::OverFile("/no/such/folder/log", LogSink::Style::kJson);
  REQUIRE_FALSE(sink.ok());
  CHECK(sink.status().message() ==
        "logfile: cannot open /no/such/folder/log: No such file or directory");
}

TEST_CASE("log sink: renamed, removed, truncated") {
  TempDir dir;
  const std::string path = dir.path + "/log";
  auto sink = SinkOver(path);
  auto put = [&](const std::string& line) {
    sink->Write(line);
    REQUIRE(sink->Flush(kSoonMs));
  };
  put("one\n");
  REQUIRE(rename(path.c_str(), (path + ".1").c_str()) == 0);
  put("two\n");
  CHECK(Slurp(path + ".1") == "one\n");
  CHECK(Slurp(path) == "two\n");
  REQUIRE(unlink(path.c_str()) == 0);
  put("three\n");
  CHECK(Slurp(path) == "three\n");
  REQUIRE(truncate(path.c_str(), 0) == 0);  // logrotate's copytruncate
  put("four\n");
  CHECK(Slurp(path) == "four\n");
  REQUIRE(rename(path.c_str(), (path + ".1").c_str()) == 0);
  sink->Reopen();  // without a line: SIGHUP after logrotate's rename
  REQUIRE(sink->Flush(kSoonMs));
  CHECK(std::filesystem::exists(path));
  CHECK(Slurp(path).empty());
}

TEST_CASE("log sink: a file that cannot be made anew is written on, and that is said once") {
  TempDir dir;
  const std::string path = dir.path + "/sub/log";
  std::filesystem::create_directory(dir.path + "/sub");
  auto sink = SinkOver(path);
  std::filesystem::rename(dir.path + "/sub", dir.path + "/moved");
  for (const char* line : {"one\n", "two\n"}) {
    sink->Write(line);
    REQUIRE(sink->Flush(kSoonMs));
  }
  const std::string kept = Slurp(dir.path + "/moved/log");
  CHECK(Count(kept, "cannot be opened again (No such file or directory)") == 1);
  CHECK(kept.ends_with("one\ntwo\n"));
  std::filesystem::create_directory(dir.path + "/sub");
  sink->Write("three\n");
  REQUIRE(sink->Flush(kSoonMs));
  CHECK(Slurp(path) == "three\n");
}

TEST_CASE("log sink: a full device costs its lines, which are counted once there is room") {
  TempDir dir;
  const std::string path = dir.path + "/log";
  REQUIRE(symlink("/dev/full", path.c_str()) == 0);
  auto sink = SinkOver(path);
  for (int i = 0; i < 5; ++i) {
    sink->Write("lost\n");
    REQUIRE(sink->Flush(kSoonMs));
  }
  REQUIRE(unlink(path.c_str()) == 0);
  sink->Write("kept\n");
  sink->Write("kept\n");
  REQUIRE(sink->Flush(kSoonMs));
  const std::string text = Slurp(path);
  CHECK(Count(text, "the log could not be written (No space left on device): lost lines=5\n") == 1);
  CHECK(Count(text, "kept\n") == 2);
  CHECK(Count(text, "\n") == 3);
}

TEST_CASE("log sink: what it says itself is JSON among JSON") {
  TempDir dir;
  const std::string path = dir.path + "/log";
  REQUIRE(symlink("/dev/full", path.c_str()) == 0);
  auto sink = LogSink::OverFile(path, LogSink::Style::kJson);
  REQUIRE(sink.ok());
  sink.value()->Write("{}\n");
  REQUIRE(sink.value()->Flush(kSoonMs));
  REQUIRE(unlink(path.c_str()) == 0);
  sink.value()->Write("{}\n");
  REQUIRE(sink.value()->Flush(kSoonMs));
  const std::string text = Slurp(path);
  CHECK(text.starts_with("{\"level\":40,\"time\":"));
  CHECK(
      text.ends_with(",\"lines\":1,\"msg\":\"the log could not be written (No space left on "
                     "device): lost\"}\n{}\n"));
}

TEST_CASE("log sink: a reader that stops costs lines, not time or memory") {
  Pipe pipe;
  auto sink = LogSink::OverDescriptor(pipe.ends[1], LogSink::Style::kReadable);
  REQUIRE(sink.ok());
  const std::string line = std::string(999, 'x') + "\n";
  constexpr size_t kLines = 8 * LogSink::kQueueBytesMax / 1000;
  for (size_t i = 0; i < kLines; ++i) sink.value()->Write(line);
  CHECK_FALSE(sink.value()->Flush(1));
  // It reads again: whatever was kept comes, and the number of those that were not.
  std::string text;
  size_t whole = 0, lost = 0;
  while (whole + lost < kLines) {
    char bytes[64 << 10];
    const ssize_t got = read(pipe.ends[0], bytes, sizeof(bytes));
    REQUIRE(got > 0);
    text.append(bytes, static_cast<size_t>(got));
    whole = Count(text, "xxx\n");
    lost = 0;
    for (size_t at = 0; (at = text.find("lost lines=", at)) != std::string::npos; ++at)
      lost += std::strtoull(text.c_str() + at + 11, nullptr, 10);
  }
  CHECK(whole + lost == kLines);
  CHECK(lost > kLines / 2);
  CHECK(whole * line.size() <= 3 * LogSink::kQueueBytesMax);
}

TEST_CASE("log sink: a reader that is gone costs lines, and the end does not wait for it") {
  signal(SIGPIPE, SIG_IGN);  // as Node does
  Pipe pipe;
  auto sink = LogSink::OverDescriptor(pipe.ends[1], LogSink::Style::kReadable);
  REQUIRE(sink.ok());
  pipe.CloseReader();
  for (int i = 0; i < 100; ++i) sink.value()->Write("nobody\n");
  CHECK(sink.value()->Flush(kSoonMs));
  signal(SIGPIPE, SIG_DFL);
}

TEST_CASE("log sink: a non-blocking descriptor is waited for, by its thread alone") {
  Pipe pipe;
  REQUIRE(fcntl(pipe.ends[1], F_SETFL, O_NONBLOCK) == 0);
  auto sink = LogSink::OverDescriptor(pipe.ends[1], LogSink::Style::kReadable);
  REQUIRE(sink.ok());
  const std::string line = std::string(9999, 'y') + "\n";
  for (int i = 0; i < 50; ++i) sink.value()->Write(line);
  std::string text;
  while (Count(text, "y\n") < 50) {
    char bytes[64 << 10];
    const ssize_t got = read(pipe.ends[0], bytes, sizeof(bytes));
    REQUIRE(got > 0);
    text.append(bytes, static_cast<size_t>(got));
  }
  CHECK(text.size() == 50 * line.size());
}

}  // namespace
}  // namespace cairn
