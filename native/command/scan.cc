// SCAN cursor [MATCH pattern] [COUNT count] [TYPE type], and KEYS pattern.
//
// Keys come shard by shard, inside a shard in key order. A pattern that begins with literal bytes
// is sought in every shard, so that its cost follows the number of results; if those bytes hold a
// whole {hash tag}, all matches live in one shard and only that one is visited.

#include <random>
#include <string>

#include "base/slot.h"
#include "command/args.h"
#include "command/handlers.h"
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

// Collects wanted keys as framed bulks, and stops behind `limit` visited ones.
class Collector : public Txn::KeyVisitor {
 public:
  explicit Collector(const KeyFilter& filter) : filter_(filter), keys_(&bytes_) {}

  void set_limit(uint64_t limit) { limit_ = limit; }
  uint64_t visited() const { return visited_; }
  uint64_t count() const { return count_; }
  std::string_view framed() const { return bytes_.view(); }
  // Set when the limit stopped the walk: the first key not visited, cut to what a cursor keeps.
  bool stopped() const { return stopped_; }
  std::string_view position() const { return position_; }

  bool OnKey(std::string_view key, const KeyMeta&) override {
    std::string_view head = key.substr(0, ScanCursors::kPositionBytesMax);
    // Between keys with the same long head no cursor can stand: it would bring the earlier ones
    // again and again.
    if (visited_ >= limit_ &&
        (head.size() < ScanCursors::kPositionBytesMax || head != long_head_)) {
      position_.assign(head);
      stopped_ = true;
      return false;
    }
    head.size() < ScanCursors::kPositionBytesMax ? long_head_.clear()
                                                 : void(long_head_.assign(head));
    ++visited_;
    if (filter_.all || GlobMatch(filter_.pattern, key)) {
      keys_.Bulk(key);
      ++count_;
    }
    return true;
  }

 private:
  const KeyFilter& filter_;
  OutBuffer bytes_;
  ReplyWriter keys_;
  uint64_t limit_ = kUnlimited;
  uint64_t visited_ = 0;
  uint64_t count_ = 0;
  bool stopped_ = false;
  std::string long_head_;  // of the key visited last, if it has one
  std::string position_;
};

struct ScanOptions {
  std::string_view pattern = "*";
  int64_t count = kDefaultCount;
  bool no_such_type = false;
};

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
      options->no_such_type = !Is(call.argv[i + 1], "string");
    } else {
      return Refuse(call, errors::kSyntax);
    }
  }
  return true;
}

// Visits keys from `cursor` on and returns the cursor to go on with. Visits at most `count` keys,
// except that what cannot be divided comes whole: keys with the same long head, and a shard whose
// cursor is not known any more.
uint64_t ScanFrom(Call& call, uint64_t cursor, const KeyFilter& filter, uint64_t count,
                  Collector* out) {
  uint32_t shard = ScanCursors::ShardOfCursor(cursor);
  std::string position;
  bool known =
      ScanCursors::IsShardStart(cursor) || Cursors().Find(cursor, call.txn.db(), &position);
  for (; shard < kShardCount; ++shard) {
    if (!filter.one_shard || shard == filter.shard) {
      out->set_limit(known ? count : kUnlimited);
      call.txn.ScanShard(static_cast<uint16_t>(shard), position, filter.prefix, out);
      if (out->stopped()) {
        return Cursors().Add(call.txn.db(), static_cast<uint16_t>(shard), out->position());
      }
      if (filter.one_shard) return kStartAndEnd;
      if (out->visited() >= count) return (shard + 1) % kShardCount;
    }
    position.clear();
    known = true;
  }
  return kStartAndEnd;
}

void ReplyScan(Call& call, uint64_t cursor, uint64_t count, std::string_view framed) {
  char digits[kInt64TextBytes];
  call.reply.ArrayHeader(2);
  call.reply.Bulk({digits, FormatUint64(cursor, digits)});
  call.reply.ArrayHeader(count);
  call.reply.Raw(framed);
}

}  // namespace

void HandleScan(Call& call) {
  uint64_t cursor;
  if (!ParseCursor(call.argv[1], &cursor)) return call.reply.Error(errors::kInvalidCursor);
  ScanOptions options;
  if (!ParseScanOptions(call, &options)) return;
  if (options.no_such_type) return ReplyScan(call, kStartAndEnd, 0, {});
  KeyFilter filter = MakeFilter(options.pattern);
  Collector collector(filter);
  uint64_t next = ScanFrom(call, cursor, filter, static_cast<uint64_t>(options.count), &collector);
  if (!ScanCursors::IsShardStart(cursor)) Cursors().Retire(cursor);
  ReplyScan(call, next, collector.count(), collector.framed());
}

void HandleKeys(Call& call) {
  KeyFilter filter = MakeFilter(call.argv[1]);
  Collector collector(filter);
  for (uint32_t shard = 0; shard < kShardCount; ++shard) {
    if (filter.one_shard && shard != filter.shard) continue;
    call.txn.ScanShard(static_cast<uint16_t>(shard), {}, filter.prefix, &collector);
  }
  call.reply.ArrayHeader(collector.count());
  call.reply.Raw(collector.framed());
}

}  // namespace cairn
