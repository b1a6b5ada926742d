import { quoteName } from "../engine/quote.ts";
import type { TableWrite } from "../model/materialization.ts";
import type { FoundTable } from "./found_table.ts";
import { ENTRIES, type LedgerEntry, qualified, readEntries, WRITES } from "./ledger.ts";
import { isRevertable } from "./revert_writes.ts";
import { type Evolution, evolve, type WantedColumn } from "./table_evolution.ts";
import { factsKey, readFacts, type TableFacts } from "./table_facts.ts";
import { NAME_BYTES, type TableName } from "./table_name.ts";
import { canonicalPostgresType, parseDuckType, toPostgresType } from "./to_postgres_type.ts";
import type { WriteProblem } from "./write_problem.ts";
import type { WriteSession } from "./write_session.ts";
import { VERSION_SCHEMA, viewChange } from "./write_views.ts";

/** Name of a write's table. */
export function tableOf(table: readonly string[]): TableName {
  const [schema, name] = table;
  if (schema === undefined || name === undefined || table.length !== 2) {
    throw new Error(`not schema and table: ${table.join(".")}`);
  }
  return { schema, name };
}

/** Looks up tables and what is recorded of them, in the order asked for. */
export async function findTables(
  session: WriteSession,
  tables: readonly TableName[],
): Promise<FoundTable[]> {
  const facts = await readFacts(session, tables);
  const entries = new Map<string, Map<string, LedgerEntry>>();
  for (const schema of new Set(tables.map((table) => table.schema))) {
    if (await mayReadLedger(session, schema)) {
      entries.set(schema, await readEntries(session, schema));
    }
  }
  return tables.map((table) => {
    const found = facts.get(factsKey(table)) ?? null;
    const entry = entries.get(table.schema)?.get(table.name);
    return { table, facts: found, entry: entry?.oid === found?.oid ? entry ?? null : null };
  });
}

async function mayReadLedger(session: WriteSession, schema: string): Promise<boolean> {
  const [row] = await session.query<{ may: boolean }>(
    `SELECT has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS may ` +
      `FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = $2 ` +
      `WHERE n.nspname = $1`,
    [schema, ENTRIES],
  );
  return row?.may === true;
}

/** The columns a write wants, or what is wrong with them. */
export function wantedColumns(write: TableWrite): WantedColumn[] | { problem: string } {
  const types = write.spec.column_types ?? {};
  const names = new Map<string, string>();
  const columns: WantedColumn[] = [];
  for (const { name, type } of write.columns) {
    const cut = cutName(name);
    if (cut !== name) {
      const twin = names.get(cut);
      return {
        problem:
          `the name of column "${name}" is longer than ${NAME_BYTES} bytes; PostgreSQL would ` +
          (twin === undefined ? `cut it off to "${cut}"` : `make it the same as "${twin}"`),
      };
    }
    if (name === "" || name.includes("\0")) {
      return { problem: `"${name.replaceAll("\0", "\\0")}" cannot be the name of a column` };
    }
    if (SYSTEM_COLUMNS.has(name)) {
      return { problem: `"${name}" is the name of a column that every table of PostgreSQL has` };
    }
    names.set(cut, name);
    const wanted = types[name] === undefined
      ? toPostgresType(parseDuckType(type))
      : canonicalPostgresType(types[name]);
    if (wanted === null) {
      return { problem: `column "${name}" is ${type}, for which PostgreSQL has no type` };
    }
    columns.push({ name, type: wanted });
  }
  const unknown = Object.keys(types).find((name) => !names.has(name));
  if (unknown !== undefined) {
    return { problem: `column_types names "${unknown}", which the output does not have` };
  }
  return columns;
}

const SYSTEM_COLUMNS = new Set(["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"]);

function cutName(name: string): string {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length <= NAME_BYTES) return name;
  return new TextDecoder().decode(bytes.subarray(0, NAME_BYTES)).replace(/\uFFFD+$/, "");
}

/** How an existing table would have to change for a write. */
export function evolutionFor(
  found: { readonly facts: TableFacts; readonly entry: LedgerEntry | null },
  write: TableWrite,
  wanted: readonly WantedColumn[],
): Evolution {
  const { schema, name } = found.facts;
  const written = writtenColumns(found.entry);
  const table = qualified(schema, name);
  return evolve(found.facts, table, wanted, written, write.schema_evolution, {
    isWhole: write.spec.mode === "full",
    keepsColumns: found.entry !== null && isRevertable(found.entry.mode),
  });
}

/** Names of the columns of the output that was written last. */
export function writtenColumns(entry: LedgerEntry | null): ReadonlySet<string> {
  return new Set(entry?.columns.map(({ name }) => name) ?? []);
}

/** Everything that stands in the way of writes and can be known before; writes nothing. */
export async function checkWrites(
  session: WriteSession,
  writes: readonly TableWrite[],
): Promise<WriteProblem[]> {
  const problems: WriteProblem[] = [];
  const tables = writes.map((write) => tableOf(write.table));
  const seen = new Set<string>();
  for (const write of writes) {
    const key = write.table.join("\0");
    if (seen.has(key)) {
      problems.push({
        write,
        code: "duplicate_target",
        message: `${write.target} is written twice in one batch`,
        hint: "give one of the materializations another table",
      });
    }
    seen.add(key);
  }
  const rights = new Map<string, SchemaRights>();
  for (const schema of new Set(tables.map((table) => table.schema))) {
    rights.set(schema, await schemaRights(session, schema));
  }
  const found = await findTables(session, tables);
  const needsVersions = writes.some((write) => write.spec.mode === "view");
  const versions = needsVersions ? await schemaRights(session, VERSION_SCHEMA) : null;
  for (const [i, write] of writes.entries()) {
    const own = rights.get(tables[i]!.schema)!;
    const all = rightsProblems(write, own);
    if (write.spec.mode === "view" && versions !== null) {
      all.push(...rightsProblems(write, versions));
    }
    all.push(...tableProblems(session, write, found[i]!, own.isKnown));
    problems.push(...asOne(all));
  }
  return problems;
}

interface SchemaRights {
  readonly schema: string;
  readonly database: string;
  readonly user: string;
  readonly exists: boolean;
  readonly mayCreateSchema: boolean;
  readonly mayUse: boolean;
  readonly mayCreate: boolean;
  /** Whether the session sees what Seeknal recorded of the tables, if there is anything. */
  readonly isKnown: boolean;
  /** Ledger tables the session may not write. */
  readonly closed: readonly string[];
}

async function schemaRights(session: WriteSession, schema: string): Promise<SchemaRights> {
  const [row] = await session.query<SchemaRights>(
    `SELECT $1::text AS schema, current_database() AS database, current_user AS "user", ` +
      `n.oid IS NOT NULL AS exists, ` +
      `has_database_privilege(current_database(), 'CREATE') AS "mayCreateSchema", ` +
      `coalesce(has_schema_privilege(n.oid, 'USAGE'), false) AS "mayUse", ` +
      `coalesce(has_schema_privilege(n.oid, 'CREATE'), false) AS "mayCreate", ` +
      `NOT EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = '${ENTRIES}' ` +
      `AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))) ` +
      `AS "isKnown", ` +
      `(SELECT coalesce(jsonb_agg(c.relname), '[]') FROM pg_class c WHERE c.relnamespace = n.oid ` +
      `AND c.relname IN ('${ENTRIES}', '${WRITES}', '_seeknal_versions') ` +
      `AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') ` +
      `AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))) AS closed ` +
      `FROM (SELECT 1) x LEFT JOIN pg_namespace n ON n.nspname = $1`,
    [schema],
  );
  return row!;
}

function rightsProblems(write: TableWrite, rights: SchemaRights): WriteProblem[] {
  const role = quoteName(rights.user);
  const schema = quoteName(rights.schema);
  const missing = (what: string, statement: string): WriteProblem => ({
    write,
    code: "missing_privilege",
    message: `${write.target} cannot be written: role "${rights.user}" ${what}`,
    hint: `${FOR_SOMEBODY}${statement}`,
  });
  if (!rights.exists) {
    if (rights.mayCreateSchema) return [];
    return [missing(
      `may not create schema "${rights.schema}" in database "${rights.database}"`,
      `CREATE SCHEMA ${schema} AUTHORIZATION ${role};  ` +
        `-- or: GRANT CREATE ON DATABASE ${quoteName(rights.database)} TO ${role};`,
    )];
  }
  const problems: WriteProblem[] = [];
  if (!rights.mayUse || !rights.mayCreate) {
    problems.push(missing(
      `may not ${rights.mayUse ? "create tables in" : "use"} schema "${rights.schema}"`,
      `GRANT USAGE, CREATE ON SCHEMA ${schema} TO ${role};`,
    ));
  }
  if (rights.closed.length > 0) {
    const tables = rights.closed.map((name) => qualified(rights.schema, name)).join(", ");
    problems.push(missing(
      `may not write Seeknal's own tables in schema "${rights.schema}"`,
      `GRANT SELECT, INSERT, UPDATE, DELETE ON ${tables} TO ${role}; ` +
        `GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${schema} TO ${role};`,
    ));
  }
  return problems;
}

/** Problems with one table that the schema's rights do not account for, as one; empty: none. */
export function checkTable(
  session: WriteSession,
  write: TableWrite,
  found: FoundTable,
): WriteProblem[] {
  return asOne(tableProblems(session, write, found, true));
}

const FOR_SOMEBODY = "somebody who may must run: ";

/** All problems of one table as one: what is wrong and what helps, each on a line of its own. */
function asOne(problems: readonly WriteProblem[]): WriteProblem[] {
  const [first, second] = problems;
  if (first === undefined || second === undefined) return [...problems];
  const { write } = first;
  const prefixes = [
    `${write.target} cannot take the output of ${write.node}: `,
    `${write.target} cannot be written: `,
    `${write.target} `,
  ];
  const lines = problems.map(({ message }) => {
    const prefix = prefixes.find((text) => message.startsWith(text)) ?? "";
    return message.slice(prefix.length);
  });
  const hints = problems.flatMap(({ hint }) => hint ?? []);
  const isForSomebody = hints.some((hint) => hint.startsWith(FOR_SOMEBODY));
  const statements = hints.map((hint) =>
    hint.startsWith(FOR_SOMEBODY) ? hint.slice(FOR_SOMEBODY.length) : hint
  );
  const main = problems.find(({ code }) => code !== "missing_privilege") ?? first;
  return [{
    write,
    code: main.code,
    message: [`${write.target} cannot be written:`, ...new Set(lines)].join("\n    "),
    hint: [...isForSomebody ? [FOR_SOMEBODY.trim()] : [], ...new Set(statements)].join("\n    "),
  }];
}

/** `isKnown`: whether what is recorded of the table could be read. */
function tableProblems(
  session: WriteSession,
  write: TableWrite,
  found: FoundTable,
  isKnown: boolean,
): WriteProblem[] {
  const problem = (code: string, message: string, hint?: string): WriteProblem[] => [
    hint === undefined ? { write, code, message } : { write, code, message, hint },
  ];
  const { facts, entry, table } = found;
  if (write.action === "revert") return isKnown ? checkReverted(session, write, found) : [];
  const wanted = wantedColumns(write);
  if ("problem" in wanted) {
    return problem(
      "unsupported_column",
      `${write.target} cannot hold the output of ${write.node}: ${wanted.problem}`,
      "rename or cast the column in the node's SQL",
    );
  }
  const columnProblem = specColumnProblem(write, wanted);
  if (columnProblem !== null) return problem("unknown_column", columnProblem);
  if (facts === null) {
    return isCreationRefused(write)
      ? problem(
        "missing_table",
        `${write.target} does not exist, and create_table is false`,
        `create it, or leave create_table out`,
      )
      : [];
  }
  const rights = facts.missing.length > 0 ? [rightsProblem(session, write, facts)] : [];
  // Nothing can be said about a table whose record cannot be read.
  if (!isKnown) return rights;
  const foreign = foreignProblem(write, found);
  const isTable = facts.kind === "r" || facts.kind === "p";
  const mayBeAdopted = entry === null && isTable && write.spec.mode !== "view";
  if (foreign !== null && !mayBeAdopted) return [foreign];
  const name = qualified(table.schema, table.name);
  const isView = write.spec.mode === "view";
  if (isView !== (facts.kind === "v")) {
    return problem(
      "mode_change",
      `${write.target} is a ${KINDS[facts.kind] ?? "relation"} and mode ${write.spec.mode} ` +
        `makes a ${isView ? "view" : "table"} of it: what is built on it would be lost`,
      `drop it, then repeat the command: DROP ${KINDS[facts.kind]?.toUpperCase()} ${name};`,
    );
  }
  if (isView) {
    if (!facts.owns) return [ownerProblem(session, write, facts)];
    const change = viewChange(facts, wanted, writtenColumns(entry), write.schema_evolution);
    return change.problem === null
      ? []
      : problem(change.code, `${write.target}: ${change.problem}`, change.hint);
  }
  const evolution = evolutionFor({ facts, entry }, write, wanted);
  const isAltered = evolution.refused.length === 0 && evolution.statements.length > 0;
  return [
    ...(foreign === null ? [] : [foreign]),
    ...rights,
    ...evolution.refused.map(({ message, hint }) => ({
      write,
      code: "schema_change_refused",
      message: `${write.target} cannot take the output of ${write.node}: ${message}`,
      hint,
    })),
    ...(isAltered && !facts.owns ? [ownerProblem(session, write, facts)] : []),
  ];
}

/**
 * What keeps a table from being taken back, but for its history: neither the output's columns nor
 * the mode it is written in now have a part in it.
 */
function checkReverted(
  session: WriteSession,
  write: TableWrite,
  found: FoundTable,
): WriteProblem[] {
  const cannot = (message: string): WriteProblem[] => [{ write, code: "cannot_revert", message }];
  const { facts } = found;
  if (facts === null) return cannot(`${write.target} does not exist`);
  const foreign = foreignProblem(write, found);
  if (foreign !== null) return [foreign];
  if (facts.kind === "v") {
    return cannot(
      `${write.target} is a view: no rows were ever added to it that could be taken back`,
    );
  }
  return facts.missing.length > 0 ? [rightsProblem(session, write, facts)] : [];
}

function rightsProblem(session: WriteSession, write: TableWrite, facts: TableFacts): WriteProblem {
  const { user } = session.connection;
  const rights = facts.missing.join(", ");
  return {
    write,
    code: "missing_privilege",
    message: `${write.target} cannot be written: role "${user}" has no right to ${rights}`,
    hint: `${FOR_SOMEBODY}GRANT ${rights} ON TABLE ` +
      `${qualified(facts.schema, facts.name)} TO ${quoteName(user)};`,
  };
}

/** Whether the author wants a missing table to be an error (`create_table: false`). */
function isCreationRefused({ spec }: TableWrite): boolean {
  return "create_table" in spec && spec.create_table === false;
}

const KINDS: Readonly<Record<string, string>> = {
  r: "table",
  p: "table",
  v: "view",
  m: "materialized view",
  f: "foreign table",
  S: "sequence",
  i: "index",
  c: "type",
};

function ownerProblem(session: WriteSession, write: TableWrite, facts: TableFacts): WriteProblem {
  const role = quoteName(session.connection.user);
  const kind = facts.kind === "v" ? "VIEW" : "TABLE";
  return {
    write,
    code: "missing_privilege",
    message: `${write.target} must be altered, and it belongs to role "${facts.owner}"`,
    hint: `${FOR_SOMEBODY}ALTER ${kind} ${qualified(facts.schema, facts.name)} ` +
      `OWNER TO ${role};`,
  };
}

/** Why a table is not this write's to change; null when it is. */
export function foreignProblem(write: TableWrite, found: FoundTable): WriteProblem | null {
  const { facts, entry } = found;
  if (facts === null) return null;
  const name = qualified(facts.schema, facts.name);
  const rename = `ALTER TABLE ${name} RENAME TO ${quoteName(`${facts.name.slice(0, 55)}_old`)};`;
  if (entry === null) {
    const isTable = facts.kind === "r" || facts.kind === "p";
    if (write.spec.existing === "adopt" && isTable && write.spec.mode !== "view") return null;
    const kind = KINDS[facts.kind] ?? "relation";
    return {
      write,
      code: "foreign_table",
      message: `${write.target} is a ${kind} that Seeknal did not write`,
      hint: isTable && write.spec.mode !== "view"
        ? `rename it: ${rename} or take it over: existing: adopt`
        : `drop or rename it, or write to another table`,
    };
  }
  const { owner } = write;
  if (entry.project === owner.project && entry.environment === owner.environment) return null;
  const whose = entry.project === owner.project
    ? `environment "${entry.environment}"`
    : `project "${entry.project}" (environment "${entry.environment}")`;
  return {
    write,
    code: "foreign_table",
    message: `${write.target} belongs to ${whose}, which writes it from ${entry.node}`,
    hint: "write to another schema or table",
  };
}

function specColumnProblem(write: TableWrite, wanted: readonly WantedColumn[]): string | null {
  const { spec } = write;
  const names = new Set(wanted.map(({ name }) => name));
  const missing = (spec.unique_keys ?? []).find((key) => !names.has(key));
  if (spec.mode === "upsert_by_key" && missing !== undefined) {
    return `unique_keys of ${write.target} names "${missing}", which ${write.node} does not have`;
  }
  if (spec.mode !== "incremental_by_time") return null;
  const time = wanted.find(({ name }) => name === spec.time_column);
  if (time === undefined) {
    return `time_column of ${write.target} is "${spec.time_column}", which ${write.node} does not have`;
  }
  return /^(date|timestamp)/.test(time.type)
    ? null
    : `time_column "${time.name}" of ${write.target} is ${time.type}; it must be a date or a timestamp`;
}
