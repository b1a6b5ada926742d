import { join } from "node:path";

/** Where programs are kept between runs. */
export const CACHE = Deno.env.get("SEEKNAL_INTEROP_CACHE") ??
  join(Deno.env.get("HOME") ?? "/tmp", ".cache", "seeknal-interop");

const PYICEBERG = "pyiceberg[sql-sqlite,pyarrow,pyiceberg-core]==0.12.0";
const MAVEN = "https://repo1.maven.org/maven2";
const ICEBERG = "1.10.1";
const PARQUET = "1.16.0";

/** What Java needs to serve a catalog. */
export const SERVER_JAR = `org/apache/iceberg/iceberg-open-api/${ICEBERG}`;

/** What Java needs besides to read and write rows. */
export const DATA_JARS = [
  ...["iceberg-data", "iceberg-parquet"].map((name) => `org/apache/iceberg/${name}/${ICEBERG}`),
  ...[
    ...["parquet-column", "parquet-common", "parquet-encoding", "parquet-hadoop"],
    ...["parquet-format-structures", "parquet-jackson", "parquet-avro"],
  ].map((name) => `org/apache/parquet/${name}/${PARQUET}`),
  "org/xerial/snappy/snappy-java/1.1.10.8",
  "com/github/luben/zstd-jni/1.5.7-4",
  "org/locationtech/jts/jts-core/1.20.0",
  "org/apache/hadoop/hadoop-mapreduce-client-core/3.4.1",
];

/** Something that is not there; the rest goes on without it. */
export class Unavailable extends Error {
  override readonly name = "Unavailable";
}

/** A Python with pyiceberg. Throws an {@linkcode Unavailable}. */
export async function python(): Promise<string> {
  const folder = join(CACHE, "venv-pyiceberg-0.12.0");
  const program = join(folder, "bin", "python");
  if (exists(join(folder, "complete"))) return program;
  try {
    await run("python3", ["-m", "venv", "--clear", folder]);
    await run(program, ["-m", "pip", "install", "--quiet", PYICEBERG]);
  } catch (error) {
    throw new Unavailable(error instanceof Error ? error.message : String(error));
  }
  Deno.writeTextFileSync(join(folder, "complete"), "");
  return program;
}

/** A jar of Maven Central. Throws an {@linkcode Unavailable}. */
export async function jar(path: string): Promise<string> {
  const [version = "", name = ""] = path.split("/").reverse();
  const file = `${name}-${version}.jar`;
  const local = join(CACHE, file);
  if (exists(local)) return local;
  Deno.mkdirSync(CACHE, { recursive: true });
  const url = `${MAVEN}/${path}/${file}`;
  let answer: Response;
  try {
    answer = await fetch(url);
  } catch (error) {
    throw new Unavailable(`${url}: ${error instanceof Error ? error.message : error}`);
  }
  if (!answer.ok || answer.body === null) throw new Unavailable(`${url}: HTTP ${answer.status}`);
  const part = `${local}.part`;
  const out = await Deno.open(part, { write: true, create: true, truncate: true });
  await answer.body.pipeTo(out.writable);
  Deno.renameSync(part, local);
  return local;
}

/** What Java is started with to run `JavaPeer`. Throws an {@linkcode Unavailable}. */
export async function javaPeer(): Promise<string[]> {
  const jars = [];
  for (const path of [SERVER_JAR, ...DATA_JARS]) jars.push(await jar(path));
  const classes = join(CACHE, "classes");
  Deno.mkdirSync(classes, { recursive: true });
  const source = join(import.meta.dirname ?? ".", "JavaPeer.java");
  await run("javac", ["-cp", jars.join(":"), "-d", classes, source]);
  return ["-cp", [classes, ...jars].join(":"), "JavaPeer"];
}

/** Runs a program to its end; its output. Throws an {@linkcode Unavailable} when there is none. */
export async function run(program: string, args: readonly string[], input = ""): Promise<string> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args: [...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    throw new Unavailable(`${program}: ${error instanceof Error ? error.message : error}`);
  }
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input)).catch(() => {});
  await writer.close().catch(() => {});
  const { success, stdout, stderr } = await child.output();
  if (success) return new TextDecoder().decode(stdout);
  const lines = new TextDecoder().decode(stderr).trim().split("\n");
  const said = lines.filter((line) => !/^\s+at |\bINFO\b/.test(line)).slice(-12).join("\n");
  throw new Error(`${program} ${args.slice(0, 3).join(" ")}: ${said}`);
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
