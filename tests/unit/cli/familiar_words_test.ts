import assert from "node:assert/strict";
import { COMMANDS } from "../../../src/cli/commands/registry.ts";
import { familiarHint } from "../../../src/cli/familiar_words.ts";
import { makeProject, runSeeknal } from "../../support/project.ts";

Deno.test("familiarHint() knows commands and options of dbt and SQLMesh", () => {
  assert.match(familiarHint("", "unknown command 'build'")!, /seeknal run/);
  assert.match(familiarHint("plan", "unknown option '--env'")!, /seeknal plan ENV/);
  assert.match(familiarHint("test", "unknown option '--target'")!, /--env ENV/);
  assert.match(
    familiarHint("run", "too many arguments for 'run'. Expected 0 arguments but got 1: dev.")!,
    /seeknal run --env dev/,
  );
});

Deno.test("familiarHint() says nothing of what it does not know", () => {
  assert.equal(familiarHint("", "unknown command 'constructor'"), null);
  assert.equal(familiarHint("env", "unknown command 'build'"), null);
  assert.equal(familiarHint("plan", "unknown option '--nope'"), null);
});

Deno.test("a word of another tool is answered with what to type, exit 2", async () => {
  using project = makeProject({});
  const { code, stderr } = await runSeeknal(project, ["invalidate", "dev"]);
  assert.equal(code, 2);
  assert.equal(
    stderr,
    "error: unknown command 'invalidate'\n  hint: seeknal env delete ENV\n",
  );
});

Deno.test("hints of familiar words name commands that there are", () => {
  const names = new Set(COMMANDS.flatMap(({ name }) => [name, name.split(" ")[0]!]));
  for (const { name } of COMMANDS) {
    assert.equal(familiarHint("", `unknown command '${name}'`), null, name);
  }
  const source = Deno.readTextFileSync(
    new URL("../../../src/cli/familiar_words.ts", import.meta.url),
  );
  const said = [...source.matchAll(/seeknal ([a-z-]+)/g)].map(([, name]) => name!);
  assert.ok(said.length > 10);
  for (const name of said) assert.ok(names.has(name), name);
});
