/** "Did you mean ...?": the known name that was probably meant. */

/** Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      const replaced = (last[column - 1] ?? 0) + (same ? 0 : 1);
      let best = Math.min(replaced, (last[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1);
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        best = Math.min(best, (beforeLast[column - 2] ?? 0) + 1);
      }
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}

/** Undefined when nothing is near: a wild guess confuses more than it helps. */
export function closest(word: string, known: Iterable<string>): string | undefined {
  const distanceMax = Math.min(2, Math.floor(word.length / 3));
  let best: string | undefined;
  let bestDistance = distanceMax + 1;
  for (const name of known) {
    if (Math.abs(name.length - word.length) > distanceMax) continue;
    const distance = editDistance(word, name);
    if (distance < bestDistance) [best, bestDistance] = [name, distance];
  }
  return best;
}

/** To be appended to a message; empty when there is nothing to suggest. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const name = closest(word.toLowerCase(), known);
  return name === undefined ? '' : `; did you mean '${name}'?`;
}
