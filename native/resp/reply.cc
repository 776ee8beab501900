#include "resp/reply.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "base/number.h"
#include "base/release.h"

namespace cairn {
namespace {

constexpr size_t kFirstBytes = 1024;

// "n\r\n" for small n, to be copied eight bytes at a time; the last byte holds the length.
constexpr size_t kPreparedCounts = 256;
constexpr size_t kPreparedBytes = 8;
constexpr size_t kHeaderBytesMax = 1 + kInt64TextBytes + 2;
static_assert(1 + kPreparedBytes <= kHeaderBytesMax);

using Prepared = std::array<char, kPreparedBytes>;

constexpr std::array<Prepared, kPreparedCounts> PrepareCounts() {
  std::array<Prepared, kPreparedCounts> all{};
  for (size_t n = 0; n < kPreparedCounts; ++n) {
    char bytes = 0;
    auto add = [&](char c) { all[n][static_cast<size_t>(bytes++)] = c; };
    if (n >= 100) add(static_cast<char>('0' + n / 100));
    if (n >= 10) add(static_cast<char>('0' + n / 10 % 10));
    add(static_cast<char>('0' + n % 10));
    add('\r');
    add('\n');
    all[n][kPreparedBytes - 1] = bytes;
  }
  return all;
}

constexpr std::array<Prepared, kPreparedCounts> kPrepared = PrepareCounts();

// Type byte, number, line end. `out` has room for kHeaderBytesMax.
inline size_t WriteHeader(char* out, char type, uint64_t count) {
  out[0] = type;
  if (CAIRN_LIKELY(count < kPreparedCounts)) {
    const Prepared& prepared = kPrepared[count];
    std::memcpy(out + 1, prepared.data(), kPreparedBytes);
    return 1 + static_cast<size_t>(prepared[kPreparedBytes - 1]);
  }
  size_t at = 1 + FormatUint64(count, out + 1);
  out[at] = '\r';
  out[at + 1] = '\n';
  return at + 2;
}

}  // namespace

OutBuffer::~OutBuffer() { FreeBytes(); }

OutBuffer::OutBuffer(OutBuffer&& other) noexcept
    : bytes_(std::exchange(other.bytes_, nullptr)),
      begin_(std::exchange(other.begin_, 0)),
      end_(std::exchange(other.end_, 0)),
      capacity_(std::exchange(other.capacity_, 0)),
      lent_bytes_(std::exchange(other.lent_bytes_, 0)),
      extra_(std::move(other.extra_)) {}

OutBuffer& OutBuffer::operator=(OutBuffer&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(begin_, other.begin_);
  std::swap(end_, other.end_);
  std::swap(capacity_, other.capacity_);
  std::swap(lent_bytes_, other.lent_bytes_);
  std::swap(extra_, other.extra_);
  return *this;
}

void OutBuffer::FreeBytes() {
  const bool pinned = extra_ != nullptr && extra_->pinned != nullptr;
  if (pinned) {
    extra_->pinned.reset();
  } else if (bytes_ != nullptr) {
    ReleaseMemory(bytes_, capacity_, [](void* data, size_t) { std::free(data); });
  }
  bytes_ = nullptr;
  capacity_ = 0;
}

// Moves the bytes to the front if that frees at least half of the buffer, else doubles it: either
// way the cost of copying is paid for by the bytes appended since the last time.
void OutBuffer::Grow(size_t bytes) {
  const size_t used = end_ - begin_;  // what is lent takes no memory here
  if (used > kBytesMax || bytes > kBytesMax - used) OutOfMemory(bytes);
  const bool pinned = extra_ != nullptr && extra_->pinned != nullptr;
  if (!pinned && used + bytes <= capacity_ && begin_ >= capacity_ / 2) {
    std::memmove(bytes_, bytes_ + begin_, used);
  } else {
    const bool in_place = !pinned && begin_ == 0;
    const size_t wanted = std::max({used + bytes, pinned ? 0 : capacity_ * 2, kFirstBytes});
    char* grown = Allocated(
        static_cast<char*>(in_place ? std::realloc(bytes_, wanted) : std::malloc(wanted)), wanted);
    if (!in_place) {
      if (used != 0) std::memcpy(grown, bytes_ + begin_, used);
      FreeBytes();
    }
    bytes_ = grown;
    capacity_ = wanted;
  }
  if (extra_ != nullptr) {
    for (Lent& lent : extra_->lent) lent.at -= begin_;
  }
  begin_ = 0;
  end_ = used;
}

void OutBuffer::Shrink(size_t kept) {
  if (!empty() || capacity_ <= kept) return;
  FreeBytes();
  begin_ = end_ = 0;
}

Owner OutBuffer::Pin() {
  if (extra_ == nullptr) extra_ = std::make_unique<Extra>();
  if (extra_->pinned == nullptr) {
    extra_->pinned = std::shared_ptr<char>(bytes_, [bytes = capacity_](char* data) {
      ReleaseMemory(data, bytes, [](void* memory, size_t) { std::free(memory); });
    });
  }
  return extra_->pinned;
}

void OutBuffer::Lend(std::string_view bytes, Owner owner) {
  if (bytes.empty()) return;
  if (extra_ == nullptr) extra_ = std::make_unique<Extra>();
  extra_->lent.push_back({end_, bytes, std::move(owner)});
  lent_bytes_ += bytes.size();
}

void OutBuffer::Append(OutBuffer* more) {
  if (more->extra_ != nullptr) {
    for (Lent& lent : more->extra_->lent) {
      Append({more->bytes_ + more->begin_, lent.at - more->begin_});
      more->begin_ = lent.at;
      Lend(lent.bytes, std::move(lent.owner));
    }
  }
  if (more->end_ != more->begin_) Append({more->bytes_ + more->begin_, more->end_ - more->begin_});
  more->Clear();
}

std::string_view OutBuffer::FrontOfLent() const {
  const Lent& first = extra_->lent.front();
  if (first.at == begin_) return first.bytes;
  return {bytes_ + begin_, first.at - begin_};
}

std::string_view OutBuffer::ViewOfLent(size_t mark) const {
  size_t at = begin_ + mark;  // of the mark among the own bytes
  for (const Lent& lent : extra_->lent) {
    if (at <= lent.at) return {bytes_ + at, lent.at - at};
    at -= lent.bytes.size();  // no mark is inside a value
  }
  return {bytes_ + at, end_ - at};
}

void OutBuffer::TruncateLent(size_t mark) {
  std::deque<Lent>& lent = extra_->lent;
  for (;;) {
    const size_t more = size() - mark;
    const size_t own = lent.empty() ? end_ - begin_ : end_ - lent.back().at;
    if (more <= own) {
      end_ -= more;
      return;
    }
    end_ -= own;
    CAIRN_CHECK(more - own >= lent.back().bytes.size());  // no mark is inside a value
    lent_bytes_ -= lent.back().bytes.size();
    lent.pop_back();
  }
}

void OutBuffer::ConsumeLent(size_t bytes) {
  std::deque<Lent>& lent = extra_->lent;
  while (bytes != 0) {
    if (!lent.empty() && lent.front().at == begin_) {
      Lent& first = lent.front();
      const size_t taken = std::min(bytes, first.bytes.size());
      first.bytes.remove_prefix(taken);
      lent_bytes_ -= taken;
      bytes -= taken;
      if (first.bytes.empty()) lent.pop_front();
      continue;
    }
    const size_t own = (lent.empty() ? end_ : lent.front().at) - begin_;
    const size_t taken = std::min(bytes, own);
    begin_ += taken;
    bytes -= taken;
  }
  if (empty()) Clear();
}

void OutBuffer::DropExtra() {
  if (extra_->pinned != nullptr) FreeBytes();
  extra_.reset();
  lent_bytes_ = 0;
}

void ReplyWriter::Header(char type, uint64_t count) {
  char* p = out_->Reserve(kHeaderBytesMax);
  out_->Commit(WriteHeader(p, type, count));
}

void ReplyWriter::Line(char type, std::string_view text) {
  char* p = out_->Reserve(1 + text.size() + 2);
  *p++ = type;
  if (!text.empty()) std::memcpy(p, text.data(), text.size());
  p += text.size();
  p[0] = '\r';
  p[1] = '\n';
  out_->Commit(1 + text.size() + 2);
}

void ReplyWriter::Simple(std::string_view text) { Line('+', text); }

void ReplyWriter::Error(std::string_view text) {
  // Redis cuts line ends at the end, and replaces those inside.
  while (!text.empty() && (text.back() == '\r' || text.back() == '\n')) text.remove_suffix(1);
  Line('-', text);
  char* first = out_->Reserve(0) - 2 - text.size();
  for (char* p = first; p != first + text.size(); ++p) {
    if (*p == '\r' || *p == '\n') *p = ' ';
  }
}

void ReplyWriter::Integer(int64_t value) {
  if (CAIRN_LIKELY(value >= 0)) return Header(':', static_cast<uint64_t>(value));
  char* p = out_->Reserve(kHeaderBytesMax);
  p[0] = ':';
  size_t at = 1 + FormatInt64(value, p + 1);
  p[at] = '\r';
  p[at + 1] = '\n';
  out_->Commit(at + 2);
}

char* ReplyWriter::Frame(char type, size_t bytes) {
  CAIRN_CHECK(bytes < OutBuffer::kBytesMax / 2, "one bulk is a value or a text of ours");
  char* p = out_->Reserve(kHeaderBytesMax + bytes + 2);
  size_t header = WriteHeader(p, type, bytes);
  p += header;
  p[bytes] = '\r';
  p[bytes + 1] = '\n';
  out_->Commit(header + bytes + 2);
  return p;
}

bool ReplyWriter::LendBulk(std::string_view bytes) {
  Owner owner = lender_ != nullptr ? lender_->OwnerOf(bytes) : nullptr;
  if (owner == nullptr) return false;
  Header('$', bytes.size());
  out_->Lend(bytes, std::move(owner));
  Raw("\r\n");
  return true;
}

void ReplyWriter::BulkInteger(int64_t value) {
  char text[kInt64TextBytes];
  Bulk(std::string_view(text, FormatInt64(value, text)));
}

void ReplyWriter::AttributeHeader(uint64_t pairs) {
  CAIRN_CHECK(version_ >= 3, "the caller asks for the version first");
  Header('|', pairs);
}

void ReplyWriter::Double(double value) {
  char text[kDoubleTextBytes];
  std::string_view digits(text, FormatDouble(value, text));
  version_ >= 3 ? Line(',', digits) : Bulk(digits);
}

void ReplyWriter::LongDoubleBulk(long double value) {
  char text[kLongDoubleTextBytes];
  Bulk(std::string_view(text, FormatLongDouble(value, text)));
}

void ReplyWriter::BigNumber(std::string_view digits) {
  version_ >= 3 ? Line('(', digits) : Bulk(digits);
}

void ReplyWriter::Verbatim(std::string_view format, std::string_view text) {
  CAIRN_CHECK(format.size() == 3);
  if (version_ < 3) return Bulk(text);
  char* p = Frame('=', format.size() + 1 + text.size());
  std::memcpy(p, format.data(), 3);
  p[3] = ':';
  if (!text.empty()) std::memcpy(p + 4, text.data(), text.size());
}

}  // namespace cairn
