/** Commands that wait for sorted sets; the same tests pass on redis-server. */
import { describe, expect, test } from 'vitest';
import { Double, ErrorReply, nil3, nilArray, OK, QUEUED } from '../support/resp.js';
import { Scene } from '../support/scene.js';
import { useServer } from '../support/server.js';
import { arity, err, syntaxError, table, wrongType } from '../support/table.js';

const server = useServer({ cairn: { 'io-threads': 2 } });

table(server, 'what does not wait', [
  ['ZADD z 1 a 2 b 3 c 4 d 5.5 e', 5],
  ['BZPOPMIN none z 0', ['z', 'a', '1']],
  ['BZPOPMAX z none 0', ['z', 'e', '5.5']],
  [
    'BZMPOP 0 2 none z MAX COUNT 2',
    [
      'z',
      [
        ['d', '4'],
        ['c', '3'],
      ],
    ],
  ],
  ['BZMPOP 0 1 z min', ['z', [['b', '2']]]],
  ['EXISTS z', 0],
  ['BZPOPMIN z 0.01', nilArray],
  ['BZPOPMAX z z 0.01', nilArray],
  ['BZMPOP 0.01 1 z MIN', nilArray],
  ['BZPOPMIN z -1', err('ERR timeout is negative')],
  ['BZPOPMIN z x', err('ERR timeout is not a float or out of range')],
  ['BZPOPMAX z 0 x', err('ERR timeout is not a float or out of range')],
  ['BZMPOP x 1 z MIN', err('ERR timeout is not a float or out of range')],
  ['BZMPOP x 0 z MIN', err('ERR numkeys should be greater than 0')],
  ['BZMPOP x 1 z UP', syntaxError],
  ['BZMPOP 0 2 z MIN', syntaxError],
  ['BZMPOP 0 1 z MIN COUNT 0', err('ERR count should be greater than 0')],
  ['BZMPOP -1 1 z MIN', err('ERR timeout is negative')],
  ['BZPOPMIN z', arity('bzpopmin')],
  ['BZMPOP 0 1 z', arity('bzmpop')],
  ['SET s x', OK],
  ['BZPOPMIN none s 0', wrongType],
  ['BZMPOP 0 1 s MIN', wrongType],
  ['ZADD z 1 a', 1],
  ['BZPOPMIN z s 0', ['z', 'a', '1']],
  ['MULTI', OK],
  ['BZPOPMIN z 0', QUEUED],
  ['BZMPOP 0 1 z MIN', QUEUED],
  ['ZADD z 7 q', QUEUED],
  ['BZPOPMAX z 0', QUEUED],
  ['EXEC', [nilArray, nilArray, 1, ['z', 'q', '7']]],
]);

table(server, 'RESP3', [
  ['HELLO 3', { matches: () => true, label: 'a greeting' }],
  ['ZADD z 1 a 2.5 b 3 c', 3],
  ['BZPOPMIN z 0', ['z', 'a', new Double('1')]],
  ['BZPOPMAX z 0', ['z', 'c', new Double('3')]],
  ['BZMPOP 0 1 z MIN COUNT 9', ['z', [['b', new Double('2.5')]]]],
  ['BZPOPMIN z 0.01', nil3],
  ['BZMPOP 0.01 1 z MIN', nil3],
]);

describe('who waits', () => {
  test('is served in the order of arrival', async () => {
    using scene = await Scene.start(server);
    const first = await scene.wait('BZPOPMIN', 'k', 0);
    const second = await scene.wait('BZPOPMAX', 'k', 0);
    const third = await scene.wait('BZMPOP', 0, 1, 'k', 'MIN', 'COUNT', 10);
    const fourth = await scene.wait('BZPOPMIN', 'other', 'k', 0);
    expect(await scene.admin.cmd('ZADD', 'k', 1, 'a')).toBe(1);
    expect(await first.reply).toEqual(['k', 'a', '1']);
    expect(await scene.admin.cmd('EXISTS', 'k')).toBe(0);
    expect(await scene.admin.cmd('ZADD', 'k', 1, 'a', 2, 'b', 3, 'c')).toBe(3);
    expect(await second.reply).toEqual(['k', 'c', '3']);
    expect(await third.reply).toEqual([
      'k',
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ]);
    expect(await scene.admin.cmd('EXISTS', 'k')).toBe(0);
    expect(fourth.got).toBeUndefined();
    expect(await scene.admin.cmd('ZADD', 'other', 1, 'x')).toBe(1);
    expect(await fourth.reply).toEqual(['other', 'x', '1']);
    await scene.allBlocked(0);
  });

  for (const [what, commands, got] of [
    ['ZINCRBY', [['ZINCRBY', 'k', '1.5', 'm']], ['k', 'm', '1.5']],
    ['ZADD INCR', [['ZADD', 'k', 'INCR', '2', 'm']], ['k', 'm', '2']],
    ['GEOADD', [['GEOADD', 'k', '0', '0', 'm']], ['k', 'm', '3377699720527872']],
    [
      'ZUNIONSTORE',
      [
        ['ZADD', 'a', '1', 'm', '2', 'n'],
        ['ZUNIONSTORE', 'k', '1', 'a', 'WEIGHTS', '3'],
      ],
      ['k', 'm', '3'],
    ],
    [
      'ZRANGESTORE',
      [
        ['ZADD', 'a', '1', 'm', '2', 'n'],
        ['ZRANGESTORE', 'k', 'a', '1', '1'],
      ],
      ['k', 'n', '2'],
    ],
    [
      'RENAME',
      [
        ['ZADD', 'a', '1', 'm', '2', 'n'],
        ['RENAME', 'a', 'k'],
      ],
      ['k', 'm', '1'],
    ],
    [
      'COPY',
      [
        ['ZADD', 'a', '1', 'm'],
        ['COPY', 'a', 'k'],
      ],
      ['k', 'm', '1'],
    ],
    [
      'SWAPDB',
      [
        ['SELECT', '1'],
        ['ZADD', 'k', '4', 'm'],
        ['SWAPDB', '0', '1'],
      ],
      ['k', 'm', '4'],
    ],
    ['EXEC', [['MULTI'], ['ZADD', 'k', '4', 'm'], ['ZADD', 'k', '1', 'n'], ['EXEC']], ['k', 'n', '1']],
    ['EVAL', [['EVAL', "return redis.call('ZADD', KEYS[1], 5, 'm')", '1', 'k']], ['k', 'm', '5']],
  ] as const) {
    test(`is served by ${what}`, async () => {
      using scene = await Scene.start(server);
      const waiting = await scene.wait('BZPOPMIN', 'none', 'k', 0);
      for (const command of commands) await scene.admin.cmd(...command);
      expect(await waiting.reply).toEqual(got);
    });
  }

  test('is not served by another type, nor does it take from one that waits for lists', async () => {
    using scene = await Scene.start(server);
    const list = await scene.wait('BLPOP', 'k', 0);
    const zset = await scene.wait('BZPOPMIN', 'k', 0);
    await scene.admin.cmd('ZADD', 'k', 1, 'a');
    expect(await zset.reply).toEqual(['k', 'a', '1']);
    expect(list.got).toBeUndefined();
    const again = await scene.wait('BZPOPMIN', 'k', 0);
    await scene.admin.cmd('RPUSH', 'k', 'x');
    expect(await list.reply).toEqual(['k', 'x']);
    expect(again.got).toBeUndefined();
    expect(await scene.blocked()).toBe(1);
  });
});

describe('a wait ends', () => {
  test('when its time is over', async () => {
    using scene = await Scene.start(server);
    const begun = performance.now();
    const waiting = await scene.wait('BZMPOP', '0.35', 1, 'k', 'MIN');
    expect(await waiting.reply).toEqual(nilArray);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(340);
    await scene.admin.cmd('ZADD', 'k', 1, 'a');
    expect(await scene.admin.cmd('ZCARD', 'k')).toBe(1);
  });

  test('by CLIENT UNBLOCK', async () => {
    using scene = await Scene.start(server);
    for (const [mode, expected] of [
      ['TIMEOUT', nilArray],
      ['ERROR', new ErrorReply('UNBLOCKED client unblocked via CLIENT UNBLOCK')],
    ] as const) {
      const client = await scene.connect();
      const id = (await client.cmd('CLIENT', 'ID')) as number;
      const waiting = await scene.waitBy(client, 'BZPOPMAX', 'k', 0);
      expect(await scene.admin.cmd('CLIENT', 'UNBLOCK', id, mode)).toBe(1);
      expect(await waiting.reply).toEqual(expected);
    }
  });

  test('when the client goes; the next one is served', async () => {
    using scene = await Scene.start(server);
    const first = await scene.wait('BZPOPMIN', 'k', 0);
    const second = await scene.wait('BZPOPMIN', 'k', 0);
    first.client[Symbol.dispose]();
    await scene.allBlocked(1);
    await scene.admin.cmd('ZADD', 'k', 1, 'a');
    expect(await second.reply).toEqual(['k', 'a', '1']);
  });
});
