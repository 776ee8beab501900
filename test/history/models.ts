/** What one key may do, one operation after the other. */
import { type Json, type Operation } from './events.js';

export type State = string | number | null;

export interface Model {
  readonly initial: State;
  /** The state after the operation, or undefined if it cannot have happened in `state`. */
  step(state: State, operation: Operation): State | undefined;
}

const scalar = (value: Json | undefined): State =>
  typeof value === 'string' || typeof value === 'number' ? value : null;

function pair(value: Json): readonly [State, State] {
  if (!Array.isArray(value)) throw new Error(`a pair expected, not ${JSON.stringify(value)}`);
  const [first, second] = value as readonly Json[];
  return [scalar(first), scalar(second)];
}

/** `read`, `write` and `cas [old, new]`. A cas that was refused is no operation of the history (it is a `fail`). */
export const register: Model = {
  initial: null,
  step(state, { f, asked, got, type }) {
    switch (f) {
      case 'read':
        return type !== 'ok' || scalar(got) === state ? state : undefined;
      case 'write':
        return scalar(asked);
      case 'cas': {
        const [from, to] = pair(asked);
        return from === state ? to : undefined;
      }
      default:
        throw new Error(`a register cannot ${f}`);
    }
  },
};

/** `read` and `add n`, which answers the sum. */
export const counter: Model = {
  initial: null,
  step(state, { f, asked, got, type }) {
    if (f === 'read') return type !== 'ok' || scalar(got) === state ? state : undefined;
    if (f !== 'add') throw new Error(`a counter cannot ${f}`);
    const sum = Number(state ?? 0) + Number(asked);
    return type !== 'ok' || got === sum ? sum : undefined;
  },
};
