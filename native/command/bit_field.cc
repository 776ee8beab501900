// BITFIELD and BITFIELD_RO: [GET type offset] [OVERFLOW WRAP|SAT|FAIL] [SET|INCRBY type offset
// value] ...

#include <vector>

#include "command/args.h"
#include "command/bit_args.h"
#include "command/bit_ops.h"
#include "command/handlers.h"

namespace cairn {
namespace {

enum class FieldVerb : uint8_t { kGet, kSet, kIncrBy };

struct FieldOp {
  FieldVerb verb;
  Overflow overflow;
  FieldType type;
  uint64_t offset;
  int64_t value;
};

struct FieldOps {
  std::vector<FieldOp> ops;
  uint64_t bytes_needed = 0;  // by the ops that write; 0: none does
};

bool ParseOverflow(Call& call, std::string_view arg, Overflow* overflow) {
  if (Is(arg, "wrap")) {
    *overflow = Overflow::kWrap;
  } else if (Is(arg, "sat")) {
    *overflow = Overflow::kSaturate;
  } else if (Is(arg, "fail")) {
    *overflow = Overflow::kFail;
  } else {
    return Refuse(call, errors::kBitfieldOverflow);
  }
  return true;
}

// Returns how many arguments follow the verb, or 0 if it is none (or too few follow).
size_t ParseVerb(std::string_view arg, size_t left, FieldVerb* verb) {
  if (Is(arg, "get") && left >= 2) {
    *verb = FieldVerb::kGet;
    return 2;
  }
  *verb = Is(arg, "set") ? FieldVerb::kSet : FieldVerb::kIncrBy;
  return left >= 3 && (*verb == FieldVerb::kSet || Is(arg, "incrby")) ? 3 : 0;
}

bool ParseFieldOps(Call& call, FieldOps* out) {
  std::span<const std::string_view> argv = call.argv;
  Overflow overflow = Overflow::kWrap;
  for (size_t i = 2; i < argv.size();) {
    size_t left = argv.size() - i - 1;
    if (Is(argv[i], "overflow") && left >= 1) {
      if (!ParseOverflow(call, argv[i + 1], &overflow)) return false;
      i += 2;
      continue;
    }
    FieldOp op{};
    op.overflow = overflow;
    size_t operands = ParseVerb(argv[i], left, &op.verb);
    if (operands == 0) {
      return Refuse(call, errors::kSyntax);
    }
    if (!ParseFieldType(argv[i + 1], &op.type)) {
      return Refuse(call, errors::kBitfieldType);
    }
    if (!BitOffsetArg(call, argv[i + 2], op.type.bits, &op.offset)) return false;
    if (op.verb != FieldVerb::kGet) {
      if (!IntegerArg(call, argv[i + 3], &op.value)) return false;
      out->bytes_needed = std::max(out->bytes_needed, (op.offset + op.type.bits - 1) / 8 + 1);
    }
    out->ops.push_back(op);
    i += 1 + operands;
  }
  return true;
}

void ReplyFields(Call& call, const FieldOps& fields, std::string_view value) {
  call.reply.ArrayHeader(fields.ops.size());
  for (const FieldOp& op : fields.ops) {
    call.reply.Integer(FieldToInteger(op.type, ReadField(value, op.offset, op.type.bits)));
  }
}

// Runs one op on the buffer and answers it. True: it counts as a change; in a buffer that has grown
// every write does.
bool RunFieldOp(Call& call, const FieldOp& op, char* buffer, uint64_t bytes, bool grown) {
  int64_t old = FieldToInteger(op.type, ReadField({buffer, bytes}, op.offset, op.type.bits));
  if (op.verb == FieldVerb::kGet) {
    call.reply.Integer(old);
    return false;
  }
  bool adds = op.verb == FieldVerb::kIncrBy;
  int64_t made;
  if (!AddToField(op.type, adds ? old : op.value, adds ? op.value : 0, op.overflow, &made)) {
    call.reply.Null();
    return false;
  }
  call.reply.Integer(adds ? made : old);
  if (made == old) return grown;
  WriteField(buffer, op.offset, op.type.bits, static_cast<uint64_t>(made));
  return true;
}

}  // namespace

void HandleBitField(Call& call) {
  FieldOps fields;
  if (!ParseFieldOps(call, &fields)) return;
  std::string_view value;
  KeyMeta meta;
  const bool is_string = ReadString(call, call.argv[1], &value, &meta);
  if (fields.bytes_needed == 0) call.txn.CountRead(meta.found, call.argv[1]);
  if (!is_string) return;
  if (fields.bytes_needed == 0) return ReplyFields(call, fields, value);
  // The string grows to hold every field that is written, also when no write succeeds.
  const bool grown = fields.bytes_needed > value.size();
  int64_t changes = 0;
  uint64_t bytes = std::max<uint64_t>(fields.bytes_needed, value.size());
  char* buffer = CopyAndGrow(call, value, bytes);
  if (buffer == nullptr) return;
  call.reply.ArrayHeader(fields.ops.size());
  for (const FieldOp& op : fields.ops) changes += RunFieldOp(call, op, buffer, bytes, grown);
  if (!grown && changes == 0) return;
  call.txn.Put(call.argv[1], {buffer, bytes}, meta.found ? meta.expire_at_ms : 0);
  call.txn.Notify(kNotifyString, "setbit", call.argv[1]);
  call.txn.extra_changes += changes - 1;
}

void HandleBitFieldRo(Call& call) {
  FieldOps fields;
  if (!ParseFieldOps(call, &fields)) return;
  if (fields.bytes_needed != 0) return call.reply.Error(errors::kBitfieldReadOnly);
  std::string_view value;
  KeyMeta meta;
  if (ReadString(call, call.argv[1], &value, &meta)) ReplyFields(call, fields, value);
}

}  // namespace cairn
