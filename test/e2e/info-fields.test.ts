/** INFO beside a real redis-server: the same fields in the same sections; and the sums about memory and CPU time. */
import { describe, expect, test } from 'vitest';
import { describeCairn, redisVersion, startServer, type TestServer, useServer } from '../support/server.js';

const megabyte = 1 << 20;

/** Fields that are left out on purpose. */
const absent = [
  ['Server', 'atomicvar_api', 'names the compiler support of counters in Redis; there is one way here'],
  ['Server', 'gcc_version', 'there are two builds, of Node and of the addon; node_version tells one of them'],
] as const;

/** Their fields, or for a value like `keys=1,expires=0` the parts too, by section. */
async function fieldsOf(server: TestServer): Promise<Map<string, Map<string, string>>> {
  using client = await server.connect();
  for (const line of ['SET k v', 'SETEX t 100 v', 'GET k', 'INCR k', 'GET']) await client.run(line);
  const text = (await client.run('INFO everything')) as string;
  const sections = new Map<string, Map<string, string>>();
  for (const part of text.split(/^# /m).slice(1)) {
    const [title = '', ...lines] = part.split('\r\n');
    const fields = new Map<string, string>();
    for (const line of lines.filter((one) => one !== '')) {
      const [name = '', value = ''] = line.split(/:(.*)/s);
      fields.set(name, value);
      for (const [, inner = '', its = ''] of value.matchAll(/(?:^|,)([\w.]+)=([^,]*)/g))
        fields.set(`${name} ${inner}`, its);
    }
    sections.set(title, fields);
  }
  return sections;
}

function namesIn(sections: Map<string, Map<string, string>>): Set<string> {
  return new Set(
    [...sections].flatMap(([title, fields]) => [title, ...[...fields.keys()].map((name) => `${title} ${name}`)]),
  );
}

describeCairn('INFO', () => {
  // Later versions have fields that the version which we follow has not, earlier ones have names that are gone.
  const comparable = redisVersion() >= 7 && redisVersion() <= 7.2;

  test.skipIf(!comparable)('has the fields that Redis has, section by section', async () => {
    await using cairn = await startServer();
    await using redis = await startServer({ kind: 'redis' });
    const [ours, theirs] = [namesIn(await fieldsOf(cairn)), namesIn(await fieldsOf(redis))];
    expect(theirs.size).toBeGreaterThan(150);
    const missing = [...theirs].filter((name) => !ours.has(name));
    expect(missing.sort()).toEqual(absent.map(([section, field]) => `${section} ${field}`).sort());
  });
});

describeCairn('figures of INFO', () => {
  const server = useServer({ cairn: { 'cache-size': '256mb' } });

  async function figures(section: string): Promise<(name: string) => number> {
    const fields = (await fieldsOf(server.current)).get(section);
    return (name) => Number(fields?.get(name));
  }

  describe('memory', () => {
    test('of a server without data is what it started with', async () => {
      const memory = await figures('Memory');
      expect(memory('used_memory_startup')).toBeGreaterThan(2 * megabyte);
      expect(memory('used_memory')).toBeGreaterThanOrEqual(memory('used_memory_startup'));
      expect(memory('used_memory')).toBeLessThan(memory('used_memory_rss'));
      expect(memory('mem_fragmentation_ratio')).toBeGreaterThan(1);
      expect(memory('mem_fragmentation_ratio')).toBeLessThan(20);
    });

    test('adds up, and grows with the values that are cached', async () => {
      const before = await figures('Memory');
      using client = await server.current.connect();
      const value = 'v'.repeat(megabyte);
      for (let i = 0; i < 32; i++) await client.cmd('SET', `m${i}`, value);
      const memory = await figures('Memory');
      expect(memory('used_memory') - before('used_memory')).toBeGreaterThan(30 * megabyte);
      expect(memory('used_memory_dataset')).toBeGreaterThan(30 * megabyte);
      expect(memory('used_memory_overhead') + memory('used_memory_dataset')).toBe(memory('used_memory'));
      expect(memory('used_memory_overhead')).toBeGreaterThan(memory('used_memory_startup'));
      expect(memory('used_memory_peak')).toBeGreaterThanOrEqual(memory('used_memory'));
      expect(memory('allocator_allocated')).toBe(memory('used_memory'));
      expect(memory('allocator_resident')).toBeLessThan(memory('used_memory_rss'));
      const parts = ['allocator_frag_bytes', 'allocator_rss_bytes', 'rss_overhead_bytes'].map(memory);
      expect(parts.reduce((sum, part) => sum + part, 0)).toBe(memory('mem_fragmentation_bytes'));
      expect(memory('mem_fragmentation_bytes')).toBe(memory('used_memory_rss') - memory('used_memory'));
      const ratio = memory('used_memory_rss') / memory('used_memory');
      expect(memory('mem_fragmentation_ratio')).toBeCloseTo(ratio, 1);
    });
  });

  test('the main thread takes a part of the CPU time', async () => {
    const cpu = await figures('CPU');
    // In hundredths of a second, each rounded down by the kernel or not.
    expect(cpu('used_cpu_user_main_thread')).toBeGreaterThan(0);
    const [main, all] = ['_main_thread', ''].map((of) => cpu(`used_cpu_user${of}`) + cpu(`used_cpu_sys${of}`));
    expect(main).toBeLessThanOrEqual((all ?? 0) + 0.02);
  });
});
