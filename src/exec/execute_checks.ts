import { quoteName, quoteNodeId, readParquet } from "../engine/quote.ts";
import { type Session, SqlError } from "../engine/session.ts";
import { type CheckResult, type CheckSpec, SAMPLE } from "../model/check.ts";
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
  const found = await inViews(() => findTogether(job.checks, session));
  for (const [i, check] of job.checks.entries()) {
    const counts = found?.[i];
    const isDone = counts !== undefined && counts.violations <= (check.max_violations ?? 0);
    results.push(
      isDone
        ? resultOf(job, check, counts, null)
        : await inViews(() => execute(job, check, session)),
    );
  }
  return results;
}

/** True for an error of the SQL itself; being stopped is none. */
function isItsOwn(error: unknown): error is SqlError {
  return error instanceof SqlError && error.category !== "INTERRUPT";
}

/** What a check counted. */
interface Counts {
  readonly violations: number;
  readonly checked: number;
  readonly detail: string | null;
}

/** Counts of all checks by one statement, as they mostly pass; null where one of them cannot be run. */
async function findTogether(
  checks: readonly CheckSpec[],
  session: Session,
): Promise<Counts[] | null> {
  if (checks.length < 2) return null;
  const parts = checks.map(({ sql }, i) =>
    `SELECT ${i}, CAST(violations AS BIGINT), CAST(checked AS BIGINT), CAST(detail AS VARCHAR) ` +
    `FROM (\n${sql}\n) AS c(violations, checked, detail)`
  );
  try {
    const { rows } = await session.read(parts.join("\nUNION ALL\n"));
    const counts: Counts[] = [];
    for (const [i, ...row] of rows) counts[Number(i)] = countsOf(row);
    return rows.length === checks.length ? counts : null;
  } catch (error) {
    if (isItsOwn(error)) return null;
    throw error;
  }
}

function countsOf([violations, checked, detail]: readonly unknown[]): Counts {
  return {
    violations: Number(violations ?? 0),
    checked: Number(checked ?? 0),
    detail: detail === null || detail === undefined ? null : String(detail),
  };
}

function resultOf(
  job: CheckJob,
  { name, type, severity, column, max_violations: tolerated = 0, failing }: CheckSpec,
  { violations, checked, detail }: Counts,
  found: string | null,
): CheckResult {
  const isFailed = violations > tolerated;
  return {
    node: job.id,
    name,
    type,
    severity,
    column,
    status: isFailed ? "failed" : "passed",
    violations,
    checked,
    detail: isFailed ? found ?? detail : null,
    ...(isFailed && failing !== undefined
      ? { query: failing.replaceAll(`"this"`, quoteNodeId(job.id)) }
      : {}),
  };
}

async function execute(job: CheckJob, check: CheckSpec, session: Session): Promise<CheckResult> {
  const { name, type, severity, column, message, max_violations: tolerated = 0 } = check;
  try {
    const counts = countsOf((await session.read(check.sql)).rows[0] ?? []);
    const isFailed = counts.violations > tolerated;
    const found = isFailed && counts.detail === null ? await sample(check, session) : null;
    return resultOf(job, check, counts, isFailed ? message ?? found : null);
  } catch (error) {
    if (!isItsOwn(error)) throw error;
    const failed = { status: "error", violations: 0, checked: 0, detail: error.message } as const;
    return { node: job.id, name, type, severity, column, ...failed };
  }
}

/** Failing rows, columns and characters of a value that are shown: enough to find them by. */
const SAMPLE_ROWS = 3;
const SAMPLE_COLUMNS = 4;
const SAMPLE_WIDTH = 40;

/** Some of the rows that fail, by the columns that tell them apart; null where none can be shown. */
async function sample(
  { failing, keys = [] }: CheckSpec,
  session: Session,
): Promise<string | null> {
  if (failing === undefined) return null;
  const { columns } = await session.read(`SELECT * FROM (${failing}) LIMIT 0`);
  const wanted = new Set(keys.map((key) => key.toLowerCase()));
  const known = columns.filter(({ name }) => wanted.has(name.toLowerCase()));
  const others = columns.filter((column) => !known.includes(column));
  const shown = [...known, ...others].slice(0, Math.max(SAMPLE_COLUMNS, known.length));
  if (shown.length === 0) return null;
  const list = shown.map(({ name }) => `CAST(${quoteName(name)} AS VARCHAR)`).join(", ");
  const { rows } = await session.read(
    `SELECT DISTINCT ${list} FROM (${failing}) ORDER BY ALL LIMIT ${SAMPLE_ROWS}`,
  );
  const words = rows.map((row) =>
    row.map((cell, i) => `${shown[i]!.name} = ${cell === null ? "NULL" : clip(String(cell))}`)
      .join(", ")
  );
  return words.length === 0 ? null : SAMPLE + words.join("; ");
}

function clip(text: string): string {
  const line = text.replace(/\s+/g, " ");
  return line.length > SAMPLE_WIDTH ? `${line.slice(0, SAMPLE_WIDTH - 1)}…` : line;
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
