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

/** Of the types that stand element by element, and of an intset. Now and then one lies. */
function collection(random: Random): Buffer {
  const count = random.chance(0.1) ? random.int(100, 600) : random.int(1, 5);
  const lies = random.chance(0.1);
  const names = Array.from({ length: count }, (_, n) => (random.chance(0.3) ? `${n}` : `m${n}`));
  if (lies && random.chance(0.5)) names[0] = names[names.length - 1] ?? '';
  const head = (type: number): Buffer => {
    const claimed = lies && random.chance(0.5) ? count + random.int(-1, 1) : count;
    return Buffer.from(claimed < 64 ? [type, claimed] : [type, 0x40 | (claimed >> 8), claimed & 255]);
  };
  const score = (): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(random.int(-5, 5) / 2);
    return bytes;
  };
  switch (random.int(0, 4)) {
    case 0:
      return Buffer.concat([head(1), ...names.map(encodedString)]);
    case 1:
      return Buffer.concat([head(2), ...names.map(encodedString)]);
    case 2:
      return Buffer.concat([head(4), ...names.flatMap((name) => [encodedString(name), encodedString(`v${name}`)])]);
    case 3:
      return Buffer.concat([head(5), ...names.flatMap((name) => [encodedString(name), score()])]);
    default: {
      const bytes = Buffer.alloc(8 + 2 * count);
      bytes.writeUInt32LE(2, 0);
      bytes.writeUInt32LE(count, 4);
      for (let n = 0; n < count; n++) bytes.writeInt16LE(3 * n - 100, 8 + 2 * n);
      return Buffer.concat([Buffer.from([11]), encodedString(bytes.toString('latin1'))]);
    }
  }
}

export function payload(random: Random): string {
  const text = value(random).slice(0, plainBytesMax);
  const string = random.chance(0.3) ? encodedInteger(random) : encodedString(text);
  const body = random.chance(0.25) ? collection(random) : Buffer.concat([Buffer.from([0]), string]);
  // None that is newer than the redis-server beside: it would refuse what is restored here (docs/differences.md).
  const version = random.pick([1, 6, 9, 10, 10, 10]);
  const whole = Buffer.concat([body, footer(body, version)]);
  if (random.chance(0.1)) {
    const at = random.int(0, whole.length - 1);
    whole[at] = (whole[at] ?? 0) ^ (1 << random.int(0, 7));
  }
  return (random.chance(0.05) ? whole.subarray(0, random.int(0, whole.length)) : whole).toString('latin1');
}
