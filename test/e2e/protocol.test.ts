/** RESP2, RESP3 and inline requests, however the bytes arrive; protocol errors; pipelines of any depth. */
import { describe, expect, test } from 'vitest';
import RedisParser from 'redis-parser';
import Resp from 'respjs';
import { patience } from '../support/patience.js';
import { type RawClient } from '../support/raw-client.js';
import { Random } from '../support/random.js';
import { type Arg, encode, show } from '../support/resp.js';
import { sleep, useServer } from '../support/server.js';

const server = useServer();

interface Vector {
  readonly name: string;
  readonly request: string;
  readonly reply: string;
  /** State that the request needs: sent before, reply ignored. */
  readonly before?: string;
}

/** None of these depends on the ones before it, so that they can be repeated and joined. */
const vectors: readonly Vector[] = [
  { name: 'simple string', request: '*1\r\n$4\r\nPING\r\n', reply: '+PONG\r\n' },
  { name: 'bulk string', request: '*2\r\n$4\r\nECHO\r\n$5\r\nhello\r\n', reply: '$5\r\nhello\r\n' },
  { name: 'empty bulk string', request: '*2\r\n$4\r\nECHO\r\n$0\r\n\r\n', reply: '$0\r\n\r\n' },
  {
    name: 'CRLF inside a bulk string',
    request: '*2\r\n$4\r\nECHO\r\n$6\r\na\r\nb\r\n\r\n',
    reply: '$6\r\na\r\nb\r\n\r\n',
  },
  {
    name: 'all kinds of bytes',
    request: '*2\r\n$4\r\nECHO\r\n$5\r\n\x00\xff$*\n\r\n',
    reply: '$5\r\n\x00\xff$*\n\r\n',
  },
  { name: 'null', request: '*2\r\n$3\r\nGET\r\n$6\r\nnosuch\r\n', reply: '$-1\r\n' },
  { name: 'integer', request: '*3\r\n$6\r\nEXISTS\r\n$6\r\nnosuch\r\n$1\r\nx\r\n', reply: ':0\r\n' },
  { name: 'negative integer', request: '*2\r\n$3\r\nTTL\r\n$6\r\nnosuch\r\n', reply: ':-2\r\n' },
  { name: 'array', request: '*3\r\n$4\r\nMGET\r\n$6\r\nnosuch\r\n$6\r\nnosuch\r\n', reply: '*2\r\n$-1\r\n$-1\r\n' },
  { name: 'empty array', request: '*2\r\n$4\r\nKEYS\r\n$7\r\nnosuch*\r\n', reply: '*0\r\n' },
  { name: 'write', request: '*3\r\n$3\r\nSET\r\n$6\r\nvector\r\n$5\r\nvalue\r\n', reply: '+OK\r\n' },
  { name: 'error', request: '*1\r\n$3\r\nGET\r\n', reply: "-ERR wrong number of arguments for 'get' command\r\n" },
  {
    name: 'unknown command',
    request: '*1\r\n$5\r\nBOGUS\r\n',
    reply: "-ERR unknown command 'BOGUS', with args beginning with: \r\n",
  },
  { name: 'lower case', request: '*1\r\n$4\r\nping\r\n', reply: '+PONG\r\n' },
  { name: 'empty arrays are skipped', request: '*0\r\n*-1\r\n*1\r\n$4\r\nPING\r\n', reply: '+PONG\r\n' },
  { name: 'inline', request: 'PING\r\n', reply: '+PONG\r\n' },
  { name: 'inline, only a newline', request: 'PING\n', reply: '+PONG\r\n' },
  { name: 'inline with spaces', request: '  ECHO   hello  \r\n', reply: '$5\r\nhello\r\n' },
  { name: 'inline with quotes', request: 'ECHO "a \\"b\\" \\x41\\n"\r\n', reply: '$8\r\na "b" A\n\r\n' },
  { name: 'inline with single quotes', request: "ECHO 'it\\'s \\n'\r\n", reply: "$7\r\nit's \\n\r\n" },
  { name: 'inline with empty quotes', request: 'ECHO ""\r\n', reply: '$0\r\n\r\n' },
  { name: 'empty lines are skipped', request: '\r\n\n\r\nPING\r\n', reply: '+PONG\r\n' },
  {
    name: 'inline and RESP mixed',
    request: 'PING\r\n*1\r\n$4\r\nPING\r\nPING\r\n',
    reply: '+PONG\r\n+PONG\r\n+PONG\r\n',
  },
  {
    name: 'transaction',
    request: 'MULTI\r\nPING\r\nPING x\r\nEXEC\r\n',
    reply: '+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+PONG\r\n$1\r\nx\r\n',
  },
  {
    name: 'stopped transaction',
    request: 'WATCH vector\r\nSET vector 1\r\nMULTI\r\nEXEC\r\n',
    reply: '+OK\r\n+OK\r\n+OK\r\n*-1\r\n',
  },
  { name: 'nested array', request: 'MULTI\r\nMGET nosuch\r\nEXEC\r\n', reply: '+OK\r\n+QUEUED\r\n*1\r\n*1\r\n$-1\r\n' },
  { name: 'control command', request: '*3\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n$9\r\nappendfs?\r\n', reply: '*0\r\n' },
  {
    name: 'data, control, data',
    request: 'ECHO 1\r\nCONFIG GET databases\r\nECHO 2\r\n',
    reply: '$1\r\n1\r\n*2\r\n$9\r\ndatabases\r\n$2\r\n16\r\n$1\r\n2\r\n',
  },
];

const vectors3: readonly Vector[] = [
  { name: 'null', request: 'GET nosuch\r\n', reply: '_\r\n' },
  { name: 'nulls in an array', request: 'MGET nosuch nosuch\r\n', reply: '*2\r\n_\r\n_\r\n' },
  { name: 'map', request: 'CONFIG GET databases\r\n', reply: '%1\r\n$9\r\ndatabases\r\n$2\r\n16\r\n' },
  { name: 'empty map', request: 'CONFIG GET nosuch\r\n', reply: '%0\r\n' },
  {
    name: 'stopped transaction',
    request: 'WATCH vector\r\nSET vector 1\r\nMULTI\r\nEXEC\r\n',
    reply: '+OK\r\n+OK\r\n+OK\r\n_\r\n',
  },
  {
    name: 'map of LCS',
    request: 'SET vector ab\r\nLCS vector vector IDX\r\n',
    reply: '+OK\r\n%2\r\n$7\r\nmatches\r\n*1\r\n*2\r\n*2\r\n:0\r\n:1\r\n*2\r\n:0\r\n:1\r\n$3\r\nlen\r\n:2\r\n',
  },
  {
    name: 'attributes stay plain',
    request: 'TTL nosuch\r\nPING\r\nECHO x\r\nEXISTS nosuch\r\n',
    reply: ':-2\r\n+PONG\r\n$1\r\nx\r\n:0\r\n',
  },
];

async function expectBytes(client: RawClient, reply: string): Promise<void> {
  const expected = Buffer.from(reply, 'latin1');
  expect((await client.readBytes(expected.length)).toString('latin1')).toBe(reply);
  expect(client.pending).toBe(0);
}

async function sendByteByByte(client: RawClient, request: string): Promise<void> {
  for (const byte of Buffer.from(request, 'latin1')) {
    await client.send(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
}

describe.each([
  ['RESP2', vectors],
  ['RESP3', vectors3],
] as const)('%s', (protocol, list) => {
  const open = async (): Promise<RawClient> => {
    const client = await server.current.connect();
    if (protocol === 'RESP3') await client.run('HELLO 3');
    return client;
  };

  describe.each(list.map((vector) => [vector.name, vector] as const))('%s', (_name, { request, reply }) => {
    test('whole', async () => {
      using client = await open();
      void client.send(request);
      await expectBytes(client, reply);
    });

    test('byte by byte', async () => {
      using client = await open();
      await sendByteByByte(client, request);
      await expectBytes(client, reply);
    });

    test('a hundred in one write', async () => {
      using client = await open();
      void client.send(request.repeat(100));
      await expectBytes(client, reply.repeat(100));
    });
  });

  test('all vectors in one stream, in pieces of every size', async () => {
    using client = await open();
    const request = list.map((vector) => vector.request).join('');
    const reply = list.map((vector) => vector.reply).join('');
    for (const size of [2, 3, 5, 7, 16, 61, 256, request.length]) {
      for (let at = 0; at < request.length; at += size) {
        await client.send(request.slice(at, at + size));
        await new Promise(setImmediate);
      }
      await expectBytes(client, reply);
    }
  });

  test('all vectors in one stream, split in two at every byte', async () => {
    using client = await open();
    const request = list.map((vector) => vector.request).join('');
    const reply = list.map((vector) => vector.reply).join('');
    for (let at = 1; at < request.length; at++) {
      await client.send(request.slice(0, at));
      await sleep(0);
      await client.send(request.slice(at));
      await expectBytes(client, reply);
    }
  });
});

describe('protocol errors', () => {
  const errors: readonly (readonly [name: string, request: string, reply: string])[] = [
    ['bulk length is not a number', '*1\r\n$a\r\n', '-ERR Protocol error: invalid bulk length\r\n'],
    ['negative bulk length', '*1\r\n$-1\r\n', '-ERR Protocol error: invalid bulk length\r\n'],
    ['bulk length above proto-max-bulk-len', '*1\r\n$536870913\r\n', '-ERR Protocol error: invalid bulk length\r\n'],
    ['bulk length above 64 bits', '*1\r\n$99999999999999999999\r\n', '-ERR Protocol error: invalid bulk length\r\n'],
    ['bulk length with a space', '*1\r\n$ 4\r\nPING\r\n', '-ERR Protocol error: invalid bulk length\r\n'],
    ['empty bulk length', '*1\r\n$\r\n', '-ERR Protocol error: invalid bulk length\r\n'],
    ['array length is not a number', '*a\r\n', '-ERR Protocol error: invalid multibulk length\r\n'],
    ['array length above 31 bits', '*2147483648\r\n', '-ERR Protocol error: invalid multibulk length\r\n'],
    ['array length above 64 bits', '*99999999999999999999\r\n', '-ERR Protocol error: invalid multibulk length\r\n'],
    ['not a bulk string', '*1\r\nGET\r\n', "-ERR Protocol error: expected '$', got 'G'\r\n"],
    ['an integer instead of a bulk string', '*1\r\n:1\r\n', "-ERR Protocol error: expected '$', got ':'\r\n"],
    ['an array instead of a bulk string', '*1\r\n*1\r\n', "-ERR Protocol error: expected '$', got '*'\r\n"],
    ['second argument', '*2\r\n$3\r\nGET\r\nkey\r\n', "-ERR Protocol error: expected '$', got 'k'\r\n"],
    ['open double quote', 'SET k "abc\r\n', '-ERR Protocol error: unbalanced quotes in request\r\n'],
    ['open single quote', "SET k 'abc\r\n", '-ERR Protocol error: unbalanced quotes in request\r\n'],
    ['text behind a closing quote', 'SET k "abc"d\r\n', '-ERR Protocol error: unbalanced quotes in request\r\n'],
    ['endless inline request', 'x'.repeat(70_000), '-ERR Protocol error: too big inline request\r\n'],
    ['endless array length', `*${'1'.repeat(70_000)}`, '-ERR Protocol error: too big mbulk count string\r\n'],
    ['endless bulk length', `*1\r\n$${'1'.repeat(70_000)}`, '-ERR Protocol error: too big bulk count string\r\n'],
  ];

  test.each(errors)('%s', async (_name, request, reply) => {
    using client = await server.current.connect();
    await client.send(request);
    expect((await client.readToEnd()).toString('latin1')).toBe(reply);
  });

  test.each(errors.filter(([, request]) => request.length < 100))('%s, byte by byte', async (_name, request, reply) => {
    using client = await server.current.connect();
    client.socket.on('error', () => undefined);
    await sendByteByByte(client, request);
    expect((await client.readToEnd()).toString('latin1')).toBe(reply);
  });

  test('what came before is answered, what comes behind is not executed', async () => {
    using client = await server.current.connect();
    await client.run('DEL after');
    await client.send('SET before 1\r\nPING\r\n*1\r\n$x\r\nSET after 1\r\n');
    expect((await client.readToEnd()).toString()).toBe('+OK\r\n+PONG\r\n-ERR Protocol error: invalid bulk length\r\n');
    using other = await server.current.connect();
    expect(await other.run('GET before')).toBe('1');
    expect(await other.run('EXISTS after')).toBe(0);
  });

  test('an HTTP request is not taken for commands', async () => {
    for (const request of ['POST / HTTP/1.1\r\nHost: x\r\n\r\nSET http 1\r\n', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n']) {
      using client = await server.current.connect();
      client.socket.on('error', () => undefined);
      await client.send(request);
      await client.closed;
    }
    using other = await server.current.connect();
    expect(await other.run('EXISTS http')).toBe(0);
  });

  test('random bytes never stop the server', async () => {
    const random = new Random(1);
    const letters = ['*', '$', '\r\n', '1', '2', '-', 'PING', 'SET', 'k', '\x00', '\xff', ' ', '"', ':', '+'];
    for (let i = 0; i < 200; i++) {
      using client = await server.current.connect();
      client.socket.on('error', () => undefined);
      const bytes = random.chance(0.5)
        ? random.bytes(random.int(1, 2000))
        : Buffer.from(Array.from({ length: random.int(1, 200) }, () => random.pick(letters)).join(''), 'latin1');
      await client.send(bytes);
    }
    using other = await server.current.connect();
    expect(await other.ask('PING')).toBe('+PONG');
  });
});

describe('pipelines', () => {
  test('100,000 commands in one go, replies in order', async () => {
    using client = await server.current.connect();
    const commands: Arg[][] = [];
    for (let i = 0; i < 100_000; i++) commands.push(i % 3 === 0 ? ['SET', `deep:${i % 1000}`, i] : ['ECHO', i]);
    const replies = await client.pipeline(commands);
    replies.forEach((reply, i) => {
      if (i % 3 === 0 ? show(reply) !== '+OK' : reply !== String(i)) throw new Error(`reply ${i}: ${show(reply)}`);
    });
  });

  test('data and control commands keep their order', async () => {
    using client = await server.current.connect();
    const commands: Arg[][] = [];
    for (let i = 0; i < 2000; i++) {
      commands.push(
        ['SET', 'order', i],
        ['CLIENT', 'GETNAME'],
        ['GET', 'order'],
        ['CONFIG', 'GET', 'databases'],
        ['ECHO', i],
      );
    }
    const replies = await client.pipeline(commands);
    for (let i = 0; i < 2000; i++) {
      const five = replies.slice(5 * i, 5 * i + 5).map(show);
      expect(five).toEqual(['+OK', '$nil', `"${i}"`, '["databases", "16"]', `"${i}"`]);
    }
  });

  test('a client that sends a lot and reads late gets everything, others are served meanwhile', async () => {
    using setter = await server.current.connect();
    const value = Buffer.alloc(1 << 20, 'v');
    await setter.cmd('SET', 'big', value);
    using slow = await server.current.connect();
    slow.socket.pause();
    void slow.send(Buffer.concat(Array.from({ length: 100 }, () => encode(['GET', 'big']))));
    for (let i = 0; i < 200; i++) {
      const start = performance.now();
      expect(await setter.ask('PING')).toBe('+PONG');
      expect(performance.now() - start).toBeLessThan(1000 * patience);
    }
    await sleep(200);
    slow.socket.resume();
    for (let i = 0; i < 100; i++) {
      const { bytes } = await slow.frame();
      expect(bytes.length).toBe(value.length + '$1048576\r\n\r\n'.length);
    }
    expect(await slow.ask('PING')).toBe('+PONG');
  });

  test('a client that writes without end and never reads is stopped by back-pressure or cut off', async () => {
    using slow = await server.current.connect();
    slow.socket.on('error', () => undefined);
    slow.socket.pause();
    const block = Buffer.concat(Array.from({ length: 1000 }, () => encode(['ECHO', 'x'.repeat(1000)])));
    for (let i = 0; i < 50; i++) void slow.send(block);
    using other = await server.current.connect();
    for (let i = 0; i < 50; i++) expect(await other.ask('PING')).toBe('+PONG');
  });

  test('half of the connections go away in the middle of their pipelines', async () => {
    const clients = await Promise.all(Array.from({ length: 40 }, () => server.current.connect()));
    await Promise.all(
      clients.map(async (client, i) => {
        client.socket.on('error', () => undefined);
        const sent = client.send(
          Buffer.concat(Array.from({ length: 500 }, (_, n) => encode(['SET', `gone:${i}:${n}`, n]))),
        );
        if (i % 2 === 0) client.close();
        else {
          await sent;
          expect((await client.readMany(500)).map(show)).toEqual(Array.from({ length: 500 }, () => '+OK'));
        }
      }),
    );
    for (const client of clients) client.close();
  });

  test('the connection may be half-closed after the last command', async () => {
    using client = await server.current.connect();
    client.socket.end(Buffer.concat(Array.from({ length: 100 }, (_, i) => encode(['SET', 'half', i]))));
    await client.closed;
    using other = await server.current.connect();
    expect(Number(await other.run('GET half'))).toBeGreaterThanOrEqual(0);
  });
});

describe('replies read by other decoders', () => {
  const commands: readonly (readonly Arg[])[] = [
    ['SET', 'decoded', 'some value'],
    ['GET', 'decoded'],
    ['GET', 'nosuch'],
    ['MGET', 'decoded', 'nosuch'],
    ['STRLEN', 'decoded'],
    ['TTL', 'nosuch'],
    ['BOGUS'],
    ['GET'],
    ['KEYS', 'nosuch*'],
    ['MULTI'],
    ['GET', 'decoded'],
    ['MGET', 'decoded', 'nosuch'],
    ['BITFIELD', 'decoded', 'GET', 'u8', '0', 'OVERFLOW', 'FAIL', 'INCRBY', 'u1', '0', '2'],
    ['EXEC'],
    ['EXEC'],
    ['COMMAND', 'INFO', 'get', 'nosuch'],
    ['CONFIG', 'GET', 'databases'],
    ['SCAN', '0', 'MATCH', 'decoded', 'COUNT', '1000'],
    ['LCS', 'decoded', 'decoded', 'IDX', 'WITHMATCHLEN'],
    ['INFO', 'cluster'],
    ['COMMAND'],
  ];

  type Plain = string | number | null | readonly Plain[];
  const plain = (value: unknown): Plain => {
    if (value instanceof Error) return `error: ${value.message.replace(/^(ERR|EXECABORT) /, '')}`;
    if (Array.isArray(value)) return value.map(plain);
    return value as Plain;
  };

  async function allBytes(): Promise<Buffer> {
    using client = await server.current.connect();
    void client.send(Buffer.concat(commands.map((command) => encode(command))));
    const frames: Buffer[] = [];
    for (let i = 0; i < commands.length; i++) frames.push((await client.frame()).bytes);
    expect(client.pending).toBe(0);
    return Buffer.concat(frames);
  }

  function byRedisParser(chunks: readonly Buffer[]): Plain[] {
    const found: Plain[] = [];
    const parser = new RedisParser({
      returnReply: (reply: unknown) => found.push(plain(reply)),
      returnError: (error: Error) => found.push(plain(error)),
    });
    for (const chunk of chunks) parser.execute(chunk);
    return found;
  }

  function byRespjs(chunks: readonly Buffer[]): Plain[] {
    const found: Plain[] = [];
    const parser = new Resp();
    parser.on('data', (reply: unknown) => found.push(plain(reply)));
    parser.on('error', (error: Error) => {
      throw error;
    });
    for (const chunk of chunks) parser.write(chunk);
    return found;
  }

  test('redis-parser and respjs agree, whole and in pieces', async () => {
    const bytes = await allBytes();
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += 37) pieces.push(bytes.subarray(at, at + 37));
    const whole = byRedisParser([bytes]);
    expect(whole).toHaveLength(commands.length);
    expect(byRedisParser(pieces)).toEqual(whole);
    expect(byRespjs([bytes])).toEqual(whole);
    expect(whole.slice(0, 9)).toEqual([
      'OK',
      'some value',
      null,
      ['some value', null],
      10,
      -2,
      "error: unknown command 'BOGUS', with args beginning with: ",
      "error: wrong number of arguments for 'get' command",
      [],
    ]);
  });
});
