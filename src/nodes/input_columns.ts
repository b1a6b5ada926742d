import { didYouMean } from "../base/closest.ts";
import type { FieldReader, Report } from "../base/field_reader.ts";
import type { NodeId } from "../model/ids.ts";
import type { NodeCommon, NodeSpec } from "../model/node.ts";
import type { OutputColumn } from "../shape/query_shape.ts";
import type { LoadedNode } from "./node_kind.ts";

/** What kinds that name columns of their inputs in fields have in common. */

/** Path of a field in a node's document. */
export type FieldPath = readonly (string | number)[];

/** The column of that name, in any case; undefined when there is none. */
export function findColumn<C extends { readonly name: string }>(
  columns: readonly C[],
  name: string,
): C | undefined {
  return columns.find((column) => column.name.toLowerCase() === name.toLowerCase());
}

/** Looks for columns that fields name, and reports each that is not there at the place that names it. */
export class ColumnFinder {
  readonly #node: LoadedNode<NodeSpec>;
  readonly #from: string;
  readonly #columns: readonly OutputColumn[];
  readonly #report: Report;

  /** `from` is said in messages: the id of an input, or `its output`. */
  constructor(
    node: LoadedNode<NodeSpec>,
    from: string,
    columns: readonly OutputColumn[],
    report: Report,
  ) {
    this.#node = node;
    this.#from = from;
    this.#columns = columns;
    this.#report = report;
  }

  /** The column that a field names; null after reporting that there is none. */
  find(name: string, path: FieldPath): OutputColumn | null {
    const column = findColumn(this.#columns, name);
    if (column !== undefined) return column;
    const names = this.#columns.map((c) => c.name);
    this.problem(
      path,
      "column_missing",
      `there is no column "${name}" in ${this.#from}`,
      didYouMean(name, names) ?? `there is: ${names.slice(0, 12).join(", ")}`,
    );
    return null;
  }

  /** Like {@linkcode find}, for one that has to be a date or a timestamp. */
  findTime(name: string, path: FieldPath): OutputColumn | null {
    const column = this.find(name, path);
    if (column === null || isTime(column.type)) return column;
    this.problem(
      path,
      "column_not_a_time",
      `column "${column.name}" of ${this.#from} is ${column.type}, and has to be a DATE or a TIMESTAMP`,
      `cast it in the node that makes it: CAST(${column.name} AS TIMESTAMP)`,
    );
    return null;
  }

  /** Reports a problem of the node at one of its fields. */
  problem(path: FieldPath, code: string, message: string, hint?: string): void {
    const { spec, locator } = this.#node;
    this.#report({
      severity: "error",
      code,
      message: `${spec.id}: ${message}`,
      ...locator.locate(path),
      hint,
    });
  }
}

/** True for the type of a point in time: DATE, and TIMESTAMP of any precision, with or without a time zone. */
export function isTime(type: string): boolean {
  return type === "DATE" || type.startsWith("TIMESTAMP");
}

/** True for integers, decimals and floating-point numbers. */
export function isNumber(type: string): boolean {
  return /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DECIMAL\(\d+,\d+\)|FLOAT|DOUBLE)$/.test(type);
}

/** True for types of which the values of one can be looked up among those of the other. */
export function areComparable(a: string, b: string): boolean {
  return a === b || (isNumber(a) && isNumber(b)) || (isTime(a) && isTime(b));
}

/** The id in `ref('kind.name')`, or the text itself. */
export function unwrapRef(ref: string): NodeId {
  return (/^\s*ref\(\s*(['"])(.*)\1\s*\)\s*$/.exec(ref)?.[2] ?? ref.trim()) as NodeId;
}

/**
 * The one node that a kind reads: `inputs` with one entry, where the kind takes it `source`, or both if they name the same. Null after
 * reporting that there is none, or more.
 */
export function readOneInput(
  reader: FieldReader,
  { id, inputs }: NodeCommon,
  { takesSource }: { readonly takesSource: boolean },
): NodeId | null {
  const written = takesSource ? reader.optionalText("source") : null;
  const source = written === null ? null : unwrapRef(written);
  const others = source === null ? inputs.slice(1) : inputs.filter((id) => id !== source);
  const first = source ?? inputs[0];
  if (first === undefined) {
    reader.problem(
      [],
      "missing_field",
      `${id} reads one node, and none is named`,
      "write inputs: [{ref: transform.name}]",
    );
    return null;
  }
  if (source !== null && !/^[^.\s]+\.[^.\s]+$/.test(source)) {
    reader.problem(["source"], "invalid_input", `"${source}" is not the id of a node`);
    return null;
  }
  if (others.length === 0) return first;
  reader.problem(
    ["inputs"],
    "several_inputs",
    `${id} reads one node, and here it is ${[first, ...others].join(" and ")}`,
    "join them in a transform, and read that one",
  );
  return null;
}
