import { join } from "node:path";
import { readTextIfExists, writeFileAtomic } from "../base/atomic_write.ts";
import { UserError } from "../base/user_error.ts";
import { quoteName, quoteNodeId, readParquet } from "../engine/quote.ts";
import { openSession } from "../engine/registry.ts";
import { type Session, SqlError } from "../engine/session.ts";
import { type EnvName, type NodeId, PROD } from "../model/ids.ts";
import type { ManifestNode } from "../model/manifest.ts";
import { incrementalOf } from "../model/node.ts";
import { testLiterals } from "../nodes/incremental_sql.ts";
import { isScriptNode } from "../nodes/script_node.ts";
import { TESTS_DIR } from "../project/load_tests.ts";
import { withoutSemicolon } from "../sql/tokens.ts";
import { findNode } from "./find_node.ts";
import { loadManifest } from "./load_manifest.ts";
import { requireEnvironment } from "./require_environment.ts";
import { testProblem } from "./test_tables.ts";
import type { Workspace } from "./workspace.ts";

/** Which test to write. */
export interface CreateTestRequest {
  /** The node as it is typed. */
  readonly node: string;
  /** Environment whose outputs the rows come from; null: production. */
  readonly env: EnvName | null;
  /** Rows of each input at most. */
  readonly limit: number;
}

/** The test that was written. */
export interface CreatedTest {
  readonly node: NodeId;
  /** Project-relative. */
  readonly file: string;
  readonly given: Readonly<Record<NodeId, number>>;
  readonly expected: number;
}

/** Rows of an input among which those of the test are looked for. */
const CANDIDATES = 2_000;
/** Queries that the search may take. */
const MOST_TRIES = 400;
/** Rows that a test expects at most: what nobody reads through tells nobody anything. */
const MOST_EXPECTED = 100;

/**
 * Writes a unit test with real rows of a node's inputs and the rows that the node makes of them now. Few rows are looked for from which
 * something comes out, always the same ones. Throws `test_exists` (2), `unknown_environment`, `unknown_node` (2) and
 * `test_invalid` (3).
 */
export async function createTest(
  workspace: Workspace,
  request: CreateTestRequest,
): Promise<CreatedTest> {
  const { state, cache, root } = workspace;
  const env = request.env ?? PROD;
  const snapshot = await state.snapshot(requireEnvironment(workspace, env));
  const loaded = await loadManifest(workspace, [snapshot.manifest], { env: request.env });
  const node = findNode(loaded.manifest, request.node);
  const file = `${TESTS_DIR}/${node.kind}_${node.name}.yml`;
  if (readTextIfExists(join(root, file)) !== null) throw testExists(file);
  const resolved = loaded.resolved.get(node.id)!;
  const { node: { spec } } = resolved;
  if (node.inputs.length === 0 || isScriptNode(spec)) {
    throw testProblem(
      node.inputs.length === 0 ? `${node.id} has no inputs` : `${node.id} is made by a script`,
      "tests are written for nodes that SQL computes from others",
    );
  }
  const incremental = incrementalOf(spec);
  const literals = testLiterals(incremental, node.shape.columns, {});
  const sql = incremental === null ? resolved.sql : resolved.sqlFor?.(literals) ?? resolved.sql;
  await using session = await openSession({ threads: 1, allowedDirs: [cache.objectsDir] });
  const inputs = [...new Set(node.inputs)];
  for (const id of inputs) {
    const record = snapshot.results.get(id);
    if (record?.status !== "success" || !cache.has(record.content_hash!, record.size_bytes!)) {
      throw notBuilt(id, env);
    }
    const columns = loaded.manifest.nodes.get(id)!.shape.columns;
    await loadCandidates(session, id, columns, cache.objectPath(record.content_hash!));
  }
  const search = new RowSearch(session, inputs, withoutSemicolon(sql));
  const chosen = await search.run(request.limit);
  const given = new Map<NodeId, Table>();
  for (const id of inputs) {
    const columns = loaded.manifest.nodes.get(id)!.shape.columns;
    given.set(id, await readTable(session, columns, `${quoteNodeId(id)} ORDER BY ALL`));
  }
  const output = await readTable(
    session,
    node.shape.columns,
    `(\n${withoutSemicolon(sql)}\n) ORDER BY ALL LIMIT ${MOST_EXPECTED + 1}`,
  );
  if (output.rows.length > MOST_EXPECTED) {
    throw testProblem(
      `${node.id} makes more than ${MOST_EXPECTED} rows of ${request.limit} rows of each input`,
      "take fewer rows: --limit 1",
    );
  }
  writeFileAtomic(join(root, file), testText(node, given, output, { env, chosen }));
  return {
    node: node.id,
    file,
    given: Object.fromEntries([...given].map(([id, { rows }]) => [id, rows.length])),
    expected: output.rows.length,
  };
}

interface Table {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly unknown[])[];
}

/** The first rows of an input in a fixed order, numbered, and a view of those that are chosen of them: all. */
async function loadCandidates(
  session: Session,
  id: NodeId,
  columns: Table["columns"],
  path: string,
): Promise<void> {
  const kind = id.slice(0, id.indexOf("."));
  const list = columns.map(({ name, type }) =>
    `CAST(${quoteName(name)} AS ${type}) AS ${quoteName(name)}`
  );
  await session.run(
    `CREATE SCHEMA IF NOT EXISTS ${quoteName(kind)};\n` +
      `CREATE TABLE ${candidates(id)} AS SELECT row_number() OVER () AS "seeknal row", * FROM ` +
      `(SELECT ${list.join(", ")} FROM ${readParquet(path)} ORDER BY ALL LIMIT ${CANDIDATES})`,
  );
}

function candidates(id: NodeId): string {
  return quoteName(`candidates of ${id}`);
}

/** Looks for few rows of the inputs from which something comes out: takes rows away as long as something still does. */
class RowSearch {
  readonly #session: Session;
  readonly #inputs: readonly NodeId[];
  readonly #sql: string;
  readonly #rows = new Map<NodeId, readonly number[]>();
  #tries = 0;

  constructor(session: Session, inputs: readonly NodeId[], sql: string) {
    this.#session = session;
    this.#inputs = inputs;
    this.#sql = sql;
  }

  /** Leaves views of the chosen rows under the names of the inputs; true where something comes out of them. */
  async run(limit: number): Promise<boolean> {
    for (const id of this.#inputs) {
      const { rows } = await this.#session.read(`SELECT count(*) FROM ${candidates(id)}`);
      await this.#choose(id, Array.from({ length: Number(rows[0]![0]) }, (_, i) => i + 1));
    }
    const wanted = await this.#filled();
    const isRich = async () => (await this.#filled()) >= wanted;
    const isThere = async () => (await this.#filled()) > 0;
    const hasOutput = wanted > 0;
    if (hasOutput) {
      // First with a value in every column that has one at all, then with any.
      for (const id of this.#inputs) await this.#shrink(id, limit, isRich);
      for (const id of this.#inputs) await this.#shrink(id, limit, isThere);
    }
    for (const id of this.#inputs) await this.#choose(id, this.#rows.get(id)!.slice(0, limit));
    return hasOutput && await isThere();
  }

  /** Columns of what comes out with a value in some row. */
  async #filled(): Promise<number> {
    this.#tries++;
    const { rows } = await this.#session.read(
      `SELECT count(COLUMNS(*)) > 0 FROM (\n${this.#sql}\n)`,
    );
    return rows[0]!.filter((cell) => cell === true).length;
  }

  async #choose(id: NodeId, rows: readonly number[]): Promise<void> {
    this.#rows.set(id, rows);
    const list = rows.length === 0 ? "NULL" : rows.join(", ");
    await this.#session.run(
      `CREATE OR REPLACE VIEW ${quoteNodeId(id)} AS SELECT * EXCLUDE ("seeknal row") FROM ` +
        `${candidates(id)} WHERE "seeknal row" IN (${list}) ORDER BY "seeknal row"`,
    );
  }

  /** Delta debugging (Zeller): smaller and smaller pieces are left out, those without which nothing comes out stay. */
  async #shrink(id: NodeId, limit: number, holds: () => Promise<boolean>): Promise<void> {
    for (let size = Math.ceil(this.#rows.get(id)!.length / 2); size >= 1; size = size >> 1) {
      for (let at = this.#rows.get(id)!.length - size; at > -size; at -= size) {
        const rows = this.#rows.get(id)!;
        if (rows.length <= limit || this.#tries >= MOST_TRIES) return;
        const from = Math.max(0, at);
        await this.#choose(id, [...rows.slice(0, from), ...rows.slice(at + size)]);
        if (!await holds()) await this.#choose(id, rows);
      }
    }
  }
}

async function readTable(
  session: Session,
  columns: Table["columns"],
  from: string,
): Promise<Table> {
  const list = columns.map(({ name, type }) =>
    isNested(type)
      ? `CAST(to_json(${quoteName(name)}) AS VARCHAR)`
      : `CAST(${quoteName(name)} AS VARCHAR)`
  );
  try {
    const { rows } = await session.read(
      `SELECT ${list.join(", ")} FROM (FROM ${from})`,
    );
    return { columns, rows };
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    throw testProblem(`Cannot compute the expected rows: ${error.message}`);
  }
}

function isNested(type: string): boolean {
  return /^(STRUCT|MAP)\(|\]$/.test(type);
}

function testText(
  node: ManifestNode,
  given: ReadonlyMap<NodeId, Table>,
  output: Table,
  { env, chosen }: { readonly env: EnvName; readonly chosen: boolean },
): string {
  const inputs = [...given].map(([id, table]) => `  - ref: ${id}\n${rowsText(table, "    ")}`);
  return `# Written by seeknal test --create from the outputs of ${env}: see that what is expected is what is right.
${
    chosen
      ? ""
      : "# Nothing comes out of rows that were looked at: edit what is given, so that something does.\n"
  }name: ${node.name}_${output.rows.length === 0 ? "of_no_rows" : "of_real_rows"}
node: ${node.id}
given:
${inputs.join("")}expect:
${rowsText(output, "  ")}`;
}

function rowsText({ columns, rows }: Table, indent: string): string {
  if (rows.length === 0) return `${indent}rows: []\n`;
  const lines = rows.map((row) => {
    const cells = row.map((cell, i) =>
      `${keyText(columns[i]!.name)}: ${valueText(cell, columns[i]!.type)}`
    );
    return `${indent}  - {${cells.join(", ")}}\n`;
  });
  return `${indent}rows:\n${lines.join("")}`;
}

/** A key that YAML cannot take for anything else: `y`, `null` and `1` are quoted. */
function keyText(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) && !/^(y|n|yes|no|on|off|true|false|null)$/i.test(name)
    ? name
    : JSON.stringify(name);
}

function valueText(cell: unknown, type: string): string {
  if (cell === null) return "null";
  const text = String(cell);
  const isNumber = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL|DOUBLE|FLOAT)/.test(type);
  if (isNumber && /^-?\d+(\.\d+)?$/.test(text)) return text;
  if (type === "BOOLEAN") return text;
  return isNested(type) ? text : JSON.stringify(text);
}

function testExists(file: string): UserError {
  return new UserError(`"${file}" is there already`, {
    code: "test_exists",
    kind: "usage",
    hint: "rename it or remove it first, so that nothing you wrote is lost",
  });
}

function notBuilt(id: NodeId, env: EnvName): UserError {
  return new UserError(`${id} has no output in "${env}" to take rows from`, {
    code: "outputs_missing",
    kind: "execution",
    hint: `build it first:\n    seeknal run${env === PROD ? "" : ` --env ${env}`}`,
  });
}
