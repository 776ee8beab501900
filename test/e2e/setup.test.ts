/** The set-up of a machine, as somebody who may not install anything meets it. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { patience } from '../support/patience.js';
import { describeCairn, makeTempDir, root } from '../support/server.js';

const scratch = makeTempDir('cairn-set-up-');
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

const nobody = 65534;

/** Debian's own dpkg-query, told to look where nothing is installed. */
function nothingInstalled(): string {
  const dir = path.join(scratch, 'dpkg');
  fs.mkdirSync(dir, { recursive: true });
  fs.writeFileSync(path.join(dir, 'status'), '');
  return dir;
}

describeCairn('an ordinary user without the packages', () => {
  test.each([
    ['the set-up of the server', [], /^g\+\+ make liburing-dev liblua5\.1-0-dev librocksdb-dev$/],
    [
      'the set-up of the tests',
      ['--test'],
      /^g\+\+ make liburing-dev liblua5\.1-0-dev librocksdb-dev .*\bclang\b.*\bredis-tools\b/,
    ],
  ])('%s names one command, and stops', (_name, args, packages) => {
    const clone = path.join(scratch, `Ünïcode and spaces ${args.length}`);
    fs.cpSync(path.join(root, 'scripts'), path.join(clone, 'scripts'), { recursive: true });
    fs.copyFileSync(path.join(root, 'package-lock.json'), path.join(clone, 'package-lock.json'));
    for (const dir of [scratch, nothingInstalled()]) fs.chmodSync(dir, 0o755);
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [path.join(clone, 'scripts', 'setup.mjs'), ...args],
      {
        cwd: clone,
        env: { PATH: '/usr/bin:/bin', DPKG_ADMINDIR: nothingInstalled() }, // neither HOME nor a locale
        timeout: 20_000 * patience,
        ...(process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {}),
      },
    );
    const [before, command = '', ...more] = stderr.toString().trim().split('\n');
    expect(before).toBe('some packages are missing; please run this, and start again:');
    const [, names = ''] =
      /^ {2}(?:sudo sh|su) -c 'apt-get update && apt-get install -y --no-install-recommends (.*)'$/.exec(command) ?? [];
    expect(names).toMatch(packages);
    expect({ status, stdout: stdout.toString(), more }).toEqual({ status: 1, stdout: '', more: [] });
    expect(fs.readdirSync(clone).sort()).toEqual(['package-lock.json', 'scripts']);
  });
});
