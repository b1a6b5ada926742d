import assert from "node:assert/strict";
import type { Plan } from "../../src/model/plan.ts";
import { makeProject, type TempProject } from "../support/project.ts";
import { randomNumbers } from "../support/random.ts";
import { ok, rowsOf, transform } from "../support/shop.ts";

/** Steps of each walk; more with `SEEKNAL_STEPS`. */
const STEPS = Number(Deno.env.get("SEEKNAL_STEPS") ?? 15);

/** A node of the model project: what its SQL is made from. */
interface ModelNode {
  inputs: string[];
  factor: number;
  filter: number;
  extra: boolean;
}

/** Files of a project as a function of a small state that random edits change. */
class Model {
  readonly nodes = new Map<string, ModelNode>();
  data = 1;

  files(): Record<string, string> {
    const rows = [...Array(30).keys()].map((i) => `${i},${(i * this.data) % 11}`).join("\n");
    const files: Record<string, string> = {
      "seeknal_project.yml": "name: model\n",
      "data/base.csv": `id,x\n${rows}\n`,
      "seeknal/base.yml": "kind: source\nname: base\nsource: csv\ntable: data/base.csv\n",
    };
    for (const [name, node] of this.nodes) {
      files[`seeknal/${name}.yml`] = transform(name, node.inputs, modelSql(node));
    }
    return files;
  }
}

function modelSql({ inputs, factor, filter, extra }: ModelNode): string {
  const parts = inputs.map((id) =>
    `SELECT id, x * ${factor} AS x FROM ref('${id}') WHERE x % 7 <> ${filter}`
  );
  const union = parts.join("\nUNION ALL\n");
  return extra ? `SELECT id, x, x + 1 AS more FROM (\n${union}\n)` : union;
}

function randomEdit(model: Model, next: () => number): void {
  const pick = <T>(items: readonly T[]) => items[Math.floor(next() * items.length)]!;
  const names = [...model.nodes.keys()];
  const roll = next();
  if (roll < 0.25 || names.length < 3) {
    const name = `n${model.nodes.size}_${Math.floor(next() * 1000)}`;
    const candidates = ["source.base", ...names.map((n) => `transform.${n}`)];
    const inputs = [...new Set([pick(candidates), pick(candidates)])];
    model.nodes.set(name, { inputs, factor: 1, filter: 9, extra: false });
  } else if (roll < 0.35) {
    const unread = names.filter((n) =>
      ![...model.nodes.values()].some(({ inputs }) => inputs.includes(`transform.${n}`))
    );
    if (unread.length > 0) model.nodes.delete(pick(unread));
  } else if (roll < 0.45) model.data = 1 + Math.floor(next() * 9);
  else {
    const node = model.nodes.get(pick(names))!;
    if (next() < 0.4) node.factor = 1 + Math.floor(next() * 3);
    else if (next() < 0.6) node.filter = Math.floor(next() * 9);
    else node.extra = !node.extra;
  }
}

function lay(project: TempProject, files: Record<string, string>): void {
  for (const entry of Deno.readDirSync(project.path("seeknal"))) {
    project.remove(`seeknal/${entry.name}`);
  }
  for (const [path, text] of Object.entries(files)) project.write(path, text);
}

/** Rows of every node of an environment, as bags. */
async function contents(
  project: TempProject,
  names: Iterable<string>,
  env: string,
): Promise<unknown> {
  const result: Record<string, unknown> = {};
  for (const name of names) {
    result[name] = await rowsOf(project, `SELECT * FROM transform.${name}`, env);
  }
  return result;
}

for (const seed of [11, 23]) {
  Deno.test(`after random edits, plans, runs, promotions and rollbacks every output equals a build from scratch (seed ${seed})`, async () => {
    const next = randomNumbers(seed);
    const model = new Model();
    for (let i = 0; i < 5; i++) randomEdit(model, () => next() * 0.2);
    using project = makeProject(model.files());
    await ok(project, "run");
    let reused = 0;
    let planned = 0;
    for (let step = 0; step < STEPS; step++) {
      randomEdit(model, next);
      lay(project, model.files());
      const env = next() < 0.5 ? "dev" : "feature";
      const plan = await project.json<Plan>("plan", env);
      reused += plan.summary.reuse;
      planned += plan.summary.reuse + plan.summary.build;
      await ok(project, "run", "--env", env, "--max-workers", next() < 0.5 ? "1" : "3");
      using scratch = makeProject(model.files());
      await ok(scratch, "run");
      const expected = await contents(scratch, model.nodes.keys(), "prod");
      assert.deepEqual(await contents(project, model.nodes.keys(), env), expected, `step ${step}`);
      if (next() < 0.6) {
        await ok(project, "promote", env, "--yes");
        assert.deepEqual(
          await contents(project, model.nodes.keys(), "prod"),
          expected,
          `step ${step}`,
        );
        if (next() < 0.3) {
          await project.run("rollback", "--yes");
          await ok(project, "rollback", "--to", "prod@{1}", "--yes");
          assert.deepEqual(await contents(project, model.nodes.keys(), "prod"), expected);
        }
      }
    }
    assert.ok(reused / planned > 0.3, `${reused} of ${planned} were reused`);
  });
}
