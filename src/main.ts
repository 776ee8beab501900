/** Composition root: configuration -> logger -> engine -> listeners -> signals. */
import fs from 'node:fs';
import path from 'node:path';
import { bufferOf, bytesOfArguments, textOf } from './bytes.js';
import { runCli } from './cli/cli.js';
import { startFailure } from './cli/start-failure.js';
import { Checkpoints } from './checkpoints.js';
import type { Services } from './commands/command.js';
import { Dispatcher } from './commands/dispatch.js';
import { controlCommands, controlRows, joinTables } from './commands/index.js';
import { Config } from './config/config.js';
import { ConfigError, parseFlags } from './config/conf-syntax.js';
import { quietlyIgnored, startConsequences } from './config/consequences.js';
import { nativeOptions } from './config/native-options.js';
import { type Logger, createLogger, logNative } from './log/logger.js';
import { type MetricsServer, startMetrics } from './metrics/http.js';
import { type NativeServer, type RecoveryReport, loadNative } from './native.js';
import { ServerState } from './server-state.js';
import { cairnVersion } from './version.js';

const findingsLogged = 20;

/** From the arguments of `serve`: at most one file, then flags. */
function loadConfig(argv: readonly string[]): Config {
  const { positional, directives } = parseFlags(bytesOfArguments(argv));
  const [file, stray] = positional;
  const wrong = positional.find((word) => word.startsWith('-')) ?? stray;
  if (wrong !== undefined) {
    const hint = 'options are written --name value, as in --port 7000; cairn config lists them';
    throw new ConfigError(`unexpected argument '${wrong}'; ${hint}`, { file: 'command line' });
  }
  return Config.load({ file, flags: directives });
}

function logRecovery(log: Logger, report: RecoveryReport): void {
  const { keys, checkpointKeys, records, bytes, segments, ms, notices, tornTail, skipped } = report;
  log.info({ keys, checkpointKeys, records, bytes, segments, ms: Math.round(ms) }, 'data directory recovered');
  for (const notice of notices.slice(0, findingsLogged)) log.warn(notice);
  for (const cut of tornTail.slice(0, findingsLogged)) log.warn(cut, 'torn tail cut at the last whole record');
  for (const lost of skipped.slice(0, findingsLogged)) log.error(lost, 'damaged record skipped');
  const more = tornTail.length + skipped.length - 2 * findingsLogged;
  if (more > 0) log.warn({ more }, 'more findings of the same kinds');
}

function writePidfile(config: Config, log: Logger): () => void {
  const file = config.get('pidfile');
  if (file === '') return () => undefined;
  try {
    fs.writeFileSync(bufferOf(file), `${process.pid}\n`);
    return () => fs.rmSync(bufferOf(file), { force: true });
  } catch (error) {
    log.warn(`pidfile ${textOf(file)} cannot be written: ${(error as Error).message}`);
    return () => undefined;
  }
}

/** Exactly one such line on standard output, wherever the log goes. */
function announceReady(config: Config, log: Logger, addresses: readonly string[]): void {
  const line = `Cairn ${cairnVersion}, pid ${process.pid}: ready to accept connections on ${addresses.join(', ')}`;
  const logged = log.isLevelEnabled('info');
  if (logged) log.info(line);
  if (!logged || config.get('logfile') !== '') process.stdout.write(`${line}\n`);
}

class Server {
  private readonly state = new ServerState();
  private readonly native: NativeServer;
  private readonly services: Services;
  private metrics: MetricsServer | undefined;
  private removePidfile: () => void = () => undefined;
  private stopping: Promise<void> | undefined;
  private finish: (code: number) => void = () => undefined;
  /** The exit code, when the server has stopped. */
  readonly finished = new Promise<number>((resolve) => (this.finish = resolve));

  constructor(
    private readonly config: Config,
    private readonly log: Logger,
  ) {
    const addon = loadNative();
    this.native = addon.createServer(nativeOptions(config));
    const { added, table } = joinTables(addon.commandTable(), controlRows);
    this.native.addControlCommands(added);
    const { native, state } = this;
    const checkpoints = new Checkpoints(native, state.startedAt);
    this.services = { config, native, table, state, checkpoints, log, shutdown: this.stop.bind(this) };
  }

  async start(): Promise<void> {
    const dispatcher = new Dispatcher(this.services, controlCommands);
    this.native.onLog((batch) => logNative(this.log, batch));
    this.native.onControl((batch) => dispatcher.onBatch(batch));
    logRecovery(this.log, await this.native.open());
    const { addresses, maxclients } = await this.native.listen();
    this.config.lower('maxclients', maxclients);
    this.state.start(this.native);
    await this.startMetrics();
    this.removePidfile = writePidfile(this.config, this.log);
    announceReady(this.config, this.log, addresses);
  }

  private async startMetrics(): Promise<void> {
    const [host, port] = [this.config.get('metrics-bind'), this.config.number('metrics-port')];
    if (port === 0) return;
    try {
      this.metrics = await startMetrics(this.services, host, port);
      this.log.info(`metrics on http://${host}:${this.metrics.port}/metrics`);
    } catch (error) {
      // Somebody else's exporter is no reason to refuse the data.
      this.log.warn(`no metrics: ${(error as Error).message}`);
    }
  }

  get isStopping(): boolean {
    return this.stopping !== undefined;
  }

  /** The exit code tells whether everything could be made durable. */
  stop(reason: string, checkpoint = true): Promise<void> {
    this.stopping ??= this.stopOnce(reason, checkpoint);
    return this.stopping;
  }

  private async stopOnce(reason: string, checkpoint: boolean): Promise<void> {
    this.log.info(`${reason}: stopping${checkpoint ? '' : ' without a checkpoint'}`);
    this.state.stop();
    this.services.checkpoints.giveUp('the server stops');
    let code = 0;
    try {
      await this.metrics?.close();
      await this.native.stop(checkpoint);
      this.log.info('everything is on disk, bye');
    } catch (error) {
      code = 1;
      this.log.error(`stopping failed: ${(error as Error).message}`);
    }
    this.removePidfile();
    this.finish(code);
  }

  /** After a failed start: gives back what is held. */
  async abandon(): Promise<void> {
    await this.native.stop().catch(() => undefined);
  }
}

/** npm passes on a Ctrl-C that the terminal has sent to the server already: that is still the same signal. */
const sameSignalMs = 500;

/** The first signal stops in good order, a later one at once. */
function handleSignals(server: Server, log: Logger): void {
  let firstAt: number | undefined;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      const now = performance.now();
      firstAt ??= now;
      if (now - firstAt > sameSignalMs) {
        log.warn(`${signal} again: leaving at once`);
        process.exit(1);
      }
      void server.stop(signal);
    });
  }
  process.on('SIGHUP', () => undefined);
}

/** Once, but where somebody looks: the log may go to a file, or be silent. */
function reportFailedStart(config: Config, log: Logger, reason: string): void {
  const logged = log.isLevelEnabled('error');
  if (logged) log.error(`the start failed: ${reason}`);
  if (!logged || config.get('logfile') !== '') process.stderr.write(`cairn: ${reason}\n`);
}

async function serve(argv: readonly string[]): Promise<number> {
  const config = loadConfig(argv);
  const log = createLogger({ loglevel: config.get('loglevel'), logfile: config.get('logfile') });
  log.info(
    { pid: process.pid, config: textOf(config.file ?? 'none'), dir: path.resolve(textOf(config.get('dir'))) },
    `Cairn ${cairnVersion} starts`,
  );
  for (const { level, text } of startConsequences(config)) log[level](text);
  const ignored = quietlyIgnored(config);
  if (ignored.length > 0) log.info(`accepted, but without meaning here: ${ignored.join(', ')}`);
  const server = new Server(config, log);
  handleSignals(server, log);
  try {
    await server.start();
  } catch (error) {
    // A signal during recovery ends it early: that is not a failure.
    if (server.isStopping) return server.finished;
    reportFailedStart(config, log, startFailure(error as Error, textOf(config.get('dir'))));
    await server.abandon();
    return 1;
  }
  return server.finished;
}

process.exitCode = await runCli(process.argv.slice(2), serve);
// Native threads have ended by now; whatever timers are left must not keep the process.
process.exit();
