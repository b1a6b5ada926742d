import assert from "node:assert/strict";
import { loadProject } from "../../src/project/load_project.ts";
import { git } from "../support/command.ts";
import { runChild } from "../support/child.ts";
import { TestHost } from "../support/host.ts";
import { HttpReceiver } from "../support/http_receiver.ts";
import { makeProject, runSeeknal, type TempProject } from "../support/project.ts";
import { randomNumbers } from "../support/random.ts";
import { ok, source, transform } from "../support/shop.ts";

const SECRET = "s3cret-value-of-token";

function exposure(name: string, type: string, params: string, inputs = "transform.paid"): string {
  const refs = inputs.split(" ").map((id) => `{ ref: ${id} }`).join(", ");
  return `kind: exposure\nname: ${name}\ntype: ${type}\ndepends_on: [${refs}]\nparams: ${params}\n`;
}

const FILE = exposure("paid_file", "file", "{ path: target/exports/paid.csv }");

function makeExposingShop(exposures: readonly string[] = [FILE]): TempProject {
  return makeProject({
    "data/orders.csv": "id,amount,status\n1,10,paid\n2,20,paid\n3,5,open\n4,7,paid\n",
    "seeknal/sources.yml": source("orders"),
    "seeknal/paid.yml": paid(""),
    "seeknal/exposures.yml": exposures.join("---\n"),
  });
}

function paid(more: string): string {
  const sql =
    `SELECT id, amount FROM ref('source.orders') WHERE status = 'paid'${more} ORDER BY id`;
  return transform("paid", ["source.orders"], sql);
}

interface Listed {
  readonly exposures: readonly {
    readonly id: string;
    readonly status: string;
    readonly target: string;
  }[];
}

async function statuses(project: TempProject, env = "prod"): Promise<Record<string, string>> {
  const { exposures } = await project.json<Listed>("deliver", "--dry-run", "--env", env);
  return Object.fromEntries(
    exposures.map(({ id, status }) => [id.slice("exposure.".length), status]),
  );
}

Deno.test("kinds without rows go from dev to production and back and block nothing", async (t) => {
  using project = makeExposingShop([
    FILE,
    "kind: exposure\nname: board\ntype: dashboard\nurl: https://bi.example.org/1\nowner: ann\n" +
    "depends_on: [{ ref: metric.revenue }, { ref: semantic_model.orders }]\n",
  ]);
  project.write(
    "seeknal/model.yml",
    "kind: semantic_model\nname: orders\nmodel: source.orders\n" +
      "measures: [{ name: total, expr: amount, agg: sum }]\ndimensions: [{ name: status }]\n" +
      "metrics: [{ name: revenue, measure: total }]\n",
  );
  await t.step("the first plan has nothing to do for them", async () => {
    const { nodes } = await project.json<{ nodes: { id: string; action: string }[] }>(
      "plan",
      "dev",
    );
    const virtual = nodes.filter(({ id }) => /^(exposure|metric|semantic_model)\./.test(id));
    assert.deepEqual(virtual.map(({ action }) => action), ["none", "none", "none", "none"]);
  });
  await t.step("a run of an environment delivers nothing", async () => {
    await ok(project, "run", "--env", "dev");
    assert.equal(project.exists("target/exports"), false);
    assert.equal(project.exists("target/environments/dev/exports"), false);
  });
  await t.step("they are promoted to staging and to production, and back", async () => {
    await ok(project, "promote", "dev", "staging", "--yes");
    assert.match(
      await ok(project, "promote", "staging", "--yes"),
      /next: seeknal deliver +\(1 exposure/,
    );
    assert.equal(project.exists("target/exports"), false);
    assert.match(await ok(project, "run"), /1 exposure delivered/);
    assert.equal(project.read("target/exports/paid.csv"), "id,amount\n1,10\n2,20\n4,7\n");
    assert.deepEqual(await statuses(project), { board: "documentation", paid_file: "delivered" });
  });
  await t.step("what only one of them says is a change like any other", async () => {
    project.write("seeknal/exposures.yml", FILE + "owner: ben\n");
    const planned = await ok(project, "plan", "dev");
    assert.match(planned, /- exposure\.board/);
    assert.match(planned, /0 to build, 2 to reuse, 0 to drop/);
    await ok(project, "run", "--env", "dev");
    await ok(project, "promote", "dev", "--yes");
    await ok(project, "rollback", "--yes");
    assert.deepEqual(Object.keys(await statuses(project)), ["board", "paid_file"]);
    await git(project.path("target/state.git"), "fsck", "--strict");
  });
});

Deno.test("an environment delivers its own rows to its own files, and only where asked", async (t) => {
  using project = makeExposingShop();
  await ok(project, "run");
  const production = project.read("target/exports/paid.csv");
  project.write("seeknal/paid.yml", paid(" AND id > 1"));
  await ok(project, "plan", "dev");
  await t.step("not unless asked", async () => {
    await ok(project, "run", "--env", "dev");
    assert.equal(project.exists("target/environments/dev/exports"), false);
  });
  await t.step("its rows, beside production's", async () => {
    assert.match(
      await ok(project, "run", "--env", "dev", "--with-exposures"),
      /1 exposure delivered/,
    );
    assert.equal(
      project.read("target/environments/dev/exports/paid.csv"),
      "id,amount\n2,20\n4,7\n",
    );
    assert.equal(project.read("target/exports/paid.csv"), production);
    assert.deepEqual(await statuses(project, "dev"), { paid_file: "delivered" });
    assert.doesNotMatch(await ok(project, "run", "--env", "dev", "--with-exposures"), /exposure/);
  });
  await t.step("its promotion claims nothing for production", async () => {
    assert.match(await ok(project, "promote", "dev", "--yes"), /seeknal deliver/);
    assert.deepEqual(await statuses(project), { paid_file: "pending" });
    assert.equal(project.read("target/exports/paid.csv"), production);
    assert.match(await ok(project, "run"), /1 exposure delivered/);
    assert.equal(project.read("target/exports/paid.csv"), "id,amount\n2,20\n4,7\n");
    assert.match(await ok(project, "run"), /No changes detected/);
  });
  await t.step("going back makes it due again, and says so", async () => {
    assert.match(await ok(project, "rollback", "--yes"), /seeknal deliver/);
    assert.deepEqual(await statuses(project), { paid_file: "pending" });
    assert.match(await ok(project, "deliver"), /Delivered prod: 1 exposure/);
    assert.equal(project.read("target/exports/paid.csv"), production);
  });
  await t.step(
    "going back behind a delivery finds the state before, not the delivery",
    async () => {
      const history = await ok(project, "history");
      assert.match(history, /deliver prod: 1 exposure/);
      await ok(project, "rollback", "--to", "prod@{1}", "--yes");
      assert.equal((await statuses(project))["paid_file"], "delivered");
    },
  );
});

Deno.test("promote and rollback --with-exposures deliver right away", async () => {
  using project = makeExposingShop();
  await ok(project, "run", "--no-exposures");
  assert.equal(project.exists("target/exports"), false);
  await ok(project, "deliver");
  project.write("seeknal/paid.yml", paid(" AND id > 2"));
  await ok(project, "plan", "dev");
  await ok(project, "run", "--env", "dev");
  await ok(project, "promote", "dev", "--yes", "--with-exposures");
  assert.equal(project.read("target/exports/paid.csv"), "id,amount\n4,7\n");
  const { deliveries } = await project.json<{ deliveries: { node: string; status: string }[] }>(
    "rollback",
    "--yes",
    "--with-exposures",
  );
  assert.deepEqual(deliveries.map(({ node, status }) => [node, status]), [
    ["exposure.paid_file", "delivered"],
  ]);
  assert.equal(project.read("target/exports/paid.csv"), "id,amount\n1,10\n2,20\n4,7\n");
});

Deno.test("a delivery leaves the plans of other environments as they were", async () => {
  using project = makeExposingShop();
  await ok(project, "run", "--no-exposures");
  project.write("seeknal/paid.yml", paid(" AND id > 1"));
  await ok(project, "plan", "dev");
  await ok(project, "run", "--env", "dev");
  await ok(project, "deliver");
  const environments = await project.json<{ name: string; status: string }[]>("env", "list");
  assert.equal(environments.find(({ name }) => name === "dev")!.status, "applied");
  await ok(project, "promote", "dev", "--yes");
  assert.match(await ok(project, "history"), /deliver prod/);
  assert.deepEqual(await statuses(project), { paid_file: "pending" });
  // The state before the promotion, though a delivery lies in between.
  await ok(project, "rollback", "--yes");
  assert.deepEqual(await statuses(project), { paid_file: "delivered" });
  await git(project.path("target/state.git"), "fsck", "--strict");
});

Deno.test("requests carry rows in batches, and nothing secret is left anywhere", async (t) => {
  await using receiver = new HttpReceiver();
  const { url } = receiver;
  using project = makeExposingShop([
    exposure(
      "api",
      "api",
      `{ url: "${url}/rows", batch_size: 2, retries: 1, headers: { Authorization: "Bearer \${TOKEN}" } }`,
    ),
    exposure("hook", "webhook", `{ url: "${url}/\${HOOK:hook}", method: PUT, retries: 0 }`),
    exposure(
      "note",
      "notification",
      `{ channel: slack, url: "${url}/slack" }`,
      "transform.paid source.orders",
    ),
  ]);
  const host = new TestHost({ cwd: project.root, env: { TOKEN: SECRET } });
  const run = (...args: string[]) => runSeeknal(project, args, { host });
  await t.step(
    "what fails is tried again, then said; the others are delivered and production stays moved",
    async () => {
      receiver.answer = ({ path }) => new Response(null, { status: path === "/rows" ? 503 : 200 });
      const { code, stdout, stderr } = await run("run");
      assert.equal(code, 4);
      assert.match(stderr, /POST .*\/rows answered 503 \(2 tries\)/);
      assert.match(stdout, /2 exposures delivered, 1 exposure not delivered/);
      assert.doesNotMatch(stdout + stderr, new RegExp(SECRET));
      const [first, second, ...others] = receiver.take();
      const key = first!.headers.get("Idempotency-Key");
      assert.ok(key !== null && key === second!.headers.get("Idempotency-Key"));
      assert.equal(first!.headers.get("Authorization"), `Bearer ${SECRET}`);
      const [hook, note] = others;
      assert.deepEqual([hook!.method, hook!.path], ["PUT", "/hook"]);
      assert.deepEqual(JSON.parse(hook!.body), {
        format_version: 1,
        project: "test_project",
        exposure: "hook",
        environment: "prod",
        node: "transform.paid",
        total_rows: 3,
        batch: 1,
        batches: 1,
        rows: [{ id: 1, amount: 10 }, { id: 2, amount: 20 }, { id: 4, amount: 7 }],
      });
      assert.match(JSON.parse(note!.body).text, /transform\.paid: 3 rows\nsource\.orders: 4 rows/);
      assert.deepEqual(await statuses(project), {
        api: "pending",
        hook: "delivered",
        note: "delivered",
      });
      receiver.answer = () => new Response("ok");
      assert.equal((await run("run")).code, 0);
      const again = receiver.take();
      assert.deepEqual(again.map(({ path, body }) => [path, body]), [
        ["/rows", '[{"id":1,"amount":10},{"id":2,"amount":20}]'],
        ["/rows", '[{"id":4,"amount":7}]'],
      ]);
      assert.equal(again[0]!.headers.get("Idempotency-Key"), key);
      assert.notEqual(again[1]!.headers.get("Idempotency-Key"), key);
      assert.equal((await run("run")).code, 0);
      assert.deepEqual(receiver.take(), []);
    },
  );
  await t.step("a variable that is not set, a redirection and silence are failures", async () => {
    receiver.answer = ({ path }) =>
      path === "/hook"
        ? new Response(null, { status: 302, headers: { Location: `${url}/elsewhere` } })
        : new Response("ok");
    const { code, stderr } = await project.run("deliver", "--force");
    assert.equal(code, 4);
    assert.match(stderr, /Environment variable "TOKEN" is not set/);
    assert.match(stderr, /302: redirections are not followed/);
    assert.deepEqual(receiver.take().map(({ path }) => path), ["/hook", "/slack"]);
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const closed = listener.addr.port;
    listener.close();
    project.write(
      "seeknal/exposures.yml",
      exposure("api", "api", `{ url: "${url}/slow", timeout: 0.2, retries: 0 }`) + "---\n" +
        exposure("hook", "webhook", `{ url: "http://127.0.0.1:${closed}/\${TOKEN}", retries: 0 }`),
    );
    let release = () => {};
    receiver.answer = () => new Promise((resolve) => release = () => resolve(new Response("ok")));
    const { stderr: silent, stdout } = await run("run");
    release();
    assert.match(silent, /did not answer within 0\.2 s/);
    assert.match(silent, /127\.0\.0\.1:\d+\/\$\{TOKEN\} was refused/);
    assert.doesNotMatch(silent + stdout, new RegExp(SECRET));
  });
  await t.step("neither the state nor a file of the project knows the secret", async () => {
    const log = await git(project.path("target/state.git"), "log", "--all", "-p");
    assert.ok(log.includes("delivery_hash") && !log.includes(SECRET));
    for (const path of filesBelow(project.root)) {
      const text = new TextDecoder("latin1").decode(Deno.readFileSync(path));
      assert.ok(!text.includes(SECRET), path);
    }
  });
});

function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) =>
    entry.isDirectory ? filesBelow(`${folder}/${entry.name}`) : [`${folder}/${entry.name}`]
  );
}

Deno.test("a process killed around a delivery leaves it to the next run", async (t) => {
  await using receiver = new HttpReceiver();
  using project = makeExposingShop([
    FILE,
    exposure("hook", "webhook", `{ url: "${receiver.url}/hook" }`),
  ]);
  const killed = (point: string) => runChild(project.root, ["run"], { SEEKNAL_FAULT_POINT: point });
  await t.step("after production moved, before anything was delivered", async () => {
    assert.equal((await killed("run-moved")).code, 137);
    assert.deepEqual(receiver.take(), []);
    assert.deepEqual(await statuses(project), { hook: "pending", paid_file: "pending" });
  });
  await t.step("after everything was delivered, before that was recorded", async () => {
    assert.equal((await killed("delivered")).code, 137);
    assert.deepEqual(await statuses(project), { hook: "pending", paid_file: "pending" });
  });
  await t.step("the next run delivers, under the same key", async () => {
    assert.match(await ok(project, "run"), /2 exposures delivered/);
    const keys = receiver.take().map(({ headers }) => headers.get("Idempotency-Key"));
    assert.deepEqual([keys.length, new Set(keys).size], [2, 1]);
    assert.deepEqual(await statuses(project), { hook: "delivered", paid_file: "delivered" });
    await git(project.path("target/state.git"), "fsck", "--strict");
  });
});

Deno.test("file exposures write every format, as a whole", async () => {
  const formats = ["csv", "json", "jsonl", "parquet"];
  using project = makeExposingShop(
    formats.map((format) => exposure(`as_${format}`, "file", `{ path: out/paid.${format} }`)),
  );
  project.write(
    "seeknal/paid.yml",
    transform(
      "paid",
      [],
      "SELECT 1 AS id, 'a,\"b' AS name, 0.1::DOUBLE AS x UNION ALL SELECT 2, NULL, 'nan'::DOUBLE ORDER BY id",
    ),
  );
  await ok(project, "run");
  assert.equal(project.read("out/paid.csv"), 'id,name,x\n1,"a,""b",0.1\n2,,nan\n');
  const rows = [{ id: 1, name: 'a,"b', x: 0.1 }, { id: 2, name: null, x: null }];
  assert.deepEqual(JSON.parse(project.read("out/paid.json")), rows);
  const lines = project.read("out/paid.jsonl").trimEnd().split("\n");
  assert.deepEqual(lines.map((line) => JSON.parse(line)), rows);
  assert.deepEqual(
    Deno.readFileSync(project.path("out/paid.parquet")),
    Deno.readFileSync(project.path("target/cache/transform/paid.parquet")),
  );
  assert.deepEqual([...Deno.readDirSync(project.path("out"))].map(({ name }) => name).sort(), [
    "paid.csv",
    "paid.json",
    "paid.jsonl",
    "paid.parquet",
  ]);
});

Deno.test("a file exposure does not go through a link that leads out of the project", async () => {
  using outside = makeProject();
  using project = makeExposingShop([exposure("paid_file", "file", "{ path: out/paid.csv }")]);
  Deno.symlinkSync(outside.root, project.path("out"));
  const { code, stderr } = await project.run("run");
  assert.equal(code, 4);
  assert.match(stderr, /out\/paid\.csv leads out of the project/);
  assert.equal(outside.exists("paid.csv"), false);
});

Deno.test("exposures that cannot be are refused where they are written", () => {
  const cases: readonly [string, string, RegExp][] = [
    [exposure("e", "file", "{ path: ../paid.csv }"), "exposure_path", /out of the project/],
    [exposure("e", "file", "{ path: /tmp/paid.csv }"), "exposure_path", /no path of the project/],
    [exposure("e", "file", "{ path: seeknal/paid.csv }"), "exposure_path", /own files/],
    [
      exposure("e", "file", "{ path: Target/state.git/HEAD.csv }"),
      "exposure_path",
      /keeps its state/,
    ],
    [
      exposure("e", "file", "{ path: target/exports/../cache/x.csv }"),
      "exposure_path",
      /keeps its state/,
    ],
    [exposure("e", "file", '{ path: "out/{{ env }}.csv" }'), "exposure_path", /files of their own/],
    [exposure("e", "file", "{ path: data/./orders.csv }"), "exposure_path", /source\.orders reads/],
    [FILE + "---\n" + FILE.replace("paid_file", "other"), "exposure_path", /writes target/],
    [exposure("e", "file", "{ path: out/paid.xlsx }"), "wrong_value", /Unknown format "xlsx"/],
    [
      exposure("e", "file", "{ format: csv }", "transform.paid source.orders"),
      "several_inputs",
      /one node/,
    ],
    [exposure("e", "file", "{ format: csv, colour: red }"), "unknown_field", /colour/],
    [exposure("e", "database", "{ }"), "unknown_exposure", /database/],
    [exposure("e", "dashbord", "{ }"), "unknown_exposure", /dashbord/],
    [exposure("e", "api", "{ url: ftp://x }"), "wrong_value", /no address/],
    [
      exposure("e", "api", '{ url: "https://ann:pw@x.example" }'),
      "wrong_value",
      /user or password/,
    ],
    [
      exposure("e", "api", "{ url: https://x.example, method: GET }"),
      "wrong_value",
      /Unknown method/,
    ],
    [
      exposure("e", "api", "{ url: https://x.example, headers: { X-Api-Key: abc } }"),
      "secret_in_file",
      /written down/,
    ],
    [
      exposure("e", "notification", "{ channel: email, url: https://x.example }"),
      "wrong_value",
      /email/,
    ],
    [FILE.replace(/depends_on.*\n/, ""), "missing_field", /depends_on/],
  ];
  for (const [text, code, message] of cases) {
    using project = makeExposingShop([text]);
    const found = loadProject(project.root).diagnostics.filter((one) => one.code === code);
    assert.ok(found.length > 0, `${code}: ${text}`);
    assert.match(found[0]!.message, message);
    assert.ok(found[0]!.file === "seeknal/exposures.yml" && (found[0]!.line ?? 0) > 0, text);
  }
});

Deno.test("a run of an exposure builds what it reads, and delivers nothing else", async () => {
  const other = exposure("orders_file", "file", "{ path: out/orders.csv }", "source.orders");
  using project = makeExposingShop([FILE, other]);
  await ok(project, "run", "--no-exposures");
  project.write("seeknal/paid.yml", paid(" AND id > 1"));
  assert.match(
    await ok(project, "run", "--select", "exposure.paid_file"),
    /1 built.*1 exposure delivered/,
  );
  assert.equal(project.read("target/exports/paid.csv"), "id,amount\n2,20\n4,7\n");
  assert.deepEqual(await statuses(project), { orders_file: "pending", paid_file: "delivered" });
  assert.match(await ok(project, "doctor"), /outputs of prod: 2 outputs are there/);
});

Deno.test("two deliveries at once deliver once", async () => {
  await using receiver = new HttpReceiver();
  using project = makeExposingShop([
    exposure("hook", "webhook", `{ url: "${receiver.url}/hook" }`),
  ]);
  await ok(project, "run", "--no-exposures");
  receiver.answer = async () => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    return new Response("ok");
  };
  const [first, second] = await Promise.all([project.run("deliver"), project.run("deliver")]);
  assert.deepEqual([first!.code, second!.code], [0, 0], first!.stderr + second!.stderr);
  assert.equal(receiver.take().length, 1);
});

Deno.test("whatever happens, the account of production says what its file holds", async () => {
  const random = randomNumbers(1);
  const pick = <T>(values: readonly T[]) => values[Math.floor(random() * values.length)]!;
  using project = makeExposingShop();
  const file = () =>
    project.exists("target/exports/paid.csv") ? project.read("target/exports/paid.csv") : null;
  await ok(project, "run", "--no-exposures");
  const quiet: string[][] = [
    ["plan", "dev"],
    ["run", "--env", "dev", "--force"],
    ["run", "--env", "dev", "--force", "--with-exposures"],
    ["promote", "dev", "--yes"],
    ["rollback", "--yes"],
    ["run", "--no-exposures"],
  ];
  const loud: string[][] = [
    ["run"],
    ["deliver"],
    ["promote", "dev", "--yes", "--with-exposures"],
    ["rollback", "--yes", "--with-exposures"],
  ];
  const seen = { delivered: 0, pending: 0, moved: 0 };
  for (let step = 0; step < 20; step++) {
    if (random() < 0.4) {
      project.write("seeknal/paid.yml", paid(pick(["", " AND id > 1", " AND id > 2"])));
    }
    const isLoud = random() < 0.4;
    const before = file();
    const args = pick(isLoud ? loud : quiet);
    const { code, stderr } = await project.run(...args);
    assert.ok([0, 2, 3, 4].includes(code), `${args.join(" ")}: ${stderr}`);
    if (!isLoud) assert.equal(file(), before, args.join(" "));
    const rows = await project.json<{ id: number; amount: number }[]>(
      "query",
      "SELECT * FROM transform.paid ORDER BY id",
    );
    const held = `id,amount\n${rows.map(({ id, amount }) => `${id},${amount}\n`).join("")}`;
    const status = (await statuses(project))["paid_file"]!;
    assert.equal(
      status,
      file() === held ? "delivered" : "pending",
      `step ${step}: ${args.join(" ")}`,
    );
    seen[status as "delivered" | "pending"]++;
    if (file() !== before) seen.moved++;
  }
  assert.ok(seen.delivered > 2 && seen.pending > 2 && seen.moved > 1, JSON.stringify(seen));
  await git(project.path("target/state.git"), "fsck", "--strict");
});
