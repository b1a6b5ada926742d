import { didYouMean } from "../base/closest.ts";
import type { Diagnostic } from "../base/diagnostic.ts";
import { UserError } from "../base/user_error.ts";
import { openSession } from "../engine/registry.ts";
import { type EnvName, type NodeId, PROD } from "../model/ids.ts";
import type { DataTest, TestResult, UnitTest } from "../model/test.ts";
import type { Scalar } from "../base/field_reader.ts";
import { SELECT_ALL, selectNodes } from "../plan/select_nodes.ts";
import { loadTests, TESTS_DIR } from "../project/load_tests.ts";
import { loadSnippets } from "../project/common_snippets.ts";
import type { SourceData } from "../nodes/node_kind.ts";
import { findRefs, resolveQuery } from "../sql/resolve_query.ts";
import { nodesNamed } from "./find_node.ts";
import { invalidProject, type LoadedManifest, loadManifest, sourceData } from "./load_manifest.ts";
import { queryOutputs } from "./query_outputs.ts";
import { requireEnvironment } from "./require_environment.ts";
import { runUnitTest, testedNode } from "./run_unit_test.ts";
import type { UnitTestContext } from "./test_context.ts";
import { FixtureFiles } from "./test_tables.ts";
import { variablesOf } from "./variables.ts";
import type { Workspace } from "./workspace.ts";

/** Which tests to run. */
export interface TestRequest {
  /** Environment that data tests ask; null: production, where there is one. */
  readonly env: EnvName | null;
  /** Names of tests or nodes, or files of tests; empty: all. */
  readonly names: readonly string[];
  /** Selector expressions over the nodes that are tested; empty: all. */
  readonly select: readonly string[];
  /** Drafts that are taken as if they were files of `tests/`. */
  readonly drafts?: ReadonlyMap<string, string>;
}

/** How tests ended. */
export interface TestReport {
  readonly environment: EnvName | null;
  readonly results: readonly TestResult[];
  /** Of all of them together; some ran at the same time. */
  readonly duration_ms: number;
}

/** Tests for which another session pays. */
const TESTS_A_SESSION = 8;
/** Failing rows of a data test that are shown. */
const ROWS_SHOWN = 3;

/**
 * Runs the tests of `tests/`. Unit tests see the rows that they give and nothing else; data tests ask an environment's
 * outputs. Throws `invalid_project` (3) for a project or tests with problems, `unknown_test` (2) and
 * `unknown_environment` (2).
 */
export async function runTests(workspace: Workspace, request: TestRequest): Promise<TestReport> {
  const started = performance.now();
  const { state, root } = workspace;
  const env = request.env ?? PROD;
  if (request.env !== null) requireEnvironment(workspace, request.env);
  const head = state.head(env);
  const snapshot = await state.snapshot(head);
  const tests = loadTests(root, request.drafts);
  if (tests.diagnostics.length > 0) throw invalidProject(tests.diagnostics);
  const loaded = await loadManifest(workspace, [snapshot.manifest], { env: request.env });
  const chosen = chooseTests(tests, loaded, request);
  checkNodes(chosen.unit, loaded);
  await using files = new FixtureFiles(root);
  const context: UnitTestContext = {
    loaded,
    data: testData(workspace, loaded),
    files,
    temporaryDir: workspace.cache.temporaryDir,
  };
  const unit = await runUnitTests(workspace, chosen.unit, context);
  const data: TestResult[] = [];
  for (const test of chosen.data) {
    data.push(
      head === null
        ? skipped(test, "there is no production yet: name an environment with --env")
        : await runDataTest(workspace, test, env),
    );
  }
  return {
    environment: head === null ? null : env,
    results: [...unit, ...data],
    duration_ms: elapsed(started),
  };
}

/** The project's data as a test sees it: what it is computed from is known, nothing is read. */
export function testData(workspace: Workspace, loaded: LoadedManifest): SourceData {
  const { manifest, resolved, profile, config } = loaded;
  const { root, typed, host } = workspace;
  const snippets = loadSnippets(root, () => {});
  return {
    ...sourceData(workspace, profile),
    columns: (id) => manifest.nodes.get(id)?.shape.columns ?? null,
    spec: (id) => resolved.get(id)?.node.spec ?? null,
    variables: variablesOf({ snippets, project: config.name, typed, now: () => host.now() }),
  };
}

interface Chosen {
  readonly unit: readonly UnitTest[];
  readonly data: readonly DataTest[];
}

function chooseTests(all: Chosen, { manifest }: LoadedManifest, request: TestRequest): Chosen {
  const { names, select } = request;
  const idsOf = (test: UnitTest | DataTest): readonly NodeId[] =>
    "node" in test
      ? nodesNamed(manifest, test.node).map(({ id }) => id)
      : findRefs(test.sql) as NodeId[];
  const isNamed = (name: string) => {
    const nodes = new Set(nodesNamed(manifest, name).map(({ id }) => id));
    return (test: UnitTest | DataTest) =>
      test.name === name || test.place.file === name ||
      test.place.file.startsWith(`${name.replace(/\/+$/, "")}/`) ||
      idsOf(test).some((id) => nodes.has(id));
  };
  const matchers = names.map((name) => {
    const matches = isNamed(name);
    if ([...all.unit, ...all.data].some(matches)) return matches;
    throw unknownTest(name, all, manifest.nodes.has(name as NodeId));
  });
  const selected = select.length === 0
    ? null
    : selectNodes(manifest, { ...SELECT_ALL, select }, new Set()).ids;
  const isChosen = (test: UnitTest | DataTest) =>
    (matchers.length === 0 || matchers.some((matches) => matches(test))) &&
    (selected === null || idsOf(test).some((id) => selected.has(id)));
  return { unit: all.unit.filter(isChosen), data: all.data.filter(isChosen) };
}

function unknownTest(name: string, { unit, data }: Chosen, isNode: boolean): UserError {
  const known = [...unit, ...data].map((test) => test.name);
  const hint = isNode
    ? `write one from real rows:\n    seeknal test --create ${name}`
    : didYouMean(name, known) ??
      (known.length === 0
        ? `write tests in ${TESTS_DIR}/, or: seeknal test --create NODE`
        : `there is: ${known.slice(0, 10).join(", ")}`);
  return new UserError(
    isNode ? `There are no tests of ${name}` : `Unknown test "${name}"`,
    { code: "unknown_test", kind: "usage", hint },
  );
}

/** A test of a node that does not exist is a problem of the project, said with its place. */
function checkNodes(tests: readonly UnitTest[], loaded: LoadedManifest): void {
  const problems = tests.flatMap((test): Diagnostic[] => {
    try {
      testedNode(loaded, test);
      return [];
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const { code, message, hint } = error;
      return [{
        severity: "error",
        code,
        message: `${test.name}: ${message}`,
        ...test.place,
        hint,
      }];
    }
  });
  if (problems.length > 0) throw invalidProject(problems);
}

async function runUnitTests(
  { host }: Workspace,
  tests: readonly UnitTest[],
  context: UnitTestContext,
): Promise<TestResult[]> {
  const results: TestResult[] = new Array(tests.length);
  const lanes = Math.min(host.cpuCount, Math.ceil(tests.length / TESTS_A_SESSION));
  let next = 0;
  await Promise.all(Array.from({ length: lanes }, async () => {
    await using session = await openSession({ threads: 1, allowedDirs: [] });
    for (let i = next++; i < tests.length && !host.signal.aborted; i = next++) {
      const test = tests[i]!;
      const started = performance.now();
      const failure = await runUnitTest(test, session, context);
      results[i] = {
        ...resultOf(test),
        type: "unit",
        node: testedNode(context.loaded, test).id,
        ...(failure ?? { status: "passed", message: null, diff: null }),
        duration_ms: elapsed(started),
      };
    }
  }));
  return results.filter((result) => result !== undefined);
}

async function runDataTest(
  workspace: Workspace,
  test: DataTest,
  env: EnvName,
): Promise<TestResult> {
  const started = performance.now();
  const common = { ...resultOf(test), type: "data" as const, node: null, diff: null };
  const query = resolveQuery(test.sql, { inputs: findRefs(test.sql), params: NO_PARAMS });
  const [problem] = query.problems;
  const ended = (status: TestResult["status"], message: string | null): TestResult => ({
    ...common,
    status,
    message,
    duration_ms: elapsed(started),
  });
  if (problem !== undefined) return ended("error", problem.message);
  const sql = query.sql.replace(/[;\s]+$/, "");
  try {
    const ask = (text: string) => queryOutputs(workspace, { env, sql: text, limit: null });
    const count = Number((await ask(`SELECT count(*) FROM (\n${sql}\n)`)).rows[0]![0]);
    if (count <= test.maxViolations) return ended("passed", null);
    const { columns, rows } = await ask(`FROM (\n${sql}\n) LIMIT ${ROWS_SHOWN}`);
    const shown = rows.map((row) =>
      columns.map(({ name }, i) => `${name} = ${row[i] === null ? "NULL" : String(row[i])}`)
        .slice(0, 6).join(", ")
    );
    const words = `${count} ${count === 1 ? "row fails" : "rows fail"}, such as ${
      shown.join("; ")
    }`;
    return ended(test.severity === "warn" ? "warned" : "failed", words);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return ended(
      "error",
      error.hint === undefined ? error.message : `${error.message}\n${error.hint}`,
    );
  }
}

const NO_PARAMS: Readonly<Record<string, Scalar>> = {};

function resultOf({ name, place }: UnitTest | DataTest) {
  return { name, file: place.file, line: place.line ?? 1 };
}

function skipped(test: DataTest, message: string): TestResult {
  return {
    ...resultOf(test),
    type: "data",
    node: null,
    status: "skipped",
    message,
    diff: null,
    duration_ms: 0,
  };
}

function elapsed(started: number): number {
  return Math.round((performance.now() - started) * 10) / 10;
}
