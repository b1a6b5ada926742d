import { diffLines } from "diff";
import type { NodeId } from "../model/ids.ts";
import type { Manifest } from "../model/manifest.ts";
import { layoutSql } from "../sql/layout_sql.ts";

/** A line of an SQL diff. */
export interface SqlDiffLine {
  readonly sign: "+" | "-" | " ";
  readonly text: string;
}

/** The difference of a node's canonical SQL between two manifests, line by line, with two lines of context. */
export function sqlDiff(id: NodeId, before: Manifest, after: Manifest): SqlDiffLine[] {
  const [old, current] = [before.nodes.get(id), after.nodes.get(id)];
  if (old?.query_hash === current?.query_hash) return [];
  const lines = diffLines(text(old?.sql), text(current?.sql)).flatMap((part) => {
    const sign = part.added ? "+" : part.removed ? "-" : " ";
    return part.value.replace(/\n$/, "").split("\n").map((line) => ({ sign, text: line }) as const);
  });
  return withContext(lines, 2);
}

function text(sql: string | undefined): string {
  return sql === undefined ? "" : `${layoutSql(sql)}\n`;
}

function withContext(lines: readonly SqlDiffLine[], context: number): SqlDiffLine[] {
  const near = lines.map((_, i) =>
    lines.slice(Math.max(0, i - context), i + context + 1).some(({ sign }) => sign !== " ")
  );
  return lines.filter((_, i) => near[i]);
}
