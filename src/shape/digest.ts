import { sha256 } from "../base/hash.ts";
import type { OrderItem } from "./relation.ts";
import type { Generator, Rows, Term } from "./terms.ts";

/** Hex digits of a digest: 96 bits. */
const DIGITS = 24;

/**
 * Writes rows and terms out as text, in which equal text means equal meaning, and hashes
 * it. Generators are numbered in the order in which the rows name them, so that neither
 * aliases nor the way a query is nested shows; what was written before is named by number.
 */
export class Digester {
  readonly #numbers = new Map<Generator, number>();
  readonly #rows: string;

  /** All digests of one query begin with its rows. */
  constructor(rows: Rows) {
    this.#rows = hash(this.#write((writer) => writer.rows(rows)));
  }

  /** Digest of which rows come out. */
  rows(): string {
    return this.#rows;
  }

  /** Digest of a value on those rows. */
  term(term: Term): string {
    return hash(this.#writeOnRows((writer) => writer.term(term)));
  }

  /** Digest of an order of those rows. */
  order(items: readonly OrderItem[]): string {
    return hash(this.#writeOnRows((writer) => {
      for (const { term, how } of items) {
        writer.text(how);
        writer.term(term);
      }
    }));
  }

  #write(work: (writer: Writer) => void): string {
    const writer = new Writer(this.#numbers);
    work(writer);
    return writer.parts.join("");
  }

  /** Generators that only this text names are forgotten again: no column may depend on another's being there. */
  #writeOnRows(work: (writer: Writer) => void): string {
    const known = this.#numbers.size;
    const text = this.#write(work);
    for (const [generator, number] of this.#numbers) {
      if (number >= known) this.#numbers.delete(generator);
    }
    return text;
  }
}

class Writer {
  readonly parts: string[] = [];
  readonly #numbers: Map<Generator, number>;
  readonly #terms = new Map<Term, number>();

  constructor(numbers: Map<Generator, number>) {
    this.#numbers = numbers;
  }

  text(text: string): void {
    this.parts.push(JSON.stringify(text), ";");
  }

  rows({ generators, where }: Rows): void {
    this.parts.push("{");
    for (const generator of generators) this.generator(generator);
    this.parts.push("|");
    for (const condition of where) this.term(condition);
    this.parts.push("}");
  }

  generator(generator: Generator): void {
    const known = this.#numbers.get(generator);
    if (known !== undefined) {
      this.parts.push(`#${known};`);
      return;
    }
    this.#numbers.set(generator, this.#numbers.size);
    this.parts.push(JSON.stringify(generator.head), "<");
    for (const rows of generator.inner) this.rows(rows);
    for (const arg of generator.args) this.term(arg);
    this.parts.push(">");
  }

  term(term: Term): void {
    const known = this.#terms.get(term);
    if (known !== undefined) {
      this.parts.push(`@${known};`);
      return;
    }
    this.#terms.set(term, this.#terms.size);
    this.parts.push(JSON.stringify(term.column === null ? term.head : `.${term.column}`));
    if (term.scope !== null) this.generator(term.scope);
    this.parts.push("(");
    for (const arg of term.args) this.term(arg);
    this.parts.push(")");
  }
}

function hash(text: string): string {
  return sha256(text).slice(0, DIGITS);
}
