/** From the configuration to the data plane's options. */
import { absolutePath } from '../bytes.js';
import type { NativeOptions, NativeRuntimeOptions, NativeServer } from '../native.js';
import type { Config } from './config.js';
import { gcModes, nativeRuntime } from './options.js';

const limitFields = ['Hard', 'Soft', 'SoftSeconds'] as const;

type RuntimeEntry = { [K in keyof NativeRuntimeOptions]: [K, NativeRuntimeOptions[K]] }[keyof NativeRuntimeOptions];

function bufferLimitEntries(value: string): RuntimeEntry[] {
  const words = value.split(' ');
  return (['normal', 'pubsub'] as const).flatMap((name) => {
    const at = words.indexOf(name);
    const prefix = name === 'normal' ? 'outputLimitNormal' : 'outputLimitPubsub';
    return limitFields.map((field, index): RuntimeEntry => [
      `${prefix}${field}`,
      toNumber(words[at + 1 + index] ?? '0'),
    ]);
  });
}

const numberKeys = {
  commitDelayUs: true,
  commitBatchBytes: true,
  cacheSize: true,
  gcIops: true,
  gcMaxParallel: true,
  minFreeBytes: true,
  maxclients: true,
  protoMaxBulkLen: true,
  clientQueryBufferLimit: true,
  timeout: true,
  tcpKeepalive: true,
  slowlogLogSlowerThan: true,
  slowlogMaxLen: true,
  latencyMonitorThreshold: true,
  activeExpireEffort: true,
} as const;
const flagKeys = { protectedMode: true, latencyTracking: true } as const;

function isKeyOf<T extends object>(table: T, key: PropertyKey): key is keyof T {
  return Object.hasOwn(table, key);
}

/** Numbers cross the boundary as doubles; whatever is beyond 2^53 means "no limit" anyway. */
function toNumber(value: string): number {
  return Math.min(Number(value), Number.MAX_SAFE_INTEGER);
}

const fsyncModes = ['always', 'everysec', 'no'] as const;

/** What the data plane has to be told when the option `name` gets this (canonical) value. */
export function runtimeEntries(name: string, value: string): RuntimeEntry[] {
  if (name === 'client-output-buffer-limit') return bufferLimitEntries(value);
  const key = nativeRuntime.get(name);
  if (key === undefined) return [];
  if (isKeyOf(numberKeys, key)) return [[key, toNumber(value)]];
  if (isKeyOf(flagKeys, key)) return [[key, value === 'yes']];
  if (key === 'appendfsync') return [[key, fsyncModes.find((mode) => mode === value) ?? 'always']];
  if (key === 'gcMode') return [[key, gcModes.find((mode) => mode === value) ?? 'lazy']];
  if (key === 'gcSpaceAmplification') return [[key, Math.round(100 * Number(value))]];
  if (key === 'requirepass') return [[key, value]];
  throw new Error(`option ${name} has no conversion`);
}

export function applyRuntime(server: Pick<NativeServer, 'setConfig'>, name: string, value: string): void {
  for (const [key, converted] of runtimeEntries(name, value)) server.setConfig(key, converted);
}

function lanesFor(ioThreads: number): number {
  return ioThreads <= 2 ? 1 : Math.floor(ioThreads / 2);
}

function runtimeOptions(config: Config): NativeRuntimeOptions {
  const names = [...nativeRuntime.keys(), 'client-output-buffer-limit'];
  const entries = names.flatMap((name) => runtimeEntries(name, config.get(name)));
  return {
    ...(Object.fromEntries(entries) as unknown as Omit<NativeRuntimeOptions, 'enableDebugCommand'>),
    enableDebugCommand: config.get('enable-debug-command') as NativeOptions['enableDebugCommand'],
  };
}

export function nativeOptions(config: Config): NativeOptions {
  const ioThreads = config.number('io-threads');
  const lanes = config.get('lanes');
  const recycled = config.get('segment-recycle-max');
  return {
    ...runtimeOptions(config),
    bind: config.words('bind'),
    port: config.number('port'),
    tcpBacklog: config.number('tcp-backlog'),
    unixsocket: config.get('unixsocket') === '' ? '' : absolutePath(config.get('unixsocket')),
    unixsocketperm: Number.parseInt(config.get('unixsocketperm'), 8),
    dir: absolutePath(config.get('dir')),
    ioThreads,
    ioBackend: config.get('io-backend') as NativeOptions['ioBackend'],
    sqpoll: config.get('io-uring-sqpoll') as NativeOptions['sqpoll'],
    diskCpu: config.get('disk-cpu') as NativeOptions['diskCpu'],
    lanes: lanes === 'auto' ? lanesFor(ioThreads) : Number(lanes),
    lanesAuto: lanes === 'auto',
    segmentSize: config.number('segment-size'),
    walRingSize: config.number('wal-ring-size'),
    databases: config.number('databases'),
    cachePolicy: config.get('cache-policy') as NativeOptions['cachePolicy'],
    cacheSmallValueBytes: config.number('cache-small-value-bytes'),
    salvage: config.flag('salvage'),
    segmentRecycleMax: recycled === 'auto' ? 0 : Number(recycled),
    checkpointRate: toNumber(config.get('checkpoint-rate')),
  };
}
