// Uses: which keys and channels a command line names, and what the command does with them, for
// Check. The places of keys are those of the table (KeySpec), and of two commands whose options
// name one more; what is done with them stands here, as key specifications of Redis 7 have it:
//
//   read    its value is given away, or goes into another key's ("access")
//   write   its value is set, changed, or deleted ("insert", "update", "delete")
//   0       neither: STRLEN, EXISTS
//
// Made once the table is complete; then it never changes. Any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "acl/catalog.h"
#include "acl/check.h"
#include "command/registry.h"

namespace cairn::acl {

class Uses {
 public:
  explicit Uses(const Catalog& catalog);

  // Appends. argv: of the command, which has its arity right.
  void Keys(const Command& command, std::span<const std::string_view> argv,
            std::vector<KeyUse>* keys) const;
  static void Channels(const Command& command, std::span<const std::string_view> argv,
                       std::vector<ChannelUse>* channels);
  // It may read keys that nobody can name before it runs (SORT with BY or GET): only for users who
  // may read all.
  static bool ReadsUnnamed(const Command& command, std::span<const std::string_view> argv);

 private:
  // Arguments first to last (negative: from the end) of the keys at fixed places.
  struct Run {
    int16_t first;
    int16_t last;
    uint8_t access;
  };
  struct Row {
    uint8_t access = kKeyBoth;   // of keys in no run
    uint8_t counted = kKeyBoth;  // of those that an argument counts
    std::vector<Run> runs;
    bool plain = false;    // keys at fixed places only, all used alike
    bool depends = false;  // how they are used depends on options
  };

  std::vector<Row> rows_;  // by Command::number
};

}  // namespace cairn::acl
