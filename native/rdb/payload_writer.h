// PayloadWriter: a payload of DUMP, from the type to the checksum, piece by piece into a sink. What
// encodes a kind of value writes through it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "rdb/coding.h"
#include "rdb/types.h"

namespace cairn::rdb {

// Where a payload goes.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void Append(std::string_view bytes) = 0;
  // In place of as many bytes that were appended. Of a payload at most once, at most 8 bytes: a
  // count that stands in front and is known at the end.
  virtual void Patch(uint64_t at, std::string_view bytes) = 0;
};

class PayloadWriter {
 public:
  // `version`: for the footer, unless the type came with a later one.
  PayloadWriter(Sink* sink, uint64_t compress_bytes_max, uint16_t version)
      : sink_(sink), compress_bytes_max_(compress_bytes_max), version_(version) {}

  void Begin(Type type);
  void Length(uint64_t length);
  // As an integer, compressed, or as it is, whatever is shortest. Texts beyond the limit are not
  // compressed; the others take memory of their length.
  void String(std::string_view text);
  void Bytes(std::string_view bytes);
  template <typename T>
  void Little(T value) {
    char bytes[sizeof(T)];
    Bytes({bytes, PutLittle(value, bytes)});
  }

  // Once: a length that is filled in later.
  void ReserveCount();
  void FillCount(uint64_t count);

  void Finish();

 private:
  Sink* const sink_;
  const uint64_t compress_bytes_max_;
  const uint16_t version_;
  Type type_ = Type::kString;
  uint64_t written_ = 0;
  uint64_t crc_ = 0;  // of what was written; from the reserved count on if there is one
  bool has_count_ = false;
  bool count_filled_ = false;
  uint64_t crc_before_count_ = 0;
  uint64_t count_at_ = 0;
  std::string scratch_;
};

}  // namespace cairn::rdb
