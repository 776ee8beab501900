/** The shortest program found that still shows a difference. */
import { type Budget, minimise, spent } from './minimise.js';
import { type Program, type Step } from './program.js';
import { type Difference, type Outcome } from './runner.js';

/** Runs a program; `late` if it is not through at `endMs`. */
export type Run = (program: Program, endMs: number) => Promise<Outcome>;

export interface Shortened {
  readonly program: Program;
  /** As the shortened program shows it; undefined: no run of a shorter one has shown it. */
  readonly difference: Difference | undefined;
}

/** Whether its replies can only be counted as a whole: CLIENT REPLY decides about those of the commands behind it. */
function isWhole(step: Step): boolean {
  return step.kind === 'send' && step.commands.some(([name, sub]) => name === 'CLIENT' && sub === 'REPLY');
}

/** One command per step, as far as a pipeline does not matter. */
function split(steps: readonly Step[]): Step[] {
  return steps.flatMap((step): Step[] =>
    step.kind === 'send' && !isWhole(step)
      ? step.commands.map((command) => ({ ...step, commands: [command] }))
      : [step],
  );
}

/** Leaves commands out of what must stay one pipeline. */
async function shortenPipelines(
  steps: readonly Step[],
  fails: (steps: readonly Step[]) => Promise<boolean>,
  budget: Budget,
): Promise<readonly Step[]> {
  let kept = steps;
  for (const [i, step] of steps.entries()) {
    if (step.kind !== 'send' || step.commands.length < 2 || isWhole(step)) continue;
    const replaced = (commands: typeof step.commands): Step[] =>
      kept.map((one, at) => (at === i ? { ...step, commands } : one));
    kept = replaced(await minimise(step.commands, (commands) => fails(replaced(commands)), budget));
  }
  return kept;
}

/** No run begins once the budget is spent, and none goes on after its end. */
export async function shorten(program: Program, difference: Difference, run: Run, budget: Budget): Promise<Shortened> {
  let shown: Difference | undefined;
  const fails = async (steps: readonly Step[]): Promise<boolean> => {
    if (spent(budget)) return false;
    const outcome = await run({ ...program, steps }, budget.endMs);
    if (outcome.kind !== 'different' || outcome.difference.signature !== difference.signature) return false;
    shown = outcome.difference;
    return true;
  };
  const until = program.steps.slice(0, difference.step + 1);
  let steps: readonly Step[] = until;
  // What does not show it again may need what came behind; and a race shows it only now and then.
  if (!(await fails(until)) && !spent(budget)) steps = program.steps;
  steps = await minimise(steps, fails, budget);
  const apart = split(steps);
  if (apart.length > steps.length && (await fails(apart))) steps = await minimise(apart, fails, budget);
  steps = await shortenPipelines(steps, fails, budget);
  return { program: { ...program, steps: shown === undefined ? until : steps }, difference: shown };
}
