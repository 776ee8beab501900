/**
 * Lines of users: those of the configuration (`user NAME RULE ...`) and of the file that `aclfile` names. What rules mean
 * is the data plane's (native/acl/). Strings are bytes (bytes.ts).
 */
import fs from 'node:fs';
import path from 'node:path';
import { bufferOf, bytesOfText, readBytes } from '../bytes.js';
import { ConfigError, type Directive } from './conf-syntax.js';
import type { NativeServer, UserLine } from '../native.js';
import { replaceFile } from './rewrite.js';

const fileBytesMax = 16 * 1024 * 1024;
const errorsShown = 20;

/** A line that says `user NAME`, with its number; from 1. */
interface NumberedLine extends UserLine {
  number: number;
}

/** As in Redis: words between blanks, without quotes; no comments. Complaints go to `errors`. */
function parseLines(file: string, text: string, errors: string[]): NumberedLine[] {
  return text.split('\n').flatMap((raw, index) => {
    const line = raw.replace(/^[ \t\r]+|[ \t\r]+$/g, '');
    if (line === '') return [];
    const [keyword, name, ...rules] = line.split(' ');
    if (keyword === 'user' && name !== undefined && name !== '') return [{ number: index + 1, name, rules }];
    errors.push(`${file}:${index + 1} should start with user keyword followed by the username. `);
    return [];
  });
}

const unchanged = 'WARNING: ACL errors detected, no change to the previously active ACL rules was performed';

/** The path of `aclfile`, seen from the data directory as in Redis. */
export function aclPath(dir: string, file: string): string {
  return path.resolve(dir, file);
}

/** Throws with all that is wrong in one line; then the users are what they were. */
export function loadAclFile(native: NativeServer, file: string): void {
  let text: string;
  try {
    const { size } = fs.statSync(bufferOf(file));
    if (size > fileBytesMax) throw new Error(`larger than ${fileBytesMax} bytes`);
    text = readBytes(file);
  } catch (error) {
    throw new Error(`Error loading ACLs, opening file '${file}': ${bytesOfText((error as Error).message)}`, {
      cause: error,
    });
  }
  const errors: string[] = [];
  const lines = parseLines(file, text, errors);
  if (errors.length === 0) {
    for (const { line, reason } of native.loadUsers(lines)) {
      const number = lines[line]?.number ?? 0;
      errors.push(
        reason.startsWith('Duplicate user')
          ? `WARNING: ${reason} on line ${number}. `
          : `${file}:${number}: ${reason.replace(/^ERR /, '')}. `,
      );
    }
  }
  if (errors.length > 0) throw new Error(errors.slice(0, errorsShown).join('') + unchanged);
}

/** Replaces the file in one step. */
export function saveAclFile(native: NativeServer, file: string): void {
  replaceFile(
    file,
    native
      .describeUsers()
      .map((line) => `${line}\n`)
      .join(''),
  );
}

/** Those of the configuration. Throws ConfigError. */
export function loadConfiguredUsers(native: NativeServer, directives: readonly Directive[]): void {
  if (directives.length === 0) return;
  const lines = directives.map(({ words: [name = '', ...rules] }) => ({ name, rules }));
  const [first] = native.loadUsers(lines);
  if (first === undefined) return;
  const directive = directives[first.line];
  const reason = first.reason
    .replace(/^ERR /, '')
    .replace(/^Error in ACL SETUSER modifier '.*': (.*)$/s, (_, why: string) => why);
  throw new ConfigError(
    reason,
    directive === undefined ? undefined : { file: directive.file, line: directive.line, option: 'user' },
  );
}
