/**
 * What the log says when the machine does not suit the configuration: memory that is not there, data where nothing lasts,
 * little room. Each is a sentence with figures and what to do, or undefined; nothing of it refuses a start.
 */
import fs from 'node:fs';
import path from 'node:path';
import { absolutePath, bufferOf, textOf } from '../bytes.js';
import { loadNative } from '../native.js';
import type { Config } from './config.js';
import { nativeOptions } from './native-options.js';

const units = ['bytes', 'kb', 'mb', 'gb'] as const;

/** As sizes are written in the configuration: 1 kb is 1024 bytes. Rounded, for people. */
export function readableBytes(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${value < 10 ? Math.round(value * 10) / 10 : Math.round(value)} ${units[power] ?? ''}`;
}

/** Of the memory, for the cache and the buffers of the engine. The rest is for keys, connections and the system. */
const memoryShareMax = 0.9;

export function memoryWarning(config: Config, cacheSize = config.number('cache-size')): string | undefined {
  const { bufferBytes, buffers } = loadNative().engineNeeds(nativeOptions(config));
  const { memoryBytes, memoryLimited } = config.machine;
  if (cacheSize + bufferBytes <= memoryShareMax * memoryBytes) return undefined;
  const room = memoryLimited === true ? 'the memory limit of the control group' : "this machine's memory";
  return (
    `cache-size ${cacheSize} (${readableBytes(cacheSize)}) and ${readableBytes(bufferBytes)} of ${buffers} do not fit beside keys and connections into ` +
    `${room}, ${readableBytes(memoryBytes)}: the kernel will kill the server when they fill; lower cache-size (25% is the default)`
  );
}

/** By f_type of statfs(2): where bytes are, and how long they last. */
const passing: ReadonlyMap<number, string> = new Map([
  [0x01021994, 'in memory (tmpfs): all of it is gone when the machine or the container restarts'],
  [0x858458f6, 'in memory (ramfs): all of it is gone when the machine or the container restarts'],
  [
    0x794c7630,
    'on overlayfs, mostly the writable layer of a container: all of it is gone when the container is removed',
  ],
]);

export function fileSystemWarning(dir: string, type: number): string | undefined {
  const where = passing.get(type >>> 0);
  if (where === undefined) return undefined;
  return `dir ${textOf(dir)} is ${where}, whatever appendfsync says; put it on a disk, in a container on a volume`;
}

/** What a full disk means differs: an engine that has reserved room goes on until that is used up. */
export function roomWarning(config: Config, freeBytes: number): string | undefined {
  const { freeBytesMin, reservedBy } = loadNative().engineNeeds(nativeOptions(config));
  const told = config.number('min-free-bytes');
  if (freeBytes >= Math.max(told, freeBytesMin)) return undefined;
  const kept =
    told >= freeBytesMin
      ? `min-free-bytes leaves ${readableBytes(told)} alone`
      : `${readableBytes(freeBytesMin)} are left alone`;
  const refused = `Writes are refused${reservedBy === '' ? '' : ' when the room that is reserved is used up'}`;
  const lower = `lower min-free-bytes${reservedBy === '' ? '' : `, or ${reservedBy}, by which room is reserved`}`;
  const system = `the file system of ${textOf(absolutePath(config.get('dir')))}`;
  return `little room: ${readableBytes(freeBytes)} free in ${system}, and ${kept}. ${refused}; make room, or ${lower}`;
}

/** Of the directory, or of what will be its parent; undefined when nobody can tell. */
function fileSystemOf(dir: string): fs.StatsFs | undefined {
  for (let at = dir; ; at = path.dirname(at)) {
    try {
      return fs.statfsSync(bufferOf(at));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || at === path.dirname(at)) return undefined;
    }
  }
}

/** Before recovery. */
export function warningsBefore(config: Config): string[] {
  const dir = absolutePath(config.get('dir'));
  const type = fileSystemOf(dir)?.type;
  const passes = type === undefined ? undefined : fileSystemWarning(dir, type);
  return [memoryWarning(config), passes].filter((text) => text !== undefined);
}

/** After recovery, when the engine has reserved what it needs at first. */
export function warningsAfter(config: Config): string[] {
  const system = fileSystemOf(absolutePath(config.get('dir')));
  const warning = system === undefined ? undefined : roomWarning(config, system.bavail * system.bsize);
  return warning === undefined ? [] : [warning];
}
