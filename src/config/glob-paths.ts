/**
 * The paths that match a pattern, as glob(3) finds them without flags: `*`, `?`, `[a-c]`, `[!a]`, `[[:digit:]]` in any part
 * of the path, backslash to quote; a leading dot is matched by a dot alone. In the order of their bytes. Strings are bytes.
 */
import fs from 'node:fs';
import { bufferOf, bytesOf } from '../bytes.js';

const pathsMax = 4096;

export function hasWildcard(pattern: string): boolean {
  return /[*?[]/.test(pattern);
}

const classes: ReadonlyMap<string, string> = new Map([
  ['alnum', 'A-Za-z0-9'],
  ['alpha', 'A-Za-z'],
  ['blank', ' \\t'],
  ['cntrl', '\\x00-\\x1f\\x7f'],
  ['digit', '0-9'],
  ['graph', '\\x21-\\x7e'],
  ['lower', 'a-z'],
  ['print', '\\x20-\\x7e'],
  ['punct', '!-\\/:-@[-`{-~'],
  ['space', ' \\t-\\r'],
  ['upper', 'A-Z'],
  ['xdigit', '0-9A-Fa-f'],
]);

function quoted(char: string): string {
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

/** The bracket that begins at `at`, as a regular expression; undefined: it is not closed, and so an ordinary character. */
function bracket(glob: string, at: number): { source: string; end: number } | undefined {
  let [pos, body] = [at + 1, ''];
  const negated = glob[pos] === '!' || glob[pos] === '^';
  if (negated) pos += 1;
  for (const first = pos; pos < glob.length;) {
    const [, named] = /^\[:([a-z]+):\]/.exec(glob.slice(pos)) ?? [];
    if (named !== undefined) {
      body += classes.get(named) ?? '';
      pos += named.length + 4;
      continue;
    }
    if (glob[pos] === ']' && pos > first) {
      const inside = body === '' ? (negated ? '[^]' : '[]') : `[${negated ? '^' : ''}${body}]`;
      return { source: inside, end: pos + 1 };
    }
    const next = (): string => {
      if (glob[pos] === '\\' && pos + 1 < glob.length) pos += 1;
      return glob.charAt(pos++);
    };
    const low = next();
    if (glob[pos] !== '-' || pos + 1 >= glob.length || glob[pos + 1] === ']') {
      body += quoted(low);
      continue;
    }
    pos += 1;
    const high = next();
    if (low <= high) body += `${quoted(low)}-${quoted(high)}`;
  }
  return undefined;
}

/** Of one part of a path, without slashes. */
function matcher(glob: string): RegExp {
  let source = '';
  for (let at = 0; at < glob.length; at++) {
    const char = glob.charAt(at);
    const set = char === '[' ? bracket(glob, at) : undefined;
    if (set !== undefined) {
      source += set.source;
      at = set.end - 1;
    } else if (char === '*') {
      source += glob[at - 1] === '*' ? '' : '[^]*';
    } else if (char === '?') {
      source += '[^]';
    } else {
      if (char === '\\' && at + 1 < glob.length) at += 1;
      source += quoted(glob.charAt(at));
    }
  }
  // A dot in front is only matched by one that is written.
  return new RegExp(`^${/^\\?\./.test(glob) ? '' : '(?!\\.)'}${source}$`);
}

function namesIn(dir: string): string[] {
  try {
    return fs.readdirSync(bufferOf(dir === '' ? '.' : dir), { encoding: 'buffer' }).map(bytesOf);
  } catch {
    return []; // no directory, or one that may not be read: nothing matches there, as for glob(3)
  }
}

function exists(file: string): boolean {
  try {
    fs.lstatSync(bufferOf(file));
    return true;
  } catch {
    return false; // not there, or below something that is no directory
  }
}

function byBytes(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** Sorted; at most `pathsMax`, which is more than a configuration may include. */
export function globPaths(pattern: string): string[] {
  const parts = pattern.split('/');
  let found: string[] = [''];
  parts.forEach((part, index) => {
    const last = index === parts.length - 1;
    const join = (name: string) => (dir: string) => `${dir}${name}${last ? '' : '/'}`;
    if (!hasWildcard(part)) {
      found = found.map(join(part.replace(/\\(.)/gs, '$1')));
      return;
    }
    const matching = matcher(part);
    found = found
      .flatMap((dir) =>
        namesIn(dir)
          .filter((name) => matching.test(name))
          .map((name) => join(name)(dir)),
      )
      .slice(0, pathsMax);
  });
  return found.filter(exists).sort(byBytes);
}
