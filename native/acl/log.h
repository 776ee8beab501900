// Log: what was denied, for ACL LOG. What is like one of the latest entries counts there.
//
// Bounds: acllog-max-len entries; kObjectBytesMax of what was asked for, of a user's name and of
// the description of a client, kClientBytesMax. Any thread; the mutex is taken by who is denied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace cairn::acl {

struct LogEntry {
  enum class Reason : uint8_t { kCommand, kKey, kChannel, kAuth };
  enum class Context : uint8_t { kTopLevel, kMulti, kScript };

  uint64_t id = 0;
  uint64_t count = 1;
  Reason reason = Reason::kCommand;
  Context context = Context::kTopLevel;
  std::string object;
  std::string user;
  uint64_t created_ms = 0;  // wall clock, these two
  uint64_t updated_ms = 0;
  std::string client;  // as CLIENT LIST, of the latest one
};

class Log {
 public:
  static constexpr size_t kObjectBytesMax = 1024;
  static constexpr size_t kClientBytesMax = 4096;
  // As in Redis: so many entries are looked at, and so far back.
  static constexpr size_t kLikeMax = 10;
  static constexpr uint64_t kLikeMillis = 60'000;

  void Add(LogEntry entry, uint64_t now_ms);
  // The newest first.
  std::vector<LogEntry> Latest(size_t count);
  void Reset();
  void SetLength(size_t entries);

 private:
  std::mutex mutex_;
  std::deque<LogEntry> entries_;
  size_t length_ = 128;
  uint64_t next_id_ = 0;
};

}  // namespace cairn::acl
