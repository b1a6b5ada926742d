import { didYouMean } from "../base/closest.ts";
import { resolveInside } from "../base/project_path.ts";
import { statIfExists } from "../base/atomic_write.ts";
import { UserError } from "../base/user_error.ts";
import { quoteName, quoteNodeId, quoteText } from "../engine/quote.ts";
import { openSession } from "../engine/registry.ts";
import type { Session } from "../engine/session.ts";
import type { Fixture, FixtureRow, TestCell } from "../model/test.ts";

/** A column with its SQL type. */
export interface TypedColumn {
  readonly name: string;
  readonly type: string;
}

/** Rows of a CSV file that a test may hold; a fixture is to be read by people. */
const CSV_ROWS = 10_000;

/** Rows of an INSERT; longer statements take the parser long. */
const ROWS_AT_ONCE = 500;

/** Why a test cannot be run. */
export function testProblem(message: string, hint?: string): UserError {
  return new UserError(message, { code: "test_invalid", kind: "validation", hint });
}

/** Reads CSV files of the project; tests themselves run in sessions without access to any. */
export class FixtureFiles implements AsyncDisposable {
  readonly #root: string;
  #session: Session | null = null;

  constructor(root: string) {
    this.#root = root;
  }

  /** Rows with all values as texts; an empty value is NULL. Throws a `UserError` `test_invalid` or an `SqlError`. */
  async rows(file: string): Promise<FixtureRow[]> {
    const path = resolveInside(this.#root, file);
    if (path === null || statIfExists(path) === null) {
      const why = path === null ? "leads out of the project" : "does not exist";
      throw testProblem(`CSV file "${file}" ${why}`, "paths are relative to the project's folder");
    }
    this.#session ??= await openSession({ threads: 1, allowedDirs: [this.#root] });
    const { columns, rows } = await this.#session.read(
      `FROM read_csv(${quoteText(path)}, all_varchar = true, header = true)`,
      CSV_ROWS + 1,
    );
    if (rows.length > CSV_ROWS) {
      throw testProblem(`CSV file "${file}" has more than ${CSV_ROWS} rows`, "take some of them");
    }
    return rows.map((row) => Object.fromEntries(columns.map(({ name }, i) => [name, row[i]])));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session?.[Symbol.asyncDispose]();
  }
}

/** Makes a table of an input with the rows it is given, cast to the types that the input has. */
export async function createInput(
  session: Session,
  id: string,
  columns: readonly TypedColumn[],
  fixture: Fixture | null,
  files: FixtureFiles,
): Promise<void> {
  const kind = id.slice(0, id.indexOf("."));
  const list = columns.map(({ name, type }) => `${quoteName(name)} ${type}`).join(", ");
  await session.run(
    `CREATE SCHEMA IF NOT EXISTS ${quoteName(kind)};\nCREATE TABLE ${quoteNodeId(id)} (${list})`,
  );
  if (fixture === null) return;
  if (fixture.type === "sql") {
    await session.run(`INSERT INTO ${quoteNodeId(id)} BY NAME (\n${fixture.sql}\n)`);
    return;
  }
  const rows = fixture.type === "csv" ? await files.rows(fixture.path) : fixture.rows;
  const named = rows.map((row) => byColumn(row, columns, id));
  for (let i = 0; i < named.length; i += ROWS_AT_ONCE) {
    const values = named.slice(i, i + ROWS_AT_ONCE).map((row) =>
      `(${columns.map(({ name, type }) => literal(row.get(name), type)).join(", ")})`
    );
    await session.run(`INSERT INTO ${quoteNodeId(id)} VALUES ${values.join(",\n")}`);
  }
}

/** Expected rows as the engine prints them in the given types, in their order. */
export async function expectedRows(
  session: Session,
  columns: readonly TypedColumn[],
  fixture: Fixture,
  files: FixtureFiles,
): Promise<TestCell[][]> {
  if (columns.length === 0) return [];
  if (fixture.type === "sql") {
    const list = columns.map(({ name, type }) =>
      `CAST(CAST(${quoteName(name)} AS ${type}) AS VARCHAR)`
    );
    const { rows } = await session.read(`SELECT ${list.join(", ")} FROM (\n${fixture.sql}\n)`);
    return rows.map((row) => row.map(cellText));
  }
  const rows = fixture.type === "csv" ? await files.rows(fixture.path) : fixture.rows;
  if (rows.length === 0) return [];
  const values = rows.map((row, i) => {
    const named = byColumn(row, columns, null);
    return `(${i}, ${
      columns.map(({ name, type }) => `CAST(${literal(named.get(name), type)} AS VARCHAR)`)
        .join(", ")
    })`;
  });
  const read = await session.read(`SELECT * FROM (VALUES ${values.join(",\n")}) ORDER BY 1`);
  return read.rows.map((row) => row.slice(1).map(cellText));
}

/** Columns that a fixture names, each once, in order of appearance. */
export async function fixtureColumns(
  session: Session,
  fixture: Fixture,
  files: FixtureFiles,
): Promise<string[]> {
  if (fixture.type === "sql") {
    const { columns } = await session.read(`SELECT * FROM (\n${fixture.sql}\n) LIMIT 0`);
    return columns.map(({ name }) => name);
  }
  const rows = fixture.type === "csv" ? await files.rows(fixture.path) : fixture.rows;
  const names = new Map<string, string>();
  for (const name of rows.flatMap((row) => Object.keys(row))) {
    if (!names.has(name.toLowerCase())) names.set(name.toLowerCase(), name);
  }
  return [...names.values()];
}

/** A value as the engine gives it, as text. */
export function cellText(cell: unknown): TestCell {
  if (cell === null || cell === undefined) return null;
  return typeof cell === "object" ? JSON.stringify(cell) : String(cell);
}

/** Values of a row by the names that the columns have; columns that are not named are NULL. */
function byColumn(
  row: FixtureRow,
  columns: readonly TypedColumn[],
  id: string | null,
): Map<string, unknown> {
  const known = new Map(columns.map(({ name }) => [name.toLowerCase(), name]));
  const values = new Map<string, unknown>();
  for (const [key, value] of Object.entries(row)) {
    const name = known.get(key.toLowerCase());
    if (name !== undefined) values.set(name, value);
    else if (id !== null) {
      const names = columns.map((column) => column.name);
      const hint = didYouMean(key, names) ?? `it has: ${names.slice(0, 10).join(", ")}`;
      throw testProblem(`${id} has no column "${key}"`, hint);
    }
  }
  return values;
}

function literal(value: unknown, type: string): string {
  if (value === null || value === undefined) return `CAST(NULL AS ${type})`;
  if (typeof value === "object") {
    return `CAST(CAST(${quoteText(JSON.stringify(value))} AS JSON) AS ${type})`;
  }
  return `CAST(${quoteText(String(value))} AS ${type})`;
}
