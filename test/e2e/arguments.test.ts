/**
 * What clients put into arguments: every byte, and the names that each JavaScript object has. Every control command gets
 * each of them in each place of a string, and answers, to the byte, what a real redis-server answers beside it.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { RawClient } from '../support/raw-client.js';
import { type Arg, OK, type Reply, show } from '../support/resp.js';
import {
  cairnOnly,
  describeCairn,
  mainJs,
  makeTempDir,
  redisVersion,
  startServer,
  useServer,
} from '../support/server.js';

const scratch = makeTempDir('cairn-arguments-');
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

const allBytes = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));
const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', 'isPrototypeOf', 'length'];
/** Bytes alone, in a word, and as UTF-8 that is whole and cut. */
const words: readonly string[] = [
  ...allBytes,
  ...allBytes.map((byte) => `a${byte}z`),
  '\xc3\xbc',
  '\xe2\x82\xac',
  '\xe2\x82',
  '',
  ...names,
  ...names.map((name) => name.toUpperCase()),
];

/** `$` is the place of the argument under test. */
const lines = [
  'ACL CAT $',
  'ACL GENPASS $',
  'ACL $',
  'AUTH $ $',
  'CLIENT $',
  'CLIENT KILL TYPE $',
  'CLIENT KILL USER $',
  'CLIENT KILL ADDR $',
  'CLIENT KILL LADDR $',
  'CLIENT KILL ID $',
  'CLIENT KILL SKIPME $',
  'CLIENT KILL $ 1',
  'CLIENT KILL $',
  'CLIENT LIST TYPE $',
  'CLIENT LIST ID $',
  'CLIENT LIST $',
  'CLIENT NO-EVICT $',
  'CLIENT PAUSE $ $',
  'CLIENT PAUSE 0 $',
  'CLIENT REPLY $',
  'CLIENT SETNAME $',
  'CLIENT GETNAME',
  'CLIENT TRACKING $',
  'CLIENT UNBLOCK $',
  'CLIENT UNBLOCK 1 $',
  'CLUSTER $',
  'COMMAND $',
  'COMMAND DOCS $',
  'COMMAND GETKEYS GET $',
  'COMMAND GETKEYS MSET $ 1 $ 2',
  'COMMAND GETKEYSANDFLAGS SET $ v',
  'COMMAND INFO $',
  'COMMAND LIST FILTERBY $ x',
  'COMMAND LIST FILTERBY ACLCAT $',
  'COMMAND LIST FILTERBY MODULE $',
  'CONFIG $',
  'CONFIG GET $',
  'CONFIG SET $ 1',
  'CONFIG SET maxclients $',
  'CONFIG SET appendfsync $',
  'CONFIG SET proto-max-bulk-len $',
  'CONFIG SET latency-tracking $',
  'CONFIG SET masteruser $',
  'CONFIG GET masteruser',
  'DEBUG ERROR $',
  'FUNCTION $',
  'FUNCTION FLUSH $',
  'INFO $',
  'LATENCY $',
  'LATENCY GRAPH $',
  'LATENCY HISTORY $',
  'LATENCY RESET $',
  'MEMORY $',
  'MEMORY USAGE $',
  'MODULE $',
  'OBJECT $ k',
  'OBJECT ENCODING $',
  'REPLICAOF no $',
  'REPLICAOF 127.0.0.1 $',
  'SCRIPT $',
  'SCRIPT EXISTS $',
  'SCRIPT FLUSH $',
  'SHUTDOWN $ $',
  'SLOWLOG $',
  'SLOWLOG GET $',
] as const;

/** A few letters ask for something else than a refusal. */
const leftOut: ReadonlyMap<string, RegExp> = new Map([
  // Wrong passwords make their address wait: the names alone.
  ['AUTH $ $', /^a?[^]z?$|[^A-Za-z_]/],
  ['ACL GENPASS $', /^\d/], // random
  ['CLIENT LIST TYPE $', /^normal$/],
  ['CONFIG SET maxclients $', /^\d$/], // could lock the test out
  ['CONFIG GET $', /\*|\?|\[/], // patterns are compared elsewhere: the options differ
  ['CONFIG SET proto-max-bulk-len $', /^[\0bkmg]?$/i], // Redis takes a unit alone for 0
  ['REPLICAOF no $', /^\d$/], // would do it
  ['REPLICAOF 127.0.0.1 $', /^\d$/],
  ['SLOWLOG GET $', /^\d$/],
]);

/** Where Redis itself has changed: its answer from `version` on, and why ours is another. */
const changed: ReadonlyMap<string, { version: number; words: RegExp; theirs: string; ours: string }> = new Map([
  [
    // It looks at a name only up to the first NUL by now; a line of CLIENT LIST is worth more (docs/differences.md).
    'CLIENT SETNAME $',
    {
      version: 7.2,
      words: /\0/,
      theirs: '+OK',
      ours: '-ERR Client names cannot contain spaces, newlines or special characters.',
    },
  ],
]);

function isChange(line: string, word: string, ours: string, theirs: string): boolean {
  const change = changed.get(line);
  if (change === undefined || redisVersion() < change.version || !change.words.test(word)) return false;
  return ours === change.ours && theirs === change.theirs;
}

function commandsOf(line: string): Arg[][] {
  const skip = leftOut.get(line);
  const used = words.filter((word) => skip?.test(word) !== true);
  return used.map((word) => line.split(' ').map((part) => (part === '$' ? Buffer.from(word, 'latin1') : part)));
}

describeCairn('every byte in every place', () => {
  const here = useServer({ flags: { 'enable-debug-command': 'yes' } });
  const there = useServer({ kind: 'redis', redis: { 'enable-debug-command': 'yes' } });

  test.each(lines.map((line) => [line]))('%s', async (line) => {
    const commands = commandsOf(line);
    const answers = async (client: RawClient): Promise<Reply[]> => {
      const replies: Reply[] = [];
      for (const command of commands) replies.push(await client.cmd(...command));
      return replies;
    };
    using mine = await here.current.connect();
    using other = await here.current.connect();
    using theirs = await there.current.connect();
    const [got, wanted] = [await answers(mine), await answers(theirs)];
    const differing = commands.flatMap((command, index) => {
      const [ours, its] = [show(got[index] as Reply), show(wanted[index] as Reply)];
      const word = command[line.split(' ').indexOf('$')]?.toString() ?? '';
      return ours === its || isChange(line, word, ours, its)
        ? []
        : [`${show(command.map(String))}: ${ours} instead of ${its}`];
    });
    expect(differing.slice(0, 5)).toEqual([]);
    expect(await other.ask('PING')).toBe('+PONG'); // nobody was closed
  });
});

const secret = allBytes.slice(1).join('');

test.each([
  ['bytes that are not UTF-8', '\xff\xfe'],
  ['UTF-8', '\xc3\xbc'],
  ['a NUL', 'a\0b'],
  ['every byte', secret],
])('a password of %s', async (_name, password) => {
  await using server = await startServer();
  using admin = await server.connect();
  expect(await admin.cmd('CONFIG', 'SET', 'requirepass', password)).toEqual(OK);
  expect(await admin.cmd('CONFIG', 'GET', 'requirepass')).toEqual(['requirepass', password]);
  using client = await server.connect();
  expect(show(await client.cmd('AUTH', password.slice(0, -1)))).toMatch(/^-WRONGPASS/);
  expect(show(await client.cmd('AUTH', Buffer.from(password, 'latin1').toString()))).toMatch(/^(-WRONGPASS|\+OK)/);
  expect(await client.cmd('AUTH', password)).toEqual(OK);
  const hash = createHash('sha256').update(Buffer.from(password, 'latin1')).digest('hex');
  expect(show(await client.cmd('ACL', 'LIST'))).toContain(`#${hash}`);
});

test('CONFIG REWRITE writes what is not printable as Redis does, and reads it back', async () => {
  const file = path.join(scratch, 'rewrite.conf');
  fs.writeFileSync(file, Buffer.from('# caf\xe9\nmasteruser "\\xe9\xe8\xa0x"\n', 'latin1'));
  await using server = await startServer({ configFile: file });
  {
    using client = await server.connect();
    expect(await client.cmd('CONFIG', 'GET', 'masteruser')).toEqual(['masteruser', '\xe9\xe8\xa0x']);
    expect(await client.cmd('CONFIG', 'SET', 'requirepass', secret)).toEqual(OK);
    expect(await client.cmd('CONFIG', 'SET', 'masteruser', '\xff\xfe')).toEqual(OK);
    expect(await client.cmd('CONFIG', 'REWRITE')).toEqual(OK);
  }
  const text = fs.readFileSync(file, 'latin1');
  expect(text).toContain('# caf\xe9\n');
  expect(text).toMatch(/^masteruser "\\xff\\xfe"$/m);
  expect(text).toMatch(/^requirepass "\\x01.*\\x06\\a\\b\\t\\n\\x0b\\x0c\\r.*\\x7f\\x80.*\\xff"$/m);
  await server.restart();
  using client = await server.connect();
  expect(await client.cmd('AUTH', secret)).toEqual(OK);
});

cairnOnly('flags, file names and directories are bytes, too', async () => {
  const dir = path.join(scratch, 'dir');
  fs.mkdirSync(dir);
  const odd = Buffer.concat([Buffer.from(`${dir}/`), Buffer.from([0xfe, 0xc3, 0xbc])]);
  fs.writeFileSync(Buffer.concat([odd, Buffer.from('.conf')]), 'timeout 77\n');
  // Only a shell can say such bytes to a program: Node gives arguments as UTF-8.
  const script = path.join(dir, 'start.sh');
  const flags = `"$O".conf "$@" --dir "$O" --requirepass "$(printf '\\377\\376')" --logfile "$O".log`;
  fs.writeFileSync(
    script,
    `O="${dir}/$(printf '\\376\\303\\274')"\nshift 3\nexec ${process.execPath} ${mainJs} serve ${flags}\n`,
  );
  await using server = await startServer({ wrapper: ['sh', script] });
  using client = await server.connect();
  expect(await client.cmd('AUTH', '\xff\xfe')).toEqual(OK);
  expect(await client.cmd('CONFIG', 'GET', 'timeout')).toEqual(['timeout', '77']);
  expect(await client.cmd('CONFIG', 'GET', 'logfile')).toEqual(['logfile', `${dir}/\xfe\xc3\xbc.log`]);
  expect(fs.existsSync(Buffer.concat([odd, Buffer.from('/MANIFEST')]))).toBe(true);
  expect(fs.readFileSync(Buffer.concat([odd, Buffer.from('.log')]), 'utf8')).toContain('ü.conf');
});
