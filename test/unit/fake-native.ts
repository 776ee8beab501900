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
} from '../../src/native.js';
import type { LatencyHistogram, NativeStats } from '../../src/native-stats.js';

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

function lane(index: number): NativeStats['lanes'][number] {
  return {
    lane: index,
    readOnlyReason: '',
    durablePos: 4096,
    stagedPos: 4096,
    stagedBytes: 0,
    commits: 10,
    commitBytes: 3000,
    paddingBytes: 1096,
    syncs: 1,
    commitUsecTotal: 1500,
    preparedBytes: 0,
    segments: 1,
    diskBytes: 1 << 20,
    logBytes: 10_000,
    liveBytes: 2000,
    commitsInFlight: 1,
    gcMode: 'lazy',
    gcSegments: 4,
    gcMovedBytes: 700,
    gcReclaimedSegments: 6,
    gcReclaimedBytes: 4 << 20,
  };
}

/** Log2Histogram: `counts` of values with that many bits. */
function byBits(counts: Record<number, number>, sum: number): NativeStats['readNanos'] {
  return { counts: Array.from({ length: 40 }, (_, bits) => counts[bits] ?? 0), sum };
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
    cacheEvictions: 0,
    readsFromCache: 6,
    readsFromWalRing: 1,
    readsFromDisk: 1,
    diskReadBytes: 4096,
    diskReadUsecTotal: 90,
    diskReadsInFlight: 0,
    corruptReads: 0,
    segmentsRecycled: 2,
    spareSegments: 1,
    spareBytes: 1_048_576,
    userBytesWritten: 2048,
    deviceBytesWritten: 4096,
    lastSyncTime: 1_700_000_000,
    authFailures: 0,
    unexpectedErrorReplies: 0,
    totalErrorReplies: 3,
    slowlogLength: 1,
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
      cacheGhostBytes: 30_000,
      walRingBytes: 1_000_000,
      clientQueryBytes: 100,
      clientOutputBytes: 200,
    },
    lanes: [lane(0)],
    io: { backend: 'uring', reason: 'io_uring works', sqpoll: false, syncMethod: 'dsync', blockSize: 512 },
    reactors: [{ reactor: 0, clients: 2, commands: 100, cpuUsec: 5000, longestTurnUsec: 0, turns: 40 }],
    recovery,
    deviceBytesByCause: { commit: 3000, padding: 500, prepared: 300, gc: 200, checkpoint: 96 },
    log: {
      bytes: 10_000,
      liveBytes: 8000,
      freeBytes: 1_000_000_000,
      segmentsActive: 1,
      segmentsSealed: 5,
      segmentsSurvivors: 2,
      writeErrors: 0,
      readErrors: 0,
    },
    gc: { paused: false, isolation: 'ioprio', reads: 3, readBytes: 3000, writes: 2, writtenBytes: 200 },
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
    // 9 in 512 .. 1023 ns, 1 in 1024 .. 2047 ns.
    commitNanos: byBits({ 10: 9, 11: 1 }, 9000),
    commitSizes: byBits({ 13: 10 }, 45_056),
    readNanos: byBits({ 17: 1 }, 90_000),
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
    return '';
  };
  reply(items: ControlReply[]): void {
    this.replies.push(...items);
  }
  counters = () => this.current;
  stats = (): NativeStats => this.current;
  histograms = () => fakeHistograms;
  resetHistograms(): void {}
  resetStats(): void {
    this.calls.push('resetStats');
  }
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
