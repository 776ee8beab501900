// SCAN cursor [MATCH pattern] [COUNT count] [TYPE type], and KEYS pattern.
//
// Keys come part by part, inside a part in key order (with vlog, a part is a shard). A pattern that
// begins with literal bytes is sought in every part, so that its cost follows the number of
// results; if those bytes hold a whole {hash tag}, all matches live in one part and only that one
// is visited. Both go in slices: a walk through many keys holds nobody up.

#include <algorithm>
#include <random>
#include <string>
#include <utility>

#include "base/slot.h"
#include "command/args.h"
#include "command/handlers.h"
#include "command/object.h"
#include "command/scan_cursors.h"
#include "resp/glob.h"

namespace cairn {
namespace {

inline constexpr uint64_t kUnlimited = UINT64_MAX;
inline constexpr int64_t kDefaultCount = 10;
inline constexpr uint64_t kStartAndEnd = 0;  // the cursor

ScanCursors& Cursors() {
  static ScanCursors cursors([] {
    std::random_device device;
    return static_cast<uint64_t>(device()) << 32 | device();
  }());
  return cursors;
}

// Which keys are wanted, and where they can be.
struct KeyFilter {
  std::string_view pattern;
  std::string_view prefix;
  std::string_view type;  // its name in lower case; empty: all
  bool all = true;
  bool one_shard = false;
  uint16_t shard = 0;  // of one_shard
};

KeyFilter MakeFilter(std::string_view pattern) {
  KeyFilter filter;
  filter.pattern = pattern;
  filter.all = pattern == "*";
  if (filter.all) return filter;
  filter.prefix = LiteralPrefix(pattern);
  // A prefix decides the shard if it is the whole key or contains a whole hash tag: then the tag is
  // a part of it.
  filter.one_shard = filter.prefix.size() == pattern.size() ||
                     HashTag(filter.prefix).size() < filter.prefix.size();
  if (filter.one_shard) filter.shard = ShardOf(filter.prefix);
  return filter;
}

// How far a walk through the keys has come, and what it has found. Kept from slice to slice, while
// the arguments move: so it refers to none of them.
struct Walk {
  bool begun = false;
  uint32_t part = 0;
  std::string from;         // in the part
  uint64_t visited_to = 0;  // stop behind so many visited keys
  OutBuffer found;          // framed bulks
  uint64_t count = 0;       // of them
  uint64_t visited = 0;
  bool stopped = false;  // by the limit; then from: the first key not visited, cut to what a cursor
                         // keeps
  std::string long_head;  // of the key visited last, if it has one
};

// Collects wanted keys, and stops behind the limit.
class Collector : public Txn::KeyVisitor {
 public:
  Collector(const KeyFilter& filter, Walk* walk) : filter_(filter), walk_(*walk) {}

  bool OnKey(std::string_view key, const KeyMeta& meta) override {
    std::string_view head = key.substr(0, ScanCursors::kPositionBytesMax);
    // Between keys with the same long head no cursor can stand: it would bring the earlier ones
    // again and again.
    if (walk_.visited >= walk_.visited_to &&
        (head.size() < ScanCursors::kPositionBytesMax || head != walk_.long_head)) {
      walk_.from.assign(head);
      walk_.stopped = true;
      return false;
    }
    head.size() < ScanCursors::kPositionBytesMax ? walk_.long_head.clear()
                                                 : void(walk_.long_head.assign(head));
    ++walk_.visited;
    if (!filter_.type.empty() && filter_.type != TypeName(meta.type)) return true;
    if (filter_.all || GlobMatch(filter_.pattern, key)) {
      ReplyWriter(&walk_.found).Bulk(key);
      ++walk_.count;
    }
    return true;
  }

 private:
  const KeyFilter& filter_;
  Walk& walk_;
};

// Goes on with the keys of walk->part. False: there is more to come, in another wave.
bool WalkPart(Call& call, const KeyFilter& filter, Walk* walk) {
  Collector collector(filter, walk);
  while (!walk->stopped) {
    if (call.txn.SliceOver()) {
      call.txn.Again();
      return false;
    }
    const uint64_t left = walk->visited_to - std::min(walk->visited_to, walk->visited);
    const size_t most = std::min<uint64_t>(left, RangeRequest::kKeysMax - 1) + 1;
    std::string next;
    switch (call.txn.ScanSome(walk->part, walk->from, filter.prefix, most, &collector, &next)) {
      case Txn::Scanned::kPending:
        return false;
      case Txn::Scanned::kMore:
        walk->from = std::move(next);
        break;
      case Txn::Scanned::kEnd:
      case Txn::Scanned::kStopped:
        return true;
    }
  }
  return true;
}

struct ScanOptions {
  std::string_view pattern = "*";
  int64_t count = kDefaultCount;
  std::string_view type;  // as in KeyFilter
  bool no_such_type = false;
};

std::string_view TypeNamed(std::string_view word) {
  for (uint8_t type = 0; type <= kValueTypeMax; ++type) {
    const std::string_view name = TypeName(static_cast<ValueType>(type));
    if (Is(word, name) && name != kUnknownType) return name;
  }
  return {};
}

bool ParseScanOptions(Call& call, ScanOptions* options) {
  for (size_t i = 2; i < call.argv.size(); i += 2) {
    std::string_view arg = call.argv[i];
    bool has_value = i + 1 < call.argv.size();
    if (has_value && Is(arg, "count")) {
      const IntegerRule rule{1, INT64_MAX, errors::kNotInteger, errors::kSyntax};
      if (!IntegerArg(call, call.argv[i + 1], rule, &options->count)) return false;
    } else if (has_value && Is(arg, "match")) {
      options->pattern = call.argv[i + 1];
    } else if (has_value && Is(arg, "type")) {
      options->type = TypeNamed(call.argv[i + 1]);
      options->no_such_type = options->type.empty();
    } else {
      return Refuse(call, errors::kSyntax);
    }
  }
  return true;
}

// Visits keys from where the walk stands on, and fills *cursor with the one to go on with. Visits
// at most `count` keys, except that what cannot be divided comes whole: keys with the same long
// head, and a part whose cursor is not known any more. False: not done yet.
bool ScanOn(Call& call, const KeyFilter& filter, uint64_t count, Walk* walk, uint64_t* cursor) {
  *cursor = kStartAndEnd;
  for (; walk->part < call.txn.parts(); ++walk->part) {
    if (!filter.one_shard || walk->part == call.txn.PartOf(filter.shard)) {
      if (!WalkPart(call, filter, walk)) return false;
      if (walk->stopped) {
        *cursor = Cursors().Add(call.txn.db(), static_cast<uint16_t>(walk->part), walk->from);
        return true;
      }
      if (filter.one_shard) return true;
      if (walk->visited >= count) {
        *cursor = (walk->part + 1) % call.txn.parts();
        return true;
      }
    }
    walk->from.clear();
    walk->visited_to = count;
  }
  return true;
}

void ReplyScan(Call& call, uint64_t cursor, Walk* walk) {
  char digits[kInt64TextBytes];
  call.reply.ArrayHeader(2);
  call.reply.Bulk({digits, FormatUint64(cursor, digits)});
  call.reply.ArrayHeader(walk->count);
  call.reply.out().Append(&walk->found);
}

// The walk of this command: the one its earlier slices have begun, or `local`.
Walk* WalkOf(Call& call, Walk* local) {
  Walk* kept = call.txn.Progress<Walk>();
  return kept != nullptr ? kept : local;
}

}  // namespace

void HandleScan(Call& call) {
  uint64_t cursor;
  if (!ParseCursor(call.argv[1], &cursor)) return call.reply.Error(errors::kInvalidCursor);
  ScanOptions options;
  if (!ParseScanOptions(call, &options)) return;
  Walk local;
  Walk* walk = WalkOf(call, &local);
  if (options.no_such_type) return ReplyScan(call, kStartAndEnd, walk);
  const auto count = static_cast<uint64_t>(options.count);
  if (!std::exchange(walk->begun, true)) {
    walk->part = ScanCursors::ShardOfCursor(cursor);
    const bool known =
        ScanCursors::IsShardStart(cursor) || Cursors().Find(cursor, call.txn.db(), &walk->from);
    walk->visited_to = known ? count : kUnlimited;
  }
  uint64_t next = kStartAndEnd;
  KeyFilter filter = MakeFilter(options.pattern);
  filter.type = options.type;
  if (!ScanOn(call, filter, count, walk, &next)) return;
  if (!ScanCursors::IsShardStart(cursor)) Cursors().Retire(cursor);
  ReplyScan(call, next, walk);
}

void HandleKeys(Call& call) {
  const KeyFilter filter = MakeFilter(call.argv[1]);
  Walk local;
  Walk* walk = WalkOf(call, &local);
  walk->visited_to = kUnlimited;
  for (; walk->part < call.txn.parts(); ++walk->part) {
    if (filter.one_shard && walk->part != call.txn.PartOf(filter.shard)) continue;
    if (!WalkPart(call, filter, walk)) return;
    walk->from.clear();
  }
  call.reply.ArrayHeader(walk->count);
  call.reply.out().Append(&walk->found);
}

}  // namespace cairn
