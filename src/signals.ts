/**
 * What signals do to this process. The first module that runs, because a signal may come before anything else has been
 * loaded: one that asks for the end is kept until somebody can act on it.
 *
 * SIGTERM, SIGINT: the end. SIGHUP: the log file is opened anew. SIGUSR1: nothing; Node would open its debugger to
 * everybody on this machine. SIGXFSZ: nothing; a write over the limit on file sizes fails like one on a full disk.
 */
import inspector from 'node:inspector';

export type EndSignal = 'SIGTERM' | 'SIGINT';

const endSignals: readonly EndSignal[] = ['SIGTERM', 'SIGINT'];
const debuggerWanted = [...process.execArgv, ...(process.env['NODE_OPTIONS'] ?? '').split(/\s+/)].some((word) =>
  /^--inspect(-brk|-wait)?(=|$)/.test(word),
);

const early: EndSignal[] = [];
let onEnd: (signal: EndSignal) => void = (signal) => void early.push(signal);
let onHangUp: () => void = () => undefined;

const handleEnd = (signal: NodeJS.Signals): void => onEnd(signal as EndSignal);

process.on('SIGUSR1', () => undefined);
process.on('SIGXFSZ', () => undefined);
process.on('SIGHUP', () => onHangUp());
for (const signal of endSignals) process.on(signal, handleEnd);
closeDebugger();

/** For a SIGUSR1 that came while Node itself was starting. */
export function closeDebugger(): void {
  if (!debuggerWanted && inspector.url() !== undefined) inspector.close();
}

/** From now on signals go there; those that have come already go there at once. */
export function handleSignals(handlers: { end: (signal: EndSignal) => void; hangUp: () => void }): void {
  onEnd = handlers.end;
  onHangUp = handlers.hangUp;
  for (const signal of early.splice(0)) onEnd(signal);
}

/** For commands that hold nothing: these signals end the process as they end any other. */
export function leaveSignalsAlone(): void {
  for (const signal of endSignals) process.off(signal, handleEnd);
  process.removeAllListeners('SIGHUP');
  const [signal] = early;
  if (signal !== undefined) process.kill(process.pid, signal);
}
