import { sha256 } from "../../src/base/hash.ts";
import { makeProject, type TempProject } from "./project.ts";

/** A small shop: two sources, three transforms, all in a handful of milliseconds. */
export function makeShop(): TempProject {
  return makeProject({
    "data/orders.csv": "id,customer_id,amount,status\n1,1,10,paid\n2,2,20,paid\n3,1,5,open\n",
    "data/customers.csv": "customer_id,name\n1,Ann\n2,Bob\n",
    "seeknal/sources.yml": source("orders") + "---\n" + source("customers"),
    "seeknal/clean_orders.yml": transform(
      "clean_orders",
      ["source.orders"],
      "SELECT id, customer_id, amount FROM ref('source.orders') WHERE status = 'paid'",
    ),
    "seeknal/revenue.yml": transform(
      "revenue",
      ["transform.clean_orders", "source.customers"],
      "SELECT name, sum(amount) AS total FROM ref('transform.clean_orders') JOIN ref('source.customers') USING (customer_id) GROUP BY name",
    ),
    "seeknal/names.yml": transform(
      "names",
      ["source.customers"],
      "SELECT customer_id, upper(name) AS name FROM ref('source.customers')",
    ),
  });
}

/** YAML of a CSV source that reads `data/<name>.csv`. */
export function source(name: string, extra = ""): string {
  return `kind: source\nname: ${name}\nsource: csv\ntable: data/${name}.csv\n${extra}`;
}

/** YAML of a transform; `extra` is appended as further fields. */
export function transform(
  name: string,
  inputs: readonly string[],
  sql: string,
  extra = "",
): string {
  const refs = inputs.map((id) => `  - ref: ${id}\n`).join("");
  const body = sql.split("\n").map((line) => `  ${line}\n`).join("");
  return `kind: transform\nname: ${name}\n${
    refs === "" ? "" : `inputs:\n${refs}`
  }transform: |\n${body}${extra}`;
}

/** Every file below the project with a hash of its content, to show that nothing was written. */
export function fileTree(project: TempProject): Record<string, string> {
  const files: Record<string, string> = {};
  const visit = (folder: string) => {
    for (const entry of Deno.readDirSync(project.path(folder))) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory) visit(path);
      else files[path] = sha256(Deno.readFileSync(project.path(path)));
    }
  };
  visit("");
  return files;
}

/** Rows of a query as JSON objects, in a fixed order. */
export async function rowsOf(
  project: TempProject,
  sql: string,
  env = "prod",
): Promise<Record<string, unknown>[]> {
  return await project.json("query", `FROM (${sql}) ORDER BY ALL`, "--env", env);
}

/** Runs a command that must succeed; fails with everything it printed. */
export async function ok(project: TempProject, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await project.run(...args);
  if (code !== 0) throw new Error(`seeknal ${args.join(" ")}: exit ${code}\n${stdout}${stderr}`);
  return stdout + stderr;
}
