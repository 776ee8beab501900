/** HTTP: GET /metrics for Prometheus, GET /health for supervisors. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { textOf } from '../bytes.js';
import type { Services } from '../commands/command.js';
import { firstReadOnlyReason } from '../commands/info-engine.js';
import { createRegistry, takeReading } from './metrics.js';

const headersTimeoutMs = 5_000;
/** Their descriptors are kept back from clients (kFilesOfControl in native/server/server.h). */
const connectionsMax = 16;

export interface MetricsServer {
  port: number;
  close(): Promise<void>;
}

/** 503 when a lane refuses writes: the server reads on, but somebody should look. */
export function health({ native, state }: Pick<Services, 'native' | 'state'>): { status: number; body: object } {
  const reason = firstReadOnlyReason(native.stats());
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

/** Rejects when the port is taken. */
export async function startMetrics(
  services: Pick<Services, 'native' | 'state' | 'config' | 'log'>,
  host: string,
  port: number,
): Promise<MetricsServer> {
  const registry = createRegistry(() => takeReading(services));
  const answer = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    const path = (request.url ?? '/').split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
    } else if (path === '/metrics') {
      const text = await registry.metrics();
      response.writeHead(200, { 'content-type': registry.contentType }).end(text);
    } else if (path === '/health') {
      const { status, body } = health(services);
      response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
    } else {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('try /metrics or /health\n');
    }
  };
  const server = http.createServer(
    { headersTimeout: headersTimeoutMs, requestTimeout: headersTimeoutMs },
    (request, response) => {
      answer(request, response).catch((error: unknown) => {
        services.log.error(`metrics request failed: ${(error as Error).message}`);
        response.writeHead(500).end();
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
