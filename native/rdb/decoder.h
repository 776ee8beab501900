// Decoder: what is in a value that Redis has serialised (DUMP, RDB files), told to a visitor a step
// at a time. It reads what a Redis 7.2 does, and hashes with fields that expire as 7.4 writes them;
// modules' values and the other types of newer servers are refused by name.
//
// It believes nothing: whatever a Redis with sanitize-dump-payload refuses is refused, and some of
// what it lets pass (scores that are no numbers, entries of streams out of order or not as many as
// claimed, pending entries claimed twice). What is left to the visitor stands in visitor.h.
//
// Threads: one at a time. The bytes stay where they are until the decoder is gone; it copies none,
// but compressed strings are decoded in memory of its own: at most two, each within its limit. For
// the pending entries of one group it has about half a byte each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "rdb/coding.h"
#include "rdb/decode_input.h"
#include "rdb/visitor.h"

namespace cairn::rdb {

class Decoder {
 public:
  enum class Progress : uint8_t { kMore, kDone, kStopped, kFailed };

  // A payload of DUMP. Its checksum comes first, before anything is told, and nothing may be left
  // behind the value. The version is not looked at: see string_payload.h.
  Decoder(std::string_view payload, Visitor* visitor, const DecodeLimits& limits = {});
  // A value of an RDB file, of a type that stood before its key; it ends where it ends.
  Decoder(uint8_t type, std::string_view bytes, Visitor* visitor, const DecodeLimits& limits = {});
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  // Once it is not kMore, it stays what it is.
  Progress Step(const StepBudget& budget);

  // What is wrong with the value after kFailed, and where: "... at byte N", with "of the node at
  // byte M" if N counts from the beginning of a node as it is when decompressed.
  DumpResult fault() const { return input_.fault(); }
  const std::string& message() const { return input_.message(); }

  // Bytes taken. After kDone: of the value.
  size_t position() const { return input_.position(); }

 private:
  enum class Phase : uint8_t { kChecksum, kType, kBody };

  Progress Advance();
  Took CheckFooter();
  Took TakeType();
  Took OpenBody(uint8_t type);

  const std::string_view payload_;  // empty: a value without type and footer
  Visitor* const visitor_;
  Input input_;
  Phase phase_;
  Progress progress_ = Progress::kMore;
  uint64_t checksum_ = 0;
  size_t summed_ = 0;
  uint8_t type_ = 0;
  std::unique_ptr<Body> body_;
};

}  // namespace cairn::rdb
