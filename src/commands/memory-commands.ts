/** MEMORY: what the data plane and the process occupy. MEMORY USAGE is native. */
import { memoryAccount, share } from '../memory-account.js';
import { type Handler, container, family, statsFor } from './command.js';
import { Double, RespMap, Verbatim, ok } from './resp.js';
import { formatBytes } from './info-format.js';

const stats: Handler = (context) => {
  const current = statsFor(context);
  const { memory } = current;
  const { used, peak, startup, overhead, dataset, datasetShare, heap, resident } = memoryAccount(
    current,
    context.state,
  );
  const keys = current.dbs.reduce((sum, db) => sum + db.keys, 0);
  return RespMap.of({
    'peak.allocated': peak,
    'total.allocated': used,
    'startup.allocated': startup,
    'replication.backlog': 0,
    'clients.slaves': 0,
    'clients.normal': memory.clientQueryBytes + memory.clientOutputBytes,
    'cluster.links': 0,
    'aof.buffer': memory.bufferBytes,
    'lua.caches': 0,
    'functions.caches': 0,
    'overhead.total': overhead,
    'keys.count': keys,
    'keys.bytes-per-key': keys === 0 ? 0 : Math.floor(memory.usedBytes / keys),
    'dataset.bytes': dataset,
    'dataset.percentage': new Double(100 * datasetShare),
    'peak.percentage': new Double(100 * share(used, peak)),
    'index.bytes': memory.indexBytes,
    'cache.bytes': memory.cacheBytes,
    'cache.bytes.max': memory.cacheBytesMax,
    'allocator.allocated': used,
    'allocator.active': heap,
    'allocator.resident': heap,
    'allocator-fragmentation.ratio': new Double(share(heap, used)),
    'allocator-fragmentation.bytes': heap - used,
    'allocator-rss.ratio': new Double(1),
    'allocator-rss.bytes': 0,
    'rss-overhead.ratio': new Double(share(resident, heap)),
    'rss-overhead.bytes': resident - heap,
    fragmentation: new Double(share(resident, used)),
    'fragmentation.bytes': resident - used,
  });
};

const doctor: Handler = ({ native, state }) => {
  const current = native.stats();
  const { memory, refusals } = current;
  const { used, resident } = memoryAccount(current, state);
  const findings = [
    ...(resident > 2 * used && resident > 256 * 1024 * 1024
      ? [
          `The process occupies ${formatBytes(resident)} for ${formatBytes(used)} in use: MEMORY PURGE gives back what is free.`,
        ]
      : []),
    ...(memory.cacheBytes >= 0.99 * memory.cacheBytesMax && memory.cacheBytesMax > 0
      ? [`The value cache is full (${formatBytes(memory.cacheBytesMax)}): a larger cache-size saves reads from disk.`]
      : []),
    ...refusals.flatMap((reason, stream) =>
      reason === '' ? [] : [`Stream ${stream} of the engine takes no writes: ${reason}.`],
    ),
  ];
  return new Verbatim(`${findings.length === 0 ? 'Nothing unusual was found.' : findings.join('\n')}\n`);
};

const mallocStats: Handler = ({ native }) => {
  const lines = Object.entries(native.stats().memory).map(([name, bytes]) => `${name}: ${String(bytes)}`);
  return new Verbatim(`${lines.join('\n')}\n`);
};

const plain = family('server', [], ['slow']);

export const memoryCommands = [
  container(
    'memory',
    { since: '4.0.0', summary: 'Reports about memory.' },
    [
      plain('doctor', 2, { since: '4.0.0', summary: 'Describes what is unusual about memory.' }, doctor),
      plain('stats', 2, { since: '4.0.0', summary: 'Returns memory by use.' }, stats),
      plain('malloc-stats', 2, { since: '4.0.0', summary: "Returns the data plane's own accounts." }, mallocStats),
      plain('purge', 2, { since: '4.0.0', summary: 'Gives free memory back to the system.' }, ({ native }) => {
        native.purgeMemory();
        return ok;
      }),
    ],
    [
      'DOCTOR',
      ' Describe what is unusual about memory.',
      'MALLOC-STATS',
      " Show the data plane's own accounts.",
      'PURGE',
      ' Give free memory back to the system.',
      'STATS',
      ' Show memory by use.',
      'USAGE <key> [SAMPLES <count>]',
      ' Show the bytes that a key and its value take.',
    ],
  ),
];
