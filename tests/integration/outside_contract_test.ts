import assert from "node:assert/strict";
import { TestPostgres } from "../support/postgres.ts";
import { TempProject } from "../support/project.ts";

/** A project with a database `db` and an Iceberg catalog `lake`. */
async function openProject(postgres: TestPostgres): Promise<TempProject> {
  await postgres.createDatabase("shop");
  await postgres.query(
    "shop",
    `CREATE TABLE orders (id int, at timestamptz);
     INSERT INTO orders VALUES (1, '2026-01-02 02:00:00+00'), (2, '2025-12-01 00:00:00+00')`,
  );
  const project = new TempProject();
  const options = Object.entries(postgres.connection("shop"))
    .map(([key, value]) => `    ${key}: ${value}\n`).join("");
  project.write("seeknal_project.yml", "name: shop\n");
  project.write(
    "profiles.yml",
    `connections:\n  db:\n    type: postgresql\n${options}  lake:\n    type: iceberg\n    warehouse: lake\n` +
      "source_defaults:\n  postgres: { connection: db }\n",
  );
  return project;
}

function write(project: TempProject, source: string, more: string): void {
  project.write("seeknal/orders.yml", `kind: source\nname: orders\nsource: ${source}\n${more}`);
}

async function said(project: TempProject, code: number, ...args: string[]): Promise<string> {
  const result = await project.run(...args);
  assert.equal(result.code, code, `${args.join(" ")}\n${result.stdout}${result.stderr}`);
  return result.stdout + result.stderr;
}

Deno.test("contracts and freshness hold for tables of PostgreSQL and Iceberg", async () => {
  await using postgres = await TestPostgres.start();
  using project = await openProject(postgres);
  const table = "table: public.orders\n";
  write(project, "postgres", `${table}columns: {id: BIGINT, at: TIMESTAMPTZ}\ncontract: enforce\n`);
  assert.match(
    await said(project, 3, "plan", "dev"),
    /column "id" is INTEGER in the data, not BIGINT/,
  );
  const columns = "columns: {id: integer, at: TIMESTAMPTZ}\n";
  const freshness = "freshness: {time_column: at, warn_after: 1d, error_after: 30d}\n";
  write(
    project,
    "postgresql",
    `${table}${columns}contract: enforce\n${freshness}` +
      "materializations: [{type: iceberg, table: lake.copies.orders, mode: overwrite}]\n",
  );
  await said(project, 0, "run");
  assert.match(await said(project, 0, "freshness"), /^pass\s+source\.orders/);
  project.host.advance(40 * 86_400_000);
  assert.match(await said(project, 4, "run"), /freshness\(at\) failed/);
  // A row that no run has read yet: the table itself counts.
  await postgres.query("shop", "INSERT INTO orders VALUES (3, '2026-02-10 00:00:00+00')");
  assert.match(await said(project, 0, "freshness"), /^(pass|warn)\s+source\.orders/);
  await postgres.query("shop", "ALTER TABLE orders ADD COLUMN city text");
  assert.match(await said(project, 3, "plan", "dev"), /columns that it does not list: city/);
  write(project, "postgresql", `${table}${columns}contract: evolve\n`);
  assert.match(await said(project, 0, "plan", "dev"), /they come through: city/);

  const lake = "table: lake.copies.orders\n";
  write(project, "iceberg", `${lake}columns: {id: INTEGER}\ncontract: enforce\n`);
  assert.match(await said(project, 3, "plan", "other"), /columns that it does not list: at/);
  write(project, "iceberg", `${lake}columns: {id: VARCHAR, at: TIMESTAMPTZ}\ncontract: enforce\n`);
  assert.match(
    await said(project, 3, "plan", "other"),
    /column "id" is INTEGER in the data, not VARCHAR/,
  );
  write(project, "iceberg", `${lake}${columns}contract: enforce\n`);
  await said(project, 0, "plan", "other");
});
