/**
 * Delta debugging: what can be left out while it still fails. First halves, then smaller and smaller pieces (Zeller and
 * Hildebrandt, "Simplifying and isolating failure-inducing input", 2002, without its complements-first order).
 */
export interface Budget {
  tries: number;
  readonly endMs: number;
}

export function spent(budget: Budget): boolean {
  return budget.tries <= 0 || Date.now() >= budget.endMs;
}

/** The smallest list found for which `fails` still holds; `items` itself is known to fail. */
export async function minimise<T>(
  items: readonly T[],
  fails: (items: readonly T[]) => Promise<boolean>,
  budget: Budget,
): Promise<readonly T[]> {
  let kept = items;
  let size = Math.ceil(kept.length / 2);
  while (size >= 1 && kept.length > 1) {
    let dropped = false;
    for (let at = kept.length - size; at > -size; at -= size) {
      if (spent(budget)) return kept;
      const rest = [...kept.slice(0, Math.max(0, at)), ...kept.slice(Math.max(0, at + size))];
      if (rest.length === 0) continue;
      budget.tries--;
      if (!(await fails(rest))) continue;
      kept = rest;
      dropped = true;
    }
    if (size === 1 && !dropped) break;
    size = size === 1 ? 1 : Math.ceil(size / 2);
  }
  return kept;
}
