// Every error text a client can see, as it goes on the wire after the '-': code first, no line end.
// Clients match on these, so each equals what Redis says, byte for byte. Fixed texts are constants;
// texts with a part from the client are made by the functions at the end, which return a small
// value that owns its bytes.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace cairn::errors {

// General.
inline constexpr std::string_view kSyntax = "ERR syntax error";
inline constexpr std::string_view kWrongType =
    "WRONGTYPE Operation against a key holding the wrong kind of value";
inline constexpr std::string_view kNotInt32 =
    "ERR value is out of range, value must between -2147483648 and 2147483647";
inline constexpr std::string_view kNotInt64 =
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
inline constexpr std::string_view kNotBit = "ERR value is out of range, value must between 0 and 1";
inline constexpr std::string_view kNotInteger = "ERR value is not an integer or out of range";
inline constexpr std::string_view kNotFloat = "ERR value is not a valid float";
inline constexpr std::string_view kNotPositive = "ERR value is out of range, must be positive";
inline constexpr std::string_view kNoSuchKey = "ERR no such key";
inline constexpr std::string_view kSameObject = "ERR source and destination objects are the same";
inline constexpr std::string_view kDbIndexRange = "ERR DB index is out of range";
inline constexpr std::string_view kInvalidFirstDb = "ERR invalid first DB index";
inline constexpr std::string_view kInvalidSecondDb = "ERR invalid second DB index";
inline constexpr std::string_view kInvalidCursor = "ERR invalid cursor";
inline constexpr std::string_view kTimeoutNotInteger =
    "ERR timeout is not an integer or out of range";
inline constexpr std::string_view kTimeoutNotFloat = "ERR timeout is not a float or out of range";
inline constexpr std::string_view kTimeoutRange = "ERR timeout is out of range";
inline constexpr std::string_view kTimeoutNegative = "ERR timeout is negative";
inline constexpr std::string_view kInternal = "ERR internal error";

// Protocol errors: the connection is closed after each of these.
inline constexpr std::string_view kProtoCount = "ERR Protocol error: invalid multibulk length";
inline constexpr std::string_view kProtoBulk = "ERR Protocol error: invalid bulk length";
inline constexpr std::string_view kProtoExpectedBulk =  // then the byte and a quote
    "ERR Protocol error: expected '$', got '";
inline constexpr std::string_view kProtoCountTooBig =
    "ERR Protocol error: too big mbulk count string";
inline constexpr std::string_view kProtoBulkTooBig =
    "ERR Protocol error: too big bulk count string";
inline constexpr std::string_view kProtoInlineTooBig = "ERR Protocol error: too big inline request";
inline constexpr std::string_view kProtoQuotes = "ERR Protocol error: unbalanced quotes in request";
inline constexpr std::string_view kProtoUnauthenticatedCount =
    "ERR Protocol error: unauthenticated multibulk length";
inline constexpr std::string_view kProtoUnauthenticatedBulk =
    "ERR Protocol error: unauthenticated bulk length";

// Strings.
inline constexpr std::string_view kOverflow = "ERR increment or decrement would overflow";
inline constexpr std::string_view kDecrementOverflow = "ERR decrement would overflow";
inline constexpr std::string_view kNanOrInfinity = "ERR increment would produce NaN or Infinity";
inline constexpr std::string_view kOffsetRange = "ERR offset is out of range";
inline constexpr std::string_view kStringTooLong =
    "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
inline constexpr std::string_view kLcsBothLenAndIdx =
    "ERR If you want both the length and indexes, please just use IDX.";
inline constexpr std::string_view kLcsNotStrings =
    "ERR The specified keys must contain string values";
inline constexpr std::string_view kLcsStringTooLong = "ERR String too long for LCS";
inline constexpr std::string_view kLcsTooLong =
    "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";

// Lists, and what takes several keys.
inline constexpr std::string_view kIndexRange = "ERR index out of range";
inline constexpr std::string_view kNumkeys = "ERR numkeys should be greater than 0";
inline constexpr std::string_view kCountPositive = "ERR count should be greater than 0";
inline constexpr std::string_view kLposRank =
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use "
    "negative to start from the end of the list";
inline constexpr std::string_view kLposCount = "ERR COUNT can't be negative";
inline constexpr std::string_view kLposMaxlen = "ERR MAXLEN can't be negative";

// Bits.
inline constexpr std::string_view kBitOffset = "ERR bit offset is not an integer or out of range";
inline constexpr std::string_view kBitValue = "ERR bit is not an integer or out of range";
inline constexpr std::string_view kBitArgument = "ERR The bit argument must be 1 or 0.";
inline constexpr std::string_view kBitopNot =
    "ERR BITOP NOT must be called with a single source key.";
inline constexpr std::string_view kBitfieldType =
    "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 "
    "is.";
inline constexpr std::string_view kBitfieldOverflow = "ERR Invalid OVERFLOW type specified";
inline constexpr std::string_view kBitfieldReadOnly =
    "ERR BITFIELD_RO only supports the GET subcommand";

// HyperLogLogs.
inline constexpr std::string_view kNotHll =
    "WRONGTYPE Key is not a valid HyperLogLog string value.";
inline constexpr std::string_view kDamagedHll = "INVALIDOBJ Corrupted HLL object detected";
inline constexpr std::string_view kNoSuchHll = "ERR The specified key does not exist";
inline constexpr std::string_view kHllNotSparse = "ERR HLL encoding is not sparse";

// Collections.
inline constexpr std::string_view kHashNotInteger = "ERR hash value is not an integer";
inline constexpr std::string_view kHashNotFloat = "ERR hash value is not a float";
inline constexpr std::string_view kIsNanOrInfinity = "ERR value is NaN or Infinity";
inline constexpr std::string_view kOutOfRange = "ERR value is out of range";
inline constexpr std::string_view kCountRange =
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
inline constexpr std::string_view kNoValuesElsewhere =
    "ERR NOVALUES option can only be used in HSCAN";

inline constexpr std::string_view kNoFieldsWord =
    "ERR Mandatory argument FIELDS is missing or not at the right position";
inline constexpr std::string_view kNumFieldsPositive =
    "ERR Parameter `numFields` should be greater than 0";
inline constexpr std::string_view kFieldsPositive =
    "ERR Number of fields must be a positive integer";
inline constexpr std::string_view kNumFieldsMatch =
    "ERR The `numfields` parameter must match the number of arguments";
inline constexpr std::string_view kFieldTimeNegative = "ERR invalid expire time, must be >= 0";

inline constexpr std::string_view kInvalidFieldCount = "ERR invalid number of fields";
inline constexpr std::string_view kMissingFieldTime = "ERR missing expire time";
inline constexpr std::string_view kOnlyOneFieldCondition =
    "ERR Only one of FXX or FNX arguments can be specified";
inline constexpr std::string_view kOnlyOneFieldTime =
    "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified";

// Expiry, DUMP and RESTORE, OBJECT.
inline constexpr std::string_view kExpireNxWithOthers =
    "ERR NX and XX, GT or LT options at the same time are not compatible";
inline constexpr std::string_view kExpireGtWithLt =
    "ERR GT and LT options at the same time are not compatible";
inline constexpr std::string_view kBusyKey = "BUSYKEY Target key name already exists.";
inline constexpr std::string_view kRestoreTtl = "ERR Invalid TTL value, must be >= 0";
inline constexpr std::string_view kRestoreIdletime = "ERR Invalid IDLETIME value, must be >= 0";
inline constexpr std::string_view kRestoreFreq = "ERR Invalid FREQ value, must be >= 0 and <= 255";
inline constexpr std::string_view kRestoreChecksum =
    "ERR DUMP payload version or checksum are wrong";
inline constexpr std::string_view kRestoreFormat = "ERR Bad data format";
inline constexpr std::string_view kObjectNoLfu =
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that "
    "when "
    "switching between policies at runtime LRU and LFU data will take some time to adjust.";
inline constexpr std::string_view kObjectLfuIdletime =
    "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when "
    "switching "
    "between policies at runtime LRU and LFU data will take some time to adjust.";

// Transactions.
inline constexpr std::string_view kExecAbort =
    "EXECABORT Transaction discarded because of previous errors.";
inline constexpr std::string_view kExecWithoutMulti = "ERR EXEC without MULTI";
inline constexpr std::string_view kDiscardWithoutMulti = "ERR DISCARD without MULTI";
inline constexpr std::string_view kNestedMulti = "ERR MULTI calls can not be nested";
inline constexpr std::string_view kWatchInMulti = "ERR WATCH inside MULTI is not allowed";
inline constexpr std::string_view kNotInMulti = "ERR Command not allowed inside a transaction";

// Connection.
inline constexpr std::string_view kNoAuth = "NOAUTH Authentication required.";
inline constexpr std::string_view kHelloNoAuth =
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH "
    "<user> "
    "<pass> option can be used to authenticate the client and select the RESP protocol version at "
    "the "
    "same time";
inline constexpr std::string_view kWrongPass =
    "WRONGPASS invalid username-password pair or user is disabled.";
inline constexpr std::string_view kAuthNoPassword =
    "ERR AUTH <password> called without any password configured for the default user. Are you sure "
    "your "
    "configuration is correct?";
inline constexpr std::string_view kNoProto = "NOPROTO unsupported protocol version";
inline constexpr std::string_view kHelloVersion =
    "ERR Protocol version is not an integer or out of range";
inline constexpr std::string_view kMaxClients = "ERR max number of clients reached";
inline constexpr std::string_view kClientName =
    "ERR Client names cannot contain spaces, newlines or special characters.";
inline constexpr std::string_view kMonitorKeys = "ERR Replica can't interact with the keyspace";
inline constexpr std::string_view kTrackingRedirects =
    "ERR A client can only redirect to a single other client";
inline constexpr std::string_view kTrackingRedirect =
    "ERR The client ID you want redirect to does not exist";
inline constexpr std::string_view kTrackingPrefix =
    "ERR PREFIX option requires BCAST mode to be enabled";
inline constexpr std::string_view kTrackingSwitchBcast =
    "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then "
    "re-enabling it with a different mode.";
inline constexpr std::string_view kTrackingSwitchOpt =
    "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then "
    "re-enabling it with a different mode.";
inline constexpr std::string_view kTrackingOptBcast =
    "ERR OPTIN and OPTOUT are not compatible with BCAST";
inline constexpr std::string_view kTrackingBothOpts =
    "ERR You can't specify both OPTIN mode and OPTOUT mode";
inline constexpr std::string_view kTrackingTooMany = "ERR too many prefixes";
inline constexpr std::string_view kCachingMode =
    "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
    "OPTOUT mode enabled";
inline constexpr std::string_view kCachingYes =
    "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.";
inline constexpr std::string_view kCachingNo =
    "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.";
inline constexpr std::string_view kTooManySubscriptions = "ERR too many subscriptions";
inline constexpr std::string_view kNoSuchClient = "ERR No such client";
inline constexpr std::string_view kClientIdPositive = "ERR client-id should be greater than 0";
inline constexpr std::string_view kInvalidClientId = "ERR Invalid client ID";
inline constexpr std::string_view kClientPauseMode = "ERR CLIENT PAUSE mode must be WRITE or ALL";
inline constexpr std::string_view kClientUnblockReason =
    "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR";
inline constexpr std::string_view kUnblocked = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
inline constexpr std::string_view kProtectedMode =
    "DENIED Redis is running in protected mode because protected mode is enabled and no password "
    "is set "
    "for the default user. In this mode connections are only accepted from the loopback interface. "
    "If you "
    "want to connect from external computers to Redis you may adopt one of the following "
    "solutions: 1) "
    "Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the "
    "loopback "
    "interface by connecting to Redis from the same host the server is running, however MAKE SURE "
    "Redis is "
    "not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change "
    "permanent. "
    "2) Alternatively you can just disable the protected mode by editing the Redis configuration "
    "file, and "
    "setting the protected mode option to 'no', and then restarting the server. 3) If you started "
    "the "
    "server manually just for testing, restart it with the '--protected-mode no' option. 4) Setup "
    "a an "
    "authentication password for the default user. NOTE: You only need to do one of the above "
    "things in "
    "order for the server to start accepting connections from the outside.";

// Server.
inline constexpr std::string_view kLoading = "LOADING Redis is loading the dataset in memory";
inline constexpr std::string_view kSlowlogCount = "ERR count should be greater than or equal to -1";
inline constexpr std::string_view kGetKeysNone = "ERR The command has no key arguments";
inline constexpr std::string_view kGetKeysInvalid = "ERR Invalid command specified";
inline constexpr std::string_view kGetKeysArity =
    "ERR Invalid number of arguments specified for command";
inline constexpr std::string_view kScriptFlush = "ERR SCRIPT FLUSH only support SYNC|ASYNC option";
inline constexpr std::string_view kNoScript = "NOSCRIPT No matching script. Please use EVAL.";
inline constexpr std::string_view kTooManyKeys =
    "ERR Number of keys can't be greater than number of args";
inline constexpr std::string_view kNegativeKeys = "ERR Number of keys can't be negative";
inline constexpr std::string_view kUnknownInScript = "ERR Unknown Redis command called from script";
inline constexpr std::string_view kArityInScript =
    "ERR Wrong number of args calling Redis command from script";
inline constexpr std::string_view kNotFromScript =
    "ERR This Redis command is not allowed from script";
inline constexpr std::string_view kWriteInReadOnlyScript =
    "ERR Write commands are not allowed from read-only scripts.";
inline constexpr std::string_view kWritingScriptReadOnly =
    "ERR Can not execute a script with write flag using *_ro command.";
inline constexpr std::string_view kScriptMemory =
    "ERR the script's commands take too much memory";  // ours
inline constexpr std::string_view kNoFunction = "ERR Function not found";
inline constexpr std::string_view kNoLibrary = "ERR Library not found";
inline constexpr std::string_view kNoFunctions = "ERR No functions registered";
inline constexpr std::string_view kBadKeyCount = "ERR Bad number of keys provided";
inline constexpr std::string_view kNoFunctionCode = "ERR Function code is missing";
inline constexpr std::string_view kNoLibraryPattern = "ERR library name argument was not given";
inline constexpr std::string_view kRestorePolicy =
    "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.";
inline constexpr std::string_view kNotAFunction = "ERR given type is not a function";
inline constexpr std::string_view kFunctionsPayload =
    "ERR failed loading the given functions payload";
inline constexpr std::string_view kTooManyFunctions =
    "ERR functions would take more than 64 MiB, or be in too many libraries";         // ours
inline constexpr std::string_view kNoDebugger = "ERR SCRIPT DEBUG is not supported";  // ours
inline constexpr std::string_view kNotBusy = "NOTBUSY No scripts in execution right now.";
inline constexpr std::string_view kUnkillable =
    "UNKILLABLE Sorry the script already executed write commands against the dataset. You can "
    "either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE "
    "command.";
inline constexpr std::string_view kBusyScript =
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
inline constexpr std::string_view kBusyFunction =
    "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.";
inline constexpr std::string_view kFunctionFlush =
    "ERR FUNCTION FLUSH only supports SYNC|ASYNC option";

// The disk. MISCONF is the code clients know for "writes are refused because they cannot be made
// durable".
inline constexpr std::string_view kMisconfPrefix = "MISCONF Errors writing to the AOF file: ";
inline constexpr std::string_view kDiskFull =
    "MISCONF Errors writing to the AOF file: No space left on device";
inline constexpr std::string_view kDiskReadOnly =
    "MISCONF Errors writing to the AOF file: Input/output error";
// Where the value is, only the log says.
inline constexpr std::string_view kReadFailed =
    "ERR the value could not be read from disk (the read failed); see the server's log";
inline constexpr std::string_view kValueCorrupt =
    "ERR the value could not be read from disk (it is damaged); see the server's log";

// A text built from parts; longer ones are cut.
class Text {
 public:
  static constexpr size_t kBytesMax = 512;

  Text() = default;
  template <typename... Parts>
  explicit Text(std::string_view first, Parts... rest) {
    Add(first);
    (Add(std::string_view(rest)), ...);
  }
  Text& Add(std::string_view part) {
    size_t n = part.size() < kBytesMax - size_ ? part.size() : kBytesMax - size_;
    if (n != 0) std::memcpy(bytes_ + size_, part.data(), n);
    size_ += n;
    return *this;
  }
  std::string_view view() const { return {bytes_, size_}; }
  operator std::string_view() const {
    return view();
  }  // NOLINT: a text is used where constants are

 private:
  size_t size_ = 0;
  char bytes_[kBytesMax];
};

// Redis prints client text as C strings: at most `limit` bytes, ended by a NUL.
inline std::string_view Preview(std::string_view text, size_t limit) {
  std::string_view cut = text.substr(0, limit);
  return cut.substr(0, cut.find('\0'));
}

// `name` is the full name in lower case, "set" or "client|setname".
inline Text WrongArity(std::string_view name) {
  return Text("ERR wrong number of arguments for '", name, "' command");
}
inline Text InvalidExpire(std::string_view command) {
  return Text("ERR invalid expire time in '", command, "' command");
}
inline Text UnknownCommand(std::span<const std::string_view> argv) {
  constexpr size_t kPreviewBytes = 128;
  Text text("ERR unknown command '", Preview(argv[0], kPreviewBytes),
            "', with args beginning with: ");
  size_t used = 0;
  for (size_t i = 1; i < argv.size() && used < kPreviewBytes; ++i) {
    std::string_view arg = Preview(argv[i], kPreviewBytes - used);
    text.Add("'").Add(arg).Add("' ");
    used += arg.size() + 3;
  }
  return text;
}
// `container` in upper case: "CLIENT".
inline Text UnknownSubcommand(std::string_view subcommand, std::string_view container) {
  return Text("ERR unknown subcommand '", Preview(subcommand, 128), "'. Try ", container, " HELP.");
}
inline Text SubcommandArguments(std::string_view subcommand, std::string_view container) {
  return Text("ERR unknown subcommand or wrong number of arguments for '", Preview(subcommand, 128),
              "'. Try ", container, " HELP.");
}
// Redis prints these whole, however long they are.
inline std::string Whole(std::string_view front, std::string_view text, std::string_view back) {
  std::string whole(front);
  return whole.append(Preview(text, text.size())).append(back);
}
inline std::string UnsupportedOption(std::string_view option) {  // EXPIRE and its family
  return Whole("ERR Unsupported option ", option, "");
}
inline std::string UnknownArgument(std::string_view argument) {  // HSETEX
  return Whole("ERR unknown argument: ", argument, "");
}
inline std::string UnknownPfdebug(std::string_view subcommand) {
  return Whole("ERR Unknown PFDEBUG subcommand '", subcommand, "'");
}
inline std::string PrefixOverlap(std::string_view prefix, std::string_view which,
                                 std::string_view other) {
  return Whole("ERR Prefix '", prefix, "' overlaps with ") +
         Whole(which, " prefix '", "").append(Preview(other, other.size())) +
         "'. Prefixes for a single client must not overlap.";
}
inline std::string HelloOption(std::string_view option) {
  return Whole("ERR Syntax error in HELLO option '", option, "'");
}
inline std::string UnrecognizedOption(std::string_view option) {  // CLIENT SETINFO
  return Whole("ERR Unrecognized option '", option, "'");
}
inline Text ClientAttribute(std::string_view name) {  // CLIENT SETINFO; "lib-name" or "lib-ver"
  return Text("ERR ", name, " cannot contain spaces, newlines or special characters.");
}
inline Text NotInSubscribeMode(std::string_view command) {  // RESP2
  return Text("ERR Can't execute '", command,
              "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
              "context");
}
// `container` in upper case.
inline Text SubcommandSyntax(std::string_view subcommand, std::string_view container) {
  return Text("ERR unknown subcommand or wrong number of arguments for '", Preview(subcommand, 128),
              "'. Try ", container, " HELP.");
}
inline Text DebugSubcommand(std::string_view subcommand) {
  return Text("ERR unknown subcommand or wrong number of arguments for '", Preview(subcommand, 128),
              "'. Try DEBUG HELP.");
}
inline Text DiskRefusedWrite(std::string_view reason) { return Text(kMisconfPrefix, reason); }
// "ERR " and a text of our own.
inline Text Error(std::string_view what) { return Text("ERR ", what); }

// --- ACL ---
// Why a rule is refused, for AclModifier.
inline constexpr std::string_view kAclSyntax = "Syntax error";
inline constexpr std::string_view kAclUnknown = "Unknown command or category name in ACL";
inline constexpr std::string_view kAclFirstArgument =
    "Allowing first-arg of a subcommand is not supported";
inline constexpr std::string_view kAclKeysBehindAll =
    "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have "
    "any effect. Try 'resetkeys' to start with an empty list of patterns";
inline constexpr std::string_view kAclChannelsBehindAll =
    "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not "
    "have any effect. Try 'resetchannels' to start with an empty list of channels";
inline constexpr std::string_view kAclNoPassword =
    "The password you are trying to remove from the user does not exist";
inline constexpr std::string_view kAclHash =
    "The password hash must be exactly 64 characters and contain only lowercase hexadecimal "
    "characters";
inline constexpr std::string_view kAclUserName =
    "ERR Usernames can't contain spaces or null characters";
inline constexpr std::string_view kAclDefaultUser = "ERR The 'default' user cannot be removed";
inline std::string AclCategory(std::string_view name) {
  return Whole("ERR Unknown category '", name.substr(0, 128), "'");
}
inline std::string AclNoUser(std::string_view name) {
  return Whole("ERR User '", name, "' not found");
}
inline std::string AclNoCommand(std::string_view name) {
  return Whole("ERR Command '", name, "' not found");
}
inline constexpr std::string_view kAclTooManyUsers = "ERR there are too many users";
inline constexpr std::string_view kAclGenPass =
    "ERR ACL GENPASS argument must be the number of bits for the output password, a positive "
    "number up to 4096";
inline constexpr std::string_view kSortByDenied =
    "ERR BY option of SORT denied due to insufficient ACL permissions.";
inline constexpr std::string_view kSortGetDenied =
    "ERR GET option of SORT denied due to insufficient ACL permissions.";
inline constexpr std::string_view kNoPermKey =
    "NOPERM this user has no permissions to access one of the keys used as arguments";
inline constexpr std::string_view kNoPermChannel =
    "NOPERM this user has no permissions to access one of the channels used as arguments";
inline std::string NoPermCommand(std::string_view command) {
  return Whole("NOPERM this user has no permissions to run the '", command, "' command");
}
inline constexpr std::string_view kScriptNoPermCommand =
    "ERR The user executing the script can't run this command or subcommand";
inline constexpr std::string_view kScriptNoPermKey =
    "ERR The user executing the script can't access at least one of the keys mentioned in the "
    "command arguments";
inline constexpr std::string_view kScriptNoPermChannel =
    "ERR The user executing the script can't publish to the channel mentioned in the command";
inline constexpr std::string_view kExecNoPermCommand =
    "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC "
    "call. This command is no longer allowed for the following reason: no permission to execute "
    "the command or subcommand";
inline constexpr std::string_view kExecNoPermKey =
    "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC "
    "call. This command is no longer allowed for the following reason: no permission to touch the "
    "specified keys";
inline constexpr std::string_view kExecNoPermChannel =
    "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC "
    "call. This command is no longer allowed for the following reason: no permission to access "
    "one of the channels used as arguments";
inline std::string AclDuplicate(std::string_view name) {
  return Whole("Duplicate user '", name, "' found");
}
// Redis has no bounds here.
inline constexpr std::string_view kAclTooMany = "there are too many of them";
inline constexpr std::string_view kAclPasswordLong = "the password is longer than 65536 bytes";
inline std::string AclModifier(std::string_view modifier, std::string_view why) {
  return Whole("ERR Error in ACL SETUSER modifier '", modifier, "': ").append(why);
}
inline std::string AclUnmatched(std::string_view start) {
  return Whole("ERR Unmatched parenthesis in acl selector starting at '", start, "'.");
}

}  // namespace cairn::errors
