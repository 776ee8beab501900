/** Redis's glob patterns (`*`, `?`, `[a-c]`, `[^x]`, backslash), for names that control commands filter. */

const patternCharsMax = 1024;

function classEnd(pattern: string, at: number): number {
  for (let i = at; i < pattern.length; i++) {
    if (pattern[i] === '\\') i += 1;
    else if (pattern[i] === ']') return i;
  }
  return pattern.length;
}

function inClass(body: string, char: string): boolean {
  const negated = body.startsWith('^');
  let found = false;
  for (let i = negated ? 1 : 0; i < body.length; i++) {
    const first = body[i] === '\\' && i + 1 < body.length ? body.charAt(++i) : body.charAt(i);
    if (body[i + 1] === '-' && i + 2 < body.length) {
      const [low, high] = [first, body.charAt(i + 2)].sort();
      found ||= low !== undefined && high !== undefined && char >= low && char <= high;
      i += 2;
    } else {
      found ||= char === first;
    }
  }
  return found !== negated;
}

/** Length of the pattern's item at `at` if it matches `char`, else 0. */
function matchOne(pattern: string, at: number, char: string): number {
  const item = pattern[at];
  if (item === '?') return 1;
  if (item === '[') {
    const end = classEnd(pattern, at + 1);
    return inClass(pattern.slice(at + 1, end), char) ? Math.min(end + 1, pattern.length) - at : 0;
  }
  if (item === '\\' && at + 1 < pattern.length) return pattern[at + 1] === char ? 2 : 0;
  return item === char ? 1 : 0;
}

/** Letter case is ignored. Linear in practice: only the last `*` is ever retried. */
export function globMatches(pattern: string, name: string): boolean {
  const [glob, text] = [pattern.slice(0, patternCharsMax).toLowerCase(), name.toLowerCase()];
  let [at, pos, starAt, starPos] = [0, 0, -1, 0];
  while (pos < text.length) {
    if (glob[at] === '*') {
      starAt = at++;
      starPos = pos;
      continue;
    }
    const length = at < glob.length ? matchOne(glob, at, text.charAt(pos)) : 0;
    if (length > 0) {
      at += length;
      pos += 1;
    } else if (starAt >= 0) {
      at = starAt + 1;
      pos = ++starPos;
    } else {
      return false;
    }
  }
  while (glob[at] === '*') at += 1;
  return at === glob.length;
}
