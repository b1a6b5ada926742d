import { didYouMean } from "../base/closest.ts";
import type { Diagnostic } from "../base/diagnostic.ts";
import { UserError } from "../base/user_error.ts";
import { quoteName, quoteText } from "../engine/quote.ts";
import { type Session, SqlError } from "../engine/session.ts";
import type { NodeId } from "../model/ids.ts";
import type { ManifestNode } from "../model/manifest.ts";
import { incrementalOf } from "../model/node.ts";
import type { RowsDiff, UnitTest } from "../model/test.ts";
import { testLiterals } from "../nodes/incremental_sql.ts";
import { kindOf } from "../nodes/registry.ts";
import { isScriptNode } from "../nodes/script_node.ts";
import { cteQuery } from "../sql/cte_query.ts";
import type { Literals } from "../sql/resolve_query.ts";
import { withoutSemicolon } from "../sql/tokens.ts";
import { compareRows } from "./compare_rows.ts";
import { findNode } from "./find_node.ts";
import type { LoadedManifest } from "./load_manifest.ts";
import type { UnitTestContext } from "./test_context.ts";
import { runTestScript } from "./run_test_script.ts";
import {
  cellText,
  createInput,
  expectedRows,
  fixtureColumns,
  FixtureFiles,
  testProblem,
  type TypedColumn,
} from "./test_tables.ts";

/** What a unit test came to: null where it passed. */
export type UnitTestFailure =
  | {
    readonly status: "failed" | "error";
    readonly message: string;
    readonly diff: RowsDiff | null;
  }
  | null;

/** The node that a test is about. Throws `unknown_node`, `ambiguous_node` (2) and `test_invalid` (3). */
export function testedNode({ manifest, resolved }: LoadedManifest, test: UnitTest): ManifestNode {
  const node = findNode(manifest, test.node);
  const { spec } = resolved.get(node.id)!.node;
  const isComputed = isScriptNode(spec) || (kindOf(spec).hasRows && node.inputs.length > 0) ||
    node.kind === "transform";
  if (isComputed) return node;
  throw testProblem(
    `${node.id} is not computed from other nodes`,
    "a unit test is about a node with inputs; check a source with audits",
  );
}

/**
 * Runs a unit test in a session without access to anything, inside a transaction that is taken back: nothing is built,
 * and no cache is read. Never throws for what is wrong with the test.
 */
export async function runUnitTest(
  test: UnitTest,
  session: Session,
  context: UnitTestContext,
): Promise<UnitTestFailure> {
  await session.run("BEGIN");
  try {
    return await runInside(test, session, context);
  } catch (error) {
    if (!(error instanceof SqlError) && !(error instanceof UserError)) throw error;
    const hint = error instanceof UserError && error.hint !== undefined ? `\n${error.hint}` : "";
    return { status: "error", message: error.message + hint, diff: null };
  } finally {
    await session.run("ROLLBACK");
  }
}

async function runInside(
  test: UnitTest,
  session: Session,
  context: UnitTestContext,
): Promise<UnitTestFailure> {
  const { loaded, files } = context;
  const node = testedNode(loaded, test);
  await createInputs(test, node, session, context);
  const from = await relationOf(test, node, session, context);
  const described = await session.read(`SELECT * FROM ${from} LIMIT 0`);
  const problem = await columnsOf(test, described.columns, session, files);
  if ("message" in problem) return { status: "failed", message: problem.message, diff: null };
  const { columns } = problem;
  const list = columns.map(({ name }) => `CAST(${quoteName(name)} AS VARCHAR)`).join(", ");
  const actual = columns.length === 0
    ? []
    : (await session.read(`SELECT ${list} FROM ${from}`)).rows
      .map((row) => row.map(cellText));
  const expected = await expectedRows(session, columns, test.expect.fixture, files).catch(
    (error: unknown) => {
      if (!(error instanceof SqlError)) throw error;
      throw testProblem(`The rows expected do not fit what is returned: ${error.message}`);
    },
  );
  const diff = compareRows({
    columns: columns.map(({ name }) => name),
    types: columns.map(({ type }) => type),
    expected,
    actual,
    ordered: test.expect.ordered,
  });
  if (diff === null) return null;
  const { missing, extra, changed } = diff;
  const parts = [
    ...(changed.length > 0 ? [`${changed.length} changed`] : []),
    ...(missing.length > 0 ? [`${missing.length} missing`] : []),
    ...(extra.length > 0 ? [`${extra.length} too many`] : []),
  ];
  return { status: "failed", message: `rows differ: ${parts.join(", ")}`, diff };
}

async function createInputs(
  test: UnitTest,
  node: ManifestNode,
  session: Session,
  { loaded, files }: UnitTestContext,
): Promise<void> {
  const given = new Map<NodeId, UnitTest["given"][number]>();
  for (const rows of test.given) {
    const { id } = findNode(loaded.manifest, rows.ref);
    if (!node.inputs.includes(id)) {
      throw testProblem(
        `${node.id} does not read ${id}`,
        didYouMean(id, node.inputs) ?? `it reads: ${node.inputs.join(", ")}`,
      );
    }
    if (given.has(id)) throw testProblem(`Rows of ${id} are given twice`, "put them together");
    given.set(id, rows);
  }
  for (const id of node.inputs) {
    const { columns } = loaded.manifest.nodes.get(id)!.shape;
    try {
      await createInput(session, id, columns, given.get(id)?.fixture ?? null, files);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      throw testProblem(`The rows given of ${id} do not fit: ${error.message}`);
    }
  }
}

/** What is tested as something to select from. */
async function relationOf(
  test: UnitTest,
  node: ManifestNode,
  session: Session,
  context: UnitTestContext,
): Promise<string> {
  const { spec } = context.loaded.resolved.get(node.id)!.node;
  if (isScriptNode(spec)) {
    if (test.cte !== null) {
      throw testProblem(`${node.id} is made by a script and has no "${test.cte}"`);
    }
    return await runTestScript(test, node, session, context);
  }
  const sql = withoutSemicolon(sqlOf(test, node, context));
  if (test.cte === null) return `(\n${sql}\n)`;
  const query = await cteQuery(session, sql, test.cte);
  if (query.sql !== null) return `(\n${query.sql}\n)`;
  const { names } = query;
  throw testProblem(
    `${node.id} has no common table expression "${test.cte}"`,
    didYouMean(test.cte, names) ??
      (names.length === 0 ? "it has none: leave out cte" : `it has: ${names.join(", ")}`),
  );
}

/** The node's SQL, with what this test says about its parameters. */
function sqlOf(
  test: UnitTest,
  { id, shape }: ManifestNode,
  { loaded, data }: UnitTestContext,
): string {
  const resolved = loaded.resolved.get(id)!;
  const incremental = incrementalOf(resolved.node.spec);
  const literals = {
    ...testLiterals(incremental, shape.columns, test.params),
    ...literalsOf(test.params),
  };
  if (Object.keys(test.params).length === 0) {
    return incremental === null ? resolved.sql : resolved.sqlFor?.(literals) ?? resolved.sql;
  }
  const problems: Diagnostic[] = [];
  const again = kindOf(resolved.node.spec).resolve(
    resolved.node,
    {
      ...data,
      variables: {
        ...data.variables,
        override: (name) =>
          Object.hasOwn(test.params, name) ? test.params[name] : data.variables.override(name),
      },
    },
    (problem) => problems.push(problem),
  );
  if (again !== null) return again.sqlFor?.(literals) ?? again.sql;
  throw testProblem(problems[0]?.message ?? `${id} cannot be resolved`, problems[0]?.hint);
}

/** What stands for the piece that an incremental node builds, as a test says it. */
function literalsOf(params: UnitTest["params"]): Literals {
  const literals: Record<string, Literals[string]> = {};
  for (const name of PIECE) {
    const value = params[name];
    if (value === undefined) continue;
    const text = String(value);
    literals[name] = value === null
      ? { bare: "NULL", quoted: null }
      : { bare: quoteText(text), quoted: text };
  }
  return literals;
}

/** Names that an incremental node's SQL has for its piece. */
const PIECE = ["start", "end", "start_date", "end_date", "watermark"];

/** Columns to compare, or why there is nothing to compare. */
async function columnsOf(
  { expect }: UnitTest,
  actual: readonly TypedColumn[],
  session: Session,
  files: FixtureFiles,
): Promise<{ columns: readonly TypedColumn[] } | { message: string }> {
  const names = await fixtureColumns(session, expect.fixture, files);
  const known = new Map(actual.map((column) => [column.name.toLowerCase(), column]));
  const wanted = expect.columns ?? names;
  const missing = wanted.find((name) => !known.has(name.toLowerCase()));
  if (missing !== undefined) {
    const near = didYouMean(missing, actual.map(({ name }) => name)) ??
      `it returns: ${actual.map(({ name }) => name).join(", ")}`;
    return { message: `there is no column "${missing}": ${near}` };
  }
  if (wanted.length === 0) return { columns: actual };
  const lower = new Set(wanted.map((name) => name.toLowerCase()));
  const left = actual.filter(({ name }) => !lower.has(name.toLowerCase()));
  if (!expect.partial && left.length > 0) {
    return {
      message: `it returns ${left.map(({ name }) => `"${name}"`).join(", ")} as well, which the ` +
        "test does not expect: name it, or write partial: true",
    };
  }
  return { columns: wanted.map((name) => known.get(name.toLowerCase())!) };
}
