import { join } from "node:path";

/** Installs the npm package `vega-datasets` below a folder; returns the folder of its data. */
export async function vegaData(folder: string): Promise<string> {
  const packages = join(folder, "packages");
  Deno.mkdirSync(packages, { recursive: true });
  const install = await new Deno.Command("npm", {
    args: ["install", "--prefix", packages, "--no-audit", "--no-fund", "vega-datasets@3.2.1"],
    stdout: "null",
    stderr: "null",
  }).output();
  if (!install.success) throw new Error("Cannot install vega-datasets from npm");
  return join(packages, "node_modules", "vega-datasets", "data");
}

/** Three million real flights as a Parquet file. */
export async function flightsFile(folder: string): Promise<string> {
  return join(await vegaData(folder), "flights-3m.parquet");
}
