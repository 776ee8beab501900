/** `cairn check DIR`: verifies a data directory offline. */
import fs from 'node:fs';
import { type CheckReport, type LogFinding, loadNative } from '../native.js';

const findingsShown = 100;

function findingLines(kind: string, findings: readonly LogFinding[]): string[] {
  const shown = findings
    .slice(0, findingsShown)
    .map(({ file, offset, reason }) => `${kind}: ${file}, offset ${offset}: ${reason}`);
  const more = findings.length - shown.length;
  return more > 0 ? [...shown, `${kind}: ${more} more`] : shown;
}

export function reportText(dir: string, report: CheckReport): string {
  const verdict = report.damaged.length === 0 ? 'intact' : 'DAMAGED';
  const summary = [
    `${report.lanes} lanes`,
    `${report.segments} segments`,
    `${report.records} records`,
    `${report.liveKeys} live keys`,
    `${report.bytes} bytes (${report.liveBytes} live)`,
    `${Math.round(report.ms)} ms`,
  ];
  const lines = [
    ...findingLines('damaged', report.damaged),
    ...findingLines('torn tail', report.tornTail),
    `${dir}: ${verdict}; ${summary.join(', ')}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** 0: intact, 1: damaged, 2: could not be checked. */
export async function check(argv: readonly string[]): Promise<number> {
  const [dir, ...more] = argv;
  if (dir === undefined || dir.startsWith('--') || more.length > 0) {
    process.stderr.write('usage: cairn check DIR\n');
    return 2;
  }
  if (!fs.existsSync(dir)) {
    process.stderr.write(`cairn: ${dir}: no such directory\n`);
    return 2;
  }
  try {
    const report = await loadNative().checkDir(dir);
    process.stdout.write(reportText(dir, report));
    return report.damaged.length === 0 ? 0 : 1;
  } catch (error) {
    process.stderr.write(`cairn: ${dir} cannot be checked: ${(error as Error).message}\n`);
    return 2;
  }
}
