/**
 * Builds the standalone binary: `deno task compile [--target T] [--output FILE]`.
 *
 * The flags of `deno compile`, and why:
 *
 * - `--allow-all`: loading DuckDB's library needs it. What SQL and TypeScript nodes may do is
 *   limited by their sessions and workers, not by the process.
 * - `--include src/exec/worker.ts` and so on: the workers' graphs. `new Worker(new URL(…))` is not
 *   followed.
 * - `--self-extracting`: the first start unpacks the files beside the binary (`.seeknal/<hash>`)
 *   or, where that cannot be written, in the user's data folder. Without it, the runtime copies
 *   `duckdb.node` alone to a temporary file, and the system's loader does not find `libduckdb`,
 *   which it looks for in the same folder (denoland/deno 29203 and 36626).
 * - `--exclude-unused-npm`: only packages the program reaches. Tests and benchmarks have
 *   packages in `deno.lock`, too.
 * - `--exclude …-musl/…`: Deno chooses packages by system and processor and does not look at the
 *   C library (denoland/deno 35038), so Linux binaries would carry DuckDB twice (+ 65 MB).
 *   There is no musl build of the runtime, hence none of Seeknal. The rest of the package stays,
 *   because the package list in the binary names it.
 * - `--frozen`: what is released is what `deno.lock` says.
 * - `--target` also selects the npm packages: Deno downloads and embeds the DuckDB of the
 *   target, nothing has to be installed for it before.
 *
 * DENORT_BIN names a runtime to embed into, instead of the one Deno downloads.
 */
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { EMBEDDED_PACKAGES, readEmbedded } from "./embedded.ts";

/** The platforms we release for, each with the npm package that holds DuckDB for it. */
export const TARGETS: Readonly<Record<string, string>> = {
  "x86_64-unknown-linux-gnu": "@duckdb/node-bindings-linux-x64",
  "aarch64-unknown-linux-gnu": "@duckdb/node-bindings-linux-arm64",
  "x86_64-apple-darwin": "@duckdb/node-bindings-darwin-x64",
  "aarch64-apple-darwin": "@duckdb/node-bindings-darwin-arm64",
  "x86_64-pc-windows-msvc": "@duckdb/node-bindings-win32-x64",
};

/** The modules that are loaded by name at run time; they and what they import are embedded. */
export const INCLUDED: readonly string[] = ["src/exec/worker.ts", "src/exec/script_worker.ts"];

const ROOT = join(import.meta.dirname!, "..");

/** Builds a binary for one of the `TARGETS` and returns its path. Throws unless it is complete. */
export async function compile(target: string, output: string): Promise<string> {
  const duckdb = TARGETS[target];
  if (duckdb === undefined) {
    throw new Error(`Unknown target ${target}. Known: ${Object.keys(TARGETS).join(", ")}.`);
  }
  const binary = target.includes("windows") && !output.endsWith(".exe") ? `${output}.exe` : output;
  await Deno.mkdir(dirname(binary), { recursive: true });
  const { success } = await new Deno.Command(Deno.execPath(), {
    cwd: ROOT,
    args: [
      "compile",
      "--allow-all",
      "--frozen",
      "--self-extracting",
      "--exclude-unused-npm",
      ...(await muslLibraries()).map((file) => `--exclude=${file}`),
      ...INCLUDED.map((module) => `--include=${module}`),
      `--target=${target}`,
      `--output=${binary}`,
      "main.ts",
    ],
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("deno compile failed.");
  requireComplete(binary, duckdb);
  return binary;
}

/** Where Deno's cache holds, or will hold, DuckDB's libraries for musl. */
async function muslLibraries(): Promise<string[]> {
  const { npm } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.lock")));
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { npmCache } = JSON.parse(new TextDecoder().decode(stdout));
  await Deno.mkdir(npmCache, { recursive: true });
  const cache = await Deno.realPath(npmCache);
  const registries = new Set(["registry.npmjs.org"]);
  for await (const { name, isDirectory } of Deno.readDir(cache)) {
    if (isDirectory) registries.add(name);
  }
  return Object.keys(npm).flatMap((id) => {
    const [, name, version] = /^(.+-musl)@([^_]+)/.exec(id) ?? [];
    if (name === undefined || version === undefined) return [];
    return [...registries].flatMap((registry) =>
      ["duckdb.node", "libduckdb.so"].map((file) => join(cache, registry, name, version, file))
    );
  });
}

/** What would only be noticed by a user: a worker or a library that did not get in. */
function requireComplete(binary: string, duckdb: string): void {
  const { files } = readEmbedded(binary);
  const names = [...files.keys()];
  const missing = ["main.ts", ...INCLUDED].filter((module) => !files.has(module));
  const library = names.filter((name) => name.startsWith(`${EMBEDDED_PACKAGES}/${duckdb}/`))
    .map((name) => basename(name));
  if (!library.includes("duckdb.node")) missing.push(`${duckdb}: duckdb.node`);
  if (!library.some((name) => /\.(so|dylib|dll)$/.test(name))) {
    missing.push(`${duckdb}: DuckDB's library`);
  }
  if (missing.length > 0) throw new Error(`${binary} lacks ${missing.join(", ")}.`);
}

function print(to: { writeSync(data: Uint8Array): number }, line: string): void {
  to.writeSync(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: { target: { type: "string" }, output: { type: "string" } },
  });
  try {
    const output = resolve(values.output ?? join(ROOT, "dist", "seeknal"));
    const binary = await compile(values.target ?? Deno.build.target, output);
    const { size } = await Deno.stat(binary);
    print(Deno.stdout, `${binary} (${(size / 1e6).toFixed(0)} MB)`);
  } catch (error) {
    print(Deno.stderr, (error as Error).message);
    Deno.exit(1);
  }
}
