/** Payloads for RESTORE, good and bad, made here so that a program needs no reply of an earlier command. */
import { type Random } from '../support/random.js';
import { value } from './values.js';

const polynomial = 0x95ac9329ac4bc9b5n;

const table = Array.from({ length: 256 }, (_, byte) => {
  let crc = BigInt(byte);
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1n) === 1n ? (crc >> 1n) ^ polynomial : crc >> 1n;
  return crc;
});

/** CRC-64 as Redis computes it (Jones; reflected; nothing inverted). */
export function crc64(bytes: Buffer): bigint {
  let crc = 0n;
  for (const byte of bytes) crc = (crc >> 8n) ^ (table[Number((crc ^ BigInt(byte)) & 0xffn)] ?? 0n);
  return crc;
}

function encodedString(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.length < 64) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  if (bytes.length < 16_384)
    return Buffer.concat([Buffer.from([0x40 | (bytes.length >> 8), bytes.length & 255]), bytes]);
  const head = Buffer.alloc(5);
  head[0] = 0x80;
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

function encodedInteger(random: Random): Buffer {
  const size = random.pick([1, 2, 4] as const);
  const out = Buffer.alloc(1 + size);
  out[0] = { 1: 0xc0, 2: 0xc1, 4: 0xc2 }[size];
  out.writeIntLE(random.int(-100, 100), 1, size);
  return out;
}

function footer(body: Buffer, version: number): Buffer {
  const tail = Buffer.alloc(10);
  tail.writeUInt16LE(version, 0);
  tail.writeBigUInt64LE(crc64(Buffer.concat([body, tail.subarray(0, 2)])), 2);
  return tail;
}

const plainBytesMax = 5000;

export function payload(random: Random): string {
  const text = value(random).slice(0, plainBytesMax);
  const string = random.chance(0.3) ? encodedInteger(random) : encodedString(text);
  const body = Buffer.concat([Buffer.from([0]), string]);
  // None that is newer than the redis-server beside: it would refuse what is restored here (docs/differences.md).
  const version = random.pick([1, 6, 9, 10, 10, 10]);
  const whole = Buffer.concat([body, footer(body, version)]);
  if (random.chance(0.1)) {
    const at = random.int(0, whole.length - 1);
    whole[at] = (whole[at] ?? 0) ^ (1 << random.int(0, 7));
  }
  return (random.chance(0.05) ? whole.subarray(0, random.int(0, whole.length)) : whole).toString('latin1');
}
