import type postgres from "postgres";
import { compactJson } from "../base/canonical_json.ts";
import { sha256 } from "../base/hash.ts";
import { UserError } from "../base/user_error.ts";
import { quoteName, quoteText } from "../engine/quote.ts";
import type { PostgresConnection } from "./connection.ts";
import type { PostgresType } from "./from_postgres_type.ts";
import { type ChangeDetection, fromClause, requestName, type RowsRequest } from "./rows_request.ts";

/** A table, view or the like, as the catalog has it. */
export interface Relation {
  readonly oid: number;
  /** `pg_class.relkind`: `r` table, `p` partitioned, `v` view, `m` materialized view, `f` foreign table. */
  readonly kind: string;
}

/** What tells that rows may have changed. */
export interface Evidence {
  /** Equal for equal rows of the same database. */
  readonly token: string;
  /** Hash that stands for the database. */
  readonly system: string;
  /** In words. */
  readonly reliesOn: string;
}

/** The way that is used: the request's own, else what is usual for the relation. Throws `UserError` when it cannot be. */
export function detectionFor(request: RowsRequest, relation: Relation | null): ChangeDetection {
  const hasVersions = relation !== null && ["r", "p", "m"].includes(relation.kind);
  const asked = request.changeDetection;
  if (asked === null) {
    if (request.timeColumn !== null) return "watermark";
    return hasVersions ? "row_versions" : "content";
  }
  if (hasVersions || asked === "content" || asked === "watermark") return asked;
  throw new UserError(
    `${requestName(request)} has no ${asked.replace("_", " ")}: it is not a table`,
    {
      code: "change_detection_unavailable",
      kind: "validation",
      hint: "write change_detection: content",
    },
  );
}

/** Gathers the evidence, in one pass over the rows at most, on the server. */
export async function gatherEvidence(
  connection: PostgresConnection,
  request: RowsRequest,
  relation: Relation | null,
  known: {
    readonly columns: readonly { readonly name: string; readonly type: string }[];
    readonly watermark: string | null;
  },
): Promise<Evidence> {
  const way = detectionFor(request, relation);
  const { sql, reliesOn } = WAYS[way](request, relation, serverMajor(connection));
  const found = sql === null ? [] : await connection.sql.unsafe(sql);
  const identity = await databaseIdentity(connection);
  const about = { way, identity, relation: relation?.oid ?? null, ...known, found: [...found] };
  const system = sha256(compactJson(identity)).slice(0, 24);
  return { token: sha256(compactJson(about)), system, reliesOn };
}

interface Question {
  /** Null: the watermark says it all. */
  readonly sql: string | null;
  readonly reliesOn: string;
}

type Way = (request: RowsRequest, relation: Relation | null, major: number) => Question;

/** Seeds of the two hashes: sums of 64 bits each, so that the order of the rows does not matter. */
const SEEDS = [0, 7_046_029_254_386_353] as const;

const WAYS: Readonly<Record<ChangeDetection, Way>> = {
  row_versions: (request, relation, major) => ({
    // Every version of a row has its own place and transaction; neither needs the row's values.
    sql: `SELECT count(*)::text AS rows, ${
      SEEDS.map((seed, i) => `sum(${versionHash(major, seed)})::text AS h${i}`).join(", ")
    }, ${filenode(relation)} FROM ${fromClause(request)} AS t`,
    reliesOn: `row versions of ${requestName(request)}`,
  }),
  content: (request) => ({
    sql: `SELECT count(*)::text AS rows, ${
      SEEDS.map((seed, i) => `sum(hashtextextended(t, ${seed}))::text AS h${i}`).join(", ")
    } FROM (SELECT r::text AS t FROM (SELECT * FROM ${fromClause(request)}) AS r OFFSET 0) AS s`,
    reliesOn: `a hash over all rows of ${requestName(request)}`,
  }),
  statistics: (request, relation) => ({
    sql: `SELECT sum(pg_stat_get_tuples_inserted(relid))::text AS inserted,
        sum(pg_stat_get_tuples_updated(relid))::text AS updated,
        sum(pg_stat_get_tuples_deleted(relid))::text AS deleted,
        string_agg(pg_relation_filenode(relid)::text, ',' ORDER BY relid) AS files,
        pg_postmaster_start_time()::text AS started,
        (SELECT stats_reset::text FROM pg_stat_database
          WHERE datname = current_database()) AS reset
      FROM ${members(relation)}`,
    reliesOn:
      `the server's counters of ${requestName(request)}, which may lag behind by a second ` +
      `or, in a session that does not end its transaction, longer`,
  }),
  watermark: (request) => ({
    sql: null,
    reliesOn: `the last ${request.timeColumn} of ${requestName(request)}; deleted, changed and ` +
      `late rows with an earlier one are not seen`,
  }),
};

/** Reads the last value of the time column, as text. */
export function watermarkSql(request: RowsRequest, type: PostgresType): string {
  const column = quoteName(request.timeColumn ?? "");
  return `SELECT (max(${column})${finite(column, type)})::text AS watermark ` +
    `FROM ${fromClause(request)}`;
}

/** Infinity, and NaN that PostgreSQL sorts after it, are no points to go on from. */
function finite(column: string, type: PostgresType): string {
  switch (type.name) {
    case "date":
    case "timestamp":
    case "timestamptz":
      return ` FILTER (WHERE isfinite(${column}))`;
    case "float4":
    case "float8":
      return ` FILTER (WHERE ${column} < 'Infinity')`;
    case "numeric":
      return ` FILTER (WHERE ${column} <> 'NaN')`;
  }
  return "";
}

/** PostgreSQL 14 learned to hash records and row places. */
function versionHash(major: number, seed: number): string {
  return major >= 14
    ? `hash_record_extended(ROW(t.tableoid, t.ctid, t.xmin), ${seed})`
    : `hashtextextended(t.tableoid::text || t.ctid::text || ':' || t.xmin::text, ${seed})`;
}

function filenode(relation: Relation | null): string {
  return `(SELECT string_agg(relid::oid::text || ':' || pg_relation_filenode(relid)::text, ',' ORDER BY relid::oid) ` +
    `FROM ${members(relation)}) AS files`;
}

/** A table and its partitions. */
function members(relation: Relation | null): string {
  const oid = `${relation?.oid ?? 0}::oid`;
  return relation?.kind === "p"
    ? `(SELECT relid::oid AS relid FROM pg_partition_tree(${oid}) WHERE isleaf) AS members`
    : `(SELECT ${oid} AS relid) AS members`;
}

/**
 * What no two databases share: the cluster's own number, its timeline (a restored copy has
 * another), the database's number and, because a copy of the files has all of them, where it is.
 * Without the right to ask for the first two, the last ones stand alone.
 */
async function databaseIdentity(connection: PostgresConnection): Promise<unknown> {
  const place = connection.describe().replace(/ as .*$/, "");
  const [database] = await connection.sql.unsafe(
    "SELECT oid::text AS oid FROM pg_database WHERE datname = current_database()",
  );
  const [allowed] = await connection.sql.unsafe<{ allowed: boolean }[]>(
    `SELECT has_function_privilege('pg_control_system()', 'EXECUTE')
      AND has_function_privilege('pg_control_checkpoint()', 'EXECUTE') AS allowed`,
  );
  const [cluster] = allowed?.allowed === true
    ? await connection.sql.unsafe(
      `SELECT system_identifier::text AS system, timeline_id::text AS timeline
        FROM pg_control_system(), pg_control_checkpoint()`,
    )
    : [];
  return { place, database: database?.["oid"] ?? null, cluster: cluster ?? null };
}

function serverMajor(connection: PostgresConnection): number {
  return Number.parseInt(connection.serverVersion, 10);
}

/** The relation of that name; null when there is none. */
export async function findRelation(
  sql: postgres.Sql,
  table: { readonly schema: string; readonly name: string },
): Promise<Relation | null> {
  const [row] = await sql.unsafe<{ oid: string; kind: string }[]>(
    `SELECT c.oid::text AS oid, c.relkind AS kind FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = ${quoteText(table.schema)} AND c.relname = ${quoteText(table.name)}
        AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`,
  );
  return row === undefined ? null : { oid: Number(row.oid), kind: row.kind };
}
