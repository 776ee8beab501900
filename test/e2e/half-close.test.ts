/** A client that closes its sending half right after its commands still gets every reply. */
import net from 'node:net';
import { expect, test } from 'vitest';
import { useServer } from '../support/server.js';

const server = useServer();

function sendAndEnd(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = '';
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.end(text));
    socket.on('data', (chunk) => (received += chunk.toString('latin1')));
    socket.on('end', () => {
      resolve(received);
    });
    socket.on('error', reject);
  });
}

test('replies to what was sent before the end of input', async () => {
  for (let i = 0; i < 20; i++) {
    const reply = await sendAndEnd(server.current.port, `SET half ${i}\r\nGET half\r\nINCR half\r\n`);
    expect(reply).toBe(`+OK\r\n$${String(i).length}\r\n${i}\r\n:${i + 1}\r\n`);
  }
});

test('QUIT under CLIENT REPLY OFF closes the connection', async () => {
  expect(await sendAndEnd(server.current.port, 'CLIENT REPLY OFF\r\nSET half off\r\nQUIT\r\n')).toBe('');
  expect(await sendAndEnd(server.current.port, 'CLIENT REPLY SKIP\r\nGET half\r\nGET half\r\n')).toBe('$3\r\noff\r\n');
});
