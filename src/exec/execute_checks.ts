import { quoteName, quoteNodeId, readParquet } from "../engine/quote.ts";
import { type Session, SqlError } from "../engine/session.ts";
import type { CheckResult, CheckSpec } from "../model/check.ts";
import type { CheckJob } from "../model/run.ts";

/** Runs the checks of a node one after the other. What one of them cannot do is its result. */
export async function executeChecks(job: CheckJob, session: Session): Promise<CheckResult[]> {
  const kinds = new Set(job.inputs.map(({ id }) => id.slice(0, id.indexOf("."))));
  const inputs = new Map(job.inputs.map(({ id, path }) => [id, path]));
  // Views of a job exist inside its transaction only. A failed statement ends it: each check has its own.
  const setUp = [
    "BEGIN",
    ...[...kinds].map((kind) => `CREATE SCHEMA IF NOT EXISTS ${quoteName(kind)}`),
    `CREATE TEMP VIEW "this" AS FROM ${readParquet(job.path)}`,
    ...[...inputs].map(([id, path]) =>
      `CREATE VIEW ${quoteNodeId(id)} AS FROM ${readParquet(path)}`
    ),
  ];
  const inViews = async <T>(work: () => Promise<T>): Promise<T> => {
    await session.run(setUp.join(";\n"));
    try {
      return await work();
    } finally {
      await session.run("ROLLBACK");
    }
  };
  const results = job.rowsAreChecks ? await inViews(() => readResults(job, session)) : [];
  for (const check of job.checks) {
    results.push(await inViews(() => execute(job, check, session)));
  }
  return results;
}

async function execute(job: CheckJob, check: CheckSpec, session: Session): Promise<CheckResult> {
  const { name, type, severity, column, message } = check;
  const common = { node: job.id, name, type, severity, column };
  try {
    const { rows } = await session.read(check.sql);
    const [violations, checked, detail] = rows[0] ?? [0, 0, null];
    const found = Number(violations);
    return {
      ...common,
      status: found === 0 ? "passed" : "failed",
      violations: found,
      checked: Number(checked),
      detail: found === 0 ? null : message ?? (detail === null ? null : String(detail)),
    };
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return { ...common, status: "error", violations: 0, checked: 0, detail: error.message };
  }
}

/** Results that are rows of the node itself. */
async function readResults(job: CheckJob, session: Session): Promise<CheckResult[]> {
  const { rows } = await session.read(
    `SELECT name, type, severity, column_name, status, violations, checked, detail FROM "this"`,
  );
  return rows.map(([name, type, severity, column, status, violations, checked, detail]) => ({
    node: job.id,
    name: String(name),
    type: String(type),
    severity: severity === "warn" ? "warn" : "error",
    column: column === null ? null : String(column),
    status: status === "passed" || status === "failed" ? status : "error",
    violations: Number(violations),
    checked: Number(checked),
    detail: detail === null ? null : String(detail),
  }));
}
