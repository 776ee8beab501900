// The holes that Lua in servers has had, each by its name.
#include <doctest/doctest.h>

#include <chrono>

#include "script/convert.h"
#include "script_testing.h"

namespace cairn::script {

namespace {

constexpr const char* kReadOnly = "Attempt to modify a readonly table";

// A small machine with a host that stops runs early.
struct Cell {
  explicit Cell(size_t memory_bytes_max = 8u << 20) : vm({.memory_bytes_max = memory_bytes_max}) {
    host.instructions_max = 5'000'000;
  }
  std::string Run(std::string_view body) { return Evaluate(vm, host, body).reply; }
  bool Fails(std::string_view body, std::string_view with) {
    std::string reply = Run(body);
    bool found = reply.starts_with("-") && reply.find(with) != std::string::npos;
    if (!found) MESSAGE(reply.substr(0, 300));
    return found;
  }
  Vm vm;
  FixedHost host;
};

}  // namespace

TEST_CASE("script hole: bytecode, by loadstring, load and as a script") {
  CHECK(ErrorOf("return string.dump(function() end)").find("nil value") != std::string::npos);
  CHECK(Eval("return {loadstring('\\27Lua')}") == "*0\r\n");
  CHECK(Eval("local f,e=loadstring('\\27LuaQ') return e") ==
        "$53\r\n[string \"\x1bLuaQ\"]:1: unexpected symbol near 'char(27)'\r\n");
  CHECK(Eval("local n=0 local f,e=load(function() n=n+1 return ({'\\27','Lua'})[n] end) return "
             "e") == "$43\r\n(load):1: unexpected symbol near 'char(27)'\r\n");
  CHECK(ErrorOf("\x1bLuaQ").find("unexpected symbol near 'char(27)'") != std::string::npos);
}

TEST_CASE("script hole: the parser runs no code of the script's, and keeps its chunk's name") {
  Cell cell;
  // The reader makes garbage and long names while pieces come in.
  CHECK(
      cell.Run("local n=0 local f=load(function() n=n+1 for i=1,100 do local s=('x'):rep(i)..n end"
               " if n<300 then return 'local a'..n..'=1 ' end end, '@'..('n'):rep(5000)) "
               "return type(f)") == "$3\r\nnil\r\n");  // more locals than there may be
  CHECK(cell.Run("for i=1,300 do loadstring('return '..i, ('n'):rep(1000)..i) end return 1") ==
        ":1\r\n");
  CHECK(cell.Fails("return " + std::string(500, '(') + "1" + std::string(500, ')'),
                   "chunk has too many syntax levels"));
  std::string error;
  CHECK_FALSE(cell.vm.Compile("x", std::string(Vm::kScriptBytesMax + 1, ' '), &error));
  CHECK(error == "ERR Error compiling script (new function): chunk is too long");
  CHECK(cell.Run("return " + std::string(60, '(') + "1" + std::string(60, ')')) == ":1\r\n");
}

TEST_CASE("script hole: long brackets with very many equals signs") {
  Cell cell;
  std::string level(100'000, '=');
  CHECK(cell.Run("return #[" + level + "[x]" + level + "]") == ":1\r\n");
  CHECK(cell.Fails("return [" + level, "invalid long string delimiter"));
}

TEST_CASE("script hole: unpack with huge ranges") {
  Cell cell;
  const char* text = "too many results to unpack";
  CHECK(cell.Fails("return {unpack({},1,1e8)}", text));
  CHECK(cell.Fails("return {unpack({},-2^31,2^31-1)}", text));
  CHECK(cell.Fails("return {unpack({},0,2^31-1)}", text));
  CHECK(cell.Fails("return {unpack({},-2147483647,2147483647)}", text));
  CHECK(cell.Run("return select('#',unpack({},2147483646,2147483647))") == ":2\r\n");
}

TEST_CASE("script hole: memory is bounded, and the machine goes on") {
  Cell cell;
  for (const char* body : {
           "return #string.rep('x',1e8)",
           "return #string.rep(string.rep('x',1e5),2^31-1)",
           "local t={} while true do t[#t+1]=('x'):rep(1000)..#t end",
           "local s='x' while true do s=s..s end",
           "local t={} for i=1,1e9 do t[i]=i end",
           "local s=('x'):rep(1e6) return cjson.encode({s,s,s,s,s,s,s,s,s,s,s,s})",
           "local s=('x'):rep(1e6) return cmsgpack.pack(s,s,s,s,s,s,s,s,s,s,s,s)",
           "local s=('x'):rep(1e6) return struct.pack(('s'):rep(12),s,s,s,s,s,s,s,s,s,s,s,s)",
           "local s=('x'):rep(1e6) return s:gsub('x',s)",
           "local s=('x'):rep(1e6) return table.concat({s,s,s,s,s,s,s,s,s,s})",
           "local c={} while true do c[#c+1]=coroutine.create(function() end) end",
       }) {
    CAPTURE(body);
    CHECK(cell.Fails(body, "not enough memory"));
    CHECK(cell.Run("return 1") == ":1\r\n");
  }
  cell.vm.Collect();
  CHECK(cell.vm.memory_bytes() < 1u << 20);
}

TEST_CASE("script hole: garbage does not use the budget up") {
  Cell cell(4u << 20);
  CHECK(cell.Run("for i=1,2000 do local s=('x'):rep(20000)..i end return 1") == ":1\r\n");
  // Nor where what lives takes more than half of it, nor in one large piece.
  CHECK(cell.Run("local a,b,p=('x'):rep(1.1e6),('y'):rep(1.1e6),('z'):rep(20000) for i=1,2000 do "
                 "local s=p..i end return #a+#b") == ":2200000\r\n");
  CHECK(cell.Run("local s=('x'):rep(1.2e6) s=nil s=('x'):rep(0.9e6) return #s") == ":900000\r\n");
}

TEST_CASE("script hole: a library that keeps all memory") {
  Cell cell(4u << 20);
  std::vector<RegisteredFunction> functions;
  std::string error;
  REQUIRE(cell.vm.Compile("known", "return 1", &error));
  for (int pieces : {1, 10, 100}) {
    CAPTURE(pieces);
    REQUIRE(cell.vm.LoadLibrary(
        "#!lua name=l\nlocal t={} redis.register_function('f', function(keys, args) "
        "pcall(function() while true do t[#t+1]=('x'):rep(tonumber(args[1]))..#t end end) "
        "return 1 end)",
        cell.host, &functions, &error));
    std::string size = std::to_string(pieces);
    std::string_view argv[] = {size};
    OutBuffer out;
    ReplyWriter reply(&out);
    RunInput input{.label = "f", .argv = argv};
    cell.vm.RunFunction(functions[0].callback, input, cell.host, reply);
    CHECK(cell.vm.memory_bytes() > 3u << 20);
    // All of these may fail, and none may end the process.
    (void)cell.vm.Has("known");
    (void)cell.vm.Has(std::string(40, 'n'));
    cell.vm.Forget(std::string(40, 'm'));
    for (int i = 0; i < 100; ++i) cell.Run("return {'" + std::to_string(i) + "'}");
    std::vector<RegisteredFunction> more;
    (void)cell.vm.LoadLibrary("#!lua name=k\nredis.register_function('g',function() end)",
                              cell.host, &more, &error);
    for (const RegisteredFunction& function : more) cell.vm.DropFunction(function.callback);
    cell.vm.DropFunction(functions[0].callback);
    cell.vm.Collect();
    CHECK(cell.Run("return 1") == ":1\r\n");
    CHECK(cell.vm.Has("known"));
    CHECK(cell.vm.memory_bytes() < 1u << 20);
  }
}

TEST_CASE("script hole: pcall cannot keep a stop, for whatever it catches") {
  Cell cell;
  for (const char* body : {
           "while true do pcall(function() while true do end end) end",
           "while true do xpcall(function() while true do end end, function() while true do end "
           "end) end",
           "local function f() return pcall(f) end while true do f() end",
           "while true do pcall(string.rep,'x',1e9) end",
           "while true do pcall(error) end",
           "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
           "while true do pcall(coroutine.wrap(function() while true do end end)) end",
           "local c while true do c=coroutine.create(function() while true do coroutine.yield() "
           "end end) for i=1,10 do coroutine.resume(c) end end",
           "setmetatable({},{__index=function() while true do end end}).x=1 local t="
           "setmetatable({},{__index=function() while true do end end}) pcall(function() return "
           "t.x end) while true do end",
           "while true do load(function() while true do end end) end",
           "('x'):gsub('x',function() while true do pcall(function() while true do end end) end "
           "end)",
           "table.sort({1,2,3},function() while true do end end)",
           "return ('a'):rep(3000):find(('.-'):rep(10)..'b')",
           "return ('a'):rep(3000):match(('a*'):rep(10)..'b')",
           "return ('a'):rep(3000):gsub(('a?'):rep(1000)..'b','')",
           "return ('('):rep(1e6):find('%b()x')",
           "while true do for w in ('a'):rep(3000):gmatch('.-.-.-b') do end end",
           "while true do pcall(string.find,('a'):rep(3000),('.-'):rep(10)..'b') end",
       }) {
    CAPTURE(body);
    Evaluated run = Evaluate(cell.vm, cell.host, body);
    CHECK(run.result.outcome == Outcome::kKilled);
    CHECK(run.reply.starts_with("-ERR Script killed by user with SCRIPT KILL... script: "));
    CHECK(run.result.instructions < 6'000'000);
    CHECK(cell.Run("return 1") == ":1\r\n");
  }
}

TEST_CASE("script hole: coroutines are counted, and nest only so deep") {
  Cell cell;
  CHECK(cell.Fails("local function f() return coroutine.wrap(f)() end return f()",
                   "C stack overflow"));
  CHECK(cell.Run("local function f() local ok,e=coroutine.resume(coroutine.create(f)) return e "
                 "end f() return 1") == ":1\r\n");
  Evaluate(cell.vm, cell.host,
           "coroutine.resume(coroutine.create(function() for i=1,1e6 do end end))");
  CHECK(cell.host.ticks > 50);
}

TEST_CASE("script hole: deep recursion in Lua, in patterns, in replies") {
  Cell cell(64u << 20);
  CHECK(cell.Fails("local function f() return 1+f() end return f()", "stack overflow"));
  CHECK(cell.Fails("local t=setmetatable({},{}) getmetatable(t).__index=t return t.x",
                   "loop in gettable"));
  CHECK(cell.Fails("return ('a'):rep(1e6):find(('a?'):rep(1e6))", "pattern too complex"));
  CHECK(cell.Fails("return ('a'):rep(1e6):gsub(('a-'):rep(1e6),'')", "pattern too complex"));
  CHECK(cell.Run("return ('a'):rep(4096):find(('a?'):rep(3000)) ~= nil") == ":1\r\n");
  CHECK(cell.Run("return ('a'):rep(1e6):find(('a'):rep(1e5))") == ":1\r\n");
  CHECK(cell.Run("return ('.'):rep(1e6):find(('.'):rep(1e5),1,true)") == ":1\r\n");
  std::string reply = cell.Run("local t={} t[1]=t return t");
  CHECK(reply.ends_with("*1\r\n-ERR reached lua stack limit\r\n"));
  CHECK(reply.size() == kReplyDepthMax * 4 + 30);
  // Twice: what was too deep leaves nothing behind.
  CHECK(
      cell.Fails("pcall(string.find,('a'):rep(1e6),('a?'):rep(1e6)) return "
                 "('a'):rep(1e6):find(('a?'):rep(1e6))",
                 "pattern too complex"));
  reply = cell.Run("local t={} t.map={[1]=t} return t");
  CHECK(reply.find("-ERR reached lua stack limit\r\n") != std::string::npos);
  CHECK(cell.Run("local t={} t[1]=t return #t") == ":1\r\n");
}

TEST_CASE("script hole: table.insert far below the table") {
  Cell cell;
  CHECK(cell.Fails("table.insert({},-2^31,1)", "position out of bounds"));
  CHECK(cell.Fails("table.insert({1,2},-1e9,1)", "position out of bounds"));
  CHECK(cell.Run("local t={1,2} table.insert(t,0,9) return {t[0],t[2],t[3]}") ==
        "*3\r\n:9\r\n:1\r\n:2\r\n");
}

TEST_CASE("script hole: metatables of basic types, and of what is read-only") {
  for (const char* body : {
           "getmetatable('').__index=1",
           "getmetatable('').__index.foo=1",
           "getmetatable('').__gc=1",
           "getmetatable(_G).__index=1",
           "rawset(getmetatable(''),'__index',1)",
           "rawset(getmetatable('').__index,'x',1)",
           "rawset(_G,'x',1)",
           "setmetatable(_G,{})",
           "setmetatable(string,{})",
           "setmetatable(getmetatable(''),{})",
           "_G._G=1",
           "_G.redis=1",
           "redis.call=1",
           "server.call=1",
           "cjson.encode=1",
           "cmsgpack.pack=1",
           "struct.pack=1",
           "bit.band=1",
           "os.clock=1",
           "table.insert(redis,1)",
           "table.insert(_G,1,1)",
           "coroutine.create=1",
           "string.format=nil",
           "local _,g=pairs(_G) rawset(g,'x',1)",
           "rawset((select(2,pairs(string))),'x',1)",
       }) {
    CAPTURE(body);
    CHECK(ErrorOf(body).find(kReadOnly) != std::string::npos);
  }
  for (const char* value : {"1", "nil", "true", "next", "coroutine.create(function() end)"}) {
    CAPTURE(value);
    CHECK(Eval(std::string("return getmetatable(") + value + ")") == "$-1\r\n");
    CHECK(ErrorOf(std::string("setmetatable(") + value + ",{})").find("bad argument") !=
          std::string::npos);
  }
  CHECK(Eval("table.sort(redis) table.remove(redis) return #redis") == ":0\r\n");
  // No field of what is read-only leads to what is not.
  CHECK(Eval("local seen={} local bad={} local function walk(t,n) if seen[t] then return end "
             "seen[t]=true if pcall(rawset,t,'zz',1) then bad[#bad+1]=n end "
             "for k,v in pairs(t) do if type(v)=='table' and v~=KEYS and v~=ARGV then "
             "walk(v,n..'.'..tostring(k)) end end local m=getmetatable(t) if m then walk(m,n..'!') "
             "end end walk(_G,'_G') walk(getmetatable(''),'str') return bad") == "*0\r\n");
}

TEST_CASE("script hole: what is not there") {
  for (const char* name :
       {"print", "require", "module", "package", "io", "debug", "dofile", "loadfile", "newproxy",
        "getfenv", "setfenv", "collectgarbage", "gcinfo", "arg", "jit"}) {
    CAPTURE(name);
    CHECK(ErrorOf(std::string("return ") + name) ==
          std::string("ERR user_script:1: Script attempted to access nonexistent global variable "
                      "'") +
              name + "'");
  }
  CHECK(Eval("local t={} for k in pairs(os) do t[#t+1]=k end return t") == "*1\r\n$5\r\nclock\r\n");
  CHECK(Eval("return {os.execute,os.exit,os.getenv,os.time,string.dump}") == "*0\r\n");
  // Without newproxy nothing has a __gc that would ever run.
  CHECK(Eval("setmetatable({},{__gc=function() error('x') end}) for i=1,1e5 do local t={} end "
             "return 1") == ":1\r\n");
}

TEST_CASE("script hole: CRLF in errors and states") {
  CHECK(Eval("return redis.error_reply('A b\\r\\n+OK\\r\\nc')") == "-A b  +OK  c\r\n");
  CHECK(Eval("return redis.status_reply('a\\r\\n+OK')") == "+a  +OK\r\n");
  CHECK(Eval("return {err='a\\r\\nb'}") == "-a  b\r\n");
  CHECK(Eval("return {ok='a\\nb'}") == "+a b\r\n");
  CHECK(Eval("return {big_number='1\\r\\n2'}", 3) == "(1  2\r\n");
  std::string reply = Eval("error('a\\r\\nb')");
  CHECK(reply.find("\r\n") == reply.size() - 2);
  reply = Eval("return redis.call('x\\r\\ny')");
  CHECK(reply.find("\r\n") == reply.size() - 2);
}

TEST_CASE("script hole: bit.tohex of the smallest number, and huge digits") {
  CHECK(Eval("return bit.tohex(0,-2147483648)") == "$8\r\n00000000\r\n");
  CHECK(Eval("return bit.tohex(-2147483648,-2147483648)") == "$8\r\n80000000\r\n");
  CHECK(Eval("return bit.tohex(-1,2147483647)") == "$8\r\nffffffff\r\n");
  CHECK(Eval("return bit.tohex(65535,-1e10)") == Eval("return bit.tohex(65535,-1410065408)"));
}

TEST_CASE("script hole: cjson's nesting and sparse arrays") {
  Cell cell(64u << 20);
  CHECK(
      cell.Fails("cjson.encode_max_depth(2^31-1) local a={} local b=a for i=1,1e5 do b[1]={} "
                 "b=b[1] end return cjson.encode(a)",
                 "excessive nesting"));
  CHECK(cell.Fails("cjson.decode_max_depth(2^31-1) return cjson.decode(('['):rep(1e5))",
                   "too many nested data structures"));
  CHECK(cell.Fails("local t={} t[1]=t return cjson.encode(t)", "excessive nesting (1001)"));
  CHECK(cell.Fails("return cjson.encode({[1]=1,[2^31-1]=1})", "excessively sparse array"));
  CHECK(cell.Run("return cjson.encode({[2^53]=1})").starts_with("$"));
  CHECK(cell.Fails("cjson.encode_sparse_array(false,0,0) return cjson.encode({[2^31-1]=1})",
                   "Script killed"));  // each empty place is a step
}

TEST_CASE("script hole: cmsgpack's nesting and lengths that are not there") {
  Cell cell;
  CHECK(cell.Fails("return cmsgpack.unpack(('\\145'):rep(1e5))", "Bad data format in input."));
  for (const char* bytes : {"\\221\\127\\255\\255\\255", "\\223\\255\\255\\255\\255",
                            "\\219\\255\\255\\255\\255", "\\221\\255\\255\\255\\255a"}) {
    CHECK(cell.Fails(std::string("return cmsgpack.unpack('") + bytes + "')",
                     "Missing bytes in input."));
  }
  CHECK(cell.Fails("return cmsgpack.unpack(('\\1'):rep(1e6))", "too many return values at once"));
  CHECK(cell.Fails("return cmsgpack.unpack_limit('a',1,2^31-1)", "greater than input length"));
  CHECK(cell.Run("local a={} local b=a for i=1,1e4 do b[1]={} b=b[1] end return "
                 "#cmsgpack.pack(a)") == ":17\r\n");
  CHECK(cell.Run("return #cmsgpack.pack({[2^31-1]=1})") == ":7\r\n");
}

TEST_CASE("script hole: struct's sizes and alignments") {
  Cell cell;
  CHECK(cell.Fails("return struct.pack('i2147483648',1)", "integral size overflow"));
  CHECK(cell.Fails("return struct.size('i999999999999999999999')", "integral size overflow"));
  CHECK(cell.Fails("return struct.pack('i33',1)", "is larger than limit of 32"));
  CHECK(cell.Fails("return struct.pack('!3i',1)", "is not a power of 2"));
  CHECK(cell.Fails("return struct.pack('!0i',1)", "is not a power of 2"));
  CHECK(cell.Run("return #struct.pack('!1073741824i32',1)") == ":32\r\n");
  CHECK(cell.Fails("return struct.unpack('c2147483647','a')", "data string too short"));
  CHECK(cell.Fails("return struct.unpack('c2147483647','a',2^31-1)", "data string too short"));
  CHECK(cell.Fails("return struct.unpack('i','a',-2^53)", "data string too short"));
  CHECK(cell.Fails("return struct.unpack('Lc0','\\255\\255\\255\\255\\255\\255\\255\\255')",
                   "data string too short"));
  CHECK(cell.Fails("return struct.unpack('dc0',struct.pack('d',0/0))", "data string too short"));
  CHECK(cell.Fails("return struct.pack(('x'):rep(1e7))", "not enough memory"));
  CHECK(cell.Run("return #struct.pack('i16',-1)") == ":16\r\n");
}

TEST_CASE("script hole: errors that are odd values") {
  CHECK(Eval("error({})").starts_with("-ERR the script raised a table without a text script: "));
  CHECK(Eval("error({err=5})").starts_with("-5 script: "));
  CHECK(Eval("error(redis)").starts_with("-ERR table: "));
  CHECK(Eval("error(setmetatable({},{__newindex=error,__index=error,__tostring=error}))")
            .starts_with("-ERR the script raised"));
  CHECK(Eval("error(next)").starts_with("-ERR function: "));
}

TEST_CASE("script hole: a reply of tables that are shared") {
  Cell cell(64u << 20);
  Evaluated run = Evaluate(cell.vm, cell.host, "local t={} for i=1,60 do t={t,t} end return t");
  CHECK(run.result.outcome == Outcome::kKilled);
  CHECK(run.reply.starts_with("-ERR Script killed"));
  run = Evaluate(cell.vm, cell.host, "local t={} for i=1,60 do t={map={a=t,b=t}} end return t", 3);
  CHECK(run.result.outcome == Outcome::kKilled);
  cell.host.instructions_max = UINT64_MAX;
  CHECK(cell.Fails("local s=('x'):rep(1e7) local t={} for i=1,60 do t[i]=s end return t",
                   "the reply of the script is too large"));
  CHECK(cell.Fails("local t={err=('x'):rep(1e7)} local r={} for i=1,60 do r[i]=t end return r",
                   "the reply of the script is too large"));
  CHECK(cell.Run("local s=('x'):rep(1000) local t={} for i=1,1000 do t[i]=s end return t").size() >
        1'000'000);
  CHECK(cell.Run("return 1") == ":1\r\n");
}

TEST_CASE("script hole: many short coroutines, each with a hook count of its own") {
  Cell cell;
  const auto begun = std::chrono::steady_clock::now();
  for (const char* body : {
           "local function f() for i=1,900 do end end "
           "while true do coroutine.resume(coroutine.create(f)) end",
           "local function f() for i=1,900 do end end while true do coroutine.wrap(f)() end",
           "local function f(n) for i=1,900 do if n > 0 then coroutine.wrap(f)(n-1) end end end "
           "while true do f(3) end",
       }) {
    CAPTURE(body);
    CHECK(Evaluate(cell.vm, cell.host, body).result.outcome == Outcome::kKilled);
  }
  // Generous: an idle machine takes some tenths of a second, and took minutes before.
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::minutes(2));
}

TEST_CASE("script hole: what C does in one go counts as steps") {
  Cell cell(64u << 20);
  // Each of these loops does much with few instructions.
  for (const char* body : {
           "local s=('a'):rep(1e6) while true do s:find('%f[b]') end",
           "local s=('a'):rep(1e5) local set='['..('b'):rep(1e4)..']' while true do s:find(set) "
           "end",
           "local s=('a'):rep(1e6) while true do s:find('%bxy') end",
           "local s=('a'):rep(1e6) while true do s:find('b',1,true) end",
           "local s=('a'):rep(1e6) while true do local u=s:upper() end",
           "local s=('a'):rep(1e6) while true do local u=s:lower() end",
           "local s=('a'):rep(1e6) while true do local u=s:reverse() end",
           "local s=('a'):rep(1e6) while true do local u=s:sub(1) end",
           "local s=('a'):rep(1e6) while true do local u=('%s'):format(s) end",
           "local t={} for i=1,1e5 do t[i]=i end while true do table.insert(t,1,0) "
           "table.remove(t) end",
           "local t={} for i=1,1e5 do t[i]=i end while true do t[#t+1]=table.remove(t,1) end",
           "local t={} for i=1,1e5 do t[i]='' end while true do table.concat(t) end",
           "local t={} for i=1,1e5 do t[i]=i end while true do table.maxn(t) end",
           "local t={} for i=1,1e5 do t['k'..i]=i end for i=1,1e5 do t['k'..i]=nil end "
           "while true do next(t) end",
           "local t={} for i=1,1e5 do t['k'..i]=i end for i=1,1e5 do t['k'..i]=nil end "
           "while true do cjson.encode(t) end",
           "local t={} for i=1,1e5 do t['k'..i]=i end for i=1,1e5 do t['k'..i]=nil end "
           "while true do cmsgpack.pack(t) end",
           "local t={} for i=1,1e5 do t[i]=0 end while true do cjson.encode(t) end",
           "local s='['..('0,'):rep(1e5)..'0]' while true do cjson.decode(s) end",
           "local s=cmsgpack.pack({('0'):rep(1e6):byte(1,5000)}) while true do cmsgpack.unpack(s) "
           "end",
       }) {
    CAPTURE(body);
    cell.host.ticks = 0;
    const auto begun = std::chrono::steady_clock::now();
    Evaluated run = Evaluate(cell.vm, cell.host, body);
    CHECK(run.result.outcome == Outcome::kKilled);
    CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(60));
    CHECK(cell.Run("return 1") == ":1\r\n");
  }
}

TEST_CASE("script hole: what is built aside counts against the memory, all of it") {
  Cell cell(8u << 20);
  // A text needs as much room as it takes encoded, not six times its size ...
  CHECK(cell.Run("return #cjson.encode(('x'):rep(2e6))") == ":2000002\r\n");
  // ... and a buffer that has grown must fit with what it grew to.
  CHECK(cell.Fails("local s=('x'):rep(1e6) return #cmsgpack.pack(s,s,s,s,s,s,s,s)",
                   "not enough memory"));
  CHECK(cell.Fails("return #cjson.encode(('\\1'):rep(1.5e6))", "not enough memory"));
  CHECK(cell.Run("return 1") == ":1\r\n");
}

}  // namespace cairn::script
