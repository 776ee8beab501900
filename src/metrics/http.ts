/** HTTP: GET /metrics for Prometheus, GET /health for supervisors. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { textOf } from '../bytes.js';
import type { Services } from '../commands/command.js';
import { firstRefusal } from '../commands/info-engine.js';
import { createRegistry, takeReading } from './metrics.js';

const headersTimeoutMs = 5_000;
/** Their descriptors are kept back from clients (kFilesOfControl in native/server/server.h). */
const connectionsMax = 16;

export interface MetricsServer {
  port: number;
  close(): Promise<void>;
}

/** 503 when a stream of the engine refuses writes: the server reads on, but somebody should look. */
export function health({ native, state }: Pick<Services, 'native' | 'state'>): { status: number; body: object } {
  const reason = firstRefusal(native.stats());
  const healthy = reason === '';
  return {
    status: healthy ? 200 : 503,
    body: {
      status: healthy ? 'ok' : 'read-only',
      uptime_seconds: state.uptimeSeconds,
      ...(healthy ? {} : { reason: textOf(reason) }),
    },
  };
}

const compress = promisify(zlib.gzip);

/** Whether an Accept-Encoding allows gzip: named itself, or else as `*`, and not with a weight of zero. */
export function acceptsGzip(header: string | undefined): boolean {
  const weights = new Map<string, number>();
  for (const item of (header ?? '').toLowerCase().split(',')) {
    const [coding = '', ...parameters] = item.split(';').map((part) => part.trim());
    const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1';
    weights.set(coding === 'x-gzip' ? 'gzip' : coding, Number(weight));
  }
  return (weights.get('gzip') ?? weights.get('*') ?? 0) > 0;
}

interface Answer {
  status: number;
  type: string;
  text: string;
}

/** Compressed if the other side takes that, in a thread of the pool: the main thread has commands to answer. */
async function send(request: http.IncomingMessage, response: http.ServerResponse, answer: Answer): Promise<void> {
  const plain = Buffer.from(answer.text);
  const gzip = acceptsGzip(request.headers['accept-encoding']);
  const body = gzip ? await compress(plain) : plain;
  response.writeHead(answer.status, {
    'content-type': answer.type,
    'content-length': body.length,
    vary: 'Accept-Encoding',
    ...(gzip ? { 'content-encoding': 'gzip' } : {}),
  });
  response.end(body);
}

/** Rejects when the port is taken. */
export async function startMetrics(
  services: Pick<Services, 'native' | 'state' | 'config' | 'checkpoints' | 'log'>,
  host: string,
  port: number,
): Promise<MetricsServer> {
  const registry = createRegistry(() => takeReading(services));
  const answer = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    const path = (request.url ?? '/').split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
    } else if (path === '/metrics') {
      await send(request, response, { status: 200, type: registry.contentType, text: await registry.metrics() });
    } else if (path === '/health') {
      const { status, body } = health(services);
      await send(request, response, { status, type: 'application/json', text: `${JSON.stringify(body)}\n` });
    } else {
      await send(request, response, { status: 404, type: 'text/plain', text: 'try /metrics or /health\n' });
    }
  };
  const server = http.createServer(
    { headersTimeout: headersTimeoutMs, requestTimeout: headersTimeoutMs },
    (request, response) => {
      answer(request, response).catch((error: unknown) => {
        services.log.error(`metrics request failed: ${(error as Error).message}`);
        if (response.headersSent) response.destroy();
        else response.writeHead(500).end();
      });
    },
  );
  server.maxConnections = connectionsMax;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  server.unref();
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
