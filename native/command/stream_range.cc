// XRANGE and XREVRANGE. What is long goes in slices: an entry that is there all the time comes
// once.
#include <algorithm>

#include "command/handlers.h"
#include "command/stream_args.h"
#include "command/stream_reply.h"

namespace cairn {

using tree::Outcome;

namespace {

struct RangeProgress {
  EntryRange range;
  uint64_t written = 0;
  OutBuffer entries;
  bool begun = false;
};

// [COUNT count]...; *count -1: not given.
bool CountOption(Call& call, int64_t* count) {
  for (size_t i = 4; i < call.argv.size(); i += 2) {
    if (!Is(call.argv[i], "count") || i + 1 == call.argv.size())
      return Refuse(call, errors::kSyntax);
    if (!IntegerArg(call, call.argv[i + 1], count)) return false;
    *count = std::max<int64_t>(*count, 0);
  }
  return true;
}

void Range(Call& call, bool down) {
  RangeProgress local;
  RangeProgress* progress = call.txn.Progress<RangeProgress>();
  if (progress == nullptr) progress = &local;
  EntryRange range;
  range.down = down;
  int64_t count = -1;
  if (!StreamFirstArg(call, call.argv[down ? 3 : 2], &range.first) ||
      !StreamLastArg(call, call.argv[down ? 2 : 3], &range.last) || !CountOption(call, &count)) {
    return;
  }
  if (count >= 0) range.most = static_cast<uint64_t>(count);
  if (!progress->begun) progress->range = range;
  progress->begun = true;
  StreamValue stream(&call.txn, call.argv[1], &call.server.thresholds);
  const Opened opened = stream.Open();
  // What was there when it began has been seen; what is there now is another value.
  const bool gone = opened == Opened::kMissing || opened == Opened::kWrongType;
  if (!(gone && progress->written > 0)) {
    if (!Ready(call, opened, stream.status())) return;
    if (opened == Opened::kMissing) return call.reply.ArrayHeader(0);
    if (count == 0) return call.reply.NullArray();
    ReplyWriter entries(&progress->entries, call.reply.version());
    if (!Done(call,
              WriteEntries(&call.txn, &stream, &progress->range, &entries, &progress->written),
              stream.status())) {
      return;
    }
    if (!progress->range.done) return call.txn.Again();
  }
  call.reply.ArrayHeader(progress->written);
  call.reply.out().Append(&progress->entries);
}

}  // namespace

void HandleXRange(Call& call) { Range(call, false); }
void HandleXRevRange(Call& call) { Range(call, true); }

}  // namespace cairn
