/** Composition root: signals -> configuration -> logger -> server -> end. */
import { type EndSignal, closeDebugger, handleSignals, leaveSignalsAlone } from './signals.js';
import path from 'node:path';
import { absolutePath, bytesOfArguments, textOf } from './bytes.js';
import { runCli } from './cli/cli.js';
import { serveArguments } from './cli/serve-arguments.js';
import { startFailure } from './cli/start-failure.js';
import { Config } from './config/config.js';
import { quietlyIgnored, startConsequences } from './config/consequences.js';
import { warningsBefore } from './config/surroundings.js';
import { type Logger, createLogger } from './log/logger.js';
import { type LogSink, type NativeAddon, loadNative } from './native.js';
import { Server } from './server.js';
import { cairnVersion } from './version.js';

const standardOutput = 1;
const standardError = 2;
/** How long the end waits for whoever reads the log. */
const logFlushMs = 1_000;
const hastyLogFlushMs = 100;

/** npm passes on a Ctrl-C that the terminal has sent to the server already: that is still the same signal. */
const sameSignalMs = 500;

/** The log, and what must be heard wherever the log goes. Nothing of it ever waits or throws. */
class Voice {
  private readonly toFile: boolean;
  private readonly output: LogSink;
  private readonly errors: LogSink;
  private readonly sink: LogSink;
  readonly log: Logger;

  constructor(addon: NativeAddon, config: Config) {
    const logfile = config.get('logfile');
    this.toFile = logfile !== '';
    this.output = addon.openLog(standardOutput, false);
    this.errors = addon.openLog(standardError, false);
    this.sink = this.toFile ? addon.openLog(absolutePath(logfile), true) : this.output;
    this.log = createLogger({ loglevel: config.get('loglevel'), json: this.toFile, sink: this.sink });
    // Node's own warnings would be written to standard error, by a write that waits for its reader.
    process.removeAllListeners('warning');
    process.on('warning', (warning) => this.log.warn(`node: ${warning.message}`));
  }

  reopen(): void {
    this.sink.reopen();
  }

  /** Exactly one such line on standard output, wherever the log goes. */
  announceReady(addresses: readonly string[]): void {
    const line = `Cairn ${cairnVersion}, pid ${process.pid}: ready to accept connections on ${addresses.join(', ')}`;
    const logged = this.log.isLevelEnabled('info');
    if (logged) this.log.info(line);
    if (!logged || this.toFile) this.output.write(`${line}\n`);
  }

  /** Once, but where somebody looks: the log may go to a file, or be silent. */
  reportFailedStart(reason: string): void {
    const logged = this.log.isLevelEnabled('error');
    if (logged) this.log.error(`the start failed: ${reason}`);
    if (!logged || this.toFile) this.errors.write(`cairn: ${reason}\n`);
  }

  flush(ms: number): void {
    const until = performance.now() + ms;
    for (const sink of [this.errors, this.output, this.sink]) sink.flush(Math.max(0, until - performance.now()));
  }
}

/** The first signal stops in good order, a later one at once. */
function stopOnSignals(server: Server, voice: Voice, addon: NativeAddon): void {
  let firstAt: number | undefined;
  const end = (signal: EndSignal): void => {
    const now = performance.now();
    firstAt ??= now;
    if (now - firstAt > sameSignalMs) {
      voice.log.warn(`${signal} again: leaving at once`);
      voice.flush(hastyLogFlushMs);
      addon.leave(1);
    }
    void server.stop(signal);
  };
  handleSignals({ end, hangUp: () => voice.reopen() });
}

/** Lets signals in that have come meanwhile: the first immediate may belong to a turn that has polled already. */
function wholeTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

/** Returns the exit code. */
async function serveUntilStopped(server: Server, voice: Voice, config: Config): Promise<number> {
  try {
    await server.start();
  } catch (error) {
    // A signal during recovery ends it early: that is not a failure.
    if (server.isStopping) return server.finished;
    voice.reportFailedStart(startFailure(error as Error, textOf(config.get('dir'))));
    await server.abandon();
    return 1;
  }
  closeDebugger();
  return server.finished;
}

async function serve(argv: readonly string[]): Promise<number> {
  const config = Config.load(serveArguments(bytesOfArguments(argv)));
  const addon = loadNative();
  const voice = new Voice(addon, config);
  const { log } = voice;
  let code: number;
  try {
    log.info(
      { pid: process.pid, config: textOf(config.file ?? 'none'), dir: path.resolve(textOf(config.get('dir'))) },
      `Cairn ${cairnVersion} starts`,
    );
    for (const { level, text } of startConsequences(config)) log[level](text);
    for (const text of warningsBefore(config)) log.warn(text);
    const ignored = quietlyIgnored(config);
    if (ignored.length > 0) log.info(`accepted, but without meaning here: ${ignored.join(', ')}`);
    const server = new Server({ addon, config, log, announce: (addresses) => voice.announceReady(addresses) });
    stopOnSignals(server, voice, addon);
    await wholeTurn();
    closeDebugger();
    code = await serveUntilStopped(server, voice, config);
  } finally {
    voice.flush(logFlushMs);
  }
  // Everything is closed by now. Node's own end would abort if the terminal that it was started from is gone.
  return addon.leave(code);
}

process.exitCode = await runCli(process.argv.slice(2), { serve, leaveSignalsAlone });
// Whatever timers are left must not keep the process.
process.exit();
