import assert from "node:assert/strict";
import { cpSync, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { GENERATED_DOCS } from "../scripts/reference.ts";
import {
  commandsOf,
  type DocBlock,
  type DocCommand,
  fencedBlocks,
  missingLines,
  patch,
} from "./docs_blocks.ts";
import { TestPostgres } from "./support/postgres.ts";
import { TempDir } from "./support/temp_dir.ts";

/*
 * Documents are run: in each of them, one after the other in one project,
 *
 * - `sh` blocks: lines that begin with `$ ` are commands. All succeed, or the last one of the
 *   block ends with the `exit=N` of the block's first line. Lines below a command are output
 *   that it must have printed; `...` stands for what was left out.
 * - `diff file=PATH` blocks change a file, `… file=PATH` blocks of other languages write one.
 * - `sql database=NAME` blocks are run in a database.
 *
 * `<!-- project: NAME -->` names the project of fixtures/projects to begin with, `<!-- data: NAME -->` that of which only the data is there,
 * `<!-- postgres: NAME NAME -->` databases of a PostgreSQL server that the variables PG_HOST,
 * PG_PORT, PG_USER and PG_PASSWORD lead to.
 */

const ROOT = join(import.meta.dirname!, "..");
const RUN_DOCUMENTS = [
  "README.md",
  "docs/tutorial.md",
  "docs/guide.md",
  "docs/outside-tables.md",
  "docs/features.md",
];

for (const path of RUN_DOCUMENTS) {
  Deno.test({
    name: `the commands of ${path} do what it says`,
    // The commands are written for a POSIX shell.
    ignore: Deno.build.os === "windows",
    fn: () => runDocument(path),
  });
}

Deno.test("generated documents are current (deno run -A scripts/reference.ts --write)", () => {
  for (const { path, generate } of GENERATED_DOCS) {
    const current = read(path);
    assert.equal(generate(current), current, path);
  }
});

Deno.test("links between documents lead to files that exist", () => {
  const broken: string[] = [];
  for (
    const path of [
      ...RUN_DOCUMENTS,
      "docs/nodes.md",
      "docs/reference.md",
      "docs/commands.md",
      "src/README.md",
    ]
  ) {
    for (const [, target] of read(path).matchAll(/\]\(([^)\s]+)\)/g)) {
      const [file, anchor] = target!.split("#");
      if (/^[a-z]+:/.test(target!)) continue;
      const absolute = file === "" ? join(ROOT, path) : join(ROOT, dirname(path), file!);
      const isBroken = !existsSync(absolute) ||
        (anchor !== undefined && !anchorsOf(Deno.readTextFileSync(absolute)).includes(anchor));
      if (isBroken) broken.push(`${path}: ${target}`);
    }
  }
  assert.deepEqual(broken, []);
});

Deno.test("the demo goes through the whole loop", async () => {
  using temporary = new TempDir();
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--config", join(ROOT, "deno.json"), join(ROOT, "scripts/demo.ts")],
    env: { NO_COLOR: "1", TMPDIR: temporary.path, TEMP: temporary.path, TMP: temporary.path },
  }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert.ok(success, `${out}\n${err}`);
  const missing = [
    /^\$ seeknal plan dev\n/m,
    /^Plan: 8 to build, 0 to reuse, 0 to drop$/m,
    /^Plan: 3 to build, 5 to reuse, 0 to drop$/m,
    /^\$ seeknal run --env dev\n/m,
    /^Run dev: 3 built, 5 reused in /m,
    /^\$ seeknal lineage orders\.amount --upstream\n/m,
    /^\$ seeknal diff dev --stat\n/m,
    /^├── FULL MATCH: {4}86 rows \(86\.87%\)$/m,
    /^\$ seeknal promote dev --yes\nPromoted dev to production: 3 nodes, now at /m,
    /^\$ seeknal history\n/m,
    /^\$ seeknal rollback --yes\nRolled prod back: 3 nodes, now at /m,
    /^\$ seeknal env list\n/m,
  ].filter((line) => !line.test(out!));
  assert.deepEqual(missing, [], out);
  const revenues = [...out!.matchAll(/^ +99 +(\d+)$/gm)].map(([, revenue]) => Number(revenue));
  // Dev, production, production after the promotion, production after the rollback.
  assert.deepEqual(revenues, [1487, 1672, 1487, 1672]);
  const [, project] = /^The project stays in (.*)$/m.exec(out!)!;
  assert.ok(existsSync(join(project!, "target", "state.git")));
});

async function runDocument(path: string): Promise<void> {
  const markdown = read(path);
  using temporary = new TempDir();
  const databases = /<!-- postgres: ([\w ]+) -->/.exec(markdown)?.[1]?.split(" ") ?? [];
  await using postgres = databases.length === 0 ? null : await TestPostgres.start();
  for (const name of databases) await postgres?.createDatabase(name);
  const [, what, name] = /<!-- (project|data): (\w+) -->/.exec(markdown) ?? [];
  const project = name === undefined ? null : { name, folder: what === "data" ? "data" : "." };
  const shell = new DocShell(temporary, project, variablesFor(postgres));
  for (const block of fencedBlocks(markdown)) {
    const file = block.info.get("file");
    try {
      const database = block.info.get("database");
      if (file !== undefined) shell.write(file, block);
      else if (database !== undefined) await postgres!.query(database, block.lines.join("\n"));
      else if (block.language === "sh") await shell.runBlock(block);
    } catch (error) {
      throw new Error(`${path}:${block.line}: ${error instanceof Error ? error.message : error}`);
    }
  }
}

/** Variables of the environment that lead to a server. */
function variablesFor(postgres: TestPostgres | null): Record<string, string> {
  if (postgres === null) return {};
  const { host, port, user, password } = postgres;
  return { PG_HOST: host, PG_PORT: String(port), PG_USER: user, PG_PASSWORD: password };
}

/** A folder with `seeknal` on its path. */
class DocShell {
  readonly #bin: string;
  readonly #variables: Readonly<Record<string, string>>;
  #cwd: string;

  constructor(
    temporary: TempDir,
    project: { readonly name: string; readonly folder: string } | null,
    variables: Readonly<Record<string, string>>,
  ) {
    this.#variables = variables;
    this.#cwd = temporary.join("work");
    Deno.mkdirSync(this.#cwd);
    if (project !== null) {
      const { name, folder } = project;
      const from = join(ROOT, "fixtures/projects", name, folder);
      cpSync(from, join(this.#cwd, folder), { recursive: true });
    }
    this.#bin = temporary.join("bin");
    const words = [Deno.execPath(), join(ROOT, "deno.json"), join(ROOT, "main.ts")];
    const [deno, config, main] = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`);
    const program = temporary.write(
      "bin/seeknal",
      `#!/bin/sh\nexec ${deno} run -A --config ${config} ${main} "$@"\n`,
    );
    Deno.chmodSync(program, 0o755);
  }

  write(path: string, { language, lines }: DocBlock): void {
    const absolute = join(this.#cwd, path);
    Deno.mkdirSync(dirname(absolute), { recursive: true });
    const text = language === "diff"
      ? patch(Deno.readTextFileSync(absolute), lines)
      : lines.map((line) => `${line}\n`).join("");
    Deno.writeTextFileSync(absolute, text);
  }

  async runBlock(block: DocBlock): Promise<void> {
    const commands = commandsOf(block);
    const exit = Number(block.info.get("exit") ?? 0);
    for (const [i, command] of commands.entries()) {
      await this.#run(command, i === commands.length - 1 ? exit : 0);
    }
  }

  async #run({ command, output: documented, line }: DocCommand, expected: number): Promise<void> {
    if (/^cd \S+$/.test(command)) {
      this.#cwd = join(this.#cwd, command.slice("cd ".length));
      return;
    }
    const { code, stdout } = await new Deno.Command("sh", {
      args: ["-c", `exec 2>&1\n${command}`],
      cwd: this.#cwd,
      env: {
        PATH: `${this.#bin}:${Deno.env.get("PATH")}`,
        NO_COLOR: "1",
        GIT_PAGER: "cat",
        SEEKNAL_USER: "ada",
        ...this.#variables,
      },
      stdin: "null",
      stdout: "piped",
    }).output();
    const output = new TextDecoder().decode(stdout);
    const missing = missingLines(documented, output);
    if (code === expected && missing.length === 0) return;
    throw new Error([
      `line ${line}: ${command}`,
      ...(code === expected ? [] : [`exit code ${code} instead of ${expected}`]),
      ...missing.map((text) => `not printed: ${text}`),
      "",
      output,
    ].join("\n"));
  }
}

/** Headings as GitHub links to them. */
function anchorsOf(markdown: string): string[] {
  const headings = markdown.replace(/^```[\s\S]*?^```$/gm, "").matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, title]) =>
    title!.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
  );
}

function read(path: string): string {
  return Deno.readTextFileSync(join(ROOT, path));
}
