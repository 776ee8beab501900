/** CLIENT: the subcommands that concern other connections. What concerns the caller's own is native. */
import type { KillFilter, NativeServer } from '../native.js';
import { type Handler, container, family, integerArg, quotable, syntaxError, timeoutArg, word } from './command.js';
import { ReplyError, Verbatim, ok } from './resp.js';

type ClientType = 'normal' | 'pubsub' | 'replica' | 'master';

const types: ReadonlyMap<string, ClientType> = new Map([
  ['normal', 'normal'],
  ['pubsub', 'pubsub'],
  ['replica', 'replica'],
  ['slave', 'replica'],
  ['master', 'master'],
]);

function clientType(text: string): ClientType {
  const type = types.get(text.toLowerCase());
  if (type === undefined) throw new ReplyError(`ERR Unknown client type '${quotable(text)}'`);
  return type;
}

const list: Handler = async ({ native }, args) => {
  const option = word(args, 2).toLowerCase();
  let keep: (row: { id: number; type: ClientType }) => boolean = () => true;
  if (option === 'type' && args.length === 4) {
    const wanted = clientType(word(args, 3));
    keep = ({ type }) => type === wanted;
  } else if (option === 'id' && args.length > 3) {
    const ids = new Set(args.slice(3).map((arg) => integerArg(arg, { message: 'ERR Invalid client ID' })));
    keep = ({ id }) => ids.has(id);
  } else if (args.length > 2) {
    throw syntaxError;
  }
  const rows = (await native.clients()).filter(keep);
  return new Verbatim(rows.map(({ line }) => `${line}\n`).join(''));
};

function addCondition(native: NativeServer, filter: KillFilter, name: string, value: string): void {
  switch (name.toLowerCase()) {
    case 'id': {
      filter.ids = [integerArg(value, { min: 1, message: 'ERR client-id should be greater than 0' })];
      return;
    }
    case 'type':
      filter.type = clientType(value);
      return;
    case 'addr':
      filter.addr = value;
      return;
    case 'laddr':
      filter.laddr = value;
      return;
    case 'user':
      if (!native.describeUsers().some((line) => line.startsWith(`user ${value} `))) {
        throw new ReplyError(`ERR No such user '${quotable(value)}'`);
      }
      filter.user = value;
      return;
    case 'skipme': {
      const answer = value.toLowerCase();
      if (answer !== 'yes' && answer !== 'no') throw syntaxError;
      filter.skipMe = answer === 'yes';
      return;
    }
    default:
      throw syntaxError;
  }
}

const kill: Handler = async ({ native, clientId }, args) => {
  if (args.length === 3) {
    const killed = await native.killClients({ addr: word(args, 2), skipMe: false, callerId: clientId });
    if (killed === 0) throw new ReplyError('ERR No such client');
    return ok;
  }
  if (args.length % 2 !== 0) throw syntaxError;
  const filter: KillFilter = { skipMe: true, callerId: clientId };
  for (let at = 2; at < args.length; at += 2) addCondition(native, filter, word(args, at), word(args, at + 1));
  return native.killClients(filter);
};

const pause: Handler = ({ native }, args) => {
  const mode = args.length === 3 ? 'all' : word(args, 3).toLowerCase();
  if (args.length > 4) throw syntaxError;
  if (mode !== 'all' && mode !== 'write') throw new ReplyError('ERR CLIENT PAUSE mode must be WRITE or ALL');
  native.pauseClients(Date.now() + timeoutArg(word(args, 2)), mode);
  return ok;
};

const unpause: Handler = ({ native }) => {
  native.unpauseClients();
  return ok;
};

const unblock: Handler = async ({ native }, args) => {
  const mode = args.length === 3 ? 'timeout' : word(args, 3).toLowerCase();
  if (args.length > 4) throw syntaxError;
  if (mode !== 'timeout' && mode !== 'error') {
    throw new ReplyError('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR');
  }
  const id = integerArg(word(args, 2));
  return id < 0 ? 0 : Number(await native.unblockClient(id, mode));
};

const admin = family(
  'connection',
  ['admin', 'noscript', 'loading', 'stale'],
  ['admin', 'slow', 'dangerous', 'connection'],
);

const subcommands = [
  admin(
    'list',
    -2,
    {
      since: '2.4.0',
      summary: 'Lists the connections.',
      complexity: 'O(N) where N is the number of connections',
      syntax: '[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]',
    },
    list,
  ),
  admin(
    'kill',
    -3,
    {
      since: '2.4.0',
      summary: 'Closes connections.',
      complexity: 'O(N) where N is the number of connections',
      syntax:
        '<ip:port | [ID client-id] [TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [USER username] [ADDR ip:port] [LADDR ip:port] [SKIPME <YES | NO>]>',
    },
    kill,
  ),
  admin(
    'pause',
    -3,
    {
      since: '3.0.0',
      summary: 'Makes commands wait for a while.',
      syntax: 'timeout [WRITE | ALL]',
    },
    pause,
  ),
  admin('unpause', 2, { since: '6.2.0', summary: 'Ends CLIENT PAUSE.' }, unpause),
  admin(
    'unblock',
    -3,
    {
      since: '5.0.0',
      summary: 'Ends the waiting of a blocked connection.',
      complexity: 'O(log N) where N is the number of connections',
      syntax: 'client-id [TIMEOUT | ERROR]',
    },
    unblock,
  ),
];

export const clientCommands = [
  container('client', { group: 'connection', since: '2.4.0', summary: 'Commands about connections.' }, subcommands, [
    'CACHING (YES|NO)',
    ' Track the keys of the next command, or do not.',
    'GETNAME',
    " Show this connection's name.",
    'GETREDIR',
    ' Show where tracking messages go.',
    'ID',
    " Show this connection's id.",
    'INFO',
    ' Show this connection.',
    'KILL <ip:port>',
    ' Close the connection from that address.',
    'KILL <option> <value> [<option> <value> [...]]',
    ' Close all connections that meet the conditions:',
    ' * ID <client-id>',
    ' * ADDR (<ip:port>|<unixsocket>:0)',
    ' * LADDR (<ip:port>|<unixsocket>:0)',
    ' * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)',
    ' * USER <username>',
    ' * SKIPME (YES|NO)',
    'LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB)] [ID <client-id> [...]]',
    ' Show connections.',
    'NO-EVICT (ON|OFF)',
    ' Accepted; connections are never evicted.',
    'NO-TOUCH (ON|OFF)',
    ' Reads of this connection leave the cache order alone.',
    'PAUSE <timeout> [WRITE|ALL]',
    ' Make commands wait for <timeout> milliseconds.',
    'REPLY (ON|OFF|SKIP)',
    ' Choose whether this connection gets replies.',
    'SETINFO <option> <value>',
    " Set the name (LIB-NAME) or version (LIB-VER) of the client's library.",
    'SETNAME <name>',
    ' Name this connection.',
    'TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]] [OPTIN] [OPTOUT] [NOLOOP]',
    ' Be told when keys change that this connection has read.',
    'TRACKINGINFO',
    ' Show the state of tracking.',
    'UNBLOCK <client-id> [TIMEOUT|ERROR]',
    ' End the waiting of a blocked connection.',
    'UNPAUSE',
    ' End a pause.',
  ]),
];
