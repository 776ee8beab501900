/** Rules of the tree that no compiler knows: layers, the one door to the addon, file lengths, documented commands. */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { controlRows } from '../src/commands/index.js';
import { allOptions } from '../src/config/config.js';
import { type CommandRow, loadNative } from '../src/native.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const linesMax = 600;

function filesUnder(folder: string, endings: readonly string[]): string[] {
  return fs
    .readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => path.posix.join(folder, name))
    .filter((name) => endings.some((ending) => name.endsWith(ending)))
    .filter((name) => !name.includes('node_modules'));
}

const read = (file: string): string => fs.readFileSync(path.join(root, file), 'utf8');

const nativeFiles = filesUnder('native', ['.h', '.cc']);
const scripts = ['src', 'test', 'scripts', 'bench'].flatMap((folder) => filesUnder(folder, ['.ts', '.mjs', '.js']));

/** What each folder of native/ may include, besides itself. */
const mayInclude: Readonly<Record<string, readonly string[]>> = {
  base: [],
  resp: ['base'],
  script: ['base', 'resp'],
  pubsub: ['base', 'engine', 'resp'],
  io: ['base'],
  engine: ['base', 'io'],
  cache: ['base'],
  rdb: ['base'],
  tree: ['base', 'engine'],
  vlog: ['base', 'io', 'engine', 'cache'],
  lsm: ['base', 'io', 'engine', 'cache'],
  txn: ['base', 'io', 'engine'],
  collection: ['base', 'io', 'engine', 'tree', 'txn'],
  command: ['base', 'rdb', 'io', 'engine', 'tree', 'txn', 'collection', 'resp'],
  acl: ['base', 'resp', 'command'],
  session: ['base', 'rdb', 'io', 'engine', 'txn', 'collection', 'resp', 'script', 'pubsub', 'command', 'acl'],
  reactor: ['base', 'io', 'engine', 'txn', 'resp', 'command', 'session'],
  server: ['base', 'io', 'engine', 'vlog', 'lsm', 'tree', 'txn', 'collection', 'resp', 'command', 'session', 'reactor'],
  addon: ['base', 'io', 'engine', 'vlog', 'lsm', 'txn', 'resp', 'command', 'acl', 'session', 'reactor', 'server'],
};

/** What each room of native/vlog/ may include of the others. */
const roomMayInclude: Readonly<Record<string, readonly string[]>> = {
  index: [],
  log: ['index'],
  space: ['index', 'log'],
  checkpoint: ['index', 'log', 'space'],
  recovery: ['index', 'log', 'checkpoint'],
  gc: ['index', 'log', 'checkpoint', 'recovery', 'space'],
};
/** What stands in front of the rooms and is nobody's. */
const commonToRooms = ['vlog/vlog_options.h', 'vlog/vlog_stats.h'];

function includesOf(file: string): string[] {
  return [...read(file).matchAll(/^\s*#\s*include\s+["<]([^">]+)[">]/gm)].map((match) => match[1] ?? '');
}

describe('native layers', () => {
  test('every folder has its place', () => {
    const folders = new Set(nativeFiles.map((file) => file.split('/')[1] ?? ''));
    expect([...folders].filter((name) => mayInclude[name] === undefined)).toEqual([]);
  });

  test('no layer includes an upper one', () => {
    const wrong = nativeFiles.flatMap((file) => {
      const folder = file.split('/')[1] ?? '';
      const allowed = mayInclude[folder];
      if (allowed === undefined) return [];
      return includesOf(file)
        .filter((included) => mayInclude[included.split('/')[0] ?? ''] !== undefined)
        .filter((included) => ![folder, ...allowed].includes(included.split('/')[0] ?? ''))
        .map((included) => `${file} includes ${included}`);
    });
    expect(wrong).toEqual([]);
  });

  test('no room of vlog includes one that it does not know, nor the engine', () => {
    const inRooms = nativeFiles.filter((file) => /^native\/vlog\/\w+\//.test(file));
    expect(inRooms.length).toBeGreaterThan(30);
    const wrong = inRooms.flatMap((file) => {
      const room = file.split('/')[2] ?? '';
      const allowed = [room, ...(roomMayInclude[room] ?? [])].map((name) => `vlog/${name}/`);
      return includesOf(file)
        .filter((included) => included.startsWith('vlog/') && !commonToRooms.includes(included))
        .filter((included) => !allowed.some((start) => included.startsWith(start)))
        .map((included) => `${file} includes ${included}`);
    });
    expect(wrong).toEqual([]);
  });

  test('the rooms of vlog are in cairn::vlog, what stands in front of them in cairn', () => {
    const opened = (file: string): string[] =>
      [...read(file).matchAll(/^namespace (cairn[\w:]*) \{$/gm)].map((match) => match[1] ?? '');
    const wrong = nativeFiles
      .filter((file) => file.startsWith('native/vlog/'))
      .filter((file) => {
        // A room may say that the engine exists.
        const names = opened(file).filter((name) => !read(file).includes(`namespace ${name} {\nclass VlogEngine;\n}`));
        const inRoom = file.split('/').length > 3;
        return names.length === 0 || names.some((name) => (name === 'cairn') === inRoom);
      });
    expect(wrong).toEqual([]);
  });

  test('trees of pages know of the engine only how pages are folded', () => {
    const files = nativeFiles.filter((file) => file.startsWith('native/tree/'));
    expect(files.length).toBeGreaterThan(5);
    const included = files.flatMap(includesOf).filter((name) => name.startsWith('engine/'));
    expect([...new Set(included)]).toEqual(['engine/spaces.h']);
  });

  test('project headers are found from native/, never by relative paths', () => {
    const wrong = [...nativeFiles, ...filesUnder('test/native', ['.cc', '.h'])].flatMap((file) =>
      includesOf(file)
        .filter((included) => included.startsWith('.') || included.startsWith('native/'))
        .map((included) => `${file} includes ${included}`),
    );
    expect(wrong).toEqual([]);
  });

  test('only native/addon/ knows Node', () => {
    const wrong = nativeFiles.filter((file) => {
      const knowsNode = includesOf(file).some((included) =>
        /^(napi|node_api|js_native_api|node|v8|uv)\.h$/.test(included),
      );
      return knowsNode && !file.startsWith('native/addon/');
    });
    expect(wrong).toEqual([]);
  });

  test('every header is guarded', () => {
    const wrong = nativeFiles.filter((file) => file.endsWith('.h') && !read(file).includes('#pragma once'));
    expect(wrong).toEqual([]);
  });
});

describe('TypeScript', () => {
  test('the addon is loaded in src/native.ts only', () => {
    const loads = /createRequire\s*\(|process\.dlopen|cairn\.node['"`]/;
    const wrong = scripts.filter(
      (file) => file !== 'src/native.ts' && file !== 'test/tidy.test.ts' && loads.test(read(file)),
    );
    expect(wrong).toEqual([]);
  });

  test('sources do not import tests', () => {
    const wrong = scripts.filter(
      (file) => file.startsWith('src/') && /from '(\.\.\/)+(test|bench|scripts)\//.test(read(file)),
    );
    expect(wrong).toEqual([]);
  });

  test('the configuration does not know commands, metrics or the server', () => {
    const wrong = scripts.filter((file) => {
      return (
        file.startsWith('src/config/') && /from '\.\.\/(commands|metrics|cli|main|server-state|log)/.test(read(file))
      );
    });
    expect(wrong).toEqual([]);
  });

  test('how long a test waits for something grows with the patience for slow machines', () => {
    const limit = /(\btimeout: |Timeout(Ms)? = |- (start|begin|started) > )[\d_]{4,}(?! \* patience)(?![\d_])/g;
    const wrong = scripts
      .filter((file) => file.startsWith('test/') && file !== 'test/tidy.test.ts')
      .flatMap((file) => [...read(file).matchAll(limit)].map(([text]) => `${file}: ${text}`));
    expect(wrong).toEqual([]);
  });

  test('file names are in kebab case', () => {
    const wrong = scripts.filter((file) => !/^[a-z0-9-]+(\.d|\.test)?\.(ts|mjs|js)$/.test(path.basename(file)));
    expect(wrong).toEqual([]);
  });
});

describe('all files', () => {
  const all = [...nativeFiles, ...filesUnder('test/native', ['.cc', '.h']), ...scripts];

  test(`no file is longer than ${linesMax} lines`, () => {
    const long = all.map((file) => ({ file, lines: read(file).split('\n').length - 1 }));
    expect(long.filter(({ lines }) => lines > linesMax)).toEqual([]);
  });

  test('no absolute paths of somebody’s machine', () => {
    const machinePath = /["'`(= ]\/(home|Users|root|work)\/[\w.-]+/;
    const wrong = [...all, 'package.json', 'Makefile', 'Dockerfile', 'conf/cairn.conf'].filter((file) => {
      return file !== 'test/tidy.test.ts' && machinePath.test(read(file));
    });
    expect(wrong).toEqual([]);
  });

  test('the lock file names no registry', () => {
    expect(read('package-lock.json')).not.toMatch(/"resolved"/);
  });

  test('dependencies are pinned', () => {
    const manifest = JSON.parse(read('package.json')) as Record<
      'dependencies' | 'devDependencies',
      Record<string, string>
    >;
    const versions = Object.values({ ...manifest.dependencies, ...manifest.devDependencies });
    expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });
});

describe('options', () => {
  const declared = loadNative().optionTable();
  const sources = scripts.filter((file) => file.startsWith('src/'));
  const quoted = (word: string): RegExp => new RegExp(`['"\`]${word}['"\`]`);

  test('every option is declared once, by one table', () => {
    const names = allOptions.map(({ name }) => name);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    expect(declared.length).toBeGreaterThan(70);
    const rows = sources.filter((file) => declared.some(({ name }) => read(file).includes(`name: '${name}'`)));
    expect(rows).toEqual([]);
  });

  test('what native says of an option nobody says again', () => {
    // Redis has options of the same words.
    const texts = sources
      .filter((file) => file !== 'src/config/redis-options.ts')
      .map((file) => ({ file, lines: read(file).split('\n') }));
    const again = declared.flatMap(({ name, doc, choices }) => {
      const words = choices.split(' ').map(quoted);
      const said = (line: string): boolean =>
        line.includes(doc.slice(0, 40)) || (words.length > 2 && words.every((word) => word.test(line)));
      return texts.filter(({ lines }) => lines.some(said)).map(({ file }) => `${file}: ${name}`);
    });
    expect(again).toEqual([]);
  });

  test('no file of the configuration has a number of an option that native declares', () => {
    // A constructor of option-types.ts with its ends, for anything but the few options of the control plane.
    const call = /\b(integer|integerOrAuto|memory|memoryOrShare|hundredths)\(-?\d/g;
    const found = [...read('src/config/options.ts').matchAll(call)].map(([text]) => text);
    expect(found).toEqual(['integer(0']); // metrics-port
  });
});

describe('figures', () => {
  test('what an engine tells the control plane does not tell, too', () => {
    const told = ['vlog', 'lsm']
      .map((engine) => read(`native/${engine}/${engine}_figures.cc`))
      .flatMap((text) => [...text.matchAll(/"(cairn_[a-z_]+)"/g)].map(([, name = '']) => name));
    expect(told.length).toBeGreaterThan(60);
    const control = scripts.filter((file) => file.startsWith('src/')).map((file) => ({ file, text: read(file) }));
    const again = told.flatMap((name) =>
      control.filter(({ text }) => new RegExp(`\\b${name}\\b`).test(text)).map(({ file }) => `${file}: ${name}`),
    );
    expect(again).toEqual([]);
  });
});

describe('commands', () => {
  const nativeNames = nativeFiles
    .filter((file) => /\/table_\w+\.cc$/.test(file))
    .flatMap((file) => [...read(file).matchAll(/\{\s*"([a-z][a-z_|-]*)",\s*-?\d+,/g)].map((match) => match[1] ?? ''));

  const controlNames = (rows: readonly CommandRow[], parent = ''): string[] =>
    rows.flatMap((row) => [`${parent}${row.name}`, ...controlNames(row.subcommands ?? [], `${row.name}|`)]);

  const names = [...new Set([...nativeNames, ...controlNames(controlRows)])].map((name) =>
    name.replace('|', ' ').toUpperCase(),
  );

  test('the native tables are found', () => {
    expect(nativeNames.length).toBeGreaterThan(60);
  });

  test('the tables on data name no handler of another layer', () => {
    const declared = filesUnder('native/command', ['.h']).flatMap((file) =>
      [...read(file).matchAll(/^void (\w+)\(Call& call\);/gm)].map(([, name = '']) => name),
    );
    expect(declared.length).toBeGreaterThan(50);
    const sources = filesUnder('native/command', ['.cc']).map(read).join('\n');
    expect(declared.filter((name) => !sources.includes(`\nvoid ${name}(Call& call) {`))).toEqual([]);
  });

  test('every command has a line in docs/commands.md', () => {
    // A row of a table: | `NAME` | ...
    const text = read('docs/commands.md');
    const isDocumented = (name: string): boolean => text.includes(`\n| \`${name}\` |`);
    expect(names.filter((name) => !isDocumented(name))).toEqual([]);
  });

  test('every command has a test', () => {
    // Refusals that are all alike are tested by one of them.
    const alike = /^(CLUSTER|READWRITE|ASKING|SLAVEOF|FAILOVER|ACL|DEBUG) ?|HELP$/;
    const files = [...filesUnder('test/e2e', ['.ts']), 'test/unit/commands.test.ts'];
    const tests = files.map(read).join('\n').toUpperCase();
    const words = (name: string): RegExp => new RegExp(name.split(' ').join(String.raw`['",\s|]+`));
    expect(names.filter((name) => !alike.test(name) && !words(name).test(tests))).toEqual([]);
  });
});
