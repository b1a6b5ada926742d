import assert from "node:assert/strict";
import { UserError } from "../../../src/base/user_error.ts";
import { POSTGRESQL } from "../../../src/postgres/connection_type.ts";
import { tlsAttempts } from "../../../src/postgres/open_socket.ts";
import { readSettings, secretsOf, SSL_MODES } from "../../../src/postgres/settings.ts";

function spec(options: Record<string, string | number | boolean | null>) {
  const all = { user: "etl", database: "shop", ...options };
  return { name: "w", type: "postgresql", file: "profiles.yml", options: all };
}

const env = (name: string) => ({ PW: "hidden", H: "db.example.org" })[name];

Deno.test("readSettings: resolves variables and fills in what is usual", () => {
  const settings = readSettings(
    spec({ host: "${H}", password: "${PW}", port: "${PORT:6432}", schema: 'a"b' }),
    env,
    { readOnly: true },
  );
  assert.equal(settings.host, "db.example.org");
  assert.equal(settings.port, 6432);
  assert.equal(settings.sslmode, "prefer");
  assert.equal(settings.parameters["search_path"], '"a""b", pg_temp');
  assert.equal(settings.parameters["TimeZone"], "UTC");
  assert.equal(settings.parameters["application_name"], "seeknal");
  assert.equal(settings.parameters["default_transaction_read_only"], "on");
  assert.deepEqual(secretsOf(settings), ["hidden"]);
});

Deno.test("readSettings: passes timeouts, keepalives and the role on to the server", () => {
  const { parameters, keepalivesIdle } = readSettings(
    spec({ statement_timeout: "30min", lock_timeout: "500", keepalives_count: "3", role: "r" }),
    env,
  );
  assert.equal(parameters["statement_timeout"], "30min");
  assert.equal(parameters["lock_timeout"], "500");
  assert.equal(parameters["tcp_keepalives_count"], "3");
  assert.equal(parameters["role"], "r");
  assert.equal(keepalivesIdle, 60);
  assert.equal(readSettings(spec({ keepalives: false }), env).keepalivesIdle, null);
});

Deno.test("readSettings: finds certificates from the project's folder, the user's or anywhere", () => {
  const files = { sslrootcert: "certs/ca.crt", sslcert: "/etc/c.crt", sslkey: "~/c.key" };
  const home = (name: string) => name === "HOME" ? "/home/ann" : undefined;
  const settings = readSettings(spec(files), home, { root: "/project" });
  assert.deepEqual(
    [settings.sslrootcert, settings.sslcert, settings.sslkey],
    ["/project/certs/ca.crt", "/etc/c.crt", "/home/ann/c.key"],
  );
  assert.equal(readSettings(spec({ sslrootcert: "system" }), home).sslrootcert, "system");
});

Deno.test("readSettings: refuses what it cannot use, without showing what a variable holds", () => {
  const cases: [Record<string, string | null>, string][] = [
    [{ database: null }, "missing_option"],
    [{ user: "" }, "missing_option"],
    [{ port: "${PW}" }, "invalid_option"],
    [{ port: "0" }, "invalid_option"],
    [{ connect_timeout: "-1" }, "invalid_option"],
    [{ keepalives: "maybe" }, "invalid_option"],
    [{ sslmode: "${PW}" }, "invalid_option"],
    [{ lock_timeout: "5 minutes; x" }, "invalid_option"],
    [{ password: "${NOT_SET}" }, "unset_variable"],
  ];
  for (const [options, code] of cases) {
    assert.throws(() => readSettings(spec(options), env), (error) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.code, code);
      assert.equal(error.kind, "usage");
      assert.ok(!`${error.message}${error.hint}`.includes("hidden"));
      return true;
    });
  }
});

Deno.test("tlsAttempts: tries what libpq tries, in its order", () => {
  const attempts = SSL_MODES.map((sslmode) => tlsAttempts(readSettings(spec({ sslmode }), env)));
  assert.deepEqual(attempts, [
    ["off"],
    ["off", "required"],
    ["offered", "off"],
    ["required"],
    ["required"],
    ["required"],
  ]);
  assert.deepEqual(tlsAttempts(readSettings(spec({ host: "/run", sslmode: "require" }), env)), [
    "off",
  ]);
});

Deno.test("POSTGRESQL: names its secret and lists the modes that settings know", () => {
  const secrets = Object.entries(POSTGRESQL.options).filter(([, { secret }]) => secret === true);
  assert.deepEqual(secrets.map(([name]) => name), ["password"]);
  assert.deepEqual(POSTGRESQL.options["sslmode"]?.values, SSL_MODES);
});
