/**
 * XREAD BLOCK and XREADGROUP BLOCK: who is served with what, and what ends a wait. The same tests pass on redis-server;
 * what became of a group's readers when the stream goes was told in other words before 7.2.
 */
import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { ErrorReply, MapReply, nil, nil3, nilArray, OK, QUEUED, type Reply } from '../support/resp.js';
import { Scene } from '../support/scene.js';
import { cairnOnly, eventually, has72, needs72, sleep, useServer } from '../support/server.js';
import { err, table } from '../support/table.js';

const server = useServer({ cairn: { 'io-threads': 2 } });

const entry = (id: string, ...fields: string[]): Reply => [id, fields];
const gone = (key: string, group: string): Reply =>
  err(`NOGROUP No such key '${key}' or consumer group '${group}' in XREADGROUP with GROUP option`);

table(server, 'what does not wait', [
  ['XADD s 1-0 a b', '1-0'],
  ['XREAD BLOCK 0 STREAMS s 0', [['s', [['1-0', ['a', 'b']]]]]],
  ['XREAD BLOCK 20 STREAMS s $', nilArray],
  ['XREAD BLOCK 20 STREAMS s none 1-0 0', nilArray],
  ['XREAD BLOCK 20 STREAMS none none $ $', nilArray],
  ['XREAD BLOCK -1 STREAMS s $', err('ERR timeout is negative')],
  ['XREAD BLOCK x STREAMS s $', err('ERR timeout is not an integer or out of range')],
  ['XREAD BLOCK 0.5 STREAMS s $', err('ERR timeout is not an integer or out of range')],
  ['XGROUP CREATE s g $', OK],
  ['XREADGROUP GROUP g me BLOCK 20 STREAMS s >', nilArray],
  ['XREADGROUP GROUP g me BLOCK 0 STREAMS s 0', [['s', []]]],
  ['XREADGROUP GROUP g me BLOCK 0 STREAMS none >', gone('none', 'g')],
  ['XREADGROUP GROUP h me BLOCK 0 STREAMS s >', gone('s', 'h')],
  ['MULTI', OK],
  ['XREAD BLOCK 0 STREAMS s $', QUEUED],
  ['XREADGROUP GROUP g me BLOCK 0 STREAMS s >', QUEUED],
  ['XADD s 2-0 a b', QUEUED],
  ['XREADGROUP GROUP g me BLOCK 0 STREAMS s >', QUEUED],
  ['EXEC', [nilArray, nilArray, '2-0', [['s', [['2-0', ['a', 'b']]]]]]],
  ['HELLO 3', { matches: () => true, label: 'a greeting' }],
  ['XREAD BLOCK 20 STREAMS s $', nil3],
  ['XREADGROUP GROUP g me BLOCK 20 STREAMS s >', nil3],
]);

needs72('a script does not wait', async () => {
  using scene = await Scene.start(server);
  await scene.admin.cmd('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM');
  for (const script of [
    "return redis.call('XREAD', 'BLOCK', 0, 'STREAMS', 's', '$')",
    "return redis.call('XREADGROUP', 'GROUP', 'g', 'me', 'BLOCK', 0, 'STREAMS', 's', '>')",
  ])
    expect(await scene.admin.cmd('EVAL', script, 1, 's')).toEqual(nil);
});

describe('XREAD BLOCK', () => {
  test('all who wait are served by one XADD', async () => {
    using scene = await Scene.start(server);
    await scene.admin.cmd('XADD', 's', '1-0', 'a', 'b');
    const last = await scene.wait('XREAD', 'BLOCK', 0, 'STREAMS', 's', '$');
    const behind = await scene.wait('XREAD', 'COUNT', 1, 'BLOCK', 0, 'STREAMS', 'none', 's', '0', '1-0');
    const later = await scene.wait('XREAD', 'BLOCK', 0, 'STREAMS', 's', '3-0');
    const twice = await scene.wait('XREAD', 'BLOCK', 0, 'STREAMS', 's', 's', '$', '2-0');
    expect(await scene.admin.cmd('XADD', 's', '2-0', 'c', 'd')).toBe('2-0');
    const expected = [['s', [entry('2-0', 'c', 'd')]]];
    expect(await last.reply).toEqual(expected);
    expect(await behind.reply).toEqual(expected);
    expect(await twice.reply).toEqual(expected);
    expect(await scene.blocked()).toBe(1);
    await scene.admin.cmd('XADD', 's', '3-0', 'c', 'd');
    expect(await scene.blocked()).toBe(1);
    await scene.admin.cmd('XADD', 's', '3-1', 'e', 'f');
    expect(await later.reply).toEqual([['s', [entry('3-1', 'e', 'f')]]]);
    expect(await scene.admin.cmd('XLEN', 's')).toBe(4);
  });

  test('"$" is the last id when it was asked for, of a stream and of none', async () => {
    using scene = await Scene.start(server);
    await scene.admin.cmd('XADD', 's', '5-5', 'a', 'b');
    const both = await scene.wait('XREAD', 'BLOCK', 0, 'STREAMS', 's', 't', '$', '$');
    const none = await scene.wait('XREAD', 'BLOCK', 0, 'STREAMS', 't', '$');
    const exec = await scene.admin.pipeline([
      ['MULTI'],
      ['XADD', 's', '6-0', 'a', '1'],
      ['XADD', 's', '6-1', 'a', '2'],
      ['EXEC'],
    ]);
    expect(exec.at(-1)).toEqual(['6-0', '6-1']);
    expect(await both.reply).toEqual([['s', [entry('6-0', 'a', '1'), entry('6-1', 'a', '2')]]]);
    await scene.admin.cmd('XADD', 't', '0-1', 'x', 'y');
    expect(await none.reply).toEqual([['t', [entry('0-1', 'x', 'y')]]]);
  });

  test('a deleted stream, another type, and a new stream with lesser ids', async () => {
    using scene = await Scene.start(server);
    await scene.admin.cmd('XADD', 's', '9-0', 'a', 'b');
    const waiting = await scene.wait('XREAD', 'BLOCK', 0, 'STREAMS', 's', '$');
    await scene.admin.cmd('DEL', 's');
    await scene.admin.cmd('SET', 's', 'x');
    await scene.admin.cmd('DEL', 's');
    await scene.admin.cmd('XADD', 's', '1-0', 'a', 'b');
    await scene.admin.cmd('XADD', 's', '9-0', 'a', 'b');
    await sleep(50);
    expect(waiting.got).toBeUndefined();
    await scene.admin.cmd('XADD', 's', '9-1', 'c', 'd');
    expect(await waiting.reply).toEqual([['s', [entry('9-1', 'c', 'd')]]]);
  });

  test('RENAME, COPY, SWAPDB, scripts, and an entry that is gone again', async () => {
    using scene = await Scene.start(server);
    const wait = (): Promise<{ reply: Promise<Reply>; got: Reply | undefined }> =>
      scene.wait('XREAD', 'BLOCK', 0, 'STREAMS', 'k', '0');
    const expected = [['k', [entry('1-1', 'a', 'b')]]];
    const { admin } = scene;
    const renamed = await wait();
    await admin.cmd('XADD', 'from', '1-1', 'a', 'b');
    await admin.cmd('RENAME', 'from', 'k');
    expect(await renamed.reply).toEqual(expected);
    await admin.cmd('RENAME', 'k', 'from');
    const copied = await wait();
    await admin.cmd('COPY', 'from', 'k');
    expect(await copied.reply).toEqual(expected);
    await admin.cmd('DEL', 'k');
    const swapped = await wait();
    await admin.pipeline([
      ['SELECT', 1],
      ['XADD', 'k', '1-1', 'a', 'b'],
      ['SELECT', 0],
    ]);
    expect(swapped.got).toBeUndefined();
    await admin.cmd('SWAPDB', 0, 1);
    expect(await swapped.reply).toEqual(expected);
    await admin.cmd('DEL', 'k');
    const scripted = await wait();
    if (has72) {
      await admin.pipeline([['MULTI'], ['XADD', 'k', '1-0', 'a', 'b'], ['XDEL', 'k', '1-0'], ['EXEC']]);
      expect(scripted.got).toBeUndefined();
    }
    await admin.cmd('EVAL', "return redis.call('XADD', KEYS[1], '1-1', 'a', 'b')", 1, 'k');
    expect(await scripted.reply).toEqual(expected);
  });

  test('RESP3 gets a map', async () => {
    using scene = await Scene.start(server);
    const client = await scene.connect();
    await client.cmd('HELLO', 3);
    const waiting = await scene.waitBy(client, 'XREAD', 'BLOCK', 0, 'STREAMS', 's', '$');
    await scene.admin.cmd('XADD', 's', '1-0', 'a', 'b');
    expect(await waiting.reply).toEqual(new MapReply([['s', [entry('1-0', 'a', 'b')]]]));
  });

  cairnOnly('more than one pass serves, and streams that are too long for one', async () => {
    const count = 600;
    const clients = Array.from({ length: count }, () => new Redis(server.current.port));
    using scene = await Scene.start(server);
    try {
      const replies = clients.map((client) => client.xread('BLOCK', 0, 'STREAMS', 'k', '0'));
      await scene.allBlocked(count);
      await scene.admin.cmd('XADD', 'k', '1-0', 'a', 'b');
      for (const reply of await Promise.all(replies)) expect(reply).toEqual([['k', [['1-0', ['a', 'b']]]]]);
      await scene.admin.cmd('DEL', 'k');
      const entries = 20_000;
      const long = clients.slice(0, 3).map((client) => client.xread('BLOCK', 0, 'STREAMS', 'k', '0'));
      await scene.allBlocked(3);
      await scene.admin.pipeline(Array.from({ length: entries }, (_, i) => ['XADD', 'long', `${i + 1}-0`, 'a', 'b']));
      await scene.admin.cmd('RENAME', 'long', 'k');
      for (const reply of await Promise.all(long)) {
        expect(reply?.[0]?.[1].length).toBe(entries);
        expect(reply?.[0]?.[1].at(-1)?.[0]).toBe(`${entries}-0`);
      }
    } finally {
      for (const client of clients) client.disconnect();
    }
  });
});

describe('XREADGROUP BLOCK', () => {
  test('each entry goes to one, in the order of arrival; another group has its own', async () => {
    using scene = await Scene.start(server);
    const { admin } = scene;
    await admin.cmd('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM');
    await admin.cmd('XGROUP', 'CREATE', 's', 'h', '$');
    const first = await scene.wait('XREADGROUP', 'GROUP', 'g', 'one', 'BLOCK', 0, 'COUNT', 1, 'STREAMS', 's', '>');
    const other = await scene.wait('XREADGROUP', 'GROUP', 'h', 'one', 'BLOCK', 0, 'STREAMS', 's', '>');
    const second = await scene.wait('XREADGROUP', 'GROUP', 'g', 'two', 'BLOCK', 0, 'NOACK', 'STREAMS', 's', '>');
    const third = await scene.wait('XREADGROUP', 'GROUP', 'g', 'three', 'BLOCK', 0, 'STREAMS', 's', '>');
    await admin.pipeline([['MULTI'], ['XADD', 's', '1-0', 'a', '1'], ['XADD', 's', '1-1', 'a', '2'], ['EXEC']]);
    expect(await first.reply).toEqual([['s', [entry('1-0', 'a', '1')]]]);
    expect(await second.reply).toEqual([['s', [entry('1-1', 'a', '2')]]]);
    expect(await other.reply).toEqual([['s', [entry('1-0', 'a', '1'), entry('1-1', 'a', '2')]]]);
    expect(third.got).toBeUndefined();
    expect(await admin.cmd('XPENDING', 's', 'g')).toEqual([1, '1-0', '1-0', [['one', '1']]]);
    await admin.cmd('XADD', 's', '2-0', 'a', '3');
    expect(await third.reply).toEqual([['s', [entry('2-0', 'a', '3')]]]);
    expect(await admin.cmd('XPENDING', 's', 'h')).toEqual([2, '1-0', '1-1', [['one', '2']]]);
  });

  test('who waits is a consumer of the group already', async () => {
    using scene = await Scene.start(server);
    await scene.admin.cmd('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM');
    const waiting = await scene.wait('XREADGROUP', 'GROUP', 'g', 'me', 'BLOCK', 0, 'STREAMS', 's', '>');
    if (has72) expect(await scene.admin.cmd('XGROUP', 'CREATECONSUMER', 's', 'g', 'me')).toBe(0);
    await scene.admin.cmd('XGROUP', 'DELCONSUMER', 's', 'g', 'me');
    expect(waiting.got).toBeUndefined();
    await scene.admin.cmd('XADD', 's', '1-0', 'a', 'b');
    expect(await waiting.reply).toEqual([['s', [entry('1-0', 'a', 'b')]]]);
    expect(await scene.admin.cmd('XPENDING', 's', 'g')).toEqual([1, '1-0', '1-0', [['me', '1']]]);
  });

  const two = async (scene: Scene): Promise<Awaited<ReturnType<Scene['wait']>>[]> => {
    await scene.admin.cmd('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM');
    await scene.admin.cmd('XGROUP', 'CREATE', 't', 'g', '$', 'MKSTREAM');
    return [
      await scene.wait('XREADGROUP', 'GROUP', 'g', 'one', 'BLOCK', 0, 'STREAMS', 's', '>'),
      await scene.wait('XREADGROUP', 'GROUP', 'g', 'two', 'BLOCK', 0, 'STREAMS', 't', 's', '>', '>'),
    ];
  };
  const wrong = new ErrorReply('WRONGTYPE Operation against a key holding the wrong kind of value');
  for (const [what, commands, expected, before72] of [
    ['XGROUP DESTROY', [['XGROUP', 'DESTROY', 's', 'g']], gone('s', 'g'), /^NOGROUP /],
    ['DEL', [['DEL', 's']], gone('s', 'g'), /^(UNBLOCKED|NOGROUP) /],
    ['UNLINK', [['UNLINK', 's']], gone('s', 'g'), /^(UNBLOCKED|NOGROUP) /],
    ['RENAME', [['RENAME', 's', 'else']], gone('s', 'g'), /^(UNBLOCKED|NOGROUP) /],
    ['MOVE', [['MOVE', 's', '1']], gone('s', 'g'), /^(UNBLOCKED|NOGROUP) /],
    ['SET', [['SET', 's', 'x']], wrong, /^(UNBLOCKED|WRONGTYPE) /],
    ['FLUSHDB', [['FLUSHDB']], undefined, /^(UNBLOCKED|NOGROUP) /],
    ['FLUSHALL', [['FLUSHALL']], undefined, /^(UNBLOCKED|NOGROUP) /],
    ['SWAPDB', [['SWAPDB', '0', '1']], undefined, /^(UNBLOCKED|NOGROUP) /],
    ['PEXPIRE', [['PEXPIRE', 's', '1']], gone('s', 'g'), /^(UNBLOCKED|NOGROUP) /],
    [
      'a stream without the group',
      [['MULTI'], ['DEL', 's'], ['XADD', 's', '1-0', 'a', 'b'], ['EXEC']],
      gone('s', 'g'),
      /^(UNBLOCKED|NOGROUP) /,
    ],
  ] as const) {
    test(`ends with an error by ${what}`, async () => {
      using scene = await Scene.start(server);
      await scene.admin.pipeline([['SELECT', 1], ['FLUSHDB'], ['SELECT', 0]]);
      const waiting = await two(scene);
      for (const command of commands) await scene.admin.cmd(...command);
      for (const { reply } of waiting) {
        const got = await reply;
        expect(got).toBeInstanceOf(ErrorReply);
        if (!has72) expect((got as ErrorReply).text).toMatch(before72);
        else if (expected !== undefined) expect(got).toEqual(expected);
        else expect((got as ErrorReply).text).toMatch(/^NOGROUP No such key '[st]' or consumer group 'g'/);
      }
      await scene.allBlocked(0);
    });
  }

  test('goes on waiting when its stream is put in place again with the group', async () => {
    using scene = await Scene.start(server);
    await scene.admin.cmd('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM');
    const waiting = await scene.wait('XREADGROUP', 'GROUP', 'g', 'one', 'BLOCK', 0, 'STREAMS', 's', '>');
    await scene.admin.pipeline([['MULTI'], ['RENAME', 's', 'aside'], ['RENAME', 'aside', 's'], ['EXEC']]);
    await sleep(30);
    expect(waiting.got).toBeUndefined();
    await scene.admin.cmd('XADD', 's', '1-0', 'a', 'b');
    expect(await waiting.reply).toEqual([['s', [entry('1-0', 'a', 'b')]]]);
  });

  test('workers share what producers add, each entry once', async () => {
    const workers = Array.from({ length: 8 }, () => new Redis(server.current.port));
    const producers = Array.from({ length: 3 }, () => new Redis(server.current.port));
    const each = 200;
    const total = producers.length * each;
    try {
      await producers[0]?.flushall();
      await producers[0]?.xgroup('CREATE', 'jobs', 'g', '0', 'MKSTREAM');
      const got: string[] = [];
      const work = workers.map(async (worker, w) => {
        while (got.length < total) {
          const reply = (await worker.xreadgroup(
            'GROUP',
            'g',
            `w${w}`,
            'COUNT',
            3,
            'BLOCK',
            200,
            'STREAMS',
            'jobs',
            '>',
          )) as [string, [string, string[]][]][] | null;
          for (const [id, fields] of reply?.[0]?.[1] ?? []) {
            got.push(fields[1] ?? '');
            await worker.xack('jobs', 'g', id);
          }
        }
      });
      await Promise.all(
        producers.map(async (producer, p) => {
          for (let i = 0; i < each; i++) await producer.xadd('jobs', '*', 'job', `${p}:${i}`);
        }),
      );
      await Promise.all(work);
      const wanted = producers.flatMap((_, p) => Array.from({ length: each }, (_, i) => `${p}:${i}`));
      expect(got.sort()).toEqual(wanted.sort());
      expect((await producers[0]?.xpending('jobs', 'g'))?.[0]).toBe(0);
    } finally {
      for (const client of [...workers, ...producers]) client.disconnect();
    }
  });
});

describe('a wait ends', () => {
  test('when its time is over', async () => {
    using scene = await Scene.start(server);
    await scene.admin.cmd('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM');
    for (const command of [
      ['XREAD', 'BLOCK', 300, 'STREAMS', 's', '$'],
      ['XREADGROUP', 'GROUP', 'g', 'me', 'BLOCK', 300, 'STREAMS', 's', '>'],
    ]) {
      const begun = performance.now();
      const waiting = await scene.wait(...command);
      expect(await waiting.reply).toEqual(nilArray);
      expect(performance.now() - begun).toBeGreaterThanOrEqual(290);
    }
    await scene.allBlocked(0);
    await scene.admin.cmd('XADD', 's', '1-0', 'a', 'b');
    expect(await scene.admin.cmd('XPENDING', 's', 'g')).toEqual([0, expect.anything(), expect.anything(), nilArray]);
  });

  test('by CLIENT UNBLOCK', async () => {
    using scene = await Scene.start(server);
    await scene.admin.cmd('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM');
    for (const [mode, expected] of [
      ['TIMEOUT', nilArray],
      ['ERROR', new ErrorReply('UNBLOCKED client unblocked via CLIENT UNBLOCK')],
    ] as const) {
      for (const command of [
        ['XREAD', 'BLOCK', 0, 'STREAMS', 's', '$'],
        ['XREADGROUP', 'GROUP', 'g', 'me', 'BLOCK', 0, 'STREAMS', 's', '>'],
      ]) {
        const client = await scene.connect();
        const id = (await client.cmd('CLIENT', 'ID')) as number;
        const waiting = await scene.waitBy(client, ...command);
        expect(await scene.admin.cmd('CLIENT', 'UNBLOCK', id, mode)).toBe(1);
        expect(await waiting.reply).toEqual(expected);
      }
    }
  });

  test('when the client goes, which is delivered nothing', async () => {
    using scene = await Scene.start(server);
    await scene.admin.cmd('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM');
    const first = await scene.wait('XREADGROUP', 'GROUP', 'g', 'one', 'BLOCK', 0, 'STREAMS', 's', '>');
    const second = await scene.wait('XREADGROUP', 'GROUP', 'g', 'two', 'BLOCK', 0, 'STREAMS', 's', '>');
    first.client[Symbol.dispose]();
    await scene.allBlocked(1);
    await scene.admin.cmd('XADD', 's', '1-0', 'a', 'b');
    expect(await second.reply).toEqual([['s', [entry('1-0', 'a', 'b')]]]);
    await eventually('one has it', async () => {
      const pending = (await scene.admin.cmd('XPENDING', 's', 'g')) as Reply[];
      return JSON.stringify(pending[3]) === '[["two","1"]]';
    });
  });
});
