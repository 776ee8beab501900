/** Directed graphs whose edges have kinds: components and shortest cycles, over the kinds that are asked for. */
export interface Edge<Kind extends string> {
  readonly from: number;
  readonly to: number;
  readonly kind: Kind;
  readonly why: string;
}

export class Graph<Kind extends string> {
  private readonly out: Edge<Kind>[][];

  constructor(readonly nodes: number) {
    this.out = Array.from({ length: nodes }, () => []);
  }

  add(edge: Edge<Kind>): void {
    if (edge.from !== edge.to) this.out[edge.from]?.push(edge);
  }

  get edges(): Edge<Kind>[] {
    return this.out.flat();
  }

  private next(node: number, kinds: ReadonlySet<Kind>): Edge<Kind>[] {
    return (this.out[node] ?? []).filter(({ kind }) => kinds.has(kind));
  }

  /** Components with more than one node (Tarjan, with a stack of its own: histories are long). */
  components(kinds: ReadonlySet<Kind>): number[][] {
    const order = new Int32Array(this.nodes).fill(-1);
    const low = new Int32Array(this.nodes);
    const onPath = new Uint8Array(this.nodes);
    const path: number[] = [];
    const found: number[][] = [];
    let counter = 0;
    const enter = (node: number): { node: number; edges: Edge<Kind>[]; at: number } => {
      order[node] = low[node] = counter++;
      path.push(node);
      onPath[node] = 1;
      return { node, edges: this.next(node, kinds), at: 0 };
    };
    for (let root = 0; root < this.nodes; root++) {
      if (order[root] !== -1) continue;
      const stack = [enter(root)];
      for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
        const { node } = frame;
        const edge = frame.edges[frame.at++];
        if (edge !== undefined) {
          if (order[edge.to] === -1) stack.push(enter(edge.to));
          else if (onPath[edge.to] === 1) low[node] = Math.min(low[node] ?? 0, order[edge.to] ?? 0);
          continue;
        }
        stack.pop();
        const parent = stack.at(-1)?.node;
        if (parent !== undefined) low[parent] = Math.min(low[parent] ?? 0, low[node] ?? 0);
        if (low[node] !== order[node]) continue;
        const component = path.splice(path.indexOf(node));
        for (const member of component) onPath[member] = 0;
        if (component.length > 1) found.push(component);
      }
    }
    return found;
  }

  /** The fewest edges that lead from one node to another inside `within`, or undefined. */
  path(from: number, to: number, within: ReadonlySet<number>, kinds: ReadonlySet<Kind>): Edge<Kind>[] | undefined {
    const cameBy = new Map<number, Edge<Kind>>();
    let border = [from];
    while (border.length > 0) {
      const further: number[] = [];
      for (const node of border) {
        for (const edge of this.next(node, kinds)) {
          if (!within.has(edge.to) || cameBy.has(edge.to)) continue;
          cameBy.set(edge.to, edge);
          if (edge.to === to) return backtrack(cameBy, from, to);
          further.push(edge.to);
        }
      }
      border = further;
    }
    return undefined;
  }
}

function backtrack<Kind extends string>(
  cameBy: ReadonlyMap<number, Edge<Kind>>,
  from: number,
  to: number,
): Edge<Kind>[] {
  const edges: Edge<Kind>[] = [];
  let node = to;
  do {
    const edge = cameBy.get(node);
    if (edge === undefined) break;
    edges.unshift(edge);
    node = edge.from;
  } while (node !== from);
  return edges;
}
