// npm run test:redis-suite: Redis's own tests, in their external mode, against this server.
//
// They come from the distribution's source package of redis, which is kept in the user's cache folder; none of their code is in
// this repository. Each unit gets a server of its own. A test passes, or stands in test/redis-suite/skip.json with its reason, or is
// one that the suite itself leaves out against an external server; anything else fails the run.
//
//   npm run test:redis-suite -- [unit/type/hash ...] [--engine lsm] [--server redis] [--all] [--verbose]
//
//   --server redis   against the real one, to see what the suite says of it
//   --all            also the tests of the skip list
//   --verbose        what the suite prints, as it comes
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { clearTimeout, setTimeout } from 'node:timers';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { build } from './build.mjs';
import { cacheFolder, fetchSource } from './debian-source.mjs';
import { ScriptError, outputOf, redisServer, root, runScript } from './lib.mjs';
import { setUp } from './setup.mjs';

const skipFile = path.join(root, 'test', 'redis-suite', 'skip.json');
const startMillisMax = 30_000;
const stopMillisMax = 15_000;
const unitMillisMax = 15 * 60_000;
/** A line of the suite: what became of a test. */
const outcomeLine = /^\[(ok|err|skip|ignore|exception|timeout)\]: (.*)$/;

/** @typedef {{ units: Record<string, string>, tests: Record<string, Record<string, string>> }} Skips */

/** Programs that tests of the suite run by their place in its source. */
function linkPrograms(source) {
  for (const name of ['redis-cli', 'redis-benchmark']) {
    const link = path.join(source, 'src', name);
    const program = outputOf('sh', ['-c', `command -v ${name}`])?.trim();
    if (program && !existsSync(link)) symlinkSync(program, link);
  }
}

/** Ours comes behind the suite's own definitions, in our copy of its source. */
function acceptEncodings(source, server) {
  const file = path.join(source, 'tests', 'support', 'test.tcl');
  const ours = path.join(root, 'test', 'redis-suite', 'encodings.tcl');
  const mark = '\n# --- from here on not of the suite\n';
  const [text] = readFileSync(file, 'utf8').split(mark);
  writeFileSync(file, server === 'cairn' ? `${text}${mark}${readFileSync(ours, 'utf8')}` : text);
}

/**
 * The suite keeps its tests of ACL from external servers, for what they leave behind there; each unit has one of its own here.
 * Servers that get options of their own (`overrides`) stay left out.
 */
function acceptAcl(source) {
  for (const unit of ['acl', 'acl-v2']) {
    const file = path.join(source, 'tests', 'unit', `${unit}.tcl`);
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replaceAll('start_server {tags {"acl external:skip"}}', 'start_server {tags {"acl"}}'));
  }
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** @returns {Promise<boolean>} whether somebody answers there */
function answers(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    const done = (ok) => {
      socket.destroy();
      resolve(ok);
    };
    socket.on('data', (bytes) => done(bytes.toString().startsWith('+PONG')));
    socket.on('error', () => done(false));
  });
}

async function startServer(kind, engine, dir) {
  const port = await freePort();
  const flags = ['--port', String(port), '--dir', dir];
  const [program, args] =
    kind === 'redis'
      ? [redisServer(), [...flags, '--appendonly', 'yes', '--enable-debug-command', 'yes']]
      : [process.execPath, [path.join(root, 'bin', 'cairn'), ...flags, '--engine', engine]];
  let log = '';
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes) => (log = (log + bytes).slice(-20_000)));
  }
  const until = Date.now() + startMillisMax;
  while (!(await answers(port))) {
    if (child.exitCode !== null || Date.now() > until) {
      child.kill('SIGKILL');
      throw new ScriptError(`the server does not start:\n${log}`);
    }
    await sleep(100);
  }
  return {
    port,
    /** @returns {Promise<string | undefined>} what is wrong with how it ended */
    async stop() {
      const early = child.exitCode ?? child.signalCode;
      if (early !== null) return `the server ended with ${early}:\n${log}`;
      child.kill('SIGTERM');
      const how = await Promise.race([ended, sleep(stopMillisMax, 'timeout', { ref: false })]);
      if (how === 'timeout') child.kill('SIGKILL');
      return how === 0 ? undefined : `the server stopped with ${how}:\n${log}`;
    },
  };
}

/**
 * @typedef {object} Result
 * @property {string} unit
 * @property {string[]} passed names
 * @property {string[]} failed what the suite says of each
 * @property {string[]} skipped names, by our list
 * @property {number} ignored by the suite itself
 */

/** @returns {Promise<Result>} */
async function runUnit(source, unit, skips, options) {
  const dir = mkdtempSync(path.join(tmpdir(), 'cairn-redis-suite-'));
  /** @type {Result} */
  const result = { unit, passed: [], failed: [], skipped: [], ignored: 0 };
  try {
    const data = path.join(dir, 'data');
    mkdirSync(data);
    const server = await startServer(options.server, options.engine, data);
    const skipList = path.join(dir, 'skip');
    writeFileSync(skipList, `${Object.keys(skips).join('\n')}\n`);
    const args = [
      '--host',
      '127.0.0.1',
      '--port',
      String(server.port),
      '--single',
      unit,
      '--clients',
      '1',
      '--durable',
    ];
    const more = Object.keys(skips).length > 0 ? ['--skipfile', skipList] : [];
    let toItsEnd = true;
    await runSuite(source, [...args, ...more], options.verbose, (what, text) => {
      if (what === 'ok') result.passed.push(text.replace(/ \(\d+ ms\)$/, ''));
      else if (what === 'skip') result.skipped.push(text.split('\n')[0]);
      else if (what === 'ignore') result.ignored += 1;
      else result.failed.push(text);
      if (what === 'exception' || what === 'timeout') toItsEnd = false;
    }).catch((error) => {
      result.failed.push(error.message);
      toItsEnd = false;
    });
    // One that broke off has not come to all of its tests.
    if (toItsEnd) result.failed.push(...stale(skips, result.skipped));
    const wrong = await server.stop();
    if (wrong !== undefined) result.failed.push(wrong);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  return result;
}

/** Runs the suite; `tell` hears what becomes of each test, all lines of it. */
function runSuite(source, args, verbose, tell) {
  return new Promise((resolve, reject) => {
    const child = spawn('tclsh', ['tests/test_helper.tcl', ...args], {
      cwd: source,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // a group, which ends as a whole
    });
    const end = () => {
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // it has ended
      }
    };
    const late = setTimeout(() => {
      end();
      reject(new Error(`not done after ${unitMillisMax / 60_000} minutes`));
    }, unitMillisMax);
    process.once('exit', end);
    let rest = '';
    let open;
    const close = () => {
      if (open !== undefined) tell(open.what, open.text);
      open = undefined;
    };
    const line = (text) => {
      if (verbose) console.log(text);
      // eslint-disable-next-line no-control-regex
      const plain = text.replace(/\x1b\[[\d;]*m/g, '');
      const found = outcomeLine.exec(plain);
      if (found !== null) {
        close();
        open = { what: found[1], text: found[2] };
      } else if (open !== undefined && open.what !== 'ok' && /^\[|^Cleanup|^===/.test(plain) === false) {
        open.text += `\n${plain}`;
      } else {
        close();
      }
    };
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (chunk) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop();
      lines.forEach(line);
    });
    let complaint = '';
    child.stderr.on('data', (chunk) => (complaint = (complaint + chunk).slice(-2000)));
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(late);
      process.off('exit', end);
      if (rest !== '') line(rest);
      close();
      end();
      if (complaint !== '') reject(new Error(`the suite complains: ${complaint}`));
      else resolve(code);
    });
  });
}

/** What is wrong with names in the list, or patterns (/...), of which the suite did not say that it skipped such a test. */
function stale(skips, skipped) {
  const used = (name) =>
    name.startsWith('/') ? skipped.some((test) => new RegExp(name.slice(1)).test(test)) : skipped.includes(name);
  return Object.keys(skips)
    .filter((name) => !used(name))
    .map((name) => `skip.json names a test that is not there: ${name}`);
}

/** The units of the suite, less those that are left out as a whole. */
function chosenUnits(source, named, skips) {
  const list = /set ::all_tests \{([^}]*)\}/.exec(readFileSync(path.join(source, 'tests', 'test_helper.tcl'), 'utf8'));
  const all = (list?.[1] ?? '').split(/\s+/).filter((unit) => unit !== '');
  const unknown = named.filter((unit) => !all.includes(unit));
  if (unknown.length > 0) throw new ScriptError(`the suite has no ${unknown.join(', ')}; it has: ${all.join(' ')}`);
  return named.length > 0 ? named : all.filter((unit) => skips.units[unit] === undefined);
}

await runScript(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      engine: { type: 'string', default: 'vlog' },
      server: { type: 'string', default: 'cairn' },
      all: { type: 'boolean', default: false },
      verbose: { type: 'boolean', default: false },
      'no-build': { type: 'boolean', default: false },
    },
  });
  setUp({ test: true, suite: true });
  if (values.server === 'cairn' && !values['no-build']) build();
  const source = fetchSource(path.join(cacheFolder(), 'redis-suite'), 'redis');
  linkPrograms(source);
  acceptEncodings(source, values.server);
  acceptAcl(source);
  /** @type {Skips} */
  const skips = JSON.parse(readFileSync(skipFile, 'utf8'));
  const results = [];
  for (const unit of chosenUnits(source, positionals, skips)) {
    const ours = values.all ? {} : (skips.tests[unit] ?? {});
    const result = await runUnit(source, unit, ours, values);
    results.push(result);
    const { passed, failed, skipped, ignored } = result;
    console.log(
      `${unit}: ${passed.length} passed, ${failed.length} failed, ${skipped.length} skipped, ${ignored} not for external servers`,
    );
    for (const text of failed) console.log(`  FAILED ${text.split('\n').slice(0, 12).join('\n    ')}`);
  }
  const sum = (of) => results.reduce((total, result) => total + of(result), 0);
  const failed = sum((result) => result.failed.length);
  const passed = sum((result) => result.passed.length);
  console.log(
    `\nRedis's own tests: ${results.length} units, ${passed} passed, ${failed} failed, ` +
      `${sum((result) => result.skipped.length)} skipped with a reason, ${sum((result) => result.ignored)} not for external servers`,
  );
  if (passed === 0) throw new ScriptError('no test was run');
  if (failed > 0) throw new ScriptError(`${failed} failed`);
});
