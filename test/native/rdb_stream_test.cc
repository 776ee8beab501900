// Streams: what the decoder refuses of their nodes, their state, and their groups.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "rdb_testing.h"

namespace cairn::testing {
namespace {

using rdb::Type;
using Items = std::vector<std::string>;

// A stream of version 3, and each part of it as a lie would change it.
struct Parts {
  Items node = {"2", "1", "1",  "f", "0",             // entries, deleted, names
                "2", "0", "0",  "v", "4",             // 5-1
                "3", "0", "1",  "w", "4",             // 5-2, deleted
                "0", "1", "-1", "1", "g", "x", "6"};  // 6-0
  std::string node_id = RawId(5, 1);
  std::string more_nodes;
  uint64_t nodes = 1;
  uint64_t length = 2;
  std::string last_id = Len(6) + Len(0);
  std::string deleted_id = Len(5) + Len(2);
  uint64_t added = 3;
  std::string first_id = Len(5) + Len(1);
  uint64_t groups = 1;
  uint64_t read = 2;
  uint64_t pending = 2;
  std::string list = Entry(5, 1) + Entry(6, 0);
  uint64_t consumers = 2;
  uint64_t claims = 1;
  std::string first_claim = RawId(6, 0);
  std::string second_claim = RawId(5, 1);

  static std::string Entry(uint64_t ms, uint64_t seq) {
    return RawId(ms, seq) + Little<int64_t>(1'600'000'000'000) + Len(3);
  }

  std::string Body() const {
    const std::string times = Little<int64_t>(11) + Little<int64_t>(12);
    return TypeByte(Type::kStream3) + Len(nodes) + Str(node_id) + Str(Pack(node)) + more_nodes +
           Len(length) + last_id + first_id + deleted_id + Len(added) + Len(groups) + Str("g") +
           last_id + Len(read) + Len(pending) + list + Len(consumers) + Str("a") + times +
           Len(claims) + first_claim + Str("b") + times + Len(1) + second_claim;
  }
  std::string Text() const { return Decode(Sealed(Body())).Text(); }
};

template <typename Change>
std::string With(Change change) {
  Parts parts;
  change(parts);
  std::string text = parts.Text();
  // Where it is wrong is another test's.
  return text.substr(0, text.find(" at byte"));
}

TEST_CASE("rdb stream: as it should be") {
  CHECK(
      Parts().Text() ==
      "stream 5-1 \"f\" \"v\" 6-0 \"g\" \"x\" ; length 2 last 6-0 first 5-1 deleted 5-2 added 3 ; "
      "group \"g\" last 6-0 read 2 pending 2 ; consumer \"a\" seen 11 active 12 pending 1 ; "
      "6-0 at 1600000000000 times 3 ; consumer \"b\" seen 11 active 12 pending 1 ; "
      "5-1 at 1600000000000 times 3");
  // It is found, not believed.
  CHECK(With([](Parts& p) { p.first_id = Len(9) + Len(9); }) == Parts().Text());
}

TEST_CASE("rdb stream: lies of nodes") {
  const auto node = [](size_t at, const char* item) {
    return With([&](Parts& p) { p.node.at(at) = item; });
  };
  const std::string counts = "! not as many entries, or deleted ones, as the node claims";
  CHECK(node(0, "1") == counts);
  CHECK(node(0, "3") == counts);
  CHECK(node(1, "0") == counts);
  CHECK(node(5, "3") == counts);
  CHECK(node(10, "2") == counts);
  CHECK(node(0, "-1") == "! count of entries is none");
  CHECK(node(0, "x") == "! count of entries is none");
  CHECK(node(1, "1000") == "! count of deleted entries is none");
  CHECK(node(2, "0") == "! count of fields is none");
  CHECK(node(2, "2") == "! names do not end in 0");
  CHECK(node(2, "200") == "! count of fields is none");
  CHECK(node(4, "1") == "! names do not end in 0");
  CHECK(node(4, "x") == "! names do not end in 0");
  CHECK(node(5, "4") == "! unknown flags");
  CHECK(node(5, "-1") == "! unknown flags");
  CHECK(node(5, "x") == "! flags are none");
  CHECK(node(5, "0") == "! count of fields is none");
  CHECK(node(6, "x") == "! id is none");
  CHECK(node(7, "-1") == "! ids do not ascend");
  CHECK(node(12, "0") == "! ids do not ascend");
  CHECK(node(16, "0") == "! ids do not ascend");
  CHECK(node(18, "2") == "! entry is not complete");
  CHECK(node(9, "5") == "! entry has another number of items than it claims");
  CHECK(node(9, "-4") == "! entry has another number of items than it claims");
  CHECK(node(21, "5") == "! entry has another number of items than it claims");
  CHECK(With([](Parts& p) { p.node.pop_back(); }) == "! entry is not complete");
  CHECK(With([](Parts& p) { p.node.push_back("0"); }) == "! entry is not complete");
  CHECK(With([](Parts& p) { p.node.clear(); }) == "! entry is not complete");
  CHECK(With([](Parts& p) { p.node_id.pop_back(); }) == "! id of a node is none");
  CHECK(With([](Parts& p) { p.node_id = RawId(0, 0); }) == "! ids of nodes do not ascend");
  CHECK(With([](Parts& p) {
          p.nodes = 2;
          p.more_nodes = Str(RawId(6, 0)) + Str(Pack(p.node));
        }) == "! ids of nodes do not ascend");
  CHECK(With([](Parts& p) { p.nodes = 1000; }) == "! count of nodes runs out of range");
}

TEST_CASE("rdb stream: lies of the state") {
  CHECK(With([](Parts& p) { p.length = 3; }) == "! not as many entries as claimed");
  CHECK(With([](Parts& p) { p.length = 1; }) == "! not as many entries as claimed");
  CHECK(With([](Parts& p) { p.last_id = Len(5) + Len(9); }) == "! entries behind the last id");
  CHECK(With([](Parts& p) { p.added = 1; }) == "! fewer entries added than there are");
  CHECK(With([](Parts& p) { p.deleted_id = Len(6) + Len(1); }) ==
        "! a deleted id behind the last id");
}

TEST_CASE("rdb stream: lies of groups") {
  CHECK(With([](Parts& p) { p.groups = 1000; }) == "! count of groups runs out of range");
  CHECK(With([](Parts& p) { p.groups = 0; }) == "! bytes left over behind the value");
  CHECK(With([](Parts& p) { p.groups = 2; }) == "! string runs out of range");
  CHECK(With([](Parts& p) { p.read = UINT64_MAX - 1; }) == "! count of entries read is none");
  CHECK(With([](Parts& p) { p.read = UINT64_MAX; }).find("read -1") != std::string::npos);
  CHECK(With([](Parts& p) { p.pending = 100; }) == "! count of pending entries runs out of range");
  CHECK(With([](Parts& p) { p.list = Parts::Entry(6, 0) + Parts::Entry(5, 1); }) ==
        "! pending entries do not ascend");
  CHECK(With([](Parts& p) { p.list = Parts::Entry(5, 1) + Parts::Entry(5, 1); }) ==
        "! pending entries do not ascend");
  CHECK(With([](Parts& p) { p.consumers = 1000; }) == "! count of consumers runs out of range");
  CHECK(With([](Parts& p) { p.second_claim = RawId(5, 2); }) ==
        "! a consumer's pending entry is not the group's");
  CHECK(With([](Parts& p) { p.second_claim = RawId(1, 1); }) ==
        "! a consumer's pending entry is not the group's");
  CHECK(With([](Parts& p) { p.second_claim = p.first_claim; }) ==
        "! a pending entry is claimed twice");
  CHECK(With([](Parts& p) {
          p.claims = 0;
          p.first_claim.clear();
        }) == "! a pending entry is no consumer's");
}

TEST_CASE("rdb stream: many pending entries find their place") {
  for (uint64_t count : {1u, 63u, 64u, 65u, 128u, 1000u}) {
    Parts parts;
    parts.pending = count;
    parts.list.clear();
    parts.first_claim.clear();
    parts.claims = count - 1;
    for (uint64_t i = 0; i < count; ++i) parts.list += Parts::Entry(i + 1, 2 * i);
    for (uint64_t i = count - 1; i > 0; --i) parts.first_claim += RawId(i + 1, 2 * i);
    parts.second_claim = RawId(1, 0);
    const Decoded decoded = Decode(Sealed(parts.Body()), {7, 1000});
    CHECK(decoded.message == "");
    CHECK(decoded.value.IsWhole());
    parts.second_claim = RawId(1, 1);
    CHECK_FALSE(Decode(Sealed(parts.Body())).ok());
  }
}

TEST_CASE("rdb stream: what a group of version 1 has read is estimated as Redis does it") {
  const auto read = [](uint64_t ms, uint64_t seq) {
    const Items node = {"2", "0", "1", "f", "0", "2", "0", "0", "v", "4", "2", "1", "0", "w", "4"};
    const std::string body = TypeByte(Type::kStream) + Len(1) + Str(RawId(5, 1)) + Str(Pack(node)) +
                             Len(2) + Len(9) + Len(0) + Len(1) + Str("g") + Len(ms) + Len(seq) +
                             Len(0) + Len(0);
    const Decoded decoded = Decode(Sealed(body));
    return decoded.ok() ? decoded.value.groups.at(0).group.entries_read : -99;
  };
  CHECK(read(0, 0) == 0);
  CHECK(read(5, 1) == 1);
  CHECK(read(6, 1) == -1);
  CHECK(read(9, 0) == 2);
  CHECK(read(9, 1) == -1);
}

}  // namespace
}  // namespace cairn::testing
