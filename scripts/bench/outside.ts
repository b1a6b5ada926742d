/**
 * Measures reading and writing PostgreSQL and Iceberg as ratios against `psql \copy` and DuckDB's COPY of the
 * same rows in the same run, and promotions of many tables. Prints Markdown.
 * `deno run -A scripts/bench/outside.ts`; needs `psql`, and the npm registry for three million flights.
 */
import { join } from "node:path";
import { quoteText, readParquet } from "../../src/engine/quote.ts";
import { openSession } from "../../src/engine/registry.ts";
import type { Session } from "../../src/engine/session.ts";
import type { TableWrite } from "../../src/model/materialization.ts";
import type { NodeId } from "../../src/model/ids.ts";
import type { ConnectionSpec } from "../../src/model/profile.ts";
import { POSTGRES_SOURCE } from "../../src/sources/postgres.ts";
import { findTargetType } from "../../src/targets/registry.ts";
import type { StoreContext, TargetStore } from "../../src/targets/target_type.ts";
import { TestPostgres } from "../../tests/support/postgres.ts";
import { flightsFile } from "./flights.ts";
import { seeknal } from "./measure.ts";

const TIMES = 3;
const PEER_TYPES: Readonly<Record<string, string>> = {
  BIGINT: "bigint",
  INTEGER: "integer",
  SMALLINT: "smallint",
  DOUBLE: "double precision",
  DATE: "date",
  TIMESTAMP: "timestamp",
  "TIMESTAMP WITH TIME ZONE": "timestamptz",
};

const say = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
const env = (name: string) => Deno.env.get(name);

const work = Deno.makeTempDirSync({ prefix: "seeknal_bench_" });
try {
  const flights = await flightsFile(work);
  await using postgres = await TestPostgres.start(["max_wal_size=4GB", "shared_buffers=256MB"]);
  await postgres.createDatabase("bench");
  await using session = await openSession({ allowedDirs: [work, join(flights, "..")] });
  const csv = join(work, "flights.csv");
  await session.run(`COPY (FROM ${readParquet(flights)}) TO ${quoteText(csv)} (HEADER false)`);
  say("| work | measured | peer, same run | ratio | budget |");
  say("|---|---|---|---|---|");
  await postgresCopies(postgres, session, flights, csv);
  await icebergAppend(session, flights);
  await promotions(postgres);
  await views(postgres, session);
} finally {
  Deno.removeSync(work, { recursive: true });
}

/** Reading a table into Parquet, and writing it back, against `psql`. */
async function postgresCopies(
  postgres: TestPostgres,
  session: Session,
  flights: string,
  csv: string,
): Promise<void> {
  const columns = (await session.read(`DESCRIBE FROM ${readParquet(flights)}`)).rows
    .map(([name, type]) => ({ name: String(name), type: String(type) }));
  const connection = connectionTo(postgres, "bench");
  const store = await openStore(connection);
  const rows = await countOf(session, flights);
  const peerTable = (name: string) =>
    `CREATE TABLE ${name} (${
      columns.map(({ name, type }) => `"${name}" ${PEER_TYPES[type] ?? "text"}`).join(", ")
    })`;
  let made = 0;
  const psqlIn = async () => {
    const name = `peer_${++made}`;
    await postgres.query("bench", peerTable(name));
    return await timed(() => psql(postgres, `\\copy ${name} FROM '${csv}' (FORMAT csv)`));
  };
  const write = (checksum: boolean): TableWrite =>
    writeOf(`public`, `flights_${++made}`, columns, rows, connection, { validation: { checksum } });
  const stage = async (checksum: boolean) => {
    const one = write(checksum);
    const id = `bench${made}`;
    const ms = await timed(async () => {
      await store.stage(id, one, flights);
      await store.swap(id, [one]);
    });
    await store.finish(id, [one]);
    return ms;
  };
  const [plain, checked, peerIn] = await medians([() => stage(false), () => stage(true), psqlIn]);
  line(
    "3,000,000 flights written to PostgreSQL, row count compared",
    plain!,
    "psql \\copy",
    peerIn!,
    "1.25",
  );
  line("the same with checksums of both sides", checked!, "psql \\copy", peerIn!, "-");
  await store[Symbol.asyncDispose]();

  const out = join(work, "read.parquet");
  const read = async () => {
    const context = { env, root: work, temporaryDir: work };
    const what = { table: "public.peer_1", params: {}, columnTypes: {} };
    await using reader = await POSTGRES_SOURCE.open(connection, context);
    const described = await reader.describe({
      ...what,
      params: { change_detection: "statistics" },
    });
    const pin = await reader.pin(what);
    return await timed(() =>
      POSTGRES_SOURCE.read(
        {
          source: "postgresql",
          connection,
          read: what,
          columns: described.columns,
          pin,
          previous: null,
          root: work,
          temporaryDir: work,
        },
        out,
        session,
        context,
      )
    );
  };
  await postgres.query("bench", `CREATE TABLE IF NOT EXISTS peer_1 AS TABLE peer_${made}`)
    .catch(() => {});
  const [ours, peerOut] = await medians([
    read,
    () =>
      timed(() =>
        psql(postgres, `\\copy (TABLE peer_1) TO '${join(work, "out.csv")}' (FORMAT csv)`)
      ),
  ]);
  line(
    "the same read from PostgreSQL into Parquet",
    ours!,
    "psql \\copy to a file",
    peerOut!,
    "1.4",
  );
}

/** Appending to an Iceberg table, against DuckDB writing the same Parquet. */
async function icebergAppend(session: Session, flights: string): Promise<void> {
  const columns = (await session.read(`DESCRIBE FROM ${readParquet(flights)}`)).rows
    .map(([name, type]) => ({ name: String(name), type: String(type) }));
  const rows = await countOf(session, flights);
  const connection: ConnectionSpec = {
    name: "lake",
    type: "iceberg",
    options: { warehouse: join(work, "lake") },
    file: "bench",
  };
  const store = await openStore(connection);
  let n = 0;
  const append = async (checksum: boolean) => {
    const one = writeOf("shop", "flights", columns, rows, connection, {
      mode: "append",
      table: "lake.shop.flights",
      validation: { checksum },
    });
    const id = `ice${++n}`;
    const write = { ...one, content_hash: `${id}` };
    const ms = await timed(async () => {
      await store.stage(id, write, flights);
      await store.swap(id, [write]);
    });
    await store.finish(id, [write]);
    return ms;
  };
  const [plain, checked, peer] = await medians([
    () => append(false),
    () => append(true),
    () =>
      timed(() =>
        session.run(
          `COPY (FROM ${readParquet(flights)}) TO ${
            quoteText(join(work, "peer.parquet"))
          } (FORMAT parquet, COMPRESSION zstd)`,
        )
      ),
  ]);
  line(
    "3,000,000 flights appended to an Iceberg table",
    plain!,
    "DuckDB's COPY to Parquet",
    peer!,
    "1.1",
  );
  line("the same with checksums of both sides", checked!, "DuckDB's COPY to Parquet", peer!, "-");
  await store[Symbol.asyncDispose]();
}

/** Fifty tables of which three change, against three tables of which three change. */
async function promotions(postgres: TestPostgres): Promise<void> {
  const times: Record<number, number> = {};
  for (const tables of [3, 50]) {
    const database = `promote_${tables}`;
    await postgres.createDatabase(database);
    const project = join(work, database);
    Deno.mkdirSync(join(project, "seeknal"), { recursive: true });
    Deno.writeTextFileSync(join(project, "seeknal_project.yml"), "name: bench\n");
    const options = Object.entries(postgres.connection(database));
    Deno.writeTextFileSync(
      join(project, "profiles.yml"),
      `connections:\n  warehouse:\n    type: postgresql\n${
        options.map(([key, value]) => `    ${key}: ${value}\n`).join("")
      }`,
    );
    const node = (i: number, factor: number) =>
      Deno.writeTextFileSync(
        join(project, "seeknal", `t${i}.yml`),
        `kind: transform\nname: t${i}\ntransform: SELECT i, i * ${factor} AS x FROM range(10000) AS r(i)\n` +
          `materializations:\n  - type: postgresql\n    connection: warehouse\n    table: analytics.t${i}\n`,
      );
    for (let i = 0; i < tables; i++) node(i, 1);
    await seeknal(project, "run");
    const costs: number[] = [];
    for (let round = 2; round < 2 + TIMES; round++) {
      for (let i = 0; i < 3; i++) node(i, round);
      await seeknal(project, "plan", "dev");
      await seeknal(project, "run", "--env", "dev", "--no-materialize");
      costs.push((await seeknal(project, "promote", "dev", "--yes")).ms);
    }
    times[tables] = middle(costs);
  }
  line(
    "promotion of 50 tables of which 3 changed",
    times[50]!,
    "of 3 tables of which 3 changed",
    times[3]!,
    "-",
  );
}

/** Five hundred views of one database, swapped in one transaction. */
async function views(postgres: TestPostgres, session: Session): Promise<void> {
  await postgres.createDatabase("views");
  const base = connectionTo(postgres, "views");
  const connection = { ...base, options: { ...base.options, virtual_layer: true } };
  const store = await openStore(connection);
  const columns = [{ name: "i", type: "BIGINT" }];
  const versions: string[] = [];
  for (const version of [1, 2]) {
    const path = join(work, `view${version}.parquet`);
    await session.run(
      `COPY (SELECT i + ${version} AS i FROM range(10) AS r(i)) TO ${
        quoteText(path)
      } (FORMAT parquet)`,
    );
    versions.push(path);
  }
  const batch = async (id: string, version: number) => {
    const writes = [...Array(500).keys()].map((i) => ({
      ...writeOf("analytics", `v${i}`, columns, 10, connection, {}),
      content_hash: `${i}v${version}`.padEnd(64, "0"),
    }));
    for (const write of writes) await store.stage(id, write, versions[version]!);
    const ms = await timed(() => store.swap(id, writes));
    await store.finish(id, writes);
    return ms;
  };
  await batch("first", 0);
  const ms = await batch("second", 1);
  say(`| 500 views of a database swapped in one transaction | ${Math.round(ms)} ms | - | - | - |`);
  await store[Symbol.asyncDispose]();
}

function connectionTo(postgres: TestPostgres, database: string): ConnectionSpec {
  return {
    name: "warehouse",
    type: "postgresql",
    options: postgres.connection(database),
    file: "bench",
  };
}

async function openStore(connection: ConnectionSpec): Promise<TargetStore> {
  const context: StoreContext = {
    env,
    root: work,
    temporaryDir: work,
    objectsDir: work,
    now: () => new Date(),
    signal: new AbortController().signal,
  };
  return await findTargetType(connection.type)!.open(connection, context);
}

function writeOf(
  schema: string,
  table: string,
  columns: TableWrite["columns"],
  rows: number,
  connection: ConnectionSpec,
  spec: Partial<TableWrite["spec"]>,
): TableWrite {
  return {
    node: `transform.${table}` as NodeId,
    table: [schema, table],
    target: `${schema}.${table}`,
    spec: {
      type: connection.type,
      connection: connection.name,
      table: `${schema}.${table}`,
      mode: "full",
      ...spec,
    },
    action: "write",
    columns,
    rows,
    content_hash: table.padEnd(64, "0"),
    spec_hash: "bench",
    owner: { project: "bench", environment: "prod" },
    schema_evolution: "safe",
  };
}

async function countOf(session: Session, path: string): Promise<number> {
  return Number((await session.read(`SELECT count(*) FROM ${readParquet(path)}`)).rows[0]![0]);
}

async function psql({ host, port, user, password }: TestPostgres, command: string): Promise<void> {
  const { success, stderr } = await new Deno.Command("psql", {
    args: ["-q", "-v", "ON_ERROR_STOP=1", "-d", "bench", "-c", command],
    env: { PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password },
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await run();
  return performance.now() - started;
}

/** Medians of several works that are measured in turn, so that a slow moment hits all of them. */
async function medians(works: readonly (() => Promise<number>)[]): Promise<number[]> {
  const times = works.map((): number[] => []);
  for (let round = 0; round < TIMES; round++) {
    for (const [i, run] of works.entries()) times[i]!.push(await run());
  }
  return times.map(middle);
}

function middle(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
}

function line(what: string, ms: number, peer: string, peerMs: number, budget: string): void {
  say(
    `| ${what} | ${Math.round(ms)} ms | ${peer}: ${Math.round(peerMs)} ms | ${
      (ms / peerMs).toFixed(2)
    } x | ${budget === "-" ? "-" : `${budget} x`} |`,
  );
}
