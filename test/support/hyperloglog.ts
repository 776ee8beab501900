/** HyperLogLogs for tests: elements for any register and rank, and strings put together by hand. */

const factor = 0xc6a4a7935bd1e995n;
const seed = 0xadc83b19n;
const word = (value: bigint): bigint => BigInt.asUintN(64, value);

const inverse = [1, 2, 3, 4, 5, 6].reduce((found) => word(found * (2n - factor * found)), factor);

const mix = (value: bigint): bigint => value ^ (value >> 47n);

/** Eight bytes with this MurmurHash64A: each of its steps can be undone. */
function elementWithHash(hash: bigint): string {
  const body = word(mix(word(mix(hash) * inverse)) * inverse) ^ word(seed ^ word(8n * factor));
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(word(mix(word(body * inverse)) * inverse));
  return bytes.toString('latin1');
}

export const registers = 16_384;

/** An element that raises this register (0 to 16383) to this rank (1 to 51). */
export function elementFor(register: number, rank: number): string {
  return elementWithHash((rank > 50 ? 0n : 1n << BigInt(13 + rank)) | BigInt(register));
}

/** A string that begins like a HyperLogLog; `count` as its header has it, by default one that is not valid. */
export function hyperloglog(
  encoding: 'dense' | 'sparse' | number,
  rest: string,
  count = '\0\0\0\0\0\0\0\x80',
  magic = 'HYLL',
): string {
  const byte = encoding === 'dense' ? 0 : encoding === 'sparse' ? 1 : encoding;
  return `${magic}${String.fromCharCode(byte)}\0\0\0${count}${rest}`;
}

export const empty = hyperloglog('sparse', '\x7f\xff');
