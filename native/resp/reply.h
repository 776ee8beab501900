// OutBuffer and ReplyWriter: replies in RESP2 or RESP3, appended to a growable byte buffer.
//
// OutBuffer owns the bytes from the oldest unsent one to the newest; between them may stand large
// ones that it only borrows. Bounded by the caller: compare size() with the client's output limit
// after each command; beyond kBytesMax, which no machine has, memory counts as used up. ReplyWriter
// is a light handle (pointer and protocol version) and may be made anew for each turn; the buffer
// must outlive it. Neither is thread-safe: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <string_view>

#include "base/check.h"
#include "base/large_buffer.h"

namespace cairn {

class OutBuffer {
 public:
  static constexpr size_t kBytesMax = size_t{1} << 40;

  OutBuffer() = default;
  ~OutBuffer();
  OutBuffer(OutBuffer&& other) noexcept;
  OutBuffer& operator=(OutBuffer&& other) noexcept;
  OutBuffer(const OutBuffer&) = delete;
  OutBuffer& operator=(const OutBuffer&) = delete;

  // All bytes, where none are lent.
  const char* data() const { return bytes_ + begin_; }
  std::string_view view() const {
    CAIRN_CHECK(lent_bytes_ == 0);
    return {data(), size()};
  }
  size_t size() const { return end_ - begin_ + lent_bytes_; }
  bool empty() const { return size() == 0; }
  size_t capacity() const { return capacity_; }
  // Own bytes from the beginning of the buffer on, consumed ones included: what Pin keeps.
  size_t held() const { return end_; }
  // The first bytes that lie in one piece: what is sent next.
  std::string_view Front() const {
    return CAIRN_LIKELY(lent_bytes_ == 0) ? std::string_view(data(), size()) : FrontOfLent();
  }
  // The bytes from a mark up to what is lent behind it.
  std::string_view ViewFrom(size_t mark) const {
    return CAIRN_LIKELY(lent_bytes_ == 0) ? std::string_view(data() + mark, size() - mark)
                                          : ViewOfLent(mark);
  }

  void Append(std::string_view bytes) {
    char* p = Reserve(bytes.size());
    if (!bytes.empty()) std::memcpy(p, bytes.data(), bytes.size());
    end_ += bytes.size();
  }
  // Moves what another one holds behind the end of this one; what is lent there stays where it is.
  void Append(OutBuffer* more);
  // Appends without copying: the bytes stay as they are while the owner lives.
  void Lend(std::string_view bytes, Owner owner);
  // Room for `bytes` more; write there, then Commit what was written. Valid until the next call
  // that is not Commit.
  char* Reserve(size_t bytes) {
    if (CAIRN_UNLIKELY(capacity_ - end_ < bytes)) Grow(bytes);
    return bytes_ + end_;
  }
  void Commit(size_t bytes) { end_ += bytes; }
  // From now on the bytes that are here, and consumed ones, stay where and as they are while the
  // owner lives. Not for a buffer that is truncated later.
  Owner Pin();

  // A mark is size() at some moment; Truncate drops what came after it. Consume shifts marks by
  // what it consumed.
  void Truncate(size_t mark) {
    CAIRN_CHECK(mark <= size());
    if (CAIRN_UNLIKELY(lent_bytes_ != 0)) return TruncateLent(mark);
    end_ = begin_ + mark;
  }
  // Drops sent bytes from the front.
  void Consume(size_t bytes) {
    CAIRN_CHECK(bytes <= size());
    if (CAIRN_UNLIKELY(extra_ != nullptr)) return ConsumeLent(bytes);
    begin_ += bytes;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  void Clear() {
    if (CAIRN_UNLIKELY(extra_ != nullptr)) DropExtra();
    begin_ = end_ = 0;
  }
  // Gives memory back when the buffer is empty and holds more than `kept` bytes.
  void Shrink(size_t kept);

 private:
  // Stands before the own byte at index `at`.
  struct Lent {
    size_t at;
    std::string_view bytes;
    Owner owner;
  };
  struct Extra {
    std::deque<Lent> lent;
    std::shared_ptr<char> pinned;  // owns bytes_
  };

  void Grow(size_t bytes);
  void FreeBytes();
  std::string_view FrontOfLent() const;
  std::string_view ViewOfLent(size_t mark) const;
  void TruncateLent(size_t mark);
  void ConsumeLent(size_t bytes);
  void DropExtra();

  char* bytes_ = nullptr;
  size_t begin_ = 0;
  size_t end_ = 0;
  size_t capacity_ = 0;
  size_t lent_bytes_ = 0;
  std::unique_ptr<Extra> extra_;  // only if something is lent or pinned
};

class ReplyWriter {
 public:
  explicit ReplyWriter(OutBuffer* out, int version = 2, Lender* lender = nullptr)
      : out_(out), version_(version), lender_(lender) {}

  int version() const { return version_; }
  void set_version(int version) { version_ = version; }
  OutBuffer& out() { return *out_; }

  void Ok() { Raw("+OK\r\n"); }
  void Queued() { Raw("+QUEUED\r\n"); }
  void Pong() { Raw("+PONG\r\n"); }
  // A status line. The text is ours: it must not contain CR or LF.
  void Simple(std::string_view text);
  // An error line, code first ("ERR ...", see errors.h). CR and LF inside become spaces.
  void Error(std::string_view text);
  void Integer(int64_t value);
  void Bulk(std::string_view bytes) {
    if (CAIRN_UNLIKELY(bytes.size() >= kLargeValueBytes) && LendBulk(bytes)) return;
    char* p = BulkSpace(bytes.size());
    if (!bytes.empty()) std::memcpy(p, bytes.data(), bytes.size());
  }
  // Writes the frame of a bulk of `bytes` bytes and returns the place of its content, which the
  // caller fills before the next call on this writer or its buffer.
  char* BulkSpace(size_t bytes) { return Frame('$', bytes); }
  void BulkInteger(int64_t value);  // the decimal text as a bulk
  void Null() { version_ >= 3 ? Raw("_\r\n") : Raw("$-1\r\n"); }
  void NullArray() { version_ >= 3 ? Raw("_\r\n") : Raw("*-1\r\n"); }
  void ArrayHeader(uint64_t elements) { Header('*', elements); }
  // `pairs` keys, each followed by its value. RESP2: a flat array of both.
  void MapHeader(uint64_t pairs) { version_ >= 3 ? Header('%', pairs) : Header('*', pairs * 2); }
  void SetHeader(uint64_t elements) { Header(version_ >= 3 ? '~' : '*', elements); }
  void PushHeader(uint64_t elements) { Header(version_ >= 3 ? '>' : '*', elements); }
  void AttributeHeader(uint64_t pairs);    // RESP3 only
  void Double(double value);               // RESP2: a bulk
  void LongDoubleBulk(long double value);  // INCRBYFLOAT's text, a bulk in both versions
  void Bool(bool value) {
    version_ >= 3 ? Raw(value ? "#t\r\n" : "#f\r\n") : Raw(value ? ":1\r\n" : ":0\r\n");
  }
  void BigNumber(std::string_view digits);  // RESP2: a bulk
  // `format` is three letters, "txt" or "mkd". RESP2: a bulk.
  void Verbatim(std::string_view format, std::string_view text);
  // A reply that is framed already.
  void Raw(std::string_view bytes) { out_->Append(bytes); }

 private:
  void Header(char type, uint64_t count);
  char* Frame(char type, size_t bytes);
  bool LendBulk(std::string_view bytes);
  void Line(char type, std::string_view text);

  OutBuffer* out_;
  int version_;
  Lender* lender_;
};

}  // namespace cairn
