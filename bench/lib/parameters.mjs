// Sizes and times of the experiments that can be changed one by one (--param NAME=VALUE).

/** @type {Record<string, { full: number, quick: number, text: string }>} */
export const parameters = {
  'ram-keys': { full: 50_000_000, quick: 300_000, text: 'keys of ram-per-key-50m' },
  'restart-load-seconds': { full: 20, quick: 1, text: 'load before the kill -9 of restart-kill-*' },
  'overwrite-keys': { full: 2_000_000, quick: 30_000, text: 'keys of overwrite-* and gc-tail-*, 1 KiB each' },
  'overwrite-segment': { full: 0, quick: 1 << 20, text: 'segment-size of overwrite-*, gc-tail-*, tail-*; 0: default' },
  'overwrite-space': { full: 1.43, quick: 1.43, text: 'gc-space-amplification of overwrite-* and gc-tail-*' },
  'overwrite-steady': { full: 3, quick: 1, text: 'times the data overwritten before disk usage can count as steady' },
  'overwrite-most': {
    full: 12,
    quick: 3,
    text: 'times the data after which a disk usage that still grows is an error',
  },
  'overwrite-measured': { full: 2, quick: 1, text: 'times the data overwritten while device bytes are counted' },
  'gc-tail-seconds': { full: 20, quick: 1, text: 'a round of gc-tail-*' },
  'gc-tail-rate': { full: 0, quick: 0, text: 'requests/s of gc-tail-*; 0: half of the measured peak' },
  'hit-keys': { full: 1_000_000, quick: 20_000, text: 'keys of hit-*' },
  'hit-requests': { full: 4_000_000, quick: 40_000, text: 'GETs per round of hit-rate, and to warm up' },
  'reclaim-bytes': { full: 10e9, quick: 40e6, text: 'data before the deletes of reclaim' },
  'tail-keys': { full: 1_000_000, quick: 20_000, text: 'keys of tail-*, 1 KiB each' },
  'tail-seconds': { full: 120, quick: 2, text: 'length of a round of tail-*' },
  'tail-rounds': { full: 2, quick: 2, text: 'rounds of tail-*, in turns' },
  'tail-rate': { full: 0, quick: 0, text: 'requests/s of tail-*; 0: half of what the slower server sustains' },
  'expire-keys': { full: 1_000_000, quick: 20_000, text: 'keys of expire-* that expire in the same minute' },
  'expire-seconds': { full: 60, quick: 3, text: 'that minute, and the one before' },
  'huge-bytes': { full: 100e6, quick: 8e6, text: 'size of the values of huge-values' },
  'huge-seconds': { full: 20, quick: 1, text: 'a round of huge-values' },
  'large-elements': { full: 100_000, quick: 5000, text: 'elements of each command of large-commands' },
  'large-seconds': { full: 20, quick: 2, text: 'a round of large-commands' },
  'expire-rate': { full: 0, quick: 0, text: 'requests/s of expire-*; 0: half of the measured peak' },
};

/**
 * @param {string[]} given NAME=VALUE
 * @param {boolean} quick
 */
export function chosenParameters(given, quick) {
  const chosen = new Map(Object.entries(parameters).map(([name, { full, quick: few }]) => [name, quick ? few : full]));
  for (const text of given) {
    const [name = '', value = ''] = text.split('=');
    if (!chosen.has(name)) throw new Error(`--param knows no ${name}`);
    const number = Number(value);
    if (value === '' || !Number.isFinite(number) || number < 0) throw new Error(`--param ${name} takes a number`);
    chosen.set(name, number);
  }
  return chosen;
}

export function parameterHelp() {
  const lines = Object.entries(parameters).map(
    ([name, { full, text }]) => `  ${name.padEnd(22)} ${String(full).padStart(11)}  ${text}`,
  );
  return `Parameters (--param NAME=VALUE, may be repeated) and their defaults:\n${lines.join('\n')}\n`;
}
