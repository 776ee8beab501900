/** The command line: `cairn serve | check | ping | config`, --help, --version. */
import { existsSync } from 'node:fs';
import { textOf } from '../bytes.js';
import { didYouMean } from '../config/closest.js';
import { ConfigError } from '../config/conf-syntax.js';
import { renderTemplate } from '../config/template.js';
import { cairnVersion, redisVersion } from '../version.js';
import { check } from './check.js';
import { ping } from './ping.js';

export const helpText = `Cairn ${cairnVersion}: a durable key-value server that speaks the Redis protocol (${redisVersion}).

usage:
  cairn [serve] [FILE] [--option value ...]   start the server; every option of the configuration file is a flag
  cairn check DIR                             verify a data directory offline: exit 0 intact, 1 damaged, 2 no data or not checked
  cairn ping [--host H] [--port N] [--socket PATH]
                                              exit 0 if a server answers there
  cairn config                                print the configuration file with every option explained
  cairn --help | --version

examples:
  cairn serve conf/cairn.conf --port 7000 --dir /var/lib/cairn
  cairn serve --io-threads 1 --appendfsync everysec --cache-size 2gb
`;

/** Each returns the exit code. */
type Command = (argv: readonly string[]) => number | Promise<number>;

/** Who reads may be gone, the disk behind it full: the exit code says so, nothing else happens. */
function print(text: string): Promise<number> {
  return new Promise((resolve) => process.stdout.write(text, (error) => resolve(error ? 1 : 0)));
}

/** It shows defaults, nobody's own settings: an argument is a misunderstanding. */
function printTemplate([stray]: readonly string[]): Promise<number> {
  if (stray === undefined) return print(renderTemplate());
  throw new Error(`config: unexpected argument '${stray}'; it takes none and prints the defaults`);
}

export interface Serving {
  /** Returns when the server has stopped. */
  serve: Command;
  /** Before every other command. */
  leaveSignalsAlone: () => void;
}

const forgive = (): void => undefined;

/** A reader that has gone is no reason for a stack trace. */
function forgiveWriteErrors(): void {
  for (const stream of [process.stdout, process.stderr]) stream.off('error', forgive).on('error', forgive);
}

/** The exit code of the process. */
export async function runCli(argv: readonly string[], { serve, leaveSignalsAlone }: Serving): Promise<number> {
  const tools = new Map<string, Command>([
    ['check', check],
    ['ping', ping],
    ['config', printTemplate],
    ['help', () => print(helpText)],
    ['version', () => print(`cairn ${cairnVersion} (Redis ${redisVersion})\n`)],
  ]);
  const [first = 'serve', ...rest] = argv;
  const wantsHelp = argv.includes('--help') || first === '-h';
  const wantsVersion = first === '--version' || first === '-v';
  const tool = tools.get(wantsHelp ? 'help' : wantsVersion ? 'version' : first);
  try {
    if (tool !== undefined) {
      leaveSignalsAlone();
      forgiveWriteErrors();
      return await tool(rest);
    }
    if (first !== 'serve' && /^[a-z][\w-]*$/.test(first) && !existsSync(first)) {
      const hint =
        didYouMean(first, ['serve', ...tools.keys()]) || `; there are ${['serve', ...tools.keys()].join(', ')}`;
      throw new Error(`unknown command '${first}'${hint}`);
    }
    return await serve(first === 'serve' ? rest : argv);
  } catch (error) {
    const message =
      error instanceof ConfigError ? `configuration refused: ${textOf(error.message)}` : (error as Error).message;
    forgiveWriteErrors();
    process.stderr.write(`cairn: ${message}\n`);
    return 1;
  }
}
