import assert from "node:assert/strict";
import { join } from "node:path";
import { GUIDES } from "../../src/app/guides.ts";
import { makeProject } from "../support/project.ts";
import { ok } from "../support/shop.ts";

Deno.test("docs has every document of docs/, and lists them", async () => {
  using project = makeProject();
  const files = [...Deno.readDirSync(join(import.meta.dirname!, "../../docs"))]
    .map(({ name }) => name).filter((name) => name.endsWith(".md"));
  assert.deepEqual(GUIDES.map(({ name }) => `${name}.md`).sort(), files.sort());
  const { topics } = await project.json<{ topics: { name: string }[] }>("docs");
  assert.deepEqual(topics.map(({ name }) => name), GUIDES.map(({ name }) => name));
});

Deno.test("docs shows a guide, a heading of one, and a command, outside any project", async () => {
  using project = makeProject();
  project.remove("seeknal_project.yml");
  const guide = await ok(project, "docs", "guide");
  assert.match(guide, /^The loop in depth\n=+\n/);
  assert.doesNotMatch(guide, /\]\(|<!--|```/);
  assert.ok(
    guide.split("\n").filter((line) => !line.startsWith("    ")).every((line) =>
      line.length <= 100
    ),
  );
  const section = await ok(project, "docs", "rollback");
  assert.match(section, /^Rollback\n/);
  assert.doesNotMatch(section, /^Query$/m);
  assert.match(await ok(project, "docs", "reference#seeknal plan"), /^seeknal plan\n/);
});

Deno.test("docs --search finds sections that have all words; what is not there is said", async () => {
  using project = makeProject();
  const { sections } = await project.json<{ sections: { guide: string; text: string }[] }>(
    "docs",
    "--search",
    "Stale PLAN",
  );
  assert.ok(sections.length > 0);
  assert.ok(sections.every(({ text }) => /stale/i.test(text) && /plan/i.test(text)));
  const none = await project.run("docs", "--search", "stale xyzzy");
  assert.equal(none.code, 2);
  const unknown = await project.run("docs", "rolback");
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /did you mean "rollback"/);
});
