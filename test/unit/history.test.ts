/** The checkers of histories, on histories made by hand: each anomaly once, and its legal neighbour. */
import { describe, expect, test } from 'vitest';
import { type Event, type Json, type Operation, operations } from '../history/events.js';
import { checkLinearizable } from '../history/linearizable.js';
import { checkListAppend } from '../history/list-append.js';
import { counter, register } from '../history/models.js';
import { checkTtl } from '../history/ttl.js';

type Type = Event['type'];
/** Process, type, f, value; `at` is the time in milliseconds, 1 per event unless given. */
type Line = readonly [process: number, type: Type, f: string, value: Json, at?: number];

function history(...lines: readonly Line[]): Operation[] {
  return operations(
    lines.map(([process, type, f, value, at], index): Event => ({
      type,
      f,
      value,
      process,
      time: (at ?? index) * 1e6,
      index,
    })),
  );
}

describe('events', () => {
  test('are paired; what has no end is unknown', () => {
    const [first, second, third] = history(
      [0, 'invoke', 'read', null],
      [1, 'invoke', 'write', 1],
      [0, 'ok', 'read', 5],
      [1, 'info', 'write', 1],
      [0, 'invoke', 'write', 2],
    );
    expect(first).toMatchObject({ type: 'ok', asked: null, got: 5, invoked: 0, completed: 2 });
    expect(second).toMatchObject({ type: 'info', got: 1, invoked: 1, completed: Infinity });
    expect(third).toMatchObject({ type: 'info', invoked: 4, completed: Infinity });
  });

  test('a process does one thing at a time', () => {
    expect(() => history([0, 'invoke', 'read', null], [0, 'invoke', 'read', null])).toThrow(/process 0 is busy/);
    expect(() => history([0, 'ok', 'read', null])).toThrow(/process 0 has asked nothing/);
  });
});

const good: Record<string, readonly Line[]> = {
  'nothing at all': [],
  'a write and a read': [[0, 'invoke', 'write', 1], [0, 'ok', 'write', 1], [0, 'invoke', 'read', null], [0, 'ok', 'read', 1]],
  'a read beside a write sees the old value': [
    [0, 'invoke', 'write', 1], [1, 'invoke', 'read', null], [1, 'ok', 'read', null], [0, 'ok', 'write', 1],
  ],
  'a write of unknown outcome happens late': [
    [0, 'invoke', 'write', 1], [0, 'info', 'write', 1],
    [1, 'invoke', 'read', null], [1, 'ok', 'read', null],
    [1, 'invoke', 'read', null], [1, 'ok', 'read', 1],
  ],
  'a write of unknown outcome never happens': [
    [0, 'invoke', 'write', 1], [0, 'info', 'write', 1], [1, 'invoke', 'read', null], [1, 'ok', 'read', null],
  ],
  'a failed write is not seen': [
    [0, 'invoke', 'write', 1], [0, 'fail', 'write', 1], [1, 'invoke', 'read', null], [1, 'ok', 'read', null],
  ],
  'a cas from the value that is there': [
    [0, 'invoke', 'write', 1], [0, 'ok', 'write', 1],
    [0, 'invoke', 'cas', [1, 2]], [1, 'invoke', 'cas', [2, 3]], [1, 'ok', 'cas', [2, 3]], [0, 'ok', 'cas', [1, 2]],
    [0, 'invoke', 'read', null], [0, 'ok', 'read', 3],
  ],
}; // prettier-ignore

const bad: Record<string, readonly Line[]> = {
  'a lost write': [[0, 'invoke', 'write', 1], [0, 'ok', 'write', 1], [1, 'invoke', 'read', null], [1, 'ok', 'read', null]],
  'a stale read': [
    [0, 'invoke', 'write', 1], [0, 'ok', 'write', 1], [0, 'invoke', 'write', 2], [0, 'ok', 'write', 2],
    [1, 'invoke', 'read', null], [1, 'ok', 'read', 1],
  ],
  'a value that nobody wrote': [[0, 'invoke', 'read', null], [0, 'ok', 'read', 7]],
  'a failed write is seen': [
    [0, 'invoke', 'write', 1], [0, 'fail', 'write', 1], [1, 'invoke', 'read', null], [1, 'ok', 'read', 1],
  ],
  'an unknown write is seen and taken back': [
    [0, 'invoke', 'write', 1], [0, 'info', 'write', 1],
    [1, 'invoke', 'read', null], [1, 'ok', 'read', 1], [1, 'invoke', 'read', null], [1, 'ok', 'read', null],
  ],
  'two swaps of the same value': [
    [0, 'invoke', 'write', 1], [0, 'ok', 'write', 1],
    [0, 'invoke', 'cas', [1, 2]], [1, 'invoke', 'cas', [1, 3]], [0, 'ok', 'cas', [1, 2]], [1, 'ok', 'cas', [1, 3]],
  ],
}; // prettier-ignore

describe('a register', () => {
  test.each(Object.entries(good))('%s', (_name, lines) => {
    expect(checkLinearizable('k', register, history(...lines))).toEqual({ valid: true, reports: [] });
  });

  test.each(Object.entries(bad))('%s is noticed', (_name, lines) => {
    const { valid, reports } = checkLinearizable('k', register, history(...lines));
    expect(valid).toBe(false);
    expect(reports.join()).toMatch(/k is not linearizable/);
  });

  test('the explanation names the operation that fits nowhere', () => {
    const { reports } = checkLinearizable('k', register, history(...(bad['a stale read'] ?? [])));
    expect(reports.join()).toMatch(/fits nowhere:\n {4}\[4\.\.5\] process 1: read null -> 1/);
  });

  test('what takes too long is unknown, not wrong', () => {
    const count = 20;
    const lines = [
      ...Array.from({ length: count }, (_, i): Line => [i, 'invoke', 'write', i]),
      ...Array.from({ length: count }, (_, i): Line => [i, 'ok', 'write', i]),
      [count, 'invoke', 'read', null] as Line,
      [count, 'ok', 'read', -1] as Line,
    ];
    const { valid, reports } = checkLinearizable('k', register, history(...lines), {
      milliseconds: 60_000,
      configurations: 500,
    });
    expect(valid).toBe('unknown');
    expect(reports.join()).toMatch(/k: 500 configurations were tried/);
  });
});

describe('a counter', () => {
  const add = (process: number, by: number, sum: number): Line[] => [
    [process, 'invoke', 'add', by],
    [process, 'ok', 'add', sum],
  ];

  test('sums', () => {
    expect(checkLinearizable('k', counter, history(...add(0, 1, 1), ...add(1, 2, 3))).valid).toBe(true);
  });

  test('a lost addition is noticed', () => {
    expect(checkLinearizable('k', counter, history(...add(0, 1, 1), ...add(1, 2, 2))).valid).toBe(false);
  });

  test('an addition of unknown outcome may count, once', () => {
    const crashed: Line[] = [
      [0, 'invoke', 'add', 5],
      [0, 'info', 'add', 5],
    ];
    expect(checkLinearizable('k', counter, history(...crashed, ...add(1, 1, 1))).valid).toBe(true);
    expect(checkLinearizable('k', counter, history(...crashed, ...add(1, 1, 6))).valid).toBe(true);
    expect(checkLinearizable('k', counter, history(...crashed, ...add(1, 1, 11))).valid).toBe(false);
  });
});

/** Transactions one after the other unless they share a group; `['append x 1', 'r y 1 2']`. */
type Transaction = readonly string[];

function steps(transaction: Transaction, known: boolean): Json {
  return transaction.map((text) => {
    const [f = '', key = '', ...values] = text.split(' ');
    if (f === 'append') return [f, key, Number(values[0])];
    return [f, key, known ? values.map(Number) : null];
  });
}

/** Each group is concurrent in itself. A name with `!` failed, one with `?` is unknown. */
function transactions(...groups: readonly (readonly Transaction[])[]): Operation[] {
  const lines: Line[] = [];
  let process = 0;
  for (const group of groups) {
    const ends: Line[] = [];
    for (const whole of group) {
      const type: Type = whole[0] === '!' ? 'fail' : whole[0] === '?' ? 'info' : 'ok';
      const transaction = type === 'ok' ? whole : whole.slice(1);
      lines.push([process, 'invoke', 'txn', steps(transaction, false)]);
      ends.push([process, type, 'txn', steps(transaction, type === 'ok')]);
      process++;
    }
    lines.push(...ends);
  }
  return history(...lines);
}

describe('list-append', () => {
  const fine: Record<string, readonly (readonly Transaction[])[]> = {
    'nothing at all': [],
    'one after the other': [[['append x 1']], [['r x 1', 'append x 2']], [['r x 1 2']]],
    'a transaction sees its own appends': [[['append x 1', 'r x 1', 'append x 2', 'r x 1 2']], [['r x 1 2']]],
    'beside each other, in either order': [
      [
        ['append x 1', 'r y'],
        ['append y 1', 'r x 1'],
      ],
      [['r x 1', 'r y 1']],
    ],
    'an unknown one that happened': [[['?', 'append x 1']], [['r x 1']]],
    'an unknown one that did not': [[['?', 'append x 1']], [['r x']], [['append x 2']], [['r x 2']]],
    'an unknown one that happens between two reads': [
      [['?', 'append x 1', 'append y 1']],
      [['r y']],
      [['r x 1']],
      [['r y 1']],
    ],
    'a failed one': [[['!', 'append x 1']], [['r x']]],
  };

  test.each(Object.entries(fine))('%s', (_name, groups) => {
    expect(checkListAppend(transactions(...groups))).toEqual({ valid: true, reports: [] });
  });

  const anomalies: readonly (readonly [string, readonly (readonly Transaction[])[]])[] = [
    ['duplicate', [[['append x 1']], [['r x 1 1']]]],
    ['garbage', [[['r x 9']]]],
    ['internal', [[['append x 1', 'r x']]]],
    ['incompatible-order', [[['append x 1'], ['append x 2'], ['r x 1 2'], ['r x 2']]]],
    ['G1a', [[['!', 'append x 1']], [['r x 1']]]],
    ['G1b', [[['append x 1', 'append x 2'], ['r x 1']], [['r x 1 2']]]],
    // Each appended before the other.
    ['G0', [[['append x 1', 'append y 1'], ['append x 2', 'append y 2'], ['r x 1 2'], ['r y 2 1']]]],
    // Each read what the other wrote.
    [
      'G1c',
      [
        [
          ['append x 1', 'r y 1'],
          ['append y 1', 'r x 1'],
        ],
      ],
    ],
    // A reader saw one half of a transaction: that is what a torn EXEC looks like.
    [
      'G-single',
      [
        [
          ['append x 1', 'append y 1'],
          ['r x 1', 'r y'],
        ],
        [['r x 1', 'r y 1']],
      ],
    ],
    // Write skew: neither saw the other.
    [
      'G2',
      [
        [
          ['r x', 'append y 1'],
          ['r y', 'append x 1'],
        ],
        [['r x 1', 'r y 1']],
      ],
    ],
    // Order in real time against the order of the versions.
    ['G0-realtime', [[['append x 2']], [['append x 1']], [['r x 1 2']]]],
    ['G1c-realtime', [[['r x 1']], [['append x 1']]]],
    // Half of a transaction whose outcome nobody knew: as one half happened, so must the other.
    ['G-single-realtime', [[['?', 'append x 1', 'append y 1']], [['r x 1']], [['r y']]]],
    ['G-single-realtime', [[['append x 1']], [['r x']]]],
  ];

  test.each(anomalies)('%s', (name, groups) => {
    const { valid, reports } = checkListAppend(transactions(...groups));
    expect(valid).toBe(false);
    expect(reports.join('\n')).toMatch(new RegExp(`^${name}: `, 'm'));
  });

  test('G2-realtime', () => {
    // The first reads x before the second appends to it; the third comes after the second, and does not see the first.
    const line = (process: number, type: Type, transaction: Transaction): Line => [
      process,
      type,
      'txn',
      steps(transaction, type === 'ok'),
    ];
    const found = checkListAppend(
      history(
        line(0, 'invoke', ['r x', 'append y 1']),
        line(1, 'invoke', ['append x 1']),
        line(1, 'ok', ['append x 1']),
        line(2, 'invoke', ['r y']),
        line(2, 'ok', ['r y']),
        line(0, 'ok', ['r x', 'append y 1']),
        line(3, 'invoke', ['r x', 'r y']),
        line(3, 'ok', ['r x 1', 'r y 1']),
      ),
    );
    expect(found.valid).toBe(false);
    expect(found.reports.join('\n')).toMatch(/^G2-realtime: /m);
  });

  test('a lost append is found by a read that comes later', () => {
    const { valid, reports } = checkListAppend(transactions([['append x 1']], [['append x 2']], [['r x 1']]));
    expect(valid).toBe(false);
    expect(reports.join('\n')).toMatch(/read without 2, which nobody ever saw/);
  });

  test('the explanation names both transactions and why one must come before the other', () => {
    const { reports } = checkListAppend(
      transactions(
        [
          ['append x 1', 'append y 1'],
          ['r x 1', 'r y'],
        ],
        [['r y 1']],
      ),
    );
    expect(reports.join('\n')).toMatch(/rw: y: read without 1, which comes next/);
    expect(reports.join('\n')).toMatch(/wr: x: 1 was read/);
  });
});

describe('keys that end', () => {
  const write = (asked: Json, from: number, to: number, type: Type = 'ok'): Line[] => [
    [0, 'invoke', 'write', asked, from],
    [0, type, 'write', asked, to],
  ];
  const read = (value: Json, from: number, to: number): Line[] => [
    [1, 'invoke', 'read', null, from],
    [1, 'ok', 'read', value, to],
  ];
  const relative: Json = { value: 7, ttlMs: 100 };
  const absolute: Json = { value: 7, endsAtMs: 150 };
  const verdict = (...lines: readonly Line[][]): readonly string[] => checkTtl('k', history(...lines.flat())).reports;

  test.each<[string, Line[][]]>([
    ['there before, gone after', [write(relative, 0, 10), read(7, 20, 95), read(null, 120, 130)]],
    [
      'either way between its earliest and its latest end',
      [write(relative, 0, 50), read(null, 101, 102), read(null, 140, 141)],
    ],
    ['a time of day', [write(absolute, 0, 10), read(7, 140, 145), read(null, 160, 170)]],
    ['never written', [write(relative, 0, 10, 'info'), read(null, 20, 30)]],
    ['written when nobody knew any more', [write(relative, 0, 10, 'info'), read(null, 20, 30), read(7, 500, 510)]],
    ['a read from before its end', [write(relative, 0, 10), read(7, 90, 200)]],
  ])('%s', (_name, lines) => {
    expect(verdict(...lines)).toEqual([]);
  });

  test.each<[string, Line[][], RegExp]>([
    ['lost', [write(relative, 0, 10), read(null, 20, 30)], /gone before its time/],
    ['seen, then lost', [write(relative, 0, 10, 'info'), read(7, 20, 30), read(null, 40, 50)], /gone before its time/],
    ['immortal', [write(relative, 0, 10), read(7, 200, 210)], /there after its time/],
    ['late for a time of day', [write(absolute, 0, 10), read(7, 155, 158)], /there after its time/],
    ['back again', [write(relative, 0, 90), read(null, 105, 110), read(7, 112, 115)], /had gone and came back/],
    ['another value', [write(relative, 0, 10), read(8, 20, 30)], /not written/],
    ['a refused write', [write(relative, 0, 10, 'fail'), read(7, 20, 30)], /not written/],
  ])('%s', (_name, lines, complaint) => {
    expect(verdict(...lines).join()).toMatch(complaint);
  });
});
