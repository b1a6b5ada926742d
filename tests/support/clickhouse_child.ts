// Runs SQL in ClickHouse, in a process of its own so that its 200 MB do not stay. Reads queries as a JSON list from
// standard input, writes the lines of each answer. Reads files below its first argument only.
import chdb from "@chdb/lib-linux-x64-gnu";

const binding: { Query(sql: string, format: string): string } = chdb;

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
