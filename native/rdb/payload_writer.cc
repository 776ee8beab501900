#include "rdb/payload_writer.h"

#include <algorithm>

#include "base/check.h"
#include "base/crc64.h"
#include "base/lzf.h"

namespace cairn::rdb {
namespace {

inline constexpr size_t kScratchKeptMax = 64u << 10;
inline constexpr size_t kFormBytesMax = 16;  // of a length, or of a string that is an integer
inline constexpr char kLength64 = '\x81';
inline constexpr size_t kCountBytes = 8;

// From which a type is known: that of Redis 7.0 (all others), 7.2, 7.4.
uint16_t VersionOf(Type type) {
  if (type <= Type::kStream2) return 10;
  return type <= Type::kStream3 ? 11 : 12;
}

}  // namespace

void PayloadWriter::Bytes(std::string_view bytes) {
  sink_->Append(bytes);
  crc_ = Crc64Extend(crc_, bytes.data(), bytes.size());
  written_ += bytes.size();
}

void PayloadWriter::Begin(Type type) {
  CAIRN_CHECK(written_ == 0);
  type_ = type;
  Little(static_cast<uint8_t>(type));
}

void PayloadWriter::Length(uint64_t length) {
  char bytes[kFormBytesMax];
  Bytes({bytes, PutLength(length, bytes)});
}

void PayloadWriter::String(std::string_view text) {
  char bytes[kFormBytesMax];
  if (const size_t integer = PutInteger(text, bytes); integer != 0) {
    return Bytes({bytes, integer});
  }
  if (text.size() <= std::min<uint64_t>(compress_bytes_max_, kLzfInputBytesMax)) {
    if (scratch_.size() < StringRoom(text.size())) scratch_.resize(StringRoom(text.size()));
    const size_t coded = PutLzf(text, scratch_.data());
    if (coded != 0) Bytes({scratch_.data(), coded});
    if (scratch_.size() > kScratchKeptMax) std::string().swap(scratch_);
    if (coded != 0) return;
  }
  Length(text.size());
  Bytes(text);
}

// The long form of a length takes any.
void PayloadWriter::ReserveCount() {
  CAIRN_CHECK(!has_count_);
  Little(kLength64);
  has_count_ = true;
  count_at_ = written_;
  crc_before_count_ = crc_;
  const char zeros[kCountBytes] = {};
  sink_->Append({zeros, kCountBytes});
  written_ += kCountBytes;
  crc_ = 0;
}

void PayloadWriter::FillCount(uint64_t count) {
  CAIRN_CHECK(has_count_ && !count_filled_);
  count_filled_ = true;
  char bytes[kCountBytes];
  PutBig(count, bytes);
  sink_->Patch(count_at_, {bytes, kCountBytes});
  crc_before_count_ = Crc64Extend(crc_before_count_, bytes, kCountBytes);
}

void PayloadWriter::Finish() {
  CAIRN_CHECK(written_ != 0 && has_count_ == count_filled_);
  Little(std::max(version_, VersionOf(type_)));
  if (has_count_) {
    crc_ = Crc64Combine(crc_before_count_, crc_, written_ - count_at_ - kCountBytes);
  }
  Little(crc_);
}

}  // namespace cairn::rdb
