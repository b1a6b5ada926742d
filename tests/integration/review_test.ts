import assert from "node:assert/strict";
import { join } from "node:path";
import { openSession } from "../../src/engine/registry.ts";
import { JobExecutor } from "../../src/exec/execute_job.ts";
import type { NodeId } from "../../src/model/ids.ts";
import type { QueryJob } from "../../src/model/run.ts";
import { makeProject } from "../support/project.ts";
import { makeShop, ok, rowsOf, source, transform } from "../support/shop.ts";
import { TempDir } from "../support/temp_dir.ts";

Deno.test("JobExecutor sessions that spill at the same time do not share files", async () => {
  using dir = new TempDir();
  const job = (i: number): QueryJob => ({
    type: "query",
    id: `transform.big${i}` as NodeId,
    sql: `SELECT hash(x + ${i}) AS h, x FROM range(3000000) AS t(x) ORDER BY h`,
    inputs: [],
    readable: [],
    columns: [{ name: "h", type: "UBIGINT" }, { name: "x", type: "BIGINT" }],
    checkColumns: false,
    objectsDir: dir.join("objects"),
    temporaryDir: dir.join("tmp"),
    watched: [],
    timeoutMs: null,
  });
  Deno.mkdirSync(dir.join("objects"));
  Deno.mkdirSync(dir.join("tmp"));
  const results = await Promise.all([0, 1, 2].map(async (i) => {
    await using executor = new JobExecutor({ threads: 1, memoryLimitBytes: 40 * 2 ** 20 });
    return await executor.execute(job(i));
  }));
  await using session = await openSession({ allowedDirs: [dir.path] });
  for (const [i, result] of results.entries()) {
    assert.equal(result.status, "success", JSON.stringify(result));
    if (result.status !== "success") continue;
    const path = join(dir.path, "objects", `${result.output.contentHash}.parquet`);
    const sql =
      `SELECT count(*), count(*) FILTER (WHERE h = hash(x + ${i})), sum(x) FROM '${path}'`;
    assert.deepEqual((await session.read(sql)).rows, [["3000000", "3000000", "4499998500000"]]);
  }
});

Deno.test("the readable copy says the same as the state after an edit was planned and taken back", async () => {
  using shop = makeShop();
  await ok(shop, "plan", "dev");
  await ok(shop, "run", "--env", "dev");
  const original = shop.read("seeknal/names.yml");
  shop.write("seeknal/names.yml", original.replace("upper", "lower"));
  await ok(shop, "plan", "dev");
  shop.write("seeknal/names.yml", original);
  await ok(shop, "plan", "dev");
  await ok(shop, "promote", "dev", "--yes");
  for (const path of ["target/run_state.json", "target/environments/dev/run_state.json"]) {
    assert.equal(Object.keys(JSON.parse(shop.read(path)).nodes).length, 5, path);
  }
});

Deno.test("links of an environment follow a plan that takes outputs over", async () => {
  using shop = makeShop();
  const original = shop.read("seeknal/names.yml");
  await ok(shop, "plan", "dev");
  await ok(shop, "run", "--env", "dev");
  shop.write("seeknal/names.yml", original.replace("upper", "lower"));
  await ok(shop, "plan", "other");
  await ok(shop, "run", "--env", "other");
  await ok(shop, "plan", "dev");
  const link = Deno.readFileSync(
    shop.path("target/environments/dev/cache/transform/names.parquet"),
  );
  const hash =
    JSON.parse(shop.read("target/environments/dev/run_state.json")).nodes["transform.names"]
      .content_hash;
  assert.deepEqual(link, Deno.readFileSync(shop.path(`target/cache/objects/${hash}.parquet`)));
});

Deno.test("gc keeps what production was until lately, however old that state is", async () => {
  using shop = makeShop();
  shop.host.advance(Date.now() - Date.parse("2026-01-02T00:00:00Z"));
  await ok(shop, "run");
  shop.host.advance(99 * 86_400_000);
  shop.write("seeknal/names.yml", shop.read("seeknal/names.yml").replace("upper", "lower"));
  await ok(shop, "run");
  shop.host.advance(86_400_000);
  await ok(shop, "gc");
  await ok(shop, "rollback", "--yes");
  assert.deepEqual((await rowsOf(shop, "SELECT name FROM names"))[0], { name: "ANN" });
});

Deno.test("doctor --deep finds a damaged output without touching it", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  const hash = JSON.parse(shop.read("target/run_state.json")).nodes["transform.names"].content_hash;
  const object = shop.path(`target/cache/objects/${hash}.parquet`);
  const { mtime } = Deno.statSync(object);
  const bytes = Deno.readFileSync(object);
  bytes[20]! ^= 1;
  Deno.chmodSync(object, 0o644);
  Deno.writeFileSync(object, bytes);
  Deno.utimeSync(object, mtime!, mtime!);
  await ok(shop, "doctor");
  const { code, stdout } = await shop.run("doctor", "--deep");
  assert.equal(code, 4);
  assert.match(stdout, /missing or damaged: transform\.names/);
  assert.deepEqual(Deno.readFileSync(object), bytes);
});

Deno.test("declared column types hold for every type of source", async () => {
  using project = makeProject({
    "data/j.json": '[{"id": 1, "amount": 1.5}]',
    "data/c.csv": "id,amount\n1,1.5\n",
    "seeknal/j.yml":
      "kind: source\nname: j\nsource: json\ntable: data/j.json\ncolumns: {amount: 'decimal(10,2)'}\n",
    "seeknal/c.yml": source("c", "columns: {amount: 'decimal(10,2)'}\n"),
    "seeknal/p.yml": transform("p", ["source.c"], "SELECT * FROM ref('source.c')"),
  });
  await ok(project, "run");
  await ok(
    project,
    "query",
    "SELECT id, amount::DOUBLE AS amount FROM c",
    "--output",
    "data/x.parquet",
  );
  project.write(
    "seeknal/x.yml",
    "kind: source\nname: x\nsource: parquet\ntable: data/x.parquet\ncolumns: {amount: 'decimal(10,2)'}\n",
  );
  await ok(project, "run");
  for (const name of ["j", "c", "x"]) {
    const [row] = await rowsOf(project, `SELECT typeof(amount) AS type FROM source.${name}`);
    assert.deepEqual(row, { type: "DECIMAL(10,2)" }, name);
  }
});

Deno.test("a state of a later format is refused with a way out, not called a bug", async () => {
  const { checkFormat } = await import("../../src/state/snapshot_tree.ts");
  assert.throws(() => checkFormat({ format_version: 2 }), /written by a newer seeknal/);
});
