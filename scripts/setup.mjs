// Set-up of a fresh Debian machine: system packages, then node_modules. Quick when there is nothing to do.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ScriptError, outputOf, redisLink, root, run, runScript } from './lib.mjs';

const oldestNode = [20, 11];

// Debian package -> a program or file that shows it is there on systems without dpkg.
const buildPackages = ['g++', 'make', 'liburing-dev'];
const clientPackages = ['redis-tools']; // redis-cli
const testPackages = [
  'doctest-dev',
  'clang',
  'clang-format',
  'libclang-rt-dev',
  'redis-tools', // clients, and the server: see linkRedisServer
  'python3', // refuses io_uring to a server under test
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

function installPackages(names) {
  const command = `apt-get install -y --no-install-recommends ${names.join(' ')}`;
  const isRoot = process.getuid?.() === 0;
  const sudo = !isRoot && outputOf('sudo', ['-n', 'true']) !== undefined;
  if (!isRoot && !sudo) throw new ScriptError(`some packages are missing; please run:\n  sudo ${command}`);
  const apt = (...args) => {
    const words = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...args];
    return sudo ? run('sudo', ['-n', ...words]) : run(words[0], words.slice(1));
  };
  console.log(`installing: ${names.join(' ')}`);
  const install = ['install', '-y', '--no-install-recommends', ...names];
  try {
    apt(...install);
  } catch {
    // A fresh image has no package lists yet.
    apt('update');
    apt(...install);
  }
}

/** What only makes life easier: the server is built and started without it, too. */
function offerClient() {
  const missing = clientPackages.filter((name) => !isInstalled(name));
  if (missing.length === 0 || outputOf('redis-cli', ['--version']) !== undefined) return;
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
  console.log('installing the npm packages');
  run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund']);
  writeFileSync(stamp, digest);
}

/** `test`: also what the tests need. `client`: also redis-cli. `system: false`: leave system packages alone. */
export function setUp({ test = false, client = false, system = true } = {}) {
  checkNode();
  if (system && hasDpkg()) {
    const missing = [...buildPackages, ...(test ? testPackages : [])].filter((name) => !isInstalled(name));
    if (missing.length > 0) installPackages(missing);
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
