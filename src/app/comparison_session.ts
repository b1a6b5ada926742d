import { join } from "node:path";
import { statIfExists } from "../base/atomic_write.ts";
import { UserError } from "../base/user_error.ts";
import { quoteName } from "../engine/quote.ts";
import { openSession } from "../engine/registry.ts";
import { type Session, SqlError } from "../engine/session.ts";
import type { Workspace } from "./workspace.ts";

/** The schema that a comparison works in. */
export const TEMP_SCHEMA = "seeknal_temp";

/** Part of the machine's memory that a comparison may use; it spills the rest to disk. */
const MEMORY_SHARE = 0.5;

/**
 * Does work in a session that sees nothing but the outputs in the cache. It may
 * spill below `target/cache/tmp`, leaves nothing there, and stops on Ctrl-C.
 */
export async function withComparisonSession<T>(
  { cache, host }: Workspace,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const spill = join(cache.temporaryDir, `spill-${Deno.pid}-${crypto.randomUUID()}`);
  const session = await openSession({
    threads: host.cpuCount,
    memoryLimitBytes: Math.floor(host.memoryBytes * MEMORY_SHARE),
    temporaryDir: spill,
    allowedDirs: [cache.objectsDir],
  });
  const { signal } = host;
  const stop = () => session.interrupt();
  signal.addEventListener("abort", stop);
  try {
    // The engine forgets an interruption that finds it idle.
    checkRunning(host);
    const result = await work(session);
    checkRunning(host);
    return result;
  } catch (error) {
    checkRunning(host, error);
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    await session[Symbol.asyncDispose]();
    if (statIfExists(spill) !== null) Deno.removeSync(spill, { recursive: true });
  }
}

/** Throws `interrupted` (130) once the person has asked to stop. */
export function checkRunning({ signal }: Workspace["host"], cause?: unknown): void {
  if (!signal.aborted) return;
  throw new UserError("The comparison was stopped", {
    code: "interrupted",
    kind: "interrupted",
    cause,
  });
}

/** Does work in a schema of its own, which is gone afterwards with all that is in it. Throws `invalid_option` (2) and `comparison_failed` (4). */
export async function inSchema<T>(
  session: Session,
  name: string,
  work: (schema: string) => Promise<T>,
): Promise<T> {
  const [catalog, schema] = schemaParts(name);
  const make = async (sql: string) => {
    try {
      await session.run(sql);
    } catch (error) {
      throw error instanceof SqlError ? invalidSchema(name, error) : error;
    }
  };
  const inCatalog = async (qualified: string) => {
    await make(`CREATE SCHEMA ${qualified}`);
    try {
      return await work(qualified);
    } catch (error) {
      throw error instanceof SqlError ? comparisonFailed(error) : error;
    } finally {
      await session.run(`DROP SCHEMA ${qualified} CASCADE`);
    }
  };
  if (catalog === null) return await inCatalog(quoteName(schema));
  await make(`ATTACH ':memory:' AS ${quoteName(catalog)}`);
  try {
    return await inCatalog(`${quoteName(catalog)}.${quoteName(schema)}`);
  } finally {
    await session.run(`DETACH ${quoteName(catalog)}`);
  }
}

function schemaParts(name: string): [catalog: string | null, schema: string] {
  const match = /^(?:([\p{L}_][\p{L}\p{N}_]*)\.)?([\p{L}_][\p{L}\p{N}_]*)$/u.exec(name);
  if (match === null) throw invalidSchema(name, null);
  return [match[1] ?? null, match[2]!];
}

function invalidSchema(name: string, cause: SqlError | null): UserError {
  const why = cause === null ? "expected SCHEMA or CATALOG.SCHEMA" : cause.message;
  return new UserError(`Invalid --temp-schema "${name}": ${why}`, {
    code: "invalid_option",
    kind: "usage",
    hint: `leave it out, or write --temp-schema ${TEMP_SCHEMA}`,
    ...(cause === null ? {} : { cause }),
  });
}

function comparisonFailed(error: SqlError): UserError {
  return new UserError(`Comparison failed: ${error.message}`, {
    code: "comparison_failed",
    kind: "execution",
    hint: error.category === "Out of Memory"
      ? "compare fewer rows with --where, or fewer columns with --skip-columns"
      : "if it is the condition of --where, try it alone with seeknal query",
    cause: error,
  });
}
