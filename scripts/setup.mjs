// Set-up of a fresh Debian machine: system packages, then node_modules. Quick when there is nothing to do.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ScriptError, outputOf, redisLink, root, run, runScript } from './lib.mjs';

const oldestNode = [20, 11];
const lockTimeoutSeconds = 300;

const buildPackages = ['g++', 'make', 'liburing-dev', 'liblua5.1-0-dev', 'librocksdb-dev'];
const rocksdbPackages = ['dpkg-dev', 'liblz4-dev', 'libzstd-dev']; // to build that from its sources
const suitePackages = ['dpkg-dev', 'tcl']; // to fetch and run Redis's own tests
const clientPackages = ['redis-tools']; // redis-cli
const testPackages = [
  'doctest-dev',
  'clang',
  'clang-format',
  'libclang-rt-dev',
  'redis-tools', // clients, and the server: see linkRedisServer
  'python3', // refuses io_uring to a server under test
  'e2fsprogs', // small disks that fill up
  'iproute2', // ss: what sockets are like
  'strace', // counts system calls
];

export function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])) {
    throw new ScriptError(`Node.js ${oldestNode.join('.')} or newer is needed; this is ${process.versions.node}`);
  }
}

/** `libclang-rt-dev` only points to the package of the current version: that one will do as well. */
function isInstalled(name) {
  const names = name === 'libclang-rt-dev' ? [name, 'libclang-rt-*-dev'] : [name];
  return names.some((pattern) => {
    const listed = outputOf('dpkg-query', ['--show', '--showformat', '${db:Status-Status}\n', pattern]);
    return listed?.split('\n').includes('installed') === true;
  });
}

function hasDpkg() {
  return outputOf('dpkg-query', ['--version']) !== undefined;
}

/** How this process may install packages: words before the command, undefined if it may not. */
function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  return outputOf('sudo', ['-n', 'true']) === undefined ? undefined : ['sudo', '-n'];
}

/** One line that works as it stands, also on an image that has no package lists yet. */
function commandForRoot(names) {
  const commands = `apt-get update && apt-get install -y --no-install-recommends ${names.join(' ')}`;
  return `${outputOf('sh', ['-c', 'command -v sudo']) === undefined ? 'su -c' : 'sudo sh -c'} '${commands}'`;
}

/** `along`: for who has to ask somebody else, to ask once. */
function installPackages(names, along = []) {
  const prefix = rootPrefix();
  if (prefix === undefined) {
    throw new ScriptError(
      `some packages are missing; please run this, and start again:\n  ${commandForRoot([...names, ...along])}`,
    );
  }
  const apt = (...args) => {
    // A fresh machine often installs its updates just now: wait for that.
    const words = ['apt-get', '-o', `DPkg::Lock::Timeout=${lockTimeoutSeconds}`, ...args];
    const [program, ...rest] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', ...words];
    run(program, rest);
  };
  console.log(`installing: ${names.join(' ')}`);
  const install = ['install', '-y', '--no-install-recommends', ...names];
  const areListed = outputOf('apt-get', [...install, '--simulate']) !== undefined;
  if (!areListed) apt('update');
  try {
    apt(...install);
  } catch (error) {
    if (!areListed) throw error;
    apt('update'); // the lists may be old
    apt(...install);
  }
}

/** Those that only make life easier: the server is built and started without them, too. */
function missingClients() {
  return outputOf('redis-cli', ['--version']) === undefined ? clientPackages.filter((name) => !isInstalled(name)) : [];
}

function offerClient() {
  const missing = missingClients();
  if (missing.length === 0) return;
  try {
    installPackages(missing);
  } catch (error) {
    console.log(`going on without redis-cli: ${error.message}`);
  }
}

/**
 * The redis-server that tests and benchmarks compare with. Debian's package of that name would enable a service and start
 * it on our port; but all it has beside that is a link to redis-check-rdb of redis-tools, which is the same program and
 * goes by the name that it is called by. So is ours.
 */
function linkRedisServer() {
  const found = ['redis-server', 'redis-check-rdb'].map((name) => outputOf('sh', ['-c', `command -v ${name}`])?.trim());
  const program = found.find((file) => file !== undefined && file !== '');
  if (program === undefined) return;
  if (existsSync(redisLink) && realpathSync(redisLink) === realpathSync(program)) return;
  mkdirSync(path.dirname(redisLink), { recursive: true });
  rmSync(redisLink, { force: true });
  symlinkSync(program, redisLink);
}

/** The lock file's digest is kept beside what was installed from it. */
function installModules() {
  const lock = readFileSync(path.join(root, 'package-lock.json'));
  const digest = createHash('sha256').update(lock).digest('hex');
  const stamp = path.join(root, 'node_modules', '.installed-from');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return;
  console.log('installing the npm packages: this takes up to a minute');
  run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund']);
  writeFileSync(stamp, digest);
}

/**
 * `test`: also what the tests need. `client`: also redis-cli. `rocksdb`: also what building RocksDB needs. `suite`: also what
 * Redis's own tests need.
 * `system: false`: leave system packages alone.
 */
export function setUp({ test = false, client = false, rocksdb = false, suite = false, system = true } = {}) {
  checkNode();
  if (system && hasDpkg()) {
    const wanted = [
      ...buildPackages,
      ...(test ? testPackages : []),
      ...(rocksdb ? rocksdbPackages : []),
      ...(suite ? suitePackages : []),
    ];
    const missing = wanted.filter((name) => !isInstalled(name));
    if (missing.length > 0) installPackages(missing, client ? missingClients() : []);
    if (client) offerClient();
  }
  if (test) linkRedisServer();
  installModules();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const test = process.argv.includes('--test');
  const system = !process.argv.includes('--no-system');
  await runScript(() => setUp({ test, system }));
}
