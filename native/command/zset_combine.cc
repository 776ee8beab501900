// Sorted sets made of several: ZUNION, ZINTER, ZDIFF, their STORE forms, and ZINTERCARD.

#include <algorithm>
#include <cmath>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "command/slice_sort.h"
#include "command/zset_handlers.h"
#include "command/zset_source.h"

namespace cairn {

using tree::Outcome;
using Element = ZsetValue::Element;
using Item = ZsetValue::Item;

namespace {

enum class Kind : uint8_t { kUnion, kInter, kDiff };
enum class Aggregate : uint8_t { kSum, kMin, kMax };

// Which of the commands it is.
struct Form {
  Kind kind = Kind::kUnion;
  bool stores = false;  // into argv[1]
  bool counts = false;  // ZINTERCARD
};

struct Options {
  std::vector<double> weights;  // none: 1 each
  Aggregate aggregate = Aggregate::kSum;
  bool scores = false;
  uint64_t limit = UINT64_MAX;

  double Weighted(size_t source, double score) const {
    return weights.empty() ? score : weights[source] * score;
  }
};

bool OptionArgs(Call& call, const Form& form, size_t first, size_t sources, Options* options) {
  for (size_t i = first; i < call.argv.size(); ++i) {
    const std::string_view arg = call.argv[i];
    const size_t left = call.argv.size() - i - 1;
    const bool combines = form.kind != Kind::kDiff && !form.counts;
    if (combines && left >= sources && Is(arg, "weights")) {
      options->weights.assign(sources, 1);
      for (double& weight : options->weights) {
        if (!FloatArg(call, call.argv[++i], errors::kWeightNotFloat, &weight)) return false;
      }
    } else if (combines && left >= 1 && Is(arg, "aggregate")) {
      const std::string_view how = call.argv[++i];
      options->aggregate = Is(how, "min")   ? Aggregate::kMin
                           : Is(how, "max") ? Aggregate::kMax
                                            : Aggregate::kSum;
      if (options->aggregate == Aggregate::kSum && !Is(how, "sum"))
        return Refuse(call, errors::kSyntax);
    } else if (!form.stores && !form.counts && Is(arg, "withscores")) {
      options->scores = true;
    } else if (form.counts && left >= 1 && Is(arg, "limit")) {
      const IntegerRule rule{0, INT64_MAX, errors::kLimitNegative};
      int64_t limit = 0;
      if (!IntegerArg(call, call.argv[++i], rule, &limit)) return false;
      options->limit = limit == 0 ? UINT64_MAX : static_cast<uint64_t>(limit);
    } else {
      return Refuse(call, errors::kSyntax);
    }
  }
  return true;
}

// A sum that is none is 0, as in Redis.
void Add(Aggregate aggregate, double score, double* to) {
  switch (aggregate) {
    case Aggregate::kSum:
      *to += score;
      if (std::isnan(*to)) *to = 0;
      return;
    case Aggregate::kMin:
      *to = score < *to ? score : *to;
      return;
    case Aggregate::kMax:
      *to = score > *to ? score : *to;
      return;
  }
}

double FirstScore(double score) { return std::isnan(score) ? 0 : score; }

// What was made so far.
struct Combining {
  bool kept = false;  // from one pass to the next
  uint32_t tries = 0;
  std::vector<uint64_t> seeds;  // of the sources
  std::vector<size_t> order;    // of the sources, from the first pass on
  size_t next = 0;              // source, in this order
  SourcePlace place;
  std::unordered_map<std::string, double> sums;  // of a union, until they are items
  std::vector<Item> items;
  SliceSort<Item> sort{&items};
  size_t shown = 0;  // items in `found`
  OutBuffer found;
  uint64_t count = 0;  // of ZINTERCARD
};

using Sources = std::deque<ZsetSource>;

constexpr uint64_t kElementsAtATime = 256;
// Of all sources together: these take a millisecond or two.
constexpr uint64_t kAtOnceMax = 4096;
constexpr uint64_t kReservedMax = 4u << 20;
constexpr uint64_t kSortCost = SliceSort<Item>::kPiece;

// Sources are taken in the order of their sizes, which decides how sums are rounded. The first one
// of a difference stays where it is.
void OrderSources(const Form& form, const Sources& sources, Combining* combining) {
  std::vector<size_t>& order = combining->order;
  if (!order.empty()) return;
  for (size_t i = 0; i < sources.size(); ++i) order.push_back(i);
  if (form.kind == Kind::kDiff) return;
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return sources[a].count() < sources[b].count(); });
}

// From the beginning, also if members of a set have got other places since; a set that is made anew
// all the time is taken in one go at last.
void BeginCombining(const Sources& sources, bool kept, Combining* combining) {
  std::vector<uint64_t> seeds;
  for (const ZsetSource& source : sources) seeds.push_back(source.seed());
  if (combining->tries != 0 && combining->seeds == seeds) return;
  const uint32_t tries = combining->tries + 1;
  std::destroy_at(combining);
  std::construct_at(combining);
  combining->tries = tries;
  combining->kept = kept && tries <= KeyGuard::kTriesMax;
  combining->seeds = std::move(seeds);
}

bool SliceOver(Call& call, const Combining& combining, uint64_t charge) {
  if (!combining.kept) return false;
  if (call.txn.SliceOver()) return call.txn.Again(), true;
  call.txn.Charge(static_cast<uint32_t>(std::min<uint64_t>(charge, UINT32_MAX)));
  return false;
}

// False: pending, or refused.
bool Unite(Call& call, Sources* sources, const Options& options, Combining* combining) {
  if (combining->sums.empty() && combining->next == 0) {
    uint64_t most = 0;  // so that it need not grow, which would take long when it is large
    for (const ZsetSource& source : *sources) most += source.count();
    combining->sums.reserve(std::min(most, kReservedMax));
  }
  for (; combining->next < sources->size(); ++combining->next, combining->place = SourcePlace()) {
    const size_t index = combining->order[combining->next];
    ZsetSource& source = (*sources)[index];
    while (!combining->place.end) {
      if (SliceOver(call, *combining, kElementsAtATime)) return false;
      SourcePlace place = combining->place;
      std::vector<Item> some;
      const Outcome outcome = source.Go(&place, kElementsAtATime, [&](const Element& element) {
        some.push_back({std::string(element.member), element.score});
      });
      if (!Done(call, outcome, source.status())) return false;
      combining->place = std::move(place);
      for (Item& item : some) {
        const double score = FirstScore(options.Weighted(index, item.score));
        const auto [at, added] = combining->sums.try_emplace(std::move(item.member), score);
        if (!added) Add(options.aggregate, score, &at->second);
      }
    }
  }
  auto& sums = combining->sums;
  while (!sums.empty()) {
    if (SliceOver(call, *combining, kElementsAtATime)) return false;
    for (uint64_t i = 0; i < kElementsAtATime && !sums.empty(); ++i) {
      auto node = sums.extract(sums.begin());
      combining->items.push_back({std::move(node.key()), node.mapped()});
    }
  }
  return true;
}

// Looks one element of the first source up in the others. *wanted: it belongs to the result, with
// *score. kWait: more may be missing, and was noted.
Outcome LookUp(Sources* sources, const Form& form, const Options& options,
               const Combining& combining, const Item& item, bool* wanted, double* score,
               const Status** status) {
  Outcome outcome = Outcome::kDone;
  *wanted = true;
  *score = FirstScore(options.Weighted(combining.order[0], item.score));
  for (size_t i = 1; i < combining.order.size() && *wanted; ++i) {
    const size_t index = combining.order[i];
    ZsetSource& source = (*sources)[index];
    bool found = false;
    double other = 0;
    const Outcome looked = source.Find(item.member, &found, &other);
    if (looked == Outcome::kFailed) *status = &source.status();
    if (looked == Outcome::kFailed) return looked;
    if (looked == Outcome::kWait) {
      outcome = looked;
      continue;
    }
    *wanted = found == (form.kind == Kind::kInter);
    if (found) Add(options.aggregate, options.Weighted(index, other), score);
  }
  return outcome;
}

// Goes through the first source: elements that are in all others, or in none. False: pending, or
// refused.
bool Sift(Call& call, Sources* sources, const Form& form, const Options& options,
          Combining* combining) {
  ZsetSource& first = (*sources)[combining->order[0]];
  while (!combining->place.end && combining->count < options.limit) {
    if (SliceOver(call, *combining, kElementsAtATime * sources->size())) return false;
    SourcePlace place = combining->place;
    std::vector<Item> some, wanted;
    const Outcome outcome = first.Go(&place, kElementsAtATime, [&](const Element& element) {
      some.push_back({std::string(element.member), element.score});
    });
    if (!Done(call, outcome, first.status())) return false;
    bool waiting = false;
    for (Item& item : some) {
      bool belongs = false;
      double score = 0;
      const Status* status = nullptr;
      const Outcome looked =
          LookUp(sources, form, options, *combining, item, &belongs, &score, &status);
      if (looked == Outcome::kFailed) return Done(call, looked, *status);
      waiting |= looked == Outcome::kWait;
      if (belongs) wanted.push_back({std::move(item.member), score});
    }
    if (waiting) return false;
    combining->place = std::move(place);
    combining->count += wanted.size();
    if (form.counts) continue;
    std::move(wanted.begin(), wanted.end(), std::back_inserter(combining->items));
  }
  return true;
}

void ReplyItems(Call& call, const Form& form, const Options& options, Combining* combining) {
  if (form.counts) {
    const uint64_t count = std::min(combining->count, options.limit);
    return call.reply.Integer(static_cast<int64_t>(count));
  }
  const std::vector<Item>& items = combining->items;
  const auto less = [](const Item& a, const Item& b) {
    return a.score != b.score ? a.score < b.score : a.member < b.member;
  };
  do {
    if (SliceOver(call, *combining, kSortCost)) return;
  } while (!combining->sort.Step(less));
  if (form.stores) {
    const std::vector<Element> elements(items.begin(), items.end());
    const std::string_view event = form.kind == Kind::kUnion   ? "zunionstore"
                                   : form.kind == Kind::kInter ? "zinterstore"
                                                               : "zdiffstore";
    if (StoreZset(call, call.argv[1], elements, event))
      call.reply.Integer(static_cast<int64_t>(items.size()));
    return;
  }
  ReplyWriter found(&combining->found, call.reply.version());
  while (combining->shown < items.size()) {
    if (SliceOver(call, *combining, kElementsAtATime)) return;
    const size_t end = std::min<size_t>(items.size(), combining->shown + kElementsAtATime);
    while (combining->shown < end) ReplyElement(found, items[combining->shown++], options.scores);
  }
  ReplyElements(call.reply, items.size(), options.scores);
  call.reply.out().Append(&combining->found);
}

void Combine(Call& call, const Form& form, std::string_view name) {
  const size_t at = form.stores ? 2 : 1;
  int64_t number = 0;
  if (!IntegerArg(call, call.argv[at], &number)) return;
  if (number < 1) return call.reply.Error(errors::NoInputKeys(name));
  if (static_cast<uint64_t>(number) > call.argv.size() - at - 1)
    return call.reply.Error(errors::kSyntax);
  const std::span<const std::string_view> keys =
      call.argv.subspan(at + 1, static_cast<size_t>(number));
  Sources sources;
  uint64_t total = 0;
  for (std::string_view key : keys) {
    ZsetSource& source = sources.emplace_back();
    if (!source.Open(call, key, form.stores) && !call.txn.pending()) return;
    total += source.count();
  }
  if (call.txn.pending()) return;
  Options options;
  if (!OptionArgs(call, form, at + 1 + keys.size(), keys.size(), &options)) return;
  Combining local;
  Combining* combining = total <= kAtOnceMax ? nullptr : call.txn.Progress<Combining>();
  if (combining == nullptr) combining = &local;
  BeginCombining(sources, combining != &local, combining);
  OrderSources(form, sources, combining);
  const bool done = form.kind == Kind::kUnion ? Unite(call, &sources, options, combining)
                                              : Sift(call, &sources, form, options, combining);
  if (done) ReplyItems(call, form, options, combining);
}

}  // namespace

bool ZsetSource::Open(Call& call, std::string_view key, bool counted) {
  if (call.txn.Peek(key).type == ValueType::kSet) {
    set_.emplace(&call.txn, key, &call.server.thresholds);
  } else {
    zset_.emplace(&call.txn, key, &call.server.thresholds);
  }
  const Opened opened = set_ ? set_->Open() : zset_->Open();
  if (counted) call.txn.CountRead(opened != Opened::kMissing, key);
  if (!Ready(call, opened, status())) return false;
  if (opened == Opened::kMissing) return true;
  return Done(call, set_ ? set_->Count(&count_) : zset_->Count(&count_), status());
}

Outcome ZsetSource::Find(std::string_view member, bool* found, double* score) {
  *found = false;
  if (count_ == 0) return Outcome::kDone;
  *score = 1;
  return set_ ? set_->Contains(member, found) : zset_->Find(member, found, score);
}

void HandleZUnion(Call& call) { Combine(call, {.kind = Kind::kUnion}, "zunion"); }
void HandleZUnionStore(Call& call) {
  Combine(call, {.kind = Kind::kUnion, .stores = true}, "zunionstore");
}
void HandleZInter(Call& call) { Combine(call, {.kind = Kind::kInter}, "zinter"); }
void HandleZInterStore(Call& call) {
  Combine(call, {.kind = Kind::kInter, .stores = true}, "zinterstore");
}
void HandleZInterCard(Call& call) {
  Combine(call, {.kind = Kind::kInter, .counts = true}, "zintercard");
}
void HandleZDiff(Call& call) { Combine(call, {.kind = Kind::kDiff}, "zdiff"); }
void HandleZDiffStore(Call& call) {
  Combine(call, {.kind = Kind::kDiff, .stores = true}, "zdiffstore");
}

}  // namespace cairn
