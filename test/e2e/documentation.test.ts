/** What the server and docs/ say about the commands is what the command table knows. */
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { controlRows, joinTables } from '../../src/commands/index.js';
import { type CommandRow, loadNative } from '../../src/native.js';
import { show } from '../support/resp.js';
import { describeCairn, root, useServer } from '../support/server.js';

describeCairn('documentation', () => {
  const server = useServer();
  const table = (): CommandRow[] => joinTables(loadNative().commandTable(), controlRows).table;

  test('docs/commands.md is what scripts/commands-doc.mjs writes', async () => {
    const script = pathToFileURL(path.join(root, 'scripts', 'commands-doc.mjs')).href;
    const { commandsDoc } = (await import(script)) as { commandsDoc: (table: CommandRow[]) => string };
    expect(fs.readFileSync(path.join(root, 'docs', 'commands.md'), 'utf8')).toBe(commandsDoc(table()));
  });

  test('HELP lists subcommands that exist', async () => {
    using client = await server.current.connect();
    for (const { name, subcommands = [] } of table()) {
      if (subcommands.length === 0) continue;
      const help = show(await client.cmd(name, 'HELP'));
      // [+CLIENT <subcommand> ..., +SUB arguments, + What it does., ...]
      const listed = [...help.matchAll(/, \+([A-Z-]+)/g)].map((match) => (match[1] ?? '').toLowerCase());
      const known = subcommands.map((sub) => sub.name);
      expect(
        listed.filter((sub) => !known.includes(sub)),
        name,
      ).toEqual([]);
      // Elsewhere HELP is silent about what is only there to be refused.
      if (name === 'client') expect([...new Set(listed)].sort()).toEqual([...known].sort());
    }
  });
});
