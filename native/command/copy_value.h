// COPY and MOVE of collections that have pages: into a new space. For native/command only.
#pragma once

#include <cstdint>
#include <string_view>

#include "command/command.h"

namespace cairn {

// Puts a copy of the collection under `to` in `db`, with its end, in place of what is there. It
// goes in slices and shows one moment all the same, as DUMP does (dump_value.h). False: pending, or
// answered.
bool CopyCollection(Call& call, std::string_view from, ValueType type, uint16_t db,
                    std::string_view to);

}  // namespace cairn
