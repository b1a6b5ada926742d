import assert from "node:assert/strict";
import { UserError } from "../../../src/base/user_error.ts";
import { describeEnvCategory, normalizeEnvName } from "../../../src/model/env_name.ts";
import type { EnvName } from "../../../src/model/ids.ts";
import { makeProject } from "../../support/project.ts";

const NAMES: readonly [rule: string, typed: string, name: string][] = [
  ["R-T-01", "dev", "dev"],
  ["R-T-01", "DEV", "dev"],
  ["R-T-01", " Dev ", "dev"],
  ["R-T-01", "development", "dev"],
  ["R-T-01", "Development", "dev"],
  ["R-T-02", "production", "prod"],
  ["R-T-02", "PRODUCTION", "prod"],
  ["R-T-02", "PROD", "prod"],
  ["R-T-02", "Production", "prod"],
  ["R-T-03", "staging", "staging"],
  ["R-T-03", "STAGING", "staging"],
  ["R-T-04", "test", "sandbox"],
  ["R-T-04", "Testing", "sandbox"],
  ["R-T-05", "sandbox", "sandbox"],
  ["R-T-05", "SANDBOX_ALICE", "sandbox_alice"],
  ["R-T-06", "sandbox_bob@2025", "sandbox_bob2025"],
  ["R-T-07", "sandbox_@bob!", "sandbox_bob"],
  ["R-T-08", "sandbox_", "sandbox"],
  ["R-T-08", "sandbox_@!", "sandbox"],
  ["R-T-08", "sandbox_x_y", "sandbox_x_y"],
  ["R-T-08", "sandbox__", "sandbox__"],
  ["R-T-08", "sandbox_a b", "sandbox_ab"],
  ["R-T-08", "sandbox_a-b", "sandbox_ab"],
  ["R-T-08", "sandbox_../x", "sandbox_x"],
  ["R-T-10", "sandbox_é", "sandbox"],
  ["R-T-10", "sandbox_日本", "sandbox"],
  ["R-T-10", "sandbox_zoé_1", "sandbox_zo_1"],
  ["custom", "hotfix", "hotfix"],
  ["custom", "exp-ml", "exp-ml"],
  ["custom", "qa", "qa"],
  ["custom", "9lives", "9lives"],
  ["custom", "a".repeat(63), "a".repeat(63)],
];

for (const [rule, typed, name] of NAMES) {
  Deno.test(`normalizeEnvName() makes "${typed}" ${name} (${rule})`, () => {
    assert.equal(normalizeEnvName(typed).name, name);
  });
}

const REFUSED = [
  "",
  "   ",
  "..",
  ".",
  "not an env",
  "a/b",
  "a\\b",
  "-x",
  "_x",
  "x.lock",
  "x..y",
  "@{0}",
  "HEAD~1",
  "é",
  "dev\n../x",
  "constructor()",
  "a".repeat(64),
];

for (const typed of REFUSED) {
  Deno.test(`normalizeEnvName() refuses ${JSON.stringify(typed)} (R-T-09)`, () => {
    assert.throws(() => normalizeEnvName(typed), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /^Invalid environment/);
      assert.equal(error.kind, "usage");
      return true;
    });
  });
}

Deno.test("normalizeEnvName() proposes a name that it would accept", () => {
  for (const typed of ["not an env", "a/b", "-x", "x.lock", "  My Env!  "]) {
    assert.throws(() => normalizeEnvName(typed), (error) => {
      const proposal = /try "(.*)"/.exec((error as UserError).hint ?? "")?.[1];
      assert.ok(proposal !== undefined, typed);
      assert.equal(normalizeEnvName(proposal).name, proposal);
      return true;
    });
  }
});

Deno.test("normalizeEnvName() gives every sandbox name a valid length and accepts its own result", () => {
  const { name } = normalizeEnvName(`sandbox_${"long".repeat(40)}`);
  assert.equal(name.length, 63);
  assert.deepEqual(normalizeEnvName(name), { name, notice: null });
});

Deno.test("normalizeEnvName() tells of a changed name (R-T-11), not of a changed case", () => {
  assert.equal(
    normalizeEnvName("sandbox_@bob!").notice,
    "Environment 'sandbox_@bob!' normalized to 'sandbox_bob'",
  );
  assert.match(normalizeEnvName("testing").notice!, /'testing'.*'sandbox'/);
  assert.equal(normalizeEnvName("SANDBOX_ALICE").notice, null);
  assert.equal(normalizeEnvName(" dev").notice, null);
});

Deno.test("a command tells of a changed name once (R-T-11)", async () => {
  using project = makeProject();
  const { stderr } = await project.run("env", "show", "sandbox_@bob!");
  assert.equal(stderr.split("normalized to 'sandbox_bob'").length, 2, stderr);
});

Deno.test("a command with a refused name exits with 2 and creates nothing (R-T-09)", async () => {
  for (const typed of ["..", "not an env", "a/b"]) {
    using project = makeProject();
    const { code, stderr } = await project.run("plan", typed);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /Invalid environment/);
    assert.deepEqual([...Deno.readDirSync(project.root)].map(({ name }) => name), [
      "seeknal_project.yml",
    ]);
  }
});

const CATEGORIES: readonly [name: string, words: string][] = [
  ["dev", "local, testing"],
  ["sandbox", "local, testing"],
  ["sandbox_alice", "local, testing"],
  ["staging", "remote, safe"],
  ["prod", "remote, dangerous"],
  ["hotfix", "local, safe"],
  ["production2", "local, safe"],
];

for (const [name, words] of CATEGORIES) {
  Deno.test(`describeEnvCategory() calls ${name} ${words}`, () => {
    assert.equal(describeEnvCategory(name as EnvName), words);
  });
}
