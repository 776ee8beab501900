// Payloads of DUMP, each with what is in it. Those with `make` were written by redis-server 7.0
// after these commands (a word c*n is n times c); the others by hand, because no server of today
// writes such forms. `loads`: the first Redis that reads it. The tests decode them; those of the
// whole server restore them on a redis-server and compare what it finds.
//
// Members of sets and fields of hashes are in the order of their quoted bytes; \xNN is a byte.
#pragma once

#include <string_view>

namespace cairn::testing {

inline constexpr std::string_view kRdbPayloads = R"rows(
name: string of bytes
loads: 7.0
make: SET k hello
hex: 000568656c6c6f0a006372df766534200a
is: string "hello"

name: string that is an integer
loads: 7.0
make: SET k -12345
hex: 00c1c7cf0a0067eda236b4db26d0
is: string "-12345"

name: string, compressed
loads: 7.0
make: SET k ab*100
hex: 00c30a40c802616261e0ba010161620a0024a6e84170c0c68c
is: string "abababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababab"

name: list of small items
loads: 7.0
make: RPUSH k a b 1 -1 127 128 4095 -4096 4096 32767 -32768 8388607 -8388608 2147483647 -2147483648 9223372036854775807 -9223372036854775808 007 x*63 y*64
hex: 120102c3406540dc1fdc00000014008161028162020101dfff027f01c08002cfff02d00002f100100313f1ff7f03f1008003f2ffff7f04f200008004f3ff200a0105f32037028005f4200b4000027f09f4200f40000880098330303704bf78e035000340e04079e036000142ff0a00df93820ada61cefa
is: list "a" "b" "1" "-1" "127" "128" "4095" "-4096" "4096" "32767" "-32768" "8388607" "-8388608" "2147483647" "-2147483648" "9223372036854775807" "-9223372036854775808" "007" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"

name: list with an item of 5000 bytes
loads: 7.0
make: RPUSH k a q*5000 b
hex: 120102c34050539c0a9c1300000300816102f08820090071e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ee0005278d816202ff0a0069fec785e0b1dee8
is: list "a" "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq" "b"

name: list of three nodes
loads: 7.0
make: CONFIG SET list-max-listpack-size 2; RPUSH k one two three four five
hex: 12030211110000000200836f6e65048374776f04ff02141400000002008574687265650684666f757205ff020d0d0000000100846669766505ff0a00581a74ab64cebf99
is: list "one" "two" "three" "four" "five"

name: list with an item by itself
loads: 7.0
make: DEBUG QUICKLIST-PACKED-THRESHOLD 10b; RPUSH k short longer-than-ten-bytes 7
hex: 1203020e0e00000001008573686f727406ff01156c6f6e6765722d7468616e2d74656e2d627974657302090900000001000701ff0a00ce29028460232976
is: list "short" "longer-than-ten-bytes" "7"

name: set of 16-bit integers
loads: 7.0
make: SADD k 5 -3 300
hex: 0b0e0200000003000000fdff05002c010a007a3ecf9c1ab0d8b1
is: set "-3" "300" "5"

name: set of 32-bit integers
loads: 7.0
make: SADD k 5 -3 70000
hex: 0b140400000003000000fdffffff05000000701101000a009db067c236a65f3f
is: set "-3" "5" "70000"

name: set of 64-bit integers
loads: 7.0
make: SADD k 5 -3 5000000000
hex: 0b200800000003000000fdffffffffffffff050000000000000000f2052a010000000a0036a5a2b56df18411
is: set "-3" "5" "5000000000"

name: set of strings
loads: 7.0
make: SADD k a b 17 z*70
hex: 020401610162c3094046017a7ae03900017a7ac0110a00752f939078bcf08f
is: set "17" "a" "b" "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"

name: set of many integers
loads: 7.0
make: CONFIG SET set-max-intset-entries 2; SADD k 1 2 3
hex: 0203c001c002c0030a002dd97ad31204135c
is: set "1" "2" "3"

name: sorted set, packed
loads: 7.0
make: ZADD k 1 one 1.5 x -inf low inf high 3 3 1e20 big -7 minus 0.1 tenth
hex: 11c3405b40621f620000001000836c6f7704842d696e6605856d696e757306dff9028574656e7406680693302e3130e005001f3114836f6e6504010181780283312e35040301030183626967048531652b3230070684686967680583204f0104ff0a00011b3829f804de6c
is: zset "low" -inf "minus" -7 "tenth" 0.1 "one" 1 "x" 1.5 "3" 3 "big" 1e+20 "high" inf

name: sorted set, not packed
loads: 7.0
make: CONFIG SET zset-max-listpack-entries 1; ZADD k 1 one 1.5 x -inf low inf high
hex: 05040468696768000000000000f07f0178000000000000f83f036f6e65000000000000f03f036c6f77000000000000f0ff0a00a69340b5839b964c
is: zset "low" -inf "one" 1 "x" 1.5 "high" inf

name: hash, packed
loads: 7.0
make: HSET k field value n 12 empty *0 v 3 x*30 1.5
hex: 10c336404d1f4d0000000a00856669656c64068576616c756506816e020c0185656d7074790608800181760203019e78e01400061f83312e3504ff0a008ab289331e1e2a7f
is: hash "empty" "" "field" "value" "n" "12" "v" "3" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "1.5"

name: hash, not packed
loads: 7.0
make: CONFIG SET hash-max-listpack-entries 1; HSET k field value n 12 long z*80
hex: 0403046c6f6e67c3094050017a7ae04300017a7a016ec00c056669656c640576616c75650a00e612cc1181942819
is: hash "field" "value" "long" "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz" "n" "12"

name: stream
loads: 7.0
make: XADD k 1-1 name a age 3; XADD k 1-2 name b age 4; XADD k 2-0 other c
hex: 130110000000000000000100000000000000014049490000001900030100010201846e616d650583616765040001020100010001816102030105010201000101018162020401050100010101dfff020101856f74686572068163020601ff0302000101000003000a00de2ec98aa3de5984
is: stream 1-1 "name" "a" "age" "3" 1-2 "name" "b" "age" "4" 2-0 "other" "c" ; length 3 last 2-0 first 1-1 deleted 0-0 added 3

name: stream of several nodes
loads: 7.0
make: CONFIG SET stream-node-max-entries 2; XADD k 1-1 f 1; XADD k 5-0 f 2; XADD k 5-1 f 3; XADD k 6-0 f 4; XADD k 7-7 f 5
hex: 1303100000000000000001000000000000000127270000000f0002010001010181660200010201000100010101040102010401dfff0202010401ff100000000000000005000000000000000127270000000f0002010001010181660200010201000100010301040102010101dfff0204010401ff10000000000000000700000000000000071c1c0000000a00010100010101816602000102010001000105010401ff0507070101000005000a00a4fba9476f62fac8
is: stream 1-1 "f" "1" 5-0 "f" "2" 5-1 "f" "3" 6-0 "f" "4" 7-7 "f" "5" ; length 5 last 7-7 first 1-1 deleted 0-0 added 5

name: stream with deleted entries
loads: 7.0
make: XADD k 1-1 f 1; XADD k 2-1 f 2; XADD k 3-1 g 3; XDEL k 1-1 3-1
hex: 130110000000000000000100000000000000013535000000160001010201010181660200010301000100010101040102010101000102010401010102010001010181670203010601ff0103010201030103000a0087fc2dffd8d3ec7e
is: stream 2-1 "f" "2" ; length 1 last 3-1 first 2-1 deleted 3-1 added 3

name: stream whose entries are all deleted
loads: 7.0
make: XADD k 1-1 f 1; XDEL k 1-1
hex: 13000001010000010101000a00cda16212d34bf396
is: stream ; length 0 last 1-1 first 0-0 deleted 1-1 added 1

name: stream without entries
loads: 7.0
make: XGROUP CREATE k g $ MKSTREAM
hex: 13000000000000000000010167000081ffffffffffffffff00000a00a01a953dfb9cddde
is: stream ; length 0 last 0-0 first 0-0 deleted 0-0 added 0 ; group "g" last 0-0 read -1 pending 0

name: stream with groups
loads: 7.0
make: XADD k 1-1 f 1; XADD k 2-1 f 2; XADD k 3-1 f 3; XGROUP CREATE k empty 0; XGROUP CREATE k g 0; XREADGROUP GROUP g ann COUNT 2 STREAMS k >; XREADGROUP GROUP g bob STREAMS k >; XGROUP CREATECONSUMER k g idle; XGROUP CREATE k later 9-9; XCLAIM k g bob 0 1-1 TIME 1700000000000 RETRYCOUNT 7
hex: 13011000000000000000010000000000000001303000000014000301000101018166020001020100010001010104010201010100010201040102010201000103010401ff03030101010000030305656d707479000081ffffffffffffffff0000016703010303000000000000000100000000000000010068e5cf8b01000007000000000000000200000000000000010c370c2ba201000001000000000000000300000000000000010c370c2ba2010000010303616e6e0c370c2ba2010000010000000000000002000000000000000103626f620c370c2ba20100000200000000000000010000000000000001000000000000000300000000000000010469646c650c370c2ba201000000056c61746572090981ffffffffffffffff00000a004f8de35248871081
is: stream 1-1 "f" "1" 2-1 "f" "2" 3-1 "f" "3" ; length 3 last 3-1 first 1-1 deleted 0-0 added 3 ; group "empty" last 0-0 read -1 pending 0 ; group "g" last 3-1 read 3 pending 3 ; consumer "ann" seen 1796018550540 active 1796018550540 pending 1 ; 2-1 at 1796018550540 times 1 ; consumer "bob" seen 1796018550540 active 1796018550540 pending 2 ; 1-1 at 1700000000000 times 7 ; 3-1 at 1796018550540 times 1 ; consumer "idle" seen 1796018550540 active 1796018550540 pending 0 ; group "later" last 9-9 read -1 pending 0

name: stream whose ids go backwards in their second part
loads: 7.0
make: XADD k 5-10 f 1; XADD k 6-0 f 2; XADD k 18446744073709551615-18446744073709551615 f 3
hex: 1301100000000000000005000000000000000a3333000000140003010001010181660200010201000100010101040102010101dff602020104010201dffa02dff50203010401ff0381ffffffffffffffff81ffffffffffffffff050a000003000a00435c7ffce086ec5f
is: stream 5-10 "f" "1" 6-0 "f" "2" 18446744073709551615-18446744073709551615 "f" "3" ; length 3 last 18446744073709551615-18446744073709551615 first 5-10 deleted 0-0 added 3

name: string with lengths longer than need be
loads: 5.0
hex: 00800000000568656c6c6f09000016432e615ff7ab
is: string "hello"

name: string with a length of 64 bits
loads: 5.0
hex: 0081000000000000000568656c6c6f090082b7ac1aac06cd49
is: string "hello"

name: list item by item
loads: 2.8
hex: 01030161c007c334321f6162636465666768696a6162636465666768696a6162636465666768696a616211636465666768696a6162636465666768696a0600a7e1d9f2466edf79
is: list "a" "7" "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij"

name: set member by member
loads: 2.8
hex: 02030161c1ff7f01620600522bd81fbe34565e
is: set "32767" "a" "b"

name: sorted set with scores as text
loads: 2.8
hex: 0305016103312e35016201320163fe0164ff016517312e3030303030303030303030303030303030652b33300600874762376ec24cf5
is: zset "d" -inf "a" 1.5 "b" 2 "e" 1e+30 "c" inf

name: sorted set with scores as doubles
loads: 4.0
hex: 050201619a9999999999b93f016200000000000008c00800e0813fa860ac2084
is: zset "b" -3 "a" 0.1

name: hash field by field
loads: 2.8
hex: 040201660176c20000010000060036f55a7c8db78823
is: hash "65536" "" "f" "v"

name: hash as zipmap
loads: 2.8
hex: 094114030166010076046c6f6e67fefe00000000777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777701650000ff060009c87365c23f8ca0
is: hash "e" "" "f" "v" "long" "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"

name: hash as zipmap with free bytes, of unknown count
loads: 2.8
hex: 0912fe01660103763f3f3f01670103773f3f3fff060027c6d00a3c521161
is: hash "f" "v" "g" "w"

name: list as ziplist
loads: 2.8
hex: 0a41e8e8010000dc0100001400000161030002f102fd02fe0d03feff03fe7f03fe8003c0800004c0008004f000800005f000008005d00000800006d00000008006e000000080000000000ae000000000000000800a3f787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878414040797979797979797979797979797979797979797979797979797979797979797979797979797979797979797979797979797979797979797979797979797979794341047a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7afe07010000056166746572ff060068b483745c00a91f
is: list "a" "" "0" "12" "13" "-1" "127" "-128" "128" "-32768" "32768" "-8388608" "8388608" "-2147483648" "2147483648" "-9223372036854775808" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy" "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz" "after"

name: list as ziplist, compressed
loads: 2.8
hex: 0ac31615141500000010000000030000016103016203c02c01ff060010b855ff24b46012
is: list "a" "b" "300"

name: list as ziplist with long lengths
loads: 2.8
hex: 0a2121000000180000000300fe000000000161fe070000000162fe07000000c02c01ff0600a8fc2d237b4ddd9f
is: list "a" "b" "300"

name: set as intset
loads: 2.8
hex: 0b140400000003000000fbffffff03000000701101000600e35346c083b5bdc2
is: set "-5" "3" "70000"

name: sorted set as ziplist
loads: 2.8
hex: 0c262600000020000000080000016103f20201620303312e3505f802c0204e04017a0303696e66ff0600a946807e376d523e
is: zset "a" 1 "b" 1.5 "7" 20000 "z" inf

name: hash as ziplist
loads: 2.8
hex: 0d1f1f0000001c000000060000016603017603f80205736576656e0701650300ff06000edbe15995eabf72
is: hash "7" "seven" "e" "" "f" "v"

name: list as quicklist of ziplists
loads: 3.2
hex: 0e0311110000000d0000000200000161030162ff0b0b0000000a0000000000ffc3121110110000000e000000030000f202f302f4ff0700ef9b2b17dca4009c
is: list "a" "b" "1" "2" "3"

name: hash as listpack
loads: 7.0
hex: 101b1b0000000600816602817602070185736576656e068165028001ff0a008d2346e1a23b3fd8
is: hash "7" "seven" "e" "" "f" "v"

name: sorted set as listpack
loads: 7.0
hex: 1123230000000800816102dffd0281620283312e35040701f1204e03817a0283696e6604ff0a00f04380d9f157e83c
is: zset "a" -3 "b" 1.5 "7" 20000 "z" inf

name: list as quicklist with all kinds of nodes
loads: 7.0
hex: 12040105706c61696e020c0c00000002008161020501ff0207070000000000ff01c02a0a00472d25e60d9db0a1
is: list "plain" "a" "5" "42"

name: set as listpack
loads: 7.2
hex: 1410100000000300816102050182626203ff0b00eaf585a4db2dbd49
is: set "5" "a" "bb"

name: hash with fields that expire
loads: 7.4
hex: 180068e5cf8b01000003000161013101016201325389016301330c00a496521232b0e71a
is: hash "a" "1" "b" "2" @1700000000000 "c" "3" @1700000005000

name: hash as listpack with fields that expire
loads: 7.4
hex: 190068e5cf8b0100002e2e0000000900816202813202f40068e5cf8b010000098163020301f4887be5cf8b010000098161028131020001ff0c00526789c46636fc34
is: hash "a" "1" "b" "2" @1700000000000 "c" "3" @1700000005000

name: stream of version 1
loads: 5.0
hex: 0f0110000000000000000500000000000000014057570000001f00030101010201846e616d65058361676504000102010001000181610203010501030100010101817802817902050102010101dfff02816202040105010001020100010101856f74686572068163020601ff0309000201670600020000000000000005000000000000000100806e8774010000020000000000000006000000000000000001806e8774010000010203616e6e02806e8774010000010000000000000006000000000000000003626f6203806e8774010000010000000000000005000000000000000101680501000009007a249f584ef37996
is: stream 5-1 "name" "a" "age" "3" 6-0 "name" "b" "age" "4" 7-1 "other" "c" ; length 3 last 9-0 first 5-1 deleted 0-0 added 3 ; group "g" last 6-0 read -1 pending 2 ; consumer "ann" seen 1600000000002 active 1600000000002 pending 1 ; 6-0 at 1600000000001 times 1 ; consumer "bob" seen 1600000000003 active 1600000000003 pending 1 ; 5-1 at 1600000000000 times 2 ; group "h" last 5-1 read 1 pending 0

name: stream of version 2
loads: 7.0
hex: 130110000000000000000500000000000000014057570000001f00030101010201846e616d65058361676504000102010001000181610203010501030100010101817802817902050102010101dfff02816202040105010001020100010101856f74686572068163020601ff0309000501050204010167060081ffffffffffffffff020000000000000005000000000000000100806e8774010000020000000000000006000000000000000001806e8774010000010203616e6e02806e8774010000010000000000000006000000000000000003626f6203806e877401000001000000000000000500000000000000010a004247824178719f31
is: stream 5-1 "name" "a" "age" "3" 6-0 "name" "b" "age" "4" 7-1 "other" "c" ; length 3 last 9-0 first 5-1 deleted 5-2 added 4 ; group "g" last 6-0 read -1 pending 2 ; consumer "ann" seen 1600000000002 active 1600000000002 pending 1 ; 6-0 at 1600000000001 times 1 ; consumer "bob" seen 1600000000003 active 1600000000003 pending 1 ; 5-1 at 1600000000000 times 2

name: stream of version 3
loads: 7.2
hex: 150110000000000000000500000000000000014057570000001f00030101010201846e616d65058361676504000102010001000181610203010501030100010101817802817902050102010101dfff02816202040105010001020100010101856f74686572068163020601ff0309000501050204010167060002020000000000000005000000000000000100806e8774010000020000000000000006000000000000000001806e8774010000010203616e6e02806e877401000009806e8774010000010000000000000006000000000000000003626f6203806e8774010000ffffffffffffffff01000000000000000500000000000000010b003ce3c38ccfd3830a
is: stream 5-1 "name" "a" "age" "3" 6-0 "name" "b" "age" "4" 7-1 "other" "c" ; length 3 last 9-0 first 5-1 deleted 5-2 added 4 ; group "g" last 6-0 read 2 pending 2 ; consumer "ann" seen 1600000000002 active 1600000000009 pending 1 ; 6-0 at 1600000000001 times 1 ; consumer "bob" seen 1600000000003 active -1 pending 1 ; 5-1 at 1600000000000 times 2

name: ours, packed: list with an item of 5000 bytes
loads: 7.0
ours: packed
hex: 12810000000000000003020a0a0000000100816102ff01c33b53880071e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ff00e0ee00020a0a0000000100816202ff0a003365282e46ad8677
is: list "a" "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq" "b"

name: ours, packed: list of small items
loads: 7.0
ours: packed
hex: 120102c3406540dc1fdc00000014008161028162020101dfff027f01c08002cfff02d00002f100100313f1ff7f03f1008003f2ffff7f04f200008004f3ff200a0105f32037028005f4200b4000027f09f4200f40000880098330303704bf78e035000340e04079e036000142ff0a00df93820ada61cefa
is: list "a" "b" "1" "-1" "127" "128" "4095" "-4096" "4096" "32767" "-32768" "8388607" "-8388608" "2147483647" "-2147483648" "9223372036854775807" "-9223372036854775808" "007" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"

name: ours, table: set of strings
loads: 7.0
ours: table
hex: 020401610162c3054046007ae03c00c0110a005b884878456894f4
is: set "17" "a" "b" "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"

name: ours, packed: set of 64-bit integers
loads: 7.0
ours: packed
hex: 0bc31a20040800000003200301fdff80000005200b600003f2052a0120080a003ad66ed839079c34
is: set "-3" "5" "5000000000"

name: ours, table: set of 64-bit integers
loads: 7.0
ours: table
hex: 0203c0fdc0050a353030303030303030300a004ad109453d747f81
is: set "-3" "5" "5000000000"

name: ours, packed: sorted set, packed
loads: 7.0
ours: packed
hex: 114052520000001000836c6f7704842d696e6605856d696e757306dff9028574656e74680683302e3104836f6e6504010181780283312e35040301030183626967048531652b32300684686967680583696e6604ff0a00df8f7e04cacc8afe
is: zset "low" -inf "minus" -7 "tenth" 0.1 "one" 1 "x" 1.5 "3" 3 "big" 1e+20 "high" inf

name: ours, table: sorted set, packed
loads: 7.0
ours: table
hex: 0508036c6f77000000000000f0ff056d696e75730000000000001cc00574656e74689a9999999999b93f036f6e65000000000000f03f0178000000000000f83fc003000000000000084003626967408cb5781daf15440468696768000000000000f07f0a000afcee68babfe653
is: zset "low" -inf "minus" -7 "tenth" 0.1 "one" 1 "x" 1.5 "3" 3 "big" 1e+20 "high" inf

name: ours, packed: hash, packed
loads: 7.0
ours: packed
hex: 10c336404d1f4d0000000a00856669656c64068576616c756506816e020c0185656d7074790608800181760203019e78e01400061f83312e3504ff0a008ab289331e1e2a7f
is: hash "empty" "" "field" "value" "n" "12" "v" "3" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "1.5"

name: ours, table: hash, packed
loads: 7.0
ours: table
hex: 0405056669656c640576616c7565016ec00c05656d707479000176c003c3051e0078e0140003312e350a0028f1cceee6e66abb
is: hash "empty" "" "field" "value" "n" "12" "v" "3" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "1.5"

name: ours, packed: stream of several nodes
loads: 7.0
ours: packed
hex: 13810000000000000003100000000000000001000000000000000127270000000f0002010001010181660200010201000100010101040102010401dfff0202010401ff100000000000000005000000000000000127270000000f0002010001010181660200010201000100010301040102010101dfff0204010401ff10000000000000000700000000000000071c1c0000000a00010100010101816602000102010001000105010401ff0507070101000005000a007589b4b9e4b6d966
is: stream 1-1 "f" "1" 5-0 "f" "2" 5-1 "f" "3" 6-0 "f" "4" 7-7 "f" "5" ; length 5 last 7-7 first 1-1 deleted 0-0 added 5

name: ours, packed: stream with deleted entries
loads: 7.0
ours: packed
hex: 1381000000000000000110000000000000000200000000000000011c1c0000000a00010100010101816602000102010001000102010401ff0103010201030103000a00de1402cf0b8d75ae
is: stream 2-1 "f" "2" ; length 1 last 3-1 first 2-1 deleted 3-1 added 3

name: ours, packed: stream with groups
loads: 7.0
ours: packed
hex: 13810000000000000002100000000000000001000000000000000126260000000f0002010001010181660200010201000100010101040102010101000102010401ff10000000000000000300000000000000011c1c0000000a00010100010101816602000102010001000103010401ff03030101010000030305656d707479000081ffffffffffffffff0000016703010303000000000000000100000000000000010068e5cf8b01000007000000000000000200000000000000010c370c2ba201000001000000000000000300000000000000010c370c2ba2010000010303616e6e0c370c2ba2010000010000000000000002000000000000000103626f620c370c2ba20100000200000000000000010000000000000001000000000000000300000000000000010469646c650c370c2ba201000000056c61746572090981ffffffffffffffff00000a00db15cbed3a043319
is: stream 1-1 "f" "1" 2-1 "f" "2" 3-1 "f" "3" ; length 3 last 3-1 first 1-1 deleted 0-0 added 3 ; group "empty" last 0-0 read -1 pending 0 ; group "g" last 3-1 read 3 pending 3 ; consumer "ann" seen 1796018550540 active 1796018550540 pending 1 ; 2-1 at 1796018550540 times 1 ; consumer "bob" seen 1796018550540 active 1796018550540 pending 2 ; 1-1 at 1700000000000 times 7 ; 3-1 at 1796018550540 times 1 ; consumer "idle" seen 1796018550540 active 1796018550540 pending 0 ; group "later" last 9-9 read -1 pending 0

name: ours, packed: stream without entries
loads: 7.0
ours: packed
hex: 138100000000000000000000000000000000010167000081ffffffffffffffff00000a00a71e9232cb325734
is: stream ; length 0 last 0-0 first 0-0 deleted 0-0 added 0 ; group "g" last 0-0 read -1 pending 0
)rows";

}  // namespace cairn::testing
