// BITCOUNT and BITPOS.

#include "command/args.h"
#include "command/bit_ops.h"
#include "command/handlers.h"

namespace cairn {
namespace {

bool UnitArg(Call& call, std::string_view arg, bool* in_bits) {
  *in_bits = Is(arg, "bit");
  if (*in_bits || Is(arg, "byte")) return true;
  return Refuse(call, errors::kSyntax);
}

// An inclusive range of bytes or bits, as bits. False: empty.
bool ResolveBits(std::string_view value, int64_t start, int64_t end, bool in_bits, uint64_t* first,
                 uint64_t* last) {
  if (!ResolveRange(start, end, in_bits ? value.size() * 8 : value.size(), first, last))
    return false;
  if (!in_bits) {
    *first *= 8;
    *last = *last * 8 + 7;
  }
  return true;
}

struct BitPosArgs {
  bool bit = false;
  bool end_given = false;
  bool in_bits = false;
  int64_t start = 0;
  int64_t end = -1;
};

bool ParseBitPosRange(Call& call, BitPosArgs* args) {
  std::span<const std::string_view> argv = call.argv;
  if (argv.size() > 6) {
    return Refuse(call, errors::kSyntax);
  }
  if (argv.size() > 3 && !IntegerArg(call, argv[3], &args->start)) return false;
  if (argv.size() > 5 && !UnitArg(call, argv[5], &args->in_bits)) return false;
  args->end_given = argv.size() > 4;
  return !args->end_given || IntegerArg(call, argv[4], &args->end);
}

int64_t FindInValue(std::string_view value, BitPosArgs args) {
  uint64_t first;
  uint64_t last;
  if (!ResolveBits(value, args.start, args.end, args.in_bits, &first, &last)) return -1;
  int64_t found = FindBit(value, args.bit, first, last);
  // Without an end the string counts as followed by zeros.
  if (found < 0 && !args.bit && !args.end_given) return static_cast<int64_t>(value.size() * 8);
  return found;
}

}  // namespace

void HandleBitCount(Call& call) {
  std::string_view value;
  KeyMeta meta;
  if (!ReadString(call, call.argv[1], &value, &meta)) return;
  if (!meta.found) return call.reply.Integer(0);  // before the arguments are looked at
  std::span<const std::string_view> argv = call.argv;
  int64_t start = 0;
  int64_t end = -1;
  bool in_bits = false;
  if (argv.size() == 4 || argv.size() == 5) {
    if (!IntegerArg(call, argv[2], &start) || !IntegerArg(call, argv[3], &end)) return;
    if (ReversedFromEnd(start, end)) return call.reply.Integer(0);
    if (argv.size() == 5 && !UnitArg(call, argv[4], &in_bits)) return;
  } else if (argv.size() != 2) {
    return call.reply.Error(errors::kSyntax);
  }
  uint64_t first;
  uint64_t last;
  if (!ResolveBits(value, start, end, in_bits, &first, &last)) return call.reply.Integer(0);
  call.reply.Integer(static_cast<int64_t>(CountBits(value, first, last)));
}

void HandleBitPos(Call& call) {
  int64_t bit;
  const IntegerRule rule{0, 1, errors::kNotInteger, errors::kBitArgument};
  if (!IntegerArg(call, call.argv[2], rule, &bit)) return;
  std::string_view value;
  KeyMeta meta;
  if (!ReadString(call, call.argv[1], &value, &meta)) return;
  if (!meta.found) return call.reply.Integer(bit == 1 ? -1 : 0);
  BitPosArgs args;
  args.bit = bit == 1;
  if (!ParseBitPosRange(call, &args)) return;
  call.reply.Integer(FindInValue(value, args));
}

}  // namespace cairn
