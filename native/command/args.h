// What most handlers need to read their arguments and to look at strings. Inline leaves for
// native/command only; called on the reactor thread that runs the handler. Those that return bool
// and take a Call answer the client themselves when they return false.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/number.h"
#include "command/command.h"
#include "command/server_context.h"
#include "resp/errors.h"

namespace cairn {

// Case-insensitive; `lower` consists of lower-case letters only.
inline bool Is(std::string_view arg, std::string_view lower) {
  if (arg.size() != lower.size()) return false;
  for (size_t i = 0; i < arg.size(); ++i) {
    if ((static_cast<unsigned char>(arg[i]) | 0x20) != static_cast<unsigned char>(lower[i])) {
      return false;
    }
  }
  return true;
}

// Answers with an error; false, for `return Refuse(...)`.
inline bool Refuse(Call& call, std::string_view error) {
  call.reply.Error(error);
  return false;
}

// What HELP answers.
inline void ReplyLines(Call& call, std::span<const std::string_view> lines) {
  call.reply.ArrayHeader(lines.size());
  for (const std::string_view line : lines) call.reply.Simple(line);
}

// What an integer of a client may be, and what is said to what it may not be. All integers are read
// by this (in TypeScript: integerArg of src/commands/command.ts); their form is ParseInt64's.
struct IntegerRule {
  int64_t min = INT64_MIN;
  int64_t max = INT64_MAX;
  std::string_view not_integer = errors::kNotInteger;
  std::string_view out_of_range = not_integer;
};

// The error text, or empty: *out is set.
inline std::string_view ReadInteger(std::string_view arg, const IntegerRule& rule, int64_t* out) {
  int64_t number;
  if (!ParseInt64(arg, &number)) return rule.not_integer;
  if (number < rule.min || number > rule.max) return rule.out_of_range;
  *out = number;
  return {};
}

inline constexpr IntegerRule kInt32Rule{INT32_MIN, INT32_MAX, errors::kNotInteger,
                                        errors::kNotInt32};

// Milliseconds to wait; what would end behind the range of 64 bits is refused.
inline std::string_view ReadTimeout(std::string_view arg, uint64_t now_ms, int64_t* out) {
  const IntegerRule rule{0, INT64_MAX, errors::kTimeoutNotInteger, errors::kTimeoutNegative};
  int64_t end;
  std::string_view error = ReadInteger(arg, rule, out);
  if (!error.empty() || !__builtin_add_overflow(*out, static_cast<int64_t>(now_ms), &end))
    return error;
  return errors::kTimeoutRange;
}

inline bool IntegerArg(Call& call, std::string_view arg, const IntegerRule& rule, int64_t* out) {
  std::string_view error = ReadInteger(arg, rule, out);
  return error.empty() || Refuse(call, error);
}

inline bool IntegerArg(Call& call, std::string_view arg, int64_t* out) {
  if (CAIRN_LIKELY(ParseInt64(arg, out))) return true;
  return Refuse(call, errors::kNotInteger);
}

// The value of a string key. False: the value is still on disk (this pass will be thrown away) or
// the key holds another type (answered). True: meta->found tells whether the key exists; a missing
// one reads as "". A read-only handler must make the same lookups whatever this returns.
inline bool ReadString(Call& call, std::string_view key, std::string_view* value, KeyMeta* meta) {
  ReadState state = call.txn.Get(key, value, meta);
  if (CAIRN_UNLIKELY(state == ReadState::kPending)) return false;
  if (state == ReadState::kFound && CAIRN_UNLIKELY(meta->type != ValueType::kString)) {
    return Refuse(call, errors::kWrongType);
  }
  return true;
}

// The same for a command that writes, of a key that it reads first: counted as a hit or a miss.
inline bool ReadStringCounted(Call& call, std::string_view key, std::string_view* value,
                              KeyMeta* meta) {
  const bool ready = ReadString(call, key, value, meta);
  call.txn.CountRead(meta->found, key);
  return ready;
}

// ReadString without the value.
inline bool StringMeta(Call& call, std::string_view key, KeyMeta* meta) {
  *meta = call.txn.Meta(key);
  if (meta->found && CAIRN_UNLIKELY(meta->type != ValueType::kString)) {
    return Refuse(call, errors::kWrongType);
  }
  return true;
}

// Puts a value under a key as one that was not there before, whatever was: to those who are told of
// new keys it is one.
inline void PutAnew(Call& call, std::string_view key, std::string_view value, uint64_t expire_at_ms,
                    ValueType type) {
  const bool known = call.txn.notifies(kNotifyNew) && call.txn.Peek(key).found;
  call.txn.Put(key, value, expire_at_ms, type);
  if (known) call.txn.Notify(kNotifyNew, "new", key);
}

// The longest string a command may make.
inline uint64_t StringBytesMax(const Call& call) {
  return std::min(call.server.proto_max_bulk_len.load(std::memory_order_relaxed), kValueBytesMax);
}

inline bool CheckStringBytes(Call& call, uint64_t bytes) {
  if (CAIRN_LIKELY(bytes <= StringBytesMax(call))) return true;
  return Refuse(call, errors::kStringTooLong);
}

// Turns an inclusive range with negative indexes (counted from the end) into offsets inside `size`.
// False: empty. Indexes before the start mean the first element, both of them, so that (-100, -200)
// of "ab" is "a": see ReversedFromEnd.
inline bool ResolveRange(int64_t start, int64_t end, uint64_t size, uint64_t* first,
                         uint64_t* last) {
  auto bytes = static_cast<int64_t>(size);
  if (start < 0) start = std::max<int64_t>(start + bytes, 0);
  if (end < 0) end = std::max<int64_t>(end + bytes, 0);
  end = std::min(end, bytes - 1);
  if (start > end) return false;
  *first = static_cast<uint64_t>(start);
  *last = static_cast<uint64_t>(end);
  return true;
}

// GETRANGE and BITCOUNT, unlike BITPOS, take such a range as empty whatever the size.
inline bool ReversedFromEnd(int64_t start, int64_t end) {
  return start < 0 && end < 0 && start > end;
}

}  // namespace cairn
