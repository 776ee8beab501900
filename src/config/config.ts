/**
 * The configuration in effect: defaults, then the file, then the flags, then CONFIG SET. Values are kept as the
 * canonical text of their type, bytes (bytes.ts); the readers at the end turn it into numbers and flags.
 */
import os from 'node:os';
import { absolutePath } from '../bytes.js';
import { didYouMean } from './closest.js';
import { ConfigError, type Directive, readDirectives, splitWords } from './conf-syntax.js';
import { type Machine, ValueError } from './option-types.js';
import { type OptionRow, ownOptions } from './options.js';
import { redisOptions, refusedDirectives } from './redis-options.js';

export const allOptions: readonly OptionRow[] = [...ownOptions, ...redisOptions];

const byName = new Map<string, OptionRow>(
  allOptions.flatMap((row) => [
    [row.name, row] as const,
    ...(row.alias === undefined ? [] : [[row.alias, row] as const]),
  ]),
);

/** By name or alias, in any case. */
export function findOption(name: string): OptionRow | undefined {
  return byName.get(name.toLowerCase());
}

/** Every name CONFIG GET answers, aliases included, in a fixed order. */
export const optionNames: readonly string[] = [...byName.keys()].sort();

/** Of a refused value. */
const shownMax = 100;

export function thisMachine(): Machine {
  const constrained = process.constrainedMemory();
  const total = os.totalmem();
  const memoryLimited = constrained > 0 && constrained < total;
  return { cores: os.availableParallelism(), memoryBytes: memoryLimited ? constrained : total, memoryLimited };
}

export interface LoadOptions {
  /** Path of the configuration file, if there is one; bytes. */
  file?: string | undefined;
  flags?: readonly Directive[];
  machine?: Machine;
}

function locate(directive: Directive): { file: string; line?: number; option: string } {
  if (directive.line === 0) return { file: directive.file, option: `--${directive.name}` };
  return { file: directive.file, line: directive.line, option: directive.name };
}

/** To be appended to a refusal. What may be a secret is not repeated: it ends in logs. */
function given({ name, words }: Directive): string {
  const [word = '', ...more] = words;
  return word === '' || more.length > 0 || /pass|auth/.test(name) ? '' : ` (given: '${word.slice(0, shownMax)}')`;
}

export class Config {
  private readonly values = new Map<OptionRow, string>();
  /** What the file alone says; CONFIG REWRITE compares with it. */
  private readonly fileValues = new Map<OptionRow, string>();
  /** `user` lines of file and flags, in the order they came. */
  readonly users: Directive[] = [];
  /** The users as file and flags make them, as ACL LIST shows them; CONFIG REWRITE compares with it. */
  usersWritten: readonly string[] = [];
  /** Names of ignored options that the file or the flags set, in the order they came. */
  readonly ignored: string[] = [];

  private constructor(
    readonly file: string | undefined,
    readonly machine: Machine,
  ) {
    for (const row of allOptions) {
      const words = splitWords(row.default) ?? [];
      this.values.set(row, row.type.normalize(words, { machine, previous: undefined, replace: true }));
    }
  }

  /** Throws ConfigError. */
  static load({ file, flags = [], machine = thisMachine() }: LoadOptions = {}): Config {
    const config = new Config(file === undefined ? undefined : absolutePath(file), machine);
    if (file !== undefined) config.apply(readDirectives(file));
    for (const [row, value] of config.values) config.fileValues.set(row, value);
    config.apply(flags);
    config.checkTogether();
    return config;
  }

  private apply(directives: readonly Directive[]): void {
    const seen = new Set<OptionRow>();
    for (const directive of directives) {
      if (directive.name === 'user') {
        this.addUser(directive);
        continue;
      }
      const row = findOption(directive.name);
      if (row === undefined) {
        const unknown = `unknown option${didYouMean(directive.name, optionNames) || '; cairn config lists them'}`;
        const reason = refusedDirectives.get(directive.name) ?? unknown;
        throw new ConfigError(reason, locate(directive));
      }
      const previous = seen.has(row) || row.name === 'client-output-buffer-limit' ? this.values.get(row) : undefined;
      try {
        this.values.set(row, this.normalize(row, directive.words, previous, false));
      } catch (error) {
        if (error instanceof ValueError) throw new ConfigError(error.message + given(directive), locate(directive));
        throw error;
      }
      seen.add(row);
      if (row.ignored && !this.ignored.includes(directive.name)) this.ignored.push(directive.name);
    }
  }

  private addUser(directive: Directive): void {
    const [name] = directive.words;
    if (name === undefined) throw new ConfigError('a name is missing', locate(directive));
    if (this.users.some(({ words }) => words[0] === name)) {
      throw new ConfigError('Duplicate user found. A user can only be defined once in config files', locate(directive));
    }
    this.users.push(directive);
  }

  /** Values that are fine each, and not together. */
  private checkTogether(): void {
    if (this.get('aclfile') !== '' && this.users.length > 0) {
      throw new ConfigError('users are defined by user lines or by aclfile, not by both');
    }
    const tcp = this.number('port') !== 0 && this.words('bind').length > 0;
    if (tcp || this.get('unixsocket') !== '') return;
    const why = this.number('port') === 0 ? 'port is 0' : 'bind is empty';
    throw new ConfigError(`configured to not listen anywhere: ${why} and unixsocket is not set`);
  }

  private normalize(row: OptionRow, words: string[], previous: string | undefined, replace: boolean): string {
    const value = row.type.normalize(words, { machine: this.machine, previous, replace });
    const refusal = row.refuse?.(value);
    if (refusal !== undefined) throw new ValueError(refusal);
    return value;
  }

  /** The canonical text for CONFIG SET's argument. Throws ValueError; changes nothing. */
  parseFor(row: OptionRow, argument: string): string {
    const words = row.type.several ? (splitWords(argument) ?? [argument]) : [argument];
    return this.normalize(row, words, this.values.get(row), true);
  }

  /** Why an option has no effect on this server; undefined: it has. */
  otherEngine(row: OptionRow): string | undefined {
    const engine = this.get('engine');
    if (row.engine === undefined || row.engine === engine) return undefined;
    return `it is an option of the engine ${row.engine}, and this server runs ${engine}`;
  }

  set(row: OptionRow, value: string): void {
    this.values.set(row, value);
  }

  /** The system allows less than was asked for. */
  lower(name: string, value: number): void {
    const row = findOption(name);
    if (row !== undefined && value < this.number(name)) this.values.set(row, String(value));
  }

  /** The canonical text, as CONFIG GET answers it. */
  get(name: string): string {
    const row = findOption(name);
    const value = row === undefined ? undefined : this.values.get(row);
    if (value === undefined) throw new Error(`no such option: ${name}`);
    return value;
  }

  fileValue(row: OptionRow): string {
    return this.fileValues.get(row) ?? this.get(row.name);
  }

  /** Called when the file says what is in effect now. */
  markRewritten(): void {
    for (const [row, value] of this.values) this.fileValues.set(row, value);
  }

  defaultOf(row: OptionRow): string {
    const words = splitWords(row.default) ?? [];
    return row.type.normalize(words, { machine: this.machine, previous: undefined, replace: true });
  }

  number(name: string): number {
    return Number(this.get(name));
  }

  flag(name: string): boolean {
    return this.get(name) === 'yes';
  }

  words(name: string): string[] {
    return this.get(name)
      .split(' ')
      .filter((word) => word !== '');
  }
}
