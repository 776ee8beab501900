#include "command/copy_value.h"

#include <memory>

#include "collection/detached.h"
#include "collection/element_walk.h"
#include "command/collection_args.h"
#include "command/other_db.h"
#include "tree/build.h"

namespace cairn {
namespace {

using tree::Outcome;

// What is kept from slice to slice.
struct CopyWork {
  KeyGuard guard;
  uint32_t tries = 0;
  std::unique_ptr<Detached> made;
  bool ordered[kTreesMax] = {};
  uint8_t tree = 0;  // that is being copied
  uint64_t rank = 0;
};

// Which of the trees have keys.
Outcome FindKinds(Collection* source, bool* ordered) {
  for (uint8_t i = 0; i < source->trees(); ++i) {
    tree::RootHead head;
    const Outcome read = ReadKind(source->pager(), i, &head, &ordered[i]);
    if (read != Outcome::kDone) return read;
  }
  return Outcome::kDone;
}

// Entries of one tree from work->rank on. kDone: all of them, or the slice is over (Again).
Outcome CopyEntries(Txn* txn, Collection* source, CopyWork* work) {
  const bool ordered = work->ordered[work->tree];
  ElementWalk walk(source, work->tree, ordered, ElementWalk::Order::kByRank);
  tree::Tree to({.ordered = ordered}, work->made->pager(), work->tree);
  tree::Builder builder(&to);
  Outcome outcome = walk.Start(work->rank);
  while (outcome == Outcome::kDone && !walk.at_end()) {
    std::string_view rest, payload;
    if (ordered) outcome = walk.Rest(&rest);
    if (outcome == Outcome::kDone) outcome = walk.Payload(&payload);
    if (outcome != Outcome::kDone) break;
    const Outcome added = builder.Add({walk.entry().head, rest}, {payload, walk.entry().due});
    if (added != Outcome::kDone) return added;
    ++work->rank;
    txn->ChargeElement(payload.size());
    outcome = walk.Next();
    if (outcome == Outcome::kDone && work->tries <= KeyGuard::kTriesMax && txn->SliceOver()) {
      txn->Again();
      break;
    }
  }
  const Outcome finished = builder.Finish();
  return finished == Outcome::kDone ? outcome : finished;
}

// False: pending, or answered.
bool CopyAll(Call& call, Collection* source, bool guarded, CopyWork* work) {
  if (work->made == nullptr || work->guard.broken()) {
    if (!Done(call, FindKinds(source, work->ordered), source->status())) return false;
    work->made = std::make_unique<Detached>(std::span(work->ordered, source->trees()));
    work->tree = 0;
    work->rank = 0;
    ++work->tries;
    if (guarded) GuardKey(call, source->key(), &work->guard);
  }
  for (; work->tree < source->trees(); ++work->tree, work->rank = 0) {
    const Outcome outcome = CopyEntries(&call.txn, source, work);
    if (outcome == Outcome::kFailed) {
      const Status& made = work->made->pager()->status();
      return Done(call, outcome, made.ok() ? source->status() : made);
    }
    if (outcome == Outcome::kWait || call.txn.pending()) return false;
  }
  return true;
}

}  // namespace

bool CopyCollection(Call& call, std::string_view from, ValueType type, uint16_t db,
                    std::string_view to) {
  Collection source(&call.txn, from, type);
  const Opened opened = source.Open();
  if (!Ready(call, opened, source.status())) return false;
  CAIRN_CHECK(opened == Opened::kFound, "the caller has found it");
  CopyWork* kept = call.txn.Progress<CopyWork>();
  // In an EXEC it lives until the commit all the same: the pages are copied into the pass.
  CopyWork local;
  CopyWork* const work = kept != nullptr ? kept : &local;
  if (!CopyAll(call, &source, kept != nullptr, work)) return false;
  const bool lasts = kept != nullptr;
  OtherDb there(call.txn, db);
  const bool known = call.txn.notifies(kNotifyNew) && call.txn.Peek(to).found;
  const Status put = work->made->PutInto(&call.txn, to, type, source.encoding(), source.state(),
                                         source.expire_at_ms(), lasts);
  if (!put.ok() && !call.txn.pending()) return RefuseFailed(call, put);
  if (known) call.txn.Notify(kNotifyNew, "new", to);
  return put.ok();
}

}  // namespace cairn
