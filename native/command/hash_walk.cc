// HGETALL and other commands that go through the fields of a hash. A large one is walked in slices,
// from place to place (HashValue::Seek), so that fields which are there all the time come exactly
// once.

#include <algorithm>

#include "command/element_scan.h"
#include "command/gathered.h"
#include "command/handlers.h"
#include "command/hash_args.h"

namespace cairn {
namespace {

using tree::Outcome;

constexpr uint64_t kAhead = 4096;  // fields whose leaves are read at once
constexpr uint32_t kBytesPerCharge = 64;

enum Parts : uint8_t { kNames = 1, kValues = 2, kBoth = 3 };

void Charge(Call& call, const HashValue::Field& field) {
  call.txn.Charge(
      1 + static_cast<uint32_t>((field.name.size() + field.value.size()) / kBytesPerCharge));
}

// Goes on at gathered->next, which is 0 behind the last field. give(field, writer): of each, the
// elements it has added. False: answered, or there is more to come in another pass.
template <typename Give>
bool WalkOn(Call& call, HashValue* hash, uint64_t visited_max, Gathered* gathered, Give give) {
  if (!Done(call, hash->WantFrom(gathered->next, std::min(visited_max, kAhead)), *hash))
    return false;
  ReplyWriter writer(&gathered->body, call.reply.version(), &call.txn);
  tree::Cursor cursor;
  if (!Done(call, hash->Seek(gathered->next, &cursor), *hash)) return false;
  while (cursor.found) {
    // Fields of one place, which are added together.
    const uint64_t place = cursor.entry.head;
    const size_t mark = gathered->body.size();
    uint64_t elements = 0, visited = 0;
    Outcome outcome = Outcome::kDone;
    while (outcome == Outcome::kDone && cursor.found && cursor.entry.head == place) {
      bool live;
      HashValue::Field field;
      outcome = hash->Read(cursor, &live, &field);
      if (outcome != Outcome::kDone) break;
      if (live) elements += give(field, &writer);
      Charge(call, field);
      ++visited;
      outcome = hash->Next(&cursor);
    }
    if (outcome != Outcome::kDone) gathered->body.Truncate(mark);
    if (!Done(call, outcome, *hash)) return false;
    gathered->elements += elements;
    gathered->visited += visited;
    gathered->next = cursor.found ? cursor.entry.head : 0;
    if (!cursor.found || gathered->visited >= visited_max) return true;
    if (call.txn.SliceOver()) {
      call.txn.Again();
      return false;
    }
  }
  gathered->next = 0;
  return true;
}

// All fields of a small hash.
template <typename Give>
bool WalkSmall(Call& call, HashValue* hash, const RootOrder& order, Gathered* gathered, Give give) {
  ReplyWriter writer(&gathered->body, call.reply.version(), &call.txn);
  for (size_t i = 0; i < order.entries.size(); ++i) {
    bool live;
    HashValue::Field field;
    if (!Done(call, hash->At(order, i, &live, &field), *hash)) return false;
    if (live) gathered->elements += give(field, &writer);
  }
  return true;
}

uint64_t Give(uint8_t parts, const HashValue::Field& field, ReplyWriter* writer) {
  if (parts & kNames) writer->Bulk(field.name);
  if (parts & kValues) writer->Bulk(field.value);
  return parts == kBoth ? 2 : 1;
}

void ReplyHeader(Call& call, Parts parts, uint64_t elements) {
  parts == kBoth ? call.reply.MapHeader(elements / 2) : call.reply.ArrayHeader(elements);
}

void ReplyAll(Call& call, Parts parts) {
  HashValue hash = HashAt(call);
  const Opened opened = hash.Open();
  if (!Ready(call, opened, hash)) return;
  const auto give = [parts](const HashValue::Field& field, ReplyWriter* writer) {
    return Give(parts, field, writer);
  };
  Gathered local;
  Gathered* gathered = call.txn.ProgressSoFar<Gathered>();  // its hash may be small by now, or gone
  if (gathered == nullptr) gathered = &local;
  if (opened == Opened::kFound) {
    RootOrder order;
    if (!Done(call, hash.Order(&order), hash)) return;
    if (order.small && gathered == &local) {
      if (!WalkSmall(call, &hash, order, gathered, give)) return;
    } else {
      gathered = GatheredOf(call, &local);
      if (!WalkOn(call, &hash, UINT64_MAX, gathered, give)) return;
    }
  }
  ReplyHeader(call, parts, gathered->elements);
  call.reply.out().Append(&gathered->body);
}

}  // namespace

void HandleHGetAll(Call& call) { ReplyAll(call, kBoth); }

void HandleHKeys(Call& call) { ReplyAll(call, kNames); }

void HandleHVals(Call& call) { ReplyAll(call, kValues); }

void HandleHScan(Call& call) {
  uint64_t cursor;
  if (!ScanCursorArg(call, &cursor)) return;
  HashValue hash = HashAt(call);
  const Opened opened = hash.Open();
  if (!Ready(call, opened, hash)) return;
  Gathered local;
  if (opened == Opened::kMissing) {
    Gathered* const kept = call.txn.ProgressSoFar<Gathered>();
    return ReplyElementScan(call, 0, kept != nullptr ? kept : &local);
  }
  ElementScan scan;
  if (!ParseElementScan(call, &scan)) return;
  const auto give = [&scan](const HashValue::Field& field, ReplyWriter* writer) -> uint64_t {
    if (!scan.Wants(field.name)) return 0;
    return Give(scan.no_values ? kNames : kBoth, field, writer);
  };
  RootOrder order;
  if (!Done(call, hash.Order(&order), hash)) return;
  // What Redis holds in one piece comes in one piece, whatever the cursor.
  if (order.small && hash.encoding() == Encoding::kListpack) {
    if (WalkSmall(call, &hash, order, &local, give)) ReplyElementScan(call, 0, &local);
    return;
  }
  Gathered* const gathered = GatheredOf(call, &local);
  if (!gathered->begun) gathered->next = hash.encoding() == Encoding::kListpack ? 0 : cursor;
  gathered->begun = true;
  const uint64_t visited_max = hash.encoding() == Encoding::kListpack ? UINT64_MAX : scan.count;
  if (WalkOn(call, &hash, visited_max, gathered, give))
    ReplyElementScan(call, gathered->next, gathered);
}

}  // namespace cairn
