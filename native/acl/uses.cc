#include "acl/uses.h"

#include <algorithm>

#include "base/text.h"

namespace cairn::acl {

namespace {

struct Named {
  std::string_view names;
  uint8_t access;
};

// Of others: kCmdReadOnly reads, and what is left does both.
constexpr Named kNamed[] = {
    {"exists hexists hlen hstrlen llen memory|usage object|encoding object|freq object|idletime "
     "object|refcount scard sismember strlen touch type xlen zcard watch",
     0},
    {"georadius georadiusbymember pfdebug sort xreadgroup", kKeyRead},
    {"append del expire expireat geoadd hdel hmset hset hsetnx linsert lpush lpushx lrem lset "
     "ltrim mset msetnx persist pexpire pexpireat pfadd psetex restore rpush rpushx sadd setex "
     "setnx setrange srem unlink xack xadd xautoclaim xclaim xdel xgroup|create "
     "xgroup|createconsumer xgroup|delconsumer xgroup|destroy xgroup|setid xsetid xtrim zadd "
     "zrem zremrangebylex zremrangebyrank zremrangebyscore",
     kKeyWrite},
    {"zdiffstore zinterstore zunionstore", kKeyWrite},
};

struct NamedRuns {
  std::string_view names;
  int16_t first[2], last[2];
  uint8_t access[2];
};

// Commands that do not use all their keys in the same way.
constexpr NamedRuns kNamedRuns[] = {
    {"rename renamenx lmove blmove rpoplpush brpoplpush smove",
     {1, 2},
     {1, 2},
     {kKeyBoth, kKeyWrite}},
    {"zrangestore geosearchstore", {1, 2}, {1, 2}, {kKeyWrite, kKeyRead}},
    {"copy", {1, 2}, {1, 2}, {kKeyRead, kKeyWrite}},
    {"bitop", {2, 3}, {2, -1}, {kKeyWrite, kKeyRead}},
    {"sinterstore sunionstore sdiffstore", {1, 2}, {1, -1}, {kKeyWrite, kKeyRead}},
    {"pfmerge", {1, 2}, {1, -1}, {kKeyBoth, kKeyRead}},
};

// See AccessInUse and StoreOf.
constexpr std::string_view kDependOnOptions = "bitfield set";
constexpr std::string_view kStore = "georadius georadiusbymember sort";

// Whether one of the words, with spaces between them, is that name.
bool Names(std::string_view words, std::string_view name) {
  for (size_t at = words.find(name); at != std::string_view::npos; at = words.find(name, at + 1)) {
    const size_t end = at + name.size();
    if ((at == 0 || words[at - 1] == ' ') && (end == words.size() || words[end] == ' '))
      return true;
  }
  return false;
}

// An option, and how many arguments stand behind it.
struct Skip {
  std::string_view option;
  size_t arguments;
};

// Where the key behind the last STORE stands among the arguments from `from` on; 0: nowhere.
size_t FindStore(std::span<const std::string_view> argv, size_t from, bool distances,
                 std::span<const Skip> skips) {
  size_t found = 0;
  for (size_t i = from; i < argv.size(); ++i) {
    const auto skip = std::find_if(skips.begin(), skips.end(), [&](const Skip& one) {
      return EqualsIgnoreCase(argv[i], one.option);
    });
    if (skip != skips.end()) {
      i += skip->arguments;
    } else if (i + 1 < argv.size() && (EqualsIgnoreCase(argv[i], "store") ||
                                       (distances && EqualsIgnoreCase(argv[i], "storedist")))) {
      found = ++i;
    }
  }
  return found;
}

constexpr Skip kSortSkips[] = {{"limit", 2}, {"get", 1}, {"by", 1}};

size_t StoreOf(std::string_view name, std::span<const std::string_view> argv) {
  if (name == "sort") return FindStore(argv, 2, false, kSortSkips);
  if (name == "georadius") return FindStore(argv, 6, true, {});
  if (name == "georadiusbymember") return FindStore(argv, 5, true, {});
  return 0;
}

bool AnyOf(std::span<const std::string_view> argv, size_t from, std::string_view word) {
  for (size_t i = from; i < argv.size(); ++i) {
    if (EqualsIgnoreCase(argv[i], word)) return true;
  }
  return false;
}

// Where that depends on the arguments.
uint8_t AccessInUse(std::string_view name, std::span<const std::string_view> argv, uint8_t access) {
  if (name == "set") return AnyOf(argv, 3, "get") ? kKeyBoth : kKeyWrite;
  if (name == "bitfield")
    return AnyOf(argv, 2, "set") || AnyOf(argv, 2, "incrby") ? kKeyBoth : kKeyRead;
  return access;
}

}  // namespace

Uses::Uses(const Catalog& catalog) : rows_(catalog.size()) {
  for (uint32_t number = 0; number < catalog.size(); ++number) {
    const Command& command = catalog.at(number);
    Row& row = rows_[number];
    if (command.Is(kCmdReadOnly)) row.access = kKeyRead;
    for (const Named& known : kNamed) {
      if (Names(known.names, command.name)) row.access = known.access;
    }
    // Beside a destination they are only read.
    row.counted = command.spec.first_key == 0 ? row.access : uint8_t{kKeyRead};
    for (const NamedRuns& known : kNamedRuns) {
      if (!Names(known.names, command.name)) continue;
      for (int i : {0, 1}) row.runs.push_back({known.first[i], known.last[i], known.access[i]});
    }
    row.depends = Names(kDependOnOptions, command.name);
    row.plain =
        row.runs.empty() && command.spec.keys().count_at == 0 && !Names(kStore, command.name);
  }
}

void Uses::Keys(const Command& command, std::span<const std::string_view> argv,
                std::vector<KeyUse>* keys) const {
  const Row& row = rows_[command.number];
  const uint8_t access = row.depends ? AccessInUse(command.name, argv, row.access) : row.access;
  if (row.plain) {
    return ForEachKeyIndex(argv, command.spec.keys(), [&](size_t index) {
      keys->push_back({argv[index], access});
    });
  }
  const auto size = static_cast<int>(argv.size());
  KeySpec fixed = command.spec.keys();
  fixed.count_at = 0;
  ForEachKeyIndex(argv, fixed, [&](size_t index) {
    uint8_t use = access;
    for (const Run& run : row.runs) {
      const int last = run.last < 0 ? size + run.last : run.last;
      if (static_cast<int>(index) >= run.first && static_cast<int>(index) <= last) use = run.access;
    }
    keys->push_back({argv[index], use});
  });
  KeySpec counted = command.spec.keys();
  counted.first = 0;
  ForEachKeyIndex(argv, counted, [&](size_t index) {
    keys->push_back({argv[index], row.counted});
  });
  if (const size_t store = StoreOf(command.name, argv); store != 0)
    keys->push_back({argv[store], kKeyWrite});
}

void Uses::Channels(const Command& command, std::span<const std::string_view> argv,
                    std::vector<ChannelUse>* channels) {
  const std::string_view name = command.name;
  const bool all = name == "subscribe" || name == "ssubscribe" || name == "psubscribe";
  if (!all && name != "publish" && name != "spublish") return;
  const size_t end = all ? argv.size() : std::min<size_t>(argv.size(), 2);
  for (size_t i = 1; i < end; ++i) channels->push_back({argv[i], name == "psubscribe"});
}

bool Uses::ReadsUnnamed(const Command& command, std::span<const std::string_view> argv) {
  if (command.name != "sort" && command.name != "sort_ro") return false;
  for (size_t i = 2; i < argv.size(); ++i) {
    const bool more = i + 1 < argv.size();
    if (EqualsIgnoreCase(argv[i], "limit")) {
      i += 2;
    } else if (more && EqualsIgnoreCase(argv[i], "by")) {
      if (argv[++i].find('*') != std::string_view::npos) return true;
    } else if (more && EqualsIgnoreCase(argv[i], "get")) {
      if (argv[++i] != "#") return true;
    } else if (more && EqualsIgnoreCase(argv[i], "store")) {
      ++i;
    }
  }
  return false;
}

}  // namespace cairn::acl
