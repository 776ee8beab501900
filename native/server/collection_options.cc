// Options of Redis that say how large a small collection may be.
#include "server/server_options.h"

namespace cairn {
namespace {

// Stores the value where the rows' commands look.
template <auto member>
Status Store(Server* server, int64_t value, std::string_view) {
  auto& place = server->shared().context.thresholds.*member;
  using Number = decltype(place.load());
  place.store(static_cast<Number>(value));
  return Status();
}

constexpr OptionRow Entries(const char* name, const char* initial, const char* doc) {
  return {.name = name,
          .kind = OptionKind::kInteger,
          .initial = initial,
          .min = 0,
          .max = kNoLimit,
          .change = OptionChange::kAtRuntime,
          .section = "Collections",
          .doc = doc};
}
constexpr OptionRow Bytes(const char* name, const char* initial, const char* doc) {
  OptionRow row = Entries(name, initial, doc);
  row.kind = OptionKind::kBytes;
  return row;
}

constexpr int64_t kIntMax = INT32_MAX;

constexpr OptionRow ListSize() {
  OptionRow row = Entries("list-max-listpack-size", "-2",
                          "A list up to this size is called a listpack, and a quicklist beyond it: "
                          "so many elements, or 4, 8, 16, 32, 64 KiB for -1 to -5.");
  row.min = -kIntMax - 1;
  row.max = kIntMax;
  return row;
}
constexpr OptionRow Depth() {
  OptionRow row = Entries("list-compress-depth", "0",
                          "Accepted for Redis's sake: pages of lists are not compressed.");
  row.max = kIntMax;
  return row;
}

constexpr ServerOption kOptions[] = {
    {.row = Entries("hash-max-listpack-entries", "512",
                    "A hash of up to so many fields, none of them longer than "
                    "hash-max-listpack-value, is called a listpack by OBJECT ENCODING and comes "
                    "whole in one HSCAN, as in Redis. How it is stored does not depend on it."),
     .apply = &Store<&Thresholds::hash_listpack_entries>,
     .alias = "hash-max-ziplist-entries"},
    {.row = Bytes("hash-max-listpack-value", "64", "The longest field or value of such a hash."),
     .apply = &Store<&Thresholds::hash_listpack_value>,
     .alias = "hash-max-ziplist-value"},
    {.row = ListSize(),
     .apply = &Store<&Thresholds::list_listpack_size>,
     .alias = "list-max-ziplist-size"},
    {.row = Depth(), .apply = &Store<&Thresholds::list_compress_depth>},
    {.row = Entries("set-max-intset-entries", "512",
                    "A set of up to so many members, all of them integers, is called an intset."),
     .apply = &Store<&Thresholds::set_intset_entries>},
    {.row = Entries("set-max-listpack-entries", "128",
                    "Another set of up to so many members, none of them longer than "
                    "set-max-listpack-value, is called a listpack."),
     .apply = &Store<&Thresholds::set_listpack_entries>},
    {.row = Bytes("set-max-listpack-value", "64", "The longest member of such a set."),
     .apply = &Store<&Thresholds::set_listpack_value>},
    {.row = Entries("zset-max-listpack-entries", "128",
                    "A sorted set of up to so many members, none of them longer than "
                    "zset-max-listpack-value, is called a listpack."),
     .apply = &Store<&Thresholds::zset_listpack_entries>,
     .alias = "zset-max-ziplist-entries"},
    {.row = Bytes("zset-max-listpack-value", "64", "The longest member of such a sorted set."),
     .apply = &Store<&Thresholds::zset_listpack_value>,
     .alias = "zset-max-ziplist-value"},
    {.row = Bytes("stream-node-max-bytes", "4096",
                  "The size of a node of a stream, as XTRIM with ~ counts. 0: no limit."),
     .apply = &Store<&Thresholds::stream_node_bytes>},
    {.row = Entries("stream-node-max-entries", "100",
                    "The entries of a node of a stream, as XTRIM with ~ counts. 0: no limit."),
     .apply = &Store<&Thresholds::stream_node_entries>},
};

}  // namespace

std::span<const ServerOption> CollectionOptionTable() { return kOptions; }

}  // namespace cairn
