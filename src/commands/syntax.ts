/**
 * Reads a row's syntax line (`key value [NX | XX] [EX seconds | KEEPTTL]`) into the argument tree of COMMAND DOCS.
 * Upper case words are tokens, lower case words values; `[]` optional, `<>` grouping, `|` one of, `...` may repeat.
 */
import { type Reply, RespMap, RespSet, Simple } from './resp.js';

export interface Argument {
  name: string;
  type: 'string' | 'integer' | 'double' | 'key' | 'pattern' | 'unix-time' | 'pure-token' | 'oneof' | 'block';
  token?: string;
  optional?: true;
  multiple?: true;
  arguments?: Argument[];
}

const integers =
  /^(seconds|milliseconds|count|offset|increment|decrement|start|end|index|db|destination-db|cursor|timeout|bit|bits|ttl|numreplicas|numlocal|client-id|len|version|min-match-len|port)$/;

function valueType(name: string): Argument['type'] {
  if (/^(.*-)?key\d*$|^(source|destination|newkey|destkey|sourcekey)$/.test(name)) return 'key';
  if (name === 'pattern') return 'pattern';
  if (name.startsWith('unix-time')) return 'unix-time';
  if (integers.test(name)) return 'integer';
  return 'string';
}

const wordsMax = 400;

function lex(syntax: string): string[] {
  return (syntax.match(/\.\.\.|[[\]<>|]|[^\s[\]<>|]+/g) ?? []).slice(0, wordsMax);
}

function isToken(word: string | undefined): boolean {
  return word !== undefined && /^[A-Z0-9_*=~$-]+$/.test(word) && /[A-Z*=~$]/.test(word);
}

function isValue(word: string | undefined): boolean {
  return word !== undefined && !isToken(word) && !/^([[\]<>|]|\.\.\.)$/.test(word);
}

function block(items: Argument[], extra: Partial<Argument> = {}): Argument {
  const [only] = items;
  if (only !== undefined && items.length === 1) return { ...only, ...extra };
  return { name: items.map(({ name }) => name).join('_'), type: 'block', ...extra, arguments: items };
}

class Reader {
  private at = 0;
  constructor(private readonly words: readonly string[]) {}

  private peek(): string | undefined {
    return this.words[this.at];
  }

  private take(): string {
    return this.words[this.at++] ?? '';
  }

  private skip(word: string): boolean {
    if (this.peek() !== word) return false;
    this.at += 1;
    return true;
  }

  /** Alternatives up to the closing bracket. */
  private choice(): Argument {
    const options = [this.sequence()];
    while (this.skip('|')) options.push(this.sequence());
    this.at += 1;
    const [only = []] = options;
    if (options.length === 1) return block(only);
    const items = options.map((items) => block(items));
    return { name: items.map(({ name }) => name).join('_'), type: 'oneof', arguments: items };
  }

  private values(): Argument[] {
    const items: Argument[] = [];
    while (isValue(this.peek())) items.push({ name: this.peek() ?? '', type: valueType(this.take()) });
    return items;
  }

  private tokenItem(): Argument {
    const token = this.take();
    const values = this.values();
    if (values.length > 0) return block(values, { token });
    if (this.peek() === '<') {
      this.at += 1;
      return { ...this.choice(), token };
    }
    return { name: token.toLowerCase(), type: 'pure-token', token };
  }

  private item(): Argument {
    if (this.skip('[')) return { ...this.choice(), optional: true };
    if (this.skip('<')) return this.choice();
    if (isToken(this.peek())) return this.tokenItem();
    const name = this.take();
    return { name, type: valueType(name) };
  }

  sequence(): Argument[] {
    const items: Argument[] = [];
    while (this.at < this.words.length && !['|', ']', '>'].includes(this.peek() ?? '')) {
      const item = this.item();
      if (this.skip('...')) item.multiple = true;
      const folded = item.optional === true && foldRepetition(items, item);
      if (!folded) items.push(item);
    }
    return items;
  }
}

/** `key [key ...]` is one argument that may repeat: marks what precedes, and drops the bracket. */
function foldRepetition(items: Argument[], bracket: Argument): boolean {
  const parts = bracket.type === 'block' ? (bracket.arguments ?? []) : [bracket];
  const before = items.slice(-parts.length);
  const repeats = parts.at(-1)?.multiple === true || parts.some((part) => part.multiple);
  const lastOfToken =
    before.at(-1)?.token !== undefined && parts.length === 1 && before.at(-1)?.name === parts[0]?.name;
  if (!repeats || !(lastOfToken || before.every((item, index) => item.name === parts[index]?.name))) return false;
  if (before.length < parts.length) return false;
  items.splice(-parts.length, parts.length, block(before, { multiple: true }));
  return true;
}

export function parseSyntax(syntax: string): Argument[] {
  return new Reader(lex(syntax)).sequence();
}

export function argumentReply(argument: Argument): Reply {
  const flags = (['optional', 'multiple'] as const).filter((flag) => argument[flag]);
  const pairs: [string, Reply][] = [
    ['name', argument.name],
    ['type', argument.type],
  ];
  if (argument.token !== undefined) pairs.push(['token', argument.token]);
  if (argument.type === 'key') pairs.push(['key_spec_index', 0]);
  if (flags.length > 0) pairs.push(['flags', new RespSet(flags.map((flag) => new Simple(flag)))]);
  if (argument.arguments !== undefined) pairs.push(['arguments', argument.arguments.map(argumentReply)]);
  return new RespMap(pairs);
}
