import { join } from "node:path";

/**
 * Runs queries in one ClickHouse process; rows as JSON text, in the order of the answer. `folder` is the only one
 * that it reads. Throws with ClickHouse's words.
 */
export async function clickhouse(folder: string, queries: readonly string[]): Promise<string[][]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", join(import.meta.dirname ?? ".", "clickhouse_child.ts"), folder],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(queries)));
  await writer.close();
  const { stdout, stderr, code } = await child.output();
  const text = new TextDecoder().decode(stdout);
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr) || text);
  const answers: { text?: string; error?: string }[] = JSON.parse(text);
  return answers.map((answer) => {
    if (answer.error !== undefined) throw new Error(answer.error);
    return (answer.text ?? "").split("\n").filter((line) => line !== "")
      .map((line) => JSON.stringify(JSON.parse(line)));
  });
}
