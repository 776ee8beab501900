// LCS key key [LEN] [IDX] [MINMATCHLEN n] [WITHMATCHLEN]

#include <cstring>
#include <vector>

#include "command/args.h"
#include "command/handlers.h"
#include "command/lcs.h"

namespace cairn {
namespace {

struct LcsOptions {
  bool length = false;
  bool indexes = false;
  bool match_lengths = false;
  int64_t match_bytes_min = 0;
};

bool ParseLcsOptions(Call& call, LcsOptions* options) {
  for (size_t i = 3; i < call.argv.size(); ++i) {
    std::string_view arg = call.argv[i];
    if (Is(arg, "idx")) {
      options->indexes = true;
    } else if (Is(arg, "len")) {
      options->length = true;
    } else if (Is(arg, "withmatchlen")) {
      options->match_lengths = true;
    } else if (Is(arg, "minmatchlen") && i + 1 < call.argv.size()) {
      if (!IntegerArg(call, call.argv[++i], &options->match_bytes_min)) return false;
    } else {
      return Refuse(call, errors::kSyntax);
    }
  }
  if (options->length && options->indexes) {
    return Refuse(call, errors::kLcsBothLenAndIdx);
  }
  return true;
}

// The limit is Redis's, which keeps 32 bits per cell: what is refused there is refused here.
bool CheckWork(Call& call, size_t a_bytes, size_t b_bytes) {
  uint64_t cells;
  if (!__builtin_mul_overflow(uint64_t{a_bytes} + 1, uint64_t{b_bytes} + 1, &cells) &&
      cells <= call.server.proto_max_bulk_len.load(std::memory_order_relaxed) / sizeof(uint32_t)) {
    return true;
  }
  return Refuse(call, errors::kLcsTooLong);
}

void ReplyRange(ReplyWriter& reply, size_t first, size_t last) {
  reply.ArrayHeader(2);
  reply.Integer(static_cast<int64_t>(first));
  reply.Integer(static_cast<int64_t>(last));
}

void ReplyIndexes(Call& call, Lcs* lcs, const LcsOptions& options) {
  std::vector<Lcs::Match> matches;
  Lcs::Match match;
  while (lcs->NextMatch(&match)) {
    if (static_cast<int64_t>(match.bytes()) >= options.match_bytes_min) matches.push_back(match);
  }
  ReplyWriter& reply = call.reply;
  reply.MapHeader(2);
  reply.Bulk("matches");
  reply.ArrayHeader(matches.size());
  for (const Lcs::Match& found : matches) {
    reply.ArrayHeader(options.match_lengths ? 3 : 2);
    ReplyRange(reply, found.a_first, found.a_last);
    ReplyRange(reply, found.b_first, found.b_last);
    if (options.match_lengths) reply.Integer(static_cast<int64_t>(found.bytes()));
  }
  reply.Bulk("len");
  reply.Integer(static_cast<int64_t>(lcs->length()));
}

void ReplyString(Call& call, std::string_view a, Lcs* lcs) {
  char* text = call.reply.BulkSpace(lcs->length());
  char* end = text + lcs->length();
  Lcs::Match match;
  while (lcs->NextMatch(&match)) {
    end -= match.bytes();
    std::memcpy(end, a.data() + match.a_first, match.bytes());
  }
  CAIRN_CHECK(end == text);
}

}  // namespace

void HandleLcs(Call& call) {
  std::string_view text[2];
  KeyMeta meta;
  bool ready = true;
  bool strings = true;
  for (size_t i = 0; i < 2; ++i) {
    ReadState state = call.txn.Get(call.argv[1 + i], &text[i], &meta);
    if (state == ReadState::kPending) ready = false;
    if (state != ReadState::kMissing && meta.type != ValueType::kString) strings = false;
  }
  if (!strings) return call.reply.Error(errors::kLcsNotStrings);
  LcsOptions options;  // read after the keys were looked up, which counts
  if (!ParseLcsOptions(call, &options)) return;
  if (!ready || !CheckWork(call, text[0].size(), text[1].size())) return;
  Lcs lcs(text[0], text[1], !options.length);
  if (options.length) return call.reply.Integer(static_cast<int64_t>(lcs.length()));
  options.indexes ? ReplyIndexes(call, &lcs, options) : ReplyString(call, text[0], &lcs);
}

}  // namespace cairn
