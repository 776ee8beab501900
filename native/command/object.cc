// OBJECT and MEMORY USAGE: what tools ask about a key's inside.

#include "command/object.h"

#include <iterator>

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
  call.reply.ArrayHeader(std::size(kLines));
  for (std::string_view line : kLines) call.reply.Simple(line);
}

void HandleMemoryUsage(Call& call) {
  for (size_t i = 3; i < call.argv.size(); ++i) {
    if (!Is(call.argv[i], "samples") || i + 1 == call.argv.size()) {
      return call.reply.Error(errors::kSyntax);
    }
    int64_t samples;
    const IntegerRule rule{0, INT64_MAX, errors::kNotInteger, errors::kSyntax};
    if (!IntegerArg(call, call.argv[++i], rule, &samples)) return;
  }
  uint64_t bytes = call.txn.MemoryUsage(call.argv[2]);
  bytes != 0 ? call.reply.Integer(static_cast<int64_t>(bytes)) : call.reply.Null();
}

}  // namespace cairn
