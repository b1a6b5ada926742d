import assert from "node:assert/strict";
import { openSession } from "../../src/engine/registry.ts";
import { type Session, SqlError } from "../../src/engine/session.ts";
import type { NodeId } from "../../src/model/ids.ts";
import type { QueryShape } from "../../src/model/manifest.ts";
import { TestBinder } from "../support/binding.ts";
import { randomNumbers } from "../support/random.ts";
import { randomQuery, TABLES, Tape } from "../support/random_query.ts";

// What the planner trusts of a shape, tried on random queries and small edits of them: equal
// hashes mean equal rows, a column depends on nothing but what its lineage names, and what is
// not called unstable does not depend on the order of the inputs' rows.

/** Random queries per run, each with its edits; more with SEEKNAL_QUERIES. */
const QUERIES = Number(Deno.env.get("SEEKNAL_QUERIES") ?? 40);
const SEED = Number(Deno.env.get("SEEKNAL_SEED") ?? 1);
const EDITS = 60;
const DEPTH = 1;
/** Characters: longer queries bind slowly and are hard to read. */
const LONGEST = 1500;

interface Query {
  readonly sql: string;
  readonly shape: QueryShape;
}

type Data = Readonly<Record<string, readonly (readonly string[])[]>>;

/** The same data in a session of its own, but for what `what` says. */
interface Variant {
  readonly base: number;
  readonly session: Session;
  /** The upstream column that holds other values; null where only the order of rows differs. */
  readonly changed: { readonly node: NodeId; readonly column: string } | null;
}

Deno.test("shapes keep what they promise, for random queries and edits of them", async () => {
  const next = randomNumbers(SEED);
  await using binder = await TestBinder.open(TABLES);
  await using sessions = await Sessions.open(next);
  const known = new Map<string, Query[]>();
  const count = { traced: 0, equal: 0, runs: 0 };
  for (let i = 0; i < QUERIES; i++) {
    const queries = await queryWithEdits(binder, next);
    count.traced += queries.length;
    for (const query of queries) {
      const twins = known.get(query.shape.rows!) ?? [];
      for (const twin of twins) count.equal += await sessions.checkEqual(query, twin);
      if (twins.length < 3) known.set(query.shape.rows!, [...twins, query]);
    }
    for (const query of queries.slice(0, 3)) count.runs += await sessions.checkVariants(query);
  }
  // A fuzzer that finds nothing to compare proves nothing.
  assert.ok(count.traced > 5 * QUERIES, JSON.stringify(count));
  assert.ok(count.equal > QUERIES / 2 && count.runs > 5 * QUERIES, JSON.stringify(count));
});

/** A query whose columns can be followed, and those edits of it of which that is true. */
async function queryWithEdits(binder: TestBinder, next: () => number): Promise<Query[]> {
  for (;;) {
    const tape = new Tape([], next);
    const sql = randomQuery(tape, DEPTH);
    const [query] = await traced(binder, [sql]);
    if (query === undefined || sql.length > LONGEST) continue;
    const edits = new Set<string>();
    for (let i = 0; i < EDITS; i++) {
      const decisions = tape.taken;
      const at = i % decisions.length;
      // First each decision's neighbour: another operator, constant or column.
      decisions[at] = i < decisions.length ? decisions[at]! + 1 : Math.floor(next() * (1 << 20));
      edits.add(randomQuery(new Tape(decisions, next), DEPTH));
    }
    edits.delete(sql);
    return [query, ...await traced(binder, [...edits].filter((edit) => edit.length < LONGEST))];
  }
}

/** Those of the queries that bind and whose columns can be followed. */
async function traced({ binder }: TestBinder, queries: readonly string[]): Promise<Query[]> {
  const results = await binder.bind(
    queries.map((sql, i) => ({ id: `transform.t${i}` as NodeId, sql })),
  );
  return results.flatMap((result, i) =>
    result.ok && result.bound.shape.lineage !== null
      ? [{ sql: queries[i]!, shape: result.bound.shape }]
      : []
  );
}

class Sessions implements AsyncDisposable {
  readonly #bases: Session[] = [];
  readonly #variants: Variant[] = [];

  static async open(next: () => number): Promise<Sessions> {
    const sessions = new Sessions();
    const data = [5, 7, 9].map((rows) => randomData(next, rows));
    for (const each of data) sessions.#bases.push(await sessionWith(each));
    for (let base = 0; base < data.length; base++) {
      const session = await sessionWith(shuffled(data[base]!, next), base === 0 ? 4 : 1);
      sessions.#variants.push({ base, session, changed: null });
    }
    for (const [table, columns] of Object.entries(TABLES)) {
      for (const [i, [column, type]] of Object.entries(columns).entries()) {
        const base = sessions.#variants.length % data.length;
        const rows = data[base]![table]!.map((row) => row.with(i, randomValue(type, next)));
        const session = await sessionWith({ ...data[base], [table]: rows });
        sessions.#variants.push({ base, session, changed: { node: table as NodeId, column } });
      }
    }
    return sessions;
  }

  /** Runs both where some of their columns are said to be the same; how many comparisons that were. */
  async checkEqual(a: Query, b: Query): Promise<number> {
    const pairs = stableColumns(a).flatMap((i) => {
      const { expression, type } = a.shape.columns[i]!;
      const j = b.shape.columns.findIndex((c) => c.expression === expression && c.type === type);
      return j < 0 ? [] : [[i, j] as const];
    });
    if (pairs.length === 0) return 0;
    for (const session of this.#bases) {
      const [one, other] = [
        await bagOf(session, a, pairs.map(([i]) => i)),
        await bagOf(session, b, pairs.map(([, j]) => j)),
      ];
      if (one === null || other === null) continue;
      assert.equal(one, other, `equal hashes, other rows:\n${a.sql}\n${b.sql}\n`);
    }
    return 1;
  }

  /** Runs a query on data that differs in what should not matter to it; how often that was. */
  async checkVariants(query: Query): Promise<number> {
    const stable = stableColumns(query);
    let runs = 0;
    for (const { base, session, changed } of this.#variants) {
      const columns = stable.filter((i) => changed === null || !reads(query, i, changed));
      if (columns.length === 0) continue;
      const [one, other] = [
        await bagOf(this.#bases[base]!, query, columns),
        await bagOf(session, query, columns),
      ];
      if (one === null || other === null) continue;
      const why = changed === null
        ? "depends on the order of rows, and is not said to"
        : `depends on ${changed.node}.${changed.column}, and is not said to`;
      assert.equal(other, one, `${why}:\n${query.sql}\n`);
      runs++;
    }
    return runs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#bases, ...this.#variants.map(({ session }) => session)];
    for (const session of all) await session[Symbol.asyncDispose]();
  }
}

/** Positions of columns that another run must give again. */
function stableColumns({ shape }: Query): number[] {
  if (shape.unstable_rows === true) return [];
  return shape.columns.flatMap(({ unstable }, i) => unstable === true ? [] : [i]);
}

function reads(
  { shape: { columns, lineage } }: Query,
  i: number,
  { node, column }: { readonly node: NodeId; readonly column: string },
): boolean {
  return [lineage!.rows, lineage!.columns[columns[i]!.name]!]
    .some((read) => read[node]?.includes(column) === true);
}

/** The rows of some columns as text, sorted; null where the query fails on this data. */
async function bagOf(
  session: Session,
  { sql, shape }: Query,
  positions: readonly number[],
): Promise<string | null> {
  const names = shape.columns.map((_, i) => `c${i}`).join(", ");
  const row = positions.map((i) => `CAST(c${i} AS VARCHAR)`).join(", ");
  try {
    const { rows } = await session.read(
      `SELECT list_sort(list([${row}]::VARCHAR)) FROM (${sql}) AS q(${names})`,
    );
    return String(rows[0]![0]);
  } catch (error) {
    if (error instanceof SqlError) return null;
    throw error;
  }
}

async function sessionWith(data: Data, threads = 1): Promise<Session> {
  const session = await openSession({ threads, allowedDirs: [] });
  const statements = Object.entries(TABLES).flatMap(([table, columns]) => {
    const list = Object.entries(columns).map(([name, type]) => `${name} ${type}`).join(", ");
    const rows = data[table]!.map((row) => `(${row.join(", ")})`).join(", ");
    return [`CREATE TABLE ${table} (${list})`, `INSERT INTO ${table} VALUES ${rows}`];
  });
  await session.run(["CREATE SCHEMA source", ...statements].join(";\n"));
  return session;
}

/** Rows with duplicates and NULLs in every column. */
function randomData(next: () => number, count: number): Data {
  return Object.fromEntries(
    Object.entries(TABLES).map(([table, columns]) => {
      const rows: string[][] = [];
      for (let i = 0; i < count; i++) {
        const again = rows[Math.floor(next() * rows.length)];
        rows.push(
          again !== undefined && next() < 0.25
            ? again
            : Object.values(columns).map((type) => randomValue(type, next)),
        );
      }
      return [table, rows];
    }),
  );
}

function randomValue(type: string, next: () => number): string {
  const int = (below: number) => Math.floor(next() * below);
  if (next() < 0.2) return "NULL";
  switch (type) {
    case "INTEGER":
      return String(int(6) - 1);
    case "DOUBLE":
      return String([0.5, 1.5, -2.25, 3][int(4)]);
    case "VARCHAR":
      return ["'a'", "'b'", "'A'", "'ab'", "''", "'5'"][int(6)]!;
    case "BOOLEAN":
      return String(next() < 0.5);
    case "TIMESTAMP":
      return `TIMESTAMP '2024-0${1 + int(3)}-0${1 + int(4)} 0${int(3)}:00:00'`;
    case "INTEGER[]":
      return `[${Array.from({ length: int(4) }, () => int(6) - 1).join(", ")}]`;
  }
  throw new Error(type);
}

function shuffled(data: Data, next: () => number): Data {
  return Object.fromEntries(
    Object.entries(data).map(([table, rows]) => [
      table,
      rows.map((row) => ({ row, key: next() })).sort((a, b) => a.key - b.key).map(({ row }) => row),
    ]),
  );
}
