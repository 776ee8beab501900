// SMEMBERS, SSCAN: what answers the members themselves, in the order of their keys.
#include "collection/set.h"
#include "command/element_scan.h"
#include "command/handlers.h"
#include "command/set_walk.h"

namespace cairn {
namespace {

// What was found so far.
struct Found {
  bool begun = false;
  uint64_t seed = 0;
  SetPlace place;
  OutBuffer members;  // framed bulks
  uint64_t count = 0;
  uint64_t visited = 0;
  uint64_t last_head = 0;  // visited

  // True: it is at the beginning. It goes back there if it was of another set.
  bool BeginUnlessOf(const SetValue& set) {
    if (begun && seed == set.seed()) return false;
    begun = true;
    seed = set.seed();
    place = {};
    members.Clear();
    count = visited = 0;
    return true;
  }
  void Add(std::string_view member) {
    ReplyWriter(&members).Bulk(member);
    ++count;
  }
};

}  // namespace

void HandleSMembers(Call& call) {
  SetValue set(&call.txn, call.argv[1], &call.server.thresholds);
  const Opened opened = set.Open();
  uint64_t count = 0;
  if (!Ready(call, opened, set.status())) return;
  if (opened == Opened::kFound && !Done(call, set.Count(&count), set.status())) return;
  Found local;
  Found& found = *call.txn.ProgressIf(count > kOnePassMembers, &local);
  if (opened == Opened::kFound) {
    found.BeginUnlessOf(set);
    const auto take = [&](std::string_view member, uint64_t) {
      found.Add(member);
      return true;
    };
    if (!WalkAll(call, &set, &found.place, Slices::kMany, take)) return;
  }
  call.reply.SetHeader(found.count);
  call.reply.out().Append(&found.members);
}

// The cursor is the head of the key that comes next. Members of equal heads come together.
void HandleSScan(Call& call) {
  uint64_t cursor;
  if (!ScanCursorArg(call, &cursor)) return;
  SetValue set(&call.txn, call.argv[1], &call.server.thresholds);
  const Opened opened = set.Open();
  if (!Ready(call, opened, set.status())) return;
  Gathered reply;
  if (opened == Opened::kMissing) return ReplyElementScan(call, 0, &reply);
  ElementScan scan;
  uint64_t members;
  if (!ParseElementScan(call, &scan)) return;
  if (!Done(call, set.Count(&members), set.status())) return;
  // As in Redis, what is small comes whole.
  const bool whole = set.encoding() != Encoding::kHashtable && members <= kOnePassMembers;
  const uint64_t visits_max = whole ? UINT64_MAX : scan.count;
  Found local;
  const bool in_slices = !whole && scan.count > kOnePassMembers;
  Found& found = *call.txn.ProgressIf(in_slices, &local);
  if (found.BeginUnlessOf(set) && !whole) found.place.head = cursor;
  uint64_t next = 0;
  const auto take = [&](std::string_view member, uint64_t head) {
    if (found.visited >= visits_max && head != found.last_head) {
      next = head;
      return false;
    }
    ++found.visited;
    found.last_head = head;
    if (scan.Wants(member)) found.Add(member);
    return true;
  };
  if (!WalkAll(call, &set, &found.place, Slices::kMany, take)) return;
  reply.elements = found.count;
  reply.body.Append(&found.members);
  ReplyElementScan(call, next, &reply);
}

}  // namespace cairn
