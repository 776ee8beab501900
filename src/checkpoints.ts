/**
 * Checkpoints that somebody asked for: SAVE, BGSAVE, CAIRN CHECKPOINT. The engine writes them by itself and does not call
 * back, so as long as somebody waits it is asked every few milliseconds how far it is.
 */
import { textOf } from './bytes.js';
import type { NativeServer } from './native.js';
import type { CheckpointStat } from './native-stats.js';

const pollEveryMs = 10;

type Native = Pick<NativeServer, 'sync' | 'requestCheckpoint' | 'checkpoint' | 'counters'>;

interface Waiter {
  number: number;
  resolve: (stat: CheckpointStat) => void;
  reject: (error: Error) => void;
}

export class Checkpoints {
  /** A BGSAVE is under way. */
  inBackground = false;
  /** The last thing that was asked for failed before the engine came to it. */
  private failedEarly = false;
  private waiters: Waiter[] = [];
  private timer: NodeJS.Timeout | undefined;
  /** Of those that are under way. */
  private readonly started = new Set<number>();
  /** Changes to keys that the newest checkpoint has for certain. */
  private savedChanges = 0;
  /** Those at the latest look at which none was being written. */
  private changesBefore = 0;
  private lastTimeSeen: number | undefined;

  constructor(
    private readonly native: Native,
    private readonly startedAt: number,
  ) {}

  /** Makes everything durable, then writes a checkpoint. Rejects with the reason. */
  async write(): Promise<CheckpointStat> {
    const began = performance.now();
    this.started.add(began);
    try {
      try {
        await this.native.sync();
        const { changes } = this.native.counters();
        const stat = await this.served(this.native.requestCheckpoint());
        this.failedEarly = false;
        if (stat.lastOk) {
          this.lastTimeSeen = stat.lastTimeMs;
          this.savedChanges = Math.max(this.savedChanges, changes);
          return stat;
        }
        throw new Error(stat.lastError === '' ? 'the checkpoint failed' : textOf(stat.lastError));
      } catch (error) {
        this.failedEarly = true;
        throw error;
      }
    } finally {
      this.started.delete(began);
    }
  }

  /** Waits until the engine has served the request. */
  private served(number: number): Promise<CheckpointStat> {
    const stat = this.native.checkpoint();
    if (stat.done >= number) return Promise.resolve(stat);
    return new Promise((resolve, reject) => {
      this.waiters.push({ number, resolve, reject });
      this.timer ??= setInterval(() => this.look(), pollEveryMs);
    });
  }

  private look(): void {
    const stat = this.native.checkpoint();
    const ready = this.waiters.filter(({ number }) => stat.done >= number);
    this.waiters = this.waiters.filter(({ number }) => stat.done < number);
    for (const { resolve } of ready) resolve(stat);
    if (this.waiters.length === 0) this.stopLooking();
  }

  private stopLooking(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /**
   * Changes since the newest good checkpoint began. The engine writes checkpoints by itself and does not say what it had
   * counted then, so it is asked now and then (ServerState) and what was counted before counts: rather a few too many.
   */
  changesSince(changes: number, stat: CheckpointStat): number {
    if (stat.lastTimeMs !== this.lastTimeSeen) {
      if (this.lastTimeSeen !== undefined) this.savedChanges = Math.max(this.savedChanges, this.changesBefore);
      this.lastTimeSeen = stat.lastTimeMs;
    }
    if (!stat.running) this.changesBefore = changes;
    return Math.max(0, changes - this.savedChanges);
  }

  /** The engine has been opened again from what is on disk. */
  reloaded(): void {
    this.savedChanges = this.changesBefore = this.native.counters().changes; // the count may have begun again, too
    this.lastTimeSeen = this.native.checkpoint().lastTimeMs;
  }

  /** Nobody waits any more: the engine is closed, and opened again or not. */
  giveUp(reason: string): void {
    const waiters = this.waiters.splice(0);
    this.stopLooking();
    for (const { reject } of waiters) reject(new Error(reason));
  }

  /** Unix time in seconds of the newest good checkpoint; while there is none, of the start. */
  lastTime(stat: CheckpointStat = this.native.checkpoint()): number {
    return Math.floor((stat.lastTimeMs === 0 ? this.startedAt : stat.lastTimeMs) / 1000);
  }

  lastOk(stat: CheckpointStat): boolean {
    return stat.lastOk && !this.failedEarly;
  }

  inProgress(stat: CheckpointStat): boolean {
    return stat.running || this.started.size > 0;
  }

  /** Seconds since the one that is under way was begun, or asked for; -1: none is. */
  runningSeconds(stat: CheckpointStat): number {
    if (stat.running) return Math.floor(stat.runningMs / 1000);
    const [first] = this.started;
    return first === undefined ? -1 : Math.floor((performance.now() - first) / 1000);
  }
}
