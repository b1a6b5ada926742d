import assert from "node:assert/strict";
import { sha256 } from "../../src/base/hash.ts";
import type { Plan } from "../../src/model/plan.ts";
import { FileServer } from "../support/file_server.ts";
import { makeProject, type TempProject } from "../support/project.ts";

const CSV = "id,amount\n1,10\n2,20\n";
const TOTAL = `kind: transform
name: total
inputs: [source.orders]
transform: SELECT sum(amount) AS total FROM ref('source.orders')
`;

function sourceOf(url: string, params = "{}"): string {
  return `kind: source\nname: orders\nsource: https\ntable: ${url}\nparams: ${params}\n`;
}

function projectOf(url: string, params = "{}"): TempProject {
  return makeProject({
    "seeknal/sources/orders.yml": sourceOf(url, params),
    "seeknal/transforms/total.yml": TOTAL,
  });
}

async function total(project: TempProject, env: string): Promise<number> {
  const sql = "SELECT total FROM transform.total";
  const { code, stdout, stderr } = await project.run("query", sql, "--env", env, "--format", "csv");
  assert.equal(code, 0, stderr);
  return Number(stdout.split("\n")[1]);
}

async function ok(project: TempProject, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await project.run(...args);
  assert.equal(code, 0, `seeknal ${args.join(" ")}\n${stdout}${stderr}`);
  return stdout + stderr;
}

function downloads(project: TempProject): string[] {
  if (!project.exists("target/cache/downloads")) return [];
  return [...Deno.readDirSync(project.path("target/cache/downloads"))].map(({ name }) => name)
    .filter((name) => /^[0-9a-f]{64}$/.test(name));
}

Deno.test("an http source goes from plan to promotion, and new content is new data", async () => {
  let content = CSV;
  await using server = new FileServer(() => new Response(content));
  using project = projectOf(server.url("/orders.csv"));
  await ok(project, "plan", "dev");
  await ok(project, "run", "--env", "dev");
  assert.equal(await total(project, "dev"), 30);
  await ok(project, "promote", "dev", "--yes");
  content = "id,amount\n1,10\n2,25\n";
  const plan = await project.json<Plan>("plan", "dev");
  const node = plan.nodes.find(({ id }) => id === "source.orders")!;
  assert.match(node.reasons.join(), /^data changed: content [0-9a-f]{12} of http:\/\/127/);
  await ok(project, "run", "--env", "dev");
  await ok(project, "promote", "dev", "--yes");
  assert.equal(await total(project, "prod"), 35);
});

Deno.test("run --env of an http source that went on since the plan reads what is there now, and says so", async () => {
  let content = CSV;
  await using server = new FileServer(() => new Response(content));
  using project = projectOf(server.url("/orders.csv"));
  await ok(project, "plan", "dev");
  content = "id,amount\n1,100\n";
  const said = await ok(project, "run", "--env", "dev");
  assert.match(said, /source\.orders went on since the plan/);
  assert.equal(await total(project, "dev"), 100);
});

Deno.test("a file with a strong ETag is asked for and not downloaded again; a weak one is", async () => {
  for (const { etag, bodies } of [{ etag: '"v1"', bodies: 1 }, { etag: 'W/"v1"', bodies: 3 }]) {
    let sent = 0;
    await using server = new FileServer((_, headers) => {
      if (headers.get("if-none-match") === etag) return new Response(null, { status: 304 });
      sent++;
      return new Response(CSV, { headers: { etag } });
    });
    using project = projectOf(server.url("/orders.csv"));
    await ok(project, "plan", "dev");
    await ok(project, "run", "--env", "dev");
    await ok(project, "plan", "dev");
    assert.equal(sent, bodies, etag);
    assert.ok(server.requests.length >= 3);
  }
});

Deno.test("Last-Modified is believed only when it lies a minute before the answer", async () => {
  const now = Date.parse("2026-01-02T03:04:05Z");
  for (const { ageMs, bodies } of [{ ageMs: 3_600_000, bodies: 1 }, { ageMs: 1_000, bodies: 2 }]) {
    const modified = new Date(now - ageMs).toUTCString();
    let sent = 0;
    await using server = new FileServer((_, headers) => {
      if (headers.get("if-modified-since") === modified) return new Response(null, { status: 304 });
      sent++;
      const date = new Date(now).toUTCString();
      return new Response(CSV, { headers: { "last-modified": modified, date } });
    });
    using project = projectOf(server.url("/orders.csv"));
    await ok(project, "plan", "dev");
    await ok(project, "plan", "dev");
    assert.equal(sent, bodies, `${ageMs} ms`);
  }
});

Deno.test("a file with a checksum is downloaded once; then nobody is asked, and a server that is gone does no harm", async () => {
  const params = `{checksum: "sha256:${sha256(CSV)}"}`;
  let project: TempProject;
  {
    await using server = new FileServer(() => new Response(CSV));
    project = projectOf(server.url("/orders.csv"), params);
    await ok(project, "plan", "dev");
    assert.equal(server.requests.length, 1);
  }
  using own = project;
  await ok(own, "run", "--env", "dev");
  await ok(own, "plan", "other");
  await ok(own, "promote", "dev", "--yes");
  assert.equal(await total(own, "prod"), 30);
  assert.deepEqual(downloads(own), [sha256(CSV)]);
});

Deno.test("another file than its checksum says is refused with exit 6, and nothing of it stays", async () => {
  await using server = new FileServer(() => new Response("id,amount\n1,666\n"));
  using project = projectOf(server.url("/orders.csv"), `{checksum: "sha256:${sha256(CSV)}"}`);
  const { code, stderr } = await project.run("plan", "dev");
  assert.equal(code, 6);
  assert.match(
    stderr,
    /error: source\.orders: .* is not the file it should be: its checksum is sha256:[0-9a-f]{64}/,
  );
  assert.deepEqual(downloads(project), []);
  assert.deepEqual([...Deno.readDirSync(project.path("target/cache/tmp"))], []);
});

Deno.test("a download that was damaged on disk is made again", async () => {
  await using server = new FileServer(() => new Response(CSV));
  using project = projectOf(server.url("/orders.csv"), `{checksum: "sha256:${sha256(CSV)}"}`);
  await ok(project, "plan", "dev");
  const path = project.path("target/cache/downloads", sha256(CSV));
  Deno.chmodSync(path, 0o644);
  Deno.writeTextFileSync(path, "id,amount\n1,99\n2,20\n");
  await ok(project, "plan", "dev");
  await ok(project, "run", "--env", "dev");
  assert.equal(await total(project, "dev"), 30);
});

Deno.test("answers that are no data are refused in plain words", async () => {
  const cases = [
    { answer: () => new Response("no", { status: 404 }), code: 3, says: /answers 404/ },
    { answer: () => new Response("no", { status: 403 }), code: 3, says: /wants to know who asks/ },
    { answer: () => new Response("no", { status: 500 }), code: 5, says: /answers 500/ },
    {
      answer: () =>
        new Response("<html>log in</html>", { headers: { "content-type": "text/html" } }),
      code: 3,
      says: /is a web page, not a csv file/,
    },
    {
      answer: () => new Response(null, { status: 302, headers: { location: "/orders.csv" } }),
      code: 3,
      says: /too many redirects/,
    },
    { answer: () => new Response(new Uint8Array(5000)), code: 3, says: /larger than 1000 bytes/ },
  ];
  for (const { answer, code, says } of cases) {
    await using server = new FileServer(answer);
    using project = projectOf(server.url("/orders.csv"), "{retries: 0, max_size: 1KB}");
    const result = await project.run("plan", "dev");
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stdout + result.stderr, says);
    assert.deepEqual(downloads(project), []);
  }
});

Deno.test("a server that breaks off in the middle is tried again, and a part is never taken for the whole", async () => {
  let tries = 0;
  const bytes = new TextEncoder().encode(CSV);
  await using server = new FileServer(() => {
    tries++;
    return {
      breaksOffAfter: bytes.subarray(0, tries < 3 ? 14 : bytes.length),
      claims: bytes.length,
    };
  });
  using project = projectOf(server.brokenUrl("/orders.csv"), "{retries: 1}");
  const { code, stderr } = await project.run("plan", "dev");
  assert.equal(code, 5, stderr);
  assert.match(stderr, /Cannot download|broke off/);
  assert.deepEqual(downloads(project), []);
  await ok(project, "plan", "dev");
  assert.equal(tries, 3);
  assert.deepEqual(downloads(project), [sha256(CSV)]);
});

Deno.test("a server that says nothing is given up after the timeout", async () => {
  const waiting = Promise.withResolvers<void>();
  await using server = new FileServer(async () => {
    await waiting.promise;
    return new Response(CSV);
  });
  using project = projectOf(server.url("/orders.csv"), "{retries: 0, timeout: 1s}");
  const { code, stderr } = await project.run("plan", "dev");
  waiting.resolve();
  assert.equal(code, 5);
  assert.match(stderr, /no answer for 1 s/);
});

Deno.test("secrets of headers and addresses are put in when connecting and stand nowhere", async () => {
  const secret = "s3cr3t-token-of-the-test";
  await using other = new FileServer(() => new Response(CSV));
  await using server = new FileServer((path, headers) => {
    if (headers.get("authorization") !== `Bearer ${secret}`) {
      return new Response("", { status: 401 });
    }
    if (path === "/moved.csv") {
      return new Response(null, { status: 307, headers: { location: other.url("/orders.csv") } });
    }
    return new Response(CSV);
  });
  const params = '{headers: {Authorization: "Bearer ${TOKEN}"}, url: "' +
    server.url("/moved.csv") + '?key=${TOKEN}"}';
  using project = makeProject({
    "seeknal/sources/orders.yml": `kind: source\nname: orders\nsource: http\nparams: ${params}\n`,
    "seeknal/transforms/total.yml": TOTAL,
  });
  const unset = await project.run("plan", "dev");
  assert.equal(unset.code, 2);
  assert.match(unset.stderr, /Environment variable "TOKEN" is not set/);
  const { runSeeknal } = await import("../support/project.ts");
  const { TestHost } = await import("../support/host.ts");
  const host = new TestHost({ cwd: project.root, env: { TOKEN: secret } });
  let said = "";
  for (const args of [["plan", "dev"], ["run", "--env", "dev"], ["plan", "dev", "--json"]]) {
    const { code, stdout, stderr } = await runSeeknal(project, args, { host });
    assert.equal(code, 0, stderr);
    said += stdout + stderr;
  }
  // To another server nothing that is secret goes along.
  assert.ok(other.requests.length > 0);
  assert.ok(other.requests.every(({ headers }) => headers.get("authorization") === null));
  assert.ok(!said.includes(secret));
  const grep = new Deno.Command("grep", { args: ["-rl", secret, project.root], stdout: "piped" });
  assert.equal(new TextDecoder().decode((await grep.output()).stdout), "");
});

Deno.test("several commands that need the same file download it once", async () => {
  let sent = 0;
  await using server = new FileServer(async () => {
    sent++;
    await new Promise((resolve) => setTimeout(resolve, 200));
    return new Response(CSV);
  });
  using project = projectOf(server.url("/orders.csv"), `{checksum: "sha256:${sha256(CSV)}"}`);
  const envs = ["a", "b", "c"];
  const results = await Promise.all(envs.map((env) => project.run("plan", env)));
  // Some may be refused because the state repository moved; none because of the download.
  assert.ok(results.some(({ code }) => code === 0));
  assert.equal(sent, 1);
});

Deno.test("plan without an environment writes nothing, also where it has to download", async () => {
  await using server = new FileServer(() => new Response(CSV));
  using project = projectOf(server.url("/orders.csv"));
  await ok(project, "plan");
  assert.equal(project.exists("target"), false);
});

Deno.test("gc removes downloads that nothing names any more, and keeps those in use", async () => {
  let content = CSV;
  await using server = new FileServer(() => new Response(content));
  using project = projectOf(server.url("/orders.csv"));
  await ok(project, "plan", "dev");
  content = "id,amount\n7,70\n";
  await ok(project, "plan", "dev");
  assert.equal(downloads(project).length, 2);
  project.host.advance(Date.now() - project.host.now().getTime() + 2 * 3_600_000);
  await ok(project, "gc");
  assert.deepEqual(downloads(project), [sha256(content)]);
});

Deno.test("every format is read over http, compressed ones too", async () => {
  const gzip = async (text: string) =>
    new Uint8Array(
      await new Response(
        new Blob([text]).stream().pipeThrough(new CompressionStream("gzip")),
      ).arrayBuffer(),
    );
  const files: Record<string, string | Uint8Array<ArrayBuffer>> = {
    "/o.tsv": "id\tamount\n1\t30\n",
    "/o.json": '[{"id": 1, "amount": 30}]',
    "/o.jsonl": '{"id": 1, "amount": 30}\n',
    "/o.csv.gz": await gzip("id,amount\n1,30\n"),
  };
  await using server = new FileServer((path) => new Response(files[path]!));
  using project = projectOf(server.url("/o.tsv"));
  for (const [i, path] of Object.keys(files).entries()) {
    project.write("seeknal/sources/orders.yml", sourceOf(server.url(path)));
    await ok(project, "plan", `e${i}`);
    await ok(project, "run", "--env", `e${i}`);
    assert.equal(await total(project, `e${i}`), 30, path);
  }
});

Deno.test("a contract holds for files of web servers: of Parquet its own types, of text the names and values", async () => {
  using maker = makeProject({
    "data/o.csv": "id,amount\n1,30\n",
    "seeknal/o.yml": "kind: source\nname: o\nsource: csv\ntable: data/o.csv\n",
  });
  await ok(maker, "run");
  await ok(maker, "query", "FROM source.o", "--output", maker.path("o.parquet"));
  const parquet = Deno.readFileSync(maker.path("o.parquet"));
  await using server = new FileServer((path) =>
    new Response(path === "/o.parquet" ? parquet : "id,amount,extra\n1,30,x\n")
  );
  using project = projectOf(server.url("/o.parquet"));
  const write = (path: string, columns: string, mode: string) =>
    project.write(
      "seeknal/sources/orders.yml",
      `${sourceOf(server.url(path))}columns: ${columns}\ncontract: ${mode}\n`,
    );
  const refusal = async () => {
    const { code, stdout, stderr } = await project.run("plan", "dev");
    assert.equal(code, 3, stdout + stderr);
    return stdout + stderr;
  };
  write("/o.parquet", "{id: INTEGER, amount: BIGINT}", "enforce");
  assert.match(
    await refusal(),
    /orders\.yml:6:\d+ .*column "id" is BIGINT in the data, not INTEGER/,
  );
  write("/o.parquet", "{id: bigint, amount: BIGINT}", "enforce");
  await ok(project, "plan", "dev");
  write("/o.csv", "{id: BIGINT, amount: DOUBLE}", "enforce");
  assert.match(await refusal(), /columns that it does not list: extra/);
  write("/o.csv", "{id: BIGINT, amount: DOUBLE}", "evolve");
  assert.match(await ok(project, "plan", "dev"), /and they come through: extra/);
  await ok(project, "run", "--env", "dev");
  assert.equal(await total(project, "dev"), 30);
});

Deno.test("headers of source_defaults are sent, and what is secret in them is not warned about", async () => {
  await using server = new FileServer((_, headers) =>
    headers.get("x-api-key") === "k1" ? new Response(CSV) : new Response("", { status: 401 })
  );
  using project = projectOf(server.url("/orders.csv"));
  project.write(
    "profiles.yml",
    'source_defaults:\n  https: { headers: { X-Api-Key: "${API_KEY:k1}" } }\n',
  );
  assert.doesNotMatch(await ok(project, "plan", "dev"), /warning/);
  project.write("profiles.yml", "source_defaults:\n  http: { headers: { X-Api-Key: k1 } }\n");
  assert.match(await ok(project, "plan", "dev"), /Header "X-Api-Key" is written into the profile/);
  project.write(
    "seeknal/sources/orders.yml",
    sourceOf(server.url("/orders.csv"), "{headers: {Cookie: a}}"),
  );
  const { code, stdout, stderr } = await project.run("plan", "dev");
  assert.equal(code, 3);
  assert.match(
    stdout + stderr,
    /Header "Cookie" is written down, and would be kept in every state/,
  );
});
