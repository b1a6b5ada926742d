import { quoteName, readParquet } from "../engine/quote.ts";
import { type Session, SqlError } from "../engine/session.ts";
import type { TableWrite } from "../model/materialization.ts";
import { checkTable, evolutionFor, findTables, tableOf, wantedColumns } from "./check_writes.ts";
import { checksumSql, checksumText, READ_AS_USUAL, READ_IN_PARALLEL } from "./checksum.ts";
import { addWrite, createLedger, ownName, qualified } from "./ledger.ts";
import { only } from "./restore_rows.ts";
import { planRevert } from "./revert_writes.ts";
import type { StageColumn } from "./stage_columns.ts";
import { copyIn } from "./stage_copy.ts";
import type { WantedColumn } from "./table_evolution.ts";
import type { TableFacts } from "./table_facts.ts";
import { type DuckType, parseDuckType } from "./to_postgres_type.ts";
import { problemError, validationFailed } from "./write_problem.ts";
import { sameKeys } from "./write_rows.ts";
import type { WriteSession } from "./write_session.ts";
import {
  createVersions,
  findVersion,
  VERSION_SCHEMA,
  versionName,
  VERSIONS,
} from "./write_views.ts";

/** What staging may use. */
export interface StageContext {
  readonly session: WriteSession;
  /** A session that may read the outputs and write the temporary folder. */
  readonly duck: Session;
  /** The same for rows on their way to the server. */
  readonly feed: Session;
  readonly temporaryDir: string;
}

/** What staging did. */
export interface Staged {
  readonly rows: number;
  readonly checksum: string | null;
  readonly shared: boolean;
}

/**
 * Brings a write's rows beside its table, validates them and records it, in one transaction: a
 * process that is killed, or rows that are refused, leave nothing.
 */
export async function stageWrite(
  context: StageContext,
  id: string,
  write: TableWrite,
  parquet: string,
): Promise<Staged> {
  const { session } = context;
  const table = tableOf(write.table);
  return await session.transaction(async () => {
    const [found] = await findTables(session, [table]);
    const [problem] = checkTable(session, write, found!);
    if (problem !== undefined) throw problemError(problem);
    await createLedger(session, table.schema);
    const record = {
      batch: id,
      name: table.name,
      state: "staged" as const,
      action: write.action,
      project: write.owner.project,
      environment: write.owner.environment,
      mode: write.spec.mode,
      content_hash: write.content_hash,
      spec_hash: write.spec_hash,
    };
    if (write.action === "revert") {
      const steps = await planRevert(session, write, found!);
      for (const [i, reverts] of steps.entries()) {
        const step = { ...record, step: i + 1, rows: write.rows, shared: true, reverts };
        await addWrite(session, table.schema, step);
      }
      return { rows: write.rows, checksum: null, shared: true };
    }
    const columns = wantedColumns(write);
    if ("problem" in columns) throw new Error("columns were checked before");
    if (write.spec.mode === "view") {
      const { version, ...staged } = await stageVersion(context, write, columns, parquet);
      await addWrite(session, table.schema, { ...record, ...staged, version });
      return staged;
    }
    const { facts, entry } = found!;
    const types = facts === null ? columns : evolutionFor({ facts, entry }, write, columns).columns;
    const keys = keysOf(write, facts, types);
    const stage = ownName("stage", id, table);
    const rows = await loadRows(context, write, parquet, types, {
      table: qualified(table.schema, stage),
      // What is merged into a table is dropped soon after; what becomes the table must last.
      unlogged: facts !== null,
    });
    await checkKeys(session, write, facts, qualified(table.schema, stage), keys);
    const staged = { ...rows, shared: false };
    await addWrite(session, table.schema, { ...record, ...staged, stage, keys });
    return staged;
  });
}

/**
 * Columns by which rows of the table and staged ones are the same: the declared keys, or a unique
 * key of the table where rows can be compared by it.
 */
function keysOf(
  write: TableWrite,
  facts: TableFacts | null,
  columns: readonly WantedColumn[],
): readonly string[] | null {
  const { mode, unique_keys } = write.spec;
  if (mode === "upsert_by_key") return unique_keys ?? [];
  if (facts === null || mode === "append") return null;
  // Deleting a row that others point at, to insert it again, is refused or, worse, cascades.
  if (mode === "incremental_by_time" && !facts.referenced) return null;
  const names = new Set(columns.map(({ name }) => name));
  return facts.keys.find((key) => key.every((name) => names.has(name))) ?? null;
}

async function stageVersion(
  context: StageContext,
  write: TableWrite,
  columns: readonly WantedColumn[],
  parquet: string,
): Promise<Staged & { version: string }> {
  const { session } = context;
  const version = versionName(write, columns);
  const found = await findVersion(session, version);
  if (found !== null) {
    return { version, rows: found.rows, checksum: found.checksum, shared: true };
  }
  await createVersions(session);
  const table = qualified(VERSION_SCHEMA, version);
  const loaded = await loadRows(context, write, parquet, columns, { table, unlogged: false });
  await session.query(
    `INSERT INTO ${
      qualified(VERSION_SCHEMA, VERSIONS)
    } (name, project, content_hash, rows, checksum) ` +
      `VALUES ($1, $2, $3, $4, $5)`,
    [version, write.owner.project, write.content_hash, loaded.rows, loaded.checksum],
  );
  return { version, ...loaded, shared: false };
}

/** Size of a Parquet file whose rows go through a file: starting a process for a pipe takes longer. */
const SMALL_BYTES = 1 << 18;

/** Creates a table, copies the rows in, and compares what came with what was to come. */
async function loadRows(
  { session, duck, feed, temporaryDir }: StageContext,
  write: TableWrite,
  parquet: string,
  types: readonly WantedColumn[],
  target: { readonly table: string; readonly unlogged: boolean },
): Promise<{ rows: number; checksum: string | null }> {
  const columns = await stageColumns(duck, write, parquet, types);
  const relation = rowsToWrite(write, parquet);
  const { table } = target;
  const definitions = types.map(({ name, type }) => `${quoteName(name)} ${type}`).join(", ");
  await session.query(
    `DROP TABLE IF EXISTS ${table}; ` +
      `CREATE ${target.unlogged ? "UNLOGGED " : ""}TABLE ${table} (${definitions})`,
  );
  try {
    const isSmall = (await Deno.stat(parquet)).size < SMALL_BYTES;
    await copyIn(session, feed, { relation, columns, table, temporaryDir, isSmall });
  } catch (error) {
    throw await refusedRows(error, duck, write, columns, relation);
  }
  return await validate(session, duck, write, { columns, relation, table });
}

/** The output's rows that the policy for keys lets through. */
function rowsToWrite(write: TableWrite, parquet: string): string {
  const { mode, unique_keys = [], null_keys, duplicate_keys } = write.spec;
  const file = readParquet(parquet);
  if (mode !== "upsert_by_key" || unique_keys.length === 0) return file;
  const keys = unique_keys.map(quoteName);
  const numbered = readParquet(parquet).replace(/\)$/, ", file_row_number = true)");
  const where = null_keys === "skip"
    ? ` WHERE ${keys.map((key) => `${key} IS NOT NULL`).join(" AND ")}`
    : "";
  if (duplicate_keys !== "last") return where === "" ? file : `(SELECT * FROM ${file}${where})`;
  // Rows whose key is NULL are not duplicates of each other: they are refused, or left out above.
  return `(SELECT * EXCLUDE (file_row_number) FROM ${numbered}${where} QUALIFY ` +
    `row_number() OVER (PARTITION BY ${keys.join(", ")} ORDER BY file_row_number DESC) = 1)`;
}

async function stageColumns(
  duck: Session,
  write: TableWrite,
  parquet: string,
  types: readonly WantedColumn[],
): Promise<StageColumn[]> {
  const { rows } = await duck.read(`DESCRIBE SELECT * FROM ${readParquet(parquet)}`);
  const found = rows.map(([name, type]) => ({ name: String(name), type: String(type) }));
  const same = found.length === write.columns.length &&
    found.every(({ name, type }, i) =>
      name === write.columns[i]!.name && hasStored(type, write.columns[i]!.type)
    );
  if (!same) {
    const show = (columns: readonly { name: string; type: string }[]) =>
      columns.map(({ name, type }) => `${name} ${type}`).join(", ");
    throw validationFailed(
      write,
      `the output has columns (${show(found)}), not (${show(write.columns)})`,
      "run the node again",
    );
  }
  return found.map(({ name, type }, i) => ({
    name,
    duckType: type,
    postgresType: types[i]!.type,
  }));
}

/** Whether a type of a Parquet file is what DuckDB makes of a declared one. */
function hasStored(stored: string, declared: string): boolean {
  const form = (type: DuckType): unknown => {
    switch (type.kind) {
      case "list":
        return [form(type.element)];
      case "map":
        return { key: form(type.key), value: form(type.value) };
      case "struct":
        return type.fields.map((field) => [field.name, form(field.type)]);
      case "scalar":
        return STORED[type.name] ?? [type.name, ...type.args].join(" ");
    }
  };
  return JSON.stringify(form(parseDuckType(stored))) ===
    JSON.stringify(form(parseDuckType(declared)));
}

/** What DuckDB has in Parquet for types that Parquet does not have. */
const STORED: Readonly<Record<string, string>> = {
  HUGEINT: "DECIMAL 38 0",
  UHUGEINT: "DECIMAL 38 0",
  BIT: "VARCHAR",
  BIGNUM: "VARCHAR",
  TIMESTAMP_S: "TIMESTAMP",
  TIMESTAMP_MS: "TIMESTAMP",
  TIME_NS: "TIME",
  NULL: "INTEGER",
};

async function validate(
  session: WriteSession,
  duck: Session,
  write: TableWrite,
  loaded: {
    readonly columns: readonly StageColumn[];
    readonly relation: string;
    readonly table: string;
  },
): Promise<{ rows: number; checksum: string | null }> {
  const { row_count_tolerance = 0, checksum = true } = write.spec.validation ?? {};
  const relations = { duckdb: loaded.relation, postgres: loaded.table };
  const sql = checksum ? checksumSql(loaded.columns, relations, await isUtf8(session)) : {
    duckdb: `SELECT count(*)::VARCHAR, NULL, NULL FROM ${relations.duckdb}`,
    postgres: `SELECT count(*)::text, NULL, NULL FROM ${relations.postgres}`,
  };
  await session.query(READ_IN_PARALLEL);
  const [there, here] = await Promise.all([
    session.connection.sql.unsafe(sql.postgres).values(),
    duck.read(sql.duckdb),
  ]);
  await session.query(READ_AS_USUAL);
  const rows = Number(there[0]![0]);
  const [expected, ...sums] = here.rows[0] as [string, string | null, string | null];
  const isDropping = write.spec.null_keys === "skip" || write.spec.duplicate_keys === "last";
  const wanted = isDropping ? Number(expected) : write.rows;
  if (Math.abs(rows - wanted) > row_count_tolerance * wanted || rows !== Number(expected)) {
    throw validationFailed(
      write,
      `${rows} rows are staged, the output has ${rows === Number(expected) ? wanted : expected}`,
      rows === Number(expected)
        ? "run the node again, or allow a difference: validation: { row_count_tolerance: 0.01 }"
        : "repeat the command",
    );
  }
  if (!checksum) return { rows, checksum: null };
  const texts = [checksumText(sums[0], sums[1]), checksumText(there[0]![1], there[0]![2])];
  if (texts[0] !== texts[1]) {
    throw validationFailed(
      write,
      `the checksum of what is staged is ${texts[1]}, that of the output ${texts[0]}`,
      "repeat the command; if it stays so, say so in an issue, with the columns' types",
    );
  }
  return { rows, checksum: texts[0]! };
}

async function isUtf8(session: WriteSession): Promise<boolean> {
  const [row] = await session.query<{ server_encoding: string }>("SHOW server_encoding");
  return row?.server_encoding === "UTF8";
}

async function checkKeys(
  session: WriteSession,
  write: TableWrite,
  facts: TableFacts | null,
  stage: string,
  keys: readonly string[] | null,
): Promise<void> {
  const { mode, time_column } = write.spec;
  const times = mode === "incremental_by_time" ? [time_column!] : [];
  const needed = [...new Set([...times, ...keys ?? []])];
  const shown = needed.map(quoteName).join(", ");
  if (needed.length > 0) {
    const nulls = needed.map((name) => `${quoteName(name)} IS NULL`).join(" OR ");
    const [row] = await session.query<{ n: number }>(
      `SELECT count(*)::float8 AS n FROM ${stage} WHERE ${nulls}`,
    );
    if (row!.n > 0) {
      throw validationFailed(
        write,
        `${row!.n} ${row!.n === 1 ? "row has" : "rows have"} NULL in ${shown}`,
        mode === "upsert_by_key"
          ? "filter them in the node's SQL, or leave them out here: null_keys: skip"
          : "filter them in the node's SQL",
      );
    }
  }
  // The merge joins by these columns, and a new table has no statistics.
  if (needed.length > 0) await session.query(`ANALYZE ${stage} (${shown})`);
  if (keys === null || keys.length === 0) return;
  const list = keys.map(quoteName).join(", ");
  const [twice] = await session.query<{ key: string; n: number }>(
    `SELECT concat_ws(', ', ${keys.map((key) => `${quoteName(key)}::text`).join(", ")}) AS key, ` +
      `count(*)::float8 AS n FROM ${stage} GROUP BY ${list} HAVING count(*) > 1 LIMIT 1`,
  );
  if (twice !== undefined) {
    throw validationFailed(
      write,
      `${twice.n} rows have the same key (${list}) = (${twice.key})`,
      mode === "upsert_by_key"
        ? "make them one in the node's SQL, or take the last: duplicate_keys: last"
        : "the table has a unique index on it: make them one in the node's SQL",
    );
  }
  if (mode !== "upsert_by_key" || facts === null) return;
  if (facts.keys.some((key) => key.every((name) => keys.includes(name)))) return;
  const shownKey = keys.map((key) => `t.${quoteName(key)}::text`).join(", ");
  // The first of all and not just one: LIMIT makes PostgreSQL look the staged rows through for each row.
  const [twin] = await session.query<{ key: string | null }>(
    `SELECT min(key) AS key FROM (SELECT concat_ws(', ', ${shownKey}) AS key ` +
      `FROM ${only(facts)}${qualified(facts.schema, facts.name)} t ` +
      `WHERE EXISTS (SELECT FROM ${stage} s WHERE ${sameKeys(keys, "t", "s")}) ` +
      `GROUP BY ${keys.map((key) => `t.${quoteName(key)}`).join(", ")} HAVING count(*) > 1) d`,
  );
  const double = twin?.key ?? null;
  if (double !== null) {
    throw validationFailed(
      write,
      `the table already holds several rows with the key (${list}) = (${double})`,
      "delete all but one of them, or choose other unique_keys",
    );
  }
}

/** What the server's or DuckDB's refusal of the rows means for a person. */
async function refusedRows(
  error: unknown,
  duck: Session,
  write: TableWrite,
  columns: readonly StageColumn[],
  relation: string,
): Promise<unknown> {
  if (error instanceof SqlError) return validationFailed(write, error.message.split("\n")[0]!);
  if (!(error instanceof Error) || error.name !== "PostgresError" || !("code" in error)) {
    return error;
  }
  const code = String(error.code);
  if (!/^2[23]/.test(code)) return error;
  const where = "where" in error ? String(error.where ?? "") : "";
  const column = code === "22021" || code === "22P05"
    ? await columnWithZero(duck, columns, relation)
    : /, column ([^:\n]+)/.exec(where)?.[1] ?? null;
  const what = column === null ? error.message : `column "${column}": ${error.message}`;
  return validationFailed(
    write,
    code === "22021" && column !== null
      ? `column "${column}" has texts with a zero character (\\0), which PostgreSQL cannot hold`
      : what,
    code === "22021" && column !== null
      ? `take it out in the node's SQL: replace(${quoteName(column)}, chr(0), '')`
      : "cast the column in the node's SQL, or give it another type: column_types",
  );
}

async function columnWithZero(
  duck: Session,
  columns: readonly StageColumn[],
  relation: string,
): Promise<string | null> {
  for (const { name } of columns) {
    const has = `contains(${quoteName(name)}::VARCHAR, chr(0)) OR ` +
      `contains(${quoteName(name)}::VARCHAR, '\\u0000')`;
    const { rows } = await duck.read(`SELECT 1 FROM ${relation} WHERE ${has} LIMIT 1`);
    if (rows.length > 0) return name;
  }
  return null;
}
