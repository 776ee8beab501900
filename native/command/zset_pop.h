// Taking elements from an end of a sorted set, for ZPOPMIN, ZPOPMAX, ZMPOP and the forms of them
// that wait.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "command/zset_args.h"

namespace cairn {

struct PopRequest {
  bool greatest = false;
  uint64_t count = 1;
  bool with_key = false;  // the reply begins with the key
  bool nested = false;    // each element is a pair of its own, in a list of them
};

// From the first of the keys that is there; of one that waited, among those that are Awake. True:
// *popped tells whether there was one; then elements were taken and shown. False: pending, or an
// error was the answer.
bool PopFirst(Call& call, std::span<const std::string_view> keys, const PopRequest& request,
              bool* popped);

// ZMPOP numkeys key ... <MIN | MAX> [COUNT count], the number at argv[at].
bool MPopArgs(Call& call, size_t at, PopRequest* request, std::span<const std::string_view>* keys);

}  // namespace cairn
