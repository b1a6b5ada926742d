import type { Report } from "../base/field_reader.ts";
import type { NodeSpec } from "../model/node.ts";
import { resolveQuery } from "../sql/resolve_query.ts";
import type { LoadedNode, ResolvedNode, SourceData } from "./node_kind.ts";
import { resolveMade } from "./sql_node.ts";

/**
 * Settles SQL that a kind makes of fields in which an author may write `{{ name }}` and `ref('kind.name')`. What
 * is wrong with it is said to be in `field`; null after reporting it.
 */
export function resolveMadeFrom<S extends NodeSpec>(
  node: LoadedNode<S>,
  sql: string,
  field: string,
  { data, report }: { readonly data: SourceData; readonly report: Report },
): ResolvedNode<S> | null {
  const { spec, locator } = node;
  const query = resolveQuery(sql, { inputs: spec.inputs, params: {}, variables: data.variables });
  for (const { code, message, hint } of query.problems) {
    const text = `${spec.id}: ${message}`;
    report({ severity: "error", code, message: text, ...locator.locate([field]), hint });
  }
  return query.problems.length > 0 ? null : resolveMade(node, query.sql, field);
}
