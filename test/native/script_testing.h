// For the tests of scripts: a host whose commands always answer the same, and runs on it.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/sha1.h"
#include "script/vm.h"

namespace cairn::script {

// Knows a few keys, all of them forever: `str` is "v", `h` a hash, `s` a set, `z` a sorted set, `l`
// a list. script_replies.mjs fills a real server with the same.
class FixedHost : public ScriptHost {
 public:
  CallAnswer Call(std::span<const std::string_view> argv, ReplyWriter& reply) override {
    ++calls;
    std::string command;
    for (std::string_view word : argv) command.append(command.empty() ? "" : " ").append(word);
    last = command;
    if (suspend_at != 0 && calls == suspend_at) return CallAnswer::kSuspend;
    Answer(command, argv, reply);
    return CallAnswer::kReplied;
  }
  AclAnswer CheckAcl(std::span<const std::string_view> argv) override {
    if (argv[0] == "nope") return AclAnswer::kNoSuchCommand;
    return argv[0] == "flushall" ? AclAnswer::kDenied : AclAnswer::kAllowed;
  }
  void Log(LogLevel level, std::string_view text) override {
    log.push_back(std::to_string(static_cast<int>(level)) + " " + std::string(text));
  }
  Verdict Tick(uint64_t instructions) override {
    ++ticks;
    return instructions >= instructions_max ? Verdict::kStop : Verdict::kGoOn;
  }

  uint64_t instructions_max = 200'000'000;
  int suspend_at = 0;  // this call; 0: none
  int calls = 0;
  int ticks = 0;
  std::string last;
  std::string raw;  // what `raw` answers
  std::vector<std::string> log;

 private:
  void Answer(const std::string& command, std::span<const std::string_view> argv,
              ReplyWriter& reply) {
    auto pair = [&reply](std::string_view a, std::string_view b) { reply.Bulk(a), reply.Bulk(b); };
    if (argv[0] == "echo" && argv.size() == 2) {
      reply.Bulk(argv[1]);
    } else if (command == "raw") {
      reply.Raw(raw);
    } else if (command == "get str") {
      reply.Bulk("v");
    } else if (command == "get none" || command == "zscore z none") {
      reply.Null();
    } else if (command == "hgetall h") {
      reply.MapHeader(2), pair("a", "1"), pair("b", "2");
    } else if (command == "hgetall none") {
      reply.MapHeader(0);
    } else if (command == "smembers s") {
      reply.SetHeader(1), reply.Bulk("m");
    } else if (command == "zscore z m") {
      reply.Double(1.5);
    } else if (command == "lrange l 0 -1") {
      reply.ArrayHeader(2), pair("x", "y");
    } else if (command == "lpop none 1") {
      reply.NullArray();
    } else if (command == "mget str none") {
      reply.ArrayHeader(2), reply.Bulk("v"), reply.Null();
    } else if (command == "exists str") {
      reply.Integer(1);
    } else if (command == "ping") {
      reply.Pong();
    } else if (command == "set a b") {
      reply.Ok();
    } else if (command == "incr str") {
      reply.Error("ERR value is not an integer or out of range");
    } else if (command == "lpush str x") {
      reply.Error("WRONGTYPE Operation against a key holding the wrong kind of value");
    } else {
      reply.Error("ERR Unknown Redis command called from script");
    }
  }
};

inline std::string ShaOf(std::string_view body) {
  auto hex = Sha1Hex(body);
  return {hex.data(), hex.size()};
}

struct Evaluated {
  RunResult result;
  std::string reply;  // bytes
};

inline Evaluated Evaluate(Vm& vm, ScriptHost& host, std::string_view body, int version = 2,
                          std::vector<std::string_view> keys = {},
                          std::vector<std::string_view> argv = {}, int32_t seed = 0) {
  std::string sha = ShaOf(body);
  Evaluated out;
  std::string error;
  if (!vm.Compile(sha, body, &error)) {
    out.result.outcome = Outcome::kFailed;
    out.reply = "-" + error + "\r\n";
    return out;
  }
  OutBuffer buffer;
  ReplyWriter reply(&buffer, version);
  RunInput input{.label = sha, .keys = keys, .argv = argv, .seed = seed};
  out.result = vm.Run(sha, input, host, reply);
  out.reply = buffer.view();
  vm.Forget(sha);
  return out;
}

// In a machine of its own.
inline std::string Eval(std::string_view body, int version = 2) {
  Vm vm;
  FixedHost host;
  return Evaluate(vm, host, body, version).reply;
}

// The error without the place of the script.
inline std::string ErrorOf(std::string_view body) {
  std::string reply = Eval(body);
  if (!reply.starts_with("-")) return "no error: " + reply;
  reply = reply.substr(1, reply.find("\r\n") - 1);
  return reply.substr(0, reply.find(" script: "));
}

}  // namespace cairn::script
