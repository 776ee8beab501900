/** INFO. */
import { type Handler, family } from './command.js';
import { formatInfo } from './info-format.js';
import { infoSections } from './info-sections.js';
import { Verbatim } from './resp.js';

const info: Handler = (context, args) => {
  return new Verbatim(formatInfo(infoSections(context), args.slice(1)));
};

export const infoCommands = [
  family('server', ['loading', 'stale'], ['slow', 'dangerous'])(
    'info',
    -1,
    { summary: 'Describes the server: state, counters, statistics.', syntax: '[section [section ...]]' },
    info,
  ),
];
