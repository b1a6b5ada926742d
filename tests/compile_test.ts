import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { INCLUDED, TARGETS } from "../scripts/compile.ts";
import { EMBEDDED_PACKAGES, type EmbeddedProgram, readEmbedded } from "../scripts/embedded.ts";
import { TempDir } from "./support/temp_dir.ts";

/*
 * The runtime that `deno compile` embeds into is downloaded, which needs more network than npm.
 * Deno itself stands in for it (DENORT_BIN): the file that comes out does not behave like the
 * program, but what was embedded is what would be.
 */

const ROOT = join(import.meta.dirname!, "..");
const HOST_TARGET = Deno.build.target;
const folder = new TempDir();
Deno.test.afterAll(() => folder[Symbol.dispose]());

let built: Promise<EmbeddedProgram> | undefined;
const hostProgram = () => built ??= build(HOST_TARGET);

Deno.test("the binary holds every module of the program and of its workers, as it is on disk", async () => {
  const { files, remoteModules } = await hostProgram();
  const modules = await moduleGraph();
  assert.ok(modules.includes("main.ts") && modules.includes("src/exec/execute_job.ts"));
  const embedded = [...files.keys()].filter((name) => !name.startsWith(EMBEDDED_PACKAGES));
  assert.deepEqual(embedded.sort(), modules.sort());
  for (const name of modules) {
    assert.deepEqual(Buffer.from(files.get(name)!.bytes), readRepository(name), name);
  }
  assert.equal(remoteModules, 0);
});

Deno.test("the binary holds the packages the program imports, and no others", async () => {
  const { files } = await hostProgram();
  const host = TARGETS[HOST_TARGET]!;
  const { packages } = await graph(["main.ts", ...INCLUDED]);
  const native = (id: string) => id.startsWith("@duckdb/node-bindings-");
  const expected = packages.filter((id) =>
    !native(id) || id.startsWith(`${host}@`) || id.startsWith(`${host}-musl@`)
  );
  assert.deepEqual(embeddedPackages(files.keys()), expected.sort());
});

Deno.test("the binary holds DuckDB's addon and library side by side, and asks to be unpacked", async () => {
  const { files, metadata } = await hostProgram();
  const natives = [...files].filter(([name]) => /\.(node|so|dylib|dll)$/.test(name));
  assert.deepEqual(
    new Set(natives.map(([name]) => packageOf(name))),
    new Set([TARGETS[HOST_TARGET]]),
  );
  assert.deepEqual(new Set(natives.map(([name]) => dirname(name))).size, 1);
  assert.equal(natives.length, 2);
  for (const [name, { bytes }] of natives) assert.ok(bytes.length > 100_000, name);
  // The addon finds its library by a path relative to itself, hence needs real files.
  assert.equal(typeof metadata.self_extracting, "string");
  assert.equal(metadata.entrypoint_key, "main.ts");
});

Deno.test("what is embedded is enough to plan, run and promote, reading nothing but the project", async () => {
  using unpacked = new TempDir();
  const { files } = await hostProgram();
  for (const [name, { bytes, executed }] of files) {
    if (name.startsWith(`${EMBEDDED_PACKAGES}/`)) {
      const path = name.slice(EMBEDDED_PACKAGES.length + 1);
      unpacked.write(`deno/npm/registry.npmjs.org/${path}`, bytes);
    } else unpacked.write(`program/${name}`, executed);
  }
  // The binary carries their content in another form: the import map and the package list.
  for (const name of ["deno.json", "deno.lock"]) {
    unpacked.write(name, readRepository(name));
  }
  Deno.mkdirSync(unpacked.join("project"));
  const seeknal = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--cached-only",
        "--unstable-npm-lazy-caching",
        "--frozen",
        "--no-prompt",
        "--allow-env",
        "--allow-sys",
        // A worker's modules count as read; `program` holds nothing else.
        // Profiles may lie in the user's home.
        `--allow-read=${
          ["project", "program", ".seeknal"].map((name) => unpacked.join(name)).join(",")
        }`,
        `--allow-write=${unpacked.join("project")}`,
        `--allow-ffi=${unpacked.join("deno")}`,
        `--config=${unpacked.join("deno.json")}`,
        unpacked.join("program/main.ts"),
        ...args,
      ],
      cwd: unpacked.join("project"),
      env: { DENO_DIR: unpacked.join("deno"), HOME: unpacked.path, NO_COLOR: "1" },
    }).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assert.equal(code, 0, `seeknal ${args.join(" ")}\n${out}${err}`);
    return out!;
  };
  await seeknal("init");
  unpacked.write(
    "project/seeknal/scripted.ts",
    "// /// seeknal\n// columns: {x: INTEGER}\n// ///\nexport default (): { x: number }[] => [{ x: 7 }];\n",
  );
  await seeknal("run");
  const scripted = await seeknal("query", "FROM transform.scripted", "--format", "json");
  assert.deepEqual(JSON.parse(scripted), [{ x: 7 }]);
  const transforms = unpacked.join("project/seeknal/transforms");
  const [first] = Deno.readDirSync(transforms);
  const node = join(transforms, first!.name);
  const text = Deno.readTextFileSync(node);
  assert.ok(text.includes("count(*)"));
  Deno.writeTextFileSync(node, text.replace("count(*)", "10 * count(*)"));
  assert.match(await seeknal("plan", "dev"), /Plan: 1 to build/);
  await seeknal("run", "--env", "dev");
  await seeknal("promote", "dev", "--yes");
  const sql = `SELECT * FROM "transform.${first!.name.replace(/\.ya?ml$/, "")}"`;
  const rows = JSON.parse(await seeknal("query", sql, "--format", "json"));
  assert.ok(rows.length > 0);
  await seeknal("query", sql, "--format", "arrow", "--output", "rows.arrow");
  assert.match(await seeknal("history"), /promote/);
  await seeknal("rollback", "--yes");
  await seeknal("doctor");
  assert.match(await seeknal("docs", "rollback"), /^Rollback\n/);
  await seeknal("draft", "transform", "drafted");
  await seeknal("dry-run", "draft_transform_drafted.yml", "--schema-only");
  await seeknal("apply", "draft_transform_drafted.yml");
  await seeknal("--version");
});

Deno.test("modules locate nothing at run time but embedded workers", async () => {
  const offences: string[] = [];
  const workers = new Set<string>();
  for (const name of await moduleGraph()) {
    const offend = (what: string) => offences.push(`${name}: ${what}`);
    let source = readRepository(name).toString();
    source = source.replaceAll(
      /new URL\(\s*"([^"]+)",\s*import\.meta\.url\s*,?\s*\)/g,
      (_, path: string) => {
        const url = new URL(path, pathToFileURL(join(ROOT, name)));
        workers.add(fileURLToPath(url).slice(ROOT.length + 1).replaceAll("\\", "/"));
        return "";
      },
    );
    // Where the program lies is compared with the current folder there, nothing is read.
    if (name === "main.ts") source = source.replace("realHost(import.meta.dirname)", "");
    for (const [found] of source.matchAll(/import\.meta\.(url|dirname|filename|resolve)/g)) {
      offend(found);
    }
    // In a compiled program these are the program itself, not Deno.
    for (const [found] of source.matchAll(/Deno\.(execPath|mainModule)|process\.execPath/g)) {
      offend(found);
    }
    for (const [found] of source.matchAll(/\bimport\(\s*[^"'\s][^)]*\)/g)) offend(found);
  }
  assert.deepEqual(offences, []);
  assert.deepEqual([...workers].sort(), [...INCLUDED].sort());
});

Deno.test("each release target has a DuckDB in deno.lock, for its system and processor", () => {
  const { npm } = JSON.parse(readRepository("deno.lock").toString());
  const systems: Record<string, string> = { linux: "linux", apple: "darwin", pc: "win32" };
  for (const [target, name] of Object.entries(TARGETS)) {
    const [id] = Object.keys(npm).filter((id) => id.startsWith(`${name}@`));
    const [processor] = target.split("-");
    const system = Object.keys(systems).find((word) => target.includes(word))!;
    assert.deepEqual(
      { os: npm[id!]?.os, cpu: npm[id!]?.cpu },
      { os: [systems[system]], cpu: [processor === "aarch64" ? "arm64" : "x64"] },
      target,
    );
  }
});

Deno.test({
  name: "a binary for another processor holds the DuckDB of that processor",
  // The stand-in must be in the target's executable format.
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const other = Deno.build.arch === "x86_64" ? "aarch64" : "x86_64";
    const target = `${other}-unknown-linux-gnu`;
    const { files } = await build(target);
    const natives = [...files.keys()].filter((name) => /\.(node|so)$/.test(name));
    assert.deepEqual(new Set(natives.map(packageOf)), new Set([TARGETS[target]]));
    // e_machine of an ELF file: which processor it is for.
    for (const name of natives) {
      assert.equal(files.get(name)!.bytes[18], other === "aarch64" ? 0xb7 : 0x3e, name);
    }
  },
});

Deno.test("an unknown target is refused with the known ones", async () => {
  const { code, stderr } = await compile("--target", "wasm32-wasi", "--output", folder.join("x"));
  assert.equal(code, 1);
  assert.match(stderr, /Unknown target wasm32-wasi\. Known: x86_64-unknown-linux-gnu, /);
});

async function build(target: string): Promise<EmbeddedProgram> {
  const output = folder.join(target, "seeknal");
  const { code, stdout, stderr } = await compile("--target", target, "--output", output);
  assert.equal(code, 0, stdout + stderr);
  return readEmbedded(target.includes("windows") ? `${output}.exe` : output);
}

async function compile(...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", join(ROOT, "scripts/compile.ts"), ...args],
    env: { DENORT_BIN: Deno.execPath(), NO_COLOR: "1" },
  }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, stdout: out!, stderr: err! };
}

/** The modules that are executed, relative to the repository; type-only imports are not. */
async function moduleGraph(): Promise<string[]> {
  return (await graph(["main.ts", ...INCLUDED])).modules;
}

async function graph(roots: readonly string[]) {
  const modules = new Set<string>();
  const packages = new Set<string>();
  for (const root of roots) {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      cwd: ROOT,
      args: ["info", "--json", root],
    }).output();
    const info: Info = JSON.parse(new TextDecoder().decode(stdout));
    const byName = new Map(info.modules.map((module) => [module.specifier, module]));
    const open = [...info.roots];
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      const module = byName.get(info.redirects[name] ?? name);
      if (module === undefined || modules.has(name)) continue;
      if (module.npmPackage !== undefined) addPackage(module.npmPackage, info, packages);
      else if (name.startsWith("file:")) {
        modules.add(name);
        open.push(...(module.dependencies ?? []).flatMap(({ code }) => code?.specifier ?? []));
      }
    }
  }
  const base = pathToFileURL(`${ROOT}/`).href;
  return {
    modules: [...modules].map((url) => decodeURIComponent(url.slice(base.length))),
    packages: [...packages],
  };
}

/** The part of `deno info --json` that is used here. */
interface Info {
  readonly roots: string[];
  readonly redirects: Record<string, string>;
  readonly modules: {
    specifier: string;
    npmPackage?: string;
    dependencies?: { code?: { specifier?: string } }[];
  }[];
  readonly npmPackages: Record<string, { dependencies: string[] }>;
}

function addPackage(id: string, info: Info, packages: Set<string>): void {
  if (packages.has(id)) return;
  packages.add(id);
  for (const next of info.npmPackages[id]?.dependencies ?? []) addPackage(next, info, packages);
}

/** `name@version` of the packages that files belong to. */
function embeddedPackages(names: Iterable<string>): string[] {
  const ids = [...names].filter((name) => name.startsWith(`${EMBEDDED_PACKAGES}/`)).map((name) => {
    const scope = packageOf(name);
    const [version] = name.slice(EMBEDDED_PACKAGES.length + scope.length + 2).split("/");
    return `${scope}@${version}`;
  });
  return [...new Set(ids)].sort();
}

function packageOf(name: string): string {
  const [first, second] = name.slice(EMBEDDED_PACKAGES.length + 1).split("/");
  return first!.startsWith("@") ? `${first}/${second}` : first!;
}

function readRepository(name: string): Buffer {
  return Buffer.from(Deno.readFileSync(join(ROOT, name)));
}
