import assert from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../src/base/user_error.ts";
import { findConnectionType } from "../../src/connections/registry.ts";
import type { ConnectionSpec } from "../../src/model/profile.ts";
import { openPostgres } from "../../src/postgres/connection.ts";
import { TestPostgres } from "../support/postgres.ts";

let server: TestPostgres;
let folder: string;
Deno.test.beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "seeknal-tls-" });
  // The server runs as another user and must read them.
  await Deno.chmod(folder, 0o755);
  await makeCertificates(folder);
  server = await TestPostgres.start([
    "ssl=on",
    `ssl_cert_file=${join(folder, "server.crt")}`,
    `ssl_key_file=${join(folder, "server.key")}`,
  ]);
});
Deno.test.afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await Deno.remove(folder, { recursive: true });
});

/** An authority, and what it signed for the address of the test server; needs openssl. */
async function makeCertificates(dir: string): Promise<void> {
  const openssl = async (...args: string[]) => {
    const { success, stderr } = await new Deno.Command("openssl", { args, cwd: dir }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
  };
  for (const name of ["ca", "other"]) {
    const subject = [
      "-subj",
      `/CN=seeknal ${name}`,
      "-out",
      `${name}.crt`,
      "-keyout",
      `${name}.key`,
    ];
    await openssl("req", "-new", "-x509", "-days", "2", "-nodes", ...subject);
  }
  await openssl(
    ...["req", "-new", "-nodes", "-subj", "/CN=db", "-out", "server.csr", "-keyout", "server.key"],
  );
  await Deno.writeTextFile(join(dir, "names"), "subjectAltName=IP:127.0.0.1");
  const signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names"];
  await openssl(
    ...["x509", "-req", "-in", "server.csr", "-days", "2", ...signed, "-out", "server.crt"],
  );
  await Deno.chmod(join(dir, "server.key"), 0o600);
  const owner = serverUser();
  if (owner !== null) await Deno.chown(join(dir, "server.key"), owner.uid, owner.gid);
}

/** Whom the test server runs as when this process is root. */
function serverUser(): { uid: number; gid: number } | null {
  if (Deno.uid() !== 0) return null;
  const users = Deno.readTextFileSync("/etc/passwd").split("\n").map((line) => line.split(":"));
  const found =
    ["postgres", "nobody"].flatMap((name) => users.filter(([user]) => user === name))[0];
  return found === undefined ? null : { uid: Number(found[2]), gid: Number(found[3]) };
}

function spec(options: Record<string, string | number>): ConnectionSpec {
  const all = { ...server.connection("postgres"), ...options };
  return { name: "secure", type: "postgresql", file: "profiles.yml", options: all };
}

/** `TLSv1.3`, `plain`, or the code of the error. */
async function outcome(options: Record<string, string | number>): Promise<string> {
  try {
    await using connection = await openPostgres(spec(options), () => undefined);
    const [row] = await connection.sql`
      SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()`;
    assert.equal(connection.tls, row?.["ssl"] === true ? row["version"] : null);
    return connection.tls ?? "plain";
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    assert.equal(error.kind, "dependency");
    return error.code;
  }
}

Deno.test("openPostgres: sslmode means what it means in libpq", async () => {
  const ca = { sslrootcert: join(folder, "ca.crt") };
  const other = { sslrootcert: join(folder, "other.crt") };
  const named = { host: "localhost" };
  const failed = "connection_failed";
  const cases: readonly [Record<string, string>, string][] = [
    [{ sslmode: "disable" }, "plain"],
    [{ sslmode: "allow" }, "plain"],
    [{ sslmode: "prefer" }, "TLSv1.3"],
    [{}, "TLSv1.3"],
    [{ sslmode: "require" }, "TLSv1.3"],
    [{ sslmode: "require", ...ca }, "TLSv1.3"],
    [{ sslmode: "require", ...other }, failed],
    [{ sslmode: "verify-ca", ...ca }, "TLSv1.3"],
    [{ sslmode: "verify-ca", ...other }, failed],
    [{ sslmode: "verify-ca" }, failed],
    [{ sslmode: "verify-ca", sslrootcert: join(folder, "missing.crt") }, failed],
    [{ sslmode: "verify-full", ...ca }, "TLSv1.3"],
    [{ sslmode: "verify-full", ...other }, failed],
    [{ sslmode: "verify-ca", ...ca, ...named }, "TLSv1.3"],
    [{ sslmode: "verify-full", ...ca, ...named }, failed],
  ];
  const found = [];
  for (const [options] of cases) found.push([options, await outcome(options)]);
  assert.deepEqual(found, cases);
});

Deno.test("openPostgres: a query over TLS is cancelled over TLS", async () => {
  await using connection = await openPostgres(spec({ sslmode: "require" }), () => undefined);
  const running = connection.sql`SELECT pg_sleep(30)`.catch((error) => error.code);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await connection.cancel();
  assert.equal(await running, "57014");
});

Deno.test("POSTGRESQL.test: reports the server, TLS and what may be created, without a secret", async () => {
  await server.createDatabase("shop");
  await server.query(
    "shop",
    `CREATE ROLE guest LOGIN PASSWORD 'guest-secret'; CREATE SCHEMA desk;
     GRANT USAGE, CREATE ON SCHEMA desk TO guest`,
  );
  const type = findConnectionType("postgresql");
  const report = await type?.test(
    spec({
      database: "shop",
      user: "guest",
      password: "${PW}",
      schema: "desk",
      sslmode: "verify-full",
      sslrootcert: "ca.crt",
    }),
    { env: (name) => name === "PW" ? "guest-secret" : undefined, root: folder },
  );
  assert.match(
    report?.server ?? "",
    /^PostgreSQL \d+\.\d+ at 127\.0\.0\.1:\d+, database shop, as guest$/,
  );
  assert.deepEqual(report?.facts, [
    "TLS: TLSv1.3",
    "schema: desk",
    "schemas it may create tables in: desk",
    'new schemas: not allowed; GRANT CREATE ON DATABASE "shop" TO "guest";',
  ]);
  assert.ok(!JSON.stringify(report).includes("guest-secret"));
  const refused = await type?.test(spec({ user: "guest", password: "no" }), {
    env: () => undefined,
    root: folder,
  }).catch((error) => error);
  assert.ok(refused instanceof UserError && refused.kind === "security", String(refused));
});

Deno.test("findConnectionType: knows no other name", () => {
  assert.equal(findConnectionType("mysql"), null);
});
