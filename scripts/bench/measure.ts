import { fileURLToPath } from "node:url";
import { join } from "node:path";

const REPO = fileURLToPath(new URL("../../", import.meta.url));

/** What one command cost. */
export interface Cost {
  /** Milliseconds of wall time, from spawn to exit. */
  readonly ms: number;
  /** Peak resident memory in megabytes; 0 where the system does not tell. */
  readonly peakMb: number;
  readonly stdout: string;
}

/** Runs `seeknal …args` in a folder as a process of its own. Throws when it fails. */
export function seeknal(cwd: string, ...args: string[]): Promise<Cost> {
  return measure(cwd, [
    "run",
    "-A",
    "--no-check",
    "--config",
    join(REPO, "deno.json"),
    join(REPO, "main.ts"),
    ...args,
  ]);
}

/** Runs a TypeScript file of `scripts/bench/` as a process of its own. */
export function script(cwd: string, file: string, ...args: string[]): Promise<Cost> {
  return measure(cwd, [
    "run",
    "-A",
    "--no-check",
    "--config",
    join(REPO, "deno.json"),
    join(REPO, "scripts/bench", file),
    ...args,
  ]);
}

async function measure(cwd: string, args: string[]): Promise<Cost> {
  const started = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  let peakMb = 0;
  const poll = setInterval(() => peakMb = Math.max(peakMb, peakMemoryMb(child.pid)), 15);
  const { success, stdout, stderr } = await child.output();
  const ms = performance.now() - started;
  clearInterval(poll);
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${args.join(" ")} failed:\n${decoder.decode(stderr)}`);
  return { ms, peakMb, stdout: decoder.decode(stdout) };
}

/** High-water mark of a process, from /proc (Linux). */
function peakMemoryMb(pid: number): number {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1000;
  } catch {
    return 0;
  }
}

/** The middle of several measurements, by time; memory is the highest. */
export async function median(times: number, work: () => Promise<Cost>): Promise<Cost> {
  const costs: Cost[] = [];
  for (let i = 0; i < times; i++) costs.push(await work());
  const sorted = [...costs].sort((a, b) => a.ms - b.ms);
  const middle = sorted[Math.floor(sorted.length / 2)]!;
  return { ...middle, peakMb: Math.max(...costs.map(({ peakMb }) => peakMb)) };
}

/** Bytes of all files below a folder. */
export function folderBytes(path: string): number {
  let bytes = 0;
  for (const entry of Deno.readDirSync(path)) {
    const child = join(path, entry.name);
    bytes += entry.isDirectory ? folderBytes(child) : Deno.statSync(child).size;
  }
  return bytes;
}
