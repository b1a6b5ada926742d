import assert from "node:assert/strict";
import { join, relative } from "node:path";
import {
  DEV_PACKAGES,
  LAYERS,
  PACKAGES,
  PURE_FOLDERS,
  withLayersTable,
} from "../scripts/layers.ts";
import denoJson from "../deno.json" with { type: "json" };
import { INCLUDED } from "../scripts/compile.ts";
import { ENGINE_VERSION, openSession } from "../src/engine/registry.ts";
import { VERSION } from "../src/model/version.ts";

const ROOT = join(import.meta.dirname!, "..");
const SRC = join(ROOT, "src");
const FILES = sourceFiles(SRC);
const IMPORTS = await readImports(["main.ts", ...INCLUDED]);

Deno.test("every folder of src imports only what its row in scripts/layers.ts lists", () => {
  const offences = edges().flatMap(([from, to]) => {
    const [here, there] = [folderOf(from), folderOf(to)];
    return here === there || LAYERS[here]?.includes(there) ? [] : [`${from} imports ${to}`];
  });
  assert.deepEqual(offences, []);
});

Deno.test("scripts/layers.ts has a row for every folder of src and lists nothing that is not used", () => {
  const folders = [...new Set(FILES.map(folderOf))].sort();
  assert.deepEqual(Object.keys(LAYERS).sort(), folders);
  const used = new Set(edges().map(([from, to]) => `${folderOf(from)} -> ${folderOf(to)}`));
  const unused = Object.entries(LAYERS).flatMap(([folder, imports]) =>
    imports.map((other) => `${folder} -> ${other}`).filter((edge) => !used.has(edge))
  );
  assert.deepEqual(unused, []);
});

Deno.test("no file of src imports itself through others", () => {
  const state = new Map<string, "open" | "done">();
  const cycles: string[] = [];
  const visit = (file: string, path: readonly string[]) => {
    if (state.get(file) === "done") return;
    if (state.get(file) === "open") {
      cycles.push([...path.slice(path.indexOf(file)), file].join(" -> "));
      return;
    }
    state.set(file, "open");
    for (const next of IMPORTS.get(file)?.files ?? []) visit(next, [...path, file]);
    state.set(file, "done");
  };
  for (const file of FILES) visit(file, []);
  assert.deepEqual(cycles, []);
});

Deno.test("third-party packages are imported in one folder each", () => {
  const offences: string[] = [];
  const seen = new Set<string>();
  for (const [file, { packages }] of IMPORTS) {
    for (const name of packages) {
      seen.add(name);
      if (PACKAGES[name] !== folderOf(file)) offences.push(`${file} imports ${name}`);
    }
  }
  assert.deepEqual(offences, []);
  assert.deepEqual([...seen].sort(), Object.keys(PACKAGES).sort());
  assert.deepEqual(
    Object.keys(denoJson.imports).sort(),
    [...Object.keys(PACKAGES), ...DEV_PACKAGES].sort(),
  );
});

Deno.test("pure folders know no await, no Deno and no clock", () => {
  const pure = FILES.filter((file) => PURE_FOLDERS.includes(folderOf(file)));
  assert.ok(pure.length > PURE_FOLDERS.length);
  assert.deepEqual(matches(pure, /\bawait\b|\bDeno\.|\bnew Date\b|\bDate\.now\b/), []);
});

Deno.test("every command is in cli/commands/registry.ts", () => {
  const constants = exportedConstants("cli/commands", "Command");
  assert.ok(constants.length > 0);
  assert.deepEqual(unlisted("cli/commands", "COMMANDS", constants), []);
  assert.deepEqual(missingFromRegistry("cli/commands"), []);
});

Deno.test("every source type is in sources/registry.ts", () => {
  const constants = exportedConstants("sources", "SourceType");
  assert.ok(constants.length > 0);
  assert.deepEqual(unlisted("sources", "SOURCE_TYPES", constants), []);
});

Deno.test("every kind of node is in nodes/registry.ts", () => {
  const constants = exportedConstants("nodes", "NodeKind<\\w+>");
  assert.ok(constants.length > 0);
  assert.deepEqual(unlisted("nodes", "NODE_KINDS", constants), []);
});

Deno.test("every audit type is in checks/registry.ts", () => {
  const constants = exportedConstants("checks", "AuditType");
  assert.ok(constants.length > 0);
  assert.deepEqual(unlisted("checks", "AUDIT_TYPES", constants), []);
});

Deno.test("every type of exposure is in exposures/registry.ts", () => {
  const constants = exportedConstants("exposures", "ExposureType");
  assert.ok(constants.length > 0);
  assert.deepEqual(unlisted("exposures", "EXPOSURE_TYPES", constants), []);
});

Deno.test("every file of src is reached from main.ts or from a worker", () => {
  assert.deepEqual(FILES.filter((file) => !IMPORTS.has(file)), []);
});

Deno.test("only the state folder names refs of environments, and only move_ref.ts writes one", () => {
  const others = FILES.filter((file) => folderOf(file) !== "state");
  assert.deepEqual(matches(others, /refs\/heads/), []);
  const reads = /^(init|readObject|expandOid)$/;
  const calls = FILES.filter((file) => folderOf(file) === "state").flatMap((file) =>
    [...code(file).matchAll(/\bgit\.(\w+)/g)].map((match) => match[1]!)
  );
  assert.ok(calls.includes("readObject"));
  assert.deepEqual(calls.filter((name) => !reads.test(name)), []);
});

Deno.test("only cli/real_terminal.ts touches the streams of the process", () => {
  const others = FILES.filter((file) => file !== "src/cli/real_terminal.ts");
  assert.deepEqual(matches(others, /\bDeno\.(stdout|stderr|stdin)\b|\bconsole\./), []);
});

Deno.test("only main.ts and cli/real_host.ts end the process", () => {
  const others = FILES.filter((file) => file !== "src/cli/real_host.ts");
  assert.deepEqual(matches(others, /\bDeno\.exit\b|\bprocess\./), []);
});

Deno.test("only cli/real_host.ts looks at the clock", () => {
  const others = FILES.filter((file) => file !== "src/cli/real_host.ts");
  assert.deepEqual(matches(others, /\bnew Date\(\s*\)|\bnew Date\b(?!\()|\bDate\.now\b/), []);
});

Deno.test("the table in src/README.md is the one in scripts/layers.ts", () => {
  const text = Deno.readTextFileSync(join(SRC, "README.md"));
  assert.equal(text, withLayersTable(text), "write it with: deno run -A scripts/layers.ts --write");
});

Deno.test("VERSION is the version in deno.json", () => {
  assert.equal(VERSION, denoJson.version);
});

Deno.test("ENGINE_VERSION is what DuckDB says about itself", async () => {
  await using session = await openSession({ threads: 1, allowedDirs: [] });
  const { rows } = await session.read("SELECT version()");
  assert.equal(ENGINE_VERSION, `duckdb ${rows[0]![0]}`);
});

interface FileImports {
  readonly files: readonly string[];
  readonly packages: readonly string[];
}

interface DenoInfo {
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly {
      readonly specifier: string;
      readonly code?: { readonly specifier?: string };
      readonly type?: { readonly specifier?: string };
    }[];
  }[];
}

/** What every file reached from the roots imports, types and dynamic imports included. */
async function readImports(roots: readonly string[]): Promise<Map<string, FileImports>> {
  const imports = new Map<string, FileImports>();
  for (const root of roots) {
    const { stdout, success } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", root],
      cwd: ROOT,
    }).output();
    assert.ok(success, `deno info ${root}`);
    const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as DenoInfo;
    for (const { specifier, dependencies = [] } of modules) {
      const file = projectFile(specifier);
      if (file === null || !file.startsWith("src/")) continue;
      imports.set(file, {
        files: dependencies.flatMap(({ code, type }) =>
          projectFile((code ?? type)?.specifier ?? "") ?? []
        ),
        packages: dependencies.map((dependency) => dependency.specifier)
          .filter((name) => !name.startsWith(".") && !name.startsWith("node:")),
      });
    }
  }
  return imports;
}

function projectFile(specifier: string): string | null {
  const root = new URL("../", import.meta.url).href;
  const file = specifier.startsWith(root) ? specifier.slice(root.length) : null;
  // Texts that are part of the program are no modules of it.
  return file?.endsWith(".md") === true ? null : file;
}

function sourceFiles(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory) return sourceFiles(path);
    return entry.name.endsWith(".ts") ? [relative(ROOT, path).replaceAll("\\", "/")] : [];
  }).sort();
}

function folderOf(file: string): string {
  return file.split("/")[1]!;
}

function edges(): [string, string][] {
  return [...IMPORTS].flatMap(([from, { files }]) =>
    files.map((to): [string, string] => [from, to])
  );
}

/** A file's text without its comments; line numbers stay. */
function code(file: string): string {
  return Deno.readTextFileSync(join(ROOT, file))
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ""))
    .replace(/(^|\s)\/\/.*$/gm, "");
}

function matches(files: readonly string[], pattern: RegExp): string[] {
  return files.flatMap((file) =>
    code(file).split("\n").flatMap((line, i) =>
      pattern.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : []
    )
  );
}

function missingFromRegistry(folder: string): string[] {
  const registry = `src/${folder}/registry.ts`;
  const imported = new Set(IMPORTS.get(registry)!.files);
  return FILES.filter((file) =>
    file.startsWith(`src/${folder}/`) && file !== registry && !imported.has(file)
  );
}

/** Names of constants of a type that the files of a folder export. */
function exportedConstants(folder: string, type: string): string[] {
  const pattern = new RegExp(`export const (\\w+): ${type} =`, "g");
  return FILES.filter((file) => file.startsWith(`src/${folder}/`))
    .flatMap((file) => [...code(file).matchAll(pattern)].map((match) => match[1]!));
}

function unlisted(folder: string, list: string, names: readonly string[]): string[] {
  const registry = code(`src/${folder}/registry.ts`);
  const body = new RegExp(`${list}[^=]*= \\[([\\s\\S]*?)\\];`).exec(registry)![1]!;
  return names.filter((name) => !new RegExp(`\\b${name}\\b`).test(body));
}
