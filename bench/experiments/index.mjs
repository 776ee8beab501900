// All experiments by name, in the order in which they run.

import { restrictedUser } from './acl.mjs';
import { bulkLarge, bulkRam, bulkSmall } from './bulk.mjs';
import { expire } from './expire.mjs';
import { gcTail } from './gc-tail.mjs';
import { hugeValues } from './huge-values.mjs';
import { hits } from './hit.mjs';
import { largeCommands } from './large-commands.mjs';
import { loneWrite } from './lone-write.mjs';
import { lsmBesideRocksdb, lsmCompaction, lsmGetsBesideRocksdb, lsmMemory } from './lsm.mjs';
import { overwrites } from './overwrite.mjs';
import { fanOut } from './publish.mjs';
import { reclaim } from './reclaim.mjs';
import { restart } from './restart.mjs';
import { sideBySide } from './side-by-side.mjs';
import { tail } from './tail.mjs';

/**
 * @typedef {(
 *   context: import('../lib/context.mjs').Context,
 *   rows: import('../rows.mjs').Row[],
 * ) => Promise<import('../lib/result.mjs').Outcome>} Experiment
 */

const setAlways = /** @type {const} */ ({ test: 'set', fsync: 'always', figure: 'perSecond' });
const setEverySecond = /** @type {const} */ ({ test: 'set', fsync: 'everysec', figure: 'cpuMicros' });
const getFromMemory = /** @type {const} */ ({ test: 'get', fsync: 'always', figure: 'cpuMicros' });

/** @type {Map<string, Experiment>} */
export const experiments = new Map([
  ['set-always-c50', sideBySide({ ...setAlways, clients: 50, pipeline: 1 })],
  ['set-always-c200', sideBySide({ ...setAlways, clients: 200, pipeline: 1 })],
  ['set-always-c50-p16', sideBySide({ ...setAlways, clients: 50, pipeline: 16 })],
  ['set-always-c1', loneWrite],
  ['set-everysec-p1', sideBySide({ ...setEverySecond, clients: 50, pipeline: 1 })],
  ['set-everysec-p16', sideBySide({ ...setEverySecond, clients: 50, pipeline: 16 })],
  ['set-everysec-p64', sideBySide({ ...setEverySecond, clients: 50, pipeline: 64 })],
  ['get-memory-p1', sideBySide({ ...getFromMemory, clients: 50, pipeline: 1 })],
  ['get-memory-p16', sideBySide({ ...getFromMemory, clients: 50, pipeline: 16 })],
  ['get-memory-p64', sideBySide({ ...getFromMemory, clients: 50, pipeline: 64 })],
  ['acl-get-p16', restrictedUser('get')],
  ['acl-set-p16', restrictedUser('set')],
  ['publish-1-p1', fanOut(1, 1)],
  ['publish-1-p16', fanOut(1, 16)],
  ['publish-100-p1', fanOut(100, 1)],
  ['publish-100-p16', fanOut(100, 16)],
  ['lsm-set-always', sideBySide({ ...setAlways, clients: 50, pipeline: 1, engine: 'lsm' })],
  ['lsm-set-always-p16', sideBySide({ ...setAlways, clients: 50, pipeline: 16, engine: 'lsm' })],
  ['lsm-set-everysec-p16', sideBySide({ ...setEverySecond, clients: 50, pipeline: 16, engine: 'lsm' })],
  ['lsm-get-memory-p16', sideBySide({ ...getFromMemory, clients: 50, pipeline: 16, engine: 'lsm' })],
  ['lsm-db-bench', lsmBesideRocksdb],
  ['lsm-get-rocksdb', lsmGetsBesideRocksdb],
  ['lsm-compaction', lsmCompaction],
  ['lsm-ram-50m', lsmMemory],
  ['bulk-128', bulkSmall],
  ['bulk-1k', bulkLarge],
  ['ram-50m', bulkRam],
  ['restart-128', restart(128)],
  ['restart-1k', restart(1024)],
  ['overwrite-uniform', overwrites('uniform')],
  ['overwrite-zipf', overwrites('zipf')],
  ['gc-tail', gcTail],
  ['hit', hits],
  ['reclaim', reclaim],
  ['tail-overwrite', tail('overwrite')],
  ['tail-churn', tail('churn')],
  ['expire', expire],
  ['huge-values', hugeValues],
  ['large-commands', largeCommands],
]);
