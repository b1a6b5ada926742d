/**
 * The peer of the heavy benchmark: the same SQL in one DuckDB session with all
 * cores, each result written to Parquet and read from there. Arguments: project
 * folder, output folder.
 */
import { DuckDBInstance } from "@duckdb/node-api";
import { HEAVY_NODES, HEAVY_SOURCES } from "./heavy.ts";

const [root, out] = Deno.args as [string, string];
Deno.mkdirSync(out, { recursive: true });
const instance = await DuckDBInstance.create(":memory:");
const connection = await instance.connect();
const nodes = [
  {
    schema: "source",
    name: "flights",
    sql: `FROM read_parquet('${root}/${HEAVY_SOURCES.flights}')`,
  },
  { schema: "source", name: "airports", sql: `FROM read_csv('${root}/${HEAVY_SOURCES.airports}')` },
  ...HEAVY_NODES.map(({ name, sql }) => ({ schema: "transform", name, sql })),
];
await connection.run("CREATE SCHEMA source; CREATE SCHEMA transform");
for (const { schema, name, sql } of nodes) {
  const file = `${out}/${schema}_${name}.parquet`;
  await connection.run(`COPY (${sql}) TO '${file}' (FORMAT parquet)`);
  await connection.run(`CREATE VIEW ${schema}.${name} AS FROM read_parquet('${file}')`);
}
