import assert from "node:assert/strict";
import { languagesOf } from "../../src/app/authoring/draft_node.ts";
import { type DraftLanguage, ENDINGS } from "../../src/app/authoring/draft_template.ts";
import { DRAFT_TEMPLATES } from "../../src/app/authoring/registry.ts";
import { fileSchemas } from "../../src/project/file_schemas.ts";
import { makeProject, type TempProject } from "../support/project.ts";
import { schemaProblems } from "../support/schemas.ts";
import { ok } from "../support/shop.ts";

const FLAGS: Readonly<Record<DraftLanguage, readonly string[]>> = {
  yaml: [],
  sql: ["--sql"],
  typescript: ["--ts"],
  python: ["--python"],
};

/** Every kind in every language that it can be written in. */
const CASES = DRAFT_TEMPLATES.flatMap((template) =>
  languagesOf(template).map((language) => {
    const word = template.kind.replaceAll("-", "_");
    const name = `${word}_${ENDINGS[language]}`;
    return {
      kind: template.kind,
      language,
      name,
      file: `draft_${word}_${name}.${ENDINGS[language]}`,
      args: ["draft", template.kind, name, ...FLAGS[language]],
      schema: language === "yaml" && fileSchemas().some((schema) => schema.name === word)
        ? word
        : null,
    };
  })
);

Deno.test("every template of draft is valid, runs and is built as generated in an empty project", async (t) => {
  using all = makeProject();
  for (const { kind, language, file, args, schema } of CASES) {
    await t.step(`${kind} in ${language}`, async () => {
      using empty = makeProject();
      if (kind === "test" && language === "yaml") {
        const { code, stderr } = await empty.run(...args);
        assert.equal(code, 3);
        assert.match(stderr, /There is no node to write a unit test of/);
        return;
      }
      await ok(empty, ...args);
      checkSchema(empty, file, schema);
      await ok(empty, "dry-run", file);
      // A dry run leaves nothing behind.
      assert.deepEqual([...Deno.readDirSync(empty.path("target"))].map(({ name }) => name), [
        "schemas",
      ]);
      await ok(empty, "apply", file, "--no-parse");
      assert.ok(!empty.exists(file), "the draft is gone");
      copy(empty, all);
    });
  }
  await buildAll(all);
});

Deno.test("every template of draft is valid, runs and is built as generated in the project of init", async (t) => {
  using project = makeProject();
  project.remove("seeknal_project.yml");
  await ok(project, "init");
  for (const [n, { kind, language, file, args, schema }] of CASES.entries()) {
    // What is built need not be computed again for every draft that reads it.
    if (n % 6 === 5) await ok(project, "run");
    await t.step(`${kind} in ${language}`, async () => {
      await ok(project, ...args);
      checkSchema(project, file, schema);
      await ok(project, "dry-run", file, "--timeout", "60");
      await ok(project, "apply", file, "--no-parse");
      assert.ok(!project.exists(file), "the draft is gone");
    });
  }
  await buildAll(project);
});

/** Documents of other kinds come along where a draft has nothing to read. */
function checkSchema(project: TempProject, file: string, schema: string | null): void {
  if (schema === null) return;
  const text = project.read(file);
  assert.match(
    text,
    new RegExp(`^# yaml-language-server: \\$schema=target/schemas/${schema}\\.json`),
  );
  const [own = "", ...others] = text.split(/^---$/m);
  assert.deepEqual(schemaProblems(schema, own), [], text);
  // The optional fields that it shows are fields, too; a metric shows those of other types.
  if (schema !== "metric") assert.deepEqual(schemaProblems(schema, uncommented(own)), [], text);
  for (const other of others) assert.deepEqual(schemaProblems("node", other), [], other);
}

/** With the commented fields in force: lines such as `# tags: [a]`, `#   - type: x`, `    # ratio:`. */
function uncommented(text: string): string {
  const field = /^(\s*)# ((?:- | {2})*[a-z_]+:( |$).*|- \{.*| {2}.*- .*)$/;
  return text.split("\n").filter((line) => !line.startsWith("# yaml-language-server")).map((line) =>
    line.replace(field, "$1$2")
  ).join("\n");
}

function copy(from: TempProject, to: TempProject): void {
  const visit = (folder: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(from.path(folder))) {
      const path = folder === "" ? name : `${folder}/${name}`;
      if (path === "target" || path === "seeknal_project.yml") continue;
      if (isDirectory) visit(path);
      else to.write(path, from.read(path));
    }
  };
  visit("");
}

async function buildAll(project: TempProject): Promise<void> {
  await ok(project, "plan");
  await ok(project, "run");
  await ok(project, "test");
  const after = await project.json<{ summary: { build: number } }>("plan");
  assert.equal(after.summary.build, 0);
}
