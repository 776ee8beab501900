/** `include` finds files as glob(3) does: the expected names are what glibc's glob gave for these very files. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bufferOf } from '../../src/bytes.js';
import { Config } from '../../src/config/config.js';
import { globPaths } from '../../src/config/glob-paths.js';

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-glob-'));
const home = process.cwd();

const files = [
  ...['inc1.conf', 'inc2.conf', 'inc3.conf', 'inc[12].conf', 'inc*.conf', 'inca.conf', 'inc_.conf', 'sp ace.conf'],
  ...['a-b', 'a]b', 'a!b', 'ba\\ck', '.dot.conf', 'con1/x.conf', 'con2/x.conf', 'con2/y.conf', '.hid/x.conf'],
];

beforeAll(() => {
  for (const dir of ['con1', 'con2', '.hid', 'd']) fs.mkdirSync(path.join(scratch, dir));
  for (const file of files) fs.writeFileSync(path.join(scratch, file), 'timeout 5\n');
  process.chdir(scratch);
});

afterAll(() => {
  process.chdir(home);
  fs.rmSync(scratch, { recursive: true, force: true });
});

describe('glob', () => {
  test.each([
    ['inc[12].conf', ['inc1.conf', 'inc2.conf']],
    ['inc[!12].conf', ['inc*.conf', 'inc3.conf', 'inc_.conf', 'inca.conf']],
    ['inc[^12].conf', ['inc*.conf', 'inc3.conf', 'inc_.conf', 'inca.conf']],
    ['con*/x.conf', ['con1/x.conf', 'con2/x.conf']],
    ['*/x.conf', ['con1/x.conf', 'con2/x.conf']],
    ['.*/x.conf', ['.hid/x.conf']],
    [
      '*.conf',
      ['inc*.conf', 'inc1.conf', 'inc2.conf', 'inc3.conf', 'inc[12].conf', 'inc_.conf', 'inca.conf', 'sp ace.conf'],
    ],
    ['.*.conf', ['.dot.conf']],
    ['inc?.conf', ['inc*.conf', 'inc1.conf', 'inc2.conf', 'inc3.conf', 'inc_.conf', 'inca.conf']],
    ['inc\\*.conf', ['inc*.conf']],
    ['inc\\[12\\].conf', ['inc[12].conf']],
    ['inc[[:digit:]].conf', ['inc1.conf', 'inc2.conf', 'inc3.conf']],
    ['inc[[:alpha:]_].conf', ['inc_.conf', 'inca.conf']],
    ['inc[1-2].conf', ['inc1.conf', 'inc2.conf']],
    ['inc[2-1].conf', []],
    ['inc[]x].conf', []],
    ['a[]]b', ['a]b']],
    ['a[]-]b', ['a-b', 'a]b']],
    ['a[!]]b', ['a!b', 'a-b']],
    ['a[-x]b', ['a-b']],
    ['inc[12.conf', []],
    ['inc[.conf*', []],
    ['ba\\\\ck', ['ba\\ck']],
    ['ba?ck', ['ba\\ck']],
    ['con[12]//x.conf', ['con1//x.conf', 'con2//x.conf']],
    ['con*/', ['con1/', 'con2/']],
    ['con*/./x.conf', ['con1/./x.conf', 'con2/./x.conf']],
    ['./inc1*', ['./inc1.conf']],
    ['*nothing*', []],
    ['nothing', []],
    ['inc1.conf', ['inc1.conf']],
    ['con2/[xy].conf', ['con2/x.conf', 'con2/y.conf']],
    ['**/x.conf', ['con1/x.conf', 'con2/x.conf']],
    ['inc[a\\-z].conf', ['inca.conf']],
    ['inc[\\]1].conf', ['inc1.conf']],
    ['a[!a-z]b', ['a!b', 'a-b', 'a]b']],
    ['sp*ce.conf', ['sp ace.conf']],
    ['*/*/x.conf', []],
    ['d/*', []],
    ['inc1.conf/*', []],
    ['inc[/]1.conf', []],
  ])('%s', (pattern, expected) => expect(globPaths(pattern)).toEqual(expected));

  test('an absolute pattern', () => {
    expect(globPaths(`${scratch}/con*/*`)).toEqual(
      ['con1/x.conf', 'con2/x.conf', 'con2/y.conf'].map((f) => `${scratch}/${f}`),
    );
  });

  test('bytes that are not UTF-8', () => {
    fs.writeFileSync(bufferOf(`${scratch}/\xff.bytes`), '');
    expect(globPaths('[\xf0-\xff].bytes')).toEqual(['\xff.bytes']);
  });
});

describe('include', () => {
  const load = (text: string): Config => {
    const file = path.join(scratch, 'main');
    fs.writeFileSync(file, text);
    return Config.load({ file, machine: { cores: 2, memoryBytes: 1024 ** 3 } });
  };

  test('in the order of the names', () => {
    fs.writeFileSync('inc2.conf', 'timeout 2\n');
    fs.writeFileSync('inc1.conf', 'timeout 1\n');
    expect(load('include inc[12].conf').get('timeout')).toBe('2');
    expect(load('include con*/x.conf').get('timeout')).toBe('5');
  });

  test('no match of a pattern is fine, a name that is not there is not', () => {
    expect(load('include no*such.conf').get('timeout')).toBe('0');
    expect(() => load('\ninclude nosuch.conf')).toThrow(/main, line 2: option 'include': cannot be read: ENOENT/);
  });

  test('a loop ends', () => {
    fs.writeFileSync('loop1', 'include loop2\n');
    fs.writeFileSync('loop2', '# again\ninclude loop[1]\n');
    expect(() => load('include loop1')).toThrow(/loop[12], line \d: too many nested includes/);
    fs.writeFileSync('wide', 'include wide[1-9]*\n');
    for (let i = 1; i < 10; i++) fs.writeFileSync(`wide${i}`, 'include wide[1-9]*\n');
    expect(() => load('include wide')).toThrow('too many nested includes');
  });
});
