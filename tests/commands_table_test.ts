import assert from "node:assert/strict";
import { join } from "node:path";
import { COMMON_OPTIONS } from "../src/cli/command.ts";
import { COMMANDS } from "../src/cli/commands/registry.ts";

const ROOT = join(import.meta.dirname!, "..");
const VERDICTS = ["same", "other spelling", "better", "not here"];

/** The part whose rows are about fields of files, not about commands. */
const FIELDS = "Files and fields";

interface Row {
  readonly part: string;
  readonly line: number;
  readonly there: string;
  readonly here: string;
  readonly verdict: string;
  readonly why: string;
  readonly shownBy: string;
}

/** Rows of the tables of `docs/commands.md`, without their headings. */
function rowsOf(text: string): Row[] {
  let part = "";
  return text.split("\n").flatMap((line, i) => {
    part = /^## (.*)$/.exec(line)?.[1] ?? part;
    if (!line.startsWith("| ") || line.startsWith("| there ")) return [];
    const cells = line.slice(1, -1).split("|").map((cell) => cell.trim());
    assert.equal(cells.length, 5, `line ${i + 1}: ${line}`);
    const [there, here, verdict, why, shownBy] = cells as [string, string, string, string, string];
    return [{ part, line: i + 1, there, here, verdict, why, shownBy }];
  });
}

function codeSpans(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, span]) => span!);
}

/** Flags that a command has, in every spelling. */
function flagsOf(options: readonly { readonly flags: string }[]): Set<string> {
  return new Set(options.flatMap(({ flags }) => flags.match(/--?[a-z][\w-]*/g) ?? []));
}

/** What is wrong with a command line of ours; null where there is nothing. */
function problemOf(words: string): string | null {
  if (words === "--version") return null;
  const name = words.split(" ").filter((word) => !word.startsWith("-")).join(" ");
  const command = COMMANDS.find((one) => one.name === name);
  if (command === undefined) return `no command ${name}`;
  const known = flagsOf([...command.options, ...COMMON_OPTIONS]);
  const strange = words.split(" ").filter((word) => word.startsWith("-") && !known.has(word));
  return strange.length === 0 ? null : `${name} has no ${strange.join(", ")}`;
}

/** Names of all tests below a folder, as they are written. */
function testNames(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory) return testNames(path);
    if (!entry.name.endsWith("_test.ts")) return [];
    const text = Deno.readTextFileSync(path);
    return [...text.matchAll(/Deno\.test\(\s*(?:\{\s*name:\s*)?(["`])((?:(?!\1)[^\\]|\\.)*)\1/g)]
      .map(([, , name]) => name!.replace(/\\(.)/g, "$1"));
  });
}

const rows = rowsOf(Deno.readTextFileSync(join(ROOT, "docs/commands.md")));
const aboutCommands = rows.filter(({ part }) => part !== FIELDS);

Deno.test("docs/commands.md has a row for every command of every section, with a verdict", () => {
  assert.ok(rows.length > 100, `${rows.length} rows`);
  for (const { line, there, here, verdict, why } of rows) {
    assert.ok(there !== "" && here !== "", `line ${line}`);
    assert.ok(VERDICTS.includes(verdict), `line ${line}: ${verdict}`);
    assert.equal(here === "–", verdict === "not here", `line ${line}: ${here} is ${verdict}`);
    assert.ok(verdict !== "not here" || why !== "", `line ${line} says why`);
  }
});

Deno.test("every command and flag that docs/commands.md names as ours is one of the program's", () => {
  assert.ok(aboutCommands.length < rows.length);
  const wrong = aboutCommands.flatMap(({ line, here }) =>
    codeSpans(here).flatMap((words) => {
      const problem = problemOf(words);
      return problem === null ? [] : [`line ${line}: \`${words}\`: ${problem}`];
    })
  );
  assert.deepEqual(wrong, []);
  assert.equal(problemOf("run --nope"), "run has no --nope");
  assert.equal(problemOf("nope"), "no command nope");
});

Deno.test("every command of the program that docs/commands.md calls not here is none", () => {
  const ours = new Set(COMMANDS.map(({ name }) => name));
  const wrong = aboutCommands.filter(({ verdict }) => verdict === "not here")
    .flatMap(({ line, there }) => codeSpans(there).map((words) => ({ line, words })))
    .filter(({ words }) => ours.has(words));
  assert.deepEqual(wrong, []);
});

Deno.test("every test that docs/commands.md names exists, and every row but those left out has one", () => {
  const names = new Set(testNames(join(ROOT, "tests")));
  assert.ok(names.size > 500, `${names.size} tests`);
  const wrong = rows.flatMap(({ line, verdict, shownBy }) => {
    const named = codeSpans(shownBy);
    if (named.length === 0 && verdict !== "not here") return [`line ${line}: no test`];
    return named.filter((name) => !names.has(name)).map((name) => `line ${line}: ${name}`);
  });
  assert.deepEqual(wrong, []);
});
