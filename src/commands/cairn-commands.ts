/** CAIRN: what Redis has no command for. */
import { bytesOfText } from '../bytes.js';
import { choicesOf } from '../config/options.js';
import { findOption } from '../config/config.js';
import { writeCheckpoint } from './checkpoint-commands.js';
import { type CommandContext, type Handler, container, family, integerArg, quotable, word } from './command.js';
import { type Reply, ReplyError, RespMap, ok } from './resp.js';

const since = '0.1.0';

/** What the engine answers; OK if it says nothing. */
async function tellEngine({ native }: CommandContext, words: string[]): Promise<Reply> {
  try {
    const reply = await native.engineCommand(words);
    return reply === '' ? ok : reply;
  } catch (error) {
    throw new ReplyError(`ERR ${bytesOfText((error as Error).message)}`);
  }
}

/** Lines of names and values in turn: a map for each. */
const status: Handler = async (context) => {
  const reply = await tellEngine(context, ['gc', 'status']);
  if (typeof reply !== 'string') return [];
  return reply
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const words = line.split(' ');
      const pairs = words.flatMap((name, at): [string, Reply][] => {
        const value = words[at + 1] ?? '';
        return at % 2 === 0 ? [[name, /^\d+$/.test(value) ? Number(value) : value]] : [];
      });
      return new RespMap(pairs);
    });
};

/** `ALL` is CONFIG SET gc-mode: what it sets is also what a restart after CONFIG REWRITE has. */
const gcModes = choicesOf('gc-mode');

function setModeOfAll({ config, native }: CommandContext, mode: string): void {
  native.setConfig('gc-mode', mode);
  const row = findOption('gc-mode');
  if (row !== undefined) config.set(row, mode);
}

const setMode: Handler = (context, args) => {
  const row = findOption('gc-mode');
  const reason = row === undefined ? undefined : context.config.otherEngine(row);
  if (reason !== undefined) throw new ReplyError(`ERR gc-mode cannot be set: ${reason}`);
  const [target, wanted] = [word(args, 3), word(args, 4).toLowerCase()];
  const mode = gcModes.find((known) => known === wanted);
  if (mode === undefined)
    throw new ReplyError(`ERR unknown mode '${quotable(wanted)}': it must be one of ${gcModes.join(', ')}`);
  if (target.toLowerCase() === 'all') {
    setModeOfAll(context, mode);
    return ok;
  }
  const lanes = context.native.stats().refusals.length;
  const message = `ERR no lane '${quotable(target)}': it must be 0 to ${lanes - 1}, or ALL`;
  const lane = integerArg(target, { min: 0, max: lanes - 1, message });
  return tellEngine(context, ['gc', 'mode', String(lane), mode]);
};

function pause(paused: boolean): Handler {
  return async (context) => {
    await tellEngine(context, ['gc', paused ? 'pause' : 'resume']);
    context.log.warn(`CAIRN GC: garbage collection ${paused ? 'is paused until CAIRN GC RESUME' : 'goes on'}`);
    return ok;
  };
}

const gcWords: ReadonlyMap<string, { length: number; handler: Handler }> = new Map([
  ['status', { length: 3, handler: status }],
  ['mode', { length: 5, handler: setMode }],
  ['pause', { length: 3, handler: pause(true) }],
  ['resume', { length: 3, handler: pause(false) }],
]);

const gc: Handler = (context, args) => {
  if (args.length === 2) return status(context, args);
  const found = gcWords.get(word(args, 2).toLowerCase());
  if (found?.length === args.length) return found.handler(context, args);
  throw new ReplyError(
    `ERR unknown subcommand or wrong number of arguments for '${quotable(word(args, 2), 128)}'. Try CAIRN HELP.`,
  );
};

const compact: Handler = (context) => tellEngine(context, ['compact']);

const checkpoint: Handler = async (context) => {
  const stat = await writeCheckpoint(context);
  return RespMap.of({
    time: context.checkpoints.lastTime(stat),
    milliseconds: stat.lastMs,
    keys: stat.lastKeys,
    bytes: stat.lastBytes,
  });
};

const admin = family('server', ['admin', 'noscript', 'stale'], ['admin', 'slow', 'dangerous']);
const slowAdmin = family('server', ['admin', 'noscript', 'stale', 'no_multi'], ['admin', 'slow', 'dangerous']);

export const cairnCommands = [
  container(
    'cairn',
    { since, summary: 'Garbage collection, compaction and checkpoints.' },
    [
      admin(
        'gc',
        -2,
        {
          since,
          summary: 'Shows what garbage collection did, lane by lane; sets its mode, stops and resumes it.',
          complexity: 'O(N) where N is the number of lanes',
          syntax: '[STATUS | MODE <lane | ALL> <LAZY | THROTTLED | AGGRESSIVE> | PAUSE | RESUME]',
        },
        gc,
      ),
      slowAdmin(
        'checkpoint',
        2,
        {
          since,
          summary: 'Does what SAVE does and answers with the figures of the checkpoint.',
          complexity: 'O(N) where N is the number of keys',
        },
        checkpoint,
      ),
      slowAdmin(
        'compact',
        2,
        {
          since,
          summary: 'Rewrites all files of the engine lsm, which frees the space of what is gone, and waits for it.',
          complexity: 'O(N) where N is the number of bytes in the data directory',
        },
        compact,
      ),
    ],
    [
      'CHECKPOINT',
      ' Write a checkpoint of the index, wait for it, show its time, duration, keys and bytes.',
      'COMPACT',
      ' Rewrite all files of the engine lsm, and wait for it. Other engines refuse it.',
      'GC [STATUS]',
      ' Show for each lane its mode, bytes of log and of live records, segments, what was collected and reclaimed.',
      'GC MODE <lane|ALL> <lazy|throttled|aggressive>',
      ' Set how a lane is collected. ALL is the same as CONFIG SET gc-mode; it ends what was set for single lanes.',
      'GC PAUSE',
      ' Collect nothing more until RESUME, or a restart.',
      'GC RESUME',
      ' Go on.',
    ],
  ),
];
