import { join } from "node:path";
import { statIfExists } from "../base/atomic_write.ts";
import { didYouMean } from "../base/closest.ts";
import { UserError } from "../base/user_error.ts";
import { quoteName, readParquet } from "../engine/quote.ts";
import { openSession } from "../engine/registry.ts";
import { type Cell, type Session, SqlError, type Table } from "../engine/session.ts";
import {
  type ComparedColumn,
  ComparisonSql,
  filteredFrom,
  type KeyColumn,
} from "./comparison_sql.ts";
import type { Workspace } from "./workspace.ts";

/** One of two outputs. */
export interface ComparedOutput {
  /** What messages call it: an environment, a commit. */
  readonly name: string;
  /** Absolute path of the Parquet file. */
  readonly path: string;
}

/** How two outputs are compared. */
export interface CompareOptions {
  /** Columns by which rows are joined; empty compares rows as a bag. */
  readonly on: readonly string[];
  /** Columns whose values are not compared. */
  readonly skipColumns: readonly string[];
  /** A condition on the rows of both sides. */
  readonly where: string | null;
  /** Sample rows of each kind; 0 for none. */
  readonly limit: number;
  /** Digits behind the point in which FLOAT, DOUBLE and DECIMAL values are compared. */
  readonly decimals: number;
  /** `ID` and `id` are the same column. */
  readonly ignoreCase: boolean;
  /** `SCHEMA` or `CATALOG.SCHEMA` that the comparison works in; it must not exist and is gone afterwards. */
  readonly tempSchema: string;
}

/** The options of a comparison that nobody gave any for. */
export const COMPARE_DEFAULTS: CompareOptions = {
  on: [],
  skipColumns: [],
  where: null,
  limit: 20,
  decimals: 3,
  ignoreCase: false,
  tempSchema: "seeknal_temp",
};

/** A column with its type. */
export interface Column {
  readonly name: string;
  readonly type: string;
}

/** Rows of one kind. */
export interface RowCount {
  readonly count: number;
  /** Of all rows of both sides, 2 decimals. */
  readonly pct: number;
}

/** How well the values of a column agree. */
export interface ColumnMatch {
  readonly name: string;
  /** Values that agree: of joined rows, or of both bags. */
  readonly matches: number;
  readonly differing: number;
  /** 2 decimals; null where there is nothing to compare. */
  readonly pct_match: number | null;
}

/** What speaks against the key of a side. */
export interface KeyFaults {
  /** Rows beyond the first one of their key. */
  readonly duplicates: number;
  /** Rows in which a part of the key is NULL. */
  readonly nulls: number;
}

/** A row that both sides have, with different values. */
export interface PartialRow {
  readonly key: readonly Cell[];
  readonly source: readonly Cell[];
  readonly target: readonly Cell[];
  /** For each column: do the values differ? */
  readonly differs: readonly boolean[];
}

/** Rows to look at. */
export interface ComparisonSamples {
  readonly partial: {
    readonly key: readonly Column[];
    readonly columns: readonly Column[];
    readonly rows: readonly PartialRow[];
  };
  readonly source_only: Table;
  readonly target_only: Table;
}

/** Two outputs compared. */
export interface Comparison {
  /** `key`: rows joined by key. `bag`: rows as a whole, each as often as it occurs. */
  readonly mode: "key" | "bag";
  readonly on: readonly string[];
  readonly schema: {
    readonly added: readonly Column[];
    readonly removed: readonly Column[];
    readonly modified: readonly {
      readonly name: string;
      readonly source_type: string;
      readonly target_type: string;
    }[];
  };
  readonly totals: { readonly source: number; readonly target: number };
  readonly rows: {
    readonly full: RowCount;
    readonly partial: RowCount;
    readonly source_only: RowCount;
    readonly target_only: RowCount;
  };
  /** Columns of the same name and type on both sides, without key and skipped ones. */
  readonly columns: readonly ColumnMatch[];
  /** Null for a bag. */
  readonly key_faults: { readonly source: KeyFaults; readonly target: KeyFaults } | null;
  readonly samples: ComparisonSamples;
}

/** True when two outputs have the same columns and the same rows. */
export function isEqual({ schema, rows }: Comparison): boolean {
  return schema.added.length + schema.removed.length + schema.modified.length === 0 &&
    rows.partial.count + rows.source_only.count + rows.target_only.count === 0;
}

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

/**
 * Compares two outputs: columns, rows, values. The session may be used for further
 * comparisons; nothing of this one stays in it, also after an error.
 * Throws `unknown_column`, `invalid_option` and `where_not_applicable` (2) and
 * `comparison_failed` (4).
 */
export async function compareOutputs(
  session: Session,
  outputs: { readonly source: ComparedOutput; readonly target: ComparedOutput },
  options: CompareOptions,
): Promise<Comparison> {
  const { source, target } = outputs;
  const before = await describe(session, source.path);
  const after = await describe(session, target.path);
  const pairs = pairColumns(before, after, options.ignoreCase);
  const keys = options.on.map((name) => keyColumn(name, outputs, before, after));
  checkSkipped(options.skipColumns, keys, [...before, ...after]);
  const skipped = new Set(options.skipColumns.map((name) => name.toLowerCase()));
  const columns = pairs.flatMap(({ source, target }): ComparedColumn[] =>
    source.type === target.type && !skipped.has(source.name.toLowerCase()) &&
      !keys.some((key) => key.source === source.name)
      ? [{ source: source.name, target: target.name, type: source.type }]
      : []
  );
  for (const output of [source, target]) await checkWhere(session, output, options.where);
  const { decimals, where } = options;
  const shape = { keys, columns, decimals, where };
  return await inSchema(session, options.tempSchema, async (schema) => {
    const sql = new ComparisonSql(shape, schema);
    await session.run(`${sql.side("source", source.path)};\n${sql.side("target", target.path)}`);
    const facts = keys.length > 0
      ? await compareByKey(session, sql, shape, options.limit)
      : await compareAsBags(session, sql, shape, options.limit);
    return {
      mode: keys.length > 0 ? "key" : "bag",
      on: keys.map((key) => key.target),
      schema: {
        added: after.filter((column) => !pairs.some(({ target }) => target === column)),
        removed: before.filter((column) => !pairs.some(({ source }) => source === column)),
        modified: pairs.filter(({ source, target }) => source.type !== target.type)
          .map(({ source, target }) => ({
            name: target.name,
            source_type: source.type,
            target_type: target.type,
          })),
      },
      ...facts,
    };
  });
}

type Facts = Omit<Comparison, "mode" | "on" | "schema">;

interface Shape {
  readonly keys: readonly KeyColumn[];
  readonly columns: readonly ComparedColumn[];
}

async function compareByKey(
  session: Session,
  sql: ComparisonSql,
  shape: Shape,
  limit: number,
): Promise<Facts> {
  const [sourceRows, sourceNulls] = await numbers(session, sql.totals("source"));
  const [targetRows, targetNulls] = await numbers(session, sql.totals("target"));
  await session.run(`${sql.repeatedKeys("source")};\n${sql.repeatedKeys("target")}`);
  const [sourceDuplicates] = await numbers(session, sql.duplicates("source"));
  const [targetDuplicates] = await numbers(session, sql.duplicates("target"));
  const paired = sourceDuplicates! + targetDuplicates! > 0;
  if (paired) await session.run(sql.pairing());
  await session.run(sql.joinedDifferences({ paired }));
  const [sourceOnly, targetOnly, partial, ...differing] = await numbers(
    session,
    sql.joinedCounts(),
  );
  const totals = { source: sourceRows!, target: targetRows! };
  const joined = totals.source - sourceOnly!;
  return {
    totals,
    rows: rowCounts(totals, joined - partial!, partial!, sourceOnly!, targetOnly!),
    columns: shape.columns.map(({ target }, i) => ({
      name: target,
      matches: joined - differing[i]!,
      differing: differing[i]!,
      pct_match: joined === 0 ? null : percent(joined - differing[i]!, joined),
    })),
    key_faults: {
      source: { duplicates: sourceDuplicates!, nulls: sourceNulls! },
      target: { duplicates: targetDuplicates!, nulls: targetNulls! },
    },
    samples: {
      partial: await partialSample(session, sql, shape, partial! > 0 ? differing : [], limit),
      source_only: await sample(
        session,
        sourceOnly! > 0 ? sql.onlySample("source", limit) : null,
        namesOf(shape, "source"),
        limit,
      ),
      target_only: await sample(
        session,
        targetOnly! > 0 ? sql.onlySample("target", limit) : null,
        namesOf(shape, "target"),
        limit,
      ),
    },
  };
}

async function compareAsBags(
  session: Session,
  sql: ComparisonSql,
  shape: Shape,
  limit: number,
): Promise<Facts> {
  const [source] = await numbers(session, sql.totals("source"));
  const [target] = await numbers(session, sql.totals("target"));
  const totals = { source: source!, target: target! };
  const none = {
    totals,
    key_faults: null,
    rows: rowCounts(totals, 0, 0, totals.source, totals.target),
    columns: [],
    samples: { partial: NO_PARTIAL_ROWS, source_only: NO_ROWS, target_only: NO_ROWS },
  };
  if (shape.columns.length === 0) return none;
  await session.run(sql.bagDifferences());
  const [sourceOnly, targetOnly] = await numbers(session, sql.bagCounts());
  const full = totals.source - sourceOnly!;
  const columns: ColumnMatch[] = [];
  for (const [i, { target: name }] of shape.columns.entries()) {
    const [overlap] = await numbers(session, sql.bagOverlap(i));
    const matches = full + overlap!;
    const all = totals.source + totals.target;
    columns.push({
      name,
      matches,
      differing: Math.max(totals.source, totals.target) - matches,
      pct_match: all === 0 ? null : percent(2 * matches, all),
    });
  }
  return {
    ...none,
    rows: rowCounts(totals, full, 0, sourceOnly!, targetOnly!),
    columns,
    samples: {
      partial: NO_PARTIAL_ROWS,
      source_only: await sample(
        session,
        sourceOnly! > 0 ? sql.bagSample("source", limit) : null,
        namesOf(shape, "source"),
        limit,
      ),
      target_only: await sample(
        session,
        targetOnly! > 0 ? sql.bagSample("target", limit) : null,
        namesOf(shape, "target"),
        limit,
      ),
    },
  };
}

const NO_ROWS: Table = { columns: [], rows: [] };
const NO_PARTIAL_ROWS: ComparisonSamples["partial"] = { key: [], columns: [], rows: [] };

function namesOf({ keys, columns }: Shape, side: "source" | "target"): string[] {
  return [...keys, ...columns].map((column) => column[side]);
}

async function sample(
  session: Session,
  sql: string | null,
  names: readonly string[],
  limit: number,
): Promise<Table> {
  if (sql === null || limit === 0) return NO_ROWS;
  const { columns, rows } = await session.read(sql);
  return { columns: columns.map(({ type }, i) => ({ name: names[i]!, type })), rows };
}

async function partialSample(
  session: Session,
  sql: ComparisonSql,
  shape: Shape,
  differing: readonly number[],
  limit: number,
): Promise<ComparisonSamples["partial"]> {
  if (limit === 0 || differing.length === 0) return NO_PARTIAL_ROWS;
  const { columns, rows } = await session.read(sql.partialSample(differing, limit));
  const [keys, count] = [shape.keys.length, shape.columns.length];
  const part = <T>(row: readonly T[], n: number) =>
    row.slice(keys + n * count, keys + (n + 1) * count);
  const names = namesOf(shape, "target");
  const named = columns.slice(0, keys + count)
    .map(({ type }, i) => ({ name: names[i]!, type }));
  return {
    key: named.slice(0, keys),
    columns: named.slice(keys),
    rows: rows.map((row) => ({
      key: row.slice(0, keys),
      source: part(row, 0),
      target: part(row, 1),
      differs: part(row, 2).map((same) => same === false),
    })),
  };
}

/** Shares as they are defined for every peer of this command: a joined row stands for one of each side. */
function rowCounts(
  { source, target }: Comparison["totals"],
  full: number,
  partial: number,
  sourceOnly: number,
  targetOnly: number,
): Comparison["rows"] {
  const all = source + target;
  const share = (count: number, rows: number) => ({ count, pct: percent(rows, all) });
  return {
    full: share(full, 2 * full),
    partial: share(partial, 2 * partial),
    source_only: share(sourceOnly, sourceOnly),
    target_only: share(targetOnly, targetOnly),
  };
}

function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round(part / whole * 10_000) / 100;
}

async function numbers(session: Session, sql: string): Promise<number[]> {
  return (await session.read(sql)).rows[0]!.map(Number);
}

async function describe(session: Session, path: string): Promise<Column[]> {
  const { rows } = await session.read(`DESCRIBE FROM ${readParquet(path)}`);
  return rows.map(([name, type]) => ({ name: String(name), type: String(type) }));
}

function pairColumns(
  before: readonly Column[],
  after: readonly Column[],
  ignoreCase: boolean,
): { source: Column; target: Column }[] {
  const spelled = (name: string) => ignoreCase ? name.toLowerCase() : name;
  const targets = new Map(after.map((column) => [spelled(column.name), column]));
  return before.flatMap((source) => {
    const target = targets.get(spelled(source.name));
    return target === undefined ? [] : [{ source, target }];
  });
}

/** Names of columns on the command line are taken in any case, as SQL takes them. */
function findColumn(name: string, columns: readonly Column[]): Column | undefined {
  return columns.find((column) => column.name === name) ??
    columns.find((column) => column.name.toLowerCase() === name.toLowerCase());
}

function keyColumn(
  name: string,
  outputs: { readonly source: ComparedOutput; readonly target: ComparedOutput },
  before: readonly Column[],
  after: readonly Column[],
): KeyColumn {
  const [source, target] = [findColumn(name, before), findColumn(name, after)];
  if (source === undefined || target === undefined) {
    const [columns, side] = source === undefined
      ? [before, outputs.source.name]
      : [after, outputs.target.name];
    throw unknownColumn(
      `Cannot join on "${name}": there is no such column in ${side}`,
      name,
      columns,
    );
  }
  return {
    source: source.name,
    target: target.name,
    asText: source.type !== target.type && familyOf(source.type) !== familyOf(target.type),
  };
}

/** Types of one family can be compared with `=`. */
function familyOf(type: string): string {
  if (/^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\(.*)$/.test(type)) return "number";
  return /^(DATE|TIMESTAMP)/.test(type) ? "time" : type;
}

function checkSkipped(
  skipped: readonly string[],
  keys: readonly KeyColumn[],
  columns: readonly Column[],
): void {
  for (const name of skipped) {
    const column = findColumn(name, columns);
    if (column === undefined) {
      throw unknownColumn(`Cannot skip "${name}": there is no such column`, name, columns);
    }
    if (keys.some(({ source, target }) => [source, target].includes(column.name))) {
      throw new UserError(`Cannot skip "${name}": rows are joined on it`, {
        code: "invalid_option",
        kind: "usage",
        hint: "leave it out of --skip-columns or of --on",
      });
    }
  }
}

function unknownColumn(message: string, name: string, columns: readonly Column[]): UserError {
  const names = [...new Set(columns.map((column) => column.name))];
  return new UserError(message, {
    code: "unknown_column",
    kind: "usage",
    hint: didYouMean(name, names) ?? `there is: ${names.join(", ")}`,
  });
}

async function checkWhere(
  session: Session,
  { name, path }: ComparedOutput,
  where: string | null,
): Promise<void> {
  if (where === null) return;
  try {
    const type = await session.statementType(`SELECT 1 ${filteredFrom(path, where)}`);
    if (type === "SELECT") return;
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    const isSyntax = error.category === "Parser";
    throw new UserError(`Cannot apply --where to ${name}: ${error.message}`, {
      code: isSyntax ? "invalid_option" : "where_not_applicable",
      kind: "usage",
      hint: error.candidates.length > 0
        ? `there is: ${error.candidates.join(", ")}`
        : 'write a condition over columns that both sides have, for example --where "id > 100"',
      cause: error,
    });
  }
  throw new UserError("Invalid --where: expected one condition", {
    code: "invalid_option",
    kind: "usage",
    hint: 'for example --where "id > 100"',
  });
}

/** Does work in a schema of its own, which is gone afterwards with all that is in it. */
async function inSchema<T>(
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
    hint: `leave it out, or write --temp-schema ${COMPARE_DEFAULTS.tempSchema}`,
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
