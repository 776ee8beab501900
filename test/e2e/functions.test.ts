/** FUNCTION and FCALL: libraries of functions, and what becomes of them. */
import { expect, test } from 'vitest';
import { nil, OK, QUEUED, show } from '../support/resp.js';
import { eventually, smallSegments, startServer, useServer } from '../support/server.js';
import { err, like, table } from '../support/table.js';

const server = useServer({ cairn: smallSegments });

const library = (name: string, functions: string): string => `"#!lua name=${name}\\n${functions}"`;
const one = library(
  'one',
  "redis.register_function('set', function(keys, args) return redis.call('set', keys[1], args[1]) end) " +
    "redis.register_function{function_name='get', description='reads', callback=function(keys) return " +
    "redis.call('get', keys[1]) end, flags={'no-writes'}}",
);
const two = library('two', "redis.register_function('double', function(_, args) return args[1] * 2 end)");

table(server, 'FUNCTION LOAD and FCALL', [
  ['FUNCTION FLUSH', OK],
  ['FCALL get 1 a', err('ERR Function not found')],
  [`FUNCTION LOAD ${one}`, 'one'],
  [`FUNCTION LOAD ${two}`, 'two'],
  ['FCALL set 1 a value', OK],
  ['FCALL get 1 a', 'value'],
  ['FCALL_RO get 1 a', 'value'],
  ['FCALL_RO set 1 a value', err('ERR Can not execute a script with write flag using *_ro command.')],
  ['FCALL double 0 21', 42],
  ['FCALL DouBLE 0 21', 42],
  ['FCALL double x 21', err('ERR Bad number of keys provided')],
  ['FCALL double 2 21', err("ERR Number of keys can't be greater than number of args")],
  ['FCALL double -1 21', err("ERR Number of keys can't be negative")],
  [
    'FCALL double 0 x',
    like(/^-ERR user_function:2: attempt to perform arithmetic .* script: double, on @user_function:2\.$/),
  ],
  [`FUNCTION LOAD ${one}`, err("ERR Library 'one' already exists")],
  [`FUNCTION LOAD REPLACE ${one}`, 'one'],
  [
    `FUNCTION LOAD ${library('three', "redis.register_function('double', function() end)")}`,
    err('ERR Function double already exists'),
  ],
  ['FUNCTION DELETE two', OK],
  ['FUNCTION DELETE two', err('ERR Library not found')],
  ['FCALL double 0 1', err('ERR Function not found')],
  ['FUNCTION FLUSH ASYNC', OK],
  ['FUNCTION LIST', []],
]);

table(server, 'libraries that are refused', [
  ['FUNCTION FLUSH', OK],
  ['FUNCTION LOAD "return 1"', err('ERR Missing library metadata')],
  ['FUNCTION LOAD "#!lua\\nreturn 1"', err('ERR Library name was not given')],
  ['FUNCTION LOAD "#!js name=x\\nreturn 1"', err("ERR Engine 'js' not found")],
  [
    'FUNCTION LOAD "#!lua name=a-b\\nreturn 1"',
    err(
      'ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long',
    ),
  ],
  ['FUNCTION LOAD "#!lua name=x\\nreturn 1"', err('ERR No functions registered')],
  ['FUNCTION LOAD "#!lua name=x\\nreturn ("', like(/^-ERR Error compiling function: user_function:2: /)],
  ["FUNCTION LOAD \"#!lua name=x\\nredis.call('get', 'a')\"", like(/^-ERR Error registering functions: /)],
  ['FUNCTION LOAD NOW "#!lua name=x\\nreturn 1"', err('ERR Unknown option given: NOW')],
  ['FUNCTION FLUSH NOW', err('ERR FUNCTION FLUSH only supports SYNC|ASYNC option')],
  ['FUNCTION LIST NOW', err('ERR Unknown argument NOW')],
  ['FUNCTION LIST LIBRARYNAME', err('ERR library name argument was not given')],
  ['FUNCTION RESTORE nothing', err('ERR DUMP payload version or checksum are wrong')],
  [
    'FUNCTION RESTORE nothing NOW',
    err('ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.'),
  ],
  ['FUNCTION KILL', err('NOTBUSY No scripts in execution right now.')],
  ['FUNCTION LIST', []],
]);

table(server, 'FUNCTION LIST and STATS', [
  ['FUNCTION FLUSH', OK],
  [`FUNCTION LOAD ${two}`, 'two'],
  [
    'FUNCTION LIST',
    [['library_name', 'two', 'engine', 'LUA', 'functions', [['name', 'double', 'description', nil, 'flags', []]]]],
  ],
  [
    'FUNCTION LIST LIBRARYNAME T*',
    [['library_name', 'two', 'engine', 'LUA', 'functions', [['name', 'double', 'description', nil, 'flags', []]]]],
  ],
  ['FUNCTION LIST LIBRARYNAME x*', []],
  ['FUNCTION LIST WITHCODE', like(/"library_code", "#!lua name=two\\nredis\.register_function/)],
  ['FUNCTION STATS', ['running_script', nil, 'engines', ['LUA', ['libraries_count', 1, 'functions_count', 1]]]],
  ['FUNCTION FLUSH', OK],
]);

table(server, 'in transactions', [
  ['FUNCTION FLUSH', OK],
  ['MULTI', OK],
  [`FUNCTION LOAD ${two}`, QUEUED],
  ['FCALL double 0 4', QUEUED],
  ['FUNCTION DELETE two', QUEUED],
  ['FCALL double 0 4', QUEUED],
  ['EXEC', ['two', 8, OK, err('ERR Function not found')]],
  ['FUNCTION LIST', []],
]);

test('DUMP and RESTORE, also of the other server', async () => {
  using client = await server.current.connect();
  await client.run('FUNCTION FLUSH');
  await client.run(`FUNCTION LOAD ${one}`);
  await client.run(`FUNCTION LOAD ${two}`);
  const dump = Buffer.from((await client.run('FUNCTION DUMP')) as string, 'latin1');
  expect(show(await client.cmd('FUNCTION', 'RESTORE', dump))).toMatch(/^-ERR Library (one|two) already exists$/);
  expect(await client.cmd('FUNCTION', 'RESTORE', dump, 'REPLACE')).toEqual(OK);
  for (const policy of ['FLUSH', 'APPEND', 'REPLACE']) {
    expect(await client.run('FUNCTION FLUSH')).toEqual(OK);
    expect(await client.run('FUNCTION LIST')).toEqual([]);
    expect(await client.cmd('FUNCTION', 'RESTORE', dump, policy)).toEqual(OK);
    expect(await client.run('FUNCTION LIST')).toHaveLength(2);
  }
  expect(await client.run('FCALL double 0 5')).toBe(10);
  const redis = await startServer({ kind: 'redis' });
  try {
    using other = await redis.connect();
    expect(await other.cmd('FUNCTION', 'RESTORE', dump)).toEqual(OK);
    expect(await other.run('FCALL double 0 5')).toBe(10);
    const back = Buffer.from((await other.run('FUNCTION DUMP')) as string, 'latin1');
    expect(await client.cmd('FUNCTION', 'RESTORE', back, 'FLUSH')).toEqual(OK);
    expect(await client.run('FCALL double 0 6')).toBe(12);
  } finally {
    await redis.dispose();
  }
});

test('functions are there after a restart, and after a crash', async () => {
  const own = await startServer({ cairn: smallSegments });
  try {
    let client = await own.connect();
    await client.run(`FUNCTION LOAD ${one}`);
    await own.restart('kill');
    client = await own.connect();
    expect(await client.run('FCALL set 1 a value')).toEqual(OK);
    await client.run(`FUNCTION LOAD ${two}`);
    await client.run('FUNCTION DELETE one');
    await own.restart('stop');
    client = await own.connect();
    expect(await client.run('FCALL double 0 3')).toBe(6);
    expect(show(await client.run('FCALL get 1 a'))).toBe('-ERR Function not found');
    expect(show(await client.run('INFO memory'))).toMatch(/number_of_functions:1\b/);
  } finally {
    await own.dispose();
  }
});

test('a function that runs for long is shown, and killed', async () => {
  using client = await server.current.connect();
  using other = await server.current.connect();
  await other.run('FUNCTION FLUSH');
  await other.run('CONFIG SET busy-reply-threshold 50');
  await other.run(
    `FUNCTION LOAD ${library('long', "redis.register_function('forever', function() while true do end end)")}`,
  );
  const reply = client.run('FCALL forever 0');
  await eventually('BUSY', async () => (await other.ask('GET a')).includes('BUSY'));
  expect(await other.ask('GET a')).toContain('You can only call FUNCTION KILL or SHUTDOWN NOSAVE.');
  expect(await other.ask('SCRIPT KILL')).toContain('You can only call FUNCTION KILL or SHUTDOWN NOSAVE.');
  expect(await other.ask('FUNCTION STATS')).toMatch(
    /"name", "forever", "command", \["FCALL", "forever", "0"\], "duration_ms", :\d+/,
  );
  expect(await other.run('FUNCTION KILL')).toEqual(OK);
  expect(show(await reply)).toContain('Script killed by user with SCRIPT KILL');
  await other.run('CONFIG SET busy-reply-threshold 5000');
});
