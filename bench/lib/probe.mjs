// What the host does beside a long run. A tiny fio load: when the host's disk is slow, it is slow too. The hiccup meter
// (native/hiccup.cc): for how long the host stopped a processor. With them, the CPU time that the host took away (steal) and
// what other programs on the machine used.

import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { clearTimeout, setTimeout } from 'node:timers';
import { fileURLToPath } from 'node:url';

import { exited, spawnTracked } from './cleanup.mjs';
import { prepareFile } from './fio.mjs';
import { watchOthers } from './others.mjs';
import { ticksPerSecond } from './proc.mjs';
import { eachLine } from './servers.mjs';

const hiccupMeter = fileURLToPath(new URL('../../build/bench/hiccup', import.meta.url));
const fileBytes = 16 << 20;
/** Often enough for one to meet any 10 ms in which the disk stands still. */
export const probesPerSecond = 100;

/**
 * @typedef {object} ProbeSecond
 * @property {number} worstMicros of fio's writes
 * @property {number} stoppedMicros longest time for which a processor stood still
 * @property {number} stolenMillis of all processors
 * @property {number} otherMillis CPU time of the other program that used most
 * @property {string} otherName
 */

/**
 * 4 KiB data-synced O_DIRECT overwrites at a low, fixed rate, and the hiccup meter (built with the load generator).
 * @param {string} dir on the disk under test
 * @param {number} seconds at most
 */
export async function startProbe(dir, seconds) {
  mkdirSync(dir, { recursive: true });
  const file = join(dir, 'probe.dat');
  await prepareFile(file, fileBytes);
  const args = ['--name=probe', `--filename=${file}`, `--size=${fileBytes}`, '--rw=randwrite', '--bs=4k', '--direct=1'];
  args.push(
    '--ioengine=psync',
    '--sync=dsync',
    `--rate_iops=${probesPerSecond}`,
    '--time_based',
    `--runtime=${seconds}`,
  );
  args.push('--thread'); // else a job of its own outlives fio when that is killed
  args.push(`--write_lat_log=${join(dir, 'probe')}`, '--log_unix_epoch=1', '--norandommap', '--randrepeat=0');
  const child = spawnTracked('fio', args, { stdio: 'ignore', cwd: dir });
  const meter = spawnTracked(hiccupMeter, [], { stdio: ['ignore', 'pipe', 'ignore'] });
  /** @type {Map<number, number>} second since the epoch -> microseconds */
  const stopped = new Map();
  eachLine(meter.stdout, (line) => {
    const [second, micros] = line.split(' ').map(Number);
    if (second !== undefined && micros !== undefined) stopped.set(second, micros);
  });
  /** @type {Map<number, number>} second since the epoch -> milliseconds */
  const stolen = new Map();
  /** @type {Map<number, { millis: number, name: string }>} second since the epoch -> */
  const others = new Map();
  let before = stealTicks();
  const sampleOthers = watchOthers();
  sampleOthers();
  const stopTicking = onEverySecond((second) => {
    const now = stealTicks();
    stolen.set(second, ((now - before) * 1000) / ticksPerSecond);
    before = now;
    others.set(second, sampleOthers());
  });
  return {
    /** False: the system does not allow the priority that the hiccup meter needs. */
    hasMeter: () => stopped.size > 0,
    /** @returns {Promise<Map<number, ProbeSecond>>} by second since the epoch */
    stop: async () => {
      stopTicking();
      if (meter.exitCode === null) meter.kill('SIGTERM');
      await exited(meter);
      if (child.exitCode === null) child.kill('SIGINT');
      await exited(child);
      const worst = new Map();
      for (const line of readFileSync(join(dir, 'probe_lat.1.log'), 'utf8').split('\n')) {
        const [millis, nanos] = line.split(',').map(Number);
        if (millis === undefined || nanos === undefined || !Number.isFinite(nanos)) continue;
        // The log has the end of each write; the second in which it began is the one that was slow.
        const second = Math.floor((millis - nanos / 1e6) / 1000);
        worst.set(second, Math.max(worst.get(second) ?? 0, nanos / 1000));
      }
      return new Map(
        [...worst].map(([second, worstMicros]) => {
          const stoppedMicros = stopped.get(second) ?? 0;
          const { millis: otherMillis, name: otherName } = others.get(second) ?? { millis: 0, name: '' };
          return [
            second,
            { worstMicros, stoppedMicros, stolenMillis: stolen.get(second) ?? 0, otherMillis, otherName },
          ];
        }),
      );
    },
  };
}

/**
 * @param {(second: number) => void} ended a second of the clock, the number of which is passed on
 * @returns {() => void} ends it
 */
function onEverySecond(ended) {
  // A little into the next one, as timers may be early.
  const untilNext = () => 1005 - (Date.now() % 1000);
  const next = () => {
    ended(Math.round(Date.now() / 1000) - 1);
    timer = setTimeout(next, untilNext());
  };
  let timer = setTimeout(next, untilNext());
  return () => clearTimeout(timer);
}

/** Over all processors, in ticks. */
function stealTicks() {
  const fields = /^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1]?.split(' ') ?? [];
  return Number(fields[7] ?? 0);
}
