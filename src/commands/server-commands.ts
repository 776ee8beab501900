/** SHUTDOWN, DEBUG, LOLWUT, MODULE. */
import { type Bytes, bytesOfText, textOf } from '../bytes.js';
import { redisVersion } from '../version.js';
import {
  type CommandContext,
  type Handler,
  container,
  family,
  helpText,
  integerArg,
  noReply,
  parseInteger,
  quotable,
  syntaxError,
  word,
} from './command.js';
import { globMatches } from './glob.js';
import { Double, type Reply, ReplyError, RespMap, RespSet, Verbatim, ok } from './resp.js';

// ------------------------------------------------------------------------------------------------------ SHUTDOWN

const shutdownFlags = new Set(['nosave', 'save', 'now', 'force', 'abort']);

const shutdown = async (context: CommandContext, args: readonly Bytes[]): Promise<typeof noReply> => {
  const flags = args.slice(1).map((arg) => arg.toLowerCase());
  const has = (flag: string): boolean => flags.includes(flag);
  if (!flags.every((flag) => shutdownFlags.has(flag))) throw syntaxError;
  if ((has('abort') && flags.length > 1) || (has('save') && has('nosave'))) throw syntaxError;
  if (has('abort')) throw new ReplyError('ERR No shutdown in progress.');
  await context.shutdown('SHUTDOWN command', !has('nosave'));
  return noReply;
};

const shutdownCommand = family(
  'server',
  ['admin', 'noscript', 'loading', 'stale', 'no_multi', 'allow_busy'],
  ['admin', 'slow', 'dangerous'],
)(
  'shutdown',
  -1,
  {
    summary: 'Makes everything durable, writes a checkpoint of the index (NOSAVE: does not) and ends the server.',
    syntax: '[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]',
  },
  shutdown,
);

// --------------------------------------------------------------------------------------------------------- DEBUG

const protocolSamples: ReadonlyMap<string, Reply> = new Map<string, Reply>([
  ['string', 'Hello World'],
  ['integer', 12345],
  ['double', new Double(3.141)],
  ['null', null],
  ['array', [0, 1, 2]],
  ['set', new RespSet([0, 1, 2])],
  [
    'map',
    new RespMap([
      [0, false],
      [1, true],
      [2, false],
    ]),
  ],
  ['verbatim', new Verbatim('This is a verbatim\nstring')],
  ['true', true],
  ['false', false],
]);

const debugHelp = [
  'CHANGE-REPL-ID',
  ' Accepted.',
  'ERROR <string>',
  ' Answer with an error.',
  'JMAP',
  ' Show memory by kind.',
  'LOADAOF',
  ' The same as RELOAD.',
  'LOG <message>',
  ' Write a line to the log.',
  'OBJECT <key>',
  ' Show how and where a value is stored.',
  'PROTOCOL <type>',
  ' Answer with a value of that type: string, integer, double, null, array, set, map, verbatim, true, false.',
  'RELOAD [option ...]',
  ' Close the engine and recover it from disk.',
  'SET-ACTIVE-EXPIRE <0|1>',
  ' Stop or start the background removal of expired keys.',
  'SLEEP <seconds>',
  ' Keep a reactor busy. Fractions are allowed.',
  'STRINGMATCH-LEN <length> <pattern>',
  ' Match a pattern against a long string.',
];

const stringMatchLength = 1_000_000;

const debug: Handler = async ({ native, checkpoints, log, shutdown }, args) => {
  const sub = word(args, 1).toLowerCase();
  const wrong = new ReplyError(
    `ERR unknown subcommand or wrong number of arguments for '${quotable(word(args, 1), 128)}'. Try DEBUG HELP.`,
  );
  switch (sub) {
    case 'help':
      return helpText('debug', debugHelp);
    case 'reload':
    case 'loadaof': {
      const report = await native.reload().catch((error: unknown) => {
        if (!native.isOpen()) void shutdown('DEBUG RELOAD has failed');
        throw new ReplyError(`ERR ${bytesOfText((error as Error).message)}`);
      });
      checkpoints.giveUp('the engine was closed and opened again');
      checkpoints.reloaded();
      log.info(
        { keys: report.keys, records: report.records, ms: Math.round(report.ms) },
        'engine closed and recovered',
      );
      return ok;
    }
    case 'change-repl-id':
    case 'quicklist-packed-threshold':
      return ok;
    case 'error':
      if (args.length !== 3) throw wrong;
      return new ReplyError(word(args, 2));
    case 'log':
      if (args.length !== 3) throw wrong;
      log.warn(`DEBUG LOG: ${textOf(word(args, 2))}`);
      return ok;
    case 'protocol': {
      const sample = protocolSamples.get(word(args, 2).toLowerCase());
      if (args.length !== 3 || sample === undefined) throw wrong;
      return sample;
    }
    case 'stringmatch-len': {
      if (args.length !== 4) throw wrong;
      const length = integerArg(word(args, 2), { min: 0, max: stringMatchLength });
      return Number(globMatches(word(args, 3), 'x'.repeat(length)));
    }
    default:
      throw wrong;
  }
};

const debugRow = family('server', ['admin', 'noscript', 'loading', 'stale'], ['admin', 'slow', 'dangerous']);
const debugSubcommands =
  'help reload loadaof change-repl-id quicklist-packed-threshold error log protocol stringmatch-len'.split(' ');

/** Arity is left to the handler: DEBUG has an error text of its own for it. */
const debugCommand = {
  ...debugRow(
    'debug',
    -2,
    { summary: 'Commands for tests.', complexity: 'Depends on subcommand.', syntax: 'subcommand [argument ...]' },
    debug,
  ),
  subcommands: debugSubcommands.map((name) => debugRow(name, -2, { summary: 'See DEBUG HELP.' })),
};

// -------------------------------------------------------------------------------------------------------- others

/** A heap of stones, each a little narrower than the one below; another one every time. */
export function drawCairn(stones: number, random: () => number): string {
  const widest = 4 * stones + 6;
  const lines = Array.from({ length: stones }, (_, index) => {
    const width = 4 + 4 * index + Math.floor(3 * random());
    const shift = Math.round(2 * (random() - 0.5));
    const left = Math.max(0, Math.floor((widest - width) / 2) + shift);
    return `${' '.repeat(left)}(${'_'.repeat(width)})`;
  });
  return lines.join('\n');
}

const stonesMax = 24;

const lolwut: Handler = (_context, args) => {
  const versioned = word(args, 1).toLowerCase() === 'version';
  if (versioned && args.length > 2) integerArg(word(args, 2));
  const wanted = Number(parseInteger(word(args, versioned ? 3 : 1)) ?? 0n);
  const stones = wanted > 0 ? Math.min(wanted, stonesMax) : 6;
  const drawing = drawCairn(stones, Math.random);
  return new Verbatim(`${drawing}\n\nA cairn: stone upon stone, and none is lost. Redis ver. ${redisVersion}\n`);
};

export const serverCommands = [
  shutdownCommand,
  debugCommand,
  family('server', ['readonly', 'fast'], ['read', 'fast'])(
    'lolwut',
    -1,
    { since: '5.0.0', summary: 'Draws something.', syntax: '[VERSION version] [argument ...]' },
    lolwut,
  ),
  container(
    'module',
    { since: '4.0.0', summary: 'Modules; there are none.' },
    [
      family('server', ['admin', 'noscript'], ['admin', 'slow', 'dangerous'])(
        'list',
        2,
        { since: '4.0.0', summary: 'Lists the modules: always empty.' },
        () => [],
      ),
    ],
    ['LIST', ' Show the loaded modules (none: modules are not supported).'],
  ),
];
