/** SLOWLOG and LATENCY. */
import type { LatencyHistogram } from '../native-stats.js';
import { type Handler, container, family, integerArg, quotable, word } from './command.js';
import { type Reply, ReplyError, RespMap, Verbatim, ok } from './resp.js';

const admin = family('server', ['admin', 'noscript', 'loading', 'stale'], ['admin', 'slow', 'dangerous']);
const slowAdmin = family('server', ['admin', 'loading', 'stale'], ['admin', 'slow', 'dangerous']);

// ------------------------------------------------------------------------------------------------------- SLOWLOG

const slowlogDefault = 10;

const slowlogGet: Handler = ({ native }, args) => {
  if (args.length > 3) {
    throw new ReplyError(
      `ERR unknown subcommand or wrong number of arguments for '${quotable(word(args, 1), 128)}'. Try SLOWLOG HELP.`,
    );
  }
  const message = 'ERR count should be greater than or equal to -1';
  const count = args.length === 3 ? integerArg(word(args, 2), { min: -1, message }) : slowlogDefault;
  return native.slowlogGet(count).map((entry) => {
    return [entry.id, entry.time, entry.usec, entry.argv, entry.addr, entry.name];
  });
};

const slowlogCommands = container(
  'slowlog',
  { since: '2.2.12', summary: 'The log of slow commands.' },
  [
    slowAdmin(
      'get',
      -2,
      {
        since: '2.2.12',
        summary: 'Returns the newest entries.',
        complexity: 'O(N) where N is the number of entries returned',
        syntax: '[count]',
      },
      slowlogGet,
    ),
    slowAdmin(
      'len',
      2,
      { since: '2.2.12', summary: 'Counts the entries.' },
      ({ native }) => native.stats().slowlogLength,
    ),
    slowAdmin(
      'reset',
      2,
      { since: '2.2.12', summary: 'Removes all entries.', complexity: 'O(N) where N is the number of entries' },
      ({ native }) => {
        native.slowlogReset();
        return ok;
      },
    ),
  ],
  [
    'GET [<count>]',
    ` Show the newest <count> entries (default: ${slowlogDefault}, -1: all): id, time, microseconds, arguments,`,
    ' client address, client name.',
    'LEN',
    ' Count the entries.',
    'RESET',
    ' Remove all entries.',
  ],
);

// ------------------------------------------------------------------------------------------------------- LATENCY

const latest: Handler = ({ native }) =>
  native.latencyEvents().flatMap(({ event, samples, maxMs }): Reply[] => {
    const last = samples.at(-1);
    return last === undefined ? [] : [[event, last.time, last.ms, maxMs]];
  });

const history: Handler = ({ native }, args) => {
  const found = native.latencyEvents().find(({ event }) => event === word(args, 2));
  return (found?.samples ?? []).map(({ time, ms }) => [time, ms]);
};

const reset: Handler = ({ native }, args) => {
  const events: readonly string[] = args.slice(2);
  return events.length === 0 ? native.latencyReset() : native.latencyReset([...events]);
};

const graphRows = 4;
const bars = ['_', 'o', '#'];

/** One column per sample, the highest one filling all rows. */
const graph: Handler = ({ native }, args) => {
  const name = word(args, 2);
  const found = native.latencyEvents().find(({ event }) => event === name);
  if (found === undefined || found.samples.length === 0) {
    throw new ReplyError(`ERR No samples available for event '${quotable(name)}'`);
  }
  const values = found.samples.map(({ ms }) => ms);
  const [high, low] = [Math.max(...values), Math.min(...values)];
  const lines = Array.from({ length: graphRows }, (_, row) => {
    const floor = graphRows - 1 - row;
    const column = (ms: number): string => {
      const level = (high === 0 ? 0 : ms / high) * graphRows - floor;
      return level <= 0 ? ' ' : (bars[Math.min(2, Math.floor(level * 3))] ?? '#');
    };
    return values.map(column).join('');
  });
  const head = `${name} - high ${high} ms, low ${low} ms (all time high ${found.maxMs} ms)`;
  return new Verbatim(`${head}\n${'-'.repeat(80)}\n${lines.join('\n')}\n`);
};

const doctor: Handler = ({ native, config }) => {
  if (config.number('latency-monitor-threshold') === 0) {
    return new Verbatim(
      'Latency monitoring is off: CONFIG SET latency-monitor-threshold <milliseconds> turns it on.\n',
    );
  }
  const events = native.latencyEvents();
  if (events.length === 0) return new Verbatim('No event was slower than latency-monitor-threshold.\n');
  const lines = events.map(({ event, samples, maxMs }) => {
    const mean = samples.reduce((sum, { ms }) => sum + ms, 0) / Math.max(1, samples.length);
    return `${event}: ${samples.length} slow seconds, mean ${mean.toFixed(1)} ms, worst ${maxMs} ms`;
  });
  return new Verbatim(`${lines.join('\n')}\n`);
};

/** Cumulative counts at powers of two of a microsecond, from the first that is not empty to the one that has all. */
export function cumulativeUsec({ buckets }: LatencyHistogram): [number, number][] {
  const out: [number, number][] = [];
  let total = 0;
  let limitUsec = 1;
  for (const { upperNs, count } of buckets) {
    while (upperNs > limitUsec * 1000) {
      if (total > 0) out.push([limitUsec, total]);
      limitUsec *= 2;
    }
    total += count;
  }
  if (total > 0) out.push([limitUsec, total]);
  return out;
}

const histogram: Handler = ({ native }, args) => {
  const names = args.slice(2).map((arg) => arg.toLowerCase());
  const wanted = (name: string): boolean => {
    return names.length === 0 || names.some((given) => name === given || name.startsWith(`${given}|`));
  };
  const found = native.histograms().filter(({ name, calls }) => calls > 0 && wanted(name));
  return new RespMap(
    found.map((item) => [
      item.name,
      RespMap.of({ calls: item.calls, histogram_usec: new RespMap(cumulativeUsec(item)) }),
    ]),
  );
};

const latencyCommands = container(
  'latency',
  { since: '2.8.13', summary: 'Latency events and histograms.' },
  [
    admin('latest', 2, { since: '2.8.13', summary: 'Returns the last sample of every event.' }, latest),
    admin('history', 3, { since: '2.8.13', summary: "Returns an event's samples.", syntax: 'event' }, history),
    admin(
      'reset',
      -2,
      { since: '2.8.13', summary: 'Removes the samples of events.', syntax: '[event [event ...]]' },
      reset,
    ),
    admin('graph', 3, { since: '2.8.13', summary: "Draws an event's samples.", syntax: 'event' }, graph),
    admin('doctor', 2, { since: '2.8.13', summary: 'Describes the latency events in words.' }, doctor),
    admin(
      'histogram',
      -2,
      {
        since: '7.0.0',
        summary: "Returns the commands' cumulative latency distributions.",
        complexity: 'O(N) where N is the number of commands with latency information',
        syntax: '[command [command ...]]',
      },
      histogram,
    ),
  ],
  [
    'DOCTOR',
    ' Describe the latency events in words.',
    'GRAPH <event>',
    " Draw an event's samples.",
    'HISTOGRAM [<command> [...]]',
    ' Show cumulative latency distributions.',
    'HISTORY <event>',
    " Show an event's samples: time, milliseconds.",
    'LATEST',
    ' Show for each event: name, time and milliseconds of the last sample, worst sample.',
    'RESET [<event> [...]]',
    ' Remove samples.',
  ],
);

export const observeCommands = [slowlogCommands, latencyCommands];
