import type { TableName } from "./table_name.ts";
import type { WriteSession } from "./write_session.ts";

/** A column of a table as the catalog has it. */
export interface TableColumn {
  readonly name: string;
  /** As `format_type` writes it. */
  readonly type: string;
  readonly notNull: boolean;
  /** A default, an identity, or a generation expression gives it a value. */
  readonly hasDefault: boolean;
  readonly generated: boolean;
  /** GENERATED ALWAYS AS IDENTITY: can be inserted, not updated. */
  readonly identityAlways: boolean;
}

/** What the catalog says about a relation. */
export interface TableFacts {
  readonly schema: string;
  readonly name: string;
  readonly oid: string;
  /** `r` table, `p` partitioned table, `v` view, … */
  readonly kind: string;
  readonly owner: string;
  /** Whether the session may act as its owner. */
  readonly owns: boolean;
  /** Rights on it that the session lacks, of SELECT, INSERT, UPDATE, DELETE. */
  readonly missing: readonly string[];
  readonly columns: readonly TableColumn[];
  /** Columns of unique indexes that tell every row apart (no NULL, no condition), the primary key first. */
  readonly keys: readonly (readonly string[])[];
  /** Number of unique indexes. */
  readonly uniqueIndexes: number;
  /** True when foreign keys of other tables point at it. */
  readonly referenced: boolean;
  /** Views, rules and functions that are built on it, as `schema.name`. */
  readonly dependents: readonly string[];
  /** For views: triggers and rules of its own. */
  readonly hasTriggers: boolean;
  /** Storage parameters, `security_barrier=true`. */
  readonly options: readonly string[];
}

/** What the catalog says about relations, by `schema` and `name` joined with a zero character. */
export async function readFacts(
  session: WriteSession,
  tables: readonly TableName[],
): Promise<Map<string, TableFacts>> {
  if (tables.length === 0) return new Map();
  const rows = await session.query<TableFacts>(FACTS_SQL, [
    JSON.stringify(tables.map(({ schema, name }) => ({ schema, name }))),
  ]);
  return new Map(rows.map((row) => [factsKey(row), row]));
}

/** The key of {@linkcode readFacts}' map. */
export function factsKey({ schema, name }: TableName): string {
  return `${schema}\0${name}`;
}

const FACTS_SQL = `
WITH wanted AS MATERIALIZED (
  SELECT c.*, n.nspname FROM jsonb_to_recordset($1::text::jsonb) AS w(schema text, name text)
  JOIN pg_namespace n ON n.nspname = w.schema
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
)
SELECT c.nspname AS schema, c.relname AS name, c.oid::text, c.relkind AS kind,
  pg_get_userbyid(c.relowner) AS owner, pg_has_role(c.relowner, 'USAGE') AS owns,
  (SELECT coalesce(jsonb_agg(p), '[]') FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) p
    WHERE NOT has_table_privilege(c.oid, p)) AS missing,
  (SELECT coalesce(jsonb_agg(jsonb_build_object(
      'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'notNull', a.attnotnull,
      'hasDefault', a.atthasdef OR a.attidentity <> '', 'generated', a.attgenerated <> '',
      'identityAlways', a.attidentity = 'a')
      ORDER BY a.attnum), '[]')
    FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
  (SELECT coalesce(jsonb_agg(k.names ORDER BY k.indisprimary DESC, k.indexrelid), '[]') FROM (
      SELECT i.indisprimary, i.indexrelid, jsonb_agg(a.attname ORDER BY u.n) AS names
      FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS u(attnum, n)
      JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.attnum
      WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate
        AND i.indpred IS NULL AND i.indexprs IS NULL AND u.n <= i.indnkeyatts
      GROUP BY i.indisprimary, i.indexrelid HAVING bool_and(a.attnotnull)) k) AS keys,
  (SELECT count(*)::int FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique) AS "uniqueIndexes",
  EXISTS (SELECT FROM pg_constraint f WHERE f.confrelid = c.oid AND f.contype = 'f'
    AND f.conrelid <> c.oid) AS referenced,
  (SELECT coalesce(jsonb_agg(DISTINCT d.name), '[]') FROM (
      SELECT format('%I.%I', vn.nspname, v.relname) AS name
      FROM pg_depend d JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
      JOIN pg_class v ON v.oid = r.ev_class JOIN pg_namespace vn ON vn.oid = v.relnamespace
      WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND v.oid <> c.oid
      UNION
      SELECT format('%I.%I', pn.nspname, p.proname)
      FROM pg_depend d JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
      JOIN pg_namespace pn ON pn.oid = p.pronamespace
      WHERE d.refobjid IN (c.oid, c.reltype) AND d.deptype = 'n') d) AS dependents,
  (EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
    OR EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN'))
    AS "hasTriggers",
  coalesce(to_jsonb(c.reloptions), '[]') AS options
FROM wanted c`;
