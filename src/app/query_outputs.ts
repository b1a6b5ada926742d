import { removeIfExists } from "../base/atomic_write.ts";
import { didYouMean } from "../base/closest.ts";
import { UserError } from "../base/user_error.ts";
import { quoteName, quoteText, readParquet } from "../engine/quote.ts";
import { openSession } from "../engine/registry.ts";
import { type Session, SqlError, type Table } from "../engine/session.ts";
import { type CommitId, type EnvName, splitNodeId } from "../model/ids.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { tokenize, withoutSemicolon } from "../sql/tokens.ts";
import { requireEnvironment } from "./require_environment.ts";
import type { Workspace } from "./workspace.ts";

/** First words of statements that change something. */
const WRITING = new Set(
  ("INSERT UPDATE DELETE MERGE CREATE DROP ALTER TRUNCATE COPY ATTACH DETACH USE SET RESET INSTALL LOAD " +
    "EXPORT IMPORT VACUUM CHECKPOINT BEGIN COMMIT ROLLBACK PREPARE EXECUTE").split(" "),
);

/** Kinds of statements that only read. */
const READING = new Set(["SELECT", "EXPLAIN", "RELATION", "CALL"]);

/** What to ask. */
export interface QueryRequest {
  readonly env: EnvName;
  readonly sql: string;
  /** Rows at most; null for all. */
  readonly limit: number | null;
}

/**
 * Answers one reading statement over the outputs of an environment. Every node is
 * a view `kind.name`, also `kind_name`, and its bare name where that is unique.
 * Throws `unknown_environment` (2) and `query_failed` (3, 4).
 */
export async function queryOutputs(workspace: Workspace, request: QueryRequest): Promise<Table> {
  return await withQuery(workspace, request, async (session, sql) => {
    return await session.read(sql, request.limit ?? undefined);
  });
}

/** Like {@linkcode queryOutputs}, but writes the rows to a Parquet file; returns their number. */
export async function queryToParquet(
  workspace: Workspace,
  request: QueryRequest,
  path: string,
): Promise<number> {
  const temporary = `${path}.${Deno.pid}.tmp`;
  const folder = path.replace(/[^\\/]*$/, "") || ".";
  using _leftover = { [Symbol.dispose]: () => removeIfExists(temporary) };
  return await withQuery(workspace, request, async (session, sql) => {
    const limit = request.limit === null ? "" : ` LIMIT ${request.limit}`;
    const rows = await session.run(
      `COPY (FROM (\n${sql}\n)${limit}) TO ${quoteText(temporary)} (FORMAT parquet)`,
    );
    Deno.renameSync(temporary, path);
    return rows;
  }, [folder]);
}

async function withQuery<T>(
  workspace: Workspace,
  { env, sql }: QueryRequest,
  work: (session: Session, sql: string) => Promise<T>,
  writable: readonly string[] = [],
): Promise<T> {
  await using outputs = await OutputSession.open(workspace, env, writable);
  return await outputs.ask(sql, work);
}

/** A session over the outputs of one state of an environment: many statements, all of which only read. */
export class OutputSession implements AsyncDisposable {
  readonly env: EnvName;
  readonly commit: CommitId;
  readonly snapshot: Snapshot;
  readonly #workspace: Workspace;
  readonly #session: Session;
  /** Names that views have, in lower case. */
  #made: ReadonlySet<string> = new Set();

  private constructor(
    workspace: Workspace,
    state: { readonly env: EnvName; readonly commit: CommitId; readonly snapshot: Snapshot },
    session: Session,
  ) {
    this.#workspace = workspace;
    this.env = state.env;
    this.commit = state.commit;
    this.snapshot = state.snapshot;
    this.#session = session;
  }

  /** Opens what an environment has now. `writable` are folders that COPY may write to. Throws `unknown_environment` (2). */
  static async open(
    workspace: Workspace,
    env: EnvName,
    writable: readonly string[] = [],
  ): Promise<OutputSession> {
    const commit = requireEnvironment(workspace, env);
    const snapshot = await workspace.state.snapshot(commit);
    const session = await openSession({
      allowedDirs: [workspace.cache.objectsDir, ...writable],
    });
    return new OutputSession(workspace, { env, commit, snapshot }, session);
  }

  /** True where the environment went on since. */
  get isBehind(): boolean {
    return this.#workspace.state.head(this.env) !== this.commit;
  }

  /** The rows of one reading statement, `limit` of them at most. Throws `query_not_allowed` (3) and `query_failed` (3, 4). */
  async read(sql: string, limit: number | null): Promise<Table> {
    return await this.ask(sql, (session, statement) => session.read(statement, limit ?? undefined));
  }

  /** Prepares one reading statement and hands it to `work`; see {@linkcode read}. */
  async ask<T>(sql: string, work: (session: Session, sql: string) => Promise<T>): Promise<T> {
    const statement = withoutSemicolon(sql);
    if (saysNothing(statement)) throw emptyQuery();
    const verb = firstVerb(statement);
    if (WRITING.has(verb)) throw notReading(verb);
    try {
      const made = new Set(this.#made);
      const views = viewStatements(this.#workspace, this.snapshot, statement, made);
      if (views.length > 0) await this.#session.run(views.join(";\n"));
      this.#made = made;
      const type = await this.#session.statementType(statement);
      if (!READING.has(type)) throw notReading(type);
      return await work(this.#session, statement);
    } catch (error) {
      throw error instanceof SqlError ? queryFailed(error, this.env, this.snapshot) : error;
    }
  }

  /** Stops the statement that is being run, which then throws. */
  interrupt(): void {
    this.#session.interrupt();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }
}

/** First word of a statement, or of the one that an EXPLAIN would run. */
function firstVerb(sql: string): string {
  const words = tokenize(sql).filter(({ kind, text }) =>
    kind === "word" || text === "(" || text === ")"
  );
  let at = 0;
  if (words[at]?.text.toUpperCase() === "EXPLAIN") {
    at++;
    if (words[at]?.text === "(") at = words.findIndex(({ text }) => text === ")") + 1;
    while (/^(ANALYZE|VERBOSE)$/i.test(words[at]?.text ?? "")) at++;
  }
  return words.slice(at).find(({ kind }) => kind === "word")?.text.toUpperCase() ?? "";
}

/** The engine knows no statement without a word in it. */
function saysNothing(sql: string): boolean {
  return tokenize(sql).every(({ kind, text }) =>
    kind === "space" || kind === "comment" || text === ";"
  );
}

function emptyQuery(): UserError {
  return new UserError("Cannot run an empty query", {
    code: "query_empty",
    kind: "usage",
    hint: 'seeknal query "SELECT 1"',
  });
}

function notReading(type: string): UserError {
  return new UserError(
    type === "MULTIPLE"
      ? "Cannot run several statements in one query"
      : `Cannot run ${type}: queries only read`,
    {
      code: "query_not_allowed",
      kind: "validation",
      hint: "write one SELECT; data changes by editing nodes and seeknal run",
    },
  );
}

function queryFailed(error: SqlError, env: EnvName, snapshot: Snapshot): UserError {
  const named = /Table with name (\S+) does not exist/.exec(error.message)?.[1];
  const place = error.position === null
    ? ""
    : ` (line ${error.position.line}, column ${error.position.column})`;
  return new UserError(`Query failed: ${error.message}${place}`, {
    code: "query_failed",
    kind: error.category === "Parser" || error.category === "Binder" || error.category === "Catalog"
      ? "validation"
      : "execution",
    hint: queryHint(error, env, snapshot, named),
    cause: error,
  });
}

function queryHint(
  error: SqlError,
  env: EnvName,
  snapshot: Snapshot,
  missing: string | undefined,
): string {
  if (error.category === "Permission") return "queries read the outputs of nodes, not files";
  const nodes = [...snapshot.manifest.nodes.values()];
  if (missing !== undefined) {
    const pending = nodes.find(({ id, name }) =>
      name === missing && snapshot.results.get(id)?.status !== "success"
    );
    if (pending !== undefined) {
      const command = `seeknal run${env === "prod" ? "" : ` --env ${env}`}`;
      return `${pending.id} is not built in "${env}" yet:\n    ${command}`;
    }
    const near = didYouMean(missing, nodes.flatMap(({ id, name }) => [name, id]));
    return near ?? 'list the nodes with: seeknal query "SHOW ALL TABLES"';
  }
  if (error.candidates.length > 0) return `there is: ${error.candidates.join(", ")}`;
  return 'look at the columns with: seeknal query "DESCRIBE kind.name"';
}

/**
 * Views for the nodes whose name appears in the statement: making all of ten
 * thousand would take longer than the query. A statement that lists tables gets all.
 */
function viewStatements(
  workspace: Workspace,
  snapshot: Snapshot,
  sql: string,
  made: Set<string>,
): string[] {
  const listsTables = /\b(show|duckdb_|information_schema|pragma|pg_catalog|sqlite_master)/i.test(
    sql,
  );
  const words = new Set(
    tokenize(sql).flatMap(({ kind, text }) =>
      kind === "word" || kind === "quoted" ? [text.replaceAll('"', "").toLowerCase()] : []
    ),
  );
  const owners = new Map<string, number>();
  for (const { name } of snapshot.manifest.nodes.values()) {
    owners.set(name.toLowerCase(), (owners.get(name.toLowerCase()) ?? 0) + 1);
  }
  const statements: string[] = [];
  const isNew = (name: string) => !made.has(name.toLowerCase()) && made.add(name.toLowerCase());
  const make = (name: string, from: string) => {
    if (isNew(name)) statements.push(`CREATE OR REPLACE VIEW main.${quoteName(name)} AS ${from}`);
  };
  for (const { id, status, content_hash, size_bytes } of snapshot.results.values()) {
    const { kind, name } = splitNodeId(id);
    const short = `${kind}_${name}`;
    const isNamed = [name, short, id].some((text) => words.has(text.toLowerCase()));
    if (status !== "success" || !(isNamed || listsTables)) continue;
    if (!workspace.cache.has(content_hash!, size_bytes!)) throw damaged(id);
    const from = `FROM ${readParquet(workspace.cache.objectPath(content_hash!))}`;
    if (isNew(`${kind}\0${name}`)) {
      statements.push(`CREATE SCHEMA IF NOT EXISTS ${quoteName(kind)}`);
      statements.push(`CREATE OR REPLACE VIEW ${quoteName(kind)}.${quoteName(name)} AS ${from}`);
    }
    if (!listsTables) make(id, from);
    if (owners.get(name.toLowerCase()) === 1) make(name, from);
    // A node of that very name has the right to it.
    if (!owners.has(short.toLowerCase())) make(short, from);
  }
  return statements;
}

function damaged(id: string): UserError {
  return new UserError(`The output of ${id} is missing from the cache or damaged`, {
    code: "outputs_missing",
    kind: "execution",
    hint: "build it again:\n    seeknal run",
  });
}
