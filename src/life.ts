/**
 * The phases of the server's life, in their order. A signal may come in any of them, also in each of the stop:
 * test/e2e/signals.test.ts and test/unit/life.test.ts have a case for every one.
 */
export const phases = [
  'configuring', // reads the configuration; holds nothing yet
  'recovering', // opens the data directory
  'opening', // starts the reactors, listeners and metrics
  'ready', // serves
  'stopping', // finishes what runs, makes everything durable
] as const;

export type Phase = (typeof phases)[number];
