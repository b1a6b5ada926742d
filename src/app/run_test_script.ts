import { join } from "node:path";
import { quoteNodeId, quoteText, readParquet } from "../engine/quote.ts";
import { openSession } from "../engine/registry.ts";
import type { Session } from "../engine/session.ts";
import { JobExecutor } from "../exec/execute_job.ts";
import type { ContentHash, NodeId } from "../model/ids.ts";
import type { ManifestNode } from "../model/manifest.ts";
import type { UnitTest } from "../model/test.ts";
import { kindOf } from "../nodes/registry.ts";
import type { UnitTestContext } from "./test_context.ts";
import { cellText, testProblem } from "./test_tables.ts";

/**
 * Runs the script of a node over given rows, the way a run does, in a folder of its own. Returns a relation with what
 * came out. Throws a `UserError` `test_invalid`.
 */
export async function runTestScript(
  test: UnitTest,
  node: ManifestNode,
  session: Session,
  { loaded, data, temporaryDir }: UnitTestContext,
): Promise<string> {
  const folder = join(temporaryDir, `test-${Deno.pid}-${crypto.randomUUID()}`);
  Deno.mkdirSync(folder, { recursive: true });
  try {
    const files = new Map<NodeId, string>();
    await using writer = await openSession({ threads: 1, allowedDirs: [folder] });
    for (const [i, id] of node.inputs.entries()) {
      files.set(id, join(folder, `input${i}.parquet`));
      await copyTable(session, writer, id, files.get(id)!);
    }
    const { spec } = loaded.resolved.get(node.id)!.node;
    const params = { ...(spec as { params?: object }).params, ...test.params };
    const job = kindOf(spec).job(node, { ...spec, params } as typeof spec, "", {
      data,
      objectsDir: folder,
      temporaryDir: folder,
      timeoutMs: null,
      objectPath: (hash) => hash,
      output: (id) => files.get(id)! as ContentHash,
      outside: () => {
        throw testProblem(`${node.id} reads a table outside`);
      },
      sqlFor: () => "",
      extras: () => ({ artifact: null, metrics: {} }),
    });
    await using executor = new JobExecutor({ threads: 1, memoryLimitBytes: 512 * 2 ** 20 });
    const result = await executor.execute(job);
    if (result.status === "failed") throw testProblem(result.error.message);
    const path = join(folder, `${result.output.contentHash}.parquet`);
    await copyOutput(writer, session, path, node);
    return `"script_output"`;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** The test's own session has no access to any file: rows cross as texts. */
async function copyTable(from: Session, to: Session, id: NodeId, path: string): Promise<void> {
  const { columns, rows } = await from.read(`SELECT COLUMNS(*)::VARCHAR FROM ${quoteNodeId(id)}`);
  const { columns: typed } = await from.read(`FROM ${quoteNodeId(id)} LIMIT 0`);
  await insertTexts(to, "copied", typed, columns.length === 0 ? [] : rows);
  await to.run(`COPY "copied" TO ${quoteText(path)} (FORMAT parquet);\nDROP TABLE "copied"`);
}

async function copyOutput(
  from: Session,
  to: Session,
  path: string,
  { shape }: ManifestNode,
): Promise<void> {
  const { rows } = await from.read(`SELECT COLUMNS(*)::VARCHAR FROM ${readParquet(path)}`);
  await insertTexts(to, "script_output", shape.columns, rows);
}

async function insertTexts(
  session: Session,
  table: string,
  columns: readonly { readonly name: string; readonly type: string }[],
  rows: readonly (readonly unknown[])[],
): Promise<void> {
  const list = columns.map(({ name, type }) => `"${name.replaceAll('"', '""')}" ${type}`);
  await session.run(`CREATE TEMP TABLE "${table}" (${list.join(", ")})`);
  if (rows.length === 0) return;
  const values = rows.map((row) =>
    `(${
      row.map((cell, i) => {
        const text = cellText(cell);
        return text === null ? "NULL" : `CAST(${quoteText(text)} AS ${columns[i]!.type})`;
      }).join(", ")
    })`
  );
  await session.run(`INSERT INTO "${table}" VALUES ${values.join(",\n")}`);
}
