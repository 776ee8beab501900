/** CONFIG: the option table seen by clients. */
import { type Bytes, bytesOfText, textOf } from '../bytes.js';
import { Config, findOption, optionNames } from '../config/config.js';
import { consequenceOf } from '../config/consequences.js';
import { memoryWarning } from '../config/surroundings.js';
import { applyRuntime } from '../config/native-options.js';
import { ValueError } from '../config/option-types.js';
import type { OptionRow } from '../config/options.js';
import { rewriteConfig } from '../config/rewrite.js';
import { pinoLevel } from '../log/logger.js';
import { type CommandContext, type Handler, container, family, quotable, syntaxError } from './command.js';
import { globMatches } from './glob.js';
import { ReplyError, RespMap, ok } from './resp.js';

const get: Handler = ({ config }, args) => {
  const patterns = args.slice(2);
  // Without wildcards the name is answered as it was written.
  const names = patterns.flatMap((pattern) => {
    if (!/[*?[]/.test(pattern)) return findOption(pattern) === undefined ? [] : [pattern];
    return optionNames.filter((name) => globMatches(pattern, name));
  });
  return new RespMap([...new Set(names)].map((name) => [name, shown(config, name)]));
};

function shown(config: Config, name: string): string {
  return name === 'client-output-buffer-limit' ? config.get(name).replace('replica', 'slave') : config.get(name);
}

interface Change {
  name: string;
  row: OptionRow;
  argument: string;
}

function failure(name: string, reason: string): ReplyError {
  return new ReplyError(`ERR CONFIG SET failed (possibly related to argument '${quotable(name)}') - ${reason}`);
}

/** Everything that can be refused without looking at values. */
function parsePairs(config: Config, args: readonly Bytes[]): Change[] {
  const words: readonly string[] = args.slice(2);
  if (words.length % 2 !== 0) throw syntaxError;
  const changes: Change[] = [];
  for (let at = 0; at < words.length; at += 2) {
    const [name = '', argument = ''] = words.slice(at, at + 2);
    const row = findOption(name);
    if (row === undefined) {
      throw new ReplyError(`ERR Unknown option or number of arguments for CONFIG SET - '${quotable(name)}'`);
    }
    if (row.change === 'immutable') throw failure(name, "can't set immutable config");
    if (row.change === 'protected') throw failure(name, "can't set protected config");
    const reason = config.otherEngine(row);
    if (reason !== undefined) throw failure(name, reason);
    if (changes.some((change) => change.row === row)) throw failure(name, 'duplicate parameter');
    changes.push({ name, row, argument });
  }
  return changes;
}

/** Where the default user is as the configuration has it, CONFIG REWRITE has no line to write for it. */
function setRequirepass({ config, native }: CommandContext, row: OptionRow, value: string): void {
  const line = (users: readonly string[]): string => users.find((user) => user.startsWith('user default ')) ?? '';
  const written = line(config.usersWritten);
  const same = line(native.describeUsers()) === written && !config.users.some(({ words }) => words[0] === 'default');
  applyRuntime(native, row, value);
  if (!same) return;
  const now = line(native.describeUsers());
  config.usersWritten = config.usersWritten.map((user) => (user === written ? now : user));
}

/** Makes a value effective where it is used; throws with the reason. */
function takeEffect(context: CommandContext, row: OptionRow, value: string): void {
  const { native, log } = context;
  if (row.ignored) return;
  if (row.name === 'loglevel') log.level = pinoLevel(value);
  else if (row.name === 'requirepass') setRequirepass(context, row, value);
  else applyRuntime(native, row, value);
}

/** All or nothing: what took effect before a refusal is put back. */
function applyAll(context: CommandContext, changes: readonly Change[]): void {
  const { config } = context;
  const values = changes.map(({ name, row, argument }) => {
    try {
      return config.parseFor(row, argument);
    } catch (error) {
      if (error instanceof ValueError) throw failure(name, error.message);
      throw error;
    }
  });
  changes.forEach(({ name, row }, index) => {
    try {
      takeEffect(context, row, values[index] ?? '');
    } catch (error) {
      for (const done of changes.slice(0, index + 1)) takeEffect(context, done.row, config.get(done.row.name));
      throw failure(name, bytesOfText((error as Error).message));
    }
  });
  changes.forEach(({ row }, index) => {
    const value = values[index] ?? '';
    const changed = value !== config.get(row.name);
    const consequence = changed ? consequenceOf(row.name, value) : undefined;
    if (consequence !== undefined) context.log[consequence.level](`CONFIG SET: ${textOf(consequence.text)}`);
    const tooMuch = changed && row.name === 'cache-size' ? memoryWarning(config, Number(value)) : undefined;
    if (tooMuch !== undefined) context.log.warn(`CONFIG SET: ${tooMuch}`);
    config.set(row, value);
  });
}

const set: Handler = (context, args) => {
  applyAll(context, parsePairs(context.config, args));
  return ok;
};

const resetStat: Handler = async ({ native, state }) => {
  await native.resetStats();
  state.resetRates();
  return ok;
};

const rewrite: Handler = ({ config, log, native }) => {
  if (config.file === undefined) throw new ReplyError('ERR The server is running without a config file');
  try {
    rewriteConfig(config, native.describeUsers());
  } catch (error) {
    log.warn(`CONFIG REWRITE failed: ${(error as Error).message}`);
    throw new ReplyError(`ERR Rewriting config file: ${bytesOfText((error as Error).message)}`);
  }
  log.info(`configuration written to ${textOf(config.file)}`);
  return ok;
};

const command = family('server', ['admin', 'noscript', 'loading', 'stale'], ['admin', 'slow', 'dangerous']);

export const configCommands = [
  container(
    'config',
    { since: '2.0.0', summary: 'Reads and changes the configuration.' },
    [
      command(
        'get',
        -3,
        {
          since: '2.0.0',
          summary: 'Returns the options that match the patterns, with their values.',
          complexity: 'O(N) where N is the number of options',
          syntax: 'parameter [parameter ...]',
        },
        get,
      ),
      command(
        'set',
        -4,
        {
          since: '2.0.0',
          summary: 'Changes options while the server runs: all of them or none.',
          complexity: 'O(N) where N is the number of options given',
          syntax: 'parameter value [parameter value ...]',
        },
        set,
      ),
      command('resetstat', 2, { since: '2.0.0', summary: 'Sets the statistics back to zero.' }, resetStat),
      command(
        'rewrite',
        2,
        { since: '2.8.0', summary: 'Writes what is in effect to the configuration file.' },
        rewrite,
      ),
    ],
    [
      'GET <pattern> [<pattern> ...]',
      ' Show the options whose names match, with their values.',
      'SET <option> <value> [<option> <value> ...]',
      ' Change options: all of them or none.',
      'RESETSTAT',
      ' Set the statistics of INFO back to zero.',
      'REWRITE',
      ' Write what is in effect to the configuration file.',
    ],
  ),
];
