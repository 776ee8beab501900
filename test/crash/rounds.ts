/** The crash test: load, kill -9 at a random moment, restart on the same directory, compare; again and again. */
import fs from 'node:fs';
import { type RawClient } from '../support/raw-client.js';
import { Random } from '../support/random.js';
import { show } from '../support/resp.js';
import { check } from '../support/damage.js';
import { type Flags, makeTempDir, sleep, smallSegments, target, TestServer } from '../support/server.js';
import { observe, stateOf, Writer } from './writer.js';

export interface CrashOptions {
  rounds: number;
  seed: number;
  writers?: number;
  observers?: number;
  /** vlog unless given. */
  engine?: string;
  /** Start over in an empty directory after so many rounds. */
  roundsPerDir?: number;
  /** Called after each restart and before the comparison, to prove that the comparison notices. */
  sabotage?: (client: RawClient, writers: readonly Writer[]) => Promise<void>;
  log?: (line: string) => void;
}

export interface CrashResult {
  acknowledged: number;
  kills: number;
}

const loadMsMax = 350;
const complaintsShown = 10;

/** Options that may differ from start to start on the same directory. */
function randomFlags(random: Random): Flags {
  if (target === 'redis') return {};
  return {
    'io-backend': random.pick(['auto', 'auto', 'threads']),
    'io-threads': random.pick([1, 2]),
    'cache-size': random.pick(['1mb', '64mb']),
  };
}

async function load(
  server: TestServer,
  writers: readonly Writer[],
  round: number,
  options: CrashOptions,
  random: Random,
): Promise<string[]> {
  const complaints: string[] = [];
  let running = true;
  const isRunning = (): boolean => running;
  const clients = await Promise.all(writers.map(() => server.connect()));
  const readers = await Promise.all(Array.from({ length: options.observers ?? 2 }, () => server.connect()));
  const shared = writers.flatMap((writer) => [...writer.singles, ...writer.groups, writer.counter, writer.pair]);
  const work = Promise.all([
    ...writers.map((writer, i) => writer.run(clients[i] as RawClient, round, isRunning)),
    ...readers.map((reader) => observe(reader, shared, new Random(random.int(0, 1e9)), isRunning, complaints)),
  ]);
  await sleep(random.int(5, loadMsMax));
  if (random.chance(0.1)) {
    // Now and then an orderly end under load: nothing may be lost there either.
    await server.stop();
  } else {
    server.signal('SIGKILL');
    await server.waitExit();
  }
  running = false;
  await work;
  server.closeClients();
  for (const writer of writers) complaints.push(...writer.complaints.splice(0));
  return complaints;
}

/** Reads every register and lets it judge what is there. */
async function compare(client: RawClient, writers: readonly Writer[]): Promise<string[]> {
  const complaints: string[] = [];
  let present = 0;
  for (const writer of writers) {
    const registers = writer.registers;
    const replies = await client.pipeline(registers.map((register) => ['MGET', ...register.keys]));
    registers.forEach((register, i) => {
      const found = stateOf(replies[i] ?? '');
      present += found.filter((value) => value !== null).length;
      const complaint = register.settle(found);
      if (complaint !== undefined) complaints.push(complaint);
    });
  }
  const size = show(await client.run('DBSIZE'));
  if (size !== `:${present}`) complaints.push(`DBSIZE is ${size}, but ${present} keys were found`);
  return complaints;
}

export async function crashRounds(options: CrashOptions): Promise<CrashResult> {
  const log = options.log ?? ((line: string) => process.stdout.write(`${line}\n`));
  const random = new Random(options.seed);
  const roundsPerDir = options.roundsPerDir ?? Infinity;
  log(`crash test: ${options.rounds} rounds, seed ${options.seed} (repeat with CAIRN_CRASH_SEED=${options.seed})`);
  let kills = 0;
  let acknowledged = 0;
  for (let first = 0; first < options.rounds; first += roundsPerDir) {
    const dir = makeTempDir('cairn-crash-');
    const server = new TestServer({
      dir,
      cairn: { ...smallSegments, ...(options.engine === undefined ? {} : { engine: options.engine }) },
    });
    const writers = Array.from(
      { length: options.writers ?? 8 },
      (_, i) => new Writer(i, new Random(random.int(0, 1e9))),
    );
    try {
      await server.start();
      const last = Math.min(options.rounds, first + roundsPerDir);
      for (let round = first; round < last; round++) {
        const complaints = await load(server, writers, round, options, random);
        kills++;
        if (random.chance(0.15)) {
          await server.launch(randomFlags(random));
          await sleep(random.int(0, 250));
          await server.kill();
          kills++;
        }
        await server.start(randomFlags(random));
        using client = await server.connect();
        await options.sabotage?.(client, writers);
        complaints.push(...(await compare(client, writers)));
        if (complaints.length > 0) {
          await server.kill();
          if (options.sabotage !== undefined) fs.rmSync(dir, { recursive: true, force: true });
          throw new Error(
            `round ${round}, seed ${options.seed}, directory kept: ${dir}\n${complaints.slice(0, complaintsShown).join('\n')}` +
              (complaints.length > complaintsShown ? `\n... and ${complaints.length - complaintsShown} more` : ''),
          );
        }
        if ((round + 1) % 10 === 0) {
          const total = writers.reduce((sum, writer) => sum + writer.acknowledged, acknowledged);
          log(`round ${round + 1}/${options.rounds}: ${kills} kills, ${total} acknowledged writes, nothing lost`);
        }
      }
      await server.stop();
      const verdict = target === 'redis' ? { code: 0, output: '' } : check(dir);
      if (verdict.code !== 0) throw new Error(`seed ${options.seed}, directory kept: ${dir}\n${verdict.output}`);
      fs.rmSync(dir, { recursive: true, force: true });
    } finally {
      await server.kill();
    }
    acknowledged += writers.reduce((sum, writer) => sum + writer.acknowledged, 0);
  }
  return { acknowledged, kills };
}

/** CAIRN_CRASH_ROUNDS and CAIRN_CRASH_SEED, or the defaults. */
export function crashEnvironment(defaultRounds: number): { rounds: number; seed: number } {
  const { CAIRN_CRASH_ROUNDS: rounds, CAIRN_CRASH_SEED: seed } = process.env;
  return {
    rounds: rounds === undefined ? defaultRounds : Number(rounds),
    seed: seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(seed),
  };
}
