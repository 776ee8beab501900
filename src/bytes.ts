/**
 * Bytes as strings: one char (U+0000 to U+00FF) for each byte.
 *
 * Whatever comes from outside is of this kind and stays so until it goes out again: arguments of commands, the
 * configuration with its files and flags, what crosses to the data plane. Nothing is lost on the way, whether it is UTF-8
 * or not, and lengths are lengths in bytes. This file is the only place where the two kinds of strings meet; what people
 * read (logs, standard error, messages of errors that Node or the data plane throw) is ordinary text.
 */
import fs from 'node:fs';
import path from 'node:path';

declare const kind: unique symbol;

/** May be used as a string, but no string is one. */
export type Bytes = string & { readonly [kind]: 'bytes' };

export function bytesOf(buffer: Buffer): Bytes {
  return buffer.toString('latin1') as Bytes;
}

/** Also what the file system takes as a path. */
export function bufferOf(bytes: string): Buffer {
  return Buffer.from(bytes, 'latin1');
}

/** The UTF-8 bytes of a text. */
export function bytesOfText(text: string): Bytes {
  return bytesOf(Buffer.from(text, 'utf8'));
}

/** For people: what is not UTF-8 is shown as U+FFFD. */
export function textOf(bytes: string): string {
  return bufferOf(bytes).toString('utf8');
}

export function isByteString(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0xff) return false;
  return true;
}

export function readBytes(file: string): Bytes {
  return bytesOf(fs.readFileSync(bufferOf(file)));
}

export function absolutePath(file: string): string {
  return path.resolve(bytesOfText(process.cwd()), file);
}

/** The last arguments of the process, of which `argv` is Node's reading: that has lost what is not UTF-8, the kernel not. */
export function bytesOfArguments(argv: readonly string[]): Bytes[] {
  if (!argv.some((word) => word.includes('\ufffd'))) return argv.map(bytesOfText);
  const words = readBytes('/proc/self/cmdline').split('\0').slice(0, -1);
  return words.slice(-argv.length) as Bytes[];
}
