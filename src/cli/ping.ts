/** `cairn ping`: does a server answer? Used by the health check of the container image. */
import net from 'node:net';
import { didYouMean } from '../config/closest.js';
import { parseFlags } from '../config/conf-syntax.js';

const timeoutMs = 3_000;
const replyBytesMax = 512;

const examples: ReadonlyMap<string, string> = new Map([
  ['host', '127.0.0.1'],
  ['port', '6379'],
  ['socket', '/run/cairn.sock'],
]);

/** Throws for whatever is not one of these options with one value that makes sense. */
export function pingTarget(argv: readonly string[]): net.TcpNetConnectOpts | net.IpcNetConnectOpts {
  const { positional, directives } = parseFlags(argv);
  const [stray] = positional;
  if (stray !== undefined) {
    throw new Error(`ping: unexpected argument '${stray}'; it takes --host H, --port N, --socket PATH`);
  }
  const given = new Map<string, string>();
  for (const { name, words } of directives) {
    const example = examples.get(name);
    if (example === undefined) {
      const hint = didYouMean(name, examples.keys()) || '; it takes --host H, --port N, --socket PATH';
      throw new Error(`ping: unknown option '--${name}'${hint}`);
    }
    const [value] = words;
    if (value === undefined || value === '' || words.length > 1) {
      throw new Error(`ping: option '--${name}' takes one value, as in --${name} ${example}`);
    }
    given.set(name, value);
  }
  const path = given.get('socket');
  if (path !== undefined) return { path };
  const port = given.get('port') ?? '6379';
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65535) {
    throw new Error(`ping: option '--port': '${port}' is not a port: a number from 1 to 65535, as in --port 6379`);
  }
  return { host: given.get('host') ?? '127.0.0.1', port: Number(port) };
}

/** The first line of the answer to PING. */
export function askPing(options: net.NetConnectOpts): Promise<string> {
  return new Promise((resolve, reject) => {
    let reply = '';
    const socket = net.connect(options, () => socket.write('PING\r\n'));
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer in ${timeoutMs} ms`)));
    socket.on('data', (chunk) => {
      reply = (reply + chunk.toString()).slice(0, replyBytesMax);
      if (!reply.includes('\n')) return;
      resolve(reply.split('\r\n')[0] ?? '');
      socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the connection was closed without an answer')));
  });
}

/** A server that wants a password first is alive, too. */
export async function ping(argv: readonly string[]): Promise<number> {
  const reply = await askPing(pingTarget(argv));
  process.stdout.write(`${reply.replace(/^[+-]/, '')}\n`);
  return /^(\+PONG|-NOAUTH)/.test(reply) ? 0 : 1;
}
