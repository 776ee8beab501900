// All rows of all tables, also of engines that are not loaded: for the configuration, CONFIG and
// the documentation.
#pragma once

#include <string_view>
#include <vector>

#include "engine/option_row.h"

namespace cairn {

struct TableRow {
  OptionRow row;
  const char* engine;  // null: not of one engine
  const char* alias;   // "": none
};

// In the order of conf/cairn.conf.
const std::vector<TableRow>& OptionTable();
// Null: there is no such option.
const TableRow* FindOptionRow(std::string_view name);

}  // namespace cairn
