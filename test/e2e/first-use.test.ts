/** What somebody meets who has never started the server before: slips on the command line, places where data should not lie. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { patience } from '../support/patience.js';
import { describeCairn, expectLogged, mainJs, makeTempDir, startServer } from '../support/server.js';
import { SmallDisk, useSmallDisks } from '../support/small-disk.js';

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

const mb = 1024 * 1024;
/** No machine has it (a documentation address): the start ends there, before recovery. */
const nowhere = ['--bind', '192.0.2.1', '--metrics-port', '0'];

describeCairn('a start that bodes ill says so before recovery, and goes on', () => {
  const warnings = (...flags: string[]): string[] => {
    const { code, stdout } = cairn('serve', ...nowhere, ...flags);
    expect({ code, stdout }).toEqual({
      code: 1,
      stdout: expect.stringContaining('cannot listen on 192.0.2.1') as string,
    });
    return stdout.split('\n').filter((line) => / warning /.test(line));
  };

  test('more cache than memory; not a word about one that fits', () => {
    const about = (size: string): string[] =>
      warnings('--dir', path.join(scratch, 'new'), '--cache-size', size).filter((line) => line.includes('cache-size'));
    expect(about('9999999gb')).toEqual([
      expect.stringMatching(/cache-size \d+ \(9999999 gb\) .* will kill the server/),
    ]);
    expect(about('1mb')).toEqual([]);
  });

  test.for([
    { type: 'tmpfs', where: 'in memory (tmpfs)' },
    { type: 'ramfs', where: 'in memory (ramfs)' },
    { type: 'overlay', where: 'on overlayfs, mostly the writable layer of a container' },
  ])('data on $type', ({ type, where }, context) => {
    const base = fs.mkdtempSync(path.join(scratch, `${type}-`));
    const made = (name: string): string => {
      fs.mkdirSync(path.join(base, name));
      return path.join(base, name);
    };
    const mountPoint = made('mnt');
    const layers = `lowerdir=${made('lower')},upperdir=${made('upper')},workdir=${made('work')}`;
    const mounted = spawnSync('mount', ['-t', type, ...(type === 'overlay' ? ['-o', layers] : []), 'none', mountPoint]);
    context.skip(mounted.status !== 0, `no ${type} can be mounted here`);
    try {
      // Not there yet: its place decides.
      const dir = path.join(mountPoint, 'a', 'data');
      expect(warnings('--dir', dir)).toEqual([expect.stringContaining(`dir ${dir} is ${where}: all of it is gone`)]);
    } finally {
      spawnSync('umount', [mountPoint]);
    }
  });
});

describeCairn('while it runs', () => {
  const disks = useSmallDisks();

  test('CONFIG SET cache-size beyond the memory is told', async () => {
    await using server = await startServer({ cairn: { 'segment-size': '16mb' } });
    using client = await server.connect();
    await client.run('CONFIG SET cache-size 9999gb');
    await expectLogged(server, /warning CONFIG SET: cache-size 10736344498176 \(9999 gb\) and .* do not fit/);
  });

  test('a disk with less than min-free-bytes is told at the start, with figures', async (context) => {
    disks.needed(context);
    using disk = new SmallDisk({ bytes: 48 * mb });
    await using server = await startServer({ dir: disk.dir, cairn: { 'segment-size': '16mb', lanes: 1 } });
    await expectLogged(
      server,
      /warning little room: \d+ mb free in the file system of \S+, and min-free-bytes leaves 64 mb/,
    );
    using client = await server.connect();
    expect(await client.ask('SET k v')).toBe('+OK');
  });
});
