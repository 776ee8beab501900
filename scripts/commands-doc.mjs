// Writes docs/commands.md from the command table (native rows and control rows), after a build.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';
import { root, runScript } from './lib.mjs';
import { setUp } from './setup.mjs';

const titles = {
  string: 'Strings',
  hash: 'Hashes',
  set: 'Sets',
  bitmap: 'Bitmaps',
  hyperloglog: 'HyperLogLogs',
  'sorted-set': 'Sorted sets',
  geo: 'Places',
  stream: 'Streams',
  generic: 'Keys',
  pubsub: 'Publish and subscribe',
  transactions: 'Transactions',
  connection: 'Connection',
  server: 'Server',
  scripting: 'Scripts and functions',
  cluster: 'Cluster',
};

function cell(text) {
  return text.replaceAll('|', '\\|');
}

function line(row, parent) {
  const name = `${parent}${row.name}`.toUpperCase();
  const syntax = row.syntax === '' ? '' : `\`${cell(row.syntax)}\``;
  return `| \`${name}\` | ${syntax} | ${cell(row.summary)} | ${cell(row.complexity)} |`;
}

function lines(row) {
  return [line(row, ''), ...(row.subcommands ?? []).map((sub) => line(sub, `${row.name} `))];
}

/** The text of docs/commands.md. */
export function commandsDoc(table) {
  const groups = [...new Set([...Object.keys(titles), ...table.map((row) => row.group)])];
  const sections = groups.flatMap((group) => {
    const rows = table.filter((row) => row.group === group).flatMap(lines);
    if (rows.length === 0) return [];
    const head = ['| command | arguments | what it does | cost |', '| --- | --- | --- | --- |'];
    return [[`## ${titles[group] ?? group}`, '', ...head, ...rows].join('\n')];
  });
  const intro = [
    '# Commands',
    '',
    'Replies, options and error texts are those of Redis 7.2. In the arguments, upper case words are literal, `[ ]` is',
    'optional, `|` separates alternatives, `...` may repeat. This page is written by `node scripts/commands-doc.mjs` from the',
    'command table, which also answers `COMMAND DOCS`.',
  ].join('\n');
  return `${[intro, ...sections].join('\n\n')}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runScript(async () => {
    setUp();
    build();
    const { loadNative } = await import(path.join(root, 'dist', 'native.js'));
    const { controlRows, joinTables } = await import(path.join(root, 'dist', 'commands', 'index.js'));
    const { table } = joinTables(loadNative().commandTable(), controlRows);
    writeFileSync(path.join(root, 'docs', 'commands.md'), commandsDoc(table));
  });
}
