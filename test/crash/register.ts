/**
 * What a crash test knows about a set of keys that always change together.
 *
 * A register is owned by one connection, so its states form one sequence: every write appends the state it leads to,
 * replies and observations by other connections raise the floor. After a crash the keys must be in one of the states
 * from the floor on: an older one means that an acknowledged (or seen) write was lost, any other one that a write was
 * torn or that a deleted key came back.
 */

/** One value per key of the register; null where the key does not exist. */
export type State = readonly (string | null)[];

function digest(state: State): string {
  return state.map((value) => (value === null ? '-' : `=${value}`)).join('\n');
}

const shownChars = 40;

export function showState(state: State): string {
  return `[${state.map((value) => (value === null ? 'absent' : `${value.length}:${value.slice(0, shownChars)}`)).join(', ')}]`;
}

export class Register {
  private states: State[];
  private digests: string[];
  private floor = 0;

  constructor(
    readonly name: string,
    readonly keys: readonly string[],
  ) {
    this.states = [keys.map(() => null)];
    this.digests = this.states.map(digest);
  }

  /** The state after everything that was sent. */
  get latest(): State {
    return this.states.at(-1) ?? [];
  }

  /** A write that leads to `state` is being sent; returns the number by which to acknowledge it. */
  push(state: State): number {
    this.states.push(state);
    this.digests.push(digest(state));
    return this.states.length - 1;
  }

  acknowledge(index: number): void {
    this.floor = Math.max(this.floor, index);
  }

  /**
   * Another connection has seen this state, at a time when everything up to `floorThen` was acknowledged: it must be
   * one of the states from there on, and must not be taken back. Returns a complaint, or undefined.
   */
  observe(state: State, floorThen: number): string | undefined {
    const index = this.digests.indexOf(digest(state), floorThen);
    if (index < 0) return `${this.name}: a reader saw ${showState(state)}, a state that never was or was over`;
    this.acknowledge(index);
    return undefined;
  }

  get currentFloor(): number {
    return this.floor;
  }

  /** Compares with what is there after a restart; what is there becomes the only known state. */
  settle(found: State): string | undefined {
    const text = digest(found);
    const possible = this.digests.includes(text, this.floor);
    const once = this.digests.indexOf(text);
    const complaint = possible
      ? undefined
      : `${this.name}: found ${showState(found)}, ` +
        (once >= 0
          ? `which is state ${once} of ${this.states.length - 1}, `
          : 'which is no state that was ever sent, ') +
        `but state ${this.floor} was acknowledged: ${showState(this.states[this.floor] ?? [])}`;
    this.states = [found];
    this.digests = [text];
    this.floor = 0;
    return complaint;
  }
}
