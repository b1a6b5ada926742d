import { sha256 } from "../base/hash.ts";
import { quoteName, quoteText } from "../engine/quote.ts";
import type { TableWrite } from "../model/materialization.ts";
import type { SchemaEvolution } from "../model/profile.ts";
import { qualified, SCHEMA_COMMENT } from "./ledger.ts";
import type { WantedColumn } from "./table_evolution.ts";
import type { TableFacts } from "./table_facts.ts";
import type { TableName } from "./table_name.ts";
import { OWN_PREFIX } from "./table_name.ts";
import { holdsAllOf } from "./to_postgres_type.ts";
import type { WriteSession } from "./write_session.ts";

/**
 * Schema of the tables that views show: one for all environments of a database, so that two of
 * them share a content. Readers need no right to it: a view reads with its owner's.
 */
export const VERSION_SCHEMA = OWN_PREFIX;
/** Table that says what each version is. */
export const VERSIONS = `${OWN_PREFIX}_versions`;

/** An immutable table of {@linkcode VERSION_SCHEMA}. */
export interface Version {
  readonly name: string;
  readonly project: string;
  readonly content_hash: string;
  readonly rows: number;
  readonly checksum: string | null;
}

/** Name of the version of a content with these columns. */
export function versionName(write: TableWrite, columns: readonly WantedColumn[]): string {
  const { content_hash, owner } = write;
  const what = JSON.stringify([owner.project, content_hash, columns.map((c) => [c.name, c.type])]);
  return `v_${sha256(what).slice(0, 40)}`;
}

/** Creates the schema of versions when it is missing. To be called in a transaction. */
export async function createVersions(session: WriteSession): Promise<void> {
  if (await hasVersions(session)) return;
  await session.query(`SELECT pg_advisory_xact_lock(hashtext('seeknal ${VERSION_SCHEMA}'))`);
  if (await hasVersions(session)) return;
  const [found] = await session.query(`SELECT 1 FROM pg_namespace WHERE nspname = $1`, [
    VERSION_SCHEMA,
  ]);
  if (found === undefined) {
    await session.query(
      `CREATE SCHEMA ${quoteName(VERSION_SCHEMA)}; ` +
        `COMMENT ON SCHEMA ${quoteName(VERSION_SCHEMA)} IS ${quoteText(SCHEMA_COMMENT)}`,
    );
  }
  await session.query(
    `CREATE TABLE ${qualified(VERSION_SCHEMA, VERSIONS)} (name text PRIMARY KEY, ` +
      `project text NOT NULL, content_hash text NOT NULL, rows bigint NOT NULL, checksum text, ` +
      `made_at timestamptz NOT NULL DEFAULT now())`,
  );
}

/** True when the database has versions. */
export async function hasVersions(session: WriteSession): Promise<boolean> {
  const [row] = await session.query(
    `SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace ` +
      `WHERE n.nspname = $1 AND c.relname = $2`,
    [VERSION_SCHEMA, VERSIONS],
  );
  return row !== undefined;
}

/** A version by its name; null when there is none. It is complete: it came with its rows in one transaction. */
export async function findVersion(session: WriteSession, name: string): Promise<Version | null> {
  if (!await hasVersions(session)) return null;
  const [row] = await session.query<Version>(
    `SELECT name, project, content_hash, rows::float8, checksum ` +
      `FROM ${qualified(VERSION_SCHEMA, VERSIONS)} v WHERE name = $1 ` +
      `AND to_regclass(format('%I.%I', '${VERSION_SCHEMA}', v.name)) IS NOT NULL`,
    [name],
  );
  return row ?? null;
}

/** What it takes to make a view show other columns. */
export type ViewChange =
  & {
    /** Columns in the order the view is to have them; `empty` ones are left over and stay NULL. */
    readonly columns: readonly (WantedColumn & { readonly empty?: true })[];
    /** True when the view must be dropped and made again. */
    readonly recreate: boolean;
  }
  & ({ readonly problem: null } | {
    readonly problem: string;
    readonly code: string;
    readonly hint: string;
  });

/**
 * Compares a view with the columns it is to show. PostgreSQL can add columns at the end of a view
 * in place; for anything else it must be made again, which is done only where nothing is built
 * on it: `auto` allows that, `safe` new columns only, `strict` no difference. A column that the last
 * output did not have either was left by an undo, for the sake of what is built on the view.
 *
 * `written`: names of the columns of the last output.
 */
export function viewChange(
  facts: TableFacts | null,
  wanted: readonly WantedColumn[],
  written: ReadonlySet<string>,
  policy: SchemaEvolution,
): ViewChange {
  if (facts === null) return { columns: wanted, recreate: false, problem: null };
  const byName = new Map(wanted.map((column) => [column.name, column]));
  const existing = new Set(facts.columns.map(({ name }) => name));
  const isBuiltOn = facts.dependents.length > 0 || facts.hasTriggers;
  const isLeft = (name: string) => !byName.has(name) && !written.has(name);
  const kept = facts.columns.flatMap(({ name, type }) =>
    isLeft(name) && isBuiltOn ? { name, type, empty: true as const } : byName.get(name) ?? []
  );
  const added = wanted.filter(({ name }) => !existing.has(name));
  const columns = [...kept, ...added];
  const gone = facts.columns.filter(({ name }) => !byName.has(name) && !isLeft(name));
  const retyped = facts.columns.filter(({ name, type }) =>
    byName.has(name) && byName.get(name)!.type !== type
  );
  const recreate = gone.length > 0 || retyped.length > 0 ||
    (!isBuiltOn && facts.columns.some(({ name }) => isLeft(name)));
  const changed = [
    ...gone.map(({ name }) => `column "${name}" is not in the output`),
    ...retyped.map(({ name, type }) =>
      `column "${name}" is ${type} in the view and ${byName.get(name)!.type} in the output`
    ),
  ];
  const result = { columns, recreate };
  const isNarrower = retyped.some(({ name, type }) => !holdsAllOf(byName.get(name)!.type, type));
  if (recreate && isBuiltOn) {
    const what = facts.dependents.length > 0
      ? `${facts.dependents.join(", ")} is built on it`
      : "it has triggers or rules of its own";
    return {
      ...result,
      problem: `${changed.join(", ")}, and ${what}`,
      code: "dependent_objects",
      hint: "drop what is built on it, repeat the command, then create it again; " +
        "or keep the columns in the node",
    };
  }
  if (policy === "auto" && !isNarrower) return { ...result, problem: null };
  if (policy === "strict" && added.length > 0) {
    changed.push(...added.map(({ name }) => `column "${name}" is not in the view`));
  }
  if (changed.length === 0) return { ...result, problem: null };
  return {
    ...result,
    problem: `${changed.join(", ")} (schema_evolution: ${policy})`,
    code: "schema_change_refused",
    hint: `drop the view, then repeat the command: DROP VIEW ${
      qualified(facts.schema, facts.name)
    };`,
  };
}

/** The query of a view that shows a version. */
export function versionQuery(columns: ViewChange["columns"], version: string): string {
  const names = columns.map(({ name, type, empty }) =>
    empty === true ? `NULL::${type} AS ${quoteName(name)}` : quoteName(name)
  ).join(", ");
  return `SELECT ${names} FROM ${qualified(VERSION_SCHEMA, version)}`;
}

/** The statement that makes a view, or changes it in place, its options kept. */
export function replaceView(table: TableName, facts: TableFacts | null, query: string): string {
  return `CREATE OR REPLACE VIEW ${qualified(table.schema, table.name)}` +
    `${withOptions(facts?.options ?? [])} AS ${query}`;
}

/** `WITH (security_barrier=true)`: replacing a view without them would reset them. */
function withOptions(options: readonly string[]): string {
  if (options.length === 0) return "";
  const list = options.map((option) => {
    const [name, ...value] = option.split("=");
    return `${quoteName(name!)} = ${quoteText(value.join("="))}`;
  });
  return ` WITH (${list.join(", ")})`;
}

/**
 * Drops a view and makes it again from a query, with its owner, rights and comments. Fails where
 * something is built on it.
 */
export async function recreateView(
  session: WriteSession,
  facts: TableFacts,
  select: string,
): Promise<void> {
  const view = qualified(facts.schema, facts.name);
  const kept = await keptOfView(session, facts);
  await session.query(
    `DROP VIEW ${view}; CREATE VIEW ${view}${withOptions(facts.options)} AS ${select}`,
  );
  const columns = await session.query<{ name: string }>(
    `SELECT attname AS name FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0`,
    [view],
  );
  const names = new Set(columns.map(({ name }) => name));
  const statements = kept.filter(({ column }) => column === null || names.has(column))
    .map(({ statement }) => statement);
  if (statements.length > 0) await session.query(statements.join(";\n"));
}

/** Statements that give a view made anew what the old one had, in the order to run them. */
async function keptOfView(
  session: WriteSession,
  facts: TableFacts,
): Promise<{ statement: string; column: string | null }[]> {
  const view = qualified(facts.schema, facts.name);
  const grants = await session.query<
    { column: string | null; right: string; grantee: string; grantable: boolean }
  >(
    `SELECT x.column, a.privilege_type AS right, a.is_grantable AS grantable, ` +
      `CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee ` +
      `FROM (SELECT NULL::text AS column, relacl AS acl, relowner AS owner FROM pg_class ` +
      `WHERE oid = $1::text::oid UNION ALL SELECT attname, attacl, NULL FROM pg_attribute ` +
      `WHERE attrelid = $1::text::oid AND attnum > 0 AND NOT attisdropped) x, aclexplode(x.acl) a ` +
      `WHERE a.grantee IS DISTINCT FROM x.owner`,
    [facts.oid],
  );
  const comments = await session.query<{ column: string | null; comment: string }>(
    `SELECT a.attname AS column, d.description AS comment FROM pg_description d ` +
      `LEFT JOIN pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid > 0 ` +
      `WHERE d.classoid = 'pg_class'::regclass AND d.objoid = $1::text::oid`,
    [facts.oid],
  );
  return [
    ...grants.map(({ column, right, grantee, grantable }) => ({
      column,
      statement: `GRANT ${right}${column === null ? "" : ` (${quoteName(column)})`} ON ${view} ` +
        `TO ${grantee}${grantable ? " WITH GRANT OPTION" : ""}`,
    })),
    ...comments.map(({ column, comment }) => ({
      column,
      statement: column === null
        ? `COMMENT ON VIEW ${view} IS ${quoteText(comment)}`
        : `COMMENT ON COLUMN ${view}.${quoteName(column)} IS ${quoteText(comment)}`,
    })),
    { column: null, statement: `ALTER VIEW ${view} OWNER TO ${quoteName(facts.owner)}` },
  ];
}
