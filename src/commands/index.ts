/** All control commands, and how their rows join the native ones. */
import { aclCommands } from './acl-commands.js';
import type { CommandRow } from '../native.js';
import { cairnCommands } from './cairn-commands.js';
import { checkpointCommands } from './checkpoint-commands.js';
import { clientCommands } from './client-commands.js';
import { type ControlCommand, toRow } from './command.js';
import { commandCommands } from './command-commands.js';
import { configCommands } from './config-commands.js';
import { infoCommands } from './info-commands.js';
import { memoryCommands } from './memory-commands.js';
import { observeCommands } from './observe-commands.js';
import { serverCommands } from './server-commands.js';
import { stubCommands } from './stub-commands.js';

export const controlCommands: readonly ControlCommand[] = [
  ...infoCommands,
  ...configCommands,
  ...commandCommands,
  ...clientCommands,
  ...observeCommands,
  ...memoryCommands,
  ...checkpointCommands,
  ...serverCommands,
  ...cairnCommands,
  ...stubCommands,
  ...aclCommands,
];

export const controlRows: readonly CommandRow[] = controlCommands.map(toRow);

export interface JoinedTable {
  /** What the native table lacks: whole rows, or containers with the subcommands to add. */
  added: CommandRow[];
  /** Both tables as one, ordered by name. */
  table: CommandRow[];
}

/** Native rows win: what they have already is not added again. */
export function joinTables(native: readonly CommandRow[], control: readonly CommandRow[]): JoinedTable {
  const table = new Map(native.map((row) => [row.name, row]));
  const added: CommandRow[] = [];
  for (const row of control) {
    const existing = table.get(row.name);
    if (existing === undefined) {
      added.push(row);
      table.set(row.name, row);
      continue;
    }
    const known = new Set((existing.subcommands ?? []).map((sub) => sub.name));
    const missing = (row.subcommands ?? []).filter((sub) => !known.has(sub.name));
    if (missing.length === 0) continue;
    added.push({ ...row, subcommands: missing });
    table.set(row.name, { ...existing, subcommands: [...(existing.subcommands ?? []), ...missing] });
  }
  return { added, table: [...table.values()].sort((a, b) => (a.name < b.name ? -1 : 1)) };
}
