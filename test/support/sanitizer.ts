/**
 * End-to-end tests under the sanitizers (npm run test:asan): what the files of the project `e2e` get before their tests.
 *
 * Node itself is not built with ASan, so each server is started with its library preloaded; with it all other programs that
 * tests start. A program that is stopped by a report may well be one whose end no test looks at, so reports do not
 * go to its output: they go to files, and any file fails the test during which it came, with its text.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, expect } from 'vitest';

/** What goes into LD_PRELOAD; empty without the sanitizers. Set by scripts/test-asan.mjs. */
const preload = process.env['CAIRN_TEST_PRELOAD'] ?? '';
/** An end that nobody mistakes for one of the server's own. */
const exitCode = 86;
const reportCharsMax = 20_000;

function options(of: Readonly<Record<string, string | number>>): string {
  return Object.entries(of)
    .map(([name, value]) => `${name}=${value}`)
    .join(':');
}

function takeReports(dir: string): string[] {
  return fs.readdirSync(dir).map((name) => {
    const file = path.join(dir, name);
    const text = fs.readFileSync(file, 'utf8').slice(0, reportCharsMax);
    fs.rmSync(file);
    return text;
  });
}

if (preload !== '') {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-sanitizer-'));
  fs.chmodSync(dir, 0o777); // some servers run as somebody else
  const common = { log_path: path.join(dir, 'report'), exitcode: exitCode };
  process.env['ASAN_OPTIONS'] = options({
    ...common,
    detect_leaks: 0, // Node ends without giving everything back
    verify_asan_link_order: 0,
    handle_segv: 2, // Node, which has a handler for WebAssembly, may not take it away
    handle_abort: 2, // a failed CHECK is a report, too
    detect_stack_use_after_return: 0, // the engine of JavaScript walks its stack
    quarantine_size_mb: 64,
  });
  process.env['UBSAN_OPTIONS'] = options({ ...common, print_stacktrace: 1 });
  process.env['LD_PRELOAD'] = preload;

  const check = (): void => {
    const reports = takeReports(dir);
    if (reports.length > 0) expect.fail(`the sanitizer reports:\n${reports.join('\n')}`);
  };
  afterEach(check);
  afterAll(() => {
    try {
      check();
    } finally {
      fs.rmSync(dir, { recursive: true, force: true });
    }
  });
}
