/**
 * The syntax of configuration files: one directive per line, blanks between words, `"..."` with backslash escapes and
 * `'...'` around words, `#` at the start of a line for comments, `include PATH`. Strings are bytes (bytes.ts), and so is
 * the text of a ConfigError.
 */
import fs from 'node:fs';
import { bufferOf, bytesOfText, readBytes } from '../bytes.js';
import { globPaths, hasWildcard } from './glob-paths.js';
import { quoteWord } from './option-types.js';

/** Why the configuration was refused: where, which option, and the reason. One type for files and flags. */
export class ConfigError extends Error {
  constructor(
    readonly reason: string,
    /** Undefined when it is the sum of file and flags that makes no sense. */
    readonly where?: { file: string; line?: number; option?: string },
  ) {
    const line = where?.line === undefined ? '' : `, line ${where.line}`;
    const option = where?.option === undefined ? '' : `option '${where.option}': `;
    super(where === undefined ? reason : `${where.file}${line}: ${option}${reason}`);
  }
}

export interface Directive {
  file: string;
  line: number;
  /** Lower case. */
  name: string;
  words: string[];
}

const fileBytesMax = 16 * 1024 * 1024;
const includeDepthMax = 16;
const filesMax = 256;

const escaped: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['b', '\b'],
  ['a', '\x07'],
]);

/** As isspace(3) in the C locale; JavaScript's `\s` has bytes of UTF-8 sequences, too. */
export const blank = /[ \t-\r]/;
const blanks = /[ \t-\r]+/;

/** One quoted word from `at` (just after the quote); undefined when the quotes do not match. */
function quoted(line: string, at: number, quote: string): { word: string; end: number } | undefined {
  let word = '';
  for (let i = at; i < line.length; i++) {
    const char = line.charAt(i);
    if (char === quote) {
      const next = line.charAt(i + 1);
      return next === '' || blank.test(next) ? { word, end: i + 1 } : undefined;
    }
    if (char !== '\\') {
      word += char;
    } else if (quote === '"' && /^x[0-9a-f]{2}/i.test(line.slice(i + 1, i + 4))) {
      word += String.fromCharCode(Number.parseInt(line.slice(i + 2, i + 4), 16));
      i += 3;
    } else if (quote === '"' && i + 1 < line.length) {
      i += 1;
      word += escaped.get(line.charAt(i)) ?? line.charAt(i);
    } else if (line.charAt(i + 1) === quote) {
      i += 1;
      word += quote;
    } else {
      word += char;
    }
  }
  return undefined;
}

/** Splits a line into words; undefined when a quote is not closed, or closed in the middle of a word. */
export function splitWords(line: string): string[] | undefined {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && blank.test(line.charAt(at))) at += 1;
    if (at >= line.length) return words;
    let word = '';
    while (at < line.length && !blank.test(line.charAt(at))) {
      const char = line.charAt(at);
      if (char === '"' || char === "'") {
        const part = quoted(line, at + 1, char);
        if (part === undefined) return undefined;
        word += part.word;
        at = part.end;
      } else {
        word += char;
        at += 1;
      }
    }
    words.push(word);
  }
}

export function joinWords(words: readonly string[]): string {
  return words.map(quoteWord).join(' ');
}

/** The files that an `include` names. A name without wildcards has to be there; of the others none need be. */
function included(pattern: string): string[] {
  return hasWildcard(pattern) ? globPaths(pattern) : [pattern];
}

function lowerCase(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function readText(file: string, from: Directive | undefined): string {
  const where = from === undefined ? { file } : { file: from.file, line: from.line, option: from.name };
  try {
    const { size } = fs.statSync(bufferOf(file));
    if (size > fileBytesMax) throw new ConfigError(`larger than ${fileBytesMax} bytes`, where);
    return readBytes(file);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`cannot be read: ${bytesOfText((error as Error).message)}`, where);
  }
}

/** One line; undefined for comments and empty lines. */
export function parseLine(line: string, file: string, number: number): Directive | undefined {
  const trimmed = line.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '');
  if (trimmed === '' || trimmed.startsWith('#')) return undefined;
  const words = splitWords(trimmed);
  if (words === undefined) {
    const option = trimmed.split(blanks)[0] ?? '';
    throw new ConfigError('unbalanced quotes', { file, line: number, option });
  }
  const [name = '', ...rest] = words;
  return { file, line: number, name: lowerCase(name), words: rest };
}

/** All directives of a file and of the files it includes, in their order. */
export function readDirectives(file: string): Directive[] {
  let files = 0;
  const read = (name: string, depth: number, from?: Directive): Directive[] => {
    files += 1;
    if (depth > includeDepthMax || files > filesMax) {
      throw new ConfigError('too many nested includes', { file: from?.file ?? name, line: from?.line ?? 0 });
    }
    const lines = readText(name, from).split('\n');
    return lines.flatMap((line, index) => {
      const directive = parseLine(line, name, index + 1);
      if (directive === undefined) return [];
      if (directive.name !== 'include') return [directive];
      const [pattern, ...more] = directive.words;
      if (pattern === undefined || more.length > 0) {
        throw new ConfigError('wrong number of arguments', { file: name, line: index + 1, option: 'include' });
      }
      return included(pattern).flatMap((path) => read(path, depth + 1, directive));
    });
  };
  return read(file, 0);
}

/** Command-line flags: `--name word word ...`, `--name=word`. Whatever precedes the first flag is returned apart. */
export function parseFlags(argv: readonly string[]): { positional: string[]; directives: Directive[] } {
  const positional: string[] = [];
  const directives: Directive[] = [];
  for (const word of argv) {
    const [, name, inline] = /^--([^= \t-\r]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (name !== undefined) {
      const words = inline === undefined ? [] : [inline];
      directives.push({ file: 'command line', line: 0, name: lowerCase(name), words });
    } else {
      (directives.at(-1)?.words ?? positional).push(word);
    }
  }
  return { positional, directives };
}
