// What reads give and take: entries, values from disk, ranges of keys.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/large_buffer.h"
#include "base/status.h"
#include "engine/limits.h"
#include "engine/ticket.h"

namespace cairn {

// Stored with each value, and carried through all that happens to it. Frozen: the numbers are on
// disk, and are Redis's. What is no string is a collection's root, which may name a space of pages
// (engine/spaces.h).
enum class ValueType : uint8_t {
  kString = 0,
  kList = 1,
  kSet = 2,
  kZset = 3,
  kHash = 4,
  // 5: a module's, which there are none of
  kStream = 6,
};
inline constexpr uint8_t kValueTypeMax = 15;  // what formats have room for

// What can be read of a key, in one exact state of it: equal bytes for the same key mean the same
// state. Opaque outside the engine.
struct VersionToken {
  uint64_t word[3] = {0, 0, 0};
  auto operator<=>(const VersionToken&) const = default;
};

// What memory says of a key. `value` is valid while the latch is held and nothing was applied
// since; with `copied` until the same thread's next Find.
struct Entry {
  bool found = false;
  // Whether the key is there cannot be told without I/O, and nothing else here is known but
  // `version` and `ticket`: Fetch tells.
  bool unknown = false;
  bool resident = false;  // value bytes are in memory; false: Fetch them
  bool copied = false;    // `value` was copied for the caller
  ValueType type = ValueType::kString;
  uint64_t expire_at_ms = 0;  // 0: never. Expired entries are reported as they are; callers judge.
  uint64_t value_bytes = 0;
  std::string_view value;
  VersionToken version;  // unless resident or missing
  Ticket ticket;  // position 0 when the version is durable already; for a miss: the shard's latest
                  // removal
};

// Reads from disk what Find could not tell, in the state that entry.version names: a value, or all
// of an unknown entry. Owned by the caller until Done ran, on the reactor's thread. On success what
// it shows is valid until the request is destroyed or used again. Errors: kIoError, kCorruption
// (file and offset named).
class FetchRequest {
 public:
  FetchRequest() = default;
  virtual ~FetchRequest() { Forget(); }
  FetchRequest(const FetchRequest&) = delete;
  FetchRequest& operator=(const FetchRequest&) = delete;
  virtual void Done(Status status) = 0;

  struct Result {
    bool found = true;  // of an entry that was unknown: what it turned out to be
    ValueType type = ValueType::kString;
    uint64_t expire_at_ms = 0;
    std::string_view value;
    Owner owner;  // of a large value: keeps it alive beyond the request. Null: copy it.
  };
  const Result& result() const { return result_; }
  std::string_view value() const { return result_.value; }

  VersionToken version;   // as Find gave it
  bool unknown = false;   // as Find said
  bool no_admit = false;  // what is read does not enter the cache

 private:
  friend class Engine;
  void Forget() {
    if (state_ != nullptr) free_state_(state_);
    state_ = nullptr;
  }
  Result result_;
  void* state_ = nullptr;  // the engine's; freed through free_state_
  void (*free_state_)(void*) = nullptr;
};

// Which keys a RangeRequest is to bring.
struct RangeQuery {
  static constexpr uint32_t kKeysMax = 1024;  // at most

  uint16_t ns = 0;
  uint32_t part = 0;
  std::string from;    // the first key that may come
  std::string prefix;  // keys that do not begin with it end the range
  uint32_t keys_max = kKeysMax;
  bool random = false;  // not a range but any key of the namespace: see Engine::RandomKey
  bool operator==(const RangeQuery&) const = default;
};

// Reads keys in order, some at a time; see Engine::ReadRange. Owned by the caller, until Done ran
// if it is to run.
class RangeRequest : public RangeQuery {
 public:
  static constexpr uint64_t kBytesMax = 256u << 10;  // of keys; one longer key comes alone

  struct Row {
    std::string_view key;
    uint64_t expire_at_ms = 0;
    ValueType type = ValueType::kString;
  };

  virtual ~RangeRequest() = default;
  virtual void Done(Status status) = 0;

  bool latched = false;  // the caller holds all latches

  // What was found. rows() are valid until the request is destroyed or used again.
  const std::vector<Row>& rows() const { return rows_; }
  bool end = false;  // nothing more in this part
  Ticket ticket;     // covers all that the rows show, or that they do not show any more

  // For engines: forgets what was found; adds a row, false: it does not fit any more.
  void Restart();
  bool Add(std::string_view key, uint64_t expire_at_ms, ValueType type);
  // The rows are whole: makes their views.
  void Seal();

 private:
  std::string bytes_;
  std::vector<size_t> ends_;
  std::vector<Row> rows_;
};

// A key that will be used soon, with its shard.
struct KeyHint {
  std::string_view key;
  uint16_t shard = 0;
};

}  // namespace cairn
