/** Seed after seed: a fresh pair of servers, a program, and for a failure the shortest one that still shows it. */
import fs from 'node:fs';
import path from 'node:path';
import { makeTempDir, redisVersion, type Flags, TestServer } from '../support/server.js';
import { commandSet, type CommandSpec } from './command-set.js';
import { clients, generate, type Program } from './program.js';
import { type Difference, type Outcome, Runner, type Servers, showStep } from './runner.js';
import { shorten } from './shorten.js';

export interface CampaignOptions {
  readonly from: number;
  readonly seeds: number;
  /** Steps of a program; each is a command, a pipeline or a transaction. */
  readonly steps: number;
  readonly toleranceMs: number;
  readonly minimiseSeconds: number;
  /** Cairn's, if not the default one. */
  readonly engine?: string;
  /** A program that an earlier failure has left, instead of seeds. */
  readonly replay?: string;
  /** Goes on after a failure. */
  readonly keepGoing?: boolean;
  log(line: string): void;
}

export interface Failure {
  readonly seed: number;
  readonly difference: Difference;
  /** The minimised program as text. */
  readonly report: string;
}

const stretchesMax = 4;
const triesMax = 400;

async function withServers<T>(
  flags: Flags,
  engine: string | undefined,
  use: (servers: Servers) => Promise<T>,
): Promise<T> {
  const redis = new TestServer({ kind: 'redis', redis: { appendonly: 'no' } });
  const cairn = new TestServer({ kind: 'cairn', cairn: { ...flags, ...(engine === undefined ? {} : { engine }) } });
  try {
    await Promise.all([redis.start(), cairn.start()]);
    return await use({ redis, cairn });
  } finally {
    await Promise.all([redis.kill(), cairn.kill()]);
    redis.removeDir();
    cairn.removeDir();
  }
}

/** After its end; in an empty directory if what it has left cannot be opened. */
async function startAnew(server: TestServer, flags: Flags): Promise<void> {
  try {
    await server.start(flags);
  } catch {
    await server.kill();
    for (const name of fs.readdirSync(server.dir)) fs.rmSync(path.join(server.dir, name), { recursive: true });
    await server.start(flags);
  }
}

/** Runs it; with longer windows when the machine was too slow for them. */
async function attempt(
  servers: Servers,
  program: Program,
  options: CampaignOptions,
  endMs = Infinity,
): Promise<Outcome> {
  const context = { redisVersion: redisVersion(), toleranceMs: options.toleranceMs };
  for (let stretch = 1; ; stretch *= 3) {
    if (!servers.cairn.running) await startAnew(servers.cairn, program.flags);
    const outcome = await new Runner(servers, context, stretch, endMs).run(program);
    if (outcome.kind !== 'late' || stretch > 3 ** stretchesMax || Date.now() > endMs) return outcome;
  }
}

function showProgram(program: Program): string {
  return program.steps.map(showStep).join('\n');
}

async function examine(program: Program, options: CampaignOptions): Promise<Failure | undefined> {
  return withServers(program.flags, options.engine, async (servers) => {
    const outcome = await attempt(servers, program, options);
    if (outcome.kind === 'late')
      options.log(`seed ${program.seed}: the machine is too slow for its windows, not judged`);
    if (outcome.kind !== 'different') return undefined;
    const { step, text } = outcome.difference;
    const failing = program.steps
      .slice(step, step + 1)
      .map(showStep)
      .join('');
    options.log(`seed ${program.seed}, step ${step}:\n${failing}\n${text}`);
    options.log(`  shortening, for at most ${options.minimiseSeconds} s ...`);
    const short = await shorten(
      program,
      outcome.difference,
      (shorter, endMs) => attempt(servers, shorter, options, endMs),
      { tries: triesMax, endMs: Date.now() + options.minimiseSeconds * 1000 },
    );
    const difference = short.difference ?? outcome.difference;
    const file = path.join(makeTempDir('cairn-fuzz-commands-'), `seed-${program.seed}.json`);
    fs.writeFileSync(file, JSON.stringify(short.program));
    const engine = options.engine === undefined ? '' : ` --engine ${options.engine}`;
    const report = [
      `seed ${program.seed}, cairn with ${JSON.stringify(program.flags)}:`,
      showProgram(short.program),
      difference.text,
      short.difference === undefined ? '(seen once; no shorter program has shown it again)' : '',
      `repeat: npm run fuzz:commands -- --from ${program.seed} --seeds 1 --steps ${options.steps}${engine}`,
      `    or: npm run fuzz:commands -- --replay ${file}${engine}`,
    ];
    return { seed: program.seed, difference, report: report.filter((line) => line !== '').join('\n') };
  });
}

/** What both servers have: a command that only one knows cannot be compared. */
async function commonCommands(engine: string | undefined): Promise<CommandSpec[]> {
  return withServers({}, engine, async ({ redis, cairn }) => {
    using theirs = await redis.connect();
    using ours = await cairn.connect();
    const there = new Set((await commandSet(theirs)).map(({ name }) => name));
    return (await commandSet(ours)).filter(({ name }) => there.has(name));
  });
}

function* programs(specs: readonly CommandSpec[], options: CampaignOptions): Generator<Program> {
  if (options.replay !== undefined) {
    yield JSON.parse(fs.readFileSync(options.replay, 'utf8')) as Program;
    return;
  }
  const version = redisVersion();
  for (let seed = options.from; seed < options.from + options.seeds; seed++)
    yield generate(seed, specs, options.steps, version);
}

export async function campaign(options: CampaignOptions): Promise<{ commands: number; failures: Failure[] }> {
  const specs = await commonCommands(options.engine);
  const failures: Failure[] = [];
  let commands = 0;
  for (const program of programs(specs, options)) {
    const failure = await examine(program, options);
    commands += program.steps.reduce((sum, step) => sum + (step.kind === 'send' ? step.commands.length : 0), 0);
    if (failure !== undefined) {
      failures.push(failure);
      options.log(failure.report);
      if (options.keepGoing !== true) break;
    } else if (program.seed % 10 === 0) {
      options.log(
        `seed ${program.seed}: ${commands} commands with ${clients} clients so far, ${failures.length} differences`,
      );
    }
  }
  return { commands, failures };
}
