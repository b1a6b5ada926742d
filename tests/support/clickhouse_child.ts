// Runs SQL in ClickHouse, in a process of its own so that its 200 MB do not stay. Reads queries as a JSON list from
// standard input, writes the lines of each answer. Reads files below its first argument only.
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const binding: { Query(sql: string, format: string): string } = require(
  fileURLToPath(import.meta.resolve("@chdb/lib-linux-x64-gnu")),
);

if (import.meta.main) {
  Deno.chdir(Deno.args[0] ?? ".");
  const queries: string[] = JSON.parse(await new Response(Deno.stdin.readable).text());
  const answers = queries.map((sql) => {
    try {
      return { text: binding.Query(sql, "JSONCompactEachRow") };
    } catch (error) {
      return { error: String(error) };
    }
  });
  await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(answers)));
}
