// HRANDFIELD key [count [WITHVALUES]]. Fields are picked by rank, some at a time, so that what is
// not in memory is read in few waves.

#include <algorithm>
#include <vector>

#include "command/gathered.h"
#include "command/handlers.h"
#include "command/hash_args.h"
#include "command/random_ranks.h"

namespace cairn {
namespace {

constexpr uint64_t kBatch = 256;

// Ranks of live fields: the n-th one.
class LiveRanks {
 public:
  bool Fill(Call& call, HashValue* hash) {
    uint64_t all = 0;
    if (!Done(call, hash->CountAll(&all), *hash)) return false;
    if (!Done(call, hash->DueRanks(&due_), *hash)) return false;
    count_ = all - due_.size();
    return true;
  }
  uint64_t count() const { return count_; }
  uint64_t At(uint64_t n) const {
    for (const uint64_t due : due_) {
      if (due > n) break;
      ++n;
    }
    return n;
  }

 private:
  uint64_t count_ = 0;
  std::vector<uint64_t> due_;
};

// What is kept from pass to pass.
struct Picks {
  Gathered gathered;
  bool chosen = false;
  std::vector<uint64_t> distinct;  // which of the live ones, each once, in order
};

void Choose(Call& call, uint64_t count, uint64_t n, std::vector<uint64_t>* chosen) {
  SplitMix random{call.txn.Random()};
  for (DifferentRanks ranks(n, count); !ranks.at_end();) chosen->push_back(ranks.Next(&random));
  std::sort(chosen->begin(), chosen->end());
}

void Give(const HashValue::Field& field, bool values, ReplyWriter* writer) {
  if (values && writer->version() >= 3) writer->ArrayHeader(2);
  writer->Bulk(field.name);
  if (values) writer->Bulk(field.value);
}

// Adds fields by rank. False: answered, or pending, and nothing was added.
bool GiveRanks(Call& call, HashValue* hash, const std::vector<uint64_t>& ranks, bool values,
               Gathered* gathered) {
  tree::Outcome all = tree::Outcome::kDone;
  for (const uint64_t rank : ranks) {
    const tree::Outcome wanted = hash->WantRank(rank);
    if (wanted != tree::Outcome::kDone) all = wanted;
    if (wanted == tree::Outcome::kFailed) break;
  }
  if (!Done(call, all, *hash)) return false;
  const size_t mark = gathered->body.size();
  ReplyWriter writer(&gathered->body, call.reply.version(), &call.txn);
  for (const uint64_t rank : ranks) {
    bool live;
    HashValue::Field field;
    const tree::Outcome read = hash->AtRank(rank, &live, &field);
    if (read != tree::Outcome::kDone) gathered->body.Truncate(mark);
    if (!Done(call, read, *hash)) return false;
    Give(field, values, &writer);
    call.txn.Charge(4);
  }
  gathered->visited += ranks.size();
  gathered->elements += ranks.size();
  return true;
}

// count > 0: so many distinct ones; negative: so many, whatever comes.
void ReplySome(Call& call, HashValue* hash, int64_t count, bool values) {
  LiveRanks live;
  if (!live.Fill(call, hash)) return;
  Picks local;
  Picks* picks = &local;
  const bool distinct = count > 0;
  uint64_t wanted = distinct ? std::min(static_cast<uint64_t>(count), live.count())
                             : uint64_t{0} - static_cast<uint64_t>(count);
  if (wanted > kBatch) {
    Picks* const kept = call.txn.Progress<Picks>();
    if (kept != nullptr) picks = kept;
  }
  if (distinct && !picks->chosen) {
    picks->chosen = true;
    Choose(call, wanted, live.count(), &picks->distinct);
  }
  if (distinct) wanted = picks->distinct.size();
  if (!distinct) call.txn.SkipRandoms(picks->gathered.visited);
  Gathered& gathered = picks->gathered;
  std::vector<uint64_t> ranks;
  while (gathered.visited < wanted) {
    ranks.clear();
    const uint64_t batch = std::min(kBatch, wanted - gathered.visited);
    for (uint64_t i = 0; i < batch; ++i) {
      const uint64_t n = distinct ? picks->distinct[gathered.visited + i] : call.txn.Random();
      ranks.push_back(live.At(n % live.count()));
    }
    if (!GiveRanks(call, hash, ranks, values, &gathered)) return;
    if (gathered.visited < wanted && call.txn.SliceOver()) return call.txn.Again();
  }
  const bool flat = values && call.reply.version() < 3;
  call.reply.ArrayHeader(flat ? 2 * gathered.elements : gathered.elements);
  call.reply.out().Append(&gathered.body);
}

void ReplyOne(Call& call, HashValue* hash) {
  LiveRanks live;
  if (!live.Fill(call, hash)) return;
  bool is_live;
  HashValue::Field field;
  const uint64_t rank = live.At(call.txn.Random() % live.count());
  if (!Done(call, hash->AtRank(rank, &is_live, &field), *hash)) return;
  call.reply.Bulk(field.name);
}

}  // namespace

void HandleHRandField(Call& call) {
  int64_t count = 0;
  const bool values = call.argv.size() > 3;
  if (call.argv.size() > 2) {
    const IntegerRule rule{-INT64_MAX, INT64_MAX, errors::kNotInteger, errors::kCountRange};
    if (!IntegerArg(call, call.argv[2], rule, &count)) return;
    if (call.argv.size() > 4 || (values && !Is(call.argv[3], "withvalues")))
      return call.reply.Error(errors::kSyntax);
    if (values && (count < -INT64_MAX / 2 || count > INT64_MAX / 2))
      return call.reply.Error(errors::kOutOfRange);
  }
  HashValue hash = HashAt(call);
  const Opened opened = hash.Open();
  if (!Ready(call, opened, hash)) return;
  if (call.argv.size() == 2)
    return opened == Opened::kFound ? ReplyOne(call, &hash) : call.reply.Null();
  if (opened == Opened::kMissing) {
    // What its earlier passes have found of a hash that has gone meanwhile is not kept.
    return call.reply.ArrayHeader(0);
  }
  if (count == 0) return call.reply.ArrayHeader(0);
  ReplySome(call, &hash, count, values);
}

}  // namespace cairn
