// LookAhead: the keys of the commands that follow in a pipelined burst, looked up together before
// they run, so that their cache misses overlap (Engine::Prefetch). Nothing here decides anything:
// what does not look like a plain command with a key is passed over, the parser will have its say.
//
// One reactor's thread. Hints point into the input that is being consumed, and are gone with it
// (End).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/slot.h"
#include "engine/engine.h"
#include "resp/skim.h"
#include "session/connection.h"

namespace cairn {

class LookAhead {
 public:
  explicit LookAhead(Engine* engine) : engine_(engine) {}

  // Before each command that stands at data.
  void Next(const Connection& conn, const char* data, size_t bytes) {
    if (commands_ == 0) Look(conn, data, bytes);
    --commands_;
  }
  void End() { commands_ = count_ = next_ = 0; }
  // ShardOf(key), which may be known.
  uint16_t Shard(std::string_view key) {
    for (; next_ < count_; ++next_) {
      const KeyHint& hint = hints_[next_];
      if (hint.key.data() == key.data() && hint.key.size() == key.size()) return hint.shard;
      if (hint.key.data() > key.data()) break;
    }
    return ShardOf(key);
  }

 private:
  static constexpr size_t kHintsMax = 16;

  void Look(const Connection& conn, const char* data, size_t bytes) {
    constexpr size_t kBytesMin = 40;  // a command more than the one at hand
    count_ = next_ = 0;
    commands_ = 1;
    if (bytes < 2 * kBytesMin || conn.parser.in_command()) return;
    const char* end = data + bytes;
    size_t commands = 0;
    while (commands < kHintsMax) {
      std::string_view key;
      const char* next = SkimCommand(data, end, &key);
      if (next == nullptr) break;
      ++commands;
      data = next;
      if (key.data() != nullptr) hints_[count_++] = KeyHint{key, ShardOf(key)};
    }
    if (commands < 2) return;
    commands_ = commands;
    engine_->Prefetch(conn.db, std::span<const KeyHint>(hints_, count_));
  }

  Engine* const engine_;
  KeyHint hints_[kHintsMax];
  size_t count_ = 0;
  size_t next_ = 0;
  size_t commands_ = 0;  // covered by the last look and not yet run
};

}  // namespace cairn
