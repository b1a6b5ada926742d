import { canonicalText, type StageColumn } from "./stage_columns.ts";

/**
 * The checksum of a bag of rows, which does not depend on their order: for each row the MD5 of
 * its columns' canonical texts, both halves summed up modulo 2^64. The two systems compute it
 * on their own, from their own representation of the values.
 */
export interface ChecksumSql {
  /** Over `relation` in DuckDB: rows, sum of the first halves, of the second ones, as texts. */
  readonly duckdb: string;
  /** The same over `relation` in PostgreSQL. */
  readonly postgres: string;
}

/** Separates columns; a text that has it in it only makes the checksum weaker by that much. */
const SEPARATOR = "chr(31)";

/** Statements for {@linkcode ChecksumSql}. `isUtf8`: whether the database keeps its texts as UTF-8. */
export function checksumSql(
  columns: readonly StageColumn[],
  relations: { readonly duckdb: string; readonly postgres: string },
  isUtf8: boolean,
): ChecksumSql {
  const texts = columns.map(canonicalText);
  const joined = (of: "duckdb" | "postgres") =>
    `concat(${texts.map((text) => text[of]).join(`, ${SEPARATOR}, `)}, ${SEPARATOR})`;
  const row = isUtf8 ? joined("postgres") : `convert_to(${joined("postgres")}, 'UTF8')`;
  return {
    duckdb: `SELECT count(*)::VARCHAR, sum(('0x' || h[1:16])::UBIGINT)::VARCHAR, ` +
      `sum(('0x' || h[17:32])::UBIGINT)::VARCHAR ` +
      `FROM (SELECT md5(${joined("duckdb")}) AS h FROM ${relations.duckdb})`,
    // OFFSET 0 keeps PostgreSQL from computing the MD5 of a row once for each of its halves.
    postgres: `SELECT count(*)::text, sum(h::bit(64)::bigint)::text, ` +
      `sum((h << 64)::bit(64)::bigint)::text ` +
      `FROM (SELECT ('x' || md5(${row}))::bit(128) AS h FROM ${relations.postgres} OFFSET 0) AS q`,
  };
}

/** Settings with which PostgreSQL reads a table in parallel, however small it takes it to be. */
const PARALLEL: Readonly<Record<string, string>> = {
  max_parallel_workers_per_gather: "4",
  parallel_setup_cost: "0",
  parallel_tuple_cost: "0",
  min_parallel_table_scan_size: "0",
};

/** Lets the rest of a transaction read in parallel, unless the server's or role's settings forbid it. */
export const READ_IN_PARALLEL = `SELECT ${
  Object.entries(PARALLEL).map(([name, value]) => `set_config('${name}', '${value}', true)`)
    .join(", ")
} WHERE current_setting('max_parallel_workers_per_gather') <> '0'`;

/** Takes {@linkcode READ_IN_PARALLEL} back. */
export const READ_AS_USUAL = Object.keys(PARALLEL)
  .map((name) => `SET LOCAL ${name} TO DEFAULT`).join("; ");

/** 32 hexadecimal digits from the sums of {@linkcode ChecksumSql}; null sums are those of no rows. */
export function checksumText(first: string | null, second: string | null): string {
  return [first, second]
    .map((sum) => BigInt.asUintN(64, BigInt(sum ?? "0")).toString(16).padStart(16, "0"))
    .join("");
}
