// RequestParser: finds one client command at the start of a byte range: a RESP array of bulk
// strings, or an inline command line. Zero copy: the arguments are views into the caller's bytes
// (quoted inline arguments are the exception, they are unescaped into a buffer of the parser).
//
// How to drive it: call Parse with everything received since the end of the previous command.
// - kComplete: argv holds at least one argument; drop `consumed` bytes and go on.
// - kEmpty: a blank line, or a null or empty array; drop `consumed` bytes, no reply, go on.
// - kIncomplete: keep the bytes, read at least `bytes_needed` more, call again.
// - kError: `error` is the whole error line ("ERR Protocol error: ..."); reply with it and close.
//   The parser is of no use any more until Reset.
// Between calls that return kIncomplete the caller may move the bytes (grow, compact), as long as
// `data` points at the same command start again; bytes already scanned are not scanned again, so
// the cost is linear however they arrive. Results do not depend on how the bytes were split.
//
// Lifetime: out->argv and out->error point into the parser and the caller's bytes; both stay valid
// until the next call of Parse or Reset, or until the caller's bytes move. One parser per
// connection; used from one thread at a time.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace cairn {

inline constexpr size_t kInlineBytesMax = 64 * 1024;      // one inline command, or one length line
inline constexpr uint64_t kArgumentCountMax = INT32_MAX;  // arguments of one command
inline constexpr uint64_t kBulkBytesMaxDefault = 512ull * 1024 * 1024;
inline constexpr uint64_t kBulkBytesMaxLeast = 1ull * 1024 * 1024;  // of proto-max-bulk-len
inline constexpr uint64_t kUnauthenticatedArgumentsMax = 10;
inline constexpr uint64_t kUnauthenticatedBulkBytesMax = 16384;

enum class ParseResult : uint8_t { kComplete, kEmpty, kIncomplete, kError };

struct Request {
  std::span<const std::string_view> argv;  // kComplete
  size_t consumed = 0;                     // kComplete, kEmpty
  size_t bytes_needed = 0;  // kIncomplete: at least this many more (exact for the bulk in progress)
  std::string_view error;   // kError: "ERR Protocol error: ..."
};

struct ParserOptions {
  uint64_t bulk_bytes_max = kBulkBytesMaxDefault;  // proto-max-bulk-len, if it does not change
  // Or where it stands, at least kBulkBytesMaxLeast; outlives the parser.
  const std::atomic<uint64_t>* bulk_bytes_max_now = nullptr;
  bool authenticated = true;  // false: small limits until the client has logged in
};

class RequestParser {
 public:
  explicit RequestParser(ParserOptions options = ParserOptions());
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  ParseResult Parse(const char* data, size_t len, Request* out);

  // Takes effect from the next length line that is read.
  void SetAuthenticated(bool authenticated);

  // Forgets a command in progress and gives back the memory of large ones.
  void Reset();
  // True while part of an array command has been scanned.
  bool in_command() const { return expected_ != 0; }
  // Bytes this parser holds on the heap.
  size_t heap_bytes() const;

 private:
  static constexpr size_t kInlineSlots = 16;
  static constexpr size_t kKeptSlots =
      1024;  // larger argument arrays are freed with the next command
  static constexpr size_t kKeptScratchBytes = 1024;  // likewise for unescaped inline commands

  struct Extent {
    size_t offset;  // from the command start
    size_t bytes;
  };
  enum class Line : uint8_t { kRead, kIncomplete, kTooBig, kNotANumber };

  ParseResult ParseArguments(const char* data, size_t len, size_t at, uint64_t count, Request* out);
  ParseResult ParseCount(const char* data, size_t len, Request* out);
  ParseResult ReadBulkLength(const char* data, size_t at, size_t len, uint64_t* bytes, size_t* next,
                             Request* out);
  Line ReadLine(const char* data, size_t at, size_t len, int64_t* value, size_t* next);
  ParseResult Suspend(const char* data, size_t at, size_t done, uint64_t count, bool bulk_open,
                      uint64_t bulk_bytes);
  void FinishSuspended(const char* data);
  ParseResult ParseInline(const char* data, size_t len, Request* out);
  bool SplitInline(const char* p, const char* end, size_t* count);
  const char* SplitWord(const char* p, const char* end, std::string_view* word);
  const char* Unquote(const char* p, const char* end);
  ParseResult Fail(std::string_view text, Request* out);
  ParseResult FailExpectedBulk(char got, Request* out);
  void Grow(size_t used);
  void Trim();
  void UpdateLimits();

  ParserOptions options_;
  uint64_t bulk_limit_ = 0;  // no limit in force is smaller
  uint64_t argument_limit_ = 0;

  // The command in progress; expected_ == 0: none.
  uint64_t expected_ = 0;  // arguments announced
  size_t offset_ = 0;      // next unread byte, from the command start
  size_t scanned_ = 0;     // no line end before this offset
  bool bulk_open_ =
      false;  // the length line at offset_ is read: offset_ points at the bulk's first byte
  uint64_t bulk_bytes_ = 0;
  std::vector<Extent> extents_;  // arguments read so far

  std::string_view inline_slots_[kInlineSlots];
  std::vector<std::string_view> heap_slots_;
  std::string_view* slots_ = inline_slots_;
  size_t slot_count_ = kInlineSlots;
  std::vector<char> scratch_;  // unescaped inline arguments
  bool oversized_ = false;     // heap_slots_ or scratch_ outgrew what is kept
  char error_[64] = {};
};

}  // namespace cairn
