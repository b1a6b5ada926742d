import { basename, join } from "node:path";
import { readTextIfExists, statIfExists, writeFileAtomic } from "../base/atomic_write.ts";
import { UserError } from "../base/user_error.ts";
import { PROJECT_FILE } from "../project/find_project.ts";
import { findSchemas, SCHEMAS_DIR, writeSchemas } from "./project_schemas.ts";

/** What to start. */
export interface InitRequest {
  /** Absolute folder. */
  readonly root: string;
  readonly name: string | null;
  readonly description: string | null;
  /** Write the project file again; node files and data are never overwritten. */
  readonly force: boolean;
  /** Write a source with its data and a transform. */
  readonly example: boolean;
  /** Folder of the program's source; null: the program is installed as `seeknal`. */
  readonly programDir: string | null;
}

const IGNORED = ["target/", "profiles.yml", "profiles-*.yml", ".env"];

/**
 * Writes a project that plans and runs: project file, profile, `.gitignore`, `deno.json`, a source with
 * its data and a transform. Existing files stay. The project file comes last: a folder in which this was
 * interrupted is no project yet. Returns the paths written, relative. Throws `project_exists` (3), `invalid_name` (2).
 */
export function initProject(
  { root, name, description, force, example, programDir }: InitRequest,
): string[] {
  if (statIfExists(join(root, PROJECT_FILE)) !== null && !force) {
    throw new UserError(`Project already exists at ${root}`, {
      code: "project_exists",
      kind: "validation",
      hint: "Use --force to reinitialize: seeknal_project.yml is written again, nothing else",
    });
  }
  if (name?.trim() === "") {
    throw new UserError("A project needs a name that is not empty", {
      code: "invalid_name",
      kind: "usage",
      hint: "write --name my_project, or leave it out: the folder's name serves",
    });
  }
  const written: string[] = [];
  const write = (path: string, text: string, overwrite = false) => {
    if (statIfExists(join(root, path)) !== null && !overwrite) return;
    writeFileAtomic(join(root, path), text);
    written.push(path);
  };
  write("profiles.yml", PROFILES);
  writeIgnores(root, written);
  if (statIfExists(join(root, "deno.jsonc")) === null) write("deno.json", denoJson(programDir));
  if (example) {
    write("data/orders.csv", ORDERS_CSV);
    write("seeknal/sources/orders.yml", ORDERS_SOURCE);
    write("seeknal/transforms/daily_revenue.yml", DAILY_REVENUE);
    write("tests/daily_revenue.yml", DAILY_REVENUE_TEST);
  }
  writeSchemas(join(root, SCHEMAS_DIR), findSchemas(null));
  write(PROJECT_FILE, projectFile(name ?? projectName(root), description), force);
  return written.includes(PROJECT_FILE)
    ? [PROJECT_FILE, ...written.filter((path) => path !== PROJECT_FILE)]
    : written;
}

/** `deno task seeknal …` in the project's folder. */
function denoJson(programDir: string | null): string {
  const quoted = (path: string) => JSON.stringify(path);
  const task = programDir === null
    ? "seeknal"
    : `deno run -A --config ${quoted(join(programDir, "deno.json"))} ${
      quoted(join(programDir, "main.ts"))
    }`;
  return `${JSON.stringify({ tasks: { seeknal: task } }, null, 2)}\n`;
}

function projectName(root: string): string {
  return basename(root).replace(/[^\p{L}\p{N}_-]+/gu, "_") || "my_project";
}

function projectFile(name: string, description: string | null): string {
  const line = description === null ? "" : `description: ${JSON.stringify(description)}\n`;
  return `# yaml-language-server: $schema=target/schemas/project.json
name: ${JSON.stringify(name)}
version: "1.0.0"
${line}# environments:
#   ttl_days: 14                   # days an environment lives after its last use (default: 7)
# auto_categorize: semi            # who decides what a change means: full, semi, off
`;
}

function writeIgnores(root: string, written: string[]): void {
  const path = join(root, ".gitignore");
  const text = readTextIfExists(path) ?? "";
  const lines = new Set(text.split(/\r?\n/));
  const missing = IGNORED.filter((line) => !lines.has(line));
  if (missing.length === 0) return;
  const separator = text === "" || text.endsWith("\n") ? "" : "\n";
  writeFileAtomic(path, `${text}${separator}${missing.join("\n")}\n`);
  written.push(".gitignore");
}

const PROFILES = `# yaml-language-server: $schema=target/schemas/profiles.json
# Systems outside. This file is not for the project's Git: profiles-ENV.yml is that of an environment.
# \${VAR} and \${VAR:default} are put in when connecting and stay as they are everywhere else.
#
# connections:
#   warehouse:
#     type: postgresql
#     host: \${PG_HOST:localhost}
#     port: \${PG_PORT:5432}
#     user: \${PG_USER}
#     password: \${PG_PASSWORD}
#     database: shop
#   lake:
#     type: iceberg
#     warehouse: lake              # a folder, or s3://bucket/path
#
# source_defaults:                 # params that sources of a type have unless they say otherwise
#   postgresql: { connection: warehouse }
#   csv: { delimiter: "," }
`;

const ORDERS_CSV = `order_id,customer,order_date,status,amount
1,alice,2026-01-05,paid,30.00
2,bob,2026-01-05,paid,12.50
3,alice,2026-01-06,returned,30.00
4,carol,2026-01-06,paid,99.90
5,bob,2026-01-07,paid,7.25
`;

const ORDERS_SOURCE = `# yaml-language-server: $schema=../../target/schemas/source.json
kind: source
name: orders
description: Orders as the shop exports them
source: csv
table: data/orders.csv
columns:
  order_id: integer
  amount: decimal(10,2)
`;

const DAILY_REVENUE = `# yaml-language-server: $schema=../../target/schemas/transform.json
kind: transform
name: daily_revenue
description: Paid revenue per day
inputs:
  - ref: source.orders
transform: |
  SELECT
    order_date,
    count(*) AS orders,
    sum(amount) AS revenue
  FROM ref('source.orders')
  WHERE status = 'paid'
  GROUP BY order_date
  ORDER BY order_date
`;

const DAILY_REVENUE_TEST = `# yaml-language-server: $schema=../target/schemas/test.json
# seeknal test: given rows in, expected rows out.
name: only_paid_orders_are_revenue
node: transform.daily_revenue
given:
  - ref: source.orders
    rows:
      - { order_id: 1, order_date: "2026-01-05", status: paid, amount: 30.00 }
      - { order_id: 2, order_date: "2026-01-05", status: paid, amount: 12.50 }
      - { order_id: 3, order_date: "2026-01-05", status: returned, amount: 30.00 }
expect:
  rows:
    - { order_date: "2026-01-05", orders: 2, revenue: 42.50 }
`;
