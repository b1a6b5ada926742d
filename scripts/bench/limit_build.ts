/**
 * The limit of a first build: the same SQL in one DuckDB session, each result
 * written to Parquet and read from there. Arguments: number of nodes, output folder.
 */
import { DuckDBInstance } from "@duckdb/node-api";
import { syntheticNodes } from "./synthetic.ts";

const [count, out] = Deno.args as [string, string];
Deno.mkdirSync(out, { recursive: true });
const connection = await (await DuckDBInstance.create(":memory:")).connect();
await connection.run("CREATE SCHEMA transform");
for (const { name, sql } of syntheticNodes(Number(count))) {
  const text = sql.replace(/ref\('([^']+)'\)/g, "$1");
  const file = `${out}/${name}.parquet`;
  await connection.run(`COPY (${text}) TO '${file}' (FORMAT parquet)`);
  await connection.run(`CREATE VIEW transform.${name} AS FROM read_parquet('${file}')`);
}
