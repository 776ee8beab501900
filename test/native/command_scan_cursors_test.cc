// The table behind SCAN cursors: what it keeps, what it forgets first, what a stranger's cursor
// does.
#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "command/scan_cursors.h"

namespace cairn {
namespace {

std::string Find(ScanCursors* cursors, uint64_t cursor, uint16_t db) {
  std::string position;
  return cursors->Find(cursor, db, &position) ? position : "(unknown)";
}

TEST_CASE("scan cursors: a position comes back, in its database only") {
  ScanCursors cursors(0);
  uint64_t a = cursors.Add(0, 7, "key a");
  uint64_t b = cursors.Add(3, 1023, std::string("\0\xff", 2));
  CHECK(ScanCursors::ShardOfCursor(a) == 7);
  CHECK(ScanCursors::ShardOfCursor(b) == 1023);
  CHECK_FALSE(ScanCursors::IsShardStart(a));
  CHECK(Find(&cursors, a, 0) == "key a");
  CHECK(Find(&cursors, a, 1) == "(unknown)");
  CHECK(Find(&cursors, b, 3) == std::string("\0\xff", 2));
}

TEST_CASE("scan cursors: exact as doubles, never a shard's start, never equal") {
  for (uint64_t seed : {uint64_t{0}, (uint64_t{1} << 29) - 3, ~uint64_t{0}}) {
    ScanCursors cursors(seed);
    std::set<uint64_t> seen;
    for (int i = 0; i < 40000; ++i) {
      uint64_t cursor = cursors.Add(0, 0, "x");
      CHECK(cursor < uint64_t{1} << 53);
      CHECK(!ScanCursors::IsShardStart(cursor));
      CHECK(seen.insert(cursor).second);
    }
  }
}

TEST_CASE("scan cursors: strangers are unknown") {
  ScanCursors cursors(5);
  uint64_t cursor = cursors.Add(0, 9, "x");
  CHECK(Find(&cursors, cursor ^ 1, 0) == "(unknown)");          // another shard
  CHECK(Find(&cursors, cursor + (1 << 10), 0) == "(unknown)");  // another entry
  CHECK(Find(&cursors, cursor + (1 << 24), 0) == "(unknown)");  // another stamp
  CHECK(Find(&cursors, cursor | uint64_t{1} << 60, 0) == "(unknown)");
  CHECK(Find(&cursors, ~uint64_t{0}, 0) == "(unknown)");
  ScanCursors after_restart(6);
  after_restart.Add(0, 9, "y");
  CHECK(Find(&after_restart, cursor, 0) == "(unknown)");
}

TEST_CASE("scan cursors: used ones go first, then the oldest") {
  ScanCursors cursors(1);
  std::vector<uint64_t> made;
  for (uint32_t i = 0; i < ScanCursors::kEntriesMax; ++i) {
    made.push_back(cursors.Add(0, 0, std::to_string(i)));
  }
  cursors.Retire(made[500]);
  cursors.Retire(made[100]);
  cursors.Retire(made[100]);                     // again: now certainly the younger of the two
  CHECK(Find(&cursors, made[500], 0) == "500");  // a repeated call still works
  cursors.Add(0, 0, "new");
  CHECK(Find(&cursors, made[500], 0) == "(unknown)");
  CHECK(Find(&cursors, made[100], 0) == "100");
  cursors.Add(0, 0, "new");
  CHECK(Find(&cursors, made[100], 0) == "(unknown)");
  CHECK(Find(&cursors, made[0], 0) == "0");
  cursors.Add(0, 0, "new");
  CHECK(Find(&cursors, made[0], 0) == "(unknown)");
  CHECK(Find(&cursors, made[1], 0) == "1");
  cursors.Retire(made[0]);  // unknown: nothing happens
}

TEST_CASE("scan cursors: one scan among abandoned ones keeps its place") {
  ScanCursors cursors(1);
  for (uint32_t i = 0; i < ScanCursors::kEntriesMax - 1; ++i) cursors.Add(0, 0, "abandoned");
  uint64_t cursor = cursors.Add(0, 1, "0");
  for (int i = 1; i < 1000; ++i) {
    REQUIRE(Find(&cursors, cursor, 0) == std::to_string(i - 1));
    uint64_t next = cursors.Add(0, 1, std::to_string(i));
    cursors.Retire(cursor);
    cursor = next;
  }
}

}  // namespace
}  // namespace cairn
