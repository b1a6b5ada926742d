import { withArticle } from "../base/article.ts";
import { quoteName, quoteNodeId, quoteText } from "../engine/quote.ts";
import type { Table } from "../engine/session.ts";
import { UserError } from "../base/user_error.ts";
import { type EnvName, PROD } from "../model/ids.ts";
import type { ManifestNode } from "../model/manifest.ts";
import type { NodeRecord } from "../model/snapshot.ts";
import { findNode } from "./find_node.ts";
import { OutputSession } from "./query_outputs.ts";
import type { Workspace } from "./workspace.ts";

/** A node's output, looked at. */
export interface InspectedNode {
  readonly env: EnvName;
  readonly commit: string;
  readonly node: ManifestNode;
  readonly record: NodeRecord;
  /** The first rows; null where they were not asked for. */
  readonly rows: Table | null;
  /** For each column how many values there are, and of what range; null where it was not asked for. */
  readonly stats: Table | null;
}

/** What to look at. */
export interface InspectRequest {
  readonly env: EnvName;
  /** As typed. */
  readonly node: string;
  /** Rows; null for none. */
  readonly limit: number | null;
  readonly stats: boolean;
}

/** Looks at the output of a node. Throws `unknown_environment`, `unknown_node` (2), `not_built` (4). */
export async function inspectNode(
  workspace: Workspace,
  { env, node: typed, limit, stats }: InspectRequest,
): Promise<InspectedNode> {
  await using session = await OutputSession.open(workspace, env);
  const { manifest, results } = session.snapshot;
  const node = findNode(manifest, typed.replaceAll('"', ""), env);
  const record = results.get(node.id);
  if (record?.status !== "success") throw notBuilt(node, record, env);
  const name = quoteNodeId(node.id);
  return {
    env,
    commit: session.commit,
    node,
    record,
    rows: limit === null ? null : await session.read(`FROM ${name} LIMIT ${limit}`, null),
    stats: stats ? await session.read(statsSql(name, node.shape.columns), null) : null,
  };
}

function notBuilt(node: ManifestNode, record: NodeRecord | undefined, env: EnvName): UserError {
  if (node.virtual === true) {
    return new UserError(`${node.id} has no rows of its own: it is ${withArticle(node.kind)}`, {
      code: "not_built",
      kind: "validation",
      hint: `look at what it is with:\n    seeknal show ${node.id}`,
    });
  }
  const command = `seeknal run${env === PROD ? "" : ` --env ${env}`}`;
  const why = record === undefined ? "is not built" : `${record.status} in the last run`;
  return new UserError(`${node.id} has no output in "${env}": it ${why}`, {
    code: "not_built",
    kind: "execution",
    hint: `build it with:\n    ${command}`,
  });
}

/** A SELECT a column: SUMMARIZE only guesses how many values there are. */
function statsSql(name: string, columns: ManifestNode["shape"]["columns"]): string {
  return columns.map(({ name: column, type }) => {
    const value = quoteName(column);
    const isNumber = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL(\(.*\))?)$/.test(
      type,
    );
    const mean = isNumber ? `round(avg(${value})::DOUBLE, 3)` : "NULL::DOUBLE";
    return `SELECT ${quoteText(column)} AS "column", ${quoteText(type)} AS "type",
      count(*) - count(${value}) AS "nulls", count(DISTINCT ${value}) AS "distinct",
      min(${value})::VARCHAR AS "min", max(${value})::VARCHAR AS "max", ${mean} AS "mean" FROM ${name}`;
  }).join(" UNION ALL ");
}
