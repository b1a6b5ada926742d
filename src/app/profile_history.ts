import { readParquet } from "../engine/quote.ts";
import { openSession } from "../engine/registry.ts";
import type { ContentHash, EnvName, NodeId } from "../model/ids.ts";
import type { ManifestNode } from "../model/manifest.ts";
import { positions } from "../state/revisions.ts";
import type { Workspace } from "./workspace.ts";

/** A number of a profile over time. */
export interface ProfileSeries {
  readonly node: NodeId;
  /** Column that is profiled; `_table_` for the table as a whole. */
  readonly column: string;
  readonly metric: string;
  /** Oldest first. */
  readonly points: readonly { readonly at: string; readonly value: number }[];
}

/** States of an environment that are looked back at. */
const MOST_STATES = 30;
/** What is shown of a profile over time. */
const METRICS = ["row_count", "null_percent"];

/** Rows and empty values as profiles of an environment counted them, from the outputs that are kept still. */
export async function profileHistory(
  { state, cache }: Workspace,
  env: EnvName,
): Promise<ProfileSeries[]> {
  const outputs = new Map<ContentHash, { node: NodeId; at: string; size: number }>();
  let count = 0;
  for await (const { id, date } of positions(state, env)) {
    if (count++ >= MOST_STATES) break;
    const { manifest, results } = await state.snapshot(id);
    for (const record of results.values()) {
      const node = manifest.nodes.get(record.id);
      if (node === undefined || record.content_hash === null || !isProfile(node)) continue;
      // The oldest state that has an output says when it came to be.
      const at = date.toISOString();
      outputs.set(record.content_hash, { node: record.id, at, size: record.size_bytes! });
    }
  }
  const kept = [...outputs].filter(([hash, { size }]) => cache.has(hash, size)).reverse();
  if (kept.length === 0) return [];
  const series = new Map<string, { node: NodeId; points: { at: string; value: number }[] }>();
  await using session = await openSession({ threads: 1, allowedDirs: [cache.objectsDir] });
  for (const [hash, { node, at }] of kept) {
    const { rows } = await session.read(
      `SELECT column_name, metric, TRY_CAST(value AS DOUBLE) FROM ${
        readParquet(cache.objectPath(hash))
      } WHERE metric IN (${METRICS.map((metric) => `'${metric}'`).join(", ")}) ORDER BY ALL`,
    );
    for (const [column, metric, value] of rows) {
      if (value === null) continue;
      const key = JSON.stringify([node, column, metric]);
      const own = series.get(key) ?? { node, points: [] };
      own.points.push({ at, value: Number(value) });
      series.set(key, own);
    }
  }
  return [...series].map(([key, { node, points }]) => {
    const [, column, metric] = JSON.parse(key) as [string, string, string];
    return { node, column, metric, points: points.sort((a, b) => (a.at < b.at ? -1 : 1)) };
  });
}

/** A profile is a table with a row for each number: whatever made it. */
function isProfile({ shape }: ManifestNode): boolean {
  const names = new Set(shape.columns.map(({ name }) => name));
  return ["column_name", "metric", "value"].every((name) => names.has(name));
}
