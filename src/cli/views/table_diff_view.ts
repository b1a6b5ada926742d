import type { Comparison } from "../../app/compare_outputs.ts";
import type { NodeComparison, TableDiff } from "../../app/table_diff.ts";
import type { Cell, Table } from "../../engine/session.ts";
import type { Style } from "../terminal.ts";
import { displayWidth, formatCount, pad, plural } from "./format.ts";
import { isNumeric, jsonCell, shortCell } from "./table_view.ts";

/** What the person asked for, where the answer depends on it. */
export interface TableDiffViewOptions {
  readonly select: readonly string[];
  /** One node was named; otherwise every node that differs is shown. */
  readonly isOne: boolean;
  readonly samples: boolean;
}

/** A table-diff as a tree for people. */
export function tableDiffView(
  diff: TableDiff,
  { select, isOne, samples }: TableDiffViewOptions,
  style: Style,
): string {
  const blocks = diff.nodes.map((node) => nodeLines(node, { samples }, style).join("\n"));
  if (isOne) return `${blocks.join("\n\n")}\n`;
  return [...blocks, summaryLines(diff, select, style).join("\n")].join("\n\n") + "\n";
}

/** What to know about keys and left-out nodes; one text each. */
export function tableDiffWarnings(
  { nodes, skipped }: TableDiff,
  options: { readonly checkKeys: boolean },
): string[] {
  return [
    ...nodes.flatMap((comparison) => keyWarnings(comparison, options)),
    ...skipped.map(({ node, reason }) => `${node} is left out: ${reason}`),
  ];
}

function keyWarnings(
  { node, on, key_faults, source, target }: NodeComparison,
  { checkKeys }: { readonly checkKeys: boolean },
): string[] {
  if (key_faults === null) return [];
  const faults = (["source", "target"] as const).flatMap((side) => {
    const { duplicates, nulls } = key_faults[side];
    const name = side === "source" ? source.name : target.name;
    return [
      ...(checkKeys && duplicates > 0
        ? [`${plural(duplicates, "row")} of ${name} repeat${duplicates === 1 ? "s" : ""} a key`]
        : []),
      ...(nulls > 0
        ? [
          `${on.length === 1 ? "the key" : "a part of it"} is NULL in ${
            plural(nulls, "row")
          } of ${name}`,
        ]
        : []),
    ];
  });
  if (faults.length === 0) return [];
  return [
    `Grain should be unique and not-null for accurate results, but (${on.join(", ")}) of ${node} ` +
    `is not: ${faults.join("; ")}. Rows of one key are paired in order; no row counts twice`,
  ];
}

/** A table-diff as JSON; one node is an object of its own, several are under `nodes`. */
export function tableDiffJson(diff: TableDiff, { isOne }: { readonly isOne: boolean }): unknown {
  if (isOne) return { format_version: 1, ...nodeJson(diff.nodes[0]!) };
  const { source, target, nodes, same, skipped } = diff;
  return { format_version: 1, source, target, nodes: nodes.map(nodeJson), same, skipped };
}

function nodeJson(comparison: NodeComparison): object {
  const { source, target, node, identical, mode, on, schema, totals, rows } = comparison;
  const perColumn = <T>(value: (column: Comparison["columns"][number]) => T) =>
    Object.fromEntries(comparison.columns.map((column) => [column.name, value(column)]));
  const { partial, source_only, target_only } = comparison.samples;
  const objects = ({ columns, rows }: Table) => rows.map((row) => rowObject(columns, row));
  return {
    source,
    target,
    node,
    identical,
    mode,
    on,
    schema,
    totals,
    rows,
    columns: perColumn(({ pct_match }) => pct_match),
    differing: perColumn(({ differing }) => differing),
    key_faults: comparison.key_faults,
    samples: {
      partial: partial.rows.map((row) => ({
        key: rowObject(partial.key, row.key),
        source: rowObject(partial.columns, row.source),
        target: rowObject(partial.columns, row.target),
        differs: partial.columns.flatMap(({ name }, i) => row.differs[i] ? [name] : []),
      })),
      source_only: objects(source_only),
      target_only: objects(target_only),
    },
  };
}

function rowObject(columns: Table["columns"], row: readonly Cell[]): object {
  return Object.fromEntries(columns.map(({ name, type }, i) => [name, jsonCell(row[i], type)]));
}

/** How the two sides are called where room is short: `PROD`, `DEV`, or the nodes of one environment. */
export function sideLabels({ source, target }: NodeComparison): { source: string; target: string } {
  const label = (side: NodeComparison["source"]) => {
    const { name, node } = side;
    const shown = name === "."
      ? "FILES"
      : /^[0-9a-f]{7,40}$/.test(name)
      ? name.slice(0, 7)
      : name.toUpperCase();
    return source.node === target.node ? shown : `${shown}.${node}`;
  };
  return { source: label(source), target: label(target) };
}

/** What a comparison is called: the two states and the node. */
export function comparisonTitle(comparison: NodeComparison): string {
  const { source, target } = comparison;
  const labels = sideLabels(comparison);
  return source.node === target.node
    ? `'${labels.source}' and '${labels.target}' for node '${comparison.node}'`
    : `'${labels.source}' and '${labels.target}'`;
}

/** Which key to try, when rows were compared as a whole. */
export function keyHint({ columns }: Comparison): string {
  const likely = columns.find(({ name }) => /(^|_)id$/i.test(name))?.name ?? "COLUMN";
  return `Give --on ${likely} to join rows by a key and see which columns differ.`;
}

/** One node of a table-diff as lines. */
export function nodeLines(
  comparison: NodeComparison,
  { samples }: { readonly samples: boolean },
  style: Style,
): string[] {
  const lines = [
    style.bold(`Schema Diff Between ${comparisonTitle(comparison)}:`),
    ...schemaLines(comparison, style),
  ];
  const { source, target } = comparison.totals;
  if (source + target === 0) {
    return [...lines, "", "Neither the source nor the target table contained any records"];
  }
  lines.push("", style.bold(rowsTitle(comparison)), ...rowLines(comparison, style));
  if (comparison.mode === "bag") lines.push(style.dim(keyHint(comparison)));
  if (comparison.columns.some(({ pct_match }) => pct_match !== null)) {
    lines.push("", style.bold(columnsTitle(comparison)), ...columnLines(comparison, style));
  }
  if (samples) lines.push(...sampleLines(comparison, style));
  return lines;
}

function schemaLines({ schema }: Comparison, style: Style): string[] {
  const groups = [
    {
      title: "Added Columns:",
      columns: schema.added.map(({ name, type }) => style.green(`${name} (${type})`)),
    },
    {
      title: "Removed Columns:",
      columns: schema.removed.map(({ name, type }) => style.red(`${name} (${type})`)),
    },
    {
      title: "Modified Columns:",
      columns: schema.modified.map(({ name, source_type, target_type }) =>
        style.yellow(`${name} (${source_type} -> ${target_type})`) +
        style.dim(", values not compared")
      ),
    },
  ].filter(({ columns }) => columns.length > 0);
  if (groups.length === 0) return ["└── Schemas match"];
  return groups.flatMap(({ title, columns }, i) => {
    const isLast = i === groups.length - 1;
    return [
      `${branch(isLast)} ${title}`,
      ...columns.map((column, j) =>
        `${isLast ? " " : "│"}   ${branch(j === columns.length - 1)} ${column}`
      ),
    ];
  });
}

function branch(isLast: boolean): string {
  return isLast ? "└──" : "├──";
}

function wordOf({ name }: TableDiff["source"]): string {
  return name === "." ? "the files" : name;
}

/** The heading over the numbers of rows. */
export function rowsTitle({ mode, on, identical, schema }: NodeComparison): string {
  const how = mode === "key"
    ? `joined on ${on.join(", ")}`
    : "no key: whole rows, duplicates counted";
  const other = schema.modified.map(({ name }) => name);
  const notes = [
    how,
    ...(identical ? ["both are the same output"] : []),
    ...(other.length > 0 ? [`without ${other.join(", ")}, of another type`] : []),
  ];
  return `Row Counts (${notes.join("; ")}):`;
}

/** Kinds of rows that there are, with what they are called. */
export function rowKinds(
  comparison: NodeComparison,
): { kind: keyof Comparison["rows"]; label: string; count: number; pct: number }[] {
  const { source, target } = sideLabels(comparison);
  const labels = {
    full: "FULL MATCH",
    partial: "PARTIAL MATCH",
    source_only: `${source} ONLY`,
    target_only: `${target} ONLY`,
  };
  return (["full", "partial", "source_only", "target_only"] as const)
    .map((kind) => ({ kind, label: labels[kind], ...comparison.rows[kind] }))
    .filter(({ count }) => count > 0);
}

function rowLines(comparison: NodeComparison, style: Style): string[] {
  const paints = {
    full: style.green,
    partial: style.yellow,
    source_only: style.red,
    target_only: style.cyan,
  };
  const kinds = rowKinds(comparison).map((row) => ({
    ...row,
    label: `${row.label}:`,
    rows: formatCount(row.count),
    share: `(${row.pct.toFixed(2)}%)`,
  }));
  const width = (texts: readonly string[]) => Math.max(...texts.map(displayWidth));
  const labels = width(kinds.map(({ label }) => label));
  const counts = width(kinds.map(({ rows }) => rows));
  const shares = width(kinds.map(({ share }) => share));
  return kinds.map(({ kind, label, count, rows, share }, i) =>
    `${branch(i === kinds.length - 1)} ${paints[kind](pad(label, labels))} ` +
    `${rows.padStart(counts)} ${count === 1 ? "row " : "rows"} ${share.padStart(shares)}`
  );
}

/** The heading over the numbers of columns. */
export function columnsTitle({ mode }: Comparison): string {
  return mode === "key"
    ? "COMMON ROWS column comparison stats:"
    : "Column comparison stats (values on both sides, in any row):";
}

function columnLines({ columns }: Comparison, style: Style): string[] {
  const head = ["", "pct_match", "differ"];
  const rows = columns.map(({ name, pct_match, differing }) => [
    name,
    pct_match === null ? "" : pct_match.toFixed(2),
    formatCount(differing),
  ]);
  const widths = head.map((title, i) =>
    Math.max(...[head, ...rows].map((row) => displayWidth(row[i]!)), title.length)
  );
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => i === 0 ? pad(cell, widths[i]!) : cell.padStart(widths[i]!)).join("  ");
  return [
    style.dim(line(head)),
    ...rows.map((row, i) => columns[i]!.differing > 0 ? style.yellow(line(row)) : line(row)),
  ];
}

function sampleLines(comparison: NodeComparison, style: Style): string[] {
  const { partial, source_only, target_only } = comparison.samples;
  const { source, target } = sideLabels(comparison);
  const lines: string[] = [];
  if (partial.rows.length > 0) lines.push("", style.bold("COMMON ROWS sample data differences:"));
  for (const [i, { name, type }] of partial.columns.entries()) {
    const rows = partial.rows.filter(({ differs }) => differs[i]);
    if (rows.length === 0) continue;
    lines.push(
      `Column: ${style.bold(name)}`,
      ...grid(
        [...partial.key, { name: source, type }, { name: target, type }],
        rows.map((row) => [...row.key, row.source[i], row.target[i]]),
        style,
      ),
    );
  }
  for (const [label, table] of [[source, source_only], [target, target_only]] as const) {
    if (table.rows.length === 0) continue;
    lines.push(
      "",
      style.bold(`${label} ONLY sample rows:`),
      ...grid(table.columns, table.rows, style),
    );
  }
  return lines;
}

function grid(columns: Table["columns"], rows: Table["rows"], style: Style): string[] {
  const cells = rows.map((row) => row.map(shortCell));
  const widths = columns.map(({ name }, i) =>
    Math.max(displayWidth(name), ...cells.map((row) => displayWidth(row[i]!)))
  );
  const set = (cell: string, i: number) =>
    isNumeric(columns[i]!.type)
      ? " ".repeat(widths[i]! - displayWidth(cell)) + cell
      : pad(cell, widths[i]!);
  const line = (row: readonly string[], separator: string) =>
    `  ${row.map(set).join(separator)}`.trimEnd();
  return [
    style.dim(line(columns.map(({ name }) => name), " │ ")),
    ...cells.map((row) => line(row, style.dim(" │ "))),
  ];
}

/** What became of the selected nodes, in a line or two. */
export function summaryWords(diff: TableDiff, select: readonly string[]): string[] {
  const { nodes, same, source, target } = diff;
  const equal = nodes.filter(isEqual).length;
  const left = same.length === 0
    ? []
    : [`Skipped ${plural(same.length, "node")} with the same output: ${listed(same)}`];
  if (nodes.length === 0) {
    const criteria = select.length === 0
      ? `all nodes of ${source.name} and ${target.name}`
      : select.join(", ");
    return [`No nodes contain differences with the selection criteria: ${criteria}`, ...left];
  }
  return [
    `Compared ${plural(nodes.length, "node")} of ${wordOf(source)} and ${wordOf(target)}: ` +
    `${formatCount(nodes.length - equal)} differ${nodes.length - equal === 1 ? "s" : ""}` +
    (equal === 0 ? "" : `, ${formatCount(equal)} with the same rows`),
    ...left,
  ];
}

/** True when two outputs have the same columns and the same rows. */
export function isEqual({ schema, rows }: Comparison): boolean {
  return schema.added.length + schema.removed.length + schema.modified.length === 0 &&
    rows.partial.count + rows.source_only.count + rows.target_only.count === 0;
}

const LISTED = 8;

function listed(ids: readonly string[]): string {
  const more = ids.length - LISTED;
  return ids.slice(0, LISTED).join(", ") + (more > 0 ? ` and ${formatCount(more)} more` : "");
}

function summaryLines(diff: TableDiff, select: readonly string[], style: Style): string[] {
  const [first, ...rest] = summaryWords(diff, select);
  return [style.bold(first!), ...rest.map(style.dim)];
}
