import assert from "node:assert/strict";
import {
  canonicalPostgresType,
  holdsAllOf,
  parseDuckType,
  toPostgresType,
} from "../../../src/postgres/to_postgres_type.ts";

Deno.test("toPostgresType finds a type that holds every value, or none", () => {
  const cases: readonly [string, string | null][] = [
    ["TINYINT", "smallint"],
    ["UINTEGER", "bigint"],
    ["UBIGINT", "numeric(20,0)"],
    ["HUGEINT", "numeric(39,0)"],
    ["UHUGEINT", "numeric(39,0)"],
    ["DECIMAL(18,3)", "numeric(18,3)"],
    ["TIMESTAMP WITH TIME ZONE", "timestamp with time zone"],
    ["TIMESTAMP_NS", "timestamp without time zone"],
    ["BIT", "bit varying"],
    ["ENUM('a', 'b)')", "text"],
    ["INTEGER[]", "integer[]"],
    ["INTEGER[3]", "integer[]"],
    ["INTEGER[][]", "jsonb"],
    ['STRUCT(a INTEGER, "b c" DECIMAL(5,2)[])', "jsonb"],
    ["MAP(VARCHAR, STRUCT(x INTEGER))", "jsonb"],
    ["STRUCT(a INTEGER)[]", "jsonb"],
    ["UNION(a INTEGER)", null],
    ["VARIANT[]", null],
  ];
  for (const [type, expected] of cases) {
    assert.equal(toPostgresType(parseDuckType(type)), expected, type);
  }
});

Deno.test("canonicalPostgresType writes a type as the catalog does", () => {
  const cases: readonly [string, string][] = [
    ["varchar(10)", "character varying(10)"],
    ["timestamptz(3)[]", "timestamp(3) with time zone[]"],
    ["timestamp (3) without time zone", "timestamp(3) without time zone"],
    ["numeric(10)", "numeric(10,0)"],
    ["decimal(10, 2)", "numeric(10,2)"],
    ["INT[]", "integer[]"],
    ["double  precision", "double precision"],
    ["inet", "inet"],
    ['"Mood"', '"Mood"'],
    ["myschema.mood", "myschema.mood"],
  ];
  for (const [written, expected] of cases) assert.equal(canonicalPostgresType(written), expected);
});

Deno.test("holdsAllOf is true only where no value would change", () => {
  const holds: readonly [string, string][] = [
    ["bigint", "integer"],
    ["numeric", "bigint"],
    ["numeric(12,2)", "numeric(10,2)"],
    ["double precision", "integer"],
    ["text", "character varying(5)"],
    ["jsonb", "json"],
  ];
  for (const [wide, narrow] of holds) assert(holdsAllOf(wide, narrow), `${wide} ${narrow}`);
  const not: readonly [string, string][] = [
    ["integer", "bigint"],
    ["numeric(10,2)", "numeric(10,3)"],
    ["numeric(10,4)", "numeric(10,2)"],
    ["numeric(18,0)", "bigint"],
    ["double precision", "bigint"],
    ["real", "double precision"],
    ["character varying(5)", "character varying(10)"],
    ["timestamp with time zone", "timestamp without time zone"],
    ["json", "jsonb"],
  ];
  for (const [wide, narrow] of not) assert(!holdsAllOf(wide, narrow), `${wide} ${narrow}`);
});
