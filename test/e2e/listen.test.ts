/** `bind` and `unixsocket`: names, wildcards and optional addresses as in Redis; what is wrong is found before a recovery. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { patience } from '../support/patience.js';
import { RawClient } from '../support/raw-client.js';
import { describeCairn, freePort, mainJs, makeTempDir, startServer, type TestServer } from '../support/server.js';

const deny = fileURLToPath(new URL('../support/deny.py', import.meta.url));
const scratch = makeTempDir('cairn-listen-');
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

const hasIpv6 = Object.values(os.networkInterfaces())
  .flat()
  .some((address) => address?.address === '::1');

function answers(server: TestServer, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(server.port, host, () => socket.write('PING\r\n'));
    socket.once('data', (chunk: Buffer) => {
      resolve(chunk.toString() === '+PONG\r\n');
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
  });
}

describe('bind', () => {
  test.each([
    ['the default', ['127.0.0.1', '-::1'], true],
    ['every interface', ['*', '-::*'], true],
    ['every interface, IPv6 first', ['::*', '*'], true],
    ['a name', ['localhost'], false],
    ['an optional address of no interface', ['127.0.0.1', '-192.0.2.1'], false],
    ['an optional IPv6 address of no interface', ['127.0.0.1', '-2001:db8::1'], false],
  ])('%s', async (_name, bind, ipv6) => {
    await using server = await startServer({ flags: { bind } });
    expect(await answers(server, '127.0.0.1')).toBe(true);
    if (hasIpv6) expect(await answers(server, '::1')).toBe(ipv6);
  });

  test.each([
    ['optional', ['*', '-::*']],
    ['not optional', ['127.0.0.1', '::1']],
  ])('a machine without IPv6: %s', async (_name, bind) => {
    await using server = await startServer({ flags: { bind }, wrapper: ['python3', deny, 'ipv6'] });
    expect(await answers(server, '127.0.0.1')).toBe(true);
    if (hasIpv6) expect(await answers(server, '::1')).toBe(false);
  });
});

/** A data directory would be made, or a recovery logged, if the start came that far. */
function refusedStart(flags: readonly string[]): { code: number | null; output: string; cameToData: boolean } {
  const dir = path.join(scratch, 'data');
  const args = [mainJs, 'serve', '--dir', dir, '--metrics-port', '0', ...flags];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    timeout: 20_000 * patience,
    killSignal: 'SIGKILL',
  });
  return { code: status, output: `${stdout.toString()}${stderr.toString()}`, cameToData: fs.existsSync(dir) };
}

describeCairn('what cannot be listened on is found before the data are touched', () => {
  const long = path.join(scratch, 'x'.repeat(120));
  const plain = path.join(scratch, 'plain-file');
  fs.writeFileSync(plain, 'mine');

  test.each([
    [['--bind', '192.0.2.1'], "bind '192.0.2.1': cannot listen on 192.0.2.1:"],
    [['--bind', 'no-such-host.invalid'], "bind: 'no-such-host.invalid' is not an address of this machine"],
    [['--bind', '1:2'], "bind: '1:2' is not an address of this machine"],
    [['--bind', '*', '127.0.0.1'], "bind: '127.0.0.1' and '*' mean the same address"],
    [['--bind', '-192.0.2.1'], 'bind: none of its addresses can be listened on'],
    [['--unixsocket', long], 'and the system takes at most 107'],
    [['--unixsocket', '/nonexistent/socket'], "unixsocket '/nonexistent/socket': no file can be made in /nonexistent"],
    [['--unixsocket', plain], 'is there already, and is not a socket'],
  ])('%j', async (flags, reason) => {
    const { code, output, cameToData } = refusedStart(['--port', String(await freePort()), ...flags]);
    expect(output).toContain(reason);
    expect(code).toBe(1);
    expect(cameToData).toBe(false);
    expect(fs.readFileSync(plain, 'utf8')).toBe('mine');
  });

  test('a port in use', async () => {
    await using server = await startServer();
    const { code, output, cameToData } = refusedStart(['--port', String(server.port)]);
    expect(output).toMatch(/cannot listen on 127\.0\.0\.1:\d+: Address already in use; another server has this port/);
    expect(code).toBe(1);
    expect(cameToData).toBe(false);
  });

  test('a Unix socket in use stays with the server that has it', async () => {
    await using server = await startServer({ unixSocket: true });
    const { code, output, cameToData } = refusedStart(['--port', '0', '--unixsocket', server.socketPath]);
    expect(output).toContain('another server listens there');
    expect(code).toBe(1);
    expect(cameToData).toBe(false);
    using client = await RawClient.connect({ path: server.socketPath });
    expect(await client.ask('PING')).toBe('+PONG');
  });
});
