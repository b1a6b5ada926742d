import { diffArrays } from "diff";
import type { NodeId } from "../model/ids.ts";
import type { Manifest, ManifestNode } from "../model/manifest.ts";
import { findNodeKind } from "../nodes/registry.ts";
import { layoutFields } from "./layout_fields.ts";
import { layoutSql } from "../sql/layout_sql.ts";

/** A line of a diff. */
export interface SqlDiffLine {
  readonly sign: "+" | "-" | " ";
  readonly text: string;
}

/**
 * The difference of a node's canonical SQL between two manifests, line by line, with two lines of context. Of SQL that
 * its kind makes nobody wrote a line: it is then the difference of the node's fields.
 */
export function sqlDiff(id: NodeId, before: Manifest, after: Manifest): SqlDiffLine[] {
  const [old, current] = [before.nodes.get(id), after.nodes.get(id)];
  if (old?.query_hash === current?.query_hash) return [];
  // A comma that only moved because a line came or went is no difference.
  const comparator = (a: string, b: string) => a.replace(/,$/, "") === b.replace(/,$/, "");
  const lines = diffArrays(linesOf(old), linesOf(current), { comparator })
    .flatMap(({ added, removed, value }) => {
      const sign = added ? "+" : removed ? "-" : " ";
      return value.map((text) => ({ sign, text }) as const);
    });
  return withContext(lines, 2);
}

function linesOf(node: ManifestNode | undefined): string[] {
  if (node === undefined) return [];
  return findNodeKind(node.kind)?.makesSql === true
    ? layoutFields(node.config)
    : nodeText(node).split("\n");
}

/** What a node runs, laid out for reading. Code in another language stays as its author laid it out. */
export function nodeText({ sql, config }: Pick<ManifestNode, "sql" | "config">): string {
  return config["language"] === undefined ? layoutSql(sql) : sql.trimEnd();
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
