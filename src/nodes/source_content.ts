import { compactJson } from "../base/canonical_json.ts";
import { statIfExists } from "../base/atomic_write.ts";
import { sha256 } from "../base/hash.ts";
import { quoteName, quoteText } from "../engine/quote.ts";
import { type Session, SqlError } from "../engine/session.ts";
import type { QueryShape } from "../model/manifest.ts";
import { type OutputColumn, unknownShape } from "../shape/query_shape.ts";
import { storedType } from "../sql/stored_type.ts";

/** Bytes of a source up to which the plan reads it to tell which of its columns changed: some three seconds' worth of CSV. */
const LIMIT_BYTES = 256 * 1024 * 1024;

/**
 * Types with values that count as equal and yet read differently, -0.0, `30 days` and `1 month`, …,
 * and those with values that differ and yet have the same hash: of nested ones NULL, an empty list
 * and a struct of NULLs, of those of 128 bits -1 and 0.
 */
const LOOSE_TYPES =
  /DOUBLE|FLOAT|INTERVAL|TIME WITH TIME ZONE|VARIANT|\[|STRUCT|MAP|UNION|HUGEINT|UUID|DECIMAL\((19|[23]\d),/;

/** Files with how they are read. */
export interface SourceFilesRead {
  readonly scanSql: string;
  /** Absolute. */
  readonly paths: readonly string[];
  /** True for Parquet files that are read without options. */
  readonly isPlainParquet: boolean;
}

/**
 * The shape of rows that are read from files: its columns and rows stand for their content.
 * A column has the same hash only if it holds the same values in the same places. Files that
 * are large, or that cannot be read to their end, are told apart as a whole only; why they
 * cannot is given to `onUnreadable`.
 */
export async function contentShape(
  session: Session,
  { scanSql, paths, isPlainParquet }: SourceFilesRead,
  columns: readonly OutputColumn[],
  onUnreadable: (why: string) => void,
): Promise<QueryShape> {
  const stored = columns.map(({ name, type }) => ({ name, type: storedType(type)! }));
  const sizeBytes = paths.reduce((sum, path) => sum + (statIfExists(path)?.size ?? 0), 0);
  if (sizeBytes > LIMIT_BYTES) return unknownShape(stored, "its files are large");
  const position = uniqueName(columns);
  const hasNumbers = isPlainParquet && paths.length === 1 &&
    !columns.some(({ name }) => /^file_row_number$/i.test(name));
  const rows = hasNumbers
    ? numberedParquet(paths[0]!, position)
    : `SELECT *, row_number() OVER () AS ${position} FROM (${scanSql})`;
  const hashes = await readHashes(session, rows, position, columns, onUnreadable);
  if (hashes === null) return unknownShape(stored, "its files cannot be read to their end");
  return {
    columns: stored.map((column, i) => ({ ...column, expression: hashes.columns[i]! })),
    rows: hashes.rows,
    order: null,
    lineage: { columns: {}, rows: {}, order: {} },
    volatile: [],
  };
}

async function readHashes(
  session: Session,
  numberedRows: string,
  position: string,
  columns: readonly OutputColumn[],
  onUnreadable: (why: string) => void,
): Promise<{ rows: string; columns: string[] } | null> {
  const hashes = columns.flatMap(({ name, type }) => {
    const quoted = quoteName(name);
    const value = LOOSE_TYPES.test(type) ? `${quoted}, CAST(${quoted} AS VARCHAR)` : quoted;
    const combined = `hash(${position}, ${value})`;
    // DuckDB combines hashes by XOR: hashed once more, a value does not cancel out in another row.
    return [`bit_xor(hash(${combined}))`, `sum(${combined})`];
  });
  try {
    const { rows } = await session.read(
      `SELECT count(*), ${hashes.join(", ")} FROM (${numberedRows})`,
    );
    const [count, ...values] = rows[0]!.map(String);
    const hashOf = (parts: unknown) => sha256(compactJson(parts)).slice(0, 24);
    return {
      rows: hashOf(["rows of files", count]),
      columns: columns.map(({ type }, i) =>
        hashOf([count, type, values[2 * i], values[2 * i + 1]])
      ),
    };
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    onUnreadable(error.message);
    return null;
  }
}

/** Parquet files know the numbers of their rows: all cores can read, and the numbers are the same. */
function numberedParquet(path: string, position: string): string {
  return `SELECT *, file_row_number + 1 AS ${position} ` +
    `FROM read_parquet(${quoteText(path)}, hive_partitioning = false, file_row_number = true)`;
}

/** A name that no column has. */
function uniqueName(columns: readonly OutputColumn[]): string {
  const names = new Set(columns.map(({ name }) => name.toLowerCase()));
  let name = "position";
  while (names.has(name)) name = `_${name}`;
  return quoteName(name);
}
