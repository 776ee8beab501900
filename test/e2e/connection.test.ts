/** Connection commands: HELLO, AUTH, RESET, CLIENT, WAIT, QUIT. */
import { describe, expect, test } from 'vitest';
import { nil, nil3, OK, PONG, QUEUED, RESET, encode, show } from '../support/resp.js';
import { eventually, has72, needs72, sleep, useServer } from '../support/server.js';
import { anyInteger, arity, err, like, notInteger, syntaxError, table, type Matcher } from '../support/table.js';

const server = useServer();

const helloReply = (protocol: number): Matcher =>
  like(
    protocol === 3
      ? /^%\{"server": "redis", "version": "7\.\d+\.\d+", "proto": :3, "id": :\d+, "mode": "standalone", "role": "master", "modules": \[\]\}$/
      : /^\["server", "redis", "version", "7\.\d+\.\d+", "proto", :2, "id", :\d+, "mode", "standalone", "role", "master", "modules", \[\]\]$/,
  );

const clientLine = (command: string): Matcher =>
  like(
    new RegExp(
      String.raw`^"id=\d+ addr=127\.0\.0\.1:\d+ laddr=127\.0\.0\.1:\d+ fd=\d+ name= age=\d+ idle=\d+ flags=N db=0 ` +
        String.raw`sub=0 psub=0 .*multi=-1 .*cmd=${command.replace('|', '\\|')} user=default .*resp=2`,
    ),
  );

table(server, 'PING and ECHO', [
  ['PING', PONG],
  ['PING hello', 'hello'],
  ['PING ""', ''],
  ['PING a b', arity('ping')],
  ['ping', PONG],
  ['ECHO hi', 'hi'],
  ['ECHO ""', ''],
  ['ECHO', arity('echo')],
  ['ECHO a b', arity('echo')],
]);

table(server, 'HELLO', [
  ['HELLO', helloReply(2)],
  ['HELLO 2', helloReply(2)],
  ['HELLO 3', helloReply(3)],
  ['PING', PONG],
  ['GET nosuch', nil3],
  ['MGET a b', [nil3, nil3]],
  ['HELLO 2', helloReply(2)],
  ['GET nosuch', nil],
  ['HELLO 1', err('NOPROTO unsupported protocol version')],
  ['HELLO 4', err('NOPROTO unsupported protocol version')],
  ['HELLO a', err('ERR Protocol version is not an integer or out of range')],
  ['HELLO 3 BOGUS', err("ERR Syntax error in HELLO option 'BOGUS'")],
  [`HELLO 3 ${'x'.repeat(1000)}`, err(`ERR Syntax error in HELLO option '${'x'.repeat(1000)}'`)],
  ['HELLO 3 AUTH', err("ERR Syntax error in HELLO option 'AUTH'")],
  ['HELLO 3 AUTH x', err("ERR Syntax error in HELLO option 'AUTH'")],
  ['HELLO 3 AUTH default x', helloReply(3)],
  ['HELLO 3 AUTH bogus x', err('WRONGPASS invalid username-password pair or user is disabled.')],
  ['HELLO 3 SETNAME', err("ERR Syntax error in HELLO option 'SETNAME'")],
  ['HELLO 2 SETNAME "a b"', err('ERR Client names cannot contain spaces, newlines or special characters.')],
  ['HELLO 2 SETNAME conn', helloReply(2)],
  ['CLIENT GETNAME', 'conn'],
  ['HELLO 2 AUTH default x SETNAME other', helloReply(2)],
  ['CLIENT GETNAME', 'other'],
]);

table(server, 'AUTH without a password', [
  [
    'AUTH x',
    err(
      'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?',
    ),
  ],
  ['AUTH default x', OK],
  ['AUTH bogus x', err('WRONGPASS invalid username-password pair or user is disabled.')],
  ['AUTH', arity('auth')],
  ['AUTH a b c', syntaxError],
]);

table(server, 'RESET', [
  ['RESET', RESET],
  ['SELECT 3', OK],
  ['SET a 1', OK],
  ['CLIENT SETNAME x', OK],
  ['MULTI', OK],
  ['RESET', RESET],
  ['CLIENT GETNAME', nil],
  ['GET a', nil],
  ['HELLO 3', helloReply(3)],
  ['RESET', RESET],
  ['GET nosuch', nil],
  ['RESET x', arity('reset')],
  ['WATCH w', OK],
  ['SET w 1', OK],
  ['RESET', RESET],
  ['MULTI', OK],
  ['PING', QUEUED],
  ['EXEC', [PONG]],
  ['CLIENT REPLY ON', OK],
]);

table(server, 'CLIENT names and kinds', [
  ['CLIENT GETNAME', nil],
  ['CLIENT SETNAME first', OK],
  ['CLIENT GETNAME', 'first'],
  ['CLIENT SETNAME ""', OK],
  ['CLIENT GETNAME', nil],
  ['CLIENT SETNAME "with space"', err('ERR Client names cannot contain spaces, newlines or special characters.')],
  [
    String.raw`CLIENT SETNAME "with\nnewline"`,
    err('ERR Client names cannot contain spaces, newlines or special characters.'),
  ],
  ['CLIENT SETNAME', arity('client|setname')],
  ['CLIENT SETNAME a b', arity('client|setname')],
  ['CLIENT GETNAME x', arity('client|getname')],
  ['CLIENT ID', anyInteger],
  ['CLIENT ID x', arity('client|id')],
  ['CLIENT INFO', clientLine('client|info')],
  ['CLIENT LIST', like(/cmd=client\|list user=default/)],
  ['CLIENT LIST TYPE normal', like(/cmd=client\|list user=default/)],
  ['CLIENT LIST TYPE pubsub', ''],
  ['CLIENT LIST TYPE replica', ''],
  ['CLIENT LIST TYPE master', ''],
  ['CLIENT LIST TYPE bogus', err("ERR Unknown client type 'bogus'")],
  [`CLIENT LIST TYPE ${'x'.repeat(1000)}`, err(`ERR Unknown client type '${'x'.repeat(1000)}'`)],
  ['CLIENT LIST ID 999999', ''],
  ['CLIENT LIST ID', syntaxError],
  ['CLIENT LIST ID a', err('ERR Invalid client ID')],
  ['CLIENT LIST ID 0', ''],
  ['CLIENT LIST BOGUS', syntaxError],
  ['CLIENT LIST TYPE', syntaxError],
  ['CLIENT GETREDIR', -1],
  ['CLIENT TRACKINGINFO', ['flags', ['off'], 'redirect', -1, 'prefixes', []]],
  ['CLIENT NO-EVICT on', OK],
  ['CLIENT NO-EVICT off', OK],
  ['CLIENT NO-EVICT x', syntaxError],
  ['CLIENT NO-EVICT', arity('client|no-evict')],
  ['CLIENT NO-TOUCH on', OK, '7.2'],
  ['CLIENT NO-TOUCH off', OK, '7.2'],
  ['CLIENT NO-TOUCH x', syntaxError, '7.2'],
  ['CLIENT NO-TOUCH', arity('client|no-touch'), '7.2'],
  ['CLIENT UNBLOCK 999999', 0],
  ['CLIENT UNBLOCK 999999 TIMEOUT', 0],
  ['CLIENT UNBLOCK 999999 ERROR', 0],
  ['CLIENT UNBLOCK 999999 BOGUS', err('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR')],
  ['CLIENT UNBLOCK a', notInteger],
  ['CLIENT UNBLOCK', arity('client|unblock')],
  ['CLIENT UNPAUSE', OK],
  ['CLIENT PAUSE 0', OK],
  ['CLIENT PAUSE a', err('ERR timeout is not an integer or out of range')],
  ['CLIENT PAUSE -1', err('ERR timeout is negative')],
  ['CLIENT PAUSE 0 WRITE', OK],
  ['CLIENT PAUSE 0 ALL', OK],
  ['CLIENT PAUSE 0 BOGUS', err('ERR CLIENT PAUSE mode must be WRITE or ALL')],
  ['CLIENT PAUSE', arity('client|pause')],
  ['CLIENT UNPAUSE x', arity('client|unpause')],
  ['CLIENT BOGUS', err("ERR unknown subcommand 'BOGUS'. Try CLIENT HELP.")],
  ['CLIENT', arity('client')],
  ['CLIENT REPLY', arity('client|reply')],
  ['CLIENT REPLY BOGUS', syntaxError],
  ['CLIENT REPLY ON', OK],
  ['CLIENT MAINT_NOTIFICATIONS ON', err("ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP.")],
]);

table(server, 'CLIENT KILL, the errors', [
  ['CLIENT KILL', arity('client|kill')],
  ['CLIENT KILL 1.2.3.4:5', err('ERR No such client')],
  ['CLIENT KILL ID', err('ERR No such client')],
  ['CLIENT KILL ID 999999', 0],
  ['CLIENT KILL ID a', err('ERR client-id should be greater than 0')],
  ['CLIENT KILL ID 0', err('ERR client-id should be greater than 0')],
  ['CLIENT KILL ID -1', err('ERR client-id should be greater than 0')],
  ['CLIENT KILL TYPE bogus', err("ERR Unknown client type 'bogus'")],
  ['CLIENT KILL TYPE pubsub', 0],
  ['CLIENT KILL TYPE master', 0],
  ['CLIENT KILL USER bogus', err("ERR No such user 'bogus'")],
  ['CLIENT KILL ADDR 1.2.3.4:5', 0],
  ['CLIENT KILL LADDR 1.2.3.4:5', 0],
  ['CLIENT KILL SKIPME bogus', syntaxError],
  ['CLIENT KILL SKIPME maybe ID 1', syntaxError],
  ['CLIENT KILL ID 999999 SKIPME no', 0],
  ['CLIENT KILL BOGUS x', syntaxError],
  ['CLIENT KILL ID 1 BOGUS', syntaxError],
]);

table(server, 'WAIT', [
  ['WAIT 0 0', 0],
  ['WAIT 0 100', 0],
  ['WAIT 1 10', 0],
  ['WAIT a 0', notInteger],
  ['WAIT 0 a', err('ERR timeout is not an integer or out of range')],
  ['WAIT 0 -1', err('ERR timeout is negative')],
  ['WAIT -1 0', 0],
  ['WAIT 1', arity('wait')],
  ['WAIT', arity('wait')],
  ['MULTI', OK],
  ['WAIT 1 0', QUEUED],
  ['EXEC', [0]],
]);

table(server, 'READONLY, READWRITE, ASKING and CLUSTER without cluster mode', [
  ['READONLY', err('ERR This instance has cluster support disabled')],
  ['READWRITE', err('ERR This instance has cluster support disabled')],
  ['ASKING', err('ERR This instance has cluster support disabled')],
  ['CLUSTER INFO', err('ERR This instance has cluster support disabled')],
  ['CLUSTER SLOTS', err('ERR This instance has cluster support disabled')],
]);

table(server, 'CLIENT SETINFO', [
  ['CLIENT SETINFO lib-name mylib', OK, '7.2'],
  ['CLIENT SETINFO LIB-VER 1.2.3', OK, '7.2'],
  ['CLIENT INFO', like(/ lib-name=mylib lib-ver=1\.2\.3/), '7.2'],
  [
    'CLIENT SETINFO lib-name "my lib"',
    err('ERR lib-name cannot contain spaces, newlines or special characters.'),
    '7.2',
  ],
  ['CLIENT SETINFO lib-bogus x', err("ERR Unrecognized option 'lib-bogus'"), '7.2'],
  [`CLIENT SETINFO ${'x'.repeat(1000)} x`, err(`ERR Unrecognized option '${'x'.repeat(1000)}'`), '7.2'],
  ['CLIENT SETINFO lib-name', arity('client|setinfo'), '7.2'],
  ['CLIENT SETINFO lib-name ""', OK, '7.2'],
  ['CLIENT INFO', like(/ lib-name= lib-ver=1\.2\.3/), '7.2'],
  ['RESET', RESET, '7.2'],
]);

table(server, 'WAITAOF', [
  ['SET k v', OK, '7.2'],
  ['WAITAOF 1 0 0', [1, 0], '7.2'],
  ['WAITAOF 0 0 0', [1, 0], '7.2'],
  ['WAITAOF 1 0 100', [1, 0], '7.2'],
  ['WAITAOF 0 1 20', [1, 0], '7.2'],
  ['WAITAOF 2 0 0', err('ERR value is out of range, value must between 0 and 1'), '7.2'],
  ['WAITAOF -1 0 0', err('ERR value is out of range, value must between 0 and 1'), '7.2'],
  ['WAITAOF 1 -1 0', err('ERR value is out of range, must be positive'), '7.2'],
  ['WAITAOF 1 0 -1', err('ERR timeout is negative'), '7.2'],
  ['WAITAOF 1 0 a', err('ERR timeout is not an integer or out of range'), '7.2'],
  ['WAITAOF 1 0', arity('waitaof'), '7.2'],
]);

describe('connections', () => {
  test('QUIT answers, closes, and ignores what follows', async () => {
    using client = await server.current.connect();
    await client.cmd('SET', 'k', 'before');
    void client.send(Buffer.concat([encode(['QUIT']), encode(['SET', 'k', 'after'])]));
    expect((await client.readToEnd()).toString()).toBe('+OK\r\n');
    using other = await server.current.connect();
    expect(await other.ask('GET k')).toBe('"before"');
  });

  test('each connection has its own id, database, protocol and name', async () => {
    using a = await server.current.connect();
    using b = await server.current.connect();
    const idA = (await a.cmd('CLIENT', 'ID')) as number;
    const idB = await b.cmd('CLIENT', 'ID');
    expect(idB).toBeGreaterThan(idA);
    await a.run('SELECT 2');
    await a.run('SET only-in-2 x');
    await a.run('HELLO 3 SETNAME first');
    expect(await b.ask('GET only-in-2')).toBe('$nil');
    expect(await a.ask('GET nosuch')).toBe('_');
    const list = (await b.cmd('CLIENT', 'LIST', 'ID', idA)) as string;
    expect(list).toMatch(new RegExp(`^id=${idA} .* name=first .* db=2 .* resp=3`));
    await a.run('DEL only-in-2');
  });

  test('CLIENT KILL by id, address, and everybody but oneself', async () => {
    using a = await server.current.connect();
    using b = await server.current.connect();
    const idB = (await b.cmd('CLIENT', 'ID')) as number;
    expect(await a.cmd('CLIENT', 'KILL', 'ID', idB)).toBe(1);
    await b.expectClosed();
    using c = await server.current.connect();
    const [, address = ''] = / addr=(\S+) /.exec((await c.cmd('CLIENT', 'INFO')) as string) ?? [];
    expect(show(await a.cmd('CLIENT', 'KILL', address))).toBe('+OK');
    await c.expectClosed();
    using d = await server.current.connect();
    using e = await server.current.connect();
    await d.cmd('PING');
    await e.cmd('PING');
    expect(await a.cmd('CLIENT', 'KILL', 'TYPE', 'normal')).toBeGreaterThanOrEqual(2);
    await d.expectClosed();
    await e.expectClosed();
    expect(await a.ask('PING')).toBe('+PONG');
  });

  test('a connection may kill itself and still gets the reply', async () => {
    using a = await server.current.connect();
    const id = (await a.cmd('CLIENT', 'ID')) as number;
    expect(await a.cmd('CLIENT', 'KILL', 'ID', id)).toBe(0);
    expect(await a.cmd('CLIENT', 'KILL', 'ID', id, 'SKIPME', 'no')).toBe(1);
    await a.expectClosed();
  });

  test('CLIENT REPLY OFF, SKIP and ON', async () => {
    using client = await server.current.connect();
    const commands = [
      ['CLIENT', 'REPLY', 'OFF'],
      ['SET', 'silent', '1'],
      ['BOGUS'],
      ['CLIENT', 'REPLY', 'ON'],
      ['GET', 'silent'],
      ['CLIENT', 'REPLY', 'SKIP'],
      ['SET', 'silent', '2'],
      ['GET', 'silent'],
    ];
    void client.send(Buffer.concat(commands.map(encode)));
    expect((await client.readMany(3)).map(show)).toEqual(['+OK', '"1"', '"2"']);
    expect(await client.ask('PING')).toBe('+PONG');
  });

  test('CLIENT PAUSE WRITE holds writes back and lets reads through', async () => {
    using a = await server.current.connect();
    using b = await server.current.connect();
    await a.cmd('SET', 'paused', 'old');
    await a.cmd('CLIENT', 'PAUSE', 10_000, 'WRITE');
    void b.send(encode(['SET', 'paused', 'new']));
    expect(await a.ask('GET paused')).toBe('"old"');
    await sleep(100);
    expect(b.pending).toBe(0);
    expect(await a.ask('GET paused')).toBe('"old"');
    expect(await a.ask('CLIENT UNPAUSE')).toBe('+OK');
    expect(show(await b.read())).toBe('+OK');
    expect(await a.ask('GET paused')).toBe('"new"');
  });

  test('CLIENT PAUSE ALL ends by itself', async () => {
    using a = await server.current.connect();
    using b = await server.current.connect();
    const start = Date.now();
    await a.cmd('CLIENT', 'PAUSE', 300);
    expect(await b.ask('PING')).toBe('+PONG');
    expect(Date.now() - start).toBeGreaterThanOrEqual(280);
  });

  test('INFO counts connections', async () => {
    using a = await server.current.connect();
    const before = Number(/connected_clients:(\d+)/.exec((await a.cmd('INFO', 'clients')) as string)?.[1]);
    using b = await server.current.connect();
    await b.cmd('PING');
    const after = Number(/connected_clients:(\d+)/.exec((await a.cmd('INFO', 'clients')) as string)?.[1]);
    expect(after).toBe(before + 1);
  });
});

test.each(['POST / HTTP/1.1', 'post /', 'PoSt', 'Host: x', 'HOST: x', 'hOsT:'])('%s closes', async (line) => {
  using client = await server.current.connect();
  await client.send(`${line}\r\nSET crossed 1\r\n`);
  await client.expectClosed();
  using other = await server.current.connect();
  expect(await other.run('EXISTS crossed')).toBe(0);
});

test('blocked_clients counts those that wait and those that are paused', async () => {
  using other = await server.current.connect();
  using waiting = await server.current.connect();
  using paused = await server.current.connect();
  using gone = await server.current.connect();
  const blocked = async (count: number): Promise<boolean> =>
    (await other.ask('INFO clients')).includes(`blocked_clients:${count}\\r`);
  await waiting.send('WAIT 1 0\r\n');
  expect(await other.ask('CLIENT PAUSE 20000 WRITE')).toBe('+OK');
  await paused.send('SET a 1\r\n');
  await gone.send('SET a 2\r\n');
  await eventually('all count', () => blocked(3));
  const id = /id=(\d+)[^\n]* flags=b [^\n]* cmd=set /.exec(await other.ask('CLIENT LIST'))?.[1];
  expect(id).toBeDefined();
  if (has72) expect(await other.run(`CLIENT UNBLOCK ${id}`)).toBe(0);
  gone.close();
  await eventually('one is gone', () => blocked(2));
  expect(await other.ask('CLIENT UNPAUSE')).toBe('+OK');
  expect(await paused.read()).toEqual(OK);
  await eventually('one goes on', () => blocked(1));
  waiting.close();
  await eventually('none is left', () => blocked(0));
});

describe('requirepass', () => {
  const locked = useServer({ flags: { requirepass: 'secret' } });

  test('nothing but AUTH, HELLO, QUIT and RESET before the password', async () => {
    using client = await locked.current.connect();
    const noauth = '-NOAUTH Authentication required.';
    expect(await client.ask('GET k')).toBe(noauth);
    expect(await client.ask('PING')).toBe(noauth);
    expect(await client.ask('CONFIG GET port')).toBe(noauth);
    expect(await client.ask('MULTI')).toBe(noauth);
    expect(await client.ask('HELLO')).toMatch(/^-NOAUTH HELLO must be called with the client already authenticated/);
    expect(await client.ask('HELLO 3')).toMatch(/^-NOAUTH HELLO must be called with the client already authenticated/);
    expect(await client.ask('BOGUS')).toMatch(/^-ERR unknown command/);
    expect(await client.ask('GET')).toBe("-ERR wrong number of arguments for 'get' command");
    expect(await client.ask('AUTH wrong')).toBe('-WRONGPASS invalid username-password pair or user is disabled.');
    expect(await client.ask('AUTH default wrong')).toBe(
      '-WRONGPASS invalid username-password pair or user is disabled.',
    );
    expect(await client.ask('AUTH other secret')).toBe(
      '-WRONGPASS invalid username-password pair or user is disabled.',
    );
    expect(await client.ask('GET k')).toBe(noauth);
    expect(await client.ask('AUTH secret')).toBe('+OK');
    expect(await client.ask('GET k')).toBe('$nil');
    expect(await client.ask('RESET')).toBe('+RESET');
    expect(await client.ask('GET k')).toBe(noauth);
    expect(await client.ask('AUTH default secret')).toBe('+OK');
    expect(await client.ask('PING')).toBe('+PONG');
    expect(await client.ask('QUIT')).toBe('+OK');
    await client.expectClosed();
  });

  test('HELLO with AUTH', async () => {
    using client = await locked.current.connect();
    expect(await client.ask('HELLO 3 AUTH default wrong')).toMatch(/^-WRONGPASS/);
    expect(await client.ask('HELLO 3 AUTH default secret SETNAME me')).toMatch(/"proto": :3/);
    expect(await client.ask('CLIENT GETNAME')).toBe('"me"');
  });

  // Redis 7.0 acts while it reads; 7.2 reads all, then acts: AUTH, then SETNAME, then the version.
  needs72.each([
    ['3 AUTH default secret FOO', "-ERR Syntax error in HELLO option 'FOO'", false, ''],
    ['3 FOO AUTH default secret', "-ERR Syntax error in HELLO option 'FOO'", false, ''],
    ['3 SETNAME nm FOO', "-ERR Syntax error in HELLO option 'FOO'", false, ''],
    ['3 AUTH default secret AUTH default', "-ERR Syntax error in HELLO option 'AUTH'", false, ''],
    ['3 AUTH default wrong SETNAME "a b"', '-ERR Client names', false, ''],
    ['3 SETNAME "a b" AUTH default secret', '-ERR Client names', false, ''],
    ['3 SETNAME "a b" SETNAME nm AUTH default secret', '-ERR Client names', false, ''],
    ['3 AUTH default secret SETNAME', "-ERR Syntax error in HELLO option 'SETNAME'", false, ''],
    ['3 AUTH default wrong FOO', "-ERR Syntax error in HELLO option 'FOO'", false, ''],
    ['3 AUTH default secret AUTH default wrong', '-WRONGPASS', false, ''],
    ['3 AUTH default wrong AUTH default secret', '%', true, ''],
    ['3 AUTH default wrong SETNAME nm', '-WRONGPASS', false, ''],
    ['3 SETNAME nm', '-NOAUTH HELLO', false, ''],
    ['3 SETNAME first SETNAME nm AUTH default secret', '%', true, 'nm'],
    ['2 AUTH default secret SETNAME ""', '[', true, ''],
    ['4 AUTH default secret', '-NOPROTO', false, ''],
    ['1 FOO', '-NOPROTO', false, ''],
    ['x AUTH default secret', '-ERR Protocol version is not an integer', false, ''],
    ['03 AUTH default secret', '-ERR Protocol version is not an integer', false, ''],
    ['AUTH default secret', '-ERR Protocol version is not an integer', false, ''],
  ])('HELLO %s', async (options, reply, loggedIn, name) => {
    using client = await locked.current.connect();
    const got = await client.ask(`HELLO ${options}`);
    expect(got.slice(0, reply.length)).toBe(reply);
    expect(await client.ask('PING')).toBe(loggedIn ? '+PONG' : '-NOAUTH Authentication required.');
    await client.run('AUTH secret');
    expect(await client.ask('CLIENT GETNAME')).toBe(name !== '' ? `"${name}"` : reply === '%' ? '_' : '$nil');
  });

  test('big requests are refused before the password', async () => {
    using a = await locked.current.connect();
    await a.send('*11\r\n');
    expect((await a.readToEnd()).toString()).toBe('-ERR Protocol error: unauthenticated multibulk length\r\n');
    using b = await locked.current.connect();
    await b.send('*1\r\n$16385\r\n');
    expect((await b.readToEnd()).toString()).toBe('-ERR Protocol error: unauthenticated bulk length\r\n');
  });

  test('CONFIG SET requirepass applies to new connections', async () => {
    using client = await locked.current.connect();
    await client.run('AUTH secret');
    expect(await client.ask('CONFIG GET requirepass')).toBe('["requirepass", "secret"]');
    expect(await client.ask('CONFIG SET requirepass other')).toBe('+OK');
    using second = await locked.current.connect();
    expect(await second.ask('AUTH secret')).toMatch(/^-WRONGPASS/);
    expect(await second.ask('AUTH other')).toBe('+OK');
    expect(await client.ask('CONFIG SET requirepass ""')).toBe('+OK');
    using third = await locked.current.connect();
    expect(await third.ask('PING')).toBe('+PONG');
    expect(await client.ask('CONFIG SET requirepass secret')).toBe('+OK');
  });
});
