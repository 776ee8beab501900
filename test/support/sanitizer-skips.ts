/** End-to-end tests that say nothing about a server under the sanitizers (sanitizer.ts); vitest.config.ts leaves them out. */
export interface Skip {
  file: string;
  why: string;
}

const noServer = 'reads tables of the addon in its own process, where the sanitizer is not loaded; it starts no server';

export const sanitizerSkips: readonly Skip[] = [
  { file: 'test/e2e/documentation.test.ts', why: noServer },
  { file: 'test/e2e/option-ranges.test.ts', why: noServer },
];
