// BITOP AND|OR|XOR|NOT destination key [key ...]

#include <cstring>
#include <vector>

#include "command/args.h"
#include "command/handlers.h"

namespace cairn {
namespace {

enum class BitOp : uint8_t { kAnd, kOr, kXor, kNot };

bool ParseBitOp(std::string_view arg, BitOp* op) {
  if (Is(arg, "and")) {
    *op = BitOp::kAnd;
  } else if (Is(arg, "or")) {
    *op = BitOp::kOr;
  } else if (Is(arg, "xor")) {
    *op = BitOp::kXor;
  } else if (Is(arg, "not")) {
    *op = BitOp::kNot;
  } else {
    return false;
  }
  return true;
}

// Folds one source into the result; a shorter source counts as followed by zeros. Plain loops:
// compilers vectorize them.
void Fold(BitOp op, char* result, size_t bytes, std::string_view source) {
  const char* from = source.data();
  size_t common = source.size();
  switch (op) {
    case BitOp::kAnd:
      for (size_t i = 0; i < common; ++i) result[i] = static_cast<char>(result[i] & from[i]);
      std::memset(result + common, 0, bytes - common);
      break;
    case BitOp::kOr:
      for (size_t i = 0; i < common; ++i) result[i] = static_cast<char>(result[i] | from[i]);
      break;
    case BitOp::kXor:
      for (size_t i = 0; i < common; ++i) result[i] = static_cast<char>(result[i] ^ from[i]);
      break;
    case BitOp::kNot:
      for (size_t i = 0; i < common; ++i) result[i] = static_cast<char>(~from[i]);
      break;
  }
}

}  // namespace

void HandleBitOp(Call& call) {
  BitOp op;
  if (!ParseBitOp(call.argv[1], &op)) return call.reply.Error(errors::kSyntax);
  std::span<const std::string_view> keys = call.argv.subspan(3);
  if (op == BitOp::kNot && keys.size() != 1) return call.reply.Error(errors::kBitopNot);
  std::vector<std::string_view> sources(keys.size());
  size_t bytes = 0;
  bool ready = true;
  for (size_t i = 0; i < keys.size(); ++i) {
    KeyMeta meta;
    ReadState state = call.txn.Get(keys[i], &sources[i], &meta);
    call.txn.CountRead(state != ReadState::kMissing, keys[i]);
    if (state == ReadState::kPending) ready = false;  // go on: all missing values are read at once
    if (state != ReadState::kMissing && meta.type != ValueType::kString) {
      return call.reply.Error(errors::kWrongType);
    }
    bytes = std::max(bytes, sources[i].size());
  }
  if (!ready) return;
  std::string_view destination = call.argv[2];
  if (bytes == 0) {
    if (call.txn.Delete(destination)) call.txn.Notify(kNotifyGeneric, "del", destination);
    return call.reply.Integer(0);
  }
  char* result = call.txn.Alloc(bytes);
  if (op == BitOp::kNot) {
    Fold(op, result, bytes, sources[0]);
  } else {
    if (!sources[0].empty()) std::memcpy(result, sources[0].data(), sources[0].size());
    std::memset(result + sources[0].size(), 0, bytes - sources[0].size());
    for (size_t i = 1; i < sources.size(); ++i) Fold(op, result, bytes, sources[i]);
  }
  call.txn.Put(destination, {result, bytes}, 0);
  call.txn.Notify(kNotifyString, "set", destination);
  call.reply.Integer(static_cast<int64_t>(bytes));
}

}  // namespace cairn
