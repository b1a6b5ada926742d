import { UserError } from "../base/user_error.ts";
import { type Cell, type Session, SqlError, type Table } from "../engine/session.ts";
import {
  checkSkipped,
  type Column,
  columnsOf,
  type ComparedOutput,
  keyColumn,
  pairColumns,
} from "./compared_columns.ts";
import { inSchema, TEMP_SCHEMA } from "./comparison_session.ts";
import {
  type ComparedColumn,
  ComparisonSql,
  filteredFrom,
  type KeyColumn,
} from "./comparison_sql.ts";

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
  tempSchema: TEMP_SCHEMA,
};

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
  const before = await columnsOf(session, source.path);
  const after = await columnsOf(session, target.path);
  const pairs = pairColumns(before, after, options.ignoreCase);
  const named = options.on.map((name) => keyColumn(name, outputs, before, after));
  const keys = [...new Map(named.map((key) => [key.source, key])).values()];
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
  const rows = rowCounts(totals, {
    full: joined - partial!,
    partial: partial!,
    sourceOnly: sourceOnly!,
    targetOnly: targetOnly!,
  });
  return {
    totals,
    rows,
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
      partial: await partialSample(session, sql, shape, differing, limit),
      ...await onlySamples(session, shape, rows, limit, (side) => sql.onlySample(side, limit)),
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
  if (shape.columns.length === 0) {
    return {
      totals,
      rows: rowCounts(totals, { full: 0, partial: 0, sourceOnly: source!, targetOnly: target! }),
      columns: [],
      key_faults: null,
      samples: { partial: NO_PARTIAL_ROWS, source_only: NO_ROWS, target_only: NO_ROWS },
    };
  }
  await session.run(sql.bagDifferences());
  const [sourceOnly, targetOnly] = await numbers(session, sql.bagCounts());
  const full = totals.source - sourceOnly!;
  const all = totals.source + totals.target;
  const columns: ColumnMatch[] = [];
  for (const [i, { target: name }] of shape.columns.entries()) {
    const [overlap] = await numbers(session, sql.bagOverlap(i));
    const matches = full + overlap!;
    columns.push({
      name,
      matches,
      differing: Math.max(totals.source, totals.target) - matches,
      pct_match: all === 0 ? null : percent(2 * matches, all),
    });
  }
  const rows = rowCounts(totals, {
    full,
    partial: 0,
    sourceOnly: sourceOnly!,
    targetOnly: targetOnly!,
  });
  return {
    totals,
    rows,
    columns,
    key_faults: null,
    samples: {
      partial: NO_PARTIAL_ROWS,
      ...await onlySamples(session, shape, rows, limit, (side) => sql.bagSample(side, limit)),
    },
  };
}

const NO_ROWS: Table = { columns: [], rows: [] };
const NO_PARTIAL_ROWS: ComparisonSamples["partial"] = { key: [], columns: [], rows: [] };

async function onlySamples(
  session: Session,
  { keys, columns }: Shape,
  rows: Comparison["rows"],
  limit: number,
  sql: (side: "source" | "target") => string,
): Promise<Pick<ComparisonSamples, "source_only" | "target_only">> {
  const sample = async (side: "source" | "target", { count }: RowCount): Promise<Table> => {
    if (limit === 0 || count === 0) return NO_ROWS;
    const table = await session.read(sql(side));
    const names = [...keys, ...columns].map((column) => column[side]);
    return { ...table, columns: table.columns.map(({ type }, i) => ({ name: names[i]!, type })) };
  };
  return {
    source_only: await sample("source", rows.source_only),
    target_only: await sample("target", rows.target_only),
  };
}

async function partialSample(
  session: Session,
  sql: ComparisonSql,
  shape: Shape,
  differing: readonly number[],
  limit: number,
): Promise<ComparisonSamples["partial"]> {
  if (limit === 0 || differing.every((count) => count === 0)) return NO_PARTIAL_ROWS;
  const { columns, rows } = await session.read(sql.partialSample(differing, limit));
  const [keys, count] = [shape.keys.length, shape.columns.length];
  const part = <T>(row: readonly T[], n: number) =>
    row.slice(keys + n * count, keys + (n + 1) * count);
  const names = [...shape.keys, ...shape.columns].map(({ target }) => target);
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
  { full, partial, sourceOnly, targetOnly }: Record<
    "full" | "partial" | "sourceOnly" | "targetOnly",
    number
  >,
): Comparison["rows"] {
  const share = (count: number, sides: 1 | 2) => ({
    count,
    pct: percent(sides * count, source + target),
  });
  return {
    full: share(full, 2),
    partial: share(partial, 2),
    source_only: share(sourceOnly, 1),
    target_only: share(targetOnly, 1),
  };
}

function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round(part / whole * 10_000) / 100;
}

async function numbers(session: Session, sql: string): Promise<number[]> {
  return (await session.read(sql)).rows[0]!.map(Number);
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
