/**
 * Commands that clients and tools send to any server, about things that do not exist here: cluster, replicas. Each answers as a Redis that has none of them. And the help of SCRIPT and FUNCTION.
 */
import { type ControlCommand, type Handler, container, family, integerArg, word } from './command.js';
import { ReplyError, ok } from './resp.js';

// --------------------------------------------------------------------------------------------- SCRIPT and FUNCTION

const scripting = [
  // Its subcommands are native.
  container(
    'script',
    { group: 'scripting', since: '2.6.0', summary: 'Scripts that are kept.' },
    [],
    [
      'DEBUG (YES|SYNC|NO)',
      ' Refused; there is no debugger.',
      'EXISTS <sha1> [<sha1> ...]',
      ' Tell of each script whether it is kept.',
      'FLUSH [ASYNC|SYNC]',
      ' Forget all scripts.',
      'KILL',
      ' End the scripts that have been running for a while and have not written.',
      'LOAD <script>',
      ' Keep a script without running it.',
    ],
  ),
  container(
    'function',
    { group: 'scripting', since: '7.0.0', summary: 'Libraries of functions.' },
    [],
    [
      'DELETE <library-name>',
      ' Delete a library with its functions.',
      'DUMP',
      ' Show all libraries as bytes, for RESTORE.',
      'FLUSH [ASYNC|SYNC]',
      ' Delete all libraries.',
      'KILL',
      ' End the functions that have been running for a while and have not written.',
      'LIST [LIBRARYNAME <pattern>] [WITHCODE]',
      ' Show the libraries and their functions.',
      'LOAD [REPLACE] <function-code>',
      ' Keep a library of functions.',
      'RESTORE <serialized-value> [FLUSH|APPEND|REPLACE]',
      ' Keep the libraries that DUMP has given.',
      'STATS',
      ' Show the function that runs.',
    ],
  ),
];

// --------------------------------------------------------------------------------------- CLUSTER and replication

const clusterOff: Handler = () => {
  throw new ReplyError('ERR This instance has cluster support disabled');
};

const clusterPlain = family('cluster', ['stale'], ['slow']);
const clusterAdmin = family('cluster', ['admin', 'stale', 'no_async_loading'], ['admin', 'slow', 'dangerous']);
const clusterWatch = family('cluster', ['admin', 'stale'], ['admin', 'slow', 'dangerous']);
const clusterReset = family('cluster', ['admin', 'noscript', 'stale'], ['admin', 'slow', 'dangerous']);
const offSummary = 'Refused; there is no cluster.';

const clusterReads = {
  info: 2,
  nodes: 2,
  slots: 2,
  shards: 2,
  links: 2,
  myid: 2,
  myshardid: 2,
  keyslot: 3,
  countkeysinslot: 3,
  getkeysinslot: 4,
};
const clusterChanges = {
  addslots: -3,
  addslotsrange: -4,
  bumpepoch: 2,
  delslots: -3,
  delslotsrange: -4,
  failover: -2,
  flushslots: 2,
  forget: 3,
  meet: -4,
  replicate: 3,
  saveconfig: 2,
  'set-config-epoch': 3,
  setslot: -4,
};

function refusedRows(build: typeof clusterPlain, arities: readonly [string, number][]): ControlCommand[] {
  return arities.map(([name, arity]) => build(name, arity, { since: '3.0.0', summary: offSummary }, clusterOff));
}

const replicaof: Handler = ({ log }, args) => {
  const [host, port] = [word(args, 1), word(args, 2)];
  if (host.toLowerCase() === 'no' && port.toLowerCase() === 'one') return ok;
  integerArg(port, { min: 0, max: 65535, message: 'ERR Invalid master port' });
  log.warn('a client asked for replication, which is not supported');
  throw new ReplyError('ERR replication is not supported');
};

const replicaofRow = family(
  'server',
  ['admin', 'noscript', 'stale', 'no_async_loading'],
  ['admin', 'slow', 'dangerous'],
);
const clusterFast = family('cluster', ['loading', 'stale', 'fast'], ['fast', 'connection']);

const topology = [
  container(
    'cluster',
    { group: 'cluster', since: '3.0.0', summary: 'Cluster mode; it is off.' },
    [
      ...refusedRows(clusterPlain, Object.entries(clusterReads)),
      ...refusedRows(clusterAdmin, Object.entries(clusterChanges)),
      ...refusedRows(clusterWatch, Object.entries({ 'count-failure-reports': 3, replicas: 3, slaves: 3 })),
      ...refusedRows(clusterReset, [['reset', -2]]),
    ],
    ['(all others)', ' Refused; cluster mode is not supported.'],
  ),
  clusterFast('readonly', 1, { since: '3.0.0', summary: offSummary }, clusterOff),
  clusterFast('readwrite', 1, { since: '3.0.0', summary: offSummary }, clusterOff),
  family('cluster', ['fast'], ['fast', 'connection'])('asking', 1, { since: '3.0.0', summary: offSummary }, clusterOff),
  replicaofRow(
    'replicaof',
    3,
    { since: '5.0.0', summary: 'Accepts NO ONE only.', syntax: '<host port | NO ONE>' },
    replicaof,
  ),
  replicaofRow('slaveof', 3, { summary: 'The old name of REPLICAOF.', syntax: '<host port | NO ONE>' }, replicaof),
  family('server', ['admin', 'noscript', 'stale'], ['admin', 'slow', 'dangerous'])(
    'failover',
    -1,
    { since: '6.2.0', summary: 'Refused; there are no replicas.' },
    () => {
      throw new ReplyError('ERR FAILOVER requires connected replicas.');
    },
  ),
  family('server', ['noscript', 'loading', 'stale', 'fast'], ['admin', 'fast', 'dangerous'])(
    'role',
    1,
    { since: '2.8.12', summary: 'Returns the role in replication: always a master without replicas.' },
    () => ['master', 0, []],
  ),
];

export const stubCommands = [...scripting, ...topology];
