import { basename, join } from "node:path";
import { readTextIfExists, statIfExists, writeFileAtomic } from "../base/atomic_write.ts";
import { UserError } from "../base/user_error.ts";
import { PROJECT_FILE } from "../project/find_project.ts";

/** What to start. */
export interface InitRequest {
  /** Absolute folder. */
  readonly root: string;
  readonly name: string | null;
  readonly description: string | null;
  /** Write the project file again; node files and data are never overwritten. */
  readonly force: boolean;
}

const IGNORED = ["target/", "profiles.yml", "profiles-*.yml", ".env"];

/**
 * Writes a project that plans and runs: project file, `.gitignore`, a source with
 * its data and a transform. Existing files stay. Returns the paths written, relative.
 * Throws `project_exists` (exit 3).
 */
export function initProject({ root, name, description, force }: InitRequest): string[] {
  if (statIfExists(join(root, PROJECT_FILE)) !== null && !force) {
    throw new UserError(`Cannot start a project in "${root}": there is one already`, {
      code: "project_exists",
      kind: "validation",
      hint: "write its seeknal_project.yml again with --force; nothing else is overwritten",
    });
  }
  const written: string[] = [];
  const write = (path: string, text: string, overwrite = false) => {
    if (statIfExists(join(root, path)) !== null && !overwrite) return;
    writeFileAtomic(join(root, path), text);
    written.push(path);
  };
  write(PROJECT_FILE, projectFile(name ?? projectName(root), description), force);
  writeIgnores(root, written);
  write("data/orders.csv", ORDERS_CSV);
  write("seeknal/sources/orders.yml", ORDERS_SOURCE);
  write("seeknal/transforms/daily_revenue.yml", DAILY_REVENUE);
  return written;
}

function projectName(root: string): string {
  return basename(root).replace(/[^\p{L}\p{N}_-]+/gu, "_") || "my_project";
}

function projectFile(name: string, description: string | null): string {
  const line = description === null ? "" : `description: ${JSON.stringify(description)}\n`;
  return `name: ${JSON.stringify(name)}\nversion: "1.0.0"\n${line}`;
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

const ORDERS_CSV = `order_id,customer,order_date,status,amount
1,alice,2026-01-05,paid,30.00
2,bob,2026-01-05,paid,12.50
3,alice,2026-01-06,returned,30.00
4,carol,2026-01-06,paid,99.90
5,bob,2026-01-07,paid,7.25
`;

const ORDERS_SOURCE = `kind: source
name: orders
description: Orders as the shop exports them
source: csv
table: data/orders.csv
columns:
  order_id: integer
  amount: decimal(10,2)
`;

const DAILY_REVENUE = `kind: transform
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
