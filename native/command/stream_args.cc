#include "command/stream_args.h"

#include <algorithm>

#include "resp/stream_errors.h"

namespace cairn {
namespace {

constexpr size_t kIdTextBytesMax = 127;

// As strtoull reads it, but for a number that is less than 0 as it stands: blanks in front, a sign
// and leading zeros are allowed.
bool ParseUnsigned(std::string_view text, uint64_t* out) {
  int64_t canonical;
  if (ParseInt64(text, &canonical)) {
    if (canonical < 0) return false;
    *out = static_cast<uint64_t>(canonical);
    return true;
  }
  while (!text.empty() && (text[0] == ' ' || (text[0] >= '\t' && text[0] <= '\r')))
    text.remove_prefix(1);
  const bool minus = !text.empty() && text[0] == '-';
  if (minus || (!text.empty() && text[0] == '+')) text.remove_prefix(1);
  if (text.empty()) return false;
  uint64_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9' || __builtin_mul_overflow(number, 10, &number) ||
        __builtin_add_overflow(number, static_cast<uint64_t>(c - '0'), &number)) {
      return false;
    }
  }
  *out = minus ? 0 - number : number;
  return true;
}

bool IntervalArg(Call& call, std::string_view text, uint64_t missing_seq, StreamId* id,
                 bool* beside) {
  *beside = text.size() > 1 && text[0] == '(';
  if (!*beside) return StreamIdOrEndArg(call, text, missing_seq, id);
  return ParseStreamId(text.substr(1), missing_seq, id) || Refuse(call, errors::kStreamId);
}

// [~ | =] threshold: `at` is where it may begin, and then the threshold.
bool TrimArg(Call& call, StreamValue::Trim::By by, size_t* at, StreamValue::Trim* trim) {
  if (trim->by != StreamValue::Trim::By::kNothing) return Refuse(call, errors::kTrimTwice);
  const std::string_view sign = call.argv[*at];
  const bool has_sign = *at + 1 < call.argv.size() && (sign == "~" || sign == "=");
  trim->about = has_sign && sign == "~";
  if (has_sign) ++*at;
  trim->by = by;
  if (by == StreamValue::Trim::By::kId) return StreamIdArg(call, call.argv[*at], &trim->id);
  int64_t length;
  const IntegerRule rule{0, INT64_MAX, errors::kNotInteger, errors::kTrimMaxlen};
  if (!IntegerArg(call, call.argv[*at], rule, &length)) return false;
  trim->length = static_cast<uint64_t>(length);
  return true;
}

bool CheckLimit(Call& call, bool add, bool limit_given, StreamValue::Trim* trim) {
  using By = StreamValue::Trim::By;
  if (trim->limit != 0 && trim->by == By::kNothing) return Refuse(call, errors::kTrimLimitAlone);
  if (!add && trim->by == By::kNothing) return Refuse(call, errors::kTrimNothing);
  if (limit_given && !trim->about) return Refuse(call, errors::kTrimLimitExact);
  if (limit_given || !trim->about) return true;
  // A hundred of Redis's nodes.
  constexpr uint64_t kNodes = 100, kDefault = 10'000, kMost = 1'000'000;
  const uint64_t entries =
      call.server.thresholds.stream_node_entries.load(std::memory_order_relaxed);
  trim->limit = entries == 0 ? kDefault : std::min(entries, kMost / kNodes) * kNodes;
  return true;
}

}  // namespace

bool ParseStreamId(std::string_view text, uint64_t missing_seq, StreamId* id, bool* seq_given) {
  if (text.size() > kIdTextBytesMax) return false;
  text = text.substr(0, text.find('\0'));
  const size_t dash = text.find('-');
  if (seq_given != nullptr) *seq_given = true;
  StreamId parsed{0, missing_seq};
  if (!ParseUnsigned(text.substr(0, dash), &parsed.ms)) return false;
  if (dash != std::string_view::npos) {
    const std::string_view seq = text.substr(dash + 1);
    if (seq_given != nullptr && seq == "*") {
      *seq_given = false;
      parsed.seq = 0;
    } else if (!ParseUnsigned(seq, &parsed.seq)) {
      return false;
    }
  }
  *id = parsed;
  return true;
}

bool StreamIdArg(Call& call, std::string_view text, StreamId* id) {
  return ParseStreamId(text, 0, id) || Refuse(call, errors::kStreamId);
}

bool StreamIdOrEndArg(Call& call, std::string_view text, uint64_t missing_seq, StreamId* id) {
  if (text == "-" || text == "+") {
    *id = text == "-" ? StreamId() : kStreamIdMax;
    return true;
  }
  return ParseStreamId(text, missing_seq, id) || Refuse(call, errors::kStreamId);
}

bool StreamFirstArg(Call& call, std::string_view text, StreamId* id) {
  bool beside;
  if (!IntervalArg(call, text, 0, id, &beside)) return false;
  return !beside || StepUp(id) || Refuse(call, errors::kStreamStart);
}

bool StreamLastArg(Call& call, std::string_view text, StreamId* id) {
  bool beside;
  if (!IntervalArg(call, text, UINT64_MAX, id, &beside)) return false;
  return !beside || StepDown(id) || Refuse(call, errors::kStreamEnd);
}

bool ParseAddOrTrim(Call& call, bool add, AddOrTrim* args) {
  using By = StreamValue::Trim::By;
  bool limit_given = false;
  size_t i = 2;
  for (; i < call.argv.size(); ++i) {
    const std::string_view arg = call.argv[i];
    const bool more = i + 1 < call.argv.size();
    if (add && arg == "*") break;
    if (Is(arg, "maxlen") && more) {
      if (!TrimArg(call, By::kLength, &++i, &args->trim)) return false;
    } else if (Is(arg, "minid") && more) {
      if (!TrimArg(call, By::kId, &++i, &args->trim)) return false;
    } else if (Is(arg, "limit") && more) {
      int64_t limit;
      const IntegerRule rule{0, INT64_MAX, errors::kNotInteger, errors::kTrimLimit};
      if (!IntegerArg(call, call.argv[++i], rule, &limit)) return false;
      args->trim.limit = static_cast<uint64_t>(limit);
      limit_given = true;
    } else if (add && Is(arg, "nomkstream")) {
      args->make = false;
    } else if (add) {
      if (!ParseStreamId(arg, 0, &args->id, &args->seq_given))
        return Refuse(call, errors::kStreamId);
      args->id_given = true;
      break;
    } else {
      return Refuse(call, errors::kSyntax);
    }
  }
  args->id_at = i;
  return CheckLimit(call, add, limit_given, &args->trim);
}

}  // namespace cairn
