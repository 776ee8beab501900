// libFuzzer target for the request parser. The bytes are parsed once whole and once at splits taken
// from the input; both must give the same commands, the same error, and leave the same number of
// bytes. Every chunk lands in an allocation of exactly the bytes held, so that the address
// sanitizer sees a read or a view beyond them.
//
// Build and run for a minute, from the top of the repository (new inputs go to a scratch folder):
//   S="test/fuzz/resp_parser_fuzz.cc native/resp/parser.cc native/base/number.cc"
//   F="-std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all"
//   clang++ $F -Inative $S -o resp_parser_fuzz && mkdir -p fuzz-new
//   ./resp_parser_fuzz -max_total_time=60 -max_len=4096 fuzz-new test/fuzz/corpus/resp
// Reproduce a finding: ./resp_parser_fuzz crash-<hash>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "resp/parser.h"

namespace {

using cairn::ParseResult;
using cairn::ParserOptions;
using cairn::Request;
using cairn::RequestParser;

// The input's first bytes choose the options and the splits; the rest goes to the parser.
constexpr size_t kControlBytes = 6;
constexpr size_t kSmallBulkBytes = 64;
constexpr size_t kRepeatedBytesMax = cairn::kInlineBytesMax + 4096;  // beyond the longest line
// Each chunk is a fresh allocation: few of them keep the sanitizer's memory small.
constexpr size_t kChunksAbout = 256;

[[noreturn]] void Fail(const char* what) {
  std::fprintf(stderr, "resp_parser_fuzz: %s\n", what);
  std::abort();
}

struct Outcome {
  std::vector<std::vector<std::string>> commands;  // an empty one: kEmpty
  std::string error;
  size_t left = 0;

  bool operator==(const Outcome&) const = default;
};

class Connection {
 public:
  explicit Connection(ParserOptions options) : parser_(options) {}

  void Feed(std::string_view bytes) {
    if (!outcome_.error.empty()) return;
    Hold(std::string(data_.get() + at_, outcome_.left).append(bytes));
    while (Step()) {
    }
  }
  const Outcome& outcome() const { return outcome_; }

 private:
  void Hold(const std::string& bytes) {
    data_ = std::make_unique<char[]>(bytes.size());
    bytes.copy(data_.get(), bytes.size());
    at_ = 0;
    outcome_.left = bytes.size();
  }

  bool Step() {
    const size_t held = outcome_.left;
    ParseResult result = parser_.Parse(data_.get() + at_, held, &request_);
    if (result == ParseResult::kIncomplete) {
      if (request_.bytes_needed == 0) Fail("nothing needed, yet incomplete");
      quiet_until_ = held + request_.bytes_needed;
      return false;
    }
    if (held < quiet_until_) Fail("fewer bytes than asked for were enough");
    quiet_until_ = 0;
    if (result == ParseResult::kError) {
      if (!request_.error.starts_with("ERR Protocol error: ")) Fail("unknown error text");
      outcome_.error = request_.error;
      outcome_.left = 0;
      return false;
    }
    if (request_.consumed == 0 || request_.consumed > held) Fail("consumed bytes out of range");
    std::vector<std::string>& command = outcome_.commands.emplace_back();
    if (result == ParseResult::kComplete) {
      for (std::string_view arg : request_.argv) command.emplace_back(arg);
      if (command.empty()) Fail("a command without arguments");
    }
    at_ += request_.consumed;
    outcome_.left -= request_.consumed;
    return true;
  }

  RequestParser parser_;
  Request request_;
  std::unique_ptr<char[]> data_ = std::make_unique<char[]>(0);
  size_t at_ = 0;  // of the command start
  size_t quiet_until_ = 0;
  Outcome outcome_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t size) {
  if (size < kControlBytes) return 0;
  ParserOptions options;
  options.authenticated = (input[0] & 1) == 0;
  if ((input[0] & 2) != 0) options.bulk_bytes_max = kSmallBulkBytes;
  // Repeating the bytes reaches pipelines, and lengths the fuzzer would not build by itself.
  const size_t repeats = (input[0] & 4) != 0 ? 1 + input[1] : 1;
  uint32_t random = input[2] | input[3] << 8 | input[4] << 16 | 1u;

  std::string bytes;
  for (size_t i = 0; i < repeats && bytes.size() < kRepeatedBytesMax; ++i) {
    bytes.append(reinterpret_cast<const char*>(input) + kControlBytes, size - kControlBytes);
  }
  const size_t chunk_max = std::max(size_t{1} + input[5], bytes.size() / kChunksAbout);
  Connection whole(options);
  whole.Feed(bytes);

  Connection split(options);
  for (std::string_view rest = bytes; !rest.empty();) {
    random = random * 1664525u + 1013904223u;
    const size_t n = 1 + (random >> 16) % chunk_max;
    split.Feed(rest.substr(0, n));
    rest.remove_prefix(n < rest.size() ? n : rest.size());
  }
  if (whole.outcome() != split.outcome()) Fail("splits change the outcome");
  return 0;
}
