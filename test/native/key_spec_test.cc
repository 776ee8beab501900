// Where the keys of a command line stand.
#include "txn/key_spec.h"

#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <vector>

namespace cairn {
namespace {

std::string KeysOf(const std::string& line, const KeySpec& spec) {
  std::istringstream words(line);
  std::vector<std::string> owned;
  for (std::string word; words >> word;) owned.push_back(word);
  const std::vector<std::string_view> argv(owned.begin(), owned.end());
  std::string keys;
  ForEachKeyIndex(argv, spec, [&](size_t i) { keys.append(argv[i]).append(" "); });
  return keys;
}

TEST_CASE("keys: at fixed places") {
  CHECK(KeysOf("get a", {1, 1, 1}) == "a ");
  CHECK(KeysOf("mset a 1 b 2", {1, -1, 2}) == "a b ");
  CHECK(KeysOf("bzpopmin a b 0", {1, -2, 1}) == "a b ");
  CHECK(KeysOf("rename a", {1, 2, 1}) == "a ");
  CHECK(KeysOf("ping", {0, 0, 0}).empty());
}

TEST_CASE("keys: as many as the arguments say") {
  const KeySpec one{0, 0, 0, 1};
  CHECK(KeysOf("zunion 2 a b withscores", one) == "a b ");
  CHECK(KeysOf("zunion 1 a", one) == "a ");
  for (const char* bad : {"zunion", "zunion 2", "zunion 2 a", "zunion 0 a", "zunion -1 a",
                          "zunion x a", "zunion 01 a", "zunion 9223372036854775807 a"}) {
    CAPTURE(bad);
    CHECK(KeysOf(bad, one).empty());
  }
  const KeySpec both{1, 1, 1, 2};
  CHECK(KeysOf("zunionstore d 2 a b weights 1 2", both) == "d a b ");
  CHECK(KeysOf("zunionstore d 3 a b", both) == "d ");
  CHECK((both.any() && !both.one() && one.any() && !one.one()));
}

}  // namespace
}  // namespace cairn
