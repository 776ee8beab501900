/** SAVE, BGSAVE, LASTSAVE, BGREWRITEAOF. The log is the data: what is saved is the index, which a start reads first. */
import { bytesOfText } from '../bytes.js';
import type { CheckpointStat } from '../native-stats.js';
import { type CommandContext, type Handler, family, syntaxError, word } from './command.js';
import { ReplyError, Simple, ok } from './resp.js';

const admin = family('server', ['admin', 'noscript', 'no_async_loading'], ['admin', 'slow', 'dangerous']);

/** Waits; other clients go on. */
export async function writeCheckpoint({ checkpoints, log }: CommandContext): Promise<CheckpointStat> {
  try {
    return await checkpoints.write();
  } catch (error) {
    log.error(`checkpoint failed: ${(error as Error).message}`);
    throw new ReplyError(`ERR ${bytesOfText((error as Error).message)}`);
  }
}

function refuseBesideBackground({ checkpoints }: CommandContext): void {
  if (checkpoints.inBackground) throw new ReplyError('ERR Background save already in progress');
}

const save: Handler = async (context) => {
  refuseBesideBackground(context);
  await writeCheckpoint(context);
  return ok;
};

const bgsave: Handler = (context, args) => {
  if (args.length > 2 || (args.length === 2 && word(args, 1).toLowerCase() !== 'schedule')) throw syntaxError;
  refuseBesideBackground(context);
  const { checkpoints } = context;
  checkpoints.inBackground = true;
  writeCheckpoint(context)
    .catch(() => undefined)
    .finally(() => (checkpoints.inBackground = false));
  return new Simple('Background saving started');
};

export const checkpointCommands = [
  family('server', ['admin', 'noscript', 'no_async_loading', 'no_multi'], ['admin', 'slow', 'dangerous'])(
    'save',
    1,
    {
      summary: 'Makes everything durable and writes a checkpoint of the index before it answers.',
      complexity: 'O(N) where N is the number of keys',
    },
    save,
  ),
  admin(
    'bgsave',
    -1,
    {
      summary: 'Makes everything durable and writes a checkpoint of the index in the background.',
      complexity: 'O(1)',
      syntax: '[SCHEDULE]',
    },
    bgsave,
  ),
  admin(
    'bgrewriteaof',
    1,
    { summary: 'Accepted; garbage collection keeps the log small.' },
    () => new Simple('Background append only file rewriting started'),
  ),
  family('server', ['loading', 'stale', 'fast'], ['admin', 'fast', 'dangerous'])(
    'lastsave',
    1,
    { summary: 'Returns the Unix time of the newest checkpoint; while there is none, of the start.' },
    ({ checkpoints }) => checkpoints.lastTime(),
  ),
];
