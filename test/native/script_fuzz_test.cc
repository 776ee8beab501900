// Random bytes for what reads them: cmsgpack.unpack, struct.unpack, cjson.decode. Nothing may come
// of it but values and errors; the sanitizers see the rest. What was read can be written again.
// CAIRN_SIM_SEED=<seed> CAIRN_FUZZ_RUNS=1 repeats one.
#include <doctest/doctest.h>

#include <random>

#include "environment.h"
#include "script_testing.h"

namespace cairn::script {

namespace {

constexpr const char* kDecoders[] = {
    "return {cmsgpack.unpack(ARGV[1])}",
    "local o,n=ARGV[1],0 local at=0 while at>=0 and n<50 do at=(cmsgpack.unpack_one(o,at)) n=n+1 "
    "end return n",
    "return {cmsgpack.unpack_limit(ARGV[1],3,1)}",
    "return #cmsgpack.pack(cmsgpack.unpack(ARGV[1]))",
    "return {struct.unpack(ARGV[2],ARGV[1])}",
    "return struct.size(ARGV[2])",
    "return #struct.pack(ARGV[2],1,2,'abc','d',5,6,7,8)",
    "local v=cjson.decode(ARGV[1]) return cjson.encode(v)",
    "return {cjson.decode(ARGV[1])}",
    "return cjson.encode({cmsgpack.unpack(ARGV[1])})",
    "return loadstring(ARGV[2])",
};

constexpr std::string_view kSeeds[] = {
    "\x93\x01\xa3"
    "abc\x81\xa1k\xc3",
    "\xdc\x00\x02\xcd\x01\x02\xd3\xff\xff\xff\xff\xff\xff\xff\xff",
    "\xde\x00\x01\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00\xdb\x00\x00\x00\x01x",
    R"({"a":[1,2.5e3,"x\u00e9\ud83d\ude00",null,true],"b":{"c":{}}})",
    R"([[[[]]],{"k":"\"\\\/\b"},-0.0,1e308,"\n"])",
    "\x01\x00\x00\x00"
    "abc\0\xff\xff\x03xyz",
};
constexpr std::string_view kFormats[] = {
    "<i>hBs", "!8bdlc0", "bc0", "xxI3i16T", "c3sfd!4L", ">!16 i7c2147483647", "iiiiIIIIhhbb",
};

std::string Mutate(std::string_view from, std::mt19937_64& random) {
  std::string text(from);
  int changes = 1 + static_cast<int>(random() % 6);
  for (int i = 0; i < changes; ++i) {
    size_t at = text.empty() ? 0 : random() % text.size();
    switch (random() % 6) {
      case 0:
        if (!text.empty()) text[at] = static_cast<char>(random());
        break;
      case 1:
        if (!text.empty()) text[at] = static_cast<char>(text[at] ^ 1 << random() % 8);
        break;
      case 2:
        text.insert(at, 1, static_cast<char>(random()));
        break;
      case 3:
        text.resize(at);
        break;
      case 4:
        text += text.substr(at);
        break;
      default:
        text.insert(at, kSeeds[random() % std::size(kSeeds)].substr(0, random() % 12));
    }
  }
  return text.substr(0, 4096);
}

}  // namespace

TEST_CASE("script fuzz: decoders take any bytes") {
  const auto first = testing::FromEnvironment("CAIRN_SIM_SEED", 1);
  const auto runs = testing::FromEnvironment("CAIRN_FUZZ_RUNS", testing::Runs(4000));
  Vm vm({.memory_bytes_max = 16u << 20});
  FixedHost host;
  host.instructions_max = 1'000'000;
  std::string error;
  for (const char* body : kDecoders) REQUIRE(vm.Compile(ShaOf(body), body, &error));
  uint64_t replied = 0;
  for (uint64_t seed = first; seed < first + runs; ++seed) {
    std::mt19937_64 random(seed);
    std::string data = Mutate(kSeeds[random() % std::size(kSeeds)], random);
    std::string format = Mutate(kFormats[random() % std::size(kFormats)], random);
    for (const char* body : kDecoders) {
      CAPTURE(seed);
      std::string_view argv[] = {data, format};
      std::string sha = ShaOf(body);
      OutBuffer out;
      ReplyWriter reply(&out, 3);
      RunResult result = vm.Run(sha, {.label = sha, .argv = argv}, host, reply);
      CHECK((result.outcome == Outcome::kReplied || result.outcome == Outcome::kFailed));
      CHECK(out.view().ends_with("\r\n"));
      if (result.outcome == Outcome::kReplied) ++replied;
    }
  }
  CHECK((runs == 1 || replied > runs / 2));
}

TEST_CASE("script fuzz: what was packed or encoded comes back") {
  Vm vm;
  FixedHost host;
  const std::string body =
      "local function value(n) local k=math.random(0,n>0 and 6 or 3) "
      "if k==0 then return math.random(-2^31,2^31-1) elseif k==1 then return math.random() "
      "elseif k==2 then return math.random()<0.5 elseif k==3 then local t={} "
      "for i=1,math.random(0,40) do t[i]=string.char(math.random(0,255)) end "
      "return table.concat(t) end local t={} for i=1,math.random(1,20) do "
      "if k<5 then t[i]=value(n-1) else t['k'..i]=value(n-1) end end return t end "
      "local function same(a,b) if type(a)~=type(b) then return false end "
      "if type(a)=='number' then return a==b or math.abs(a-b)<1e-9 end "
      "if type(a)~='table' then return a==b end "
      "for k,v in pairs(a) do if not same(v,b[k]) then return false end end "
      "for k in pairs(b) do if a[k]==nil then return false end end return true end "
      "local v=value(4) return {same(v,cmsgpack.unpack(cmsgpack.pack(v))),"
      "type(v)=='string' and v:find('%z') and true or same(v,cjson.decode(cjson.encode(v)))}";
  for (int seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    CHECK(Evaluate(vm, host, body, 2, {}, {}, seed).reply == "*2\r\n:1\r\n:1\r\n");
  }
}

}  // namespace cairn::script
