import { quoteName, quoteText } from "../engine/quote.ts";
import { type DuckType, parseDuckType } from "./to_postgres_type.ts";

/** A column on its way from a Parquet file into a PostgreSQL table. */
export interface StageColumn {
  readonly name: string;
  /** Type in the Parquet file. */
  readonly duckType: string;
  /** Type in the table, as `format_type` writes it. */
  readonly postgresType: string;
}

/** Expressions over one column that give the same text in both systems exactly when the values are equal. */
export interface CanonicalText {
  readonly duckdb: string;
  readonly postgres: string;
}

/**
 * A DuckDB expression whose CSV field PostgreSQL reads as the very value, for a column of that
 * type: NULL stays an empty field, an empty text a quoted one.
 */
export function copyExpression(column: StageColumn): string {
  const name = quoteName(column.name);
  const type = parseDuckType(column.duckType);
  if (column.postgresType.endsWith("[]")) return arrayText(type, name, column.name, 0);
  return scalarText(type, name, column.name);
}

function scalarText(type: DuckType, value: string, column: string): string {
  if (type.kind !== "scalar") return jsonText(type, value, 0);
  switch (type.name) {
    case "BLOB":
      return `'\\x' || hex(${value})`;
    case "TIMESTAMP_NS": {
      const why = `column "${column}" has a time with parts of a microsecond (TIMESTAMP_NS), ` +
        "which PostgreSQL cannot keep: cast it to TIMESTAMP";
      return `CASE WHEN epoch_ns(${value}) % 1000 <> 0 THEN error(${quoteText(why)}) ` +
        `ELSE ${value}::TIMESTAMP END`;
    }
    default:
      return value;
  }
}

/** A list as PostgreSQL writes arrays: `{"a","b",NULL}`. */
function arrayText(type: DuckType, value: string, column: string, depth: number): string {
  if (type.kind !== "list") return scalarText(type, value, column);
  const item = `x${depth}`;
  const inner = type.element.kind === "list"
    ? arrayText(type.element, item, column, depth + 1)
    : quotedElement(`(${scalarText(type.element, item, column)})::VARCHAR`);
  const items = `list_transform(${value}, lambda ${item}: ` +
    `CASE WHEN ${item} IS NULL THEN 'NULL' ELSE ${inner} END)`;
  return `CASE WHEN ${value} IS NULL THEN NULL ELSE '{' || array_to_string(${items}, ',') || '}' END`;
}

function quotedElement(text: string): string {
  return `'"' || replace(replace(${text}, '\\', '\\\\'), '"', '\\"') || '"'`;
}

/**
 * JSON of a nested value. Written out here and not by `to_json`, which turns decimals into
 * doubles and writes NaN, which is no JSON: here those are texts.
 */
function jsonText(type: DuckType, value: string, depth: number): string {
  const item = `j${depth}`;
  const orNull = (text: string) => `CASE WHEN ${value} IS NULL THEN NULL ELSE ${text} END`;
  const member = (inner: DuckType, expression: string) =>
    `coalesce(${jsonText(inner, expression, depth + 1)}, 'null')`;
  switch (type.kind) {
    case "list":
      return orNull(
        `'[' || array_to_string(list_transform(${value}, lambda ${item}: ` +
          `${member(type.element, item)}), ',') || ']'`,
      );
    case "map":
      return orNull(
        `'{' || array_to_string(list_transform(map_entries(${value}), lambda ${item}: ` +
          `to_json(${keyText(type.key, `${item}.key`)})::VARCHAR || ':' || ` +
          `${member(type.value, `${item}."value"`)}), ',') || '}'`,
      );
    case "struct": {
      const fields = type.fields.map(({ name, type: inner }) =>
        `${quoteText(JSON.stringify(name) + ":")} || ` +
        member(inner, `struct_extract(${value}, ${quoteText(name)})`)
      );
      return orNull(`'{' || ${fields.join(" || ',' || ")} || '}'`);
    }
    case "scalar":
      return scalarJson(type.name, value);
  }
}

function keyText(type: DuckType, value: string): string {
  return type.kind === "scalar" && type.name === "BLOB"
    ? `'\\x' || hex(${value})`
    : `${value}::VARCHAR`;
}

const JSON_NUMBERS = new Set([
  ...["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DECIMAL", "BIGNUM"],
  ...["UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "BOOLEAN", "NULL"],
]);

function scalarJson(name: string, value: string): string {
  if (JSON_NUMBERS.has(name)) return `${value}::VARCHAR`;
  switch (name) {
    case "JSON":
      return `${value}::VARCHAR`;
    case "FLOAT":
    case "DOUBLE":
      return `CASE WHEN isfinite(${value}) THEN ${value}::VARCHAR ` +
        `ELSE '"' || ${value}::VARCHAR || '"' END`;
    case "BLOB":
      return `'"\\\\x' || hex(${value}) || '"'`;
    default:
      return `to_json(${value}::VARCHAR)::VARCHAR`;
  }
}

const INTEGER_TYPES = new Set([
  ...["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"],
  ...["UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "NULL"],
]);

/** Microseconds from DuckDB's epoch (1970) to PostgreSQL's (2000). */
const EPOCH_US = "946684800000000";

/**
 * How a column enters the checksum. Types that PostgreSQL rewrites when it reads them (`jsonb`,
 * types of extensions) enter as NULL or not NULL alone; everything else value by value.
 */
export function canonicalText(column: StageColumn): CanonicalText {
  const duckdb = quoteName(column.name);
  const type = parseDuckType(column.duckType);
  const { postgresType } = column;
  if (type.kind === "list" && type.element.kind === "scalar" && postgresType.endsWith("[]")) {
    const element = scalarCanon(type.element, "e", "e", postgresType.slice(0, -2));
    if (element !== null) return arrayCanon(element, duckdb);
  }
  const scalar = type.kind === "scalar" ? scalarCanon(type, duckdb, duckdb, postgresType) : null;
  if (scalar === null) {
    const text = `CASE WHEN ${duckdb} IS NULL THEN '' ELSE '1' END`;
    return { duckdb: text, postgres: text };
  }
  // An empty text and no text would be the same once they are concatenated.
  const mark = type.kind === "scalar" && ["VARCHAR", "BLOB", "JSON", "BIT"].includes(type.name);
  if (!mark) return scalar;
  return {
    duckdb: `coalesce(${scalar.duckdb}, chr(2))`,
    postgres: `coalesce((${scalar.postgres})::text, chr(2))`,
  };
}

function arrayCanon(element: CanonicalText, column: string): CanonicalText {
  return {
    duckdb: `CASE WHEN ${column} IS NULL THEN chr(2) ELSE array_to_string(list_transform(` +
      `${column}, lambda e: coalesce((${element.duckdb})::VARCHAR, chr(2))), chr(30)) END`,
    postgres:
      `CASE WHEN ${column} IS NULL THEN chr(2) ELSE (SELECT coalesce(string_agg(coalesce((` +
      `${element.postgres})::text, chr(2)), chr(30) ORDER BY i), '') FROM ` +
      `unnest(${column}) WITH ORDINALITY AS u(e, i)) END`,
  };
}

function scalarCanon(
  type: DuckType & { kind: "scalar" },
  duckdb: string,
  postgres: string,
  postgresType: string,
): CanonicalText | null {
  const { name } = type;
  const numeric = /^numeric(?:\(\d+,(\d+)\))?$/.exec(postgresType);
  if (INTEGER_TYPES.has(name)) {
    const isWhole = ["smallint", "integer", "bigint"].includes(postgresType) ||
      (numeric !== null && (numeric[1] === undefined || numeric[1] === "0"));
    return isWhole ? { duckdb, postgres } : null;
  }
  if (name === "DECIMAL") {
    const scale = String(type.args[1] ?? 3);
    const same = numeric !== null && (numeric[1] === undefined || numeric[1] === scale);
    return same ? { duckdb, postgres } : null;
  }
  switch (`${name} ${postgresType}`) {
    case "BOOLEAN boolean":
      return { duckdb: `${duckdb}::INTEGER`, postgres: `${postgres}::integer` };
    case "JSON json":
    case "JSON text":
      return { duckdb: `${duckdb}::VARCHAR`, postgres };
    case "VARCHAR text":
    case "VARCHAR character varying":
    case "VARCHAR bit varying":
    case "UUID uuid":
      return { duckdb, postgres };
    case "BLOB bytea":
      return { duckdb: `'\\x' || lower(hex(${duckdb}))`, postgres };
    case "FLOAT real":
      return bits(duckdb, `float4send(${postgres})`, "8");
    case "DOUBLE double precision":
      return bits(duckdb, `float8send(${postgres})`, "16");
    case "DATE date":
      return {
        duckdb: `CASE WHEN isinf(${duckdb}) THEN ${infinity(duckdb, "DATE", 8)} ` +
          `ELSE '\\x' || printf('%08x', ((${duckdb} - DATE '2000-01-01')::BIGINT & 4294967295)) END`,
        postgres: `date_send(${postgres})`,
      };
    case "TIMESTAMP timestamp without time zone":
    case "TIMESTAMP_S timestamp without time zone":
    case "TIMESTAMP_MS timestamp without time zone":
    case "TIMESTAMP_NS timestamp without time zone":
      return instant(duckdb, "TIMESTAMP", `timestamp_send(${postgres})`);
    case "TIMESTAMPTZ timestamp with time zone":
      return instant(duckdb, "TIMESTAMPTZ", `timestamptz_send(${postgres})`);
    case "TIME time without time zone":
      return {
        duckdb: `'\\x' || printf('%016x', epoch_us(${duckdb}))`,
        postgres: `time_send(${postgres})`,
      };
    case "INTERVAL interval":
      return {
        duckdb: `'\\x' || printf('%016x%08x%08x', ${intervalMicros(duckdb)}, ` +
          `datepart('day', ${duckdb}) & 4294967295, ` +
          `(datepart('year', ${duckdb}) * 12 + datepart('month', ${duckdb})) & 4294967295)`,
        postgres: `interval_send(${postgres})`,
      };
  }
  return null;
}

function intervalMicros(value: string): string {
  return `((datepart('hour', ${value}) * 60 + datepart('minute', ${value})) * 60000000 + ` +
    `datepart('microsecond', ${value}))`;
}

/** Every bit of a number, so that -0 is not 0; all NaN are one, as in both systems. */
function bits(duckdb: string, postgres: string, digits: string): CanonicalText {
  const nan = digits === "8" ? "7fc00000" : "7ff8000000000000";
  return {
    duckdb: `'\\x' || CASE WHEN isnan(${duckdb}) THEN '${nan}' ` +
      `ELSE lower(hex((${duckdb})::BIT::BLOB)) END`,
    postgres,
  };
}

function instant(duckdb: string, type: string, postgres: string): CanonicalText {
  return {
    duckdb: `CASE WHEN isinf(${duckdb}) THEN ${infinity(duckdb, type, 16)} ` +
      `ELSE '\\x' || printf('%016x', epoch_us(${duckdb}) - ${EPOCH_US}) END`,
    postgres,
  };
}

function infinity(value: string, type: string, digits: number): string {
  const zeros = "0".repeat(digits - 1);
  const effs = "f".repeat(digits - 1);
  return `CASE WHEN ${value} = '-infinity'::${type} THEN '\\x8${zeros}' ELSE '\\x7${effs}' END`;
}
