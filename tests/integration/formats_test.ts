import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { git } from "../support/command.ts";
import { TempProject } from "../support/project.ts";
import { ok } from "../support/shop.ts";

const FIXTURES = fileURLToPath(new URL("../../fixtures/", import.meta.url));

function copyFolder(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const entry of Deno.readDirSync(from)) {
    if (entry.isDirectory) copyFolder(join(from, entry.name), join(to, entry.name));
    else Deno.copyFileSync(join(from, entry.name), join(to, entry.name));
  }
}

const bundles = [...Deno.readDirSync(join(FIXTURES, "states"))]
  .map(({ name }) => name).filter((name) => name.endsWith(".bundle")).sort();

Deno.test("there is a state repository of every format that shipped", () => {
  assert.deepEqual(bundles, ["v1.bundle"]);
});

for (const bundle of bundles) {
  Deno.test(`a state repository of ${bundle} loads, is planned on and run`, async () => {
    using project = new TempProject();
    copyFolder(join(FIXTURES, "projects/jaffle_shop"), project.root);
    Deno.mkdirSync(project.path("target"));
    const state = project.path("target/state.git");
    await git(".", "clone", "-q", "--mirror", join(FIXTURES, "states", bundle), state);
    const list = await project.json<{ name: string; promoted_from: string | null }[]>(
      "env",
      "list",
    );
    assert.deepEqual(list.map(({ name }) => name), ["prod", "dev", "staging"]);
    assert.equal(list.find(({ name }) => name === "staging")!.promoted_from, "dev");
    const diff = await project.json<{ nodes: { id: string }[] }>("diff", "prod", "staging");
    assert.deepEqual(diff.nodes.map(({ id }) => id), ["transform.customers"]);
    const history = await project.json<{ action: string }[]>("history", "dev");
    assert.equal(history[0]!.action, "rollback");
    assert.match(
      await ok(project, "plan", "feature"),
      /8 to build, 0 to reuse/,
      "outputs are not in the repository",
    );
    await ok(project, "run", "--env", "feature");
    await ok(project, "promote", "feature", "--yes");
    assert.equal((await project.json<unknown[]>("query", "FROM customers")).length, 100);
    await git(state, "fsck", "--strict");
  });
}
