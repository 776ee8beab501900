/**
 * Command tests as tables: each row is a command and the reply it must get, compared to the byte. Every table runs on a
 * fresh connection to an emptied server, once a command at a time and once with all commands in one pipeline.
 */
import { expect, test } from 'vitest';
import { type Arg, encode, ErrorReply, MapReply, type Reply, show, tokenize } from './resp.js';
import { has72, sleep, type TestServer } from './server.js';

export interface Matcher {
  readonly label: string;
  matches(reply: Reply): boolean;
}

export type Expected = Reply | Matcher | readonly Expected[];

/** `only72`: leave the row out where the server is older than Redis 7.2. */
export type Row =
  | readonly [command: string | readonly Arg[], expected: Expected]
  | readonly [command: string | readonly Arg[], expected: Expected, only72: '7.2']
  | Pause;

export interface Pause {
  readonly pauseMs: number;
}

/** Waits between two rows. */
export const pause = (ms: number): Pause => ({ pauseMs: ms });

/** An error reply. */
export const err = (text: string): ErrorReply => new ErrorReply(text);

export const arity = (command: string): ErrorReply =>
  new ErrorReply(`ERR wrong number of arguments for '${command}' command`);

export const syntaxError = new ErrorReply('ERR syntax error');
export const notInteger = new ErrorReply('ERR value is not an integer or out of range');
export const notFloat = new ErrorReply('ERR value is not a valid float');
export const wrongType = new ErrorReply('WRONGTYPE Operation against a key holding the wrong kind of value');

export function matcher(label: string, matches: (reply: Reply) => boolean): Matcher {
  return { label, matches };
}

export const anything = matcher('anything', () => true);

export const anyInteger = matcher('an integer', (reply) => typeof reply === 'number');

export const between = (low: number, high: number): Matcher =>
  matcher(`an integer from ${low} to ${high}`, (reply) => typeof reply === 'number' && reply >= low && reply <= high);

export const oneOf = (...choices: readonly Reply[]): Matcher =>
  matcher(`one of ${choices.map(show).join(' | ')}`, (reply) => choices.some((choice) => show(choice) === show(reply)));

/** An array with these items in any order. */
export const unordered = (...items: readonly Reply[]): Matcher =>
  matcher(`in any order: ${show(items)}`, (reply) => {
    if (!Array.isArray(reply)) return false;
    const shown = (list: readonly Reply[]): string => list.map(show).sort().join('\n');
    return shown(reply as Reply[]) === shown(items);
  });

/** A flat array (or a map) of these names and values, in any order. */
export const pairs = (fields: Readonly<Record<string, string>>): Matcher =>
  matcher(`fields: ${JSON.stringify(fields)}`, (reply) => {
    const flat = reply instanceof MapReply ? reply.entries.flat() : reply;
    if (!Array.isArray(flat)) return false;
    const items = flat as readonly Reply[];
    const found = items.flatMap((item, i) => (i % 2 === 0 ? [`${show(item)}=${show(items[i + 1] ?? '')}`] : []));
    const wanted = Object.entries(fields).map(([name, value]) => `${show(name)}=${show(value)}`);
    return found.sort().join('\n') === wanted.sort().join('\n');
  });

/** The text that `show` gives for the reply must match. */
export const like = (pattern: RegExp): Matcher => matcher(String(pattern), (reply) => pattern.test(show(reply)));

const isMatcher = (expected: Expected): expected is Matcher =>
  typeof expected === 'object' && 'label' in expected && 'matches' in expected;

function isList(expected: Expected): expected is readonly Expected[] {
  return Array.isArray(expected);
}

/** The text of `reply` if it is as expected, else a description of what was expected. */
export function expectation(expected: Expected, reply: Reply): string {
  if (isMatcher(expected)) return expected.matches(reply) ? show(reply) : `<${expected.label}>`;
  if (isList(expected)) {
    const items: readonly Reply[] = Array.isArray(reply) ? (reply as readonly Reply[]) : [];
    return `[${expected.map((item, i) => expectation(item, items[i] ?? '(missing)')).join(', ')}]`;
  }
  return show(expected);
}

const shownCommandChars = 100;

function label(command: string | readonly Arg[]): string {
  const text = typeof command === 'string' ? command : command.map((arg) => arg.toString().slice(0, 30)).join(' ');
  return text.length > shownCommandChars ? `${text.slice(0, shownCommandChars)}...` : text;
}

function bytesOf(command: string | readonly Arg[]): Buffer {
  return encode(typeof command === 'string' ? tokenize(command) : command);
}

export async function runTable(server: TestServer, rows: readonly Row[], mode: 'single' | 'pipeline'): Promise<void> {
  using client = await server.connect();
  await client.cmd('FLUSHALL');
  const got: string[] = [];
  const wanted: string[] = [];
  let batch: Exclude<Row, Pause>[] = [];
  const flush = async (): Promise<void> => {
    void client.send(Buffer.concat(batch.map(([command]) => bytesOf(command))));
    for (const [command, expected] of batch) {
      const reply = await client.read();
      got.push(`${label(command)} => ${show(reply)}`);
      wanted.push(`${label(command)} => ${expectation(expected, reply)}`);
    }
    batch = [];
  };
  for (const row of rows) {
    if ('pauseMs' in row) {
      await flush();
      await sleep(row.pauseMs);
      continue;
    }
    if (row[2] === '7.2' && !has72) continue;
    batch.push(row);
    if (mode === 'single') await flush();
  }
  await flush();
  expect(got).toEqual(wanted);
}

export interface TableOptions {
  /** Tables that wait, or change the server, need not run twice. */
  once?: boolean;
}

/** Declares the tests of one table. */
export function table(
  server: { readonly current: TestServer },
  name: string,
  rows: readonly Row[],
  options: TableOptions = {},
): void {
  test(name, () => runTable(server.current, rows, 'single'));
  if (options.once !== true) test(`${name} (one pipeline)`, () => runTable(server.current, rows, 'pipeline'));
}
