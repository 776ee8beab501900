/** A data plane that only remembers what it was told, for tests of the control plane alone. */
import { pino } from 'pino';
import { bytesOf, bytesOfText } from '../../src/bytes.js';
import { Checkpoints } from '../../src/checkpoints.js';
import type { CommandContext, Services } from '../../src/commands/command.js';
import { controlRows, joinTables } from '../../src/commands/index.js';
import { Config, type LoadOptions } from '../../src/config/config.js';
import { ServerState } from '../../src/server-state.js';
import type {
  ClientRow,
  CommandRow,
  ControlReply,
  KillFilter,
  NativeServer,
  RecoveryReport,
  UserError,
} from '../../src/native.js';
import type { EngineFigure, LatencyHistogram, Log2Histogram, NativeStats } from '../../src/native-stats.js';

const recovery: RecoveryReport = {
  keys: 3,
  checkpointKeys: 2,
  notices: [],
  records: 4,
  bytes: 500,
  segments: 1,
  ms: 2.5,
  tornTail: [],
  skipped: [],
};

/** Log2Histogram: `counts` of values with that many bits. */
function byBits(counts: Record<number, number>, sum: number): Log2Histogram {
  return { counts: Array.from({ length: 40 }, (_, bits) => counts[bits] ?? 0), sum };
}

/** Of a made-up engine: one of each kind, and two that share a metric. */
function fakeFigures(): EngineFigure[] {
  const plain: EngineFigure = {
    info: '',
    metric: '',
    kind: 'gauge',
    unit: '',
    label: '',
    help: 'Something.',
    decimals: 0,
    choices: '',
    labels: [],
    values: [],
    text: bytesOfText(''),
  };
  const number = (info: string, metric: string, value: number, more: Partial<EngineFigure> = {}): EngineFigure => ({
    ...plain,
    info,
    metric,
    values: [value],
    ...more,
  });
  const cause = { label: 'cause', kind: 'counter' } as const;
  return [
    number('log_bytes', 'cairn_log_bytes', 10_000),
    number('space_amplification', 'cairn_space_amplification', 1.23456, { decimals: 3 }),
    number('device_bytes_commit', 'cairn_device_bytes_by_cause_total', 3000, { ...cause, labels: ['commit'] }),
    number('device_bytes_gc', 'cairn_device_bytes_by_cause_total', 200, { ...cause, labels: ['gc'] }),
    number('', 'cairn_lane_commits_total', 0, { kind: 'counter', label: 'lane', labels: ['0', '1'], values: [10, 20] }),
    number('', 'cairn_disk_read_seconds_total', 2e9, { kind: 'counter', unit: 'ns' }),
    number('checkpoint_last_ms', 'cairn_checkpoint_last_seconds', 2500, { unit: 'ms' }),
    number('checkpoint_last_status', 'cairn_checkpoint_last_status', 1, { kind: 'status' }),
    number('checkpoint_age_sec', 'cairn_checkpoint_age_seconds', Number.NaN, { unit: 's' }),
    {
      ...plain,
      info: 'gc_mode',
      metric: 'cairn_gc_mode',
      kind: 'state',
      label: 'mode',
      choices: 'lazy throttled aggressive mixed',
      text: bytesOfText('lazy'),
    },
    {
      ...plain,
      info: 'gc_isolation',
      metric: 'cairn_gc_isolation_info',
      kind: 'text',
      label: 'isolation',
      text: bytesOfText('ioprio'),
    },
    {
      ...plain,
      info: 'commit_usec_percentiles',
      metric: 'cairn_commit_duration_seconds',
      kind: 'histogram',
      unit: 'ns',
      // 9 in 512 .. 1023 ns, 1 in 1024 .. 2047 ns.
      histogram: { ...byBits({ 10: 9, 11: 1 }, 9000), fromBits: 10, toBits: 34 },
    },
    {
      ...plain,
      info: 'commit_bytes_percentiles',
      metric: 'cairn_commit_size_bytes',
      kind: 'histogram',
      unit: 'bytes',
      histogram: { ...byBits({ 13: 10 }, 45_056), fromBits: 9, toBits: 30 },
    },
  ];
}

export function fakeStats(): NativeStats {
  return {
    commandsProcessed: 100,
    netInputBytes: 1000,
    netOutputBytes: 2000,
    changes: 0,
    clients: 2,
    clientsPeak: 5,
    blockedClients: 0,
    pubsubChannels: 0,
    pubsubPatterns: 0,
    pubsubShardChannels: 0,
    pubsubDropped: 0,
    trackingClients: 0,
    trackingKeys: 0,
    trackingItems: 0,
    trackingPrefixes: 0,
    monitors: 0,
    maxInputBuffer: 20480,
    maxOutputBuffer: 1024,
    totalConnections: 7,
    rejectedConnections: 1,
    outputLimitDisconnections: 0,
    queryLimitDisconnections: 0,
    readsProcessed: 30,
    writesProcessed: 30,
    keyspaceHits: 8,
    keyspaceMisses: 2,
    expiredKeys: 1,
    dataBytes: 10_000,
    pendingBytes: 0,
    lastSyncTime: 1_700_000_000,
    authFailures: 0,
    unexpectedErrorReplies: 0,
    totalErrorReplies: 3,
    slowlogLength: 1,
    scripts: 2,
    scriptsBytes: 300,
    scriptsEvicted: 0,
    scriptMachineBytes: 4096,
    functions: 3,
    libraries: 1,
    functionsBytes: 200,
    commands: [
      { name: 'get', calls: 10, usec: 15, rejected: 1, failed: 0 },
      { name: 'config|set', calls: 2, usec: 100, rejected: 0, failed: 1 },
    ],
    errors: [{ code: 'ERR', count: 3 }],
    dbs: [
      { db: 3, keys: 1, expires: 0, avgTtlMs: 0 },
      { db: 0, keys: 2, expires: 1, avgTtlMs: 99_000.5 },
      { db: 5, keys: 0, expires: 0, avgTtlMs: 0 },
    ],
    memory: {
      usedBytes: 3_000_000,
      usedBytesPeak: 4_000_000,
      indexBytes: 200,
      cacheBytes: 1_000_000,
      cacheBytesMax: 8_000_000,
      bufferBytes: 1_000_000,
      clientQueryBytes: 100,
      clientOutputBytes: 200,
    },
    refusals: [bytesOfText('')],
    figures: fakeFigures(),
    io: { backend: 'uring', reason: 'io_uring works', sqpoll: false, syncMethod: 'dsync', blockSize: 512 },
    reactors: [{ reactor: 0, clients: 2, commands: 100, cpuUsec: 5000, longestTurnUsec: 0, turns: 40 }],
    recovery,
    checkpoint: {
      done: 0,
      running: false,
      runningMs: 0,
      lastOk: true,
      lastError: '',
      lastTimeMs: 0,
      lastMs: 0,
      lastBytes: 0,
      lastKeys: 0,
      written: 0,
      writtenBytes: 0,
    },
  };
}

export const fakeHistograms: LatencyHistogram[] = [
  {
    name: 'get',
    calls: 10,
    buckets: [
      { upperNs: 800, count: 4 },
      { upperNs: 1500, count: 5 },
      { upperNs: 9000, count: 1 },
    ],
  },
];

const nativeRow: CommandRow = {
  name: 'set',
  arity: -3,
  flags: ['write', 'denyoom'],
  firstKey: 1,
  lastKey: 1,
  step: 1,
  aclCategories: ['write', 'string', 'slow'],
  group: 'string',
  since: '1.0.0',
  summary: 'Sets a value.',
  complexity: 'O(1)',
  syntax: 'key value [NX | XX] [GET] [EX seconds | PX milliseconds | KEEPTTL]',
};

/** A few native rows: enough to see how the tables join. */
export const nativeRows: CommandRow[] = [
  nativeRow,
  { ...nativeRow, name: 'mset', lastKey: -1, step: 2, syntax: 'key value [key value ...]' },
  { ...nativeRow, name: 'rename', arity: 3, lastKey: 2, syntax: 'key newkey' },
  { ...nativeRow, name: 'ping', arity: -1, flags: ['fast'], firstKey: 0, lastKey: 0, step: 0, syntax: '[message]' },
  {
    ...nativeRow,
    name: 'client',
    arity: -2,
    firstKey: 0,
    lastKey: 0,
    step: 0,
    syntax: '',
    subcommands: [{ ...nativeRow, name: 'id', arity: 2, firstKey: 0, lastKey: 0, step: 0, syntax: '' }],
  },
];

export class FakeNative implements NativeServer {
  readonly replies: ControlReply[] = [];
  readonly settings: [string, unknown][] = [];
  readonly calls: string[] = [];
  refuse: string | undefined;
  current = fakeStats();
  rows: ClientRow[] = [
    { id: 5, type: 'normal', line: 'id=5 addr=127.0.0.1:1' },
    { id: 6, type: 'pubsub', line: 'id=6 addr=127.0.0.1:2' },
  ];
  killed: KillFilter[] = [];

  addControlCommands(): void {}
  loadUsers(): UserError[] {
    return [];
  }
  describeUsers(): string[] {
    return ['user default on nopass ~* &* +@all'];
  }
  onControl(): void {}
  onLog(): void {}
  open = async (): Promise<RecoveryReport> => recovery;
  listen = async () => ({ port: 6379, addresses: ['127.0.0.1:6379'], maxclients: 10_000 });
  stop = async (): Promise<void> => void this.calls.push('stop');
  reload = async (): Promise<RecoveryReport> => recovery;
  isOpen = (): boolean => true;
  sync = async (): Promise<void> => void this.calls.push('sync');
  /** False: requests are served at once, well. */
  holdCheckpoints = false;
  private requested = 0;
  requestCheckpoint(): number {
    this.calls.push('requestCheckpoint');
    this.requested += 1;
    if (this.holdCheckpoints) this.current.checkpoint.running = true;
    else this.serveCheckpoints();
    return this.requested;
  }
  serveCheckpoints(error = ''): void {
    const { checkpoint } = this.current;
    Object.assign(checkpoint, { running: false, done: this.requested, lastOk: error === '', lastError: error });
    if (error !== '') return;
    Object.assign(checkpoint, { lastTimeMs: 1_800_000_000_500, lastMs: 2500, lastBytes: 77, lastKeys: 3 });
    checkpoint.written += 1;
  }
  checkpoint = () => this.current.checkpoint;
  engineCommand = async (words: string[]): Promise<string> => {
    this.calls.push(words.join(' '));
    if (words[0] !== 'gc') throw new Error(`no command ${words[0] ?? ''}`);
    const numbers = 'log-bytes 10000 live-bytes 2000 segments 1 collected-segments 4 moved-bytes 700';
    const status = `lane 0 mode lazy ${numbers} reclaimed-segments 6 reclaimed-bytes 4194304\n`;
    return words[1] === 'status' ? status : '';
  };
  reply(items: ControlReply[]): void {
    this.replies.push(...items);
  }
  counters = () => this.current;
  stats = (): NativeStats => this.current;
  histograms = () => fakeHistograms;
  resetStats = async (): Promise<void> => {
    this.calls.push('resetStats');
  };
  setConfig(name: string, value: unknown): void {
    if (name === this.refuse) throw new Error('the data plane says no');
    this.settings.push([name, value]);
  }
  clients = async (): Promise<ClientRow[]> => this.rows;
  killClients = async (filter: KillFilter): Promise<number> => {
    this.killed.push(filter);
    return filter.addr === '1.2.3.4:5' ? 0 : 1;
  };
  pauseClients(_untilMs: number, mode: string): void {
    this.calls.push(`pause ${mode}`);
  }
  unpauseClients(): void {
    this.calls.push('unpause');
  }
  unblockClient = async (): Promise<boolean> => false;
  slowlogGet = () => [
    {
      id: 1,
      time: 1_700_000_000,
      usec: 15_000,
      argv: [bytesOfText('GET'), bytesOf(Buffer.from([0xff]))],
      addr: '1:2',
      name: '',
    },
  ];
  slowlogReset(): void {}
  latencyEvents = () => [{ event: 'commit', maxMs: 9, samples: [{ time: 1_700_000_000, ms: 7 }] }];
  latencyReset = (events?: string[]): number => (events === undefined ? 1 : 0);
  purgeMemory(): void {}
}

export interface Bench {
  native: FakeNative;
  services: Services;
  context: CommandContext;
  shutdowns: string[];
}

export function makeBench(load: LoadOptions = {}): Bench {
  const native = new FakeNative();
  const shutdowns: string[] = [];
  const state = new ServerState(1_000_000);
  const services: Services = {
    config: Config.load({ machine: { cores: 4, memoryBytes: 8 * 1024 ** 3 }, ...load }),
    native,
    table: joinTables(nativeRows, controlRows).table,
    state,
    checkpoints: new Checkpoints(native, state.startedAt),
    log: pino({ level: 'silent' }),
    shutdown: async (reason, checkpoint = true) =>
      void shutdowns.push(`${reason}${checkpoint ? '' : ' without a checkpoint'}`),
  };
  return {
    native,
    services,
    shutdowns,
    context: { ...services, clientId: 5, db: 0, resp: 2, user: 'default', inMulti: false },
  };
}
