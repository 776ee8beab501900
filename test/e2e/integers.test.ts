/** Integers of clients: one form, and each command's own range and words. */
import { describe } from 'vitest';
import { nil, OK, QUEUED } from '../support/resp.js';
import { useServer } from '../support/server.js';
import { anything, err, type Expected, notInteger, type Row, table } from '../support/table.js';

const server = useServer({ flags: { 'enable-debug-command': 'local' } });

/** None of these is an integer of 64 bits in the form that Redis takes. */
const malformed = [
  '',
  ' 1',
  '1 ',
  '+1',
  '01',
  '-0',
  '-01',
  '1.0',
  '1e3',
  '0x10',
  'a',
  '-',
  '--1',
  '1\n',
  '1\0',
  '\xff',
];
const tooLarge = ['9223372036854775808', '-9223372036854775809', '18446744073709551616', '99999999999999999999999'];

const invalid = new Map<string, Expected>(
  Object.entries({
    'SELECT @': notInteger,
    'MOVE k @': notInteger,
    'COPY k k2 DB @': notInteger,
    'SWAPDB @ 0': err('ERR invalid first DB index'),
    'SWAPDB 0 @': err('ERR invalid second DB index'),
    'INCRBY n @': notInteger,
    'GETRANGE k 0 @': notInteger,
    'SETRANGE k @ x': notInteger,
    'SETBIT k @ 1': err('ERR bit offset is not an integer or out of range'),
    'SETBIT k 1 @': err('ERR bit is not an integer or out of range'),
    'BITPOS k @': notInteger,
    'BITFIELD k SET u8 0 @': notInteger,
    'SCAN 0 COUNT @': notInteger,
    'EXPIRE k @': notInteger,
    'SET k v EX @': notInteger,
    'RESTORE r @ x': notInteger,
    'RESTORE r 0 x FREQ @': notInteger,
    'MEMORY USAGE k SAMPLES @': notInteger,
    'WAIT @ 1': notInteger,
    'WAIT 0 @': err('ERR timeout is not an integer or out of range'),
    'HELLO @': err('ERR Protocol version is not an integer or out of range'),
    'CLIENT KILL ID @': err('ERR client-id should be greater than 0'),
    'CLIENT LIST ID @': err('ERR Invalid client ID'),
    'CLIENT UNBLOCK @': notInteger,
    'CLIENT PAUSE @': err('ERR timeout is not an integer or out of range'),
    'SLOWLOG GET @': err('ERR count should be greater than or equal to -1'),
    'ACL GENPASS @': notInteger,
    'REPLICAOF localhost @': err('ERR Invalid master port'),
  }),
);

describe('what is no integer of 64 bits', () => {
  for (const [command, expected] of invalid) {
    const rows = [...malformed, ...tooLarge].map((text): Row => {
      return [command.split(' ').map((word) => word.replace('@', text)), expected];
    });
    table(server, command, rows, { once: true });
  }
});

const int32 = err('ERR value is out of range, value must between -2147483648 and 2147483647');
const noDb = err('ERR DB index is out of range');
const pauseTooLong = err('ERR timeout is out of range');

table(server, 'ranges', [
  ['SELECT 2147483648', int32],
  ['SELECT 2147483647', noDb],
  ['SELECT -1', noDb],
  ['SET k v', OK],
  ['MOVE k -2147483649', int32],
  ['CLIENT UNBLOCK -1', 0],
  ['CLIENT UNBLOCK 9223372036854775807', 0],
  ['CLIENT KILL ID 0', err('ERR client-id should be greater than 0')],
  ['CLIENT KILL ID 9223372036854775807', 0],
  ['CLIENT LIST ID 9223372036854775807 -1', ''],
  ['CLIENT PAUSE -1', err('ERR timeout is negative')],
  ['CLIENT PAUSE 0 NEVER', err('ERR CLIENT PAUSE mode must be WRITE or ALL')],
  ['CLIENT PAUSE 9223372036854775807', pauseTooLong, '7.2'],
  ['SLOWLOG GET -2', err('ERR count should be greater than or equal to -1')],
  ['SLOWLOG GET 9223372036854775807', anything],
  ['SCAN ""', anything],
  ['SCAN +0', anything],
  ['SCAN " 0"', err('ERR invalid cursor')],
  ['SCAN -', err('ERR invalid cursor')],
  ['SCAN 18446744073709551616', err('ERR invalid cursor')],
  ['WAIT 0 -1', err('ERR timeout is negative')],
  ['WAIT -1 0', 0],
  ['WAIT 0 9223372036854775807', pauseTooLong, '7.2'],
  ['WAITAOF x 0 0', notInteger, '7.2'],
  ['WAITAOF 2 0 0', err('ERR value is out of range, value must between 0 and 1'), '7.2'],
  ['WAITAOF 0 x 0', err('ERR value is out of range, must be positive'), '7.2'],
  ['WAITAOF 0 -1 0', err('ERR value is out of range, must be positive'), '7.2'],
  ['WAITAOF 0 0 -1', err('ERR timeout is negative'), '7.2'],
  ['MULTI', OK],
  ['WAIT foo bar', QUEUED],
  ['WAIT 0 -1', QUEUED],
  ['WAIT 0 x', QUEUED],
  ['WAIT 1 0', QUEUED],
  ['GET nokey', QUEUED],
  ['EXEC', [notInteger, err('ERR timeout is negative'), err('ERR timeout is not an integer or out of range'), 0, nil]],
]);
