// Source packages of the distribution: fetched with an apt configuration of their own, so that neither the system's package lists
// change nor root is needed.
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { ScriptError, run } from './lib.mjs';

/** Where fetched sources and what is built from them are kept, for all checkouts of this user. */
export function cacheFolder() {
  return path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'cairn');
}

/** The system's package sources, as sources of source packages: text of both formats. */
function sourceEntries() {
  const etc = '/etc/apt';
  const parts = path.join(etc, 'sources.list.d');
  const files = [
    path.join(etc, 'sources.list'),
    ...(existsSync(parts) ? readdirSync(parts).map((name) => path.join(parts, name)) : []),
  ].filter((file) => existsSync(file));
  const textOf = (ending) => files.filter((file) => file.endsWith(ending)).map((file) => readFileSync(file, 'utf8'));
  const lines = textOf('.list')
    .flatMap((text) => text.split('\n'))
    .filter((line) => /^deb\s/.test(line))
    .map((line) => line.replace(/^deb/, 'deb-src'));
  const stanzas = textOf('.sources').map((text) => text.replace(/^Types:.*$/gm, 'Types: deb-src'));
  return { list: `${lines.join('\n')}\n`, sources: `${stanzas.join('\n\n')}\n` };
}

/**
 * Unpacks a source package into `folder`/source; what is there already is taken for whole.
 * @param {string} folder
 * @param {string} name of the source package
 * @param {string} [version] default: the newest
 * @returns {string} the folder of the source
 */
export function fetchSource(folder, name, version) {
  const source = path.join(folder, 'source');
  if (existsSync(source)) return source;
  const wanted = version === undefined ? name : `${name}=${version}`;
  console.log(`getting the source package ${wanted}`);
  const apt = path.join(folder, 'apt');
  rmSync(apt, { recursive: true, force: true });
  for (const part of ['state/lists/partial', 'cache/archives/partial', 'parts', 'unpacked']) {
    mkdirSync(path.join(apt, part), { recursive: true });
  }
  const { list, sources } = sourceEntries();
  writeFileSync(path.join(apt, 'parts', 'system.list'), list);
  writeFileSync(path.join(apt, 'parts', 'system.sources'), sources);
  const settings = [
    ...[`Dir::State=${apt}/state`, `Dir::Cache=${apt}/cache`, 'Dir::Etc::SourceList=/dev/null'],
    ...[`Dir::Etc::SourceParts=${apt}/parts`, ...(process.getuid?.() === 0 ? ['APT::Sandbox::User=root'] : [])],
  ].flatMap((setting) => ['-o', setting]);
  const unpacked = path.join(apt, 'unpacked');
  run('apt-get', [...settings, '--quiet', 'update']);
  run('apt-get', [...settings, '--quiet', '--only-source', 'source', wanted], { cwd: unpacked });
  const tree = readdirSync(unpacked).find((entry) => statSync(path.join(unpacked, entry)).isDirectory());
  if (tree === undefined) throw new ScriptError('the source package has left no folder');
  renameSync(path.join(unpacked, tree), source);
  rmSync(apt, { recursive: true, force: true });
  return source;
}
