/** Damages data directories, and looks at them with `cairn check`. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { patience } from './patience.js';
import { mainJs } from './server.js';

export interface Piece {
  file: string;
  offset: number;
}

/** Where in the files of `dir` these bytes are. */
export function locate(dir: string, bytes: Buffer): Piece[] {
  const found: Piece[] = [];
  for (const entry of fs.readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const content = fs.readFileSync(file);
    for (let at = content.indexOf(bytes); at >= 0; at = content.indexOf(bytes, at + 1))
      found.push({ file, offset: at });
  }
  return found;
}

/** Where it is first. */
export function find(dir: string, text: string): Piece {
  const [piece] = locate(dir, Buffer.from(text));
  if (piece === undefined) throw new Error(`${text} is in no file of ${dir}`);
  return piece;
}

/** Changes some bits of one byte. */
export function flip({ file, offset }: Piece): void {
  const handle = fs.openSync(file, 'r+');
  const byte = Buffer.alloc(1);
  fs.readSync(handle, byte, 0, 1, offset);
  byte[0] = (byte[0] ?? 0) ^ 0x55;
  fs.writeSync(handle, byte, 0, 1, offset);
  fs.fsyncSync(handle);
  fs.closeSync(handle);
}

export interface Outcome {
  code: number | null;
  output: string;
}

/** Runs `cairn check`. */
export function check(dir: string): Outcome {
  const result = spawnSync(process.execPath, [mainJs, 'check', dir], { timeout: 20_000 * patience });
  return { code: result.status, output: `${result.stdout.toString()}${result.stderr.toString()}` };
}
