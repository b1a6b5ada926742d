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

/** Something that depends on a column, or on the rows of a table. */
export interface Dependent {
  /** `view shop.big`, `table constraint positive on shop.orders`. */
  readonly what: string;
  /** The statement that drops it; null: none that fits in a line. */
  readonly drop: string | null;
}

/** Something that depends on a column. */
export interface ColumnDependent extends Dependent {
  readonly column: string;
  /** PostgreSQL takes it along when the column's type becomes wider: an index, a constraint. */
  readonly allowsWidening: boolean;
  /** The column's own default: it goes with the column. */
  readonly isOwn: boolean;
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
  /** What depends on single columns; what must be dropped first comes first. */
  readonly columnDependents: readonly ColumnDependent[];
  /** Foreign keys of other tables that point at it. */
  readonly referencedBy: readonly Dependent[];
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
WITH RECURSIVE wanted AS MATERIALIZED (
  SELECT c.*, n.nspname FROM jsonb_to_recordset($1::text::jsonb) AS w(schema text, name text)
  JOIN pg_namespace n ON n.nspname = w.schema
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
), needs AS (
  SELECT d.refobjid AS relation, d.refobjsubid AS attnum, d.classid, d.objid, d.deptype, 1 AS depth
  FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
    AND d.refobjid IN (SELECT oid FROM wanted)
  UNION
  SELECT n.relation, n.attnum, d.classid, d.objid, d.deptype, n.depth + 1
  FROM needs n JOIN pg_rewrite r ON n.classid = 'pg_rewrite'::regclass AND r.oid = n.objid
    AND r.rulename = '_RETURN'
  JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = r.ev_class
    AND d.classid = 'pg_rewrite'::regclass AND d.deptype = 'n'
  JOIN pg_rewrite o ON o.oid = d.objid AND o.ev_class <> r.ev_class
  WHERE n.depth < 20
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
  (SELECT coalesce(jsonb_agg(jsonb_build_object('column', x.attname, 'what', x.what,
      'drop', x.statement, 'allowsWidening', x.widens, 'isOwn', x.own) ORDER BY x.depth DESC, x.what), '[]')
    FROM (SELECT a.attname, max(n.depth) AS depth, coalesce(
        (SELECT CASE v.relkind WHEN 'm' THEN 'materialized view ' WHEN 'v' THEN 'view ' ELSE 'rule on ' END
          || format('%I.%I', vn.nspname, v.relname) FROM pg_rewrite r JOIN pg_class v ON v.oid = r.ev_class
          JOIN pg_namespace vn ON vn.oid = v.relnamespace
          WHERE n.classid = 'pg_rewrite'::regclass AND r.oid = n.objid),
        CASE WHEN e.adnum = a.attnum THEN 'its default value' END,
        (SELECT format('generated column %I', g.attname) FROM pg_attrdef e
          JOIN pg_attribute g ON g.attrelid = e.adrelid AND g.attnum = e.adnum
          WHERE n.classid = 'pg_attrdef'::regclass AND e.oid = n.objid),
        (SELECT 'identity of the column' WHERE n.classid = 'pg_class'::regclass AND n.deptype = 'i'),
        (SELECT i.type || ' ' || i.identity FROM pg_identify_object(n.classid, n.objid, 0) i)) AS what,
      CASE n.classid
        WHEN 'pg_rewrite'::regclass THEN (SELECT format('DROP %s %I.%I', CASE v.relkind WHEN 'm'
            THEN 'MATERIALIZED VIEW' WHEN 'v' THEN 'VIEW' END, vn.nspname, v.relname)
          FROM pg_rewrite r JOIN pg_class v ON v.oid = r.ev_class AND v.relkind IN ('v', 'm')
          JOIN pg_namespace vn ON vn.oid = v.relnamespace WHERE r.oid = n.objid)
        WHEN 'pg_constraint'::regclass THEN (SELECT format('ALTER TABLE %s DROP CONSTRAINT %I',
            f.conrelid::regclass, f.conname) FROM pg_constraint f WHERE f.oid = n.objid)
        WHEN 'pg_attrdef'::regclass THEN (SELECT format('ALTER TABLE %s ALTER COLUMN %I DROP %s',
            e.adrelid::regclass, g.attname, CASE g.attgenerated WHEN '' THEN 'DEFAULT' ELSE 'EXPRESSION' END)
          FROM pg_attrdef e JOIN pg_attribute g ON g.attrelid = e.adrelid AND g.attnum = e.adnum
          WHERE e.oid = n.objid)
        WHEN 'pg_class'::regclass THEN CASE n.deptype
          WHEN 'i' THEN format('ALTER TABLE %s ALTER COLUMN %I DROP IDENTITY', n.relation::regclass, a.attname)
          ELSE format('DROP INDEX %s', n.objid::regclass) END
        WHEN 'pg_trigger'::regclass THEN format('DROP TRIGGER %s', (pg_identify_object(n.classid, n.objid, 0)).identity)
        WHEN 'pg_policy'::regclass THEN format('DROP POLICY %s', (pg_identify_object(n.classid, n.objid, 0)).identity)
        WHEN 'pg_statistic_ext'::regclass THEN format('DROP STATISTICS %s', (pg_identify_object(n.classid, n.objid, 0)).identity)
        WHEN 'pg_proc'::regclass THEN format('DROP FUNCTION %s', n.objid::regprocedure)
      END AS statement,
      n.classid IN ('pg_class'::regclass, 'pg_constraint'::regclass, 'pg_statistic_ext'::regclass)
        OR coalesce(e.adnum = a.attnum, false) AS widens,
      coalesce(e.adnum = a.attnum, false) OR (n.classid = 'pg_class'::regclass AND n.deptype = 'i') AS own
    FROM needs n JOIN pg_attribute a ON a.attrelid = n.relation AND a.attnum = n.attnum
    LEFT JOIN pg_attrdef e ON n.classid = 'pg_attrdef'::regclass AND e.oid = n.objid
    WHERE n.relation = c.oid
      AND NOT EXISTS (SELECT FROM pg_constraint f WHERE n.classid = 'pg_constraint'::regclass
        AND f.oid = n.objid AND f.contype = 'n')
      AND NOT EXISTS (SELECT FROM pg_class q WHERE n.classid = 'pg_class'::regclass
        AND q.oid = n.objid AND q.relkind = 'S' AND n.deptype = 'a')
    GROUP BY a.attname, a.attnum, n.classid, n.objid, n.deptype, n.relation, e.adnum) x) AS "columnDependents",
  (SELECT coalesce(jsonb_agg(jsonb_build_object(
      'what', format('foreign key %I of %s', f.conname, f.conrelid::regclass),
      'drop', format('ALTER TABLE %s DROP CONSTRAINT %I', f.conrelid::regclass, f.conname)) ORDER BY f.oid), '[]')
    FROM pg_constraint f WHERE f.confrelid = c.oid AND f.contype = 'f' AND f.conrelid <> c.oid) AS "referencedBy",
  (EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
    OR EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN'))
    AS "hasTriggers",
  coalesce(to_jsonb(c.reloptions), '[]') AS options
FROM wanted c`;
