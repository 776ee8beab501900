/** The text of INFO: headings, fields, and how numbers are written in it. */

export type Field = readonly [name: string, value: string | number];

export interface Section {
  /** As in the heading; INFO's argument is matched without regard to case. */
  title: string;
  /** Another argument under which it is found. */
  alias?: string;
  fields: () => readonly Field[];
  /** Shown by a bare INFO; by ALL; EVERYTHING shows every section. */
  inDefault: boolean;
  inAll: boolean;
}

function wants(names: readonly string[], section: Section): boolean {
  const own = section.title.toLowerCase();
  return names.some((name) => {
    if (name === 'default') return section.inDefault;
    if (name === 'all') return section.inAll;
    return name === 'everything' || name === own || name === section.alias;
  });
}

/** `names` as given by the client; none: the default sections. */
export function formatInfo(sections: readonly Section[], names: readonly string[]): string {
  const asked = names.length === 0 ? ['default'] : names.map((name) => name.toLowerCase());
  return sections
    .filter((section) => wants(asked, section))
    .map(({ title, fields }) => {
      const lines = fields().map(([name, value]) => `${name}:${value}\r\n`);
      return `# ${title}\r\n${lines.join('')}`;
    })
    .join('\r\n');
}

/** `1.50M`, as Redis writes `*_human` fields. */
export function formatBytes(bytes: number): string {
  const units = ['K', 'M', 'G', 'T', 'P'];
  if (bytes < 1024) return `${Math.floor(bytes)}B`;
  let [value, unit] = [bytes / 1024, 0];
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(2)}${units[unit] ?? ''}`;
}

export function formatPercent(part: number, whole: number): string {
  return `${(whole === 0 ? 0 : (100 * part) / whole).toFixed(2)}%`;
}

/** Upper bound in nanoseconds of the bucket that holds the given percentile. */
export function percentileNs(buckets: readonly { upperNs: number; count: number }[], percentile: number): number {
  const total = buckets.reduce((sum, { count }) => sum + count, 0);
  const wanted = Math.max(1, Math.ceil((percentile / 100) * total));
  let seen = 0;
  for (const { upperNs, count } of buckets) {
    seen += count;
    if (seen >= wanted) return upperNs;
  }
  return 0;
}
