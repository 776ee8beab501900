// What a real redis-server answered to some hundred scripts (script-replies.mjs), against the
// machine of native/script/.
#include <doctest/doctest.h>

#include <map>

#include "script_testing.h"

namespace cairn::script {

namespace {

using namespace std::string_view_literals;

struct Row {
  std::string_view script;
  std::string_view replies[2];  // RESP2, RESP3
};

#define SAME std::string_view()
constexpr Row kRows[] = {
#include "script_replies.inc"
};

}  // namespace

TEST_CASE("script: replies are those of a real redis-server") {
  Vm vm({.version = "7.0.15"});
  FixedHost host;
  int compared = 0;
  for (const Row& row : kRows) {
    for (int version : {2, 3}) {
      Evaluated mine = Evaluate(vm, host, row.script, version);
      bool same = version == 2 || row.replies[1].data() == nullptr;
      CHECK_MESSAGE(mine.reply == row.replies[same ? 0 : 1], row.script, " in RESP", version);
      ++compared;
    }
  }
  CHECK(compared > 1000);
}

}  // namespace cairn::script
