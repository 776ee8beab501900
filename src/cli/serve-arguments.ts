/** The arguments of `cairn serve`: at most one file, then flags. What stands elsewhere gets an answer that says where it belongs. */
import fs from 'node:fs';
import { bufferOf } from '../bytes.js';
import { findOption } from '../config/config.js';
import { ConfigError, type Directive, joinWords, parseFlags } from '../config/conf-syntax.js';

export interface ServeArguments {
  file: string | undefined;
  flags: Directive[];
}

function isConfigurationFile(word: string): boolean {
  try {
    return word.endsWith('.conf') && fs.statSync(bufferOf(word)).isFile();
  } catch {
    return false;
  }
}

function written({ name, words }: Directive): string {
  return `--${name} ${joinWords(words)}`.trimEnd();
}

/** Throws for a flag that has no value, or one more than it takes: that one is mostly the file, written last. */
function checkValues(flag: Directive): void {
  const row = findOption(flag.name);
  const where = { file: 'command line', option: `--${flag.name}` };
  if (row === undefined || row.type.several) {
    const last = flag.words.at(-1) ?? '';
    if (row === undefined || !isConfigurationFile(last)) return;
    const right = `cairn serve ${joinWords([last])} ${written({ ...flag, words: flag.words.slice(0, -1) })}`;
    throw new ConfigError(`'${last}' is a file; the configuration file stands before all flags: ${right}`, where);
  }
  const [value, second, third] = flag.words;
  if (value === undefined) {
    throw new ConfigError(`needs a value, as in --${flag.name} ${row.default}`, where);
  }
  if (second === undefined) return;
  const right = `cairn serve ${joinWords([second])} ${written({ ...flag, words: [value] })}`;
  const hint =
    third === undefined ? `; if '${second}' is the configuration file, it stands before all flags: ${right}` : '';
  throw new ConfigError(`takes one value, and ${flag.words.length} are given${hint}`, where);
}

/** `argv` as bytes. Throws ConfigError. */
export function serveArguments(argv: readonly string[]): ServeArguments {
  const { positional, directives } = parseFlags(argv);
  const [file, stray] = positional;
  const wrong = positional.find((word) => word.startsWith('-')) ?? stray;
  if (wrong !== undefined) {
    const hint = 'options are written --name value, as in --port 7000; cairn config lists them';
    throw new ConfigError(`unexpected argument '${wrong}'; ${hint}`, { file: 'command line' });
  }
  for (const flag of directives) checkValues(flag);
  return { file, flags: directives };
}
