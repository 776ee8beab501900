// The machine of scripts: what a run gets, how it ends, and what it leaves behind.
#include <doctest/doctest.h>

#include "script/shebang.h"
#include "script_testing.h"

namespace cairn::script {

TEST_CASE("script: KEYS, ARGV, and what a run cannot leave behind") {
  Vm vm;
  FixedHost host;
  CHECK(Evaluate(vm, host, "return {KEYS[1],ARGV[2],#KEYS,#ARGV}", 2, {"k"}, {"a", "b"}).reply ==
        "*4\r\n$1\r\nk\r\n$1\r\nb\r\n:1\r\n:2\r\n");
  CHECK(Evaluate(vm, host, "return #KEYS").reply == ":0\r\n");
  CHECK(Evaluate(vm, host, "redis.setresp(3) return redis.call('zscore','z','m')").reply ==
        "$3\r\n1.5\r\n");
  CHECK(Evaluate(vm, host, "return redis.call('zscore','z','m')").reply == "$3\r\n1.5\r\n");
  Evaluate(vm, host, "cjson.encode_max_depth(1) cjson.encode_sparse_array(true)");
  CHECK(Evaluate(vm, host, "return cjson.encode({{{{1}}}})").reply == "$9\r\n[[[[1]]]]\r\n");
}

TEST_CASE("script: equal seeds give equal numbers, others others") {
  Vm vm;
  FixedHost host;
  const char* body = "return {tostring(math.random()),math.random(1000000)}";
  std::string first = Evaluate(vm, host, body, 2, {}, {}, 7).reply;
  CHECK(Evaluate(vm, host, body, 2, {}, {}, 7).reply == first);
  CHECK(Evaluate(vm, host, body, 2, {}, {}, 8).reply != first);
}

TEST_CASE("script: every kind of reply becomes a value") {
  Vm vm;
  FixedHost host;
  const char* show =
      "redis.setresp(3) local function d(v) if type(v)~='table' then return tostring(v) end "
      "local t={} for k,x in pairs(v) do t[#t+1]=tostring(k)..'='..d(x) end table.sort(t) "
      "return '{'..table.concat(t,',')..'}' end return d(redis.pcall('raw'))";
  auto value = [&](std::string raw) {
    host.raw = std::move(raw);
    std::string reply = Evaluate(vm, host, show).reply;
    size_t from = reply.find("\r\n") + 2;
    return reply.substr(from, reply.size() - from - 2);
  };
  CHECK(value(":-5\r\n") == "-5");
  CHECK(value("_\r\n") == "nil");
  CHECK(value("$-1\r\n") == "false");
  CHECK(value("#t\r\n") == "true");
  CHECK(value(",inf\r\n") == "{double=inf}");
  CHECK(value(",-1.5e3\r\n") == "{double=-1500}");
  CHECK(value("(123456789012345678901234567890\r\n") ==
        "{big_number=123456789012345678901234567890}");
  CHECK(value("=7\r\ntxt:abc\r\n") == "{verbatim_string={format=txt,string=abc}}");
  CHECK(value("%1\r\n$1\r\nk\r\n:1\r\n") == "{map={k=1}}");
  // What cannot be a key in Lua is left out.
  CHECK(value("%2\r\n_\r\n:1\r\n:3\r\n:2\r\n") == "{map={3=2}}");
  CHECK(value("~2\r\n:1\r\n$1\r\nx\r\n") == "{set={1=true,x=true}}");
  CHECK(value("|1\r\n+a\r\n*1\r\n:1\r\n:7\r\n") == "7");
  CHECK(value("*2\r\n*1\r\n:1\r\n-ERR no\r\n") ==
        "{1={1=1},2={err=ERR no,ignore_error_stats_update=true}}");
  CHECK(value("-ERR no\r\n") == "{err=ERR no,ignore_error_stats_update=true}");
}

TEST_CASE("script: an error that came out of a command was counted there") {
  Vm vm;
  FixedHost host;
  CHECK(Evaluate(vm, host, "return redis.call('incr','str')").result.counted);
  CHECK_FALSE(Evaluate(vm, host, "error('x')").result.counted);
  CHECK(Evaluate(vm, host, "return redis.pcall('incr','str')").result.outcome == Outcome::kReplied);
}

TEST_CASE("script: a suspended run writes nothing, and nothing in it can go on") {
  Vm vm;
  FixedHost host;
  for (const char* body : {
           "return redis.call('ping')",
           "pcall(redis.call,'ping') redis.call('echo','x') return 1",
           "xpcall(function() redis.call('ping') end, function() redis.call('echo','x') end)"
           " redis.call('echo','x')",
           "coroutine.resume(coroutine.create(function() redis.call('ping') end))"
           " redis.call('echo','x')",
           "pcall(coroutine.wrap(function() pcall(redis.pcall,'ping') redis.call('echo','y') end))"
           " redis.call('echo','x')",
           "load(function() redis.call('ping') return nil end) redis.call('echo','x')",
           "table.sort({1,2,3},function() redis.call('ping') end) redis.call('echo','x')",
           "string.gsub('x','x',function() pcall(redis.call,'ping') end) redis.call('echo','x')",
       }) {
    CAPTURE(body);
    host.calls = 0;
    host.suspend_at = 1;
    Evaluated run = Evaluate(vm, host, body);
    CHECK(run.result.outcome == Outcome::kSuspended);
    CHECK(run.reply.empty());
    CHECK(host.calls == 1);
  }
  host.suspend_at = 0;
  CHECK(Evaluate(vm, host, "return redis.call('ping')").reply == "+PONG\r\n");
}

TEST_CASE("script: a run that is stopped says where") {
  Vm vm;
  FixedHost host;
  host.instructions_max = 100'000;
  Evaluated run = Evaluate(vm, host, "\nwhile true do end");
  CHECK(run.result.outcome == Outcome::kKilled);
  CHECK(run.reply == "-ERR Script killed by user with SCRIPT KILL... script: " +
                         ShaOf("\nwhile true do end") + ", on @user_script:2.\r\n");
  CHECK(run.result.instructions >= 100'000);
  CHECK(run.result.instructions < 200'000);
  CHECK(Evaluate(vm, host, "return 1").reply == ":1\r\n");
}

TEST_CASE("script: the log gets text, and numbers as text") {
  Vm vm;
  FixedHost host;
  Evaluate(vm, host, "redis.log(redis.LOG_WARNING,'a',1,true,'b') server.log(0,'c')");
  CHECK(host.log == std::vector<std::string>{"3 a 1 b", "0 c"});
}

TEST_CASE("script: numbers are arguments in full") {
  Vm vm;
  FixedHost host;
  auto sent = [&](const char* number) {
    Evaluate(vm, host, std::string("redis.call('echo',") + number + ")");
    return host.last.substr(5);
  };
  CHECK(sent("2^53") == "9007199254740992");
  CHECK(sent("1e17") == "100000000000000000");
  CHECK(sent("0.1") == "0.1");
  CHECK(sent("-7") == "-7");
  CHECK(sent("1/3") == "0.3333333333333333");
}

TEST_CASE("script: libraries register, and load only as a whole") {
  Vm vm;
  FixedHost host;
  std::vector<RegisteredFunction> functions;
  std::string error;
  CHECK(vm.LoadLibrary(
      "#!lua name=lib\nlocal n = 0\n"
      "redis.register_function('f', function(keys, args) n = n + 1 return {n,keys[1],args[1]} "
      "end)\n"
      "redis.register_function{function_name='g', callback=function() return redis.call('ping') "
      "end, flags={'no-writes','allow-stale'}, description='d'}",
      host, &functions, &error));
  REQUIRE(functions.size() == 2);
  CHECK(functions[0].name == "f");
  CHECK_FALSE(functions[0].has_description);
  CHECK(functions[1].flags == (kNoWrites | kAllowStale));
  CHECK(functions[1].description == "d");
  auto run = [&](int callback) {
    OutBuffer out;
    ReplyWriter reply(&out);
    std::string_view keys[] = {"k"}, argv[] = {"a"};
    vm.RunFunction(callback, {.label = "f", .keys = keys, .argv = argv}, host, reply);
    return std::string(out.view());
  };
  CHECK(run(functions[0].callback) == "*3\r\n:1\r\n$1\r\nk\r\n$1\r\na\r\n");
  CHECK(run(functions[0].callback) == "*3\r\n:2\r\n$1\r\nk\r\n$1\r\na\r\n");
  CHECK(run(functions[1].callback) == "+PONG\r\n");

  auto refused = [&](std::string body) {
    std::vector<RegisteredFunction> none;
    CHECK_FALSE(vm.LoadLibrary("#!lua name=l\n" + body, host, &none, &error));
    CHECK(none.empty());
    return error;
  };
  const std::string front = "ERR Error registering functions: ";
  const std::string next = "local function next() end ";
  CHECK(refused("redis.call('get','x')") ==
        front +
            "ERR user_function:2: Script attempted to access nonexistent global variable "
            "'call'");
  CHECK(refused("local x = = 1") ==
        "ERR Error compiling function: user_function:2: unexpected symbol near '='");
  CHECK(refused("redis.register_function()") ==
        front + "ERR wrong number of arguments to redis.register_function");
  CHECK(refused("redis.register_function('x',2)") ==
        front + "ERR second argument to redis.register_function must be a function");
  CHECK(refused(next + "redis.register_function('x-',next)") ==
        front +
            "ERR Library names can only contain letters, numbers, or underscores(_) and must be at "
            "least one character long");
  CHECK(refused(next + "redis.register_function('x',next) redis.register_function('x',next)") ==
        front + "ERR Function already exists in the library");
  CHECK(refused(next + "redis.register_function{function_name='x',callback=next,flags={'zz'}}") ==
        front + "ERR unknown flag given");
  CHECK(refused(next + "redis.register_function{function_name='x',callback=next,zz=1}") ==
        front + "ERR unknown argument given to redis.register_function");
  CHECK(refused("redis.register_function{function_name='x'}") ==
        front + "ERR redis.register_function must get a callback argument");
  // Scripts have their own `redis` again.
  CHECK(Evaluate(vm, host, "return type(redis.register_function)").reply == "$3\r\nnil\r\n");
  CHECK(Evaluate(vm, host, "return redis.call('ping')").reply == "+PONG\r\n");
  for (const RegisteredFunction& function : functions) vm.DropFunction(function.callback);
}

TEST_CASE("script: shebangs") {
  Shebang line;
  std::string error;
  CHECK(ParseScriptShebang("return 1", &line, &error));
  CHECK(line.flags == kCompatible);
  CHECK(ParseScriptShebang("#!lua flags=no-writes,allow-oom\nreturn 1", &line, &error));
  CHECK(line.flags == (kNoWrites | kAllowOom));
  CHECK(line.bytes == 31);
  auto refused = [&](std::string_view body) {
    CHECK_FALSE(ParseScriptShebang(body, &line, &error));
    return error;
  };
  CHECK(refused("#!lua") == "Invalid script shebang");
  CHECK(refused("#!\n") == "Unexpected engine in script shebang: #!");
  CHECK(refused("#!ruby\n") == "Unexpected engine in script shebang: #!ruby");
  CHECK(refused("#!lua flags=zz\n") == "Unexpected flag in script shebang: zz");
  CHECK(refused("#!lua flags=no-writes,\n") == "Unexpected flag in script shebang: ");
  CHECK(refused("#!lua zz\n") == "Unknown lua shebang option: zz");
  CHECK(Eval("#!lua\nreturn foo").find("user_script:2:") != std::string::npos);

  auto library = [&](std::string_view body) {
    return ParseLibraryShebang(body, &line, &error) ? line.engine + " " + line.name : error;
  };
  CHECK(library("#!lua name=a\n") == "lua a");
  CHECK(library("return 1") == "Missing library metadata");
  CHECK(library("#!lua name=a") == "Invalid library metadata");
  CHECK(library("#!lua\n") == "Library name was not given");
  CHECK(library("#!lua foo=a name=b\n") == "Invalid metadata value given: foo=a");
  CHECK(library("#!lua name=a name=b\n") ==
        "Invalid metadata value, name argument was given multiple times");
}

TEST_CASE("script: SHA-1 of the standard's examples") {
  CHECK(ShaOf("") == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  CHECK(ShaOf("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(ShaOf("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  CHECK(ShaOf(std::string(1'000'000, 'a')) == "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

}  // namespace cairn::script
