// node test/native/script-replies.mjs: makes script_replies.inc, what a real redis-server answers to a few hundred scripts,
// in RESP2 and RESP3. test/native/script_replies_test.cc holds the machine of native/script/ to it.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { redisLink } from '../../scripts/lib.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));

/** Values of Lua, each in a table of its own kind of trouble. */
const numbers = ['0', '1', '-1', '3.99', '-3.99', '127', '128', '255', '256', '-32', '-33', '-128', '-129', '32767', '65535']
  .concat(['65536', '-32769', '2147483647', '-2147483648', '4294967295', '4294967296', '2^53', '-2^53', '2^63', '-2^63'])
  .concat(['1e15', '1e100', '0.5', '1.25', '1/3', '1/0', '-1/0']);
const strings = ['""', '"a"', '"caf\\195\\169"', '"a\\0b"', '"\\r\\n\\t\\b\\f"', String.raw`"\"\\/"`, '"\\127\\1"', '("x"):rep(31)']
  .concat(['("x"):rep(32)', '("x"):rep(255)', '("x"):rep(256)']);
const tables = ['{}', '{1,2,3}', '{{},{{}}}', '{a=1}', '{[1]="a",[2]="b",[3]=nil}', '{1,nil,3}', '{[5]=1}', '{true,false}', '{x={y={1}}}']
  .concat(['{[1.5]=1}', '{[-1]=1}', '{[0]=1}', '{["1"]=1}', '{1,2,3,a=nil}']);
const others = ['nil', 'true', 'false', 'cjson.null'];
const values = [...numbers, ...strings, ...tables, ...others];

const conversions = [
  ...[...numbers, ...strings, ...tables, ...others].map((value) => `return ${value}`),
  ...values.map((value) => `return {${value}}`),
  ...['{ok="fine"}', '{err="My Err"}', '{err="x",ok="y"}', '{ok=1}', '{err=1}', '{ok="a\\r\\nb"}', '{err="a\\r\\nb"}', '{double=1.5}', '{double="1.5"}']
    .concat(['{double=3}', '{map={a=1}}', '{map={}}', '{map=1}', '{set={a=true}}', '{set={}}', '{set={a=false}}', '{big_number="12"}'])
    .concat(['{big_number="12\\r\\n3"}', '{big_number=12}', '{verbatim_string={string="abc",format="txt"}}', '{verbatim_string={string="abc"}}'])
    .concat(['{verbatim_string={string="abc",format="t"}}', '{verbatim_string={string="abc",format="markdown"}}', '{verbatim_string={}}'])
    .concat(['{1,{ok="a"},{err="E b"},{double=0.5}}', '{map={[1]={map={a={1,2}}}}}', 'setmetatable({},{__index=function() return "x" end})'])
    .flatMap((value) => [`return ${value}`, `redis.setresp(3) return ${value}`]),
  'redis.setresp(3) return true',
  'redis.setresp(3) return false',
  'redis.setresp(3) return nil',
  'redis.setresp(3) redis.setresp(2) return {true,false}',
  'return redis.call',
  'return coroutine.create(next)',
  'return 1,2',
  'return',
  '',
];

const describe = 'local function d(v) if type(v)~="table" then return type(v)..":"..tostring(v) end local t={} for k,x in pairs(v) do t[#t+1]=tostring(k).."="..d(x) end table.sort(t) return "{"..table.concat(t,",").."}" end ';
const commands = ['"ping"', '"get","str"', '"get","none"', '"hgetall","h"', '"hgetall","none"', '"smembers","s"', '"zscore","z","m"']
  .concat(['"zscore","z","none"', '"lrange","l",0,-1', '"lpop","none",1', '"mget","str","none"', '"exists","str"', '"set","a","b"', '"incr","str"'])
  .concat(['"lpush","str","x"', '"nope"', '', '"get",{}', '"get",true', '"echo",5', '"echo",2^53', '"echo",-7']);
const calls = commands.flatMap((args) => [
  `return redis.call(${args})`,
  `return redis.pcall(${args})`,
  `redis.setresp(3) return redis.call(${args})`,
  `${describe} return d(redis.pcall(${args}))`,
  `${describe} redis.setresp(3) return d(redis.pcall(${args}))`,
  `${describe} return d({pcall(redis.call${args === '' ? '' : ','}${args})})`,
]);

const errors = [
  ...['error("boom")', 'error("boom",0)', 'error("boom",2)', 'error({err="My error"})', 'error({err="A\\r\\nB"})', 'error(nil)', 'error(true)', 'error(12)'],
  ...['return nil+1', 'return {}..""', 'return #5', 'return nil()', 'local t=nil return t.x', 'return foo', 'foo=1', 'redis.call=1', 'redis.x=1'],
  ...['rawset(redis,"x",1)', 'rawset(_G,"x",1)', 'setmetatable(_G,{})', 'setmetatable(redis,{})', 'getmetatable(_G).__index=1', 'string.x=1'],
  ...['getmetatable("").__index=1', 'getmetatable("").__index.foo=1', 'table.insert(redis,1)', 'KEYS=1', 'ARGV={}', 'cjson.encode=1', 'math.random=1'],
  ...['local function f() return f()+1 end f()', 'return loadstring("x x")', 'return {load(function() return nil end)}', 'assert(false)', 'assert(nil,"m")'],
  ...['local x = ', 'return )', 'x x', 'for', 'return "abc', 'return [[abc', 'break', 'goto a', 'return ...', 'local a <const> = 1', 'return 0x', 'return 1..2'],
  ...['local function f() error("in f") end f()', 'return math.random(0)', 'return math.random(3,1)', 'return ("x"):rep()', 'string.find()', 'return ("x"):bad()'],
  ...['print(1)', 'require("x")', 'io.write("")', 'package.path=1', 'debug.getinfo(1)', 'dofile("x")', 'loadfile("x")', 'newproxy()', 'getfenv()', 'setfenv(1,{})'],
  ...['return {unpack({},1,1e8)}', 'return {unpack({},-2^31,2^31-1)}', 'return {unpack({1,2,3},2)}', 'return {unpack({1,2,3},-1,1)}', 'return (unpack({},5,1))'],
  ...['coroutine.resume(1)', 'coroutine.yield()', 'return coroutine.wrap(function() error("co") end)()', 'return {coroutine.resume(coroutine.create(function() return foo end))}'],
];

const api = [
  ...['type(redis.nope)', 'type(cjson.nope)', 'type(getmetatable(redis))', 'type(getmetatable(""))', 'tostring(getmetatable("").__index==string)', '_G==_G._G'],
  ...['redis.error_reply("My Err")', 'redis.error_reply("single")', 'redis.error_reply("-single")', 'redis.error_reply("-My Err")', 'redis.error_reply("")'],
  ...['redis.error_reply("-")', 'redis.error_reply(" x")', 'redis.error_reply("a\\r\\nb c")', 'redis.error_reply("My Err\\r\\n")', 'redis.error_reply(1)', 'redis.error_reply()'],
  ...['redis.status_reply("a\\r\\nb")', 'redis.status_reply("")', 'redis.status_reply(1)', 'redis.status_reply("x","y")', 'redis.sha1hex("")', 'redis.sha1hex(1)'],
  ...['redis.sha1hex({})', 'redis.sha1hex(nil)', 'redis.sha1hex()', 'redis.sha1hex(("x"):rep(55))', 'redis.sha1hex(("x"):rep(56))', 'redis.sha1hex(("x"):rep(64))'],
  ...['redis.sha1hex(("x"):rep(119))', 'redis.log(1)', 'redis.log("a","b")', 'redis.log(9,"b")', 'redis.log(-1,"b")', 'redis.log(3,"b",1,true)', 'redis.setresp(4)'],
  ...['redis.setresp()', 'redis.setresp("3")', 'redis.setresp(3.7)', 'redis.set_repl(9)', 'redis.set_repl()', 'redis.set_repl(3)', 'redis.replicate_commands()'],
  ...['{redis.breakpoint(),2,redis.debug(1)}', 'redis.acl_check_cmd()', 'redis.acl_check_cmd("nope")', 'redis.acl_check_cmd("get","x")', 'redis.acl_check_cmd({})'],
  ...['redis.LOG_DEBUG..redis.LOG_VERBOSE..redis.LOG_NOTICE..redis.LOG_WARNING', 'redis.REPL_ALL..redis.REPL_AOF..redis.REPL_SLAVE..redis.REPL_REPLICA..redis.REPL_NONE'],
  ...['#KEYS', '#ARGV', 'KEYS[1]', '_VERSION', 'next({})', 'select("#",1,nil)', 'tostring(1e15)', 'tostring(0.1)', 'tostring(-0)', 'type(loadstring("return 7"))'],
  ...['loadstring("return 7")()', '{pcall(error,"x")}', '{pcall(error)}', '{xpcall(function() error("z") end, function(e) return "h:"..e end)}', 'pcall(function() return foo end)'],
  ...['string.rep("ab",3)', 'string.rep("",100)', 'string.rep("a",-1)', 'string.format("%5.2f|%d|%s|%q|%x|%c",1.234,5,"s","q\\n",255,65)', '("abc"):upper()', '("hello"):gsub("l","L")'],
  ...['{("key=value"):match("(%w+)=(%w+)")}', '{("a.b"):find(".",1,true)}', '("x"):byte()', 'string.char(1,2)', '("abc"):reverse()', '("%d"):format(3.7)'],
  ...['table.concat({1,2,3},"-")', 'table.maxn({1,2,[9]=1})', 'table.getn({1,2})', '{table.remove({1,2,3})}', 'rawget(redis,"nope")', 'rawequal(redis,redis)'],
].map((value) => `return ${value}`);
const statements = [
  'local t={3,1,2} table.sort(t) return t',
  'local t={1,3} table.insert(t,2,2) return t',
  'local t={} table.insert(t,"x") return t',
  'table.insert({},1,2,3)',
  'local t={} for k in pairs(_G) do t[#t+1]=type(k) end return #t>20',
  'local t={} for k,v in pairs(redis) do t[#t+1]=k end return #t>10',
  'local c=coroutine.create(function(a) local b=coroutine.yield(a+1) return b*2 end) local _,x=coroutine.resume(c,1) local _,y=coroutine.resume(c,5) return {x,y,coroutine.status(c)}',
  'local t={} for w in ("a b c"):gmatch("%a") do t[#t+1]=w end return t',
  ...['0', '1', '5', '-5', '123456789', '2^31-1'].map((seed) => `math.randomseed(${seed}) local t={} for i=1,5 do t[i]=tostring(math.random()) end t[6]=math.random(100) t[7]=math.random(-5,5) return t`),
];

const json = [
  ...values.map((value) => `return cjson.encode({v=${value}})`),
  ...values.map((value) => `return cjson.encode(${value})`),
  ...['cjson.encode(next)', 'cjson.encode({[{}]=1})', 'cjson.encode({[true]=1})', 'cjson.encode(0/0)', 'cjson.encode()', 'cjson.encode(1,2)', 'cjson.encode({[1]=1,[11]=1})'].map((e) => `return ${e}`),
  ...['{[1]=1,[3]=1}', '{[1]=1,[2]=1,[20]=1}', '{[11]=1}', '{[10]=1}'].map((value) => `return cjson.encode(${value})`),
  'cjson.encode_sparse_array(true) local r=cjson.encode({[1]=1,[100]=2}) cjson.encode_sparse_array(false) return r',
  'return {cjson.encode_sparse_array()}',
  'return {cjson.encode_max_depth(),cjson.decode_max_depth(),cjson.encode_number_precision(),cjson.encode_invalid_numbers(),cjson.decode_invalid_numbers(),cjson.encode_keep_buffer()}',
  ...['cjson.encode_max_depth(0)', 'cjson.encode_max_depth("x")', 'cjson.encode_number_precision(15)', 'cjson.encode_sparse_array(1)', 'cjson.encode_max_depth(1,2)', 'cjson.encode_invalid_numbers("x")'],
  'local a={} local b=a for i=1,999 do b[1]={} b=b[1] end return #cjson.encode(a)',
  'local a={} local b=a for i=1,1000 do b[1]={} b=b[1] end return #cjson.encode(a)',
  'return cjson.decode(("["):rep(1000)..("]"):rep(1000)) ~= nil',
  'return cjson.decode(("["):rep(1001)..("]"):rep(1001)) ~= nil',
  'return tostring(cjson.null)',
  'return cjson.decode("null")==cjson.null',
];
const documents = ['1', '-0.5e3', '"a"', 'true', 'false', '[]', '{}', '[1,2,[3,{"a":null}]]', '{"a":{"b":[1,"x"]}}', '"\\\\u00e9\\\\ud83d\\\\ude00"', '"\\\\n\\\\/\\\\""', ' [ 1 , 2 ] ']
  .concat(['', ' ', '[', '[1', '[1,', '[1,]', '{', '{"a"', '{"a":', '{"a":1', '{"a":1,', '{a:1}', '{"a" 1}', '[1 2]', '1 2', 'nope', 'tru', '"abc', '"\\\\x"', '"\\\\u12"', '"\\\\ud800"'])
  .concat(['"\\\\ud800\\\\u0041"', '"\\\\udc00"', '01', '0x10', '+1', '-', '-x', 'inf', 'nan', 'NaN', '1e999', '1.', '.5', '\\0', 'a\\0b', '[1}', '{"a":1]', ']', '1e', '"\\\\u0000"', '"a\\0b"']);
const decodes = documents.map((text) => `${describe} return d(cjson.decode('${text}'))`);

const packing = [
  ...values.map((value) => `return cmsgpack.pack(${value})`),
  ...values.map((value) => `${describe} return d(cmsgpack.unpack(cmsgpack.pack(${value})))`),
  'return cmsgpack.pack()',
  'return cmsgpack.pack(1,"a",{})',
  `${describe} return d({cmsgpack.unpack(cmsgpack.pack(1,"a",{}))})`,
  'local a={} local b=a for i=1,20 do b[1]={} b=b[1] end return cmsgpack.pack(a)',
  'local t={} for i=1,20 do t[i]=i end return cmsgpack.pack(t)',
  'return cmsgpack.pack(next)',
  ...['"\\193"', '"\\217"', '"\\221\\255\\255\\255\\255"', '"\\223\\255\\255\\255\\255"', '"\\145"', '"\\199\\1\\1a"', '"\\203\\1"', '"\\129\\192\\1"', '""', '"\\196\\1a"', '"\\202\\127\\128\\0\\0"'].map((bytes) => `${describe} return d({cmsgpack.unpack(${bytes})})`),
  ...['"\\1\\2\\3"', '"\\1\\2\\3",1', '"\\1\\2\\3",3', '"\\1\\2\\3",4', '"\\1\\2\\3",-1', '""'].map((args) => `${describe} return d({cmsgpack.unpack_one(${args})})`),
  ...['"\\1\\2\\3",2', '"\\1\\2\\3",2,1', '"\\1\\2\\3",0', '"\\1\\2\\3",5', '"\\1\\2\\3",-1', '"\\1\\2\\3",1,9', '"\\1\\2\\3"'].map((args) => `${describe} return d({cmsgpack.unpack_limit(${args})})`),
];

const structs = [
  ...['b', 'B', 'h', 'H', 'l', 'L', 'T', 'i', 'I', 'i1', 'i3', 'I7', 'i8', 'i16', 'f', 'd'].flatMap((field) =>
    ['', '>'].flatMap((order) => ['0', '1', '-1', '127', '-128', '300', '-70000', '2^31', '3.7'].map((value) => `return struct.pack("${order}${field}",${value})`)),
  ),
  ...['b', 'B', 'h', 'H', 'l', 'L', 'T', 'i', 'I', 'i3', 'I5', 'f', 'd'].flatMap((field) => ['<', '>'].map((order) => `${describe} return d({struct.unpack("${order}${field}","\\129\\2\\3\\4\\5\\6\\7\\248")})`)),
  ...['"s","abc"', '"c3","abc"', '"c2","abc"', '"c4","abc"', '"c0","abc"', '"bc0",3,"abc"', '"!4bi",1,2', '"!8bd",1,2', '"!bl",1,2', '"! 2bi",1,2', '"xxb",1', '"b",{}', '"q",1', '"i33",1', '"i99999999999",1', '"!3b",1', '"!0b",1', '"b"'].map((args) => `return struct.pack(${args})`),
  ...['"s","abc\\0x"', '"s","abc"', '"c3","abc"', '"c4","abc"', '"bc0","\\3abc"', '"bc0","\\4abc"', '"c0","abc"', '"b","a",2', '"b","a",0', '"b","a",-1', '"i","abc"', '"!4bi","\\1\\0\\0\\0\\2\\0\\0\\0"', '"c2147483647","a"', '"c99999999999","a"', '"xb","ab"', '"","ab"', '"ic0","\\255\\255\\255\\255"'].map((args) => `${describe} return d({struct.unpack(${args})})`),
  ...['"b"', '"!8bd"', '"s"', '"c0"', '"c10"', '"i7"', '"xx"', '"c2147483647"', '"c2147483647c2147483647"', '"!16 d"', '"q"', '">h<l"'].map((args) => `return struct.size(${args})`),
];

const bits = ['0', '1', '-1', '255', '0xffffffff', '0x80000000', '-2147483648', '2^40+3', '1.5', '-1.5', '2.5', '1e15']
  .flatMap((value) => [`return {bit.tobit(${value}),bit.bnot(${value}),bit.bswap(${value}),bit.band(${value},0xf0f0),bit.bor(${value},5,6),bit.bxor(${value},-1)}`, `local t={} for _,f in ipairs({"lshift","rshift","arshift","rol","ror"}) do for _,n in ipairs({0,1,7,31,32,33,-1}) do t[#t+1]=bit[f](${value},n) end end return t`, `return {bit.tohex(${value}),bit.tohex(${value},4),bit.tohex(${value},-4),bit.tohex(${value},0),bit.tohex(${value},99),bit.tohex(${value},-99)}`])
  .concat(['return bit.band()', 'return bit.tobit("x")', 'return bit.tobit("12")', 'return bit.lshift(1)', 'return bit.band(1)', 'return bit.tohex()']);

// One script for each pattern: all texts, by each of the functions.
const texts = ['', 'a', 'hello world', 'key = value', '  trim  ', 'a,b,,c', 'f(a(b)c)d)', '12:34:56', 'THE (quick) fox', 'aaa\\nbbb\\0ccc', 'abcabc', 'x^y$z', '[a]-]%', '\\195\\169t\\195\\169'];
const patterns = ['', 'a', '.', '^', '$', '^$', 'a*', 'a+', 'a-', 'a?', '^a', 'a$', '^(%s*)(.-)(%s*)$', '(%w+)%s*=%s*(%w+)', '%b()', '%b(', '%b', '%f[%w]%w+', '%f%w', '%f', '%d+', '(%d+):(%d+)', '()', '(a)(b)', '()a()', '(a*(.)%w(%s*))']
  .concat(['[a-c]+', '[^a-c]+', '[]]', '[^]]', '[a', '[', '[]', '[^', '[a-]', '[%a-z]', '[%]]', '[z-a]', '%', 'a%', '%%', '(', ')', '(()', 'a)', '%1', '(%1)', '(a)%1', '(.)%1', '(abc)%1', '()%1', '%0', '%2', '(.-)%s', '.-,', '[^,]*'])
  .concat(['%a', '%A', '%c', '%l', '%u', '%p', '%s', '%S', '%w', '%W', '%x', '%z', '%g', '%.', '^^', 'x^', '$z', 'a\\0b', '%c+', '*a', '+', '-', '?', 'a**', 'a+-', '((((((((((a))))))))))', '('.repeat(33), '[\\128-\\255]+']);
const matching = patterns.map(
  (pattern) =>
    `${describe} local p='${pattern}' local r={} for i,s in ipairs({${texts.map((text) => `'${text}'`).join(',')}}) do local m={} for w,x in s:gmatch(p) do m[#m+1]=d({w,x}) end r[i]=d({{s:find(p)},{s:find(p,-3)},{s:find(p,3,true)},{s:match(p,2)},{s:gsub(p,'<%0>')},{s:gsub(p,'%1%%',2)},m}) end return r`,
);
const replacing = ['"l","L"', '"l","L",1', '"l","L",0', '"l","L",-1', '"(h)(e)","%2%1"', '"h","%2"', '"h","%x"', '"h","x%"', '"h",{h="H"}', '"%w",{h=1,e=false,l={}}', '"%w",{h=1,e=false}', '"%w",string.upper', '"(h)(e)",function(a,b) return b..a end', '"h",function() return nil end', '"h",function() return {} end', '"h",true', '"h"', '"h",5', '"",".",3', '"^h","x"', '"$","x"']
  .map((args) => `return {("hello"):gsub(${args})}`);

const scripts = [...new Set([conversions, calls, errors, api, statements, json, decodes, packing, structs, bits, matching, replacing].flat())];

/** All lines of a program of C: printable bytes as they are, everything else in octal. */
function quoted(bytes) {
  let text = '';
  for (const byte of bytes) {
    if (byte === 0x22 || byte === 0x5c) text += `\\${String.fromCharCode(byte)}`;
    else if (byte >= 0x20 && byte < 0x7f && byte !== 0x3f) text += String.fromCharCode(byte);
    else text += `\\${byte.toString(8).padStart(3, '0')}`;
  }
  return `"${text}"`;
}

const frame = (...words) =>
  Buffer.concat([
    Buffer.from(`*${words.length}\r\n`),
    ...words.map((word) => Buffer.from(`$${Buffer.byteLength(word)}\r\n${word}\r\n`)),
  ]);

class Client {
  #socket;
  #got = Buffer.alloc(0);
  #wake = () => {};
  constructor(file) {
    this.#socket = createConnection(file);
    this.#socket.on('data', (data) => {
      this.#got = Buffer.concat([this.#got, data]);
      this.#wake();
    });
    this.#socket.on('error', () => {});
  }
  /** The bytes of one reply: what comes before the answer to an ECHO. */
  async ask(...words) {
    const mark = Buffer.from('$14\r\n==end-of-reply\r\n');
    this.#got = Buffer.alloc(0);
    this.#socket.write(Buffer.concat([frame(...words), frame('ECHO', '==end-of-reply')]));
    while (!this.#got.subarray(-mark.length).equals(mark)) {
      await Promise.race([new Promise((resolve) => (this.#wake = resolve)), sleep(10_000, 'late')]).then((late) => {
        if (late === 'late') throw new Error(`no answer to ${words.join(' ')}`);
      });
    }
    return this.#got.subarray(0, -mark.length);
  }
  end() {
    this.#socket.destroy();
  }
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'script-replies-'));
const socket = path.join(folder, 'socket');
const server = spawn(redisLink, ['--port', '0', '--unixsocket', socket, '--save', '', '--dir', folder], { stdio: 'ignore' });
try {
  await sleep(1000);
  const clients = [new Client(socket), new Client(socket)];
  await clients[1].ask('HELLO', '3');
  for (const command of ['SET str v', 'HSET h a 1 b 2', 'SADD s m', 'ZADD z 1.5 m', 'RPUSH l x y']) {
    await clients[0].ask(...command.split(' '));
  }
  const lines = [];
  for (const script of scripts) {
    const replies = [];
    for (const client of clients) replies.push(await client.ask('EVAL', script, '0'));
    const text = script.startsWith(describe)
      ? `DESCRIBE ${quoted(Buffer.from(script.slice(describe.length)))}`
      : quoted(Buffer.from(script));
    const other = replies[0].equals(replies[1]) ? 'SAME' : `${quoted(replies[1])}sv`;
    lines.push(`{${text}sv,\n ${quoted(replies[0])}sv,\n ${other}},`);
  }
  const front = `// Made by script-replies.mjs from a real redis-server.\n#define DESCRIBE ${quoted(Buffer.from(describe))}\n`;
  writeFileSync(path.join(here, 'script_replies.inc'), `${front}${lines.join('\n')}\n`);
  console.log(`${scripts.length} scripts`);
  for (const client of clients) client.end();
} finally {
  server.kill();
  rmSync(folder, { recursive: true, force: true });
}
