// npm run bench | soak | fuzz | fuzz:commands | check:history: set-up and build first, then the tool with the remaining arguments.
import path from 'node:path';
import { build } from './build.mjs';
import { ScriptError, root, run, runScript, runTool } from './lib.mjs';
import { setUp } from './setup.mjs';

/** A project of vitest.config.ts that only runs when it is asked for. */
function runProject(name, vitestArgs, toolArgs = []) {
  const args = ['run', '--project', name, '--disable-console-intercept', ...vitestArgs];
  const env = { ...process.env, CAIRN_TOOL: name, CAIRN_TOOL_ARGUMENTS: JSON.stringify(toolArgs) };
  runTool('vitest', 'vitest.mjs', args, { env });
}

const tools = {
  bench: (args) => run(process.execPath, [path.join(root, 'bench', 'run.mjs'), ...args]),
  soak: (args) => runProject('soak', args),
  'fuzz-commands': (args) => runProject('fuzz-commands', [], args),
  history: (args) => runProject('history', [], args),
  fuzz: (args) => run('make', ['--no-print-directory', 'fuzz-resp', ...args]),
};

await runScript(() => {
  const [name, ...args] = process.argv.slice(2);
  const tool = tools[name];
  if (tool === undefined) throw new ScriptError(`usage: run-tool.mjs ${Object.keys(tools).join(' | ')}`);
  setUp({ test: true });
  build();
  tool(args);
});
