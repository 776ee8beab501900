/** The command line of a tool that runs as a vitest project: scripts/run-tool.mjs hands it over as JSON. */
import { parseArgs, type ParseArgsConfig } from 'node:util';

export function toolArguments(
  options: NonNullable<ParseArgsConfig['options']>,
): Readonly<Record<string, string | boolean | undefined>> {
  const args = JSON.parse(process.env['CAIRN_TOOL_ARGUMENTS'] ?? '[]') as string[];
  return parseArgs({ args, options, strict: true }).values as Record<string, string | boolean | undefined>;
}
