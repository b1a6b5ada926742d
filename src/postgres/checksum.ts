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
    postgres: `SELECT count(*)::text, sum(('x' || left(h, 16))::bit(64)::bigint)::text, ` +
      `sum(('x' || right(h, 16))::bit(64)::bigint)::text ` +
      `FROM (SELECT md5(${row}) AS h FROM ${relations.postgres}) AS q`,
  };
}

/** 32 hexadecimal digits from the sums of {@linkcode ChecksumSql}; null sums are those of no rows. */
export function checksumText(first: string | null, second: string | null): string {
  return [first, second]
    .map((sum) => BigInt.asUintN(64, BigInt(sum ?? "0")).toString(16).padStart(16, "0"))
    .join("");
}
