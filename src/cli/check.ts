/** `cairn check DIR`: verifies a data directory offline. */
import fs from 'node:fs';
import { bytesOfText } from '../bytes.js';
import { type CheckReport, type LogFinding, loadNative } from '../native.js';

const findingsShown = 100;

function findingLines(kind: string, findings: readonly LogFinding[]): string[] {
  const shown = findings
    .slice(0, findingsShown)
    .map(({ file, offset, reason }) => `${kind}: ${file}, offset ${offset}: ${reason}`);
  const more = findings.length - shown.length;
  return more > 0 ? [...shown, `${kind}: ${more} more`] : shown;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

export function reportText(dir: string, report: CheckReport): string {
  const verdict = report.damaged.length === 0 ? 'intact' : 'DAMAGED';
  const parts =
    report.engine === 'lsm'
      ? ['engine lsm', counted(report.segments, 'file')]
      : [counted(report.lanes, 'lane'), counted(report.segments, 'segment'), counted(report.checkpoints, 'checkpoint')];
  const summary = [
    ...parts,
    counted(report.records, 'record'),
    counted(report.liveKeys, 'live key'),
    ...(report.livePages > 0 ? [counted(report.livePages, 'page')] : []),
    ...(report.droppedSpaces > 0 ? [`${counted(report.droppedSpaces, 'space')} being dropped`] : []),
    `${counted(report.bytes, 'byte')} (${report.liveBytes + report.livePageBytes} live)`,
    `${Math.round(report.ms)} ms`,
  ];
  const lines = [
    ...findingLines('damaged', report.damaged),
    ...findingLines('torn tail', report.tornTail),
    `${dir}: ${verdict}; ${summary.join(', ')}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** Why there is nothing to check; undefined when there is. Only looks: the native check would leave a lock file behind. */
function refusal(dir: string): string | undefined {
  if (!fs.existsSync(dir)) return 'no such directory';
  if (!fs.statSync(dir).isDirectory()) return 'not a directory';
  const isData = (name: string): boolean => name === 'MANIFEST' || name === 'rocksdb' || /^\d{10}\.vlog$/.test(name);
  return fs.readdirSync(dir).some(isData) ? undefined : 'not a data directory of Cairn (no MANIFEST, no segments)';
}

/** 0: intact, 1: damaged, 2: could not be checked. */
export async function check(argv: readonly string[]): Promise<number> {
  const [dir, ...more] = argv;
  if (dir === undefined || dir.startsWith('--') || more.length > 0) {
    process.stderr.write('usage: cairn check DIR\n');
    return 2;
  }
  try {
    const reason = refusal(dir);
    if (reason !== undefined) {
      process.stderr.write(`cairn: ${dir}: ${reason}\n`);
      return 2;
    }
    const report = await loadNative().checkDir(bytesOfText(dir));
    process.stdout.write(reportText(dir, report));
    return report.damaged.length === 0 ? 0 : 1;
  } catch (error) {
    process.stderr.write(`cairn: ${dir} cannot be checked: ${(error as Error).message}\n`);
    return 2;
  }
}
