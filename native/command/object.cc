// OBJECT and MEMORY USAGE: what tools ask about a key's inside.

#include "command/object.h"

#include <algorithm>

#include "collection/collection.h"
#include "command/args.h"
#include "command/collection_args.h"
#include "command/handlers.h"

namespace cairn {
namespace {

inline constexpr uint64_t kIntegerTextBytesMax = 20;
inline constexpr uint64_t kEmbeddedBytesMax = 44;

// Counted as a read, but a miss is no event.
KeyMeta Look(Call& call, std::string_view key) {
  const KeyMeta meta = call.txn.Peek(key);
  call.txn.CountRead(meta.found);
  return meta;
}

}  // namespace

std::string_view TypeName(ValueType type) {
  switch (type) {
    case ValueType::kString:
      return "string";
    case ValueType::kList:
      return "list";
    case ValueType::kSet:
      return "set";
    case ValueType::kZset:
      return "zset";
    case ValueType::kHash:
      return "hash";
    case ValueType::kStream:
      return "stream";
  }
  return kUnknownType;
}

std::string_view StringEncoding(std::string_view value) {
  int64_t number;
  if (value.size() > kEmbeddedBytesMax) return "raw";
  return value.size() <= kIntegerTextBytesMax && ParseInt64(value, &number) ? "int" : "embstr";
}

namespace {

void ReplyEncoding(Call& call, std::string_view key, ValueType type) {
  call.txn.set_count_hits(false);  // it was
  Collection collection(&call.txn, key, type);
  if (!Ready(call, collection.Open(), collection.status())) return;
  call.reply.Bulk(EncodingName(collection.encoding()));
}

}  // namespace

// The encoding Redis would choose for such a value. It keeps "raw" for a short value that was made
// by APPEND, SETRANGE or the bit commands; values here carry no history, so these answer by their
// length.
void HandleObjectEncoding(Call& call) {
  std::string_view key = call.argv[2];
  KeyMeta meta = Look(call, key);
  if (!meta.found) return call.reply.Null();
  if (CAIRN_UNLIKELY(meta.type != ValueType::kString)) return ReplyEncoding(call, key, meta.type);
  if (meta.value_bytes > kEmbeddedBytesMax) return call.reply.Bulk("raw");
  if (meta.value_bytes > kIntegerTextBytesMax) return call.reply.Bulk("embstr");
  std::string_view value;
  call.txn.set_count_hits(false);  // it was
  if (!ReadString(call, key, &value, &meta)) return;
  call.reply.Bulk(StringEncoding(value));
}

void HandleObjectFreq(Call& call) {
  if (!Look(call, call.argv[2]).found) return call.reply.Null();
  call.reply.Error(errors::kObjectNoLfu);
}

// The cache keeps an order of use, not times of use.
void HandleObjectIdleTime(Call& call) {
  Look(call, call.argv[2]).found ? call.reply.Integer(0) : call.reply.Null();
}

void HandleObjectRefCount(Call& call) {
  Look(call, call.argv[2]).found ? call.reply.Integer(1) : call.reply.Null();
}

void HandleObjectHelp(Call& call) {
  static constexpr std::string_view kLines[] = {
      "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
      "ENCODING <key>",
      "    How Redis would hold the value, for instance embstr or listpack.",
      "FREQ <key>",
      "    An error: use is not counted.",
      "IDLETIME <key>",
      "    0: times of use are not kept.",
      "REFCOUNT <key>",
      "    1: values are not shared.",
      "HELP",
      "    Print this help.",
  };
  ReplyLines(call, kLines);
}

namespace {

inline constexpr int64_t kSamplesDefault = 5;  // as in Redis
inline constexpr int64_t kSamplesMax = 1000;
inline constexpr uint64_t kPageOverheadBytes = 48;  // of a page that is in memory

// What the pages of a tree take if all are in memory, from some of its leaves. kWait: those have to
// be read.
tree::Outcome PageBytes(Collection* collection, uint8_t root, int64_t samples, uint64_t* bytes) {
  using tree::Outcome;
  tree::RootHead head;
  bool ordered = false;
  *bytes = 0;
  Outcome outcome = ReadKind(collection->pager(), root, &head, &ordered);
  if (outcome != Outcome::kDone || head.height == 0 || head.count == 0) return outcome;
  tree::Tree tree({.ordered = ordered}, collection->pager(), root);
  uint64_t seen_bytes = 0, seen_elements = 0;
  for (int64_t i = 0; i < samples; ++i) {
    std::string_view image;
    tree::Cursor cursor;
    tree::Node leaf;
    const uint64_t rank = head.count / static_cast<uint64_t>(samples) * static_cast<uint64_t>(i);
    const Outcome sought = tree.Seek(rank, &cursor);
    if (sought == Outcome::kFailed) return sought;
    if (sought == Outcome::kWait) outcome = sought;
    if (sought == Outcome::kWait || !cursor.found) continue;
    const Outcome read = collection->pager()->Read(cursor.path.leaf().page, &image);
    if (read != Outcome::kDone) return read;
    if (!leaf.Open(image)) return collection->pager()->Fail(root, "has a leaf that is none");
    seen_bytes += image.size() + kPageOverheadBytes;
    seen_elements += leaf.count();
  }
  if (seen_elements != 0) *bytes = seen_bytes * head.count / seen_elements;
  return outcome;
}

// False: pending, or answered.
bool AllPageBytes(Call& call, std::string_view key, ValueType type, int64_t samples,
                  uint64_t* bytes) {
  Collection collection(&call.txn, key, type);
  const Opened opened = collection.Open();
  if (!Ready(call, opened, collection.status())) return false;
  if (opened == Opened::kMissing) return true;
  for (uint8_t i = 0; i < collection.trees(); ++i) {
    uint64_t of_tree = 0;
    if (!Done(call, PageBytes(&collection, i, samples, &of_tree), collection.status()))
      return false;
    *bytes += of_tree;
  }
  return true;
}

}  // namespace

void HandleMemoryUsage(Call& call) {
  int64_t samples = kSamplesDefault;
  for (size_t i = 3; i < call.argv.size(); ++i) {
    if (!Is(call.argv[i], "samples") || i + 1 == call.argv.size()) {
      return call.reply.Error(errors::kSyntax);
    }
    const IntegerRule rule{0, INT64_MAX, errors::kNotInteger, errors::kSyntax};
    if (!IntegerArg(call, call.argv[++i], rule, &samples)) return;
  }
  // As many as there are, 0 says in Redis.
  samples = samples == 0 ? kSamplesMax : std::min(samples, kSamplesMax);
  const KeyMeta meta = call.txn.Peek(call.argv[2]);
  uint64_t bytes = call.txn.MemoryUsage(call.argv[2]);
  if (meta.found && meta.type != ValueType::kString) {
    call.txn.set_count_hits(false);  // MemoryUsage has
    if (!AllPageBytes(call, call.argv[2], meta.type, samples, &bytes)) return;
  }
  bytes != 0 ? call.reply.Integer(static_cast<int64_t>(bytes)) : call.reply.Null();
}

}  // namespace cairn
