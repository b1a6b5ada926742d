import { withArticle } from "../base/article.ts";
import { didYouMean } from "../base/closest.ts";
import type { Location } from "../base/diagnostic.ts";
import type { Report } from "../base/field_reader.ts";
import { findGraphProblems } from "../dag/graph.ts";
import { incrementalOf, type NodeSpec } from "../model/node.ts";
import type { LoadedNode } from "../nodes/node_kind.ts";
import { findNodeKind, kindOf } from "../nodes/registry.ts";
import { columnDiagnostics } from "../nodes/source_contract.ts";
import { placeOfRef } from "../sql/resolve_query.ts";
import type { OutputColumn } from "../shape/query_shape.ts";

/** A node with the columns that it returns. */
export interface NodeWithColumns {
  readonly node: LoadedNode;
  readonly columns: readonly OutputColumn[];
}

/** Reports inputs that do not exist and nodes that wait for each other. */
export function checkGraph(
  nodes: readonly LoadedNode[],
  broken: ReadonlySet<string>,
  report: Report,
): void {
  const byId = new Map(nodes.map((node) => [node.spec.id, node]));
  for (const problem of findGraphProblems(nodes.map(({ spec }) => spec))) {
    if (problem.type === "cycle") {
      const node = byId.get(problem.path[0]!)!;
      report({
        severity: "error",
        code: "cycle",
        message: `Nodes wait for each other: ${problem.path.join(" -> ")}`,
        ...node.locator.locate(["inputs"]),
        hint: "remove one of these inputs",
      });
      continue;
    }
    // A node whose own file is broken is reported there, not again by each of its readers.
    if (broken.has(problem.input.slice(problem.input.indexOf(".") + 1))) continue;
    const { spec, locator } = byId.get(problem.node)!;
    const { suggestion } = problem;
    report({
      severity: "error",
      code: "missing_input",
      message: `${problem.node} reads ${problem.input}, which does not exist`,
      ...placeOfInput({ spec, locator }, problem.index),
      hint: suggestion === null
        ? `add a node with kind and name for ${problem.input}`
        : `did you mean "${suggestion}"?`,
    });
  }
}

/** Reports inputs without rows, unless the kind knows what to do with them. */
export function checkInputs(nodes: readonly LoadedNode[], report: Report): void {
  const specs = new Map(nodes.map(({ spec }) => [spec.id, spec]));
  for (const { spec, locator } of nodes) {
    const allowed = kindOf(spec).readsVirtual ?? [];
    spec.inputs.forEach((id, i) => {
      const input = specs.get(id);
      if (input === undefined || kindOf(input).hasRows || allowed.includes(input.kind)) return;
      report({
        severity: "error",
        code: "input_without_rows",
        message: `${spec.id} reads ${id}, and ${withArticle(input.kind)} has no rows`,
        ...locator.locate(inputPath(spec, i)),
        hint: "read the nodes that it is made of",
      });
    });
  }
}

/** Where an input is written: in the field, or in the SQL that names it. */
function placeOfInput(
  { spec, locator }: Pick<LoadedNode, "spec" | "locator">,
  index: number,
): Location {
  const place = locator.locate(inputPath(spec, index));
  const whole = locator.locate([]);
  const field = kindOf(spec).sqlField;
  if (field === null || place.line !== whole.line || place.column !== whole.column) return place;
  const sql = Object.entries(spec).find(([key]) => key === field)?.[1] as unknown;
  const found = typeof sql === "string" ? placeOfRef(sql, spec.inputs[index]!) : null;
  return found === null ? place : locator.locateInText([field], found.line, found.column);
}

/** Where a node names the input of that number. */
function inputPath(spec: NodeSpec, index: number): readonly (string | number)[] {
  return kindOf(spec).inputPath?.(spec, spec.inputs[index]!) ?? ["inputs", index];
}

/** Asks each kind for what it alone knows about its nodes and what they return. */
export function checkKinds(described: readonly NodeWithColumns[], report: Report): void {
  const byKind = Map.groupBy(described, ({ node }) => node.spec.kind);
  for (const [kind, nodes] of byKind) findNodeKind(kind)?.check?.(nodes, report);
}

/** Reports columns that a node's grain, contract or way of building names and that it does not return. */
export function checkColumns(described: readonly NodeWithColumns[], report: Report): void {
  for (const one of described) {
    const { node: { spec, locator }, columns } = one;
    for (const diagnostic of columnDiagnostics(spec, columns, locator)) report(diagnostic);
    for (const column of spec.grain) {
      checkColumn(
        one,
        column,
        { code: "grain_column_missing", what: "grain", path: ["grain"] },
        report,
      );
    }
    checkIncremental(one, report);
  }
}

function checkColumn(
  { node: { spec, locator }, columns }: NodeWithColumns,
  column: string,
  { code, what, path }: { code: string; what: string; path: readonly string[] },
  report: Report,
): void {
  if (columns.some(({ name }) => name.toLowerCase() === column.toLowerCase())) return;
  const names = columns.map(({ name }) => name);
  report({
    severity: "error",
    code,
    message: `${spec.id}: there is no column "${column}" for its ${what}`,
    ...locator.locate(path),
    hint: didYouMean(column, names) ?? `there is: ${names.slice(0, 10).join(", ")}`,
  });
}

/** Columns that an incremental node is built by are there, and one that says when is a time. */
function checkIncremental(one: NodeWithColumns, report: Report): void {
  const { node: { spec, locator }, columns } = one;
  const incremental = incrementalOf(spec);
  if (incremental === null) return;
  const { mode, time_column: time } = incremental;
  for (const key of mode === "incremental_by_key" ? incremental.unique_key : []) {
    const where = { code: "key_column_missing", what: "unique_key", path: [mode, "unique_key"] };
    checkColumn(one, key, where, report);
  }
  if (time === null) return;
  const path = [mode, "time_column"];
  checkColumn(one, time, { code: "time_column_missing", what: "time_column", path }, report);
  const type = columns.find(({ name }) => name.toLowerCase() === time.toLowerCase())?.type;
  if (mode === "incremental_by_key" || type === undefined || /^(DATE|TIMESTAMP)/.test(type)) return;
  report({
    severity: "error",
    code: "time_column_type",
    message: `${spec.id}: column "${time}" is ${type}, and intervals need a DATE or a TIMESTAMP`,
    ...locator.locate(path),
    hint: `cast it in the query: CAST(… AS TIMESTAMP) AS ${time}`,
  });
}
