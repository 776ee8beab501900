/** What the log says when the machine does not suit the configuration. */
import { describe, expect, test } from 'vitest';
import { parseFlags } from '../../src/config/conf-syntax.js';
import { Config } from '../../src/config/config.js';
import type { Machine } from '../../src/config/option-types.js';
import { fileSystemWarning, memoryWarning, readableBytes, roomWarning } from '../../src/config/surroundings.js';

const mb = 1024 ** 2;
const gb = 1024 ** 3;

test.each([
  [0, '0 bytes'],
  [1023, '1023 bytes'],
  [1024, '1 kb'],
  [1536 * 1024, '1.5 mb'],
  [64 * mb, '64 mb'],
  [999 * gb, '999 gb'],
  [9999 * gb, '9999 gb'],
])('%d bytes are %s', (bytes, text) => expect(readableBytes(bytes)).toBe(text));

describe('memory', () => {
  const warning = (flags: string, machine: Partial<Machine> = {}): string | undefined => {
    const { directives } = parseFlags(flags.split(' '));
    return memoryWarning(Config.load({ flags: directives, machine: { cores: 8, memoryBytes: 16 * gb, ...machine } }));
  };

  test('what fits needs no word', () => {
    for (const flags of ['--timeout 1', '--cache-size 12gb', '--cache-size 85%'])
      expect(warning(flags)).toBeUndefined();
  });

  test('a cache beyond the machine is told with figures', () => {
    const text = warning('--cache-size 999gb --lanes 2');
    expect(text).toContain(
      'cache-size 1072668082176 (999 gb) and 128 mb of rings (wal-ring-size, for each of the lanes: 2)',
    );
    expect(text).toContain("into this machine's memory, 16 gb: the kernel will kill the server");
  });

  test('rings count, and so does the limit of a control group', () => {
    expect(warning('--cache-size 10gb --lanes 2 --wal-ring-size 4gb')).toContain('8 gb of rings');
    const limited = { memoryBytes: 2 * gb, memoryLimited: true };
    expect(warning('--cache-size 1gb', limited)).toBeUndefined();
    expect(warning('--cache-size 2gb', limited)).toContain('the memory limit of the control group, 2 gb');
  });

  test('CONFIG SET asks with the value that is to be', () => {
    const config = Config.load({ machine: { cores: 2, memoryBytes: 4 * gb } });
    expect(memoryWarning(config)).toBeUndefined();
    expect(memoryWarning(config, 5 * gb)).toContain('cache-size 5368709120 (5 gb)');
  });
});

test.each([
  [0x01021994, 'dir /d is in memory (tmpfs): all of it is gone when the machine or the container restarts'],
  [0x858458f6, 'dir /d is in memory (ramfs)'],
  [0x858458f6 | 0, 'dir /d is in memory (ramfs)'],
  [0x794c7630, 'dir /d is on overlayfs, mostly the writable layer of a container'],
])('a file system of type %d is told', (type, text) => expect(fileSystemWarning('/d', type)).toContain(text));

test('ext4 and XFS are not', () => {
  for (const type of [0xef53, 0x58465342]) expect(fileSystemWarning('/d', type)).toBeUndefined();
});

test('little room is told with what is free, what is left alone, and what lowers it', () => {
  const warning = (freeBytes: number, flags: string): string | undefined =>
    roomWarning(Config.load({ flags: parseFlags(`--dir /d ${flags}`.split(' ')).directives }), freeBytes);
  expect(warning(64 * mb, '--min-free-bytes 64mb')).toBeUndefined();
  expect(warning(16 * mb, '--min-free-bytes 0')).toBeUndefined();
  const text = warning(4 * mb, '--min-free-bytes 64mb');
  expect(text).toContain('4 mb free in the file system of /d, and min-free-bytes leaves 64 mb alone');
  expect(text).toContain('lower min-free-bytes, or segment-size and lanes, by which room is reserved');
  const lsm = warning(4 * mb, '--engine lsm --min-free-bytes 64mb');
  expect(lsm).toContain('leaves 64 mb alone. Writes are refused; make room, or lower min-free-bytes');
  expect(lsm).not.toContain('segment-size');
  expect(warning(4 * mb, '--min-free-bytes 0')).toContain('and 16 mb are left alone');
});
