// Error texts of commands on streams; see errors.h. Texts equal Redis's, byte for byte.
#pragma once

#include <string>
#include <string_view>

#include "resp/errors.h"

namespace cairn::errors {

inline constexpr std::string_view kStreamId =
    "ERR Invalid stream ID specified as stream command argument";
inline constexpr std::string_view kStreamStart = "ERR invalid start ID for the interval";
inline constexpr std::string_view kStreamEnd = "ERR invalid end ID for the interval";
inline constexpr std::string_view kXaddZero =
    "ERR The ID specified in XADD must be greater than 0-0";
inline constexpr std::string_view kXaddNotGreater =
    "ERR The ID specified in XADD is equal or smaller than the target stream top item";
inline constexpr std::string_view kXaddExhausted =
    "ERR The stream has exhausted the last possible ID, unable to add more items";
inline constexpr std::string_view kXaddTooLarge = "ERR Elements are too large to be stored";
inline constexpr std::string_view kTrimTwice =
    "ERR syntax error, MAXLEN and MINID options at the same time are not compatible";
inline constexpr std::string_view kTrimMaxlen = "ERR The MAXLEN argument must be >= 0.";
inline constexpr std::string_view kTrimLimit = "ERR The LIMIT argument must be >= 0.";
inline constexpr std::string_view kTrimLimitAlone =
    "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy";
inline constexpr std::string_view kTrimLimitExact =
    "ERR syntax error, LIMIT cannot be used without the special ~ option";
inline constexpr std::string_view kTrimNothing =
    "ERR syntax error, XTRIM must be called with a trimming strategy";
inline constexpr std::string_view kXsetidAdded = "ERR entries_added must be positive";
inline constexpr std::string_view kXsetidBelowDeleted =
    "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id";
inline constexpr std::string_view kXsetidBelowCurrent =
    "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id";
inline constexpr std::string_view kXsetidBelowTop =
    "ERR The ID specified in XSETID is smaller than the target stream top item";
inline constexpr std::string_view kXsetidBelowLength =
    "ERR The entries_added specified in XSETID is smaller than the target stream length";
inline constexpr std::string_view kXreadGroup =
    "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.";
inline constexpr std::string_view kXreadNoack =
    "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.";
inline constexpr std::string_view kXreadNewId =
    "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> "
    "option.";
inline constexpr std::string_view kXreadgroupNoGroup = "ERR Missing GROUP option for XREADGROUP";
inline constexpr std::string_view kXreadgroupLastId =
    "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of "
    "this "
    "consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just "
    "return an empty result set.";
inline constexpr std::string_view kXgroupNoKey =
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use "
    "the MKSTREAM option to create an empty stream automatically.";
inline constexpr std::string_view kXgroupRead = "ERR value for ENTRIESREAD must be positive or -1";
inline constexpr std::string_view kBusyGroup = "BUSYGROUP Consumer Group name already exists";
inline constexpr std::string_view kXclaimMinIdle = "ERR Invalid min-idle-time argument for XCLAIM";
inline constexpr std::string_view kXclaimIdle = "ERR Invalid IDLE option argument for XCLAIM";
inline constexpr std::string_view kXclaimTime = "ERR Invalid TIME option argument for XCLAIM";
inline constexpr std::string_view kXclaimRetry =
    "ERR Invalid RETRYCOUNT option argument for XCLAIM";
inline constexpr std::string_view kXautoclaimMinIdle =
    "ERR Invalid min-idle-time argument for XAUTOCLAIM";
inline constexpr std::string_view kXautoclaimCount = "ERR COUNT must be > 0";

inline std::string UnrecognizedXclaim(std::string_view option) {
  return Whole("ERR Unrecognized XCLAIM option '", option, "'");
}
inline std::string UnbalancedStreams(std::string_view command, std::string_view symbol) {
  return std::string("ERR Unbalanced '")
      .append(command)
      .append("' list of streams: for each stream key an ID or '")
      .append(symbol)
      .append("' must be specified.");
}
// Streams: a key or a group that is not there. Whole, however long.
inline std::string NoSuchGroup(std::string_view group, std::string_view key) {  // XGROUP, XINFO
  return Whole("NOGROUP No such consumer group '", group, "' for key name '") + Whole("", key, "'");
}
inline std::string NoSuchKeyOrGroup(std::string_view key, std::string_view group,
                                    std::string_view behind = "") {
  return Whole("NOGROUP No such key '", key, "' or consumer group '") +
         Whole("", group, "'").append(behind);
}

}  // namespace cairn::errors
