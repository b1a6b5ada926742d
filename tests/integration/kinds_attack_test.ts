import assert from "node:assert/strict";
import { makeProject, type TempProject } from "../support/project.ts";

const X = "kind: source\nname: x\nsource: csv\ntable: data/x.csv\n";
const A = "kind: transform\nname: a\ntransform: SELECT id, v FROM ref('source.x')\n";
const B = "kind: transform\nname: b\ntransform: SELECT sum(v) AS s FROM ref('transform.a')\n";
const POSITIVE = "audits: [{type: accepted_range, column: v, min: 0}]\n";

function shop(): TempProject {
  return makeProject({
    "data/x.csv": "id,v\n1,5\n2,-1\n",
    "seeknal/x.yml": X,
    "seeknal/a.yml": A,
    "seeknal/b.yml": B,
  });
}

async function ok(project: TempProject, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await project.run(...args);
  assert.equal(code, 0, `${args.join(" ")}\n${stdout}${stderr}`);
  return stdout + stderr;
}

Deno.test("run --continue-on-error leaves production the output of a node whose new audit fails", async () => {
  using project = shop();
  await ok(project, "run");
  project.write("seeknal/a.yml", A + POSITIVE);
  const { code } = await project.run("run", "--continue-on-error");
  assert.equal(code, 4);
  assert.deepEqual(await project.json("query", "SELECT v FROM transform.a ORDER BY v"), [
    { v: -1 },
    { v: 5 },
  ]);
});

Deno.test("a run of a part of production keeps the output of what it reads", async () => {
  using project = shop();
  await ok(project, "run");
  // Nobody reads the new column: what reads the source is as it was.
  project.write("data/x.csv", "id,v,w\n1,5,7\n2,-1,7\n");
  await ok(project, "run", "--nodes", "b");
  assert.deepEqual(await project.json("query", "SELECT count(*) AS n FROM source.x"), [{ n: 2 }]);
});

Deno.test("a run of a part of production takes nothing over that its audits were not asked about", async () => {
  using project = shop();
  await ok(project, "run");
  project.write("seeknal/a.yml", A.replace("id, v", "id, v - 10 AS v"));
  await ok(project, "plan", "dev");
  await ok(project, "run", "--env", "dev");
  project.write("seeknal/a.yml", A.replace("id, v", "id, v - 10 AS v") + POSITIVE);
  const { code, stderr } = await project.run("run", "--nodes", "b");
  assert.equal(code, 4, stderr);
  assert.deepEqual(await project.json("query", "SELECT s FROM transform.b"), [{ s: 4 }]);
});
