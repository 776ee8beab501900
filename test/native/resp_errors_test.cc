// Error texts that are put together; expected values were recorded from a real server.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "resp/errors.h"

using namespace cairn;

namespace {

std::string Unknown(std::vector<std::string_view> argv) {
  return std::string(errors::UnknownCommand(argv).view());
}

}  // namespace

TEST_CASE("resp errors: unknown command shows 128 bytes of the name and of the arguments") {
  using namespace std::string_view_literals;
  const std::string head = "ERR unknown command 'nn', with args beginning with: ";
  CHECK(Unknown({"nn"}) == head);
  CHECK(Unknown({"nn", "a", "b c"}) == head + "'a' 'b c' ");
  CHECK(Unknown({"no\0such"sv, "a\0b"sv, "c"}) ==
        "ERR unknown command 'no', with args beginning with: 'a' 'c' ");
  const std::string a(200, 'a');
  const std::string b(100, 'b');
  CHECK(Unknown({std::string(200, 'n'), a, "b"}) ==
        "ERR unknown command '" + std::string(128, 'n') + "', with args beginning with: '" +
            a.substr(0, 128) + "' ");
  CHECK(Unknown({"nn", a.substr(0, 100), b, "c"}) ==
        head + "'" + a.substr(0, 100) + "' '" + b.substr(0, 25) + "' ");
  CHECK(Unknown({"nn", a.substr(0, 124), b, "c"}) == head + "'" + a.substr(0, 124) + "' 'b' ");
  CHECK(Unknown({"nn", a.substr(0, 125), b, "c"}) == head + "'" + a.substr(0, 125) + "' ");
  std::vector<std::string_view> empties(51, "");
  empties[0] = "nn";
  std::string quotes;
  for (int i = 0; i < 43; ++i) quotes += "'' ";
  CHECK(Unknown(empties) == head + quotes);
}

TEST_CASE("resp errors: texts with a name in them") {
  auto is = [](std::string_view text, std::string_view wanted) { CHECK(text == wanted); };
  is(errors::WrongArity("client|setname"),
     "ERR wrong number of arguments for 'client|setname' command");
  is(errors::InvalidExpire("set"), "ERR invalid expire time in 'set' command");
  is(errors::UnknownSubcommand("nosuch", "CLIENT"),
     "ERR unknown subcommand 'nosuch'. Try CLIENT HELP.");
  is(errors::UnknownSubcommand(std::string(200, 'z'), "CLIENT"),
     "ERR unknown subcommand '" + std::string(128, 'z') + "'. Try CLIENT HELP.");
  is(errors::UnsupportedOption("FOO"), "ERR Unsupported option FOO");
  is(errors::HelloOption("FOO"), "ERR Syntax error in HELLO option 'FOO'");
  is(errors::UnsupportedOption(std::string(1000, 'z') + std::string(1, '\0') + "z"),
     "ERR Unsupported option " + std::string(1000, 'z'));
  is(errors::UnrecognizedOption("foo"), "ERR Unrecognized option 'foo'");
  is(errors::ClientAttribute("lib-name"),
     "ERR lib-name cannot contain spaces, newlines or special characters.");
  is(errors::NotInSubscribeMode("get"),
     "ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are "
     "allowed in this "
     "context");
  is(errors::DebugSubcommand("nosuch"),
     "ERR unknown subcommand or wrong number of arguments for 'nosuch'. Try DEBUG HELP.");
  is(errors::DiskRefusedWrite("No space left on device"), errors::kDiskFull);
  is(errors::Error("something"), "ERR something");
}

TEST_CASE("resp errors: a text is cut at its bound") {
  errors::Text text("ERR ");
  for (int i = 0; i < 100; ++i) text.Add("0123456789");
  CHECK(text.view().size() == errors::Text::kBytesMax);
  CHECK(text.view().ends_with("01234567"));
}
