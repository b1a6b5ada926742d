import assert from "node:assert/strict";
import type { Plan } from "../../src/model/plan.ts";
import { makeProject, type TempProject } from "../support/project.ts";
import { numberRows, workbookOf } from "../support/workbook.ts";
import { disposable, sqlite } from "../support/sqlite_file.ts";

const WORKBOOK = new URL("../../fixtures/sources/types.xlsx", import.meta.url);

function sourceYaml(name: string, source: string, table: string, more = ""): string {
  return `kind: source\nname: ${name}\nsource: ${source}\ntable: ${table}\n${more}`;
}

async function ok(project: TempProject, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await project.run(...args);
  assert.equal(code, 0, `seeknal ${args.join(" ")}\n${stdout}${stderr}`);
  return stdout + stderr;
}

async function refused(project: TempProject, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await project.run(...args);
  assert.equal(code, 3, `seeknal ${args.join(" ")}\n${stdout}${stderr}`);
  return stdout + stderr;
}

/** Plans and runs an environment. */
async function build(project: TempProject, env = "dev"): Promise<void> {
  await ok(project, "plan", env);
  await ok(project, "run", "--env", env);
}

async function rows(
  project: TempProject,
  sql: string,
  env = "dev",
): Promise<Record<string, unknown>[]> {
  return JSON.parse(await ok(project, "query", sql, "--env", env, "--format", "json"));
}

async function reasons(project: TempProject, id = "source.orders"): Promise<string> {
  const { nodes } = await project.json<Plan>("plan", "dev");
  return nodes.find((node) => node.id === id)!.reasons.join("; ");
}

/** Types of files with what they hold first and after an edit: the sum of `amount` is 30, then 75. */
const EDITS: readonly {
  readonly source: string;
  readonly file: string;
  readonly more?: string;
  readonly write: (project: TempProject, amounts: readonly number[]) => void;
}[] = [
  {
    source: "tsv",
    file: "data/orders.tsv",
    write: (project, amounts) =>
      project.write(
        "data/orders.tsv",
        `id\tamount\n${amounts.map((n, i) => `${i}\t${n}\n`).join("")}`,
      ),
  },
  {
    source: "csv",
    file: "data/orders",
    write: (project, amounts) =>
      amounts.forEach((n, i) =>
        project.write(`data/orders/deep/${i}.csv`, `id,amount\n${i},${n}\n`)
      ),
  },
  {
    source: "excel",
    file: "data/orders.xlsx",
    write: (project, amounts) =>
      project.write("data/orders.xlsx", workbookOf({ rows: numberRows("amount", amounts) })),
  },
  {
    source: "sqlite",
    file: "data/shop.db",
    more: "params: {table: orders}\n",
    write: (project, amounts) => {
      project.write("data/.keep", "");
      sqlite(
        project.path("data/shop.db"),
        "DROP TABLE IF EXISTS orders; CREATE TABLE orders (id INTEGER, amount INTEGER);" +
          amounts.map((n, i) => `INSERT INTO orders VALUES (${i}, ${n});`).join(""),
      );
    },
  },
];

Deno.test("every type of file goes from plan to promotion; an edit is seen, refused as stale, and planned anew", async () => {
  for (const { source, file, more, write } of EDITS) {
    using project = makeProject({
      "seeknal/orders.yml": sourceYaml("orders", source, file, more),
      "seeknal/total.yml":
        "kind: transform\nname: total\ninputs: [source.orders]\ntransform: SELECT sum(amount)::BIGINT AS total FROM ref('source.orders')\n",
    });
    const total = async (env: string) =>
      (await rows(project, "SELECT total FROM transform.total", env))[0]!["total"];
    write(project, [10, 20]);
    await build(project);
    await ok(project, "promote", "dev", "--yes");
    assert.equal(await total("prod"), 30, source);
    write(project, [10, 20, 45]);
    const stale = await project.run("run", "--env", "dev");
    assert.equal(stale.code, 4, source);
    assert.match(stale.stderr, /Plan is stale[\s\S]*source\.orders: data changed/);
    assert.match(await reasons(project), /data changed/);
    await ok(project, "run", "--env", "dev");
    await ok(project, "promote", "dev", "--yes");
    assert.equal(await total("prod"), 75, source);
  }
});

Deno.test("sqlite: rows come exactly, in the declared types, and nothing is left beside the file", async () => {
  using project = makeProject({
    "seeknal/orders.yml": sourceYaml("orders", "sqlite", "data/shop.db", "params: {table: t}\n"),
    "data/.keep": "",
  });
  sqlite(
    project.path("data/shop.db"),
    `CREATE TABLE t ("1" INTEGER, b BIGINT, price DECIMAL(10,2), r REAL, t TEXT, x BLOB, flag BOOLEAN,
       d DATE, m DATETIME, free, n NUMERIC);
     INSERT INTO t VALUES (1, 9223372036854775807, 12.30, 0.1, 'Größe 😀 "q"' || char(10) || '\\', x'00ff10', 1,
       '2026-02-28', '2026-02-28 01:02:03.5', 1, 1.5);
     INSERT INTO t VALUES (2, -9223372036854775808, 0.05, -1e300, '', x'', 0, '0001-01-01',
       '2026-12-31T23:59:59Z', 9007199254740993, 2);
     INSERT INTO t VALUES (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);`,
  );
  await build(project);
  const [first, second, third] = await rows(
    project,
    'SELECT "1", b::VARCHAR AS b, price::VARCHAR AS price, r, t, hex(x) AS x, flag, d::VARCHAR AS d, ' +
      "m::VARCHAR AS m, free::VARCHAR AS free, n FROM source.orders",
  );
  assert.deepEqual(first, {
    "1": 1,
    b: "9223372036854775807",
    price: "12.30",
    r: 0.1,
    t: 'Größe 😀 "q"\n\\',
    x: "00FF10",
    flag: true,
    d: "2026-02-28",
    m: "2026-02-28 01:02:03.5",
    free: "1",
    n: 1.5,
  });
  assert.deepEqual([second!["b"], second!["t"], second!["x"]], ["-9223372036854775808", "", ""]);
  assert.deepEqual([second!["m"], second!["free"]], ["2026-12-31 23:59:59", "9007199254740993"]);
  assert.ok(Object.values(third!).every((value) => value === null));
  const names = [...Deno.readDirSync(project.path("data"))].map(({ name }) => name).sort();
  assert.deepEqual(names, [".keep", "shop.db"]);
});

Deno.test("sqlite: what was committed to the write-ahead log only is new data, and is read", async () => {
  using project = makeProject({
    "seeknal/orders.yml": sourceYaml("orders", "sqlite", "data/shop.db", "params: {table: t}\n"),
    "data/.keep": "",
  });
  const path = project.path("data/shop.db");
  sqlite(path, "PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (1)");
  await build(project);
  await ok(project, "promote", "dev", "--yes");
  assert.deepEqual(await rows(project, "FROM source.orders"), [{ id: 1 }]);
  const before = Deno.readFileSync(path);
  using writer = disposable(path);
  writer.value.exec("PRAGMA wal_autocheckpoint = 0; INSERT INTO t VALUES (2)");
  assert.deepEqual(Deno.readFileSync(path), before);
  assert.match(await reasons(project), /data changed: data\/shop\.db/);
  await ok(project, "run", "--env", "dev");
  assert.deepEqual(await rows(project, "FROM source.orders ORDER BY id"), [{ id: 1 }, { id: 2 }]);
  // A transaction that is not over is no data.
  writer.value.exec("BEGIN; INSERT INTO t VALUES (3)");
  await build(project);
  assert.equal((await rows(project, "FROM source.orders")).length, 2);
});

Deno.test("sqlite: queries read, and anything else is refused; broken files and values are named", async () => {
  using project = makeProject({
    "seeknal/orders.yml": sourceYaml(
      "orders",
      "sqlite",
      "data/shop.db",
      'params: {query: "SELECT id, id * 2 AS twice FROM t WHERE id > 1"}\n',
    ),
    "data/.keep": "",
  });
  const path = project.path("data/shop.db");
  sqlite(path, "CREATE TABLE t (id INTEGER, name TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b')");
  await build(project);
  assert.deepEqual(await rows(project, "FROM source.orders"), [{ id: 2, twice: 4 }]);
  const write = (more: string) =>
    project.write("seeknal/orders.yml", sourceYaml("orders", "sqlite", "data/shop.db", more));
  write('params: {query: "DELETE FROM t"}\n');
  assert.match(await refused(project, "plan", "dev"), /must start with SELECT or WITH/);
  write('params: {query: "WITH x AS (SELECT 1) INSERT INTO t SELECT 1, 2"}\n');
  assert.match(await refused(project, "plan", "dev"), /must not write/);
  write("");
  assert.match(await refused(project, "plan", "dev"), /does not say which table/);
  write("params: {table: nothing}\n");
  assert.match(await refused(project, "plan", "dev"), /no such table: nothing/);
  sqlite(path, "INSERT INTO t VALUES (1.5, 'c'), ('text', 'd')");
  write("params: {table: t}\n");
  await ok(project, "plan", "dev");
  const { code, stderr } = await project.run("run", "--env", "dev");
  assert.equal(code, 4);
  assert.match(stderr, /Column "id" holds "1.5" \(row 3 of data\/shop\.db\), which is no BIGINT/);
  write("params: {table: t}\ncolumns: {id: VARCHAR}\n");
  await build(project);
  assert.equal((await rows(project, "FROM source.orders")).length, 4);
  project.write(
    "data/shop.db",
    "this is no database at all, and longer than a header of SQLite is",
  );
  assert.match(await refused(project, "plan", "dev"), /Cannot read "data\/shop\.db" as sqlite/);
});

Deno.test("excel: values, types, ranges and sheets of a workbook of another program", async () => {
  using project = makeProject({
    "data/book.xlsx": Deno.readFileSync(WORKBOOK),
    "seeknal/orders.yml": sourceYaml(
      "orders",
      "excel",
      "data/book.xlsx",
      "columns: {id: BIGINT}\n",
    ),
    "seeknal/report.yml": sourceYaml(
      "report",
      "excel",
      "data/book.xlsx",
      "params: {sheet: report, range: B4:C6, filename: true}\n",
    ),
    "seeknal/broken.yml": sourceYaml(
      "broken",
      "excel",
      "data/book.xlsx",
      "params: {sheet: Broken, ignore_errors: true}\n",
    ),
  });
  await build(project);
  const [first, second, third, fourth] = await rows(
    project,
    "SELECT id::VARCHAR AS id, name, price, day::VARCHAR AS day, moment::VARCHAR AS moment, " +
      "clock::VARCHAR AS clock, ok, mixed, empty, duration, id_1 FROM source.orders",
  );
  assert.deepEqual(first, {
    id: "1",
    name: 'Größe 😀 <&> "q"',
    price: 0.1,
    day: "2026-01-31",
    moment: "2026-01-31 08:30:15.25",
    clock: "23:59:59",
    ok: true,
    mixed: "1",
    empty: null,
    duration: 1.25,
    id_1: 7,
  });
  assert.equal(second!["id"], "9007199254740992");
  assert.equal(second!["name"], " two\nlines ");
  assert.equal(second!["day"], "1900-01-01");
  assert.equal(second!["moment"], "1900-03-01 00:00:00");
  assert.deepEqual([third!["name"], third!["mixed"]], [null, "2026-02-01"]);
  assert.deepEqual([fourth!["price"], fourth!["day"]], [1e300, "9999-12-31"]);
  assert.deepEqual(await rows(project, "FROM source.report"), [
    { region: "north", total: 10, filename: "data/book.xlsx" },
    { region: "south", total: 20, filename: "data/book.xlsx" },
  ]);
  assert.deepEqual(await rows(project, "FROM source.broken"), [{ a: 1, b: null }]);
});

Deno.test("excel: what cannot be read is said with its cell", async () => {
  const bytes = Deno.readFileSync(WORKBOOK);
  using project = makeProject({ "data/book.xlsx": bytes });
  const cases: readonly [string, RegExp][] = [
    ["params: {sheet: Broken}\n", /Cell Broken!B2 of "data\/book\.xlsx" is the error #N\/A/],
    ["params: {sheet: Formula}\n", /Cell Formula!B2 .* has a formula whose value was never stored/],
    ["params: {sheet: Empty}\n", /Sheet "Empty" of "data\/book\.xlsx" is empty/],
    ["params: {sheet: Ordes}\n", /has no sheet "Ordes"[\s\S]*did you mean "Orders"/],
    ["params: {range: 4B}\n", /"4B" is no range of cells/],
    ["columns: {nothing: BIGINT}\n", /has no column "nothing"/],
  ];
  for (const [more, says] of cases) {
    project.write("seeknal/orders.yml", sourceYaml("orders", "excel", "data/book.xlsx", more));
    assert.match(await refused(project, "plan", "dev"), says);
  }
  project.write("seeknal/orders.yml", sourceYaml("orders", "excel", "data/book.xlsx"));
  for (const broken of [bytes.subarray(0, 3000), new TextEncoder().encode("a,b\n1,2\n")]) {
    project.write("data/book.xlsx", broken);
    assert.match(
      await refused(project, "plan", "dev"),
      /Cannot read "data\/book\.xlsx" as excel: it is/,
    );
  }
  // Flipped bytes inside the compressed parts are noticed or change nothing: never a crash.
  for (let at = 100; at < bytes.length; at += 331) {
    const damaged = bytes.slice();
    damaged[at] = damaged[at]! ^ 0xff;
    project.write("data/book.xlsx", damaged);
    const { code, stderr } = await project.run("parse");
    assert.ok(code === 0 || code === 3, `byte ${at}: exit ${code}\n${stderr}`);
  }
});

Deno.test("a folder and a pattern are read with the names of their files, and the plan names which came, went or changed", async () => {
  using project = makeProject({
    "data/orders/2023.csv": "id\n1\n",
    "data/orders/eu/2022.CSV": "id\n2\n",
    "data/orders/_notes.csv": "nothing\n",
    "data/orders/readme.txt": "nothing\n",
    "seeknal/orders.yml": sourceYaml("orders", "csv", "data/orders/", "params: {filename: true}\n"),
  });
  await build(project);
  await ok(project, "promote", "dev", "--yes");
  assert.deepEqual(await rows(project, "FROM source.orders ORDER BY id"), [
    { id: 1, filename: "data/orders/2023.csv" },
    { id: 2, filename: "data/orders/eu/2022.CSV" },
  ]);
  project.write("data/orders/2024.csv", "id\n3\n");
  assert.equal(await reasons(project), "data changed: 1 file added (data/orders/2024.csv)");
  project.remove("data/orders/2023.csv");
  project.write("data/orders/eu/2022.CSV", "id\n9\n");
  assert.equal(
    await reasons(project),
    "data changed: 1 file added (data/orders/2024.csv), 1 file removed (data/orders/2023.csv), " +
      "1 file changed (data/orders/eu/2022.CSV)",
  );
  project.write("seeknal/orders.yml", sourceYaml("orders", "csv", "data/**/*.txt"));
  await build(project, "other");
  project.write("seeknal/orders.yml", sourceYaml("orders", "parquet", "data/orders"));
  assert.match(
    await refused(project, "plan", "dev"),
    /Folder "data\/orders" holds no file of this type/,
  );
});

Deno.test("files with other columns than the first are refused with their names, or filled with union_by_name", async () => {
  using project = makeProject({
    "data/a.csv": "id,x\n1,2\n",
    "data/b.csv": "id,y,x\n3,4,5\n",
    "seeknal/orders.yml": sourceYaml("orders", "csv", "data/*.csv"),
  });
  const said = await refused(project, "plan", "dev");
  assert.match(said, /"data\/b\.csv" has other columns than "data\/a\.csv": it has y besides/);
  project.write(
    "seeknal/orders.yml",
    sourceYaml("orders", "csv", "data/*.csv", "params: {union_by_name: true}\n"),
  );
  await build(project);
  assert.deepEqual(await rows(project, "FROM source.orders ORDER BY id"), [
    { id: 1, x: 2, y: null },
    { id: 3, x: 5, y: 4 },
  ]);
});

Deno.test("contract enforce: an extra, a missing and another type are errors with their place", async () => {
  using project = makeProject({ "data/o.csv": "id,amount,extra\n1,10,x\n" });
  const write = (more: string) =>
    project.write("seeknal/orders.yml", sourceYaml("orders", "csv", "data/o.csv", more));
  // Without a contract the same columns are no problem, before as after.
  write("columns: {id: BIGINT}\n");
  await build(project);
  write("columns: {id: BIGINT, amount: BIGINT, missing: DATE}\ncontract: enforce\n");
  const said = await refused(project, "plan", "dev");
  assert.match(
    said,
    /seeknal\/orders\.yml:5:\d+ .*the data has columns that it does not list: extra/,
  );
  assert.match(said, /the data has no column "missing"/);
  write("columns: {id: BIGINT, amount: DATE, extra: VARCHAR}\ncontract: {mode: enforce}\n");
  assert.match(await refused(project, "plan", "dev"), /breaks its contract: [\s\S]*"10" to .DATE/);
  write("columns: {id: BIGINT, amount: BIGINT, extra: VARCHAR}\ncontract: enforce\n");
  await build(project);
  project.write("data/o.csv", "id,amount,extra,new\n1,10,x,y\n");
  assert.match(await refused(project, "plan", "dev"), /does not list: new/);
  write("columns: {id: BIGINT}\ncontract: freeze\n");
  assert.match(await refused(project, "plan", "dev"), /Unknown contract "freeze"/);
  write("contract: enforce\n");
  assert.match(await refused(project, "plan", "dev"), /none are declared/);
});

Deno.test("contract enforce compares the types of data that has types, and casts nothing", async () => {
  using project = makeProject({ "data/.keep": "" });
  sqlite(
    project.path("data/o.db"),
    "CREATE TABLE t (id INTEGER, d DATE); INSERT INTO t VALUES (1, NULL)",
  );
  const write = (columns: string, contract: string) =>
    project.write(
      "seeknal/orders.yml",
      sourceYaml(
        "orders",
        "sqlite",
        "data/o.db",
        `params: {table: t}\ncolumns: ${columns}\ncontract: ${contract}\n`,
      ),
    );
  write("{id: integer, d: date}", "enforce");
  const said = await refused(project, "plan", "dev");
  assert.match(said, /column "id" is BIGINT in the data, not INTEGER/);
  write("{id: bigint, d: date}", "enforce");
  await build(project);
  write("{id: integer, d: date}", "ignore");
  await build(project);
  const types = await rows(project, "SELECT typeof(id) AS t FROM source.orders");
  assert.deepEqual(types, [{ t: "INTEGER" }]);
});

Deno.test("contract evolve: new columns come through, and every plan names them", async () => {
  using project = makeProject({
    "data/o.csv": "id\n1\n",
    "seeknal/orders.yml": sourceYaml(
      "orders",
      "csv",
      "data/o.csv",
      "columns: {id: BIGINT}\ncontract: evolve\n",
    ),
  });
  assert.doesNotMatch(await ok(project, "plan", "dev"), /contract/);
  project.write("data/o.csv", "id,city\n1,Paris\n");
  for (let i = 0; i < 2; i++) {
    const said = await ok(project, "plan", "dev");
    assert.match(said, /columns that its contract does not list, and they come through: city/);
  }
  await ok(project, "run", "--env", "dev");
  assert.deepEqual(await rows(project, "FROM source.orders"), [{ id: 1, city: "Paris" }]);
});

Deno.test("freshness: passes, warns and fails as time goes on, without a new file", async () => {
  using project = makeProject({
    "data/o.csv": "id,at\n1,2026-01-02 02:00:00\n2,2026-01-01 00:00:00\n",
    "seeknal/orders.yml": sourceYaml(
      "orders",
      "csv",
      "data/o.csv",
      "freshness: {time_column: at, warn_after: 24h, error_after: 2d}\n",
    ),
    "seeknal/plain.yml": sourceYaml("plain", "csv", "data/o.csv"),
  });
  await build(project);
  await ok(project, "promote", "dev", "--yes");
  assert.match(await ok(project, "freshness"), /^pass\s+source\.orders/);
  project.host.advance(25 * 3_600_000);
  assert.match(
    await ok(project, "run", "--env", "dev"),
    /warning: source\.orders: freshness_warn\(at\) failed: the newest at is 2026-01-02 02:00:00/,
  );
  assert.match(await ok(project, "freshness", "--env", "dev"), /^warn /);
  project.host.advance(24 * 3_600_000);
  const failed = await project.run("run", "--env", "dev");
  assert.equal(failed.code, 4);
  assert.match(failed.stderr, /freshness\(at\) failed: .*more than 2d ago/);
  assert.equal((await project.run("promote", "dev", "--yes")).code !== 0, true);
  const shown = await project.run("freshness", "--json");
  assert.equal(shown.code, 4);
  const { sources } = JSON.parse(shown.stdout);
  assert.deepEqual(
    sources.map(({ node, status, newest }: Record<string, unknown>) => [node, status, newest]),
    [["source.orders", "error", "2026-01-02 02:00:00"]],
  );
  // New rows, not read by any run yet: the source itself counts.
  project.write("data/o.csv", "id,at\n1,2026-01-04 02:00:00\n");
  assert.match(await ok(project, "freshness"), /^pass /);
  await build(project);
});

Deno.test("freshness: what cannot be checked is refused in the plan", async () => {
  using project = makeProject({ "data/o.csv": "id,at\n1,soon\n" });
  const cases: readonly [string, RegExp][] = [
    ["{time_column: when, warn_after: 1h}", /no column "when" for its freshness/],
    ["{time_column: at, warn_after: 1h}", /column "at" is VARCHAR, which is no time/],
    ["{time_column: at, warn_after: soon}", /"soon" is no length of time/],
    ["{time_column: at, warn_after: 2h, error_after: 1h}", /is not before error_after/],
    ["{warn_after: 1h}", /Field "time_column" is missing/],
  ];
  for (const [freshness, says] of cases) {
    const more = `freshness: ${freshness}\n`;
    project.write("seeknal/orders.yml", sourceYaml("orders", "csv", "data/o.csv", more));
    assert.match(await refused(project, "plan", "dev"), says);
  }
});

Deno.test("source_defaults hold for sources that do not say otherwise, under every name of their type", async () => {
  using project = makeProject({
    "profiles.yml": `source_defaults:
  csv: { delimiter: ";", nulstr: x }
  json: { maximum_depth: 1 }
  excel: { sheet: Report, range: "B4:C6" }
  sqlite: { table: t }
  oracle: { a: 1 }
`,
    "data/o.csv": "id;x\n1;2\n",
    "data/p.csv": "id|x\n3|4\n",
    "data/o.jsonl": '{"id": {"a": 1}}\n',
    "data/book.xlsx": Deno.readFileSync(WORKBOOK),
    "seeknal/o.yml": sourceYaml("o", "csv", "data/o.csv"),
    "seeknal/p.yml": sourceYaml("p", "csv", "data/p.csv", 'params: {delimiter: "|"}\n'),
    "seeknal/j.yml": sourceYaml("j", "jsonl", "data/o.jsonl"),
    "seeknal/x.yml": sourceYaml("x", "excel", "data/book.xlsx"),
    "seeknal/s.yml": sourceYaml("s", "sqlite", "data/o.db"),
  });
  sqlite(project.path("data/o.db"), "CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (7)");
  const said = await ok(project, "plan", "dev");
  assert.match(said, /profiles\.yml:2:\d+ .*has no parameter "nulstr", and this has no effect/);
  assert.match(said, /There is no source type "oracle"/);
  await ok(project, "run", "--env", "dev");
  assert.deepEqual(await rows(project, "FROM source.o"), [{ id: 1, x: 2 }]);
  assert.deepEqual(await rows(project, "FROM source.p"), [{ id: 3, x: 4 }]);
  assert.deepEqual(await rows(project, "SELECT typeof(id) AS t FROM source.j"), [{ t: "JSON" }]);
  assert.deepEqual((await rows(project, "FROM source.x"))[0], { region: "north", total: 10 });
  assert.deepEqual(await rows(project, "FROM source.s"), [{ id: 7 }]);
});
