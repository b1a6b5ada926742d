import { quoteName, quoteNodeId, quoteText } from "../../engine/quote.ts";
import { openSession } from "../../engine/registry.ts";
import { SqlError, type Table } from "../../engine/session.ts";
import { UserError } from "../../base/user_error.ts";
import { type NodeId, splitNodeId } from "../../model/ids.ts";
import { withoutSemicolon } from "../../sql/tokens.ts";
import type { LoadedManifest } from "../load_manifest.ts";
import type { DraftColumn } from "./column_roles.ts";

/** Made-up rows of a node's inputs, and what its query makes of them. */
export interface SampleTest {
  readonly given: readonly { readonly id: NodeId; readonly table: Table }[];
  readonly expected: Table;
}

/** Rows that a test expects at most. */
const MOST_ROWS = 20;

/**
 * One made-up row for each input of a node, and the rows that its query returns for them. Nothing is read but the query.
 * Throws `unsuitable_input` (3) where the query fails on such rows.
 */
export async function sampleTest(
  { manifest, resolved }: LoadedManifest,
  id: NodeId,
): Promise<SampleTest> {
  const { sql } = resolved.get(id)!;
  const inputs = [...new Set(manifest.nodes.get(id)!.inputs)];
  await using session = await openSession({ threads: 1, allowedDirs: [] });
  try {
    const given: { id: NodeId; table: Table }[] = [];
    for (const input of inputs) {
      const { columns } = manifest.nodes.get(input)!.shape;
      const list = columns.map((column) => `${valueOf(column, sql)} AS ${quoteName(column.name)}`);
      await session.run(`CREATE SCHEMA IF NOT EXISTS ${quoteName(splitNodeId(input).kind)}`);
      await session.run(`CREATE TABLE ${quoteNodeId(input)} AS SELECT ${list.join(", ")}`);
      given.push({ id: input, table: await session.read(`FROM ${quoteNodeId(input)}`) });
    }
    const expected = await session.read(
      `FROM (\n${withoutSemicolon(sql)}\n) ORDER BY ALL LIMIT ${MOST_ROWS}`,
    );
    return { given, expected };
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    throw new UserError(`Cannot make up rows for a test of ${id}: ${error.message}`, {
      code: "unsuitable_input",
      kind: "validation",
      hint: `write one from real rows:\n    seeknal test --create ${id}`,
    });
  }
}

/** A value of a type; a text is one that the query looks for, if it looks for one. */
function valueOf({ name, type }: DraftColumn, sql: string): string {
  const plain = name.replace(/[^\w]/g, "\\$&");
  const literal = new RegExp(`\\b${plain}"?\\s*=\\s*'([^']*)'`, "i").exec(sql)?.[1];
  const text = type === "VARCHAR"
    ? quoteText(literal ?? "a")
    : /^(DATE|TIMESTAMP)/.test(type)
    ? "'2026-01-05'"
    : type === "BOOLEAN"
    ? "true"
    : /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL)(?!.*\[)/.test(type)
    ? "1"
    : "NULL";
  return `CAST(${text} AS ${type})`;
}
