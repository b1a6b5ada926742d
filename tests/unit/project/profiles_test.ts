import assert from "node:assert/strict";
import type { Diagnostic } from "../../../src/base/diagnostic.ts";
import { UserError } from "../../../src/base/user_error.ts";
import type { EnvName } from "../../../src/model/ids.ts";
import { connectionOf, leadsToSame, type Profile } from "../../../src/model/profile.ts";
import { loadProfile } from "../../../src/project/profiles.ts";
import { TempDir } from "../../support/temp_dir.ts";

const WAREHOUSE = `connections:
  warehouse:
    type: postgresql
    host: \${PG_HOST:localhost}
    user: etl
    password: \${PG_PASSWORD}
    database: prod
`;

function load(
  dir: TempDir,
  environment: string,
  explicit: string | null = null,
): { profile: Profile; problems: Diagnostic[] } {
  const problems: Diagnostic[] = [];
  const request = {
    root: dir.join("project"),
    cwd: dir.join("project"),
    explicit,
    environment: environment as EnvName,
    readVariable: (name: string) => name === "HOME" ? dir.join("home") : undefined,
  };
  return { profile: loadProfile(request, (problem) => problems.push(problem)), problems };
}

/** Problems of one profile as `line:column code: message`. */
function problemsOf(text: string): string[] {
  using dir = new TempDir();
  dir.write("project/profiles.yml", text);
  return load(dir, "prod").problems.map(({ line, column, code, message, severity }) =>
    `${line}:${column} ${severity === "warning" ? "warning " : ""}${code}: ${message}`
  );
}

Deno.test("loadProfile() takes --profile, then the environment's file here and at home, then profiles.yml", () => {
  using dir = new TempDir();
  dir.write("project/seeknal_project.yml", "name: x\n");
  assert.equal(load(dir, "dev").profile.file, null);
  dir.write("project/profiles.yml", WAREHOUSE);
  assert.equal(load(dir, "dev").profile.file, "profiles.yml");
  dir.write("home/.seeknal/profiles-dev.yml", WAREHOUSE);
  assert.equal(load(dir, "dev").profile.file, "~/.seeknal/profiles-dev.yml");
  assert.equal(load(dir, "prod").profile.file, "profiles.yml");
  dir.write("project/profiles-dev.yml", WAREHOUSE);
  assert.equal(load(dir, "dev").profile.file, "profiles-dev.yml");
  dir.write("project/ci/profile.yml", WAREHOUSE);
  assert.equal(load(dir, "dev", "ci/profile.yml").profile.file, "ci/profile.yml");
  assert.throws(() => load(dir, "dev", "none.yml"), { code: "profile_not_found" });
});

Deno.test("loadProfile() keeps ${VAR} as it is written", () => {
  using dir = new TempDir();
  dir.write("project/profiles.yml", WAREHOUSE);
  const { profile, problems } = load(dir, "prod");
  assert.deepEqual(problems, []);
  assert.deepEqual(profile.connections.get("warehouse"), {
    name: "warehouse",
    type: "postgresql",
    options: {
      host: "${PG_HOST:localhost}",
      user: "etl",
      password: "${PG_PASSWORD}",
      database: "prod",
    },
    file: "profiles.yml",
  });
});

Deno.test("loadProfile() reads defaults, the catalog of the reference's form and schema evolution", () => {
  using dir = new TempDir();
  dir.write(
    "project/profiles.yml",
    WAREHOUSE + `source_defaults:
  postgres: { connection: warehouse }
  csv: { delimiter: ";" }
materialization:
  enabled: false
  default_mode: append
  catalog:
    type: rest
    uri: \${LAKEKEEPER_URI}
    warehouse: shop
    bearer_token: \${TOKEN}
  schema_evolution: { mode: strict }
  duckdb: { threads: 4 }
`,
  );
  const { profile, problems } = load(dir, "prod");
  assert.deepEqual(problems, []);
  assert.deepEqual(profile.sourceDefaults, {
    postgresql: { connection: "warehouse" },
    csv: { delimiter: ";" },
  });
  assert.equal(profile.materialize, false);
  assert.equal(profile.schemaEvolution, "strict");
  assert.deepEqual(connectionOf(profile, "atlas", "iceberg").options, {
    catalog: "rest",
    uri: "${LAKEKEEPER_URI}",
    warehouse: "shop",
    token: "${TOKEN}",
  });
});

Deno.test("loadProfile() reports every problem with its place", () => {
  assert.deepEqual(
    problemsOf(`connections:
  a:
    type: postgres
    host: db
    port: many
    user: me
    database: x
    pasword: y
  b:
    type: oracle
  c: 7
  d:
    type: postgresql
    user: me
    password: hunter2
conections: {}
`),
    [
      '5:11 wrong_type: "port" must be a whole number',
      '8:14 unknown_option: A postgresql connection has no option "pasword"',
      '10:11 unknown_connection_type: Unknown connection type "oracle"',
      '11:6 wrong_type: Connection "c" must be a mapping with a type',
      '15:15 warning secret_in_profile: "password" is written into the profile',
      '13:5 missing_field: Option "database" is missing: database to connect to',
      '16:1 unknown_field: Unknown field "conections" in a profile',
    ],
  );
  assert.match(problemsOf("- a\n")[0]!, /not_a_profile/);
  assert.match(problemsOf("a: [\n")[0]!, /yaml/);
});

Deno.test("connectionOf() says what there is where a name is not known or of another type", () => {
  using dir = new TempDir();
  dir.write("project/profiles.yml", WAREHOUSE);
  const { profile } = load(dir, "prod");
  const hint = (name: string, type: string) => {
    try {
      connectionOf(profile, name, type);
    } catch (error) {
      assert.ok(error instanceof UserError && error.code === "unknown_connection");
      return `${error.message} | ${error.hint}`;
    }
    return assert.fail("found");
  };
  assert.match(
    hint("warehose", "postgresql"),
    /Unknown connection "warehose".*did you mean "warehouse"/,
  );
  assert.match(hint("warehouse", "iceberg"), /is of type postgresql, not iceberg/);
});

Deno.test("leadsToSame() looks at where a connection leads, not at who goes there", () => {
  const spec = (options: Record<string, string>) => ({
    name: "w",
    type: "postgresql",
    options,
    file: "f",
  });
  assert.equal(leadsToSame(spec({ host: "a", user: "x" }), spec({ host: "a", user: "y" })), true);
  assert.equal(leadsToSame(spec({ host: "a" }), spec({ host: "a", database: "dev" })), false);
});
