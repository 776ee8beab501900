/** What the log says about settings whose effect on the data should surprise nobody. */
import type { Config } from './config.js';

export interface Consequence {
  level: 'info' | 'warn';
  text: string;
}

/** Before its bytes are handed to the system at the latest, without `always`. */
const writeOut = 'up to 50 ms of acknowledged writes, which are still in the memory of the process';

const fsyncPolicies: ReadonlyMap<string, Consequence> = new Map([
  ['always', { level: 'info', text: 'appendfsync always: a reply leaves when the writes it depends on are on disk' }],
  [
    'everysec',
    {
      level: 'warn',
      text: `appendfsync everysec: replies do not wait for the disk; a killed process may lose ${writeOut}, a power cut about a second of them`,
    },
  ],
  [
    'no',
    {
      level: 'warn',
      text: `appendfsync no: replies do not wait for the disk; a killed process may lose ${writeOut}, a power cut whatever the system has not written yet`,
    },
  ],
]);

/** Undefined: nothing to say about this value of this option. */
export function consequenceOf(name: string, value: string): Consequence | undefined {
  if (name === 'appendfsync') return fsyncPolicies.get(value);
  if (name === 'maxmemory' && value !== '0') {
    const text = `maxmemory ${value} has no effect: there is no eviction; keys are always in memory, cache-size bounds the values`;
    return { level: 'warn', text };
  }
  return undefined;
}

/** For the log of a start. */
export function startConsequences(config: Config): Consequence[] {
  return ['appendfsync', 'maxmemory'].flatMap((name) => consequenceOf(name, config.get(name)) ?? []);
}

/** Ignored directives that are told in the list, and not on their own. */
export function quietlyIgnored(config: Config): string[] {
  return config.ignored.filter((name) => consequenceOf(name, config.get(name)) === undefined);
}
