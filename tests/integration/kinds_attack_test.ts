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
  await ok(project, "plan", "dev");
  const refused = await project.run("promote", "dev", "--yes");
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, /audits were not run as they are written now: transform\.a/);
  const { code, stderr } = await project.run("run", "--nodes", "b");
  assert.equal(code, 4, stderr);
  assert.deepEqual(await project.json("query", "SELECT s FROM transform.b"), [{ s: 4 }]);
});

Deno.test("an audit that depends on the clock is made in every run, whatever is built", async () => {
  const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
  const source = `${X}columns: {d: date}\n`;
  // What is too old for the engine's clock now was accepted once: as if time had passed since.
  const dated = (audit: string) =>
    `kind: transform\nname: a\ntransform: SELECT id, d FROM ref('source.x')\naudits:\n  - ${audit}\n`;
  for (
    const audit of [
      "{type: recency, columns: [d], within: 3d}",
      "{type: custom_sql, sql: SELECT * FROM __THIS__ WHERE d < current_date - 3}",
      "{type: expression, expression: d >= current_date - 3}",
    ]
  ) {
    using project = makeProject({
      "data/x.csv": `id,d\n1,${day(1)}\n`,
      "seeknal/x.yml": source,
      "seeknal/a.yml": dated(audit),
    });
    await ok(project, "run");
    assert.match(await ok(project, "run"), /1 of 1 check passed|1 check passed/, audit);
  }
});

Deno.test("a file that cannot be written fails its exposure, and nothing is delivered twice for it", async () => {
  let received = 0;
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => {
    received++;
    return new Response();
  });
  const { port } = server.addr;
  for (const format of ["parquet", "csv"]) {
    received = 0;
    using project = shop();
    project.write(
      "seeknal/hook.yml",
      `kind: exposure\nname: a_hook\ntype: webhook\ninputs: [transform.a]\nparams: {url: "http://127.0.0.1:${port}/"}\n`,
    );
    project.write(
      "seeknal/file.yml",
      `kind: exposure\nname: b_file\ntype: file\ninputs: [transform.a]\nparams: {path: exports/a.${format}}\n`,
    );
    // A folder stands where the file has to go.
    project.write(`exports/a.${format}/x`, "");
    const first = await project.run("run");
    assert.equal(first.code, 4, first.stderr);
    assert.match(first.stderr, /exposure\.b_file\s+cannot write exports\/a\./);
    const second = await project.run("deliver");
    assert.equal(second.code, 4);
    assert.equal(received, 1);
    project.remove("exports");
    await ok(project, "deliver");
    assert.ok(project.exists(`exports/a.${format}`));
  }
});

Deno.test("a unit test of an incremental node sees a first build, unless it says which piece", async () => {
  using project = makeProject({
    "data/x.csv": "id,d\n1,2025-12-30\n2,2025-12-31\n",
    "seeknal/x.yml": `${X}columns: {d: date}\n`,
    "seeknal/a.yml":
      "kind: transform\nname: a\nincremental_by_time: {time_column: d, start: 2025-12-01}\n" +
      "transform: SELECT id, d FROM ref('source.x') WHERE d >= '{{ start_date }}' AND d < {{ end }}\n",
    "seeknal/k.yml":
      "kind: transform\nname: k\nincremental_by_key: {unique_key: [id], time_column: d}\n" +
      "transform: SELECT id, d FROM ref('source.x') WHERE d > {{ watermark }}\n",
  });
  await ok(project, "run");
  for (const name of ["a", "k"]) {
    assert.match(await ok(project, "test", "--create", name), /2 rows out/);
  }
  const given =
    "given:\n  - ref: source.x\n    rows: [{id: 1, d: 2025-12-30}, {id: 2, d: 2025-12-31}]\n" +
    "expect: {rows: [{id: 2, d: 2025-12-31}]}\n";
  project.write(
    "tests/a.yml",
    `name: part\nnode: transform.a\nparams: {start: 2025-12-31}\n${given}`,
  );
  project.write(
    "tests/k.yml",
    `name: new\nnode: transform.k\nparams: {watermark: 2025-12-30}\n${given}`,
  );
  assert.match(await ok(project, "test"), /4 tests: 4 passed/);
});

Deno.test("a query of nothing but comments and semicolons is an empty one", async () => {
  using project = shop();
  await ok(project, "run");
  for (const sql of [";", "/* x */", " ; ; "]) {
    const { code, stderr } = await project.run("query", sql);
    assert.equal(code, 2, sql);
    assert.match(stderr, /Cannot run an empty query/);
  }
});
