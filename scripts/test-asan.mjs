// npm run test:asan: the end-to-end tests of both engines against an addon built with the address and undefined-behaviour
// sanitizers. More arguments go to vitest: names of files, -t NAME.
import { build } from './build.mjs';
import { ScriptError, jobs, outputOf, run, runScript, runTool } from './lib.mjs';
import { setUp } from './setup.mjs';

/** Node is not linked with the sanitizer, whose library has to be there first; and it looks for what throws at once. */
function preload() {
  const [compiler, ...words] = (process.env.CXX ?? 'g++').trim().split(/\s+/); // as in CXX='ccache g++'
  return ['libasan.so', 'libstdc++.so']
    .map((name) => {
      const file = outputOf(compiler, [...words, `-print-file-name=${name}`])?.trim() ?? name;
      if (!file.startsWith('/')) throw new ScriptError(`the compiler has no ${name}`);
      return file;
    })
    .join(':');
}

await runScript(() => {
  setUp({ test: true });
  build();
  run('make', ['--no-print-directory', '--silent', `-j${jobs}`, 'VARIANT=asan', 'native']);
  const env = {
    CAIRN_TEST_PATIENCE: '12', // what is instrumented takes its time
    ...process.env,
    CAIRN_BUILD: 'asan',
    CAIRN_TEST_PRELOAD: preload(),
  };
  const projects = ['e2e', 'e2e-lsm'].flatMap((name) => ['--project', name]);
  runTool('vitest', 'vitest.mjs', ['run', ...projects, ...process.argv.slice(2)], { env });
});
