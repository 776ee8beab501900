/** What the control plane knows about the running process: identity, start time, and rates sampled from counters. */
import { randomBytes } from 'node:crypto';
import type { NativeServer } from './native.js';
import type { NativeCounters } from './native-stats.js';
import { type ResidentBytes, residentBytes } from './process-figures.js';

const sampleEveryMs = 250;
const samplesMax = 16;

interface Sample extends NativeCounters {
  at: number;
}

export class ServerState {
  readonly startedAt = Date.now();
  readonly runId = randomBytes(20).toString('hex');
  readonly replicationId = randomBytes(20).toString('hex');
  tcpPort = 0;
  private readonly samples: Sample[] = [];
  private timer: NodeJS.Timeout | undefined;

  /** To be made before the data are opened: what the process holds by then is its own. */
  constructor(readonly startupBytes = residentBytes().anonymous) {}

  /** Begins to sample the counters, also for `look`; the timer also keeps the process alive until stop(). */
  start(server: Pick<NativeServer, 'counters'>, look: (counters: NativeCounters) => void = () => undefined): void {
    const take = (): void => {
      const counters = server.counters();
      look(counters);
      this.samples.push({ ...counters, at: performance.now() });
      if (this.samples.length > samplesMax) this.samples.shift();
    };
    take();
    this.timer = setInterval(take, sampleEveryMs);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Drops the samples: after CONFIG RESETSTAT the counters begin again. */
  resetRates(): void {
    this.samples.length = 0;
  }

  /** Per second, over the last few seconds. */
  rate(name: keyof NativeCounters): number {
    const [first, last] = [this.samples[0], this.samples.at(-1)];
    if (first === undefined || last === undefined || last.at <= first.at) return 0;
    return Math.max(0, ((last[name] - first[name]) * 1000) / (last.at - first.at));
  }

  get uptimeSeconds(): number {
    return Math.floor((Date.now() - this.startedAt) / 1000);
  }

  resident(): ResidentBytes {
    return residentBytes();
  }
}
