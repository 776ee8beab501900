#include "resp/parser.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/number.h"
#include "resp/errors.h"

namespace cairn {
namespace {

constexpr size_t kLineEndBytes = 2;
// Numbers of up to this many digits are read without looking for the line end first.
constexpr ptrdiff_t kShortDigitsMax = 7;

// Reads "<digits>\r?" from p: a canonical number of a few digits, and its line end with it. Null:
// not of that shape, or cut off; the careful path then decides. The byte after CR is not looked at,
// as in Redis.
inline const char* ReadShortNumber(const char* p, const char* end, uint64_t* value) {
  if (CAIRN_UNLIKELY(end - p < 3)) return nullptr;
  unsigned digit = static_cast<unsigned char>(p[0]) - unsigned{'0'};
  if (CAIRN_UNLIKELY(digit > 9)) return nullptr;
  if (CAIRN_LIKELY(p[1] == '\r')) {
    *value = digit;
    return p + 3;
  }
  if (digit == 0) return nullptr;
  uint64_t number = digit;
  const char* last = end - p > kShortDigitsMax + 2 ? p + kShortDigitsMax : end - 2;
  for (++p; p <= last; ++p) {
    digit = static_cast<unsigned char>(*p) - unsigned{'0'};
    if (digit > 9) break;
    number = number * 10 + digit;
  }
  if (p > last || *p != '\r') return nullptr;
  *value = number;
  return p + 2;
}

inline bool IsBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

inline int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

inline char Unescape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return c;
  }
}

// Assigning {} would keep the capacity.
template <typename T>
void Free(std::vector<T>* vector) {
  std::vector<T>().swap(*vector);
}

}  // namespace

RequestParser::RequestParser(ParserOptions options) : options_(options) { UpdateLimits(); }

void RequestParser::SetAuthenticated(bool authenticated) {
  options_.authenticated = authenticated;
  UpdateLimits();
}

void RequestParser::UpdateLimits() {
  argument_limit_ = options_.authenticated ? kArgumentCountMax : kUnauthenticatedArgumentsMax;
  bulk_limit_ =
      options_.bulk_bytes_max_now != nullptr ? kBulkBytesMaxLeast : options_.bulk_bytes_max;
  if (!options_.authenticated) bulk_limit_ = std::min(bulk_limit_, kUnauthenticatedBulkBytesMax);
}

void RequestParser::Reset() {
  expected_ = 0;
  offset_ = scanned_ = 0;
  bulk_open_ = false;
  Free(&extents_);
  Free(&heap_slots_);
  Free(&scratch_);
  slots_ = inline_slots_;
  slot_count_ = kInlineSlots;
  oversized_ = false;
}

size_t RequestParser::heap_bytes() const {
  return extents_.capacity() * sizeof(Extent) + heap_slots_.capacity() * sizeof(std::string_view) +
         scratch_.capacity();
}

ParseResult RequestParser::Parse(const char* data, size_t len, Request* out) {
  if (CAIRN_LIKELY(expected_ == 0)) {
    if (CAIRN_UNLIKELY(len == 0)) {
      out->bytes_needed = 1;
      return ParseResult::kIncomplete;
    }
    if (CAIRN_UNLIKELY(oversized_)) Trim();
    if (CAIRN_UNLIKELY(data[0] != '*')) return ParseInline(data, len, out);
    uint64_t count = 0;
    const char* next = ReadShortNumber(data + 1, data + len, &count);
    if (CAIRN_LIKELY(next != nullptr && count != 0 && count <= argument_limit_)) {
      return ParseArguments(data, len, static_cast<size_t>(next - data), count, out);
    }
    return ParseCount(data, len, out);
  }
  CAIRN_CHECK(len >= offset_, "the caller gives the start of the command again");
  return ParseArguments(data, len, offset_, expected_, out);
}

// The hot loop: from the first argument, or from where the last call left off.
ParseResult RequestParser::ParseArguments(const char* data, size_t len, size_t at, uint64_t count,
                                          Request* out) {
  const char* const end = data + len;
  const char* p = data + at;
  size_t done = extents_.size();
  bool bulk_open = bulk_open_;
  for (; done < count; ++done) {
    uint64_t bytes = 0;
    const char* next = nullptr;
    if (CAIRN_UNLIKELY(bulk_open)) {
      bytes = bulk_bytes_;
      next = p;
      bulk_open = false;
    } else {
      if (CAIRN_LIKELY(p != end && *p == '$')) next = ReadShortNumber(p + 1, end, &bytes);
      if (CAIRN_UNLIKELY(next == nullptr || bytes > bulk_limit_)) {
        size_t after = 0;
        ParseResult result =
            ReadBulkLength(data, static_cast<size_t>(p - data), len, &bytes, &after, out);
        if (result == ParseResult::kIncomplete) {
          return Suspend(data, static_cast<size_t>(p - data), done, count, false, 0);
        }
        if (result == ParseResult::kError) return result;
        next = data + after;
      }
    }
    uint64_t left = static_cast<uint64_t>(end - next);
    if (CAIRN_UNLIKELY(left < bytes + kLineEndBytes)) {
      out->bytes_needed = bytes + kLineEndBytes - left;
      return Suspend(data, static_cast<size_t>(next - data), done, count, true, bytes);
    }
    if (CAIRN_UNLIKELY(done >= slot_count_)) Grow(done);
    slots_[done] = std::string_view(next, bytes);
    p = next + bytes + kLineEndBytes;
  }
  if (CAIRN_UNLIKELY(expected_ != 0)) FinishSuspended(data);
  scanned_ = 0;
  out->argv = std::span<const std::string_view>(slots_, done);
  out->consumed = static_cast<size_t>(p - data);
  return ParseResult::kComplete;
}

// Remembers, relative to the command start, the arguments this call has read and where the next
// call goes on.
ParseResult RequestParser::Suspend(const char* data, size_t at, size_t done, uint64_t count,
                                   bool bulk_open, uint64_t bulk_bytes) {
  for (size_t i = extents_.size(); i < done; ++i) {
    extents_.push_back({static_cast<size_t>(slots_[i].data() - data), slots_[i].size()});
  }
  expected_ = count;
  offset_ = at;
  bulk_open_ = bulk_open;
  bulk_bytes_ = bulk_bytes;
  return ParseResult::kIncomplete;
}

void RequestParser::FinishSuspended(const char* data) {
  for (size_t i = 0; i < extents_.size(); ++i) {
    slots_[i] = std::string_view(data + extents_[i].offset, extents_[i].bytes);
  }
  if (extents_.capacity() > kKeptSlots) {
    Free(&extents_);
  } else {
    extents_.clear();
  }
  expected_ = 0;
  bulk_open_ = false;
}

// The number on the length line at `line_offset`, whose first byte is the type. The line ends at
// CR; one byte after it must be there too.
RequestParser::Line RequestParser::ReadLine(const char* data, size_t line_offset, size_t len,
                                            int64_t* value, size_t* next) {
  size_t from = std::max(line_offset, scanned_);
  size_t to = std::min(len, line_offset + kInlineBytesMax + 1);
  const void* found = from < to ? std::memchr(data + from, '\r', to - from) : nullptr;
  if (found == nullptr) {
    scanned_ = to;
    return len - line_offset > kInlineBytesMax ? Line::kTooBig : Line::kIncomplete;
  }
  size_t line_end = static_cast<size_t>(static_cast<const char*>(found) - data);
  if (len - line_end < kLineEndBytes) {
    scanned_ = line_end;
    return Line::kIncomplete;
  }
  *next = line_end + kLineEndBytes;
  std::string_view digits(data + line_offset + 1, line_end - line_offset - 1);
  return ParseInt64(digits, value) ? Line::kRead : Line::kNotANumber;
}

// The first line of an array where it is not a plain small number: long, cut off, null, or wrong.
ParseResult RequestParser::ParseCount(const char* data, size_t len, Request* out) {
  int64_t count = 0;
  size_t next = 0;
  switch (ReadLine(data, 0, len, &count, &next)) {
    case Line::kIncomplete:
      out->bytes_needed = 1;
      return ParseResult::kIncomplete;
    case Line::kTooBig:
      return Fail(errors::kProtoCountTooBig, out);
    case Line::kNotANumber:
      return Fail(errors::kProtoCount, out);
    case Line::kRead:
      break;
  }
  scanned_ = 0;
  if (count > static_cast<int64_t>(kArgumentCountMax)) return Fail(errors::kProtoCount, out);
  if (count <= 0) {
    out->consumed = next;
    return ParseResult::kEmpty;
  }
  if (static_cast<uint64_t>(count) > argument_limit_) {
    return Fail(errors::kProtoUnauthenticatedCount, out);
  }
  return ParseArguments(data, len, next, static_cast<uint64_t>(count), out);
}

// The length line of an argument where it is not a plain small number. kComplete: *bytes and *next
// are set.
ParseResult RequestParser::ReadBulkLength(const char* data, size_t at, size_t len, uint64_t* bytes,
                                          size_t* next, Request* out) {
  int64_t value = 0;
  Line line = Line::kIncomplete;
  if (at < len) line = ReadLine(data, at, len, &value, next);
  if (line == Line::kIncomplete) {
    out->bytes_needed = 1;
    return ParseResult::kIncomplete;
  }
  if (line == Line::kTooBig) return Fail(errors::kProtoBulkTooBig, out);
  if (data[at] != '$') return FailExpectedBulk(data[at], out);
  if (line == Line::kNotANumber || value < 0) return Fail(errors::kProtoBulk, out);
  *bytes = static_cast<uint64_t>(value);
  const uint64_t most = options_.bulk_bytes_max_now != nullptr
                            ? options_.bulk_bytes_max_now->load(std::memory_order_relaxed)
                            : options_.bulk_bytes_max;
  if (*bytes > most) return Fail(errors::kProtoBulk, out);
  if (!options_.authenticated && *bytes > kUnauthenticatedBulkBytesMax)
    return Fail(errors::kProtoUnauthenticatedBulk, out);
  return ParseResult::kComplete;
}

ParseResult RequestParser::Fail(std::string_view text, Request* out) {
  out->error = text;
  return ParseResult::kError;
}

ParseResult RequestParser::FailExpectedBulk(char got, Request* out) {
  constexpr std::string_view kText = errors::kProtoExpectedBulk;
  static_assert(kText.size() + 2 <= sizeof(error_));
  std::memcpy(error_, kText.data(), kText.size());
  error_[kText.size()] = got == '\r' || got == '\n' || got == '\0' ? ' ' : got;
  error_[kText.size() + 1] = '\'';
  return Fail(std::string_view(error_, kText.size() + 2), out);
}

void RequestParser::Grow(size_t used) {
  size_t count = std::max<size_t>(64, used * 2);
  if (slots_ == inline_slots_) heap_slots_.assign(inline_slots_, inline_slots_ + slot_count_);
  heap_slots_.resize(count);
  slots_ = heap_slots_.data();
  slot_count_ = count;
  oversized_ |= count > kKeptSlots;
}

// Gives back what an unusually large command needed.
void RequestParser::Trim() {
  if (slot_count_ > kKeptSlots) {
    Free(&heap_slots_);
    slots_ = inline_slots_;
    slot_count_ = kInlineSlots;
  }
  if (scratch_.capacity() > kKeptScratchBytes) Free(&scratch_);
  oversized_ = false;
}

ParseResult RequestParser::ParseInline(const char* data, size_t len, Request* out) {
  size_t to = std::min(len, kInlineBytesMax + 1);
  const void* found = scanned_ < to ? std::memchr(data + scanned_, '\n', to - scanned_) : nullptr;
  if (found == nullptr) {
    if (len > kInlineBytesMax) return Fail(errors::kProtoInlineTooBig, out);
    scanned_ = len;
    out->bytes_needed = 1;
    return ParseResult::kIncomplete;
  }
  scanned_ = 0;
  const char* end = static_cast<const char*>(found);
  out->consumed = static_cast<size_t>(end - data) + 1;
  if (end != data && end[-1] == '\r') --end;
  size_t count = 0;
  if (!SplitInline(data, end, &count)) return Fail(errors::kProtoQuotes, out);
  out->argv = std::span<const std::string_view>(slots_, count);
  return count == 0 ? ParseResult::kEmpty : ParseResult::kComplete;
}

// Splits a line at blanks. Quotes may open anywhere in a word and must be followed by a blank where
// they close.
bool RequestParser::SplitInline(const char* p, const char* end, size_t* count) {
  scratch_.clear();
  size_t done = 0;
  for (;;) {
    while (p != end && IsBlank(*p)) ++p;
    if (p == end) break;
    if (done == slot_count_) Grow(done);
    p = SplitWord(p, end, &slots_[done]);
    if (p == nullptr) return false;
    ++done;
  }
  *count = done;
  return true;
}

// One word from p. Words without quotes are views; the others are unescaped into scratch_, which is
// sized for the whole line before the first byte goes in, so that views into it stay good.
const char* RequestParser::SplitWord(const char* p, const char* end, std::string_view* word) {
  auto ends_word = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  const char* start = p;
  while (p != end && !ends_word(*p) && *p != '"' && *p != '\'') ++p;
  if (p == end || ends_word(*p)) {
    *word = std::string_view(start, static_cast<size_t>(p - start));
    return p;
  }
  if (scratch_.capacity() - scratch_.size() < static_cast<size_t>(end - start)) {
    CAIRN_CHECK(scratch_.empty(), "it was sized for the whole line");
    scratch_.reserve(static_cast<size_t>(end - start));
    oversized_ |= scratch_.capacity() > kKeptScratchBytes;
  }
  size_t mark = scratch_.size();
  scratch_.insert(scratch_.end(), start, p);
  p = Unquote(p, end);
  *word = std::string_view(scratch_.data() + mark, scratch_.size() - mark);
  return p;
}

// Appends the content of the quoted part that opens at p. Returns the byte after the closing quote;
// null when the quote stays open or no blank follows it.
const char* RequestParser::Unquote(const char* p, const char* end) {
  const char quote = *p++;
  const bool escapes = quote == '"';
  while (p != end && *p != quote) {
    const ptrdiff_t left = end - p;
    if (*p != '\\' || left < 2) {
      scratch_.push_back(*p++);
    } else if (!escapes) {
      if (p[1] == quote) ++p;
      scratch_.push_back(*p++);
    } else if (left >= 4 && p[1] == 'x' && HexDigit(p[2]) >= 0 && HexDigit(p[3]) >= 0) {
      scratch_.push_back(static_cast<char>(HexDigit(p[2]) * 16 + HexDigit(p[3])));
      p += 4;
    } else {
      scratch_.push_back(Unescape(p[1]));
      p += 2;
    }
  }
  if (p == end) return nullptr;
  ++p;
  return p == end || IsBlank(*p) ? p : nullptr;
}

}  // namespace cairn
