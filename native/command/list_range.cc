// List commands by position: LINDEX, LSET, LRANGE, LTRIM.
#include "command/handlers.h"
#include "command/list_args.h"

namespace cairn {
namespace {

// From the front, or from the end if it is negative. False: there is none.
bool RankOf(int64_t index, uint64_t count, uint64_t* rank) {
  const auto size = static_cast<int64_t>(count);
  if (index < 0) index += size;
  if (index < 0 || index >= size) return false;
  *rank = static_cast<uint64_t>(index);
  return true;
}

// Elements first to last of a list, as LRANGE and LTRIM take them. False: none.
bool RangeOf(int64_t start, int64_t end, uint64_t count, uint64_t* first, uint64_t* elements) {
  const auto size = static_cast<int64_t>(count);
  if (start < 0) start = std::max<int64_t>(start + size, 0);
  if (end < 0) end += size;
  end = std::min(end, size - 1);
  if (start > end || start >= size) return false;
  *first = static_cast<uint64_t>(start);
  *elements = static_cast<uint64_t>(end - start) + 1;
  return true;
}

// What a long LRANGE has so far.
struct RangeProgress {
  OutBuffer elements;
  uint64_t count = 0;
};

// One slice of it. Others may write between two slices: the range is by position in each.
void RangeInSlices(Call& call, ListChange* list, uint64_t first, uint64_t count) {
  auto* const progress = call.txn.Progress<RangeProgress>();
  ReplyWriter writer(&progress->elements, call.reply.version(), &call.txn);
  constexpr uint64_t kSliceElements = 4096;
  const uint64_t done = progress->count;
  const uint64_t slice = done < count ? std::min(count - done, kSliceElements) : 0;
  if (slice > 0) {
    const size_t mark = progress->elements.size();
    uint64_t shown = 0;
    const tree::Outcome outcome =
        (*list)->ForEach(first + done, slice, true, [&](std::string_view value) {
          writer.Bulk(value);
          ++shown;
          return true;
        });
    if (outcome != tree::Outcome::kDone) progress->elements.Truncate(mark);
    if (!list->Done(outcome)) return;
    progress->count += shown;
    if (shown == slice && progress->count < count) return call.txn.Again();
  }
  call.reply.ArrayHeader(progress->count);
  call.reply.out().Append(&progress->elements);
}

}  // namespace

void HandleLIndex(Call& call) {
  ListChange list(call, call.argv[1]);
  if (!list.Open()) return;
  int64_t index = 0;
  uint64_t rank = 0;
  if (list.missing()) return call.reply.Null();
  if (!IntegerArg(call, call.argv[2], &index)) return;
  if (!RankOf(index, list.count(), &rank)) return call.reply.Null();
  std::string_view value;
  if (list.Done(list->At(rank, &value))) call.reply.Bulk(value);
}

void HandleLSet(Call& call) {
  ListChange list(call, call.argv[1]);
  if (!list.Open()) return;
  int64_t index = 0;
  uint64_t rank = 0;
  if (list.missing()) return call.reply.Error(errors::kNoSuchKey);
  if (!IntegerArg(call, call.argv[2], &index)) return;
  if (!RankOf(index, list.count(), &rank)) return call.reply.Error(errors::kIndexRange);
  if (!list.Done(list->Set(rank, call.argv[3])) || !list.Write(1)) return;
  list.Tell("lset");
  call.reply.Ok();
}

void HandleLRange(Call& call) {
  int64_t start = 0, end = 0;
  if (!IntegerArg(call, call.argv[2], &start) || !IntegerArg(call, call.argv[3], &end)) return;
  constexpr uint64_t kAtOnceMax = 8192;
  ListChange list(call, call.argv[1]);
  if (!list.Open()) return;
  uint64_t first = 0, count = 0;
  const bool some = !list.missing() && RangeOf(start, end, list.count(), &first, &count);
  // In an EXEC there is one pass. A range in slices that has become short ends as one.
  if ((some && count > kAtOnceMax && call.txn.Progress<RangeProgress>() != nullptr) ||
      call.txn.progresses()) {
    return RangeInSlices(call, &list, first, some ? count : 0);
  }
  call.reply.ArrayHeader(count);
  if (!some) return;
  (void)list.Done(list->ForEach(first, count, true, [&](std::string_view value) {
    call.reply.Bulk(value);
    return true;
  }));
}

void HandleLTrim(Call& call) {
  int64_t start = 0, end = 0;
  if (!IntegerArg(call, call.argv[2], &start) || !IntegerArg(call, call.argv[3], &end)) return;
  ListChange list(call, call.argv[1]);
  if (!list.Open()) return;
  if (list.missing()) return call.reply.Ok();
  uint64_t first = 0, kept = 0;
  const uint64_t count = list.count();
  if (!RangeOf(start, end, count, &first, &kept)) first = kept = 0;
  // The end first, so that ranks stay as they are.
  if (kept == 0 ? !list.Erase(0, count)
                : !list.Erase(first + kept, count - first - kept) || !list.Erase(0, first)) {
    return;
  }
  if (!list.Write(static_cast<int64_t>(count - kept))) return;
  list.Tell("ltrim");
  call.reply.Ok();
}

}  // namespace cairn
