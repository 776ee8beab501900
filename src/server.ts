/** The server as one thing that starts, serves and ends: engine, listeners, metrics, pidfile. */
import fs from 'node:fs';
import { bufferOf, textOf } from './bytes.js';
import { Checkpoints } from './checkpoints.js';
import type { Services } from './commands/command.js';
import { Dispatcher } from './commands/dispatch.js';
import { controlCommands, controlRows, joinTables } from './commands/index.js';
import { aclPath, loadAclFile, loadConfiguredUsers } from './config/acl-file.js';
import { ConfigError } from './config/conf-syntax.js';
import type { Config } from './config/config.js';
import { nativeOptions } from './config/native-options.js';
import { warningsAfter } from './config/surroundings.js';
import type { Phase } from './life.js';
import { type Logger, logNative } from './log/logger.js';
import { type MetricsServer, startMetrics } from './metrics/http.js';
import type { NativeAddon, NativeServer, RecoveryReport } from './native.js';
import { ServerState } from './server-state.js';

const findingsLogged = 20;

function logRecovery(log: Logger, report: RecoveryReport): void {
  const { keys, checkpointKeys, records, bytes, segments, ms, notices, tornTail, skipped } = report;
  log.info({ keys, checkpointKeys, records, bytes, segments, ms: Math.round(ms) }, 'data directory recovered');
  for (const notice of notices.slice(0, findingsLogged)) log.warn(notice);
  for (const cut of tornTail.slice(0, findingsLogged)) log.warn(cut, 'torn tail cut at the last whole record');
  for (const lost of skipped.slice(0, findingsLogged)) log.error(lost, 'damaged record skipped');
  const more = tornTail.length + skipped.length - 2 * findingsLogged;
  if (more > 0) log.warn({ more }, 'more findings of the same kinds');
}

export interface Surroundings {
  addon: NativeAddon;
  config: Config;
  log: Logger;
  /** Called once, when clients are served. */
  announce: (addresses: readonly string[]) => void;
}

export class Server {
  private readonly state = new ServerState();
  private readonly native: NativeServer;
  private readonly services: Services;
  private readonly config: Config;
  private readonly log: Logger;
  private readonly announce: Surroundings['announce'];
  private metrics: MetricsServer | undefined;
  private pidfile = '';
  private stopping: Promise<void> | undefined;
  private finish: (code: number) => void = () => undefined;
  /** The exit code, when the server has stopped. */
  readonly finished = new Promise<number>((resolve) => (this.finish = resolve));
  phase: Phase = 'configuring';

  constructor({ addon, config, log, announce }: Surroundings) {
    this.config = config;
    this.log = log;
    this.announce = announce;
    this.native = addon.createServer(nativeOptions(config));
    const { added, table } = joinTables(addon.commandTable(), controlRows);
    this.native.addControlCommands(added);
    this.loadUsers();
    const { native, state } = this;
    const checkpoints = new Checkpoints(native, state.startedAt);
    this.services = { config, native, table, state, checkpoints, log, shutdown: this.stop.bind(this) };
  }

  /** Throws ConfigError. */
  private loadUsers(): void {
    const { config, native } = this;
    loadConfiguredUsers(native, config.users);
    const file = config.get('aclfile');
    if (file !== '') {
      const path = aclPath(config.get('dir'), file);
      try {
        loadAclFile(native, path);
      } catch (error) {
        throw new ConfigError((error as Error).message, { file: path });
      }
    }
    config.usersWritten = native.describeUsers();
  }

  /** Rejects when something refuses the start. Resolves also when stop() came first: then no further step begins. */
  async start(): Promise<void> {
    const dispatcher = new Dispatcher(this.services, controlCommands);
    this.native.onLog((batch) => logNative(this.log, batch));
    this.native.onControl((batch) => dispatcher.onBatch(batch));
    let addresses: readonly string[] = [];
    const steps: readonly (readonly [Phase, () => unknown])[] = [
      ['recovering', () => this.recover()],
      ['opening', async () => (addresses = await this.listen())],
      ['opening', () => this.startSampling()],
      ['opening', () => this.startMetrics()],
      ['ready', () => this.writePidfile()],
      ['ready', () => this.announce(addresses)],
    ];
    for (const [phase, step] of steps) {
      if (this.isStopping) return;
      this.phase = phase;
      await step();
    }
  }

  private async recover(): Promise<void> {
    logRecovery(this.log, await this.native.open());
    for (const text of warningsAfter(this.config)) this.log.warn(text);
  }

  private async listen(): Promise<readonly string[]> {
    const { addresses, maxclients } = await this.native.listen();
    this.config.lower('maxclients', maxclients);
    return addresses;
  }

  private startSampling(): void {
    const { checkpoints } = this.services;
    this.state.start(this.native, ({ changes }) => checkpoints.changesSince(changes, this.native.checkpoint()));
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

  private writePidfile(): void {
    const file = this.config.get('pidfile');
    if (file === '') return;
    try {
      fs.writeFileSync(bufferOf(file), `${process.pid}\n`);
      this.pidfile = file;
    } catch (error) {
      this.log.warn(`pidfile ${textOf(file)} cannot be written: ${(error as Error).message}`);
    }
  }

  private removePidfile(): void {
    if (this.pidfile === '') return;
    try {
      fs.rmSync(bufferOf(this.pidfile), { force: true });
    } catch (error) {
      this.log.warn(`pidfile ${textOf(this.pidfile)} cannot be removed: ${(error as Error).message}`);
    }
  }

  get isStopping(): boolean {
    return this.stopping !== undefined;
  }

  /** In whatever phase. The exit code tells whether everything could be made durable. */
  stop(reason: string, checkpoint = true): Promise<void> {
    this.stopping ??= this.stopOnce(reason, checkpoint);
    return this.stopping;
  }

  private async stopOnce(reason: string, checkpoint: boolean): Promise<void> {
    const early = this.phase === 'ready' ? '' : ` while ${this.phase}`;
    this.log.info(`${reason}${early}: stopping${checkpoint ? '' : ' without a checkpoint'}`);
    this.phase = 'stopping';
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
