import assert from "node:assert/strict";
import { type LoadedManifest, loadManifest } from "../../src/app/load_manifest.ts";
import { openWorkspace, type Workspace } from "../../src/app/workspace.ts";
import { UserError } from "../../src/base/user_error.ts";
import { compare } from "../../src/changes/compare.ts";
import { layersOf } from "../../src/dag/graph.ts";
import { quoteName, quoteNodeId, quoteText } from "../../src/engine/quote.ts";
import { openSession } from "../../src/engine/registry.ts";
import type { Session } from "../../src/engine/session.ts";
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

  await using proof = await Proof.build(project, given, before, after);
  const kept = (built: readonly string[]) => proof.ids.filter((id) => !built.includes(id));
  await proof.sameRows(kept(expect.rebuilt!), "the case is wrong, its rows differ");
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
  await proof.sameRows(kept(rebuilt), "the planner is wrong, its rows differ");
  for (const id of proof.ids) await proof.sameColumns(id);
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

/** Both sides of a case, built from scratch in one engine. */
class Proof implements AsyncDisposable {
  /** Nodes of both sides whose rows can be compared. */
  readonly ids: readonly string[];
  readonly #session: Session;
  readonly #nodes: BothSides;

  private constructor(session: Session, ids: readonly string[], nodes: BothSides) {
    this.#session = session;
    this.ids = ids;
    this.#nodes = nodes;
  }

  static async build(
    project: TempProject,
    { before, expect }: ChangeCase,
    old: LoadedManifest,
    current: LoadedManifest,
  ): Promise<Proof> {
    const session = await openSession({ threads: 1, allowedDirs: [project.root] });
    await session.run("CREATE SCHEMA source; CREATE SCHEMA transform");
    await buildSide(session, "after", project.root, current);
    // In a folder of its own: DuckDB keeps what it read of a file that changes within a second.
    for (const [path, text] of Object.entries(before)) {
      if (path.startsWith("data/")) project.write(`before/${path}`, text);
    }
    await buildSide(session, "before", project.path("before"), old);
    const ids = [...current.manifest.nodes.keys()].filter((id) =>
      old.manifest.nodes.has(id) && !expect.unproven.includes(id)
    );
    return new Proof(session, ids, { before: old, after: current });
  }

  /** Requires that nodes have the same columns in the same order and the same rows on both sides. */
  async sameRows(ids: readonly string[], message: string): Promise<void> {
    for (const id of ids) {
      const columns = (side: Side) => this.#columns(side, id).map((c) => `${c.name} ${c.type}`);
      assert.deepEqual(columns("before"), columns("after"), `${id}: ${message}`);
      const rows = (side: Side) => `FROM ${side}.${quoteName(id)}`;
      assert.equal(await this.#difference(rows), 0, `${id}: ${message}`);
    }
  }

  /** Requires that the columns that a node has on both sides hold the same rows. */
  async sameValues(id: string): Promise<void> {
    await this.#project(id, () => true, "the case is wrong, values of old columns differ");
  }

  /** Requires that what the planner calls the same expressions over the same rows are the same values. */
  async sameColumns(id: string): Promise<void> {
    const rows = (side: Side) => this.#node(side, id).shape.rows;
    const inputsSame = this.#node("after", id).inputs.every((input) =>
      this.#node("before", input).fingerprint === this.#node("after", input).fingerprint
    );
    if (rows("before") === null || rows("before") !== rows("after") || !inputsSame) return;
    await this.#project(
      id,
      (a, b) => a !== null && a === b,
      "the planner is wrong, columns with equal expressions differ",
    );
  }

  async #project(
    id: string,
    isSame: (before: string | null, after: string | null) => boolean,
    message: string,
  ): Promise<void> {
    if (!this.ids.includes(id)) return;
    const old = new Map(this.#columns("before", id).map((c) => [c.name, c.expression]));
    const shared = this.#columns("after", id).filter(({ name, expression }) =>
      old.has(name) && isSame(old.get(name)!, expression)
    );
    if (shared.length === 0) return;
    const list = shared.map(({ name }) => quoteName(name)).join(", ");
    const rows = (side: Side) => `SELECT ${list} FROM ${side}.${quoteName(id)}`;
    assert.equal(await this.#difference(rows), 0, `${id} (${list}): ${message}`);
  }

  #node(side: Side, id: string): ManifestNode {
    return this.#nodes[side].manifest.nodes.get(id as NodeId)!;
  }

  #columns(side: Side, id: string): ManifestNode["shape"]["columns"] {
    return this.#node(side, id).shape.columns;
  }

  async #difference(rows: (side: Side) => string): Promise<number> {
    const lost = `(${rows("before")} EXCEPT ALL ${rows("after")})`;
    const won = `(${rows("after")} EXCEPT ALL ${rows("before")})`;
    const counted = await this.#session.read(
      `SELECT (SELECT count(*) FROM ${lost}) + (SELECT count(*) FROM ${won})`,
    );
    return Number(counted.rows[0]![0]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }
}

/** Runs every node as a job would, and keeps a copy of its output under `side."kind.name"`. */
async function buildSide(
  session: Session,
  side: Side,
  root: string,
  { manifest, resolved }: LoadedManifest,
): Promise<void> {
  const statements = [`CREATE SCHEMA ${side}`];
  for (const { id, kind, shape } of layersOf([...manifest.nodes.values()]).flat()) {
    let { sql } = resolved.get(id)!;
    if (kind === "source") {
      sql = sql.replace(
        /read_csv\(\['(.+?)'/,
        (_, path) => `read_csv([${quoteText(`${root}/${path}`)}`,
      );
    }
    const names = shape.columns.map(({ name }) => quoteName(name));
    const casts = shape.columns.map(({ type }, i) => `${names[i]}::${type} AS ${names[i]}`);
    statements.push(
      `CREATE OR REPLACE TABLE ${quoteNodeId(id)} AS SELECT ${casts} FROM (\n${
        withoutSemicolon(sql)
      }\n) ` +
        `AS "output"(${names})`,
      `CREATE TABLE ${side}.${quoteName(id)} AS FROM ${quoteNodeId(id)}`,
    );
  }
  await session.run(statements.join(";\n"));
}
