// SETBIT and GETBIT.

#include <cstring>

#include "command/args.h"
#include "command/bit_args.h"
#include "command/handlers.h"

namespace cairn {

bool BitOffsetArg(Call& call, std::string_view arg, uint32_t field_bits, uint64_t* offset) {
  bool counts_fields = field_bits != 0 && !arg.empty() && arg[0] == '#';
  int64_t number;
  bool ok = ParseInt64(counts_fields ? arg.substr(1) : arg, &number) && number >= 0;
  if (ok && counts_fields) ok = !__builtin_mul_overflow(number, int64_t{field_bits}, &number);
  uint64_t bytes_max = call.server.proto_max_bulk_len.load(std::memory_order_relaxed);
  if (!ok || static_cast<uint64_t>(number) / 8 >= bytes_max) {
    return Refuse(call, errors::kBitOffset);
  }
  *offset = static_cast<uint64_t>(number);
  return true;
}

char* CopyAndGrow(Call& call, std::string_view value, uint64_t bytes) {
  if (bytes > kValueBytesMax) {
    call.reply.Error(errors::kStringTooLong);
    return nullptr;
  }
  char* made = call.txn.Alloc(bytes);
  if (!value.empty()) std::memcpy(made, value.data(), value.size());
  std::memset(made + value.size(), 0, bytes - value.size());
  return made;
}

void HandleSetBit(Call& call) {
  uint64_t offset;
  if (!BitOffsetArg(call, call.argv[2], 0, &offset)) return;
  int64_t bit;
  if (!IntegerArg(call, call.argv[3], {0, 1, errors::kBitValue}, &bit)) return;
  std::string_view value;
  KeyMeta meta;
  if (!ReadString(call, call.argv[1], &value, &meta)) return;
  uint64_t at = offset / 8;
  auto mask = static_cast<uint8_t>(0x80 >> (offset % 8));
  uint8_t old = at < value.size() ? static_cast<uint8_t>(value[at]) : 0;
  bool was_set = (old & mask) != 0;
  if (at >= value.size() || was_set != (bit == 1)) {
    uint64_t bytes = std::max<uint64_t>(value.size(), at + 1);
    char* made = CopyAndGrow(call, value, bytes);
    if (made == nullptr) return;
    made[at] = static_cast<char>(bit == 1 ? old | mask : old & ~mask);
    call.txn.Put(call.argv[1], {made, bytes}, meta.found ? meta.expire_at_ms : 0);
    call.txn.Notify(kNotifyString, "setbit", call.argv[1]);
  }
  call.reply.Integer(was_set ? 1 : 0);
}

void HandleGetBit(Call& call) {
  uint64_t offset;
  if (!BitOffsetArg(call, call.argv[2], 0, &offset)) return;
  std::string_view value;
  KeyMeta meta;
  if (!ReadString(call, call.argv[1], &value, &meta)) return;
  uint64_t at = offset / 8;
  uint32_t byte = at < value.size() ? static_cast<uint8_t>(value[at]) : 0;
  call.reply.Integer(byte >> (7 - offset % 8) & 1);
}

}  // namespace cairn
