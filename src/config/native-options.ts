/** From the configuration to the data plane's options. */
import { absolutePath } from '../bytes.js';
import type { NativeServer } from '../native.js';
import type { Config } from './config.js';
import { type OptionRow, ownOptions, pathOptions } from './options.js';

/** As the data plane wants it. */
function nativeText(name: string, value: string): string {
  return pathOptions.has(name) && value !== '' ? absolutePath(value) : value;
}

/** A field for each option that the data plane has. */
export function nativeOptions(config: Config): object {
  const rows = ownOptions.filter((row) => row.native === true);
  return Object.fromEntries(rows.map(({ name }) => [name, nativeText(name, config.get(name))]));
}

/** Tells the data plane, if it has to know. Throws with the reason when it refuses. */
export function applyRuntime(server: Pick<NativeServer, 'setConfig'>, row: OptionRow, value: string): void {
  if (row.native === true) server.setConfig(row.name, nativeText(row.name, value));
}
