#include "lsm/value.h"

#include "base/check.h"
#include "base/coding.h"
#include "engine/engine.h"

namespace cairn::lsm {

static_assert(static_cast<uint8_t>(Kind::kString) == static_cast<uint8_t>(ValueType::kString));

namespace {

constexpr size_t kFormatOffset = 0;
constexpr size_t kKindOffset = 1;
constexpr size_t kFlagsOffset = 2;
constexpr size_t kAuxOffset = 3;
constexpr size_t kVersionOffset = 4;
constexpr size_t kExpiryOffset = 12;
static_assert(kExpiryOffset == kHeadBytes);

constexpr uint8_t kFlagExpires = 1;

bool IsKnown(Kind kind) {
  if (IsClientKind(kind)) return true;
  switch (kind) {
    case Kind::kPage:
    case Kind::kCounters:
    case Kind::kPostings:
    case Kind::kMetadata:
    case Kind::kDamaged:
    case Kind::kPageDelta:
    case Kind::kCountersDelta:
    case Kind::kPostingsDelta:
      return true;
    default:
      return false;
  }
}

bool MayHaveAux(Kind kind) {
  return IsClientKind(kind) || kind == Kind::kPage || kind == Kind::kPageDelta;
}

FormatFault CheckHead(const ValueHead& head, bool expires) {
  if (!IsKnown(head.kind)) return {"unknown kind of value", kKindOffset};
  if (head.aux != 0 && !MayHaveAux(head.kind)) return {"unexpected encoding", kAuxOffset};
  if (!expires) return {};
  if (!IsClientKind(head.kind)) return {"expiry of what cannot expire", kFlagsOffset};
  if (head.expire_at_ms == 0) return {"expiry of what never expires", kExpiryOffset};
  return {};
}

}  // namespace

size_t EncodeHead(const ValueHead& head, char to[kHeadBytesMax]) {
  const bool expires = head.expire_at_ms != 0;
  CAIRN_CHECK(!CheckHead(head, expires));
  to[kFormatOffset] = static_cast<char>(kValueFormat);
  to[kKindOffset] = static_cast<char>(head.kind);
  to[kFlagsOffset] = static_cast<char>(expires ? kFlagExpires : 0);
  to[kAuxOffset] = static_cast<char>(head.aux);
  PutLittle64(to + kVersionOffset, head.version);
  if (expires) PutLittle64(to + kExpiryOffset, head.expire_at_ms);
  return expires ? kHeadBytesMax : kHeadBytes;
}

void AppendHead(const ValueHead& head, std::string* to) {
  char bytes[kHeadBytesMax];
  to->append(bytes, EncodeHead(head, bytes));
}

void EncodeValue(const ValueHead& head, std::string_view body, std::string* value) {
  value->clear();
  value->reserve(kHeadBytesMax + body.size());
  AppendHead(head, value);
  value->append(body);
}

FormatFault ParseValue(std::string_view stored, ParsedValue* value) {
  if (stored.size() < kHeadBytes) return {"head of the value is cut off", stored.size()};
  if (FormatOf(stored) != kValueFormat) return {"unknown format of the value", kFormatOffset};
  const auto flags = static_cast<uint8_t>(stored[kFlagsOffset]);
  if ((flags & ~kFlagExpires) != 0) return {"unknown flags", kFlagsOffset};
  const bool expires = (flags & kFlagExpires) != 0;
  if (expires && stored.size() < kHeadBytesMax) return {"expiry is cut off", stored.size()};
  ValueHead& head = value->head;
  head.kind = static_cast<Kind>(stored[kKindOffset]);
  head.aux = static_cast<uint8_t>(stored[kAuxOffset]);
  head.version = Little64(stored.data() + kVersionOffset);
  head.expire_at_ms = expires ? Little64(stored.data() + kExpiryOffset) : 0;
  value->body = stored.substr(expires ? kHeadBytesMax : kHeadBytes);
  return CheckHead(head, expires);
}

FormatFault CheckPlace(const ParsedKey& key, Kind kind) {
  if (kind == Kind::kDamaged) return {};
  const Kind target = IsOperand(kind) ? TargetOf(kind) : kind;
  bool fits = true;
  switch (key.prefix.category) {
    case Category::kSystem:
      fits = target ==
             (key.prefix.index == system_index::kCounters ? Kind::kCounters : Kind::kMetadata);
      break;
    case Category::kKeyValue:
      // A collection that fits one page lives in its key's own value, and changes by deltas.
      fits = key.prefix.index == key_value_index::kPages
                 ? target == Kind::kPage
                 : IsClientKind(target) || kind == Kind::kPageDelta;
      break;
    case Category::kDocument:
      fits = target == Kind::kPostings;
      break;
  }
  if (!fits) return {"kind of value that does not belong there", kKindOffset};
  return {};
}

FormatFault CheckValue(const ParsedKey& key, std::string_view stored, bool operand,
                       ParsedValue* value) {
  *value = {};
  if (key.prefix.category == Category::kKeyValue && key.prefix.index == key_value_index::kExpiry) {
    if (!stored.empty()) return {"an entry of the expiry index has no value", 0};
    return {};
  }
  if (const FormatFault fault = ParseValue(stored, value)) return fault;
  if (IsOperand(value->head.kind) != operand) {
    return {operand ? "value instead of a merge operand" : "merge operand instead of a value",
            kKindOffset};
  }
  return CheckPlace(key, value->head.kind);
}

}  // namespace cairn::lsm
