import { join } from "node:path";

/** One case of `fixtures/changes/*.md`: an edit of a project and what a planner must say to it. */
export interface ChangeCase {
  /** Name of the file without `.md`. */
  readonly group: string;
  readonly title: string;
  /** Project files on both sides of the edit, by path. */
  readonly before: Readonly<Record<string, string>>;
  readonly after: Readonly<Record<string, string>>;
  readonly expect: ChangeExpectation;
}

/** The `expect` block of a case. */
export interface ChangeExpectation {
  /** The edited node. */
  readonly node: string;
  /** `BREAKING`, `NON_BREAKING`, `METADATA`, `DATA` (no category) or `none` (no change). */
  readonly category: string | null;
  /** Ids of the nodes that are built again, sorted; null when the edit must be refused. */
  readonly rebuilt: readonly string[] | null;
  readonly error: RegExp | null;
  /** The node that the error must name. */
  readonly at: string | null;
  readonly reason: RegExp | null;
  /** As `added x, y; removed z`. */
  readonly columns: string | null;
  /** Nodes whose rows another run may not give again: not compared with a build from scratch. */
  readonly unproven: readonly string[];
}

const CASES_DIR = join(import.meta.dirname!, "../../fixtures/changes");
const USERS = "SELECT id, email, username, amount FROM source.src WHERE amount > 0";
const READERS: Readonly<Record<string, string>> = {
  a: "SELECT id, email FROM transform.users",
  b: "SELECT id FROM transform.users",
  star: "SELECT * FROM transform.users",
};
const SOURCES: Readonly<Record<string, string>> = {
  src: "columns: {id: INTEGER, email: VARCHAR, username: VARCHAR, amount: INTEGER}",
  other: "columns: {id: INTEGER, label: VARCHAR, amount: INTEGER, day: DATE}",
};
const DATA = Object.fromEntries(
  Object.keys(SOURCES).map((
    name,
  ) => [name, Deno.readTextFileSync(join(CASES_DIR, `data/${name}.csv`))]),
);
const KEYS = /^(node|category|rebuilt|error|at|reason|columns|unproven|readers): *(.+)$/;

/** All cases of all files, in the order in which they are written. */
export function readChangeCases(): ChangeCase[] {
  const files = [...Deno.readDirSync(CASES_DIR)].map(({ name }) => name);
  return files.filter((name) => name.endsWith(".md") && name !== "README.md").sort().flatMap((
    name,
  ) => parseChangeCases(name.slice(0, -3), Deno.readTextFileSync(join(CASES_DIR, name))));
}

/** The project that every case starts from. */
export function standardProject(): Record<string, string> {
  return new Project(READERS).files();
}

/** Reads the cases of one Markdown file; throws where it is not written as README.md says. */
export function parseChangeCases(group: string, text: string): ChangeCase[] {
  const sections = text.split(/^## /m).slice(1);
  return sections.map((section) => {
    const title = section.split("\n", 1)[0]!.trim();
    const fences = [...section.matchAll(/^```(.+)\n([\s\S]*?)^```$/gm)];
    const blocks = fences.map((match) => ({
      words: match[1]!.trim().split(/ +/),
      text: match[2]!,
    }));
    try {
      return parseCase(group, title, blocks);
    } catch (error) {
      throw new Error(`${group}.md, "${title}": ${(error as Error).message}`);
    }
  });
}

interface Block {
  readonly words: readonly string[];
  readonly text: string;
}

function parseCase(group: string, title: string, blocks: readonly Block[]): ChangeCase {
  const given = blocks.filter(({ words }) => words[0] === "expect");
  if (given.length !== 1) throw new Error("one expect block is needed");
  const lines = new Map(
    given[0]!.text.trim().split("\n").map((line) => {
      const match = KEYS.exec(line);
      if (match === null) throw new Error(`cannot read the line "${line}"`);
      return [match[1]!, match[2]!.trim()];
    }),
  );
  const standard = lines.get("readers") === "own" ? {} : READERS;
  const before = new Project(standard);
  const after = new Project(standard);
  for (const { words: [language, ...rest], text } of blocks) {
    if (language === "expect") continue;
    const side = language === "diff" ? "after" : rest[0];
    const name = language === "diff" ? rest[0] : rest[1];
    if (side !== "after") before.edit(language!, name, text);
    // A file may move: it is on the side it is written for only. SQL and data stay until changed.
    if (side !== "before" || language !== "yaml") after.edit(language!, name, text);
  }
  const transforms = after.transforms();
  return {
    group,
    title,
    before: before.files(),
    after: after.files(),
    expect: expectation(lines, transforms),
  };
}

function expectation(
  lines: ReadonlyMap<string, string>,
  transforms: readonly string[],
): ChangeExpectation {
  const pattern = (key: string) => lines.has(key) ? new RegExp(lines.get(key)!, "i") : null;
  const list = (key: string) =>
    (lines.get(key) ?? "nothing").split(/, */).flatMap((name) => {
      if (name === "nothing") return [];
      return name === "all" ? transforms : [name.includes(".") ? name : `transform.${name}`];
    }).sort();
  const error = pattern("error");
  if (error === null && !(lines.has("category") && lines.has("rebuilt"))) {
    throw new Error("give category and rebuilt, or error");
  }
  return {
    node: lines.get("node") ?? "transform.users",
    category: lines.get("category") ?? null,
    rebuilt: error === null ? list("rebuilt") : null,
    error,
    at: lines.get("at") ?? null,
    reason: pattern("reason"),
    columns: lines.get("columns") ?? null,
    unproven: list("unproven"),
  };
}

/** One side of a case. */
class Project {
  readonly #sql = new Map<string, string>();
  readonly #data = new Map(Object.entries(DATA));
  readonly #files = new Map<string, string>();

  constructor(readers: Readonly<Record<string, string>>) {
    for (const [name, sql] of Object.entries({ users: USERS, ...readers })) {
      this.#sql.set(name, sql);
    }
  }

  /** Applies one block of a case. */
  edit(language: string, name: string | undefined, text: string): void {
    if (language === "sql") this.#sql.set(name ?? "users", text.trimEnd());
    else if (language === "csv") this.#data.set(name!, text);
    else if (language === "diff") this.#data.set(name!, patched(this.#data.get(name!)!, text));
    else if (language === "yaml") this.#files.set(name!, text);
    else throw new Error(`unknown block "${language}"`);
  }

  /** Ids of all transforms. */
  transforms(): string[] {
    return [...this.#sql.keys()].map((name) => `transform.${name}`);
  }

  /** A node has a file of its own unless a `yaml` block defines it. */
  files(): Record<string, string> {
    const written = [...this.#files.values()].join("\n");
    const own = (name: string) => !new RegExp(`^name: ["']?${name}["']?$`, "m").test(written);
    return Object.fromEntries([
      ["seeknal_project.yml", "name: cases\n"],
      ...[...this.#data].map(([name, text]) => [`data/${name}.csv`, text]),
      ...Object.keys(SOURCES).filter(own).map((name) => [
        `seeknal/source_${name}.yml`,
        `kind: source\nname: ${name}\nsource: csv\ntable: data/${name}.csv\n${SOURCES[name]}\n`,
      ]),
      ...[...this.#sql].filter(([name]) => own(name)).map(([name, sql]) => [
        `seeknal/${name}.yml`,
        transformYaml(name, sql),
      ]),
      ...this.#files,
    ]);
  }
}

/** Applies removed and added lines; an added line goes where the removed one before it stood, else to the end. */
function patched(text: string, diff: string): string {
  const lines = text.trimEnd().split("\n");
  let at = lines.length;
  for (const line of diff.trimEnd().split("\n")) {
    if (line.startsWith("+")) {
      lines.splice(at++, 0, line.slice(1));
      continue;
    }
    at = lines.indexOf(line.slice(1));
    if (!line.startsWith("-") || at < 0) throw new Error(`no line for "${line}"`);
    lines.splice(at, 1);
  }
  return lines.join("\n") + "\n";
}

/** Inputs are what the SQL names, sorted, so that no case is about their order by accident. */
function transformYaml(name: string, sql: string): string {
  const ids = [...sql.replaceAll('"', "").matchAll(/\b(?:source|transform)\.\w+/g)].map(([id]) =>
    id
  );
  const inputs = [...new Set(ids)].filter((id) => id !== `transform.${name}`).sort();
  const refs = inputs.length === 0
    ? ""
    : `inputs:\n${inputs.map((id) => `  - ref: ${id}\n`).join("")}`;
  // Not `.split("\n")` and `.trim()`: how the SQL is laid out is what some cases are about.
  const body = sql.replace(/^/gm, "  ");
  return `kind: transform\nname: ${name}\n${refs}transform: |2\n${body}\n`;
}
