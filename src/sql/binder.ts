import { quoteName, quoteNodeId, quoteText } from "../engine/quote.ts";
import { type Session, SqlError } from "../engine/session.ts";
import type { NodeId } from "../model/ids.ts";
import type { ColumnShape, QueryShape } from "../model/manifest.ts";
import { shapeOfPlan } from "../shape/query_shape.ts";
import { readEach } from "./read_each.ts";
import { storedType } from "./stored_type.ts";
import { readTrees } from "./syntax_tree.ts";
import { tokenize, withoutSemicolon } from "./tokens.ts";

/** A query to look at. */
export interface BindRequest {
  readonly id: NodeId;
  /** Resolved SQL, one SELECT. */
  readonly sql: string;
}

/** What the engine says about a query. */
export type BindResult =
  | { readonly ok: true; readonly bound: BoundQuery }
  | { readonly ok: false; readonly error: SqlError };

/** A query that binds. */
export interface BoundQuery {
  readonly shape: QueryShape;
  /** DuckDB's own spelling of it. */
  readonly canonicalSql: string;
  /** Equal for two spellings of the same syntax tree. */
  readonly queryHash: string;
  /** Relations it names as `kind.name`; null where the syntax tree cannot be had. */
  readonly relations: readonly string[] | null;
  /** Table functions it calls that could read something else than its inputs. */
  readonly foreignFunctions: readonly string[];
}

/**
 * Finds out what queries return without reading a row: every known node is an
 * empty table in a session that is locked against the outside, so a query that
 * opens a file fails here, in the plan.
 */
export class Binder {
  readonly #session: Session;
  readonly #parser: Session;
  readonly #declared = new Set<string>();
  readonly #schemas = new Set<string>();

  /** The parser is another connection to the session's database, or the session itself; both are the caller's to close. */
  constructor(session: Session, parser: Session) {
    this.#session = session;
    this.#parser = parser;
  }

  /** Makes nodes known by their columns. */
  async declare(nodes: Iterable<{ id: NodeId; columns: readonly Column[] }>): Promise<void> {
    const statements: string[] = [];
    for (const { id, columns } of nodes) {
      if (this.#declared.has(id)) continue;
      this.#declared.add(id);
      statements.push(...this.#schemaStatement(id), tableSql(id, columns));
    }
    if (statements.length > 0) await this.#session.run(statements.join(";\n"));
  }

  /** SQL types as the engine spells them; null for what is no type. */
  async typeNames(types: readonly string[]): Promise<Map<string, string | null>> {
    const requests = types.map((type) => ({ id: type as NodeId, sql: type }));
    // Quoted text is not SQL: a type that could end the expression is refused unseen.
    const sound = requests.filter(({ sql }) => /^[\w\s(),."[\]]+$/.test(sql));
    const answers = await readEach(
      this.#session,
      sound,
      (_quoted, _i, type) => [`typeof(CAST(NULL AS ${type}))`],
    );
    return new Map(types.map((type) => [type, answers.get(type as NodeId)?.[0] ?? null]));
  }

  /** Binds queries whose inputs are declared, and declares those that bind. */
  async bind(requests: readonly BindRequest[]): Promise<BindResult[]> {
    const failures = new Map<NodeId, SqlError>();
    for (const { id, sql } of requests) {
      const problem = statementProblem(sql) ?? await this.#pivotProblem(sql);
      if (problem !== null) failures.set(id, problem);
    }
    const sound = requests.filter(({ id }) => !failures.has(id));
    // Trees and plans need the inputs only, which are there: the second session reads them
    // while this one makes the tables that the next queries need.
    const reading = this.#readTexts(sound);
    reading.catch(() => {}); // awaited below, unless binding throws first
    await this.#createTables(sound, failures);
    const bound = sound.filter(({ id }) => !failures.has(id));
    const columns = await this.#columnsOf(bound);
    for (const { id } of bound) await this.#storeTypes(id, columns.get(id)!, failures);
    const { trees, plans } = await reading;
    const shapes = readShapes(
      bound.filter(({ id }) => !failures.has(id)),
      plans,
      columns,
      failures,
    );
    return requests.map(({ id }) => {
      const error = failures.get(id);
      if (error !== undefined) return { ok: false, error };
      return { ok: true, bound: { shape: shapes.get(id)!, ...trees.get(id)! } };
    });
  }

  async #readTexts(requests: readonly BindRequest[]) {
    const trees = await readTrees(this.#parser, requests);
    const plans = await readEach(this.#parser, requests, (sql) => [
      `json_serialize_plan(${sql}, skip_null := true)`,
    ]);
    return { trees, plans };
  }

  /** A PIVOT without a list of values has columns that only the data can tell. */
  async #pivotProblem(sql: string): Promise<SqlError | null> {
    if (!/\bpivot/i.test(sql)) return null;
    try {
      if (await this.#parser.statementCount(withoutSemicolon(sql)) === 1) return null;
    } catch (error) {
      if (error instanceof SqlError) return null; // said again, with its place, when it is bound
      throw error;
    }
    const at = tokenize(sql).find(({ text }) => /^pivot/i.test(text))?.start ?? 0;
    return problemAt(
      sql,
      at,
      "PIVOT without IN has columns that depend on the data: list the values, PIVOT … ON column IN ('a', 'b')",
    );
  }

  /** Many at a time; a group with a query that fails is done again one by one to learn which. */
  async #createTables(
    requests: readonly BindRequest[],
    failures: Map<NodeId, SqlError>,
  ): Promise<void> {
    const schemas = requests.flatMap(({ id }) => this.#schemaStatement(id));
    if (schemas.length > 0) await this.#session.run(schemas.join(";\n"));
    const alone = requests.filter(({ sql }) => !isSelfContained(sql));
    const together = requests.filter(({ sql }) => isSelfContained(sql));
    for (let i = 0; i < together.length; i += BATCH) {
      const batch = together.slice(i, i + BATCH);
      try {
        await this.#session.run(batch.map(createTableSql).join(";\n"));
      } catch (error) {
        if (!(error instanceof SqlError)) throw error;
        alone.push(...batch);
      }
    }
    for (const request of alone) {
      const error = await this.#tryCreate(request);
      if (error !== null) failures.set(request.id, error);
    }
    for (const { id } of requests) if (!failures.has(id)) this.#declared.add(id);
  }

  #schemaStatement(id: NodeId): string[] {
    const kind = id.slice(0, id.indexOf("."));
    if (this.#schemas.has(kind)) return [];
    this.#schemas.add(kind);
    return [`CREATE SCHEMA IF NOT EXISTS ${quoteName(kind)}`];
  }

  async #tryCreate(request: BindRequest): Promise<SqlError | null> {
    try {
      await this.#session.run(createTableSql(request));
      return null;
    } catch (error) {
      if (error instanceof SqlError) return movedUp(error, request.sql);
      throw error;
    }
  }

  async #columnsOf(requests: readonly BindRequest[]): Promise<Map<NodeId, Column[]>> {
    const result = new Map<NodeId, Column[]>(requests.map(({ id }) => [id, []]));
    if (requests.length === 0) return result;
    const { rows } = await this.#session.read(
      "SELECT schema_name || '.' || table_name, column_name, data_type FROM duckdb_columns() " +
        `WHERE NOT internal AND schema_name || '.' || table_name IN (${
          requests.map(({ id }) => quoteText(id)).join(", ")
        }) ORDER BY table_oid, column_index`,
    );
    for (const [id, name, type] of rows as [NodeId, string, string][]) {
      result.get(id)!.push({ name, type });
    }
    return result;
  }

  async #storeTypes(
    id: NodeId,
    columns: readonly Column[],
    failures: Map<NodeId, SqlError>,
  ): Promise<void> {
    const unstorable = columns.find(({ type }) => storedType(type) === null);
    if (unstorable !== undefined) {
      failures.set(id, unstorableError(unstorable));
      return;
    }
    if (columns.every(({ type }) => storedType(type) === type)) return;
    await this.#session.run(`DROP TABLE ${quoteNodeId(id)};\n${tableSql(id, stored(columns))}`);
  }
}

function readShapes(
  requests: readonly BindRequest[],
  plans: ReadonlyMap<NodeId, readonly string[] | null>,
  columns: ReadonlyMap<NodeId, readonly Column[]>,
  failures: Map<NodeId, SqlError>,
): Map<NodeId, QueryShape> {
  const shapes = new Map<NodeId, QueryShape>();
  for (const { id, sql } of requests) {
    const result = shapeOfPlan(plans.get(id)?.[0] ?? null, stored(columns.get(id)!));
    if (result.type === "shape") shapes.set(id, result.shape);
    else failures.set(id, rowIdError(sql));
  }
  return shapes;
}

type Column = Pick<ColumnShape, "name" | "type">;

function stored(columns: readonly Column[]): Column[] {
  return columns.map(({ name, type }) => ({ name, type: storedType(type)! }));
}

function tableSql(id: NodeId, columns: readonly Column[]): string {
  const list = columns.map(({ name, type }) => `${quoteName(name)} ${type}`).join(", ");
  return `CREATE OR REPLACE TABLE ${quoteNodeId(id)} (${list})`;
}

/** Statements sent to the engine at once. */
const BATCH = 25;

function createTableSql({ id, sql }: BindRequest): string {
  return `CREATE OR REPLACE TABLE ${quoteNodeId(id)} AS\n${withoutSemicolon(sql)}\nWITH NO DATA`;
}

/** False for text that might run on into what stands behind it: an open quote or comment. */
function isSelfContained(sql: string): boolean {
  return !/\/\*|\$/.test(sql) &&
    tokenize(sql).every(({ kind, text }) =>
      (kind !== "string" && kind !== "quoted") ||
      (text.length > 1 && text.at(-1) === text.at(0)!.replace(/e/i, "'"))
    );
}

/** A node is one statement with columns that can be known in advance. */
function statementProblem(sql: string): SqlError | null {
  const tokens = tokenize(withoutSemicolon(sql));
  const semicolon = tokens.find((token) => token.text === ";");
  if (semicolon !== undefined) {
    return problemAt(
      sql,
      semicolon.start,
      /^\s*MODEL\s*\(/i.test(sql)
        ? "A node has no MODEL block: write its fields as YAML, in a comment at the top"
        : "A node is one SELECT: use WITH for intermediate steps",
    );
  }
  if (sql.includes("\0")) return problemAt(sql, sql.indexOf("\0"), "The SQL holds a zero byte");
  if (tokens.every((token) => token.kind === "space" || token.kind === "comment")) {
    return problemAt(sql, 0, "The SQL is empty");
  }
  return null;
}

function problemAt(sql: string, offset: number, message: string): SqlError {
  const before = sql.slice(0, offset);
  return new SqlError(message, {
    category: "Project",
    position: { line: before.split("\n").length, column: offset - before.lastIndexOf("\n") },
    candidates: [],
  });
}

/** The empty tables of the plan have row numbers, Parquet files do not. */
function rowIdError(sql: string): SqlError {
  const at = tokenize(sql).find(({ text }) => /^"?rowid"?$/i.test(text))?.start ?? 0;
  return problemAt(
    sql,
    at,
    "rowid is no column of a node's output: number the rows with row_number() OVER (ORDER BY …)",
  );
}

function unstorableError({ name, type }: Column): SqlError {
  const how = type.includes("STRUCT") ? "give every field a name, or cast it" : "cast it";
  return new SqlError(`Column "${name}" has type ${type}, which Parquet cannot hold: ${how}`, {
    category: "Project",
    position: null,
    candidates: [],
  });
}

/** The SQL stands on the second line of the statement that binds it, with more behind it. */
function movedUp(error: SqlError, sql: string): SqlError {
  if (error.position === null) return error;
  const lines = withoutSemicolon(sql).split("\n");
  if (error.category === "Parser" && error.position.line - 1 > lines.length) {
    return problemAt(sql, sql.trimEnd().length, "syntax error: the query ends too early");
  }
  return new SqlError(error.message, {
    category: error.category,
    position: { ...error.position, line: Math.max(1, error.position.line - 1) },
    candidates: error.candidates,
  });
}
