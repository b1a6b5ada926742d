import type { ShownCheck, ShownNode } from "../../app/show_node.ts";
import type { Style } from "../terminal.ts";
import { displayWidth, fitText, formatBytes, oneLine, pad, plural } from "./format.ts";

/** Characters of the names of facts. */
const LABEL = 10;

/** Everything about a node, for people. Lines are cut at `width`, those of the SQL aside, unless it is null. */
export function nodeView(node: ShownNode, style: Style, width: number | null): string {
  const room = width ?? Infinity;
  const fact = (label: string, texts: readonly string[], paint = (text: string) => text) =>
    texts.map((text, i) =>
      pad(i === 0 ? style.bold(label) : "", LABEL) + paint(fitText(text, room - LABEL))
    );
  const about = node.description?.trim().split("\n") ?? [];
  const checks = node.checks.map((check) => checkWords(check));
  const failed = node.checks.some(({ result }) => result !== null && result.status !== "passed");
  return [
    `${style.bold(node.id)}  ${style.dim(node.file)}`,
    ...about.map((line) => `  ${fitText(line, room - 2)}`),
    "",
    ...fact("owner", node.owner === null ? [] : [node.owner]),
    ...fact("tags", node.tags.length === 0 ? [] : [node.tags.join(", ")]),
    ...fact("inputs", node.inputs),
    ...fact("readers", node.readers.length === 0 ? ["none"] : node.readers),
    ...fact(
      "output",
      [outputWords(node)],
      node.result?.status === "failed" ? style.red : undefined,
    ),
    ...fact("metrics", metricWords(node)),
    ...(node.artifact === null ? [] : [
      // A path that is cut is of no use.
      `${pad(style.bold("artifact"), LABEL)}${node.artifact.path}  ${
        formatBytes(node.artifact.size_bytes)
      }`,
    ]),
    ...fact(
      "tables",
      node.tables.map((table) =>
        `${table.type} ${table.table} (${table.mode})${
          table.written === null ? "" : ` -> ${table.written.target}`
        }`
      ),
    ),
    ...fact("checks", checks, failed ? style.yellow : undefined),
    ...(node.columns.length === 0 ? [] : ["", style.bold(`Columns (${node.columns.length})`)]),
    ...columnLines(node, style, room),
    ...(node.rows_decided_by.length === 0
      ? []
      : ["", fitText(`Rows decided by ${node.rows_decided_by.join(", ")}`, room)]),
    ...(node.untraced === null
      ? []
      : ["", style.yellow(fitText(`Its columns cannot be followed: ${node.untraced}`, room))]),
    ...fieldLines(node, style, room),
    ...(node.sql.trim() === "" ? [] : ["", style.bold(LANGUAGES[node.language])]),
    ...(node.sql.trim() === "" ? [] : node.sql.split("\n").map((line) => `  ${line}`.trimEnd())),
  ].join("\n") + "\n";
}

/** The kind's own fields, but for SQL, which is shown below, and what was left out. */
function fieldLines({ config, sql }: ShownNode, style: Style, room: number): string[] {
  const fields = Object.entries(config).filter(([, value]) =>
    value !== null && value !== "{}" && value !== "[]" && String(value).trimEnd() !== sql
  );
  if (fields.length === 0) return [];
  const names = Math.max(...fields.map(([name]) => displayWidth(name)));
  const text = (value: unknown) => typeof value === "string" ? value : JSON.stringify(value);
  return [
    "",
    style.bold("Fields"),
    ...fields.map(([name, value]) =>
      `  ${pad(name, names)}  ${
        fitText(oneLine(text(value).trim()), Math.max(8, room - names - 4))
      }`
    ),
  ];
}

function outputWords({ result, outdated, environment, commit, virtual }: ShownNode): string {
  if (virtual) return "none: it has no rows of its own";
  const place = environment ?? "prod";
  if (result === null || commit === null) return `not built in ${place}`;
  const before = outdated ? ", for what it was before" : "";
  if (result.status !== "success") {
    return `${result.status} in ${place}: ${result.error ?? "no reason was recorded"}`;
  }
  const size = `${plural(result.rows ?? 0, "row")}, ${formatBytes(result.size_bytes ?? 0)}`;
  return `${size} in ${place} at ${commit.slice(0, 7)}${before}`;
}

function metricWords({ metrics }: ShownNode): string[] {
  return Object.entries(metrics).map(([name, value]) => `${name} ${value}`);
}

/** What the text of a node is written in. */
const LANGUAGES = { sql: "SQL", typescript: "TypeScript", python: "Python" } as const;

function checkWords({ name, severity, result }: ShownCheck): string {
  const level = severity === "warn" ? " (warns)" : "";
  if (result === null) return `${name}${level}: not run yet`;
  if (result.status === "passed") return `${name}${level}: passed`;
  return `${name}${level}: ${result.status}, ${
    result.detail ?? `${result.violations} of ${plural(result.checked, "row")}`
  }`;
}

function columnLines({ columns }: ShownNode, style: Style, room: number): string[] {
  const names = Math.max(0, ...columns.map(({ name }) => displayWidth(name)));
  const types = Math.min(24, Math.max(0, ...columns.map(({ type }) => displayWidth(type))));
  const marks = columns.some(({ key }) => key) ? "key".length : 0;
  return columns.map(({ name, type, key, from, description }) => {
    const origin = from.length === 0 ? "" : `<- ${from.join(", ")}`;
    const mark = marks === 0 ? "" : pad(key ? "key" : "", marks);
    const about = [mark, (description ?? "").replace(/\s+/g, " ").trim(), origin]
      .filter(Boolean).join("  ");
    const left = Math.max(0, room - names - types - 6);
    const shown = left < 6 ? "" : fitText(about, left);
    const shortType = pad(fitText(type, types), types);
    return `  ${pad(name, names)}  ${style.dim(`${shortType}  ${shown}`)}`.trimEnd();
  });
}
