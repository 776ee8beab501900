/** conf/cairn.conf, rendered from the option table: every option at its default, explained. `cairn config` prints it. */
import { ownOptions } from './options.js';

const columns = 100;

function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = '#';
  for (const word of text.split(' ')) {
    if (line.length + 1 + word.length > columns) {
      lines.push(line);
      line = '#';
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}

const introduction = [
  '# Configuration of Cairn: every option at its default.',
  '#',
  '# Syntax and names are those of redis.conf where the concept exists there. Each option is also a flag',
  '# (--port 7000), and flags win. Sizes: 1k is 1000 bytes, 1kb is 1024; also m, mb, g, gb. A value with blanks is',
  '# quoted; in double quotes "\\xff" is a byte. "include PATH" reads another file at that place, or all files that match',
  '# a pattern (conf.d/*.conf). Options that only Redis has a use for (save, maxmemory, hz, ...) are accepted, answered by',
  '# CONFIG GET, and otherwise ignored; the log lists them.',
];

export function renderTemplate(): string {
  const blocks = ownOptions.map((row, index) => {
    const { section = '' } = row;
    const begins = section !== ownOptions[index - 1]?.section;
    const heading = begins ? [`# --- ${section} ${'-'.repeat(90 - section.length)}`, ''] : [];
    return [...heading, ...wrap(row.doc ?? ''), `${row.name} ${row.default}`].join('\n');
  });
  return `${[introduction.join('\n'), ...blocks].join('\n\n')}\n`;
}
