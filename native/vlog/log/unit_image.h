// UnitImage: a unit of writes as it will lie in the lanes, one piece of memory per lane, made
// before it has its place there. Large values are copied and checksummed in steps; what depends on
// the place (headers, with the keys) is written when it is known, and the checksums are put
// together.
//
//   [commit record, later][group record, later][header, key: later][value][header, key][value]...
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/large_buffer.h"
#include "engine/write.h"
#include "vlog/log/format.h"

namespace cairn::vlog {

inline RecordType TypeFor(const WriteOp& op) {
  switch (op.kind) {
    case WriteKind::kPut:
      return op.expire_at_ms != 0 ? RecordType::kPutExpire : RecordType::kPut;
    case WriteKind::kDelete:
      return RecordType::kDelete;
    case WriteKind::kExpire:
      return RecordType::kSetExpire;
    case WriteKind::kFlush:
      return RecordType::kFlush;
    case WriteKind::kSwap:
      return RecordType::kSwap;
  }
  return RecordType::kPut;
}

class UnitImage final : public PreparedUnit {
 public:
  struct Part {
    uint32_t lane = 0;
    uint64_t bytes = 0;  // of records, without the commit record
    std::shared_ptr<LargeBuffer> memory;
  };

  // `parts` in ascending order of lanes. Records are laid out behind `group_bytes` in each.
  UnitImage(std::vector<Part> parts, uint64_t group_bytes) : parts_(std::move(parts)) {
    ends_.assign(parts_.size(), kCommitRecordBytes + group_bytes);
  }
  // The next op of the unit, in order; it goes to parts[part].
  void Add(const WriteOp& op, size_t part);
  // Whether any value is large enough for all this.
  bool useful() const { return fills_; }

  bool Step(uint64_t bytes) override;

  // Whether these are the ops that it was made for, as far as its layout and its values go.
  bool Fits(std::span<const WriteOp> ops) const;
  const std::vector<Part>& parts() const { return parts_; }
  // Completes the record of op number `index`, which lies at `out` and starts its checksum from
  // `seed`. Returns the checksum. False in *done: it has not been filled; encode it.
  uint32_t Seal(size_t index, char* out, uint32_t seed, const RecordHeader& header,
                const WriteOp& op, bool* done) const;

 private:
  struct Record {
    WriteKind kind;
    bool has_expiry;
    bool filled;
    uint16_t shard;
    uint64_t key_bytes;
    std::string_view value;
    char* to;          // where the value goes
    uint64_t tail;     // bytes of value and padding
    uint32_t crc = 0;  // of them, as far as they are there
  };

  std::vector<Part> parts_;
  std::vector<uint64_t> ends_;  // by part: where the next record begins
  std::vector<Record> records_;
  size_t next_ = 0;    // record that is being filled
  uint64_t done_ = 0;  // of its value
  bool fills_ = false;
};

}  // namespace cairn::vlog
