// What overwriting costs on the device once garbage collection has to free what it makes dead.

import { describe } from '../lib/bulk-data.mjs';
import { allocatedBytes, largestSegment } from '../lib/engine.mjs';
import { judge } from '../lib/result.mjs';
import { digits, spread, withSpread } from '../lib/stats.mjs';
import { countingDevice, dataBytes, engineOptions, fillUntilSteady, overwrite } from '../lib/steady.mjs';

/** @typedef {import('../lib/steady.mjs').Data} Data */

const valueBytes = 1024;
const windows = 4;
const cacheShare = 0.1;
/** What a greedy log with this much of its space live has to write at least, per the model in docs/benchmarks.md. */
const theory = { uniform: 1.87, zipf: 1.8 };

/**
 * @param {'uniform' | 'zipf'} dist
 * @returns {import('./index.mjs').Experiment}
 */
export function overwrites(dist) {
  return async (context, rows) => {
    context.requireCairn();
    const experiment = rows[0]?.experiment ?? '';
    /** @type {Data} */
    const data = { keys: context.parameter('overwrite-keys'), valueBytes, dist };
    const dir = context.directory(experiment);
    const cacheBytes = Math.max(context.options.cacheMin, Math.floor(dataBytes(data) * cacheShare));
    const server = await context.startOurs('always', dir, {
      cacheBytes,
      options: engineOptions(context, 'aggressive'),
    });
    const steadyNote = await fillUntilSteady(context, server, data);
    /** @type {number[]} */
    const amplifications = [];
    const usages = [];
    const rates = [];
    /** @type {Map<string, number[]>} */
    const parts = new Map();
    for (let window = 1; window <= windows; window++) {
      const copies = context.parameter('overwrite-measured') / windows;
      let rate = 0;
      const counted = await countingDevice(
        server,
        async () => {
          const total = await overwrite(server, data, copies, window);
          rate = total.per_second;
          return total;
        },
        data,
      );
      amplifications.push(counted.amplification);
      usages.push(allocatedBytes(dir) / dataBytes(data));
      rates.push(rate);
      for (const [name, share] of Object.entries(counted.parts)) parts.set(name, [...(parts.get(name) ?? []), share]);
      context.log(
        `    window ${window} ${counted.amplification.toFixed(3)} device bytes per byte, ` +
          `${(usages.at(-1) ?? 0).toFixed(2)} times the data on disk, ${digits(rate)}/s`,
      );
    }
    const settings = await describe(context, server);
    const count = await server.command('DBSIZE');
    if (count !== data.keys) throw new Error(`DBSIZE says ${String(count)}, not ${data.keys}`);
    const segmentBytes = largestSegment(dir);
    await server.stop();
    context.remove(dir);

    const ofParts = [...parts].map(([name, shares]) => `${name} ${spread(shares).median.toFixed(3)}`);
    const notes = [
      `theory ${theory[dist]}`,
      `disk usage ${withSpread(spread(usages))} times keys and values`,
      steadyNote,
      `${digits(data.keys)} keys, segments of up to ${digits(segmentBytes)} bytes, ` +
        `gc-space-amplification ${context.parameter('overwrite-space')}`,
      ...(ofParts.length > 0 ? [`the server's own account, per byte: ${ofParts.join(', ')}`] : []),
      ...(server.missing.length > 0 ? [`this build has no ${server.missing.join(', ')}`] : []),
    ];
    return {
      results: rows.map((row) => judge(row, spread(amplifications), null, notes)),
      details: [
        {
          experiment,
          who: `overwrites, ${dist}`,
          figures: { 'requests/s': spread(rates), 'disk usage / data': spread(usages) },
        },
      ],
      settings,
    };
  };
}
