import type { NodeId } from "../model/ids.ts";

/** Why running a query again may give something else although nothing changed. */
export const Unstable = {
  /** It may not. */
  No: 0,
  /** Chance, the clock or the session decides. */
  Chance: 1,
  /** The order in which rows arrive decides between equals, and maybe chance, too. */
  Ties: 2,
} as const;

/** A value of {@linkcode Unstable}. */
export type Instability = (typeof Unstable)[keyof typeof Unstable];

function mostUnstable(parts: readonly { readonly unstable: Instability }[]): Instability {
  return parts.reduce<Instability>((most, { unstable }) => unstable > most ? unstable : most, 0);
}

/**
 * A value of one row, as a formula over the rows it is computed for. Two columns of two
 * queries mean the same when their terms, written out, are the same text (`digest.ts`).
 */
export interface Term {
  /** Position in creation order: identity inside one query. */
  readonly id: number;
  /** What is done, apart from the arguments. */
  readonly head: string;
  readonly args: readonly Term[];
  /** The rows this value belongs to, or is gathered from. */
  readonly scope: Generator | null;
  /** Set for a column of an upstream node. */
  readonly column: string | null;
  readonly unstable: Instability;
  /** Orders the operands of what is commutative; says nothing about identity. */
  readonly sortKey: string;
}

/** One source of rows: a scan, a grouping, the choice that a LIMIT makes, the partner of an outer join, … */
export interface Generator {
  readonly head: string;
  /** The upstream node that a scan reads. */
  readonly node: NodeId | null;
  readonly inner: readonly Rows[];
  readonly args: readonly Term[];
  readonly unstable: Instability;
  readonly sortKey: string;
}

/** A bag of rows: every combination of what the generators give for which all conditions hold. */
export interface Rows {
  readonly generators: readonly Generator[];
  readonly where: readonly Term[];
  readonly unstable: Instability;
}

/** Exactly one row, of nothing. */
export const ONE_ROW: Rows = { generators: [], where: [], unstable: Unstable.No };

/** What a term is made of; what is left out is empty. */
export interface TermParts {
  readonly head: string;
  readonly args?: readonly Term[];
  readonly scope?: Generator | null;
  readonly column?: string | null;
  readonly unstable?: Instability;
  /** True where the value does not depend on what its arguments leave open. */
  readonly settled?: boolean;
}

/** What a generator is made of; what is left out is empty. */
export interface GeneratorParts {
  readonly head: string;
  readonly node?: NodeId;
  readonly inner?: readonly Rows[];
  readonly args?: readonly Term[];
  readonly unstable?: Instability;
}

/** Makes the terms of one query, each only once: equal terms are the same object. */
export class Terms {
  readonly #known = new Map<string, Term>();
  readonly #generatorIds = new Map<Generator, number>();

  make(parts: TermParts): Term {
    const { head, args = [], scope = null, column = null, unstable = Unstable.No } = parts;
    const settled = parts.settled === true;
    const scopeId = scope === null ? "" : this.#idOf(scope);
    const key = `${settled}${head}\0${column ?? ""}\0${scopeId}\0${
      args.map((arg) => arg.id).join(",")
    }`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const term: Term = {
      id: this.#known.size,
      head,
      args,
      scope,
      column,
      unstable: settled
        ? Unstable.No
        : mostUnstable([{ unstable }, ...args, ...(scope === null ? [] : [scope])]),
      sortKey: shortHash(
        [head, column ?? "", scope?.sortKey ?? "", ...args.map((arg) => arg.sortKey)].join("\0"),
      ),
    };
    this.#known.set(key, term);
    return term;
  }

  /** A column of an upstream node, on the rows of one scan of it. */
  column(scan: Generator, name: string): Term {
    return this.make({ head: "column", scope: scan, column: name });
  }

  /** What always holds. */
  get true(): Term {
    return this.make({ head: "true" });
  }

  /** All of these hold; nested conjunctions are one. */
  and(parts: readonly Term[]): Term {
    return this.#junction("and", parts);
  }

  /** Any of these holds. */
  or(parts: readonly Term[]): Term {
    return this.#junction("or", parts);
  }

  /** A comparison; `0 < a` is `a > 0`. */
  compare(type: string, left: Term, right: Term): Term {
    if (left === right && type === "COMPARE_EQUAL" && isKnownConstant(left)) return this.true;
    const mirrored = MIRRORED[type];
    const swap = mirrored !== undefined && left.sortKey > right.sortKey;
    const [head, args] = swap ? [mirrored, [right, left]] : [type, [left, right]];
    return this.make({ head, args });
  }

  /** The negation; of a comparison, the opposite one, which has the same value also for NULL. */
  not(part: Term): Term {
    const opposite = OPPOSITE[part.head];
    if (part.head === "not") return part.args[0]!;
    if (opposite !== undefined) return this.compare(opposite, part.args[0]!, part.args[1]!);
    return this.make({ head: "not", args: [part] });
  }

  #junction(head: "and" | "or", parts: readonly Term[]): Term {
    const flat = flatten(head, parts);
    if (flat.length === 0) return this.true;
    return flat.length === 1 ? flat[0]! : this.make({ head, args: flat });
  }

  #idOf(generator: Generator): number {
    let id = this.#generatorIds.get(generator);
    if (id === undefined) this.#generatorIds.set(generator, id = this.#generatorIds.size);
    return id;
  }
}

/** Operands of nested junctions of one kind, each once, in a fixed order. */
export function flatten(head: "and" | "or", parts: readonly Term[]): Term[] {
  const flat = new Set(parts.flatMap((part) => part.head === head ? part.args : [part]));
  if (head === "and") { for (const part of flat) if (part.head === "true") flat.delete(part); }
  return [...flat].sort(bySortKey);
}

/** True for a constant, cast or not, that is not NULL: as good as its own value. */
function isKnownConstant(term: Term): boolean {
  return term.head.startsWith("cast ")
    ? isKnownConstant(term.args[0]!)
    : term.head.startsWith("constant ") && term.head.includes('"is_null":false');
}

/** Makes a generator. */
export function makeGenerator(
  { head, node, inner = [], args = [], unstable = Unstable.No }: GeneratorParts,
): Generator {
  return {
    head,
    node: node ?? null,
    inner,
    args,
    unstable: mostUnstable([{ unstable }, ...inner, ...args]),
    sortKey: shortHash(
      [
        head,
        ...inner.flatMap((rows) => [...rows.generators, ...rows.where].map((x) => x.sortKey)),
        ...args.map((arg) => arg.sortKey),
      ].join("\0"),
    ),
  };
}

/** The rows of all these generators together, under all these conditions. */
export function makeRows(generators: readonly Generator[], where: readonly Term[]): Rows {
  const conditions = flatten("and", where);
  return {
    generators: [...generators].sort(bySortKey),
    where: conditions,
    unstable: mostUnstable([...generators, ...conditions]),
  };
}

/** For sorting terms or generators by what they look like. */
export function bySortKey(a: { sortKey: string }, b: { sortKey: string }): number {
  return a.sortKey < b.sortKey ? -1 : a.sortKey > b.sortKey ? 1 : 0;
}

const MIRRORED: Readonly<Record<string, string>> = {
  COMPARE_EQUAL: "COMPARE_EQUAL",
  COMPARE_NOTEQUAL: "COMPARE_NOTEQUAL",
  COMPARE_DISTINCT_FROM: "COMPARE_DISTINCT_FROM",
  COMPARE_NOT_DISTINCT_FROM: "COMPARE_NOT_DISTINCT_FROM",
  COMPARE_LESSTHAN: "COMPARE_GREATERTHAN",
  COMPARE_GREATERTHAN: "COMPARE_LESSTHAN",
  COMPARE_LESSTHANOREQUALTO: "COMPARE_GREATERTHANOREQUALTO",
  COMPARE_GREATERTHANOREQUALTO: "COMPARE_LESSTHANOREQUALTO",
};

const OPPOSITE: Readonly<Record<string, string>> = {
  COMPARE_EQUAL: "COMPARE_NOTEQUAL",
  COMPARE_NOTEQUAL: "COMPARE_EQUAL",
  COMPARE_DISTINCT_FROM: "COMPARE_NOT_DISTINCT_FROM",
  COMPARE_NOT_DISTINCT_FROM: "COMPARE_DISTINCT_FROM",
  COMPARE_LESSTHAN: "COMPARE_GREATERTHANOREQUALTO",
  COMPARE_GREATERTHAN: "COMPARE_LESSTHANOREQUALTO",
  COMPARE_LESSTHANOREQUALTO: "COMPARE_GREATERTHAN",
  COMPARE_GREATERTHANOREQUALTO: "COMPARE_LESSTHAN",
};

/** 64 bits of FNV-1a in two halves: enough to order by, never to identify. */
function shortHash(text: string): string {
  let [a, b] = [0x811c9dc5, 0x01000193];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x85ebca6b);
  }
  return (a >>> 0).toString(36) + (b >>> 0).toString(36);
}
