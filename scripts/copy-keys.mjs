// node scripts/copy-keys.mjs [--allow-skipped] FROM TO: copies all keys of one running server to another with SCAN, DUMP,
// PEXPIRETIME (PTTL where the source does not have it) and RESTORE. Addresses are redis://[:password@]host:port. Works with
// everything that speaks the protocol. A key that exists at the target is replaced; keys that are written meanwhile may be
// missed. What one side cannot read or store is named and skipped, and makes the exit code 1 unless --allow-skipped is given.
// To a Redis before 7.2: CONFIG SET dump-version 10 at the source first.
import { Redis } from 'ioredis';
import { ScriptError, runScript } from './lib.mjs';

const keysPerRound = 500;
const shownBytesMax = 200;

/** Errors that every other key would meet, too. */
const everyKeys = /^(NOAUTH|NOPERM|OOM|MISCONF|READONLY|NOREPLICAS|LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|MOVED) /;

/** One end of the copy; its failures say which server it was. */
class Server {
  constructor(url) {
    if (!URL.canParse(url)) throw new ScriptError(`${url} is no address like redis://:password@host:port`);
    const { protocol, host } = new URL(url);
    this.name = `${protocol}//${host}`; // without the password
    this.lastError = undefined;
    this.redis = new Redis(url, { maxRetriesPerRequest: 1, stringNumbers: true }); // times beyond 2^53
    this.redis.on('error', (error) => (this.lastError = error));
  }

  failure(error, doing) {
    const cause = error.name === 'MaxRetriesPerRequestError' ? (this.lastError ?? error) : error;
    return new ScriptError(`copying failed: ${this.name}${doing}: ${cause.message || cause.code}`);
  }

  async ask(doing, command) {
    try {
      return await command(this.redis);
    } catch (error) {
      throw this.failure(error, doing);
    }
  }

  /** The replies to one command for each key. What is wrong with one value only comes as its error, the rest is thrown. */
  async askForEach(keys, add) {
    const pipeline = this.redis.pipeline();
    for (const [index, key] of keys.entries()) add(pipeline, key, index);
    const replies = keys.length === 0 ? [] : await pipeline.exec();
    return replies.map(([error, value], index) => {
      if (error && (error.name !== 'ReplyError' || everyKeys.test(error.message))) {
        throw this.failure(error, `, at key ${shown(keys[index])}`);
      }
      return error ?? value;
    });
  }
}

/** A key as text: quoted, bytes that are no printable ASCII escaped, long ones cut. */
function shown(key) {
  const bytes = Array.from(key.subarray(0, shownBytesMax), (byte) => {
    const char = String.fromCharCode(byte);
    if (char === '"' || char === '\\') return `\\${char}`;
    return byte >= 32 && byte < 127 ? char : `\\x${byte.toString(16).padStart(2, '0')}`;
  });
  return `"${bytes.join('')}"${key.length > shownBytesMax ? `... (${key.length} bytes)` : ''}`;
}

class Copy {
  constructor(from, to) {
    this.from = from;
    this.to = to;
    this.copied = 0; // of the database at hand
    this.skipped = 0; // of all
  }

  async all() {
    const keyspace = await this.from.ask('', (redis) => redis.info('keyspace'));
    // An absolute time does not move with the time that the copy takes. Older servers do not know the command.
    this.hasExpireTime = await this.from.redis.call('PEXPIRETIME', 'any').then(
      () => true,
      () => false,
    );
    for (const [, db] of keyspace.matchAll(/^db(\d+):/gm)) await this.database(Number(db));
  }

  async database(db) {
    for (const server of [this.from, this.to]) await server.ask(`, database ${db}`, (redis) => redis.select(db));
    this.copied = 0;
    let cursor = '0';
    do {
      const [next, keys] = await this.from.ask('', (redis) => redis.scanBuffer(cursor, 'COUNT', keysPerRound));
      cursor = String(next);
      for (let at = 0; at < keys.length; at += keysPerRound) await this.round(db, keys.slice(at, at + keysPerRound));
    } while (cursor !== '0');
    console.log(`database ${db}: ${this.copied} keys copied`);
  }

  async round(db, keys) {
    const dumps = await this.from.askForEach(keys, (pipeline, key) => pipeline.dumpBuffer(key));
    // Asked after the value: a time that is as new or newer never makes a key immortal that is not.
    const command = this.hasExpireTime ? 'PEXPIRETIME' : 'PTTL';
    const times = await this.from.askForEach(keys, (pipeline, key) => pipeline.call(command, key));
    const refusals = [];
    const values = [];
    for (const [index, key] of keys.entries()) {
      const [dump, time] = [dumps[index], times[index]];
      const error = [dump, time].find((reply) => reply instanceof Error);
      if (error) refusals.push({ key, server: this.from, error });
      // -1: never expires. -2: has gone. 0: has no millisecond left, and RESTORE would take it for "never".
      else if (dump !== null && time === '-1') values.push({ key, dump, time: '0' });
      else if (dump !== null && !['-2', '0'].includes(time)) values.push({ key, dump, time });
    }
    const options = this.hasExpireTime ? ['REPLACE', 'ABSTTL'] : ['REPLACE'];
    const replies = await this.to.askForEach(
      values.map(({ key }) => key),
      (pipeline, key, index) => pipeline.restore(key, values[index].time, values[index].dump, ...options),
    );
    for (const [index, reply] of replies.entries()) {
      if (reply instanceof Error) refusals.push({ key: values[index].key, server: this.to, error: reply });
      else this.copied += 1;
    }
    await this.report(db, refusals);
  }

  async report(db, refusals) {
    const types = await this.from.askForEach(
      refusals.map(({ key }) => key),
      (pipeline, key) => pipeline.type(key),
    );
    for (const [index, { key, server, error }] of refusals.entries()) {
      const type = types[index] instanceof Error ? 'unknown type' : types[index];
      console.error(`database ${db}: ${shown(key)} (${type}) skipped: ${server.name} says: ${error.message}`);
    }
    this.skipped += refusals.length;
  }
}

await runScript(async () => {
  const flag = '--allow-skipped';
  const addresses = process.argv.slice(2).filter((arg) => arg !== flag);
  if (addresses.length !== 2 || addresses.some((arg) => arg.startsWith('-'))) {
    throw new ScriptError(`usage: node scripts/copy-keys.mjs [${flag}] redis://FROM:PORT redis://TO:PORT`);
  }
  const [from, to] = addresses.map((url) => new Server(url));
  try {
    const copy = new Copy(from, to);
    await copy.all();
    if (copy.skipped === 0) return;
    const summary = `${copy.skipped} ${copy.skipped === 1 ? 'key was' : 'keys were'} not copied`;
    if (!process.argv.includes(flag)) throw new ScriptError(summary);
    console.log(summary);
  } finally {
    for (const { redis } of [from, to]) redis.disconnect();
  }
});
