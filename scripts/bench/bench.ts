/**
 * Measures what `docs/benchmarks.md` records: `deno task bench [--write] [--sizes 100,1000]
 * [--only start,synthetic,heavy,table-diff]`. Everything runs as processes of its own, start included.
 */
import { vegaData } from "./flights.ts";
import { join } from "node:path";
import { writeHeavyProject } from "./heavy.ts";
import { folderBytes, median, script, seeknal } from "./measure.ts";
import { editDescription, editOneColumn, writeSyntheticProject } from "./synthetic.ts";

const option = (name: string) => {
  const at = Deno.args.indexOf(`--${name}`);
  return at < 0 ? null : Deno.args[at + 1] ?? null;
};
const sizes = (option("sizes") ?? "100,1000,10000").split(",").map(Number);
const only = (option("only") ?? "start,synthetic,heavy,table-diff").split(",");
const lines: string[] = [];
const say = (line: string) => {
  lines.push(line);
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
};
const ms = (value: number) =>
  value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(2)} s`;
const row = (...cells: string[]) => say(`| ${cells.join(" | ")} |`);

const BUDGETS: Readonly<
  Record<
    number,
    { first?: string; noop?: string; change?: string; growth?: string; replan?: string }
  >
> = {
  1000: { first: "4 s", noop: "500 ms", change: "1 s + the queries" },
  10000: { noop: "3 s", growth: "100 KB", replan: "1 s" },
};

const work = Deno.makeTempDirSync({ prefix: "seeknal_bench_" });
try {
  describeMachine();
  const start = await median(15, () => seeknal(work, "--version"));
  if (only.includes("start")) await benchStart(start.ms);
  if (only.includes("synthetic")) {
    for (const size of sizes) await benchSynthetic(size, start.ms);
  }
  if (only.includes("heavy")) await benchHeavy();
  if (only.includes("table-diff")) await benchTableDiff();
} finally {
  Deno.removeSync(work, { recursive: true });
}
if (Deno.args.includes("--write")) record();

function describeMachine(): void {
  const cpu = /model name\s*:\s*(.*)/.exec(readOrEmpty("/proc/cpuinfo"))?.[1] ?? "unknown CPU";
  const memory = Math.round(Deno.systemMemoryInfo().total / 2 ** 30);
  say(
    `Measured on ${
      new Date().toISOString().slice(0, 10)
    }: ${navigator.hardwareConcurrency} cores (${cpu}), ${memory} GiB, ${Deno.build.os}, Deno ${Deno.version.deno}.`,
  );
}

function readOrEmpty(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

async function benchStart(version: number): Promise<void> {
  const help = await median(15, () => seeknal(work, "--help"));
  say("\n## Start\n");
  row("command", "measured", "budget");
  row("---", "---", "---");
  row("`seeknal --version`", ms(version), "80 ms");
  row("`seeknal --help`", ms(help.ms), "80 ms");
}

async function benchSynthetic(size: number, start: number): Promise<void> {
  const root = join(work, `synthetic_${size}`);
  writeSyntheticProject(root, size);
  const repeat = size > 1000 ? 3 : 5;
  const budgets = BUDGETS[size] ?? {};
  say(`\n## ${size} nodes\n`);
  row("work", "measured", "budget", "the limit or peer, same run", "ratio", "peak memory");
  row("---", "---", "---", "---", "---", "---");

  const limit = await script(root, "limit_build.ts", String(size), join(root, "limit"));
  Deno.removeSync(join(root, "limit"), { recursive: true });
  const first = await seeknal(root, "run");
  row(
    "first build (`run`)",
    ms(first.ms),
    budgets.first ?? "-",
    `one DuckDB script, nothing else: ${ms(limit.ms)}`,
    ratio(first.ms, limit.ms),
    mb(first.peakMb),
  );

  const fresh = await seeknal(root, "plan", "dev");
  const load = await median(repeat, () => script(root, "limit_load.ts", root));
  const noop = await median(repeat, () => seeknal(root, "plan", "dev"));
  row(
    "no-op `plan dev`",
    ms(noop.ms),
    budgets.noop ?? "-",
    `reading and parsing the files: ${ms(load.ms)}`,
    ratio(noop.ms, load.ms),
    mb(noop.peakMb),
  );
  row(
    "new environment, beyond the no-op plan",
    ms(Math.max(0, fresh.ms - noop.ms)),
    "50 ms",
    "-",
    "-",
    mb(fresh.peakMb),
  );

  const before = folderBytes(join(root, "target", "state.git"));
  editOneColumn(root, 1);
  const plan = await seeknal(root, "plan", "dev");
  const planned = folderBytes(join(root, "target", "state.git"));
  const run = await seeknal(root, "run", "--env", "dev");
  const promote = await seeknal(root, "promote", "dev", "--yes");
  const total = plan.ms + run.ms + promote.ms;
  row(
    "plan of a one-node change, beyond the no-op plan",
    ms(Math.max(0, plan.ms - noop.ms)),
    budgets.replan ?? "-",
    "-",
    "-",
    mb(plan.peakMb),
  );
  const peak = Math.max(plan.peakMb, run.peakMb, promote.peakMb);
  row(
    "one-column change: plan + run + promote",
    `${ms(total)} (${[plan, run, promote].map((c) => ms(c.ms)).join(" + ")})`,
    budgets.change ?? "-",
    "-",
    "-",
    mb(peak),
  );

  editDescription(root, "another description");
  await seeknal(root, "plan", "dev");
  const metadata = await seeknal(root, "promote", "dev", "--yes");
  const rollback = await seeknal(root, "rollback", "--yes");
  row(
    "metadata promotion, beyond start-up",
    ms(metadata.ms - start),
    "100 ms",
    `start-up: ${ms(start)}`,
    "-",
    mb(metadata.peakMb),
  );
  row(
    "rollback, beyond start-up",
    ms(rollback.ms - start),
    "100 ms",
    `start-up: ${ms(start)}`,
    "-",
    mb(rollback.peakMb),
  );
  const grown = folderBytes(join(root, "target", "state.git"));
  row(
    "state.git after the one-column plan",
    `+${kb(planned - before)}`,
    budgets.growth ?? "-",
    "-",
    "-",
    "-",
  );
  row("state.git after all of the above", `+${kb(grown - before)}`, "-", "-", "-", "-");
}

function ratio(ours: number, theirs: number): string {
  return `${(ours / theirs).toFixed(2)} x`;
}

function mb(value: number): string {
  return value === 0 ? "-" : `${Math.round(value)} MB`;
}

function kb(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} KB`;
}

async function benchHeavy(): Promise<void> {
  const root = join(work, "heavy");
  writeHeavyProject(root, await vegaData(work));
  const pairs: { ours: number; theirs: number; peakMb: number }[] = [];
  for (let i = 0; i < 5; i++) {
    const theirs = await script(root, "duckdb_script.ts", root, join(root, "out"));
    const ours = await seeknal(root, "run");
    pairs.push({ ours: ours.ms, theirs: theirs.ms, peakMb: ours.peakMb });
    Deno.removeSync(join(root, "out"), { recursive: true });
    Deno.removeSync(join(root, "target"), { recursive: true });
  }
  pairs.sort((a, b) => a.ours / a.theirs - b.ours / b.theirs);
  const middle = pairs[2]!;
  say("\n## Heavy: 3 million flights, 13 aggregations and joins\n");
  row(
    "work",
    "measured",
    "budget",
    "one DuckDB script writing the same Parquet files, all cores",
    "ratio",
    "peak memory",
  );
  row("---", "---", "---", "---", "---", "---");
  row(
    "first build (`run`), start included",
    ms(middle.ours),
    "1.15 x",
    ms(middle.theirs),
    `${ratio(middle.ours, middle.theirs)} (median of 5 pairs; ${
      ratio(pairs[0]!.ours, pairs[0]!.theirs)
    } to ${ratio(pairs[4]!.ours, pairs[4]!.theirs)})`,
    mb(middle.peakMb),
  );
}

/** The rows of a script that measures in one process of its own. */
async function benchTableDiff(): Promise<void> {
  const path = new URL("table_diff.ts", import.meta.url).pathname;
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", path],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("table_diff.ts failed");
  say("\n## table-diff: a million rows against a million\n");
  say(new TextDecoder().decode(stdout).trimEnd());
}

function record(): void {
  const path = new URL("../../docs/benchmarks.md", import.meta.url);
  const text = Deno.readTextFileSync(path);
  const marker = "<!-- measured -->";
  const head = text.slice(0, text.indexOf(marker) + marker.length);
  Deno.writeTextFileSync(path, `${head}\n\n${lines.join("\n")}\n`);
}
