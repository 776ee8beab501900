// List commands that look for an element: LPOS, LREM, LINSERT.
#include <vector>

#include "command/handlers.h"
#include "command/list_args.h"

namespace cairn {
namespace {

constexpr uint64_t kSliceElements = 8192;

// A walk along a list, in slices if there may be some: from one end, as far as `most` elements.
// visit(uint64_t rank, std::string_view value) -> bool; false: no more.
struct WalkProgress {
  uint64_t looked_at = 0;
  bool over = false;            // it is done, and was
  bool stopped = false;         // before its end
  std::vector<uint64_t> ranks;  // found
};
enum class Walked : uint8_t {
  kWhole,
  kStopped,
  kLater,  // pending, or answered
};

template <typename Visit>
Walked WalkOn(Call& call, ListChange* list, bool forward, uint64_t most, WalkProgress* progress,
              Visit visit) {
  const uint64_t count = list->count();
  most = std::min(most, count);
  if (progress->over || progress->looked_at >= most)
    return progress->stopped ? Walked::kStopped : Walked::kWhole;
  const bool slices = call.txn.progresses();
  const uint64_t left = most - progress->looked_at;
  const uint64_t slice = slices ? std::min(left, kSliceElements) : left;
  const uint64_t done = progress->looked_at;
  const uint64_t from = forward ? done : count - 1 - done;
  const size_t known = progress->ranks.size();
  uint64_t looked_at = 0;
  bool stopped = false;
  const tree::Outcome outcome = (*list)->ForEach(from, slice, forward, [&](std::string_view value) {
    const uint64_t rank = forward ? from + looked_at : from - looked_at;
    ++looked_at;
    stopped = !visit(rank, value);
    return !stopped;
  });
  if (outcome != tree::Outcome::kDone) progress->ranks.resize(known);
  if (!list->Done(outcome)) return Walked::kLater;
  progress->looked_at += looked_at;
  progress->stopped = stopped;
  progress->over = stopped || progress->looked_at >= most;
  if (progress->over) return stopped ? Walked::kStopped : Walked::kWhole;
  call.txn.Again();
  return Walked::kLater;
}

// Of this pass alone, if the list is short or there is one pass.
WalkProgress* ProgressOf(Call& call, const ListChange& list, WalkProgress* own) {
  if (list.count() <= kSliceElements && !call.txn.progresses()) return own;
  WalkProgress* const progress = call.txn.Progress<WalkProgress>();
  return progress != nullptr ? progress : own;
}

struct PosArgs {
  int64_t rank = 1;
  int64_t count = -1;  // not asked for: one
  int64_t most = 0;
};

bool ReadPosArgs(Call& call, PosArgs* args) {
  const auto argv = call.argv;
  for (size_t at = 3; at < argv.size(); at += 2) {
    if (at + 1 == argv.size()) return Refuse(call, errors::kSyntax);
    const std::string_view value = argv[at + 1];
    if (Is(argv[at], "rank")) {
      const IntegerRule rule{-INT64_MAX, INT64_MAX, errors::kNotInteger, errors::kNotInt64};
      if (!IntegerArg(call, value, rule, &args->rank)) return false;
      if (args->rank == 0) return Refuse(call, errors::kLposRank);
    } else if (Is(argv[at], "count")) {
      const IntegerRule rule{0, INT64_MAX, errors::kLposCount, errors::kLposCount};
      if (!IntegerArg(call, value, rule, &args->count)) return false;
    } else if (Is(argv[at], "maxlen")) {
      const IntegerRule rule{0, INT64_MAX, errors::kLposMaxlen, errors::kLposMaxlen};
      if (!IntegerArg(call, value, rule, &args->most)) return false;
    } else {
      return Refuse(call, errors::kSyntax);
    }
  }
  return true;
}

// Elements that are found are told from the last one on, so that ranks stay as they are. What is
// another element by now, because somebody wrote between two slices, stays.
bool EraseFound(Call& call, ListChange* list, std::vector<uint64_t> ranks, std::string_view element,
                uint64_t* erased) {
  if (ranks.size() > 1 && ranks.front() < ranks.back()) std::reverse(ranks.begin(), ranks.end());
  for (const uint64_t rank : ranks) {
    if (rank >= list->count()) continue;
    if (call.txn.progresses()) {
      std::string_view value;
      if (!list->Done((*list)->At(rank, &value))) return false;
      if (value != element) continue;
    }
    if (!list->Done((*list)->EraseOne(rank))) return false;
    ++*erased;
  }
  return list->Done((*list)->Shrunk());
}

}  // namespace

void HandleLPos(Call& call) {
  PosArgs args;
  if (!ReadPosArgs(call, &args)) return;
  ListChange list(call, call.argv[1]);
  if (!list.Open()) return;
  if (list.missing()) return args.count >= 0 ? call.reply.ArrayHeader(0) : call.reply.Null();
  WalkProgress own;
  WalkProgress* const progress = ProgressOf(call, list, &own);
  const bool forward = args.rank > 0;
  const auto skipped = static_cast<uint64_t>(forward ? args.rank - 1 : -args.rank - 1);
  // With those that are skipped; 0: all.
  const uint64_t wanted =
      args.count == 0 ? 0 : skipped + static_cast<uint64_t>(std::max<int64_t>(args.count, 1));
  const uint64_t most = args.most == 0 ? UINT64_MAX : static_cast<uint64_t>(args.most);
  const Walked walked =
      WalkOn(call, &list, forward, most, progress, [&](uint64_t rank, std::string_view value) {
        if (value == call.argv[2]) progress->ranks.push_back(rank);
        return wanted == 0 || progress->ranks.size() < wanted;
      });
  if (walked == Walked::kLater) return;
  const auto& ranks = progress->ranks;
  const size_t from = std::min<size_t>(skipped, ranks.size());
  if (args.count < 0) {
    return from == ranks.size() ? call.reply.Null()
                                : call.reply.Integer(static_cast<int64_t>(ranks[from]));
  }
  call.reply.ArrayHeader(ranks.size() - from);
  for (size_t i = from; i < ranks.size(); ++i) call.reply.Integer(static_cast<int64_t>(ranks[i]));
}

void HandleLRem(Call& call) {
  int64_t count = 0;
  if (!IntegerArg(call, call.argv[2], &count)) return;
  ListChange list(call, call.argv[1]);
  if (!list.Open()) return;
  if (list.missing()) return call.reply.Integer(0);
  WalkProgress own;
  WalkProgress* const progress = ProgressOf(call, list, &own);
  const uint64_t most =
      count < 0 ? uint64_t{0} - static_cast<uint64_t>(count) : static_cast<uint64_t>(count);
  const std::string_view element = call.argv[3];
  const Walked walked = WalkOn(call, &list, count >= 0, UINT64_MAX, progress,
                               [&](uint64_t rank, std::string_view value) {
                                 if (value == element) progress->ranks.push_back(rank);
                                 return most == 0 || progress->ranks.size() < most;
                               });
  if (walked == Walked::kLater) return;
  uint64_t erased = 0;
  if (progress->ranks.size() == list.count() && !call.txn.progresses()) {
    erased = list.count();
    if (!list.Erase(0, erased)) return;
  } else if (!progress->ranks.empty() &&
             !EraseFound(call, &list, progress->ranks, element, &erased)) {
    return;
  }
  if (erased > 0) {
    if (!list.Write(static_cast<int64_t>(erased))) return;
    list.Tell("lrem");
  }
  call.reply.Integer(static_cast<int64_t>(erased));
}

void HandleLInsert(Call& call) {
  const bool before = Is(call.argv[2], "before");
  if (!before && !Is(call.argv[2], "after")) return call.reply.Error(errors::kSyntax);
  ListChange list(call, call.argv[1]);
  if (!list.Open()) return;
  if (list.missing()) return call.reply.Integer(0);
  WalkProgress own;
  WalkProgress* const progress = ProgressOf(call, list, &own);
  const std::string_view pivot = call.argv[3];
  const Walked walked =
      WalkOn(call, &list, true, UINT64_MAX, progress, [&](uint64_t rank, std::string_view value) {
        if (value == pivot) progress->ranks.push_back(rank);
        return value != pivot;
      });
  if (walked == Walked::kLater) return;
  if (walked == Walked::kWhole) return call.reply.Integer(-1);
  const uint64_t rank = progress->ranks[0];
  if (call.txn.progresses()) {  // somebody may have written since it was found
    std::string_view value;
    if (rank < list.count() && !list.Done(list->At(rank, &value))) return;
    if (rank >= list.count() || value != pivot) {
      *progress = {};
      return call.txn.Again();
    }
  }
  const uint64_t place = before ? rank : rank + 1;
  if (!list.Done(list->Insert(place, call.argv[4])) || !list.Write(1)) return;
  list.Tell("linsert");
  call.reply.Integer(static_cast<int64_t>(list.count()));
}

}  // namespace cairn
