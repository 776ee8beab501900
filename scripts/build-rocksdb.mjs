// npm run build:rocksdb: RocksDB as a static library without asserts, from the source package of the distribution.
//
// The distribution's own library is built with asserts and test hooks, and is about half as fast. This takes ten to thirty
// minutes, at low priority. It can be interrupted, and goes on where it was. What it has made is kept in the user's cache
// folder, by version, and used by the release build from then on: build/rocksdb points there.
//
//   --jobs N   compilers at once (default: half the cores)
//
// CXX chooses the compiler, XDG_CACHE_HOME the cache folder.
import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { cacheFolder, fetchSource } from './debian-source.mjs';
import { ScriptError, jobs, outputOf, root, runScript } from './lib.mjs';
import { setUp } from './setup.mjs';

const link = path.join(root, 'build', 'rocksdb');
const niceness = '19';
const progressEvery = 10; // files
// What RocksDB would use if it is there, and we do not need.
const without = [
  ...['SNAPPY', 'ZLIB', 'BZIP', 'GFLAGS', 'NUMA', 'TBB', 'JEMALLOC', 'TCMALLOC', 'MEMKIND', 'BACKTRACE', 'PG'],
  'BENCHMARK',
];
// As the rest of the native code (Makefile); checksums have their instruction everywhere then.
const cxxFlags = '-fPIC -march=x86-64-v2 -mpclmul -DHAVE_SSE42 -DHAVE_PCLMUL';

/** Version of the source package that the installed headers are from. */
function sourceVersion() {
  const version = outputOf('dpkg-query', ['--show', '--showformat', '${source:Version}', 'librocksdb-dev']);
  if (version === undefined || version === '') {
    throw new ScriptError('librocksdb-dev is not installed, or this is not a system with dpkg: nothing to build from');
  }
  return version;
}

/** Whoever was killed may have left object files that are cut off: they are among the newest. */
function removeNewestObjects(source, count) {
  readdirSync(source, { recursive: true })
    .filter((name) => name.endsWith('.o'))
    .map((name) => path.join(source, name))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)
    .slice(0, count)
    .forEach((file) => rmSync(file));
}

/** Runs make, tells how far it is, and takes it along when it is interrupted itself. */
async function compile(source, parallel) {
  const env = {
    ...process.env,
    ...Object.fromEntries(without.map((name) => [`ROCKSDB_DISABLE_${name}`, '1'])),
    PORTABLE: '1',
    DISABLE_WARNING_AS_ERROR: '1',
    USE_RTTI: '1', // as the distribution's: what derives from its classes links with either
    OPT: '-g0', // RocksDB's Makefile adds -O2 -DNDEBUG
    EXTRA_CXXFLAGS: cxxFlags,
    EXTRA_CFLAGS: '-fPIC',
  };
  const make = ['--silent', '--no-print-directory', `CXX=${process.env.CXX ?? 'g++'}`, 'LIB_MODE=static', 'static_lib'];
  removeNewestObjects(source, 2 * parallel);
  const child = spawn('nice', ['-n', niceness, 'make', `-j${parallel}`, ...make], {
    cwd: source,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true, // a group of its own, which an interruption ends as a whole
  });
  const stop = (signal) => {
    try {
      process.kill(-child.pid, 'SIGTERM');
    } catch {
      // it has ended
    }
    console.log(`\ninterrupted by ${signal}; the next run goes on from here`);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, stop);
  let files = 0;
  let rest = '';
  child.stdout.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      if (!/^\s*CC\s/.test(line)) continue;
      files += 1;
      if (files % progressEvery === 0)
        console.log(`${files} files compiled; the latest: ${line.trim().slice(3).trim()}`);
    }
  });
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => resolve(status ?? signal));
  });
  if (code !== 0) throw new ScriptError(`make ended with ${code}`);
}

/** What the Makefile needs to know about it: folder/{include,librocksdb.a,flags,libraries}. */
function collect(source, folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const config = readFileSync(path.join(source, 'make_config.mk'), 'utf8');
  const libraries = /^PLATFORM_LDFLAGS=(.*)$/m.exec(config)?.[1]?.trim();
  if (libraries === undefined) throw new ScriptError('make_config.mk of RocksDB does not name its libraries');
  cpSync(path.join(source, 'include'), path.join(folder, 'include'), { recursive: true });
  cpSync(path.join(source, 'librocksdb.a'), path.join(folder, 'librocksdb.a'));
  writeFileSync(path.join(folder, 'libraries'), `${libraries}\n`);
  writeFileSync(
    path.join(folder, 'flags'),
    config.includes('-DROCKSDB_IOURING_PRESENT') ? '-DCAIRN_ROCKSDB_URING\n' : '\n',
  );
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Keeps a second run out of the folder until this process ends. */
function lock(folder) {
  const file = path.join(folder, 'pid');
  const holder = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  if (holder > 0 && isRunning(holder)) throw new ScriptError(`process ${holder} is building it already`);
  rmSync(file, { force: true });
  writeFileSync(file, String(process.pid), { flag: 'wx' });
  process.once('exit', () => rmSync(file, { force: true }));
}

function pointTo(folder) {
  mkdirSync(path.dirname(link), { recursive: true });
  if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) rmSync(link, { recursive: true });
  symlinkSync(folder, link);
}

function parallelFrom(args) {
  const at = args.indexOf('--jobs');
  if (at < 0) return Math.max(1, Math.floor(jobs / 2));
  const parallel = Number(args[at + 1]);
  if (!Number.isInteger(parallel) || parallel < 1) throw new ScriptError('--jobs needs a number from 1');
  return Math.min(parallel, jobs);
}

await runScript(async () => {
  const parallel = parallelFrom(process.argv.slice(2));
  setUp({ rocksdb: true });
  const version = sourceVersion();
  const cache = path.join(cacheFolder(), 'rocksdb');
  const name = `${version}-${process.arch}`;
  const done = path.join(cache, name);
  if (!existsSync(done)) {
    const work = path.join(cache, `${name}.work`);
    mkdirSync(work, { recursive: true });
    lock(work);
    const source = fetchSource(work, 'rocksdb', version);
    await compile(source, parallel);
    collect(source, path.join(work, 'done'));
    renameSync(path.join(work, 'done'), done);
    rmSync(work, { recursive: true, force: true });
  }
  pointTo(done);
  console.log(`build/rocksdb is RocksDB ${version}, static and without asserts: npm run build uses it`);
});
