/** Values of many megabytes through all commands that carry them, from memory, from disk, and beside small ones. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type RawClient } from '../support/raw-client.js';
import { type Arg, encode, OK, show } from '../support/resp.js';
import { useServer } from '../support/server.js';

const mb = 1 << 20;
const first = randomBytes(24 * mb);
const second = randomBytes(9 * mb + 12_345);
const bulk = (value: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`$${value.length}\r\n`), value, Buffer.from('\r\n')]);
const text = (value: string): Buffer => Buffer.from(value, 'latin1');

/** Sends the commands in one burst and compares all that comes back, byte by byte. */
async function expectBytes(client: RawClient, commands: Arg[][], ...parts: (Buffer | string)[]): Promise<void> {
  const expected = Buffer.concat(parts.map((part) => (typeof part === 'string' ? text(part) : part)));
  void client.send(Buffer.concat(commands.map((command) => encode(command))));
  const received = await client.readBytes(expected.length);
  expect(received.equals(expected), commands.map((command) => command.slice(0, 2).join(' ')).join(', ')).toBe(true);
}

describe.each(['512mb', '1mb'])('with a cache of %s', (cache) => {
  const server = useServer({ cairn: { 'cache-size': cache, 'enable-debug-command': 'yes' } });

  test('written, read, replaced, shown in parts', async () => {
    using client = await server.current.connect();
    await expectBytes(client, [['SET', 'a', first]], '+OK\r\n');
    await expectBytes(client, [['GET', 'a']], bulk(first));
    await expectBytes(client, [['SET', 'a', second, 'EX', '1000', 'GET']], bulk(first));
    await expectBytes(client, [['GETRANGE', 'a', '1000', '-1']], bulk(second.subarray(1000)));
    await expectBytes(client, [['MSET', 'x', first, 'y', 'small', 'z', second]], '+OK\r\n');
    const all = ['*4\r\n', bulk(first), '$-1\r\n', bulk(text('small')), bulk(second)];
    await expectBytes(client, [['MGET', 'x', 'none', 'y', 'z']], ...all);
    await expectBytes(client, [['APPEND', 'z', 'tail']], `:${second.length + 4}\r\n`);
    await expectBytes(client, [['GETDEL', 'z']], bulk(Buffer.concat([second, text('tail')])));
  });

  test('in one burst with small ones, and deleted before its reply is sent', async () => {
    const burst = [
      ['SET', 'p', first],
      ['GET', 'p'],
      ['SET', 'q', '1'],
      ['DEL', 'p'],
      ['GET', 'p'],
      ['GET', 'q'],
    ];
    using client = await server.current.connect();
    await expectBytes(client, burst, '+OK\r\n', bulk(first), '+OK\r\n:1\r\n$-1\r\n', bulk(text('1')));
  });

  test('queued and executed, with its own writes', async () => {
    const transaction = [['MULTI'], ['SET', 'm', first], ['GET', 'a'], ['INCR', 'n'], ['GET', 'm'], ['EXEC']];
    const queued = '+QUEUED\r\n'.repeat(4);
    const replies = ['*4\r\n+OK\r\n', bulk(second), ':1\r\n', bulk(first)];
    using client = await server.current.connect();
    await expectBytes(client, transaction, '+OK\r\n', queued, ...replies);
  });

  test('after the engine was closed and opened again', async () => {
    using client = await server.current.connect();
    expect(await client.run('DEBUG RELOAD')).toEqual(OK);
    await expectBytes(client, [['MGET', 'm', 'a', 'x']], '*3\r\n', bulk(first), bulk(second), bulk(first));
  });

  test('others go on, and who leaves in the middle takes nothing along', async () => {
    using client = await server.current.connect();
    const leaving = await server.current.connect();
    const frame = encode(['SET', 'a', first]);
    await leaving.send(frame.subarray(0, frame.length - 5));
    expect(await client.cmd('INCR', 'n')).toBe(2);
    void leaving.send(frame.subarray(frame.length - 5));
    leaving.close();
    const reading = await server.current.connect();
    await reading.send(encode(['GET', 'x']));
    expect(await client.cmd('INCR', 'n')).toBe(3);
    reading.close();
    await expectBytes(client, [['GET', 'x']], bulk(first));
    expect(await client.cmd('STRLEN', 'a')).toSatisfy((n) => [first.length, second.length].includes(Number(n)));
  });

  test('the longest turn is told, and zeroed with the statistics', async () => {
    using client = await server.current.connect();
    const longest = async (): Promise<number> => {
      const info = show(await client.cmd('INFO', 'engine'));
      return Number(/reactor_longest_turn_us:(\d+)/.exec(info)?.[1]);
    };
    expect(await longest()).toBeGreaterThan(0);
    await client.cmd('CONFIG', 'RESETSTAT');
    expect(await longest()).toBeLessThan(10_000_000);
  });
});
