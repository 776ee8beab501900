/** Versions: ours, from package.json, and the one of Redis whose semantics are implemented. */
import { readFileSync } from 'node:fs';

const manifest = JSON.parse(String(readFileSync(new URL('../package.json', import.meta.url)))) as { version: string };

export const cairnVersion = manifest.version;

/** Tools decide by this one what the server can do. */
export const redisVersion = '7.2.4';
