import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { type LoadedManifest, loadManifest } from "../../src/app/load_manifest.ts";
import { openWorkspace, type Workspace } from "../../src/app/workspace.ts";
import { UserError } from "../../src/base/user_error.ts";
import { compare } from "../../src/changes/compare.ts";
import { layersOf } from "../../src/dag/graph.ts";
import { quoteName, quoteNodeId, quoteText } from "../../src/engine/quote.ts";
import { openSession } from "../../src/engine/registry.ts";
import type { Change, ColumnChanges } from "../../src/model/change.ts";
import type { NodeId } from "../../src/model/ids.ts";
import type { Manifest, ManifestNode } from "../../src/model/manifest.ts";
import { withoutSemicolon } from "../../src/sql/tokens.ts";
import { type ChangeCase, readChangeCases, standardProject } from "../support/change_cases.ts";
import { makeProject, type TempProject } from "../support/project.ts";

// The cases are the specification of the categoriser. Each is checked three ways: what the case
// expects is sound (both sides are built from scratch and compared), the planner says what the
// case expects, and what the planner itself claims about columns and rows is true of the data.

const CASES = readChangeCases();
/** What all cases start from: nodes that a case leaves alone are not bound again for it. */
const STANDARD = await loadStandard();
/** Where both sides of every case are built; it sees the folder that all temporary projects are in. */
const SESSION = await openSession({ threads: 1, allowedDirs: [Deno.realPathSync(tmpdir())] });

for (const given of CASES) {
  Deno.test(`change case: ${given.group}: ${given.title}`, () => check(given));
}

async function check(given: ChangeCase): Promise<void> {
  const { expect } = given;
  using project = makeProject(given.before);
  const before = await load(project, STANDARD);
  rewrite(project, given);
  if (expect.error !== null) return await checkRefusal(project, before, expect);
  const after = await load(project, before.manifest);
  const rebuilt = rebuiltNodes(before, after);

  const proof = await Proof.build(project, given, { before, after });
  const kept = (built: readonly string[]) => proof.ids.filter((id) => !built.includes(id));
  proof.sameRows(kept(expect.rebuilt!), "the case is wrong, its rows differ");
  if (expect.category === "NON_BREAKING" && readsKept(after, expect)) {
    await proof.sameValues(expect.node);
  }

  const change = compare(before.manifest, after.manifest).find(({ id }) => id === expect.node);
  assert.ok(change !== undefined, `no node ${expect.node}`);
  assert.deepEqual(
    { category: categoryOf(change), rebuilt },
    { category: expect.category, rebuilt: expect.rebuilt },
    `${change.reasons.join("; ")}\n`,
  );
  if (expect.reason !== null) assert.match(change.reasons.join("; "), expect.reason);
  if (expect.columns !== null) assert.equal(columnsText(change.columns), expect.columns);
  proof.sameRows(kept(rebuilt), "the planner is wrong, its rows differ");
  await proof.sameColumns();
}

async function loadStandard(): Promise<Manifest> {
  using project = makeProject(standardProject());
  return (await loadManifest(open(project), [])).manifest;
}

/** A workspace hashes each file once, so both sides of an edit need one of their own. */
function open({ host, root }: TempProject): Workspace {
  return openWorkspace(host, { projectPath: root, readOnly: true });
}

/** Loads a project that has no errors; says which it has. */
async function load(project: TempProject, previous: Manifest): Promise<LoadedManifest> {
  try {
    return await loadManifest(open(project), [previous]);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new Error(error.diagnostics.map(({ message }) => message).join("\n"), { cause: error });
  }
}

/** Makes the edit; data is written again even where it is the same, as a copying tool would. */
function rewrite(project: TempProject, { before, after }: ChangeCase): void {
  for (const path of Object.keys(before)) {
    if (after[path] === undefined) project.remove(path);
  }
  for (const [path, text] of Object.entries(after)) {
    if (before[path] !== text || path.startsWith("data/")) project.write(path, text);
  }
}

async function checkRefusal(
  project: TempProject,
  before: LoadedManifest,
  { error, at }: ChangeCase["expect"],
): Promise<void> {
  const refused = await loadManifest(open(project), [before.manifest]).then(() => null, (e) => e);
  assert.ok(refused !== null, "the project loads, and an error was expected");
  if (!(refused instanceof UserError) || refused.code !== "invalid_project") throw refused;
  const text = refused.diagnostics.map(({ file, line, message }) => `${file}:${line} ${message}`);
  assert.match(text.join("\n"), error!);
  if (at === null) return;
  const { file } = before.manifest.nodes.get(at as NodeId)!;
  const lines = text.filter((line) => line.startsWith(`${file}:`) && line.includes(at));
  assert.ok(lines.length > 0, `nothing is said about ${at}:\n${text.join("\n")}`);
}

function rebuiltNodes(before: LoadedManifest, after: LoadedManifest): string[] {
  return [...after.manifest.nodes.values()].flatMap((node) => {
    const old = before.manifest.nodes.get(node.id);
    return old === undefined || old.fingerprint === node.fingerprint ? [] : [node.id];
  }).sort();
}

/** True when the edited node reads nothing that changed: its columns are changed by its own edit only. */
function readsKept(after: LoadedManifest, { node, rebuilt }: ChangeCase["expect"]): boolean {
  const { inputs } = after.manifest.nodes.get(node as NodeId)!;
  return inputs.every((input) => !rebuilt!.includes(input));
}

function categoryOf({ kind, category }: Change): string {
  return category ?? (kind === "direct" ? "DATA" : "none");
}

function columnsText(columns: ColumnChanges): string {
  return (["added", "removed", "changed", "renamed"] as const)
    .filter((what) => columns[what].length > 0)
    .map((what) => `${what} ${columns[what].join(", ")}`).join("; ");
}

type Side = "before" | "after";
type BothSides = Readonly<Record<Side, LoadedManifest>>;

/** Both sides of a case, built from scratch in one engine and compared. */
class Proof {
  /** Nodes of both sides whose rows can be compared. */
  readonly ids: readonly string[];
  readonly #nodes: BothSides;
  /** Nodes whose columns or rows are not the same on both sides. */
  readonly #differing: ReadonlySet<string>;

  private constructor(ids: readonly string[], nodes: BothSides, differing: ReadonlySet<string>) {
    this.ids = ids;
    this.#nodes = nodes;
    this.#differing = differing;
  }

  static async build(
    project: TempProject,
    { before, expect }: ChangeCase,
    nodes: BothSides,
  ): Promise<Proof> {
    // In a folder of its own: DuckDB keeps what it read of a file that changes within a second.
    for (const [path, text] of Object.entries(before)) {
      if (path.startsWith("data/")) project.write(`before/${path}`, text);
    }
    await buildSide("before", project.path("before"), nodes.before);
    await buildSide("after", project.root, nodes.after);
    const [old, current] = [nodes.before.manifest.nodes, nodes.after.manifest.nodes];
    const ids = [...current.keys()].filter((id) => old.has(id) && !expect.unproven.includes(id));
    const columns = (node: ManifestNode) =>
      node.shape.columns.map(({ name, type }) => `${name} ${type}`).join();
    const comparable = ids.filter((id) => columns(old.get(id)!) === columns(current.get(id)!));
    const same = await equalRows(comparable.map((id) => ({ id, columns: "*" })));
    return new Proof(ids, nodes, new Set(ids.filter((id) => !same.has(id))));
  }

  /** Requires that nodes have the same columns in the same order and the same rows on both sides. */
  sameRows(ids: readonly string[], message: string): void {
    const wrong = ids.filter((id) => this.#differing.has(id));
    assert.deepEqual(wrong, [], message);
  }

  /** Requires that the columns that a node has on both sides hold the same rows. */
  async sameValues(id: string): Promise<void> {
    const message = "the case is wrong, values of old columns differ";
    await sameProjections([this.#project(id, () => true)], message);
  }

  /** Requires that what the planner calls the same expressions over the same rows are the same values. */
  async sameColumns(): Promise<void> {
    const known = this.ids.filter((id) => {
      const { shape, inputs } = this.#node("after", id);
      return shape.rows !== null && shape.rows === this.#node("before", id).shape.rows &&
        inputs.every((input) =>
          this.#node("before", input)?.fingerprint === this.#node("after", input).fingerprint
        );
    });
    await sameProjections(
      known.map((id) => this.#project(id, (a, b) => a !== null && a === b)),
      "the planner is wrong, columns with equal expressions differ",
    );
  }

  #project(
    id: string,
    isSame: (before: string | null, after: string | null) => boolean,
  ): Projection {
    const columns = (side: Side) => this.#node(side, id).shape.columns;
    const old = new Map(columns("before").map((c) => [c.name, c.expression]));
    const shared = columns("after").filter(({ name, expression }) =>
      this.ids.includes(id) && old.has(name) && isSame(old.get(name)!, expression)
    );
    return { id, columns: shared.map(({ name }) => quoteName(name)).join(", ") };
  }

  #node(side: Side, id: string): ManifestNode {
    return this.#nodes[side].manifest.nodes.get(id as NodeId)!;
  }
}

/** Columns of a node, as a select list; empty for none. */
interface Projection {
  readonly id: string;
  readonly columns: string;
}

async function sameProjections(projections: readonly Projection[], message: string): Promise<void> {
  const given = projections.filter(({ columns }) => columns !== "");
  const same = await equalRows(given);
  assert.deepEqual(given.filter(({ id }) => !same.has(id)), [], message);
}

/** Ids of the projections that give the same bag of rows on both sides. */
async function equalRows(projections: readonly Projection[]): Promise<Set<string>> {
  if (projections.length === 0) return new Set();
  // A sum of row hashes does not depend on the order of rows, and costs a third of two EXCEPT ALL.
  const queries = projections.map(({ id, columns }) => {
    const bag = (side: Side) =>
      `(SELECT (count(*), sum(hash(t)::HUGEINT)) FROM (SELECT ${columns} FROM ${side}.${
        quoteNodeId(id)
      }) AS t)`;
    return `SELECT ${quoteText(id)} WHERE ${bag("before")} IS NOT DISTINCT FROM ${bag("after")}`;
  });
  const { rows } = await SESSION.read(queries.join(" UNION ALL "));
  return new Set(rows.map(([id]) => String(id)));
}

/** Runs every node as a job would, in a database of the side's own. */
async function buildSide(
  side: Side,
  root: string,
  { manifest, resolved }: LoadedManifest,
): Promise<void> {
  const statements = [
    `USE memory; DETACH DATABASE IF EXISTS ${side}; ATTACH ':memory:' AS ${side}; USE ${side}`,
    "CREATE SCHEMA source; CREATE SCHEMA transform",
  ];
  for (const { id, kind, shape } of layersOf([...manifest.nodes.values()]).flat()) {
    const { sql } = resolved.get(id)!;
    const query = kind === "source" ? await readOnce(sql, root) : withoutSemicolon(sql);
    const names = shape.columns.map(({ name }) => quoteName(name));
    const casts = shape.columns.map(({ type }, i) => `${names[i]}::${type} AS ${names[i]}`);
    statements.push(
      `CREATE TABLE ${
        quoteNodeId(id)
      } AS SELECT ${casts} FROM (\n${query}\n) AS "output"(${names})`,
    );
  }
  await SESSION.run(statements.join(";\n"));
}

/** Scans with their data that were read already, and the tables that hold it. */
const READ = new Map<string, string>();

/** Most cases read the same files: each content is parsed once. */
async function readOnce(scan: string, root: string): Promise<string> {
  const path = /\(\['(.+?)'/.exec(scan)![1]!;
  const query = scan.replace(`(['${path}'`, `([${quoteText(`${root}/${path}`)}`);
  if (path.includes("*")) return query;
  const key = `${scan}\n${Deno.readTextFileSync(`${root}/${path}`)}`;
  const known = READ.get(key);
  if (known !== undefined) return `FROM ${known}`;
  const table = `memory.main.${quoteName(`scan ${READ.size}`)}`;
  await SESSION.run(`CREATE TABLE ${table} AS ${query}`);
  READ.set(key, table);
  return `FROM ${table}`;
}
