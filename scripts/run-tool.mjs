// npm run bench | soak | fuzz: set-up and build first, then the tool with the remaining arguments.
import path from 'node:path';
import { build } from './build.mjs';
import { ScriptError, root, run, runScript, runTool } from './lib.mjs';
import { setUp } from './setup.mjs';

const tools = {
  bench: (args) => run(process.execPath, [path.join(root, 'bench', 'run.mjs'), ...args]),
  soak: (args) =>
    runTool('vitest', 'vitest.mjs', ['run', '--project', 'soak', ...args], {
      env: { ...process.env, CAIRN_SOAK: '1' },
    }),
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
