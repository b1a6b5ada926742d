import { join } from "node:path";
import { removeIfExists } from "../base/atomic_write.ts";
import { UserError } from "../base/user_error.ts";
import { adoptObject } from "../cache/object_store.ts";
import type { ScriptJob } from "../model/run.ts";
import { loadJsonRows, loadParquetRows } from "./load_rows.ts";
import type { Produced, ScriptContext } from "./script_context.ts";
import { ScriptError } from "./script_error.ts";

/**
 * Runs a script and writes the rows it returns, cast to the declared columns, to a Parquet file. Throws a
 * `UserError`: `script_failed` (4) with file and line, `script_dependency` (5) where Python or a package is missing.
 */
export async function executeScript(job: ScriptJob, context: ScriptContext): Promise<Produced> {
  const folder = join(job.temporaryDir, `script-${Deno.pid}-${crypto.randomUUID()}`);
  Deno.mkdirSync(folder, { recursive: true });
  try {
    return job.language === "typescript"
      ? await typeScript(job, context, folder)
      : await python(job, context, folder);
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    const message = error.message.startsWith(`${job.file}:`)
      ? error.message
      : `${job.file}: ${error.message}`;
    throw new UserError(message, {
      code: "script_failed",
      kind: "execution",
      hint: error.hint ?? undefined,
    });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

async function typeScript(
  job: ScriptJob,
  context: ScriptContext,
  folder: string,
): Promise<Produced> {
  const lines = join(folder, "rows.jsonl");
  // With Arrow, which nodes of SQL do not wait for.
  const { runTypeScript } = await import("./typescript_script.ts");
  const { longestLine, metrics, artifact } = await runTypeScript(job, context, lines);
  const { session, temporary: to } = context;
  const rows = await loadJsonRows(session, { columns: job.columns, lines, longestLine, to });
  let artifactPath: string | null = null;
  if (artifact !== null) {
    Deno.writeFileSync(artifactPath = join(folder, "artifact"), artifact);
  }
  return produced(job, rows, { metrics, artifactPath });
}

async function python(job: ScriptJob, context: ScriptContext, folder: string): Promise<Produced> {
  const { runPython } = await import("./python_script.ts");
  const { session, temporary: to } = context;
  const { rows: written, metrics, artifactPath } = await runPython(job, context, folder);
  const rows = written.format === "json"
    ? await loadJsonRows(session, {
      columns: job.columns,
      lines: written.path,
      longestLine: written.longestLine,
      to,
    })
    : await loadParquetRows(session, { columns: job.columns, path: written.path, to });
  return produced(job, rows, { metrics, artifactPath });
}

function produced(
  { objectsDir, temporaryDir }: ScriptJob,
  rows: number,
  { metrics, artifactPath }: {
    readonly metrics: Readonly<Record<string, number>>;
    readonly artifactPath: string | null;
  },
): Produced {
  return {
    rows,
    ...(Object.keys(metrics).length === 0 ? {} : { metrics }),
    ...(artifactPath === null ? {} : { artifact: keep(artifactPath, objectsDir, temporaryDir) }),
  };
}

/** Copies the artifact: a script may go on holding the file that it gave. */
function keep(path: string, objectsDir: string, temporaryDir: string) {
  const temporary = join(temporaryDir, `${Deno.pid}-${crypto.randomUUID()}.artifact`);
  try {
    Deno.copyFileSync(path, temporary);
    const { contentHash, sizeBytes } = adoptObject(temporary, objectsDir, "artifact");
    return { contentHash, sizeBytes };
  } finally {
    removeIfExists(temporary);
  }
}
