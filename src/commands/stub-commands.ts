/**
 * Commands that clients and tools send to any server, about things that do not exist here: cluster, replicas, access
 * control lists. Each answers as a Redis that has none of them. And the help of SCRIPT and FUNCTION.
 */
import { createHash, randomBytes } from 'node:crypto';
import { bufferOf } from '../bytes.js';
import {
  type ControlCommand,
  type Handler,
  container,
  family,
  integerArg,
  quotable,
  syntaxError,
  word,
} from './command.js';
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

// ----------------------------------------------------------------------------------------------------------- ACL

const categories = [
  'keyspace read write set sortedset list hash string bitmap hyperloglog geo stream pubsub admin fast slow blocking',
  'dangerous connection transaction scripting',
].flatMap((line) => line.split(' '));

const cat: Handler = ({ table }, args) => {
  if (args.length === 2) return categories;
  const wanted = word(args, 2).toLowerCase();
  if (args.length > 3) throw syntaxError;
  if (!categories.includes(wanted)) throw new ReplyError(`ERR Unknown category '${quotable(word(args, 2))}'`);
  return table.flatMap((row) => [
    ...(row.aclCategories.includes(wanted) ? [row.name] : []),
    ...(row.subcommands ?? [])
      .filter((sub) => sub.aclCategories.includes(wanted))
      .map((sub) => `${row.name}|${sub.name}`),
  ]);
};

const bitsMax = 4096;

const genpass: Handler = (_context, args) => {
  const bits = args.length > 2 ? integerArg(word(args, 2)) : 256;
  if (bits <= 0 || bits > bitsMax) {
    throw new ReplyError(
      'ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096',
    );
  }
  const digits = Math.ceil(bits / 4);
  return randomBytes(Math.ceil(digits / 2))
    .toString('hex')
    .slice(0, digits);
};

/** The one user as a rule of an access control list. */
const aclList: Handler = ({ config }) => {
  const password = config.get('requirepass');
  const secret = password === '' ? 'nopass' : `#${createHash('sha256').update(bufferOf(password)).digest('hex')}`;
  return [`user default on ${secret} ~* &* +@all`];
};

const aclAdmin = family('server', ['admin', 'noscript', 'loading', 'stale'], ['admin', 'slow', 'dangerous']);
const aclPlain = family('server', ['noscript', 'loading', 'stale'], ['slow']);

const acl = container(
  'acl',
  { since: '6.0.0', summary: 'Access control lists; there is one user who may do everything.' },
  [
    aclPlain('whoami', 2, { since: '6.0.0', summary: "Returns this connection's user." }, ({ user }) => user),
    aclPlain(
      'cat',
      -2,
      { since: '6.0.0', summary: 'Lists the categories, or the commands of one.', syntax: '[category]' },
      cat,
    ),
    aclPlain(
      'genpass',
      -2,
      { since: '6.0.0', summary: 'Returns random hexadecimal digits.', syntax: '[bits]' },
      genpass,
    ),
    aclAdmin('users', 2, { since: '6.0.0', summary: 'Lists the users.' }, () => ['default']),
    aclAdmin('list', 2, { since: '6.0.0', summary: 'Lists the rules.' }, aclList),
  ],
  [
    'CAT [<category>]',
    ' Show the categories, or the commands of one.',
    'GENPASS [<bits>]',
    ' Show random hexadecimal digits.',
    'LIST',
    ' Show the rules.',
    'USERS',
    ' Show the users.',
    'WHOAMI',
    " Show this connection's user.",
  ],
);

export const stubCommands = [...scripting, ...topology, acl];
