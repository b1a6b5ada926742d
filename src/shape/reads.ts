import { compareText } from "../base/diagnostic.ts";
import type { NodeId } from "../model/ids.ts";
import type { Reads } from "../model/manifest.ts";
import type { Generator, Rows, Term } from "./terms.ts";

/** Collects which upstream nodes and columns rows and terms depend on. */
export class ReadCollector {
  readonly #found = new Map<NodeId, Set<string>>();
  readonly #seenTerms = new Set<Term>();
  readonly #seenGenerators: Set<Generator>;

  /** Generators of `settled` count as seen: what they read decides the rows, not a value. */
  constructor(settled: ReadonlySet<Generator> = new Set()) {
    this.#seenGenerators = new Set(settled);
  }

  rows({ generators, where }: Rows): void {
    for (const generator of generators) this.generator(generator);
    for (const condition of where) this.term(condition);
  }

  term(term: Term): void {
    if (this.#seenTerms.has(term)) return;
    this.#seenTerms.add(term);
    if (term.column !== null) this.#columnsOf(term.scope!.node!).add(term.column);
    if (term.scope !== null) this.generator(term.scope);
    for (const arg of term.args) this.term(arg);
  }

  generator(generator: Generator): void {
    if (this.#seenGenerators.has(generator)) return;
    this.#seenGenerators.add(generator);
    if (generator.node !== null) this.#columnsOf(generator.node);
    for (const rows of generator.inner) this.rows(rows);
    for (const arg of generator.args) this.term(arg);
  }

  /** Nodes and columns in a fixed order; a node without columns is read for its number of rows. */
  reads(): Reads {
    const nodes = [...this.#found].sort(([a], [b]) => compareText(a, b));
    return Object.fromEntries(
      nodes.map(([node, columns]) => [node, [...columns].sort(compareText)]),
    );
  }

  /** Every generator that was met. */
  generators(): ReadonlySet<Generator> {
    return this.#seenGenerators;
  }

  #columnsOf(node: NodeId): Set<string> {
    let columns = this.#found.get(node);
    if (columns === undefined) this.#found.set(node, columns = new Set());
    return columns;
  }
}
