import { diffArrays } from "diff";
import type { NodeId } from "../model/ids.ts";
import type { Manifest } from "../model/manifest.ts";
import { layoutSql } from "../sql/layout_sql.ts";

/** A line of a diff. */
export interface SqlDiffLine {
  readonly sign: "+" | "-" | " ";
  readonly text: string;
}

/** The difference of a node's canonical SQL between two manifests, line by line, with two lines of context. */
export function sqlDiff(id: NodeId, before: Manifest, after: Manifest): SqlDiffLine[] {
  const [old, current] = [before.nodes.get(id), after.nodes.get(id)];
  if (old?.query_hash === current?.query_hash) return [];
  // A comma that only moved because a line came or went is no difference.
  const comparator = (a: string, b: string) => a.replace(/,$/, "") === b.replace(/,$/, "");
  const lines = diffArrays(linesOf(old?.sql), linesOf(current?.sql), { comparator })
    .flatMap(({ added, removed, value }) => {
      const sign = added ? "+" : removed ? "-" : " ";
      return value.map((text) => ({ sign, text }) as const);
    });
  return withContext(lines, 2);
}

function linesOf(sql: string | undefined): string[] {
  return sql === undefined ? [] : layoutSql(sql).split("\n");
}

/** The difference of two texts, line by line, with three lines of context. */
export function textDiff(before: string, after: string): SqlDiffLine[] {
  const lines = diffArrays(before.split("\n"), after.split("\n"))
    .flatMap(({ added, removed, value }) => {
      const sign = added ? "+" : removed ? "-" : " ";
      return value.map((text) => ({ sign, text }) as const);
    });
  return withContext(lines, 3);
}

function withContext(lines: readonly SqlDiffLine[], context: number): SqlDiffLine[] {
  const near = lines.map((_, i) =>
    lines.slice(Math.max(0, i - context), i + context + 1).some(({ sign }) => sign !== " ")
  );
  return lines.filter((_, i) => near[i]);
}
