/** `cairn ping`: does a server answer? Used by the health check of the container image. */
import net from 'node:net';
import { parseFlags } from '../config/conf-syntax.js';

const timeoutMs = 3_000;
const replyBytesMax = 512;

function target(argv: readonly string[]): net.NetConnectOpts {
  const { positional, directives } = parseFlags(argv);
  const known = ['host', 'port', 'socket'];
  const stray = positional[0] ?? directives.find(({ name }) => !known.includes(name))?.name;
  if (stray !== undefined) throw new Error(`ping: unknown argument '${stray}'`);
  const value = (name: string): string | undefined => directives.find((flag) => flag.name === name)?.words[0];
  const path = value('socket');
  if (path !== undefined) return { path };
  return { host: value('host') ?? '127.0.0.1', port: Number(value('port') ?? 6379) };
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
  const reply = await askPing(target(argv));
  process.stdout.write(`${reply.replace(/^[+-]/, '')}\n`);
  return /^(\+PONG|-NOAUTH)/.test(reply) ? 0 : 1;
}
