// Arguments of stream commands. What takes a Call answers the client when it returns false.
#pragma once

#include <cstdint>
#include <string_view>

#include "collection/stream.h"
#include "command/args.h"

namespace cairn {

// "ms-seq", or "ms" with the sequence number `missing_seq`. seq_given: not null: "ms-*" is one,
// too, and sets it to false (and the number to 0).
bool ParseStreamId(std::string_view text, uint64_t missing_seq, StreamId* id,
                   bool* seq_given = nullptr);
bool StreamIdArg(Call& call, std::string_view text, StreamId* id);
// The same, or "-" or "+" for the least and the greatest.
bool StreamIdOrEndArg(Call& call, std::string_view text, uint64_t missing_seq, StreamId* id);
// The ends of a range, both included; "(id" is the one beside it.
bool StreamFirstArg(Call& call, std::string_view text, StreamId* id);
bool StreamLastArg(Call& call, std::string_view text, StreamId* id);

// Of XADD and XTRIM, from argv[2] on.
struct AddOrTrim {
  StreamValue::Trim trim;
  bool make = true;  // not NOMKSTREAM
  // XADD only.
  size_t id_at = 0;       // in argv
  bool id_given = false;  // not "*"
  bool seq_given = true;  // not "ms-*"
  StreamId id;
};
bool ParseAddOrTrim(Call& call, bool add, AddOrTrim* args);

}  // namespace cairn
