#include "command/element_scan.h"

#include "resp/glob.h"

namespace cairn {

bool ElementScan::Wants(std::string_view element) const {
  return all || GlobMatch(pattern, element);
}

bool ScanCursorArg(Call& call, uint64_t* cursor) {
  return ParseCursor(call.argv[2], cursor) || Refuse(call, errors::kInvalidCursor);
}

bool ParseElementScan(Call& call, ElementScan* scan) {
  for (size_t i = 3; i < call.argv.size(); ++i) {
    const std::string_view arg = call.argv[i];
    const bool has_value = i + 1 < call.argv.size();
    if (has_value && Is(arg, "count")) {
      int64_t count;
      const IntegerRule rule{1, INT64_MAX, errors::kNotInteger, errors::kSyntax};
      if (!IntegerArg(call, call.argv[++i], rule, &count)) return false;
      scan->count = static_cast<uint64_t>(count);
    } else if (has_value && Is(arg, "match")) {
      scan->pattern = call.argv[++i];
      scan->all = scan->pattern == "*";
    } else if (Is(arg, "novalues")) {
      if (!Is(call.argv[0], "hscan")) return Refuse(call, errors::kNoValuesElsewhere);
      scan->no_values = true;
    } else {
      return Refuse(call, errors::kSyntax);
    }
  }
  return true;
}

void ReplyElementScan(Call& call, uint64_t cursor, Gathered* gathered) {
  char digits[kInt64TextBytes];
  call.reply.ArrayHeader(2);
  call.reply.Bulk({digits, FormatUint64(cursor, digits)});
  call.reply.ArrayHeader(gathered->elements);
  call.reply.out().Append(&gathered->body);
}

}  // namespace cairn
