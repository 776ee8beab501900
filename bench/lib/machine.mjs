// The machine and the software a report was measured on.

import { execFileSync } from 'node:child_process';
import { readFileSync, statfsSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { redisServer } from '../../scripts/lib.mjs';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const memoryFileSystems = new Map([
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
]);

/**
 * @param {string} directory where the data directories are
 */
export function describeMachine(directory) {
  const mount = mountOf(directory);
  const rows = cpus();
  return {
    cpu: rows[0]?.model ?? 'unknown',
    cores: rows.length,
    memoryBytes: totalmem(),
    kernel: `${output('uname', ['-s'])} ${release()}`,
    fileSystem: mount.type,
    mountOptions: mount.options,
    disk: diskModel(mount.source),
    loadAverage: loadavg()[0] ?? 0,
    node: process.version,
    redis: /v=(\S+)/.exec(output(redisServer(), ['--version']))?.[1] ?? 'unknown',
    fio: output('fio', ['--version']),
    commit: commit(),
  };
}

/**
 * Files in memory would make every figure of this benchmark meaningless.
 * @param {string} directory
 */
export function memoryFileSystem(directory) {
  return memoryFileSystems.get(statfsSync(directory).type);
}

/** @param {string} directory */
export function freeBytes(directory) {
  const stat = statfsSync(directory);
  return stat.bavail * stat.bsize;
}

/** @param {string} tool a program that knows --version */
export function isInstalled(tool) {
  return output(tool, ['--version']) !== '';
}

function commit() {
  const hash = output('git', ['-C', repository, 'rev-parse', '--short=12', 'HEAD']);
  if (!/^[0-9a-f]{12}$/.test(hash)) return 'none';
  return output('git', ['-C', repository, 'status', '--porcelain']) === '' ? hash : `${hash} + changes`;
}

/** @param {string} directory */
function mountOf(directory) {
  const line = output('findmnt', ['-n', '-o', 'SOURCE,FSTYPE,OPTIONS', '-T', directory]);
  const [source = '', type = 'unknown', options = ''] = line.split(/\s+/);
  return { source, type, options };
}

/** @param {string} source a device node */
function diskModel(source) {
  const name = source.replace('/dev/', '');
  const size = output('lsblk', ['-d', '-n', '-o', 'SIZE', source]);
  for (const path of [`/sys/class/block/${name}`, `/sys/class/block/${name}/..`]) {
    try {
      return `${readFileSync(`${path}/device/model`, 'utf8').trim()} ${size}`;
    } catch {
      // Virtual disks have no model; partitions have it one level up.
    }
  }
  return `${name.startsWith('vd') ? 'virtio disk' : name} ${size}`.trim();
}

/**
 * @param {string} command
 * @param {string[]} args
 * @returns {string} '' when it cannot be run
 */
function output(command, args) {
  try {
    return execFileSync(command, args, { stdio: ['ignore', 'pipe', 'ignore'] })
      .toString()
      .trim();
  } catch {
    return '';
  }
}
