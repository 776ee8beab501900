/** What somebody meets who has never started the server before: slips on the command line, places where data should not lie. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { patience } from '../support/patience.js';
import { describeCairn, mainJs, makeTempDir } from '../support/server.js';

const scratch = makeTempDir('cairn-first-use-');
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

function cairn(...args: string[]): { code: number | null; stdout: string; stderr: string } {
  const limits = { timeout: 20_000 * patience, killSignal: 'SIGKILL' } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [mainJs, ...args], { cwd: scratch, ...limits });
  return { code: status, stdout: stdout.toString(), stderr: stderr.toString() };
}

describeCairn('a slip on the command line is answered with one line, and nothing is made', () => {
  fs.writeFileSync(path.join(scratch, 'my.conf'), 'timeout 5\n');

  test.each([
    ['serve --port 7303 my.conf', 'cairn serve my.conf --port 7303'],
    ['serve --bind 127.0.0.1 my.conf', 'cairn serve my.conf --bind 127.0.0.1'],
    ['serve --port', "option '--port': needs a value, as in --port 6379"],
    ['serve --port x', "option '--port': argument couldn't be parsed into an integer (given: 'x')"],
    ['--prot 7303', "option '--prot': unknown option; did you mean 'port'?"],
    ['sreve', "unknown command 'sreve'; did you mean 'serve'?"],
    ['statistics', "unknown command 'statistics'; there are serve, check, ping"],
    ['ping --port x', "ping: option '--port': 'x' is not a port: a number from 1 to 65535"],
    ['ping --prt 1', "ping: unknown option '--prt'; did you mean 'port'?"],
    ['serve --logfile /nonexistent/x', 'logfile: cannot open /nonexistent/x: No such file or directory'],
    ['serve --logfile .', `logfile: cannot open ${scratch}: Is a directory`],
  ])('cairn %s', (line, message) => {
    const { code, stdout, stderr } = cairn(...line.split(' '));
    expect(stderr).toContain(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(fs.readdirSync(scratch)).toEqual(['my.conf']);
  });
});
