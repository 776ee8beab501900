// npm start [-- FILE] [--option value ...]: set-up, build, serve. The server runs in this very process.
import process from 'node:process';
process.on('SIGUSR1', () => undefined); // Node's debugger stays closed, already before dist/signals.js is there
import path from 'node:path';
import { build } from './build.mjs';
import { root, runScript } from './lib.mjs';
import { setUp } from './setup.mjs';

await runScript(async () => {
  setUp({ client: true });
  build();
  const args = process.argv.slice(2);
  const hasFile = args.length > 0 && !args[0].startsWith('--');
  const main = path.join(root, 'dist', 'main.js');
  process.argv = [process.argv[0], main, 'serve', ...(hasFile ? [] : [path.join(root, 'conf', 'cairn.conf')]), ...args];
  await import(path.join(root, 'dist', 'signals.js'));
  await import(main);
});
