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

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

/** The exit code of the process. `serve` returns when the server has stopped. */
export async function runCli(argv: readonly string[], serve: Command): Promise<number> {
  const commands = new Map<string, Command>([
    ['serve', serve],
    ['check', check],
    ['ping', ping],
    ['config', () => print(renderTemplate())],
    ['help', () => print(helpText)],
  ]);
  const [first = 'serve', ...rest] = argv;
  if (argv.includes('--help') || first === '-h') return print(helpText);
  if (first === '--version' || first === '-v') return print(`cairn ${cairnVersion} (Redis ${redisVersion})\n`);
  const command = commands.get(first);
  try {
    if (command !== undefined) return await command(rest);
    if (/^[a-z][\w-]*$/.test(first) && !existsSync(first)) {
      const hint = didYouMean(first, commands.keys()) || '; try --help';
      throw new Error(`unknown command '${first}'${hint}`);
    }
    return await serve(argv);
  } catch (error) {
    const message =
      error instanceof ConfigError ? `configuration refused: ${textOf(error.message)}` : (error as Error).message;
    process.stderr.write(`cairn: ${message}\n`);
    return 1;
  }
}
