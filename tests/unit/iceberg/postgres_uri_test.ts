import assert from "node:assert/strict";
import { interpolate } from "../../../src/base/interpolate.ts";
import { ConnectionSettings } from "../../../src/iceberg/connection_settings.ts";
import { postgresTarget } from "../../../src/iceberg/postgres_uri.ts";

const VARIABLES: Record<string, string> = {
  PW: "p@ss/w:rd?#${PW}%41",
  HOST: "db.example.org",
  WHOLE: "postgresql://u:p%20w@h:5433/d",
};

/** The options that a uri stands for, as `openPostgres` will resolve them. */
function options(uri: string): { title: string; options: Record<string, string> } {
  const settings = new ConnectionSettings(
    { name: "atlas", type: "iceberg", options: { uri }, file: "profiles.yml" },
    (name) => VARIABLES[name],
  );
  const { spec, env, title } = postgresTarget(settings);
  const entries = Object.entries(spec.options)
    .map(([name, value]) => [name, interpolate(String(value), env, "")]);
  return { title, options: Object.fromEntries(entries) };
}

Deno.test("postgresTarget puts variables in part by part, whatever they hold", () => {
  assert.deepEqual(options("postgresql://etl:${PW}@${HOST}:5432/cat?sslmode=require"), {
    title: "PostgreSQL at db.example.org/cat",
    options: {
      ...{ user: "etl", password: VARIABLES.PW, host: "db.example.org" },
      ...{ port: "5432", database: "cat", sslmode: "require" },
    },
  });
});

Deno.test("postgresTarget decodes what stands in the uri, and reads a uri from a variable", () => {
  assert.deepEqual(options("${WHOLE}").options, {
    ...{ user: "u", password: "p w", host: "h", port: "5433", database: "d" },
  });
  assert.deepEqual(options("postgres://etl@[::1]/my%2Fdb?currentSchema=meta").options, {
    ...{ user: "etl", host: "::1", database: "my/db", schema: "meta" },
  });
  assert.equal(options("postgresql://u:p@w@h/d").options.password, "p@w");
});

Deno.test("postgresTarget names what it does not understand, without the password", () => {
  for (const uri of ["postgresql:d", "postgresql://u:s3cret@h", "postgresql://u:s3cret@h/d?x=1"]) {
    assert.throws(() => options(uri), (error: Error & { code: string }) => {
      assert.equal(error.code, "invalid_option");
      assert.doesNotMatch(error.message, /s3cret/);
      return true;
    });
  }
});
