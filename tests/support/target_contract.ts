import assert from "node:assert/strict";
import { openSession } from "../../src/engine/registry.ts";
import { quoteText } from "../../src/engine/quote.ts";
import { sha256 } from "../../src/base/hash.ts";
import type { MaterializationSpec, TableWrite } from "../../src/model/materialization.ts";
import type { TargetStore } from "../../src/targets/target_type.ts";
import { TempDir } from "./temp_dir.ts";

/** A target under test. */
export interface TargetHarness {
  /** Opens a store as another process would: nothing is shared with those opened before. */
  open(folders: { objectsDir: string; temporaryDir: string }): Promise<TargetStore>;
  /** What a spec must say besides its mode. */
  readonly spec: Omit<MaterializationSpec, "mode" | "table">;
  /** Parts of a table's name that no other test uses. */
  table(name: string): readonly string[];
  /** Rows of a table as JSON texts, sorted; null when it does not exist. Read without the store. */
  rows(table: readonly string[]): Promise<string[] | null>;
  /** Modes that the target has. */
  readonly modes: readonly MaterializationSpec["mode"][];
}

/** An output in the making: a Parquet file and the write that brings it in. */
export interface Output {
  readonly write: TableWrite;
  readonly parquet: string;
}

/** What makes one write unlike another. */
export interface OutputOptions {
  readonly mode?: MaterializationSpec["mode"];
  readonly spec?: Partial<MaterializationSpec> & { readonly create_table?: boolean };
  readonly write?: Partial<TableWrite>;
  readonly project?: string;
  readonly environment?: string;
}

/** Makes outputs in a folder of its own. */
export class OutputFolder implements Disposable {
  readonly #dir = new TempDir();
  readonly #spec: TargetHarness["spec"];

  constructor(spec: TargetHarness["spec"]) {
    this.#spec = spec;
    Deno.mkdirSync(this.#dir.join("objects"));
    Deno.mkdirSync(this.#dir.join("tmp"));
  }

  get folders(): { objectsDir: string; temporaryDir: string } {
    return { objectsDir: this.#dir.join("objects"), temporaryDir: this.#dir.join("tmp") };
  }

  /** Writes a query's rows as an output to be brought into a table. */
  async make(
    table: readonly string[],
    sql: string,
    options: OutputOptions = {},
  ): Promise<Output> {
    const { objectsDir, temporaryDir } = this.folders;
    await using session = await openSession({ temporaryDir, allowedDirs: [objectsDir] });
    const making = `${objectsDir}/${crypto.randomUUID()}`;
    await session.run(`COPY (${sql}) TO ${quoteText(making)} (FORMAT parquet)`);
    const described = await session.read(`DESCRIBE ${sql}`);
    const count = await session.read(`SELECT count(*) FROM (${sql})`);
    const content_hash = sha256(Deno.readFileSync(making));
    const parquet = `${objectsDir}/${content_hash}.parquet`;
    Deno.renameSync(making, parquet);
    const mode = options.mode ?? "full";
    const spec = { ...this.#spec, table: table.join("."), mode, ...options.spec };
    const write: TableWrite = {
      node: "transform.orders",
      table,
      target: table.join("."),
      spec,
      action: "write",
      columns: described.rows.map(([name, type]) => ({ name: String(name), type: String(type) })),
      rows: Number(count.rows[0]![0]),
      content_hash,
      spec_hash: sha256(JSON.stringify(spec)),
      owner: { project: options.project ?? "shop", environment: options.environment ?? "prod" },
      schema_evolution: options.spec?.schema_evolution ?? "safe",
      ...options.write,
    } as TableWrite;
    return { write, parquet };
  }

  [Symbol.dispose](): void {
    this.#dir[Symbol.dispose]();
  }
}

/** Brings outputs in from beginning to end under one id. */
export async function bringIn(
  store: TargetStore,
  id: string,
  ...outputs: readonly Output[]
): Promise<void> {
  const writes = outputs.map(({ write }) => write);
  const problems = await store.check(writes);
  assert.deepEqual(problems.map(({ code, message }) => ({ code, message })), []);
  for (const { write, parquet } of outputs) await store.stage(id, write, parquet);
  await store.swap(id, writes);
  await store.finish(id, writes);
}

const TWO = "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) t(id, name)";
const THREE = "SELECT * FROM (VALUES (1, 'a'), (2, 'B'), (3, 'c')) t(id, name)";
const ROWS_OF_TWO = ['{"id":1,"name":"a"}', '{"id":2,"name":"b"}'];
const ROWS_OF_THREE = ['{"id":1,"name":"a"}', '{"id":2,"name":"B"}', '{"id":3,"name":"c"}'];

/** What every target store must do: see `TargetStore`. */
export async function targetContract(t: Deno.TestContext, harness: TargetHarness): Promise<void> {
  using outputs = new OutputFolder(harness.spec);
  const open = () => harness.open(outputs.folders);
  /** Each step in a store of its own, as after a `kill -9` of the process before. */
  const inNewProcess = async <T>(work: (store: TargetStore) => Promise<T>): Promise<T> => {
    await using store = await open();
    return await work(store);
  };
  for (const mode of harness.modes.filter((one) => one === "full" || one === "view")) {
    await t.step(`${mode}: a batch is staged, swapped and finished`, async () => {
      const table = harness.table(`life_${mode}`);
      const two = await outputs.make(table, TWO, { mode });
      const three = await outputs.make(table, THREE, { mode });
      await using store = await open();
      assert.equal((await store.inspect([table]))[0]!.exists, false);
      assert.equal(await store.progress("b1", [two.write]), "none");
      const staged = await store.stage("b1", two.write, two.parquet);
      assert.equal(staged.rows, 2);
      assert.equal(staged.shared, false);
      assert.match(staged.checksum!, /^[0-9a-f]{32}$/);
      assert.equal(await store.progress("b1", [two.write]), "staged");
      assert.equal(await harness.rows(table), null);
      await store.swap("b1", [two.write]);
      assert.equal(await store.progress("b1", [two.write]), "swapped");
      await store.finish("b1", [two.write]);
      assert.equal(await store.progress("b1", [two.write]), "swapped");
      assert.deepEqual(await harness.rows(table), ROWS_OF_TWO);
      await bringIn(store, "b2", three);
      assert.deepEqual(await harness.rows(table), ROWS_OF_THREE);
      const [state] = await store.inspect([table]);
      assert.deepEqual(state, {
        table,
        exists: true,
        owner: three.write.owner,
        content_hash: three.write.content_hash,
        spec_hash: three.write.spec_hash,
      });
    });
    await t.step(`${mode}: undo brings back exactly what was, also nothing`, async () => {
      const table = harness.table(`undo_${mode}`);
      const two = await outputs.make(table, TWO, { mode });
      const three = await outputs.make(table, THREE, { mode });
      await using store = await open();
      await store.stage("b1", two.write, two.parquet);
      await store.swap("b1", [two.write]);
      await store.undo("b1", [two.write]);
      assert.equal(await harness.rows(table), null);
      assert.equal((await store.inspect([table]))[0]!.exists, false);
      await bringIn(store, "b2", two);
      const [before] = await store.inspect([table]);
      await store.stage("b3", three.write, three.parquet);
      await store.swap("b3", [three.write]);
      await store.undo("b3", [three.write]);
      assert.deepEqual(await harness.rows(table), ROWS_OF_TWO);
      assert.deepEqual(await store.inspect([table]), [before]);
      await bringIn(store, "b4", three);
      assert.deepEqual(await harness.rows(table), ROWS_OF_THREE);
    });
    await t.step(`${mode}: every operation may be repeated, each by another process`, async () => {
      const [a, b] = [harness.table(`again_a_${mode}`), harness.table(`again_b_${mode}`)];
      for (const [i, sql] of [TWO, THREE].entries()) {
        const batch = [await outputs.make(a, sql, { mode }), await outputs.make(b, sql, { mode })];
        const writes = batch.map(({ write }) => write);
        const id = `again-${i}`;
        await inNewProcess((store) => store.stage(id, writes[0]!, batch[0]!.parquet));
        assert.equal(await inNewProcess((store) => store.progress(id, writes)), "mixed");
        for (const { write, parquet } of [...batch, ...batch]) {
          await inNewProcess((store) => store.stage(id, write, parquet));
        }
        assert.equal(await inNewProcess((store) => store.progress(id, writes)), "staged");
        for (let n = 0; n < 2; n++) await inNewProcess((store) => store.swap(id, writes));
        assert.equal(await inNewProcess((store) => store.progress(id, writes)), "swapped");
        for (let n = 0; n < 2; n++) await inNewProcess((store) => store.finish(id, writes));
        await inNewProcess((store) => store.swap(id, writes));
        const rows = i === 0 ? ROWS_OF_TWO : ROWS_OF_THREE;
        assert.deepEqual([await harness.rows(a), await harness.rows(b)], [rows, rows]);
      }
    });
    await t.step(`${mode}: abort and undo by another process leave nothing`, async () => {
      const table = harness.table(`left_${mode}`);
      const two = await outputs.make(table, TWO, { mode });
      for (const way of ["abort", "undo"] as const) {
        await inNewProcess((store) => store.stage("left", two.write, two.parquet));
        for (let n = 0; n < 2; n++) {
          await inNewProcess((store) => store[way]("left", [two.write]));
        }
        assert.equal(await inNewProcess((store) => store.progress("left", [two.write])), "none");
        assert.equal(await harness.rows(table), null);
      }
      await inNewProcess(async (store) => {
        await store.stage("left", two.write, two.parquet);
        await store.swap("left", [two.write]);
      });
      for (let n = 0; n < 2; n++) await inNewProcess((store) => store.undo("left", [two.write]));
      assert.equal(await harness.rows(table), null);
    });
  }
  await t.step("an output whose rows are not what was said is refused and cleaned up", async () => {
    const table = harness.table("refused");
    const two = await outputs.make(table, TWO, { write: { rows: 3 } });
    await using store = await open();
    await assert.rejects(store.stage("bad", two.write, two.parquet), { code: "validation_failed" });
    assert.equal(await store.progress("bad", [two.write]), "none");
    const other = await outputs.make(table, TWO, {
      write: { columns: [{ name: "id", type: "INTEGER" }, { name: "label", type: "VARCHAR" }] },
    });
    await assert.rejects(store.stage("bad", other.write, other.parquet), {
      code: "validation_failed",
    });
    const near = await outputs.make(table, TWO, {
      write: { rows: 3 },
      spec: { validation: { row_count_tolerance: 0.5 } },
    });
    await bringIn(store, "near", near);
    assert.deepEqual(await harness.rows(table), ROWS_OF_TWO);
  });
  await t.step("tables belong to one project and one environment", async () => {
    const table = harness.table("owner");
    await using store = await open();
    await bringIn(store, "b1", await outputs.make(table, TWO));
    for (const owner of [{ project: "other" }, { environment: "dev" }]) {
      const { write } = await outputs.make(table, THREE, owner);
      assert.deepEqual((await store.check([write])).map(({ code }) => code), ["foreign_table"]);
      await store.drop([table], write.owner);
    }
    const mine = { project: "shop", environment: "prod" };
    assert(
      (await store.owned(mine)).some((state) => state.table.join(".") === table.join(".")),
    );
    assert.deepEqual(await harness.rows(table), ROWS_OF_TWO);
    await store.drop([table], mine);
    await store.drop([table], mine);
    assert.equal(await harness.rows(table), null);
  });
  await t.step("garbage is what no pending batch and no content alive needs", async () => {
    const table = harness.table("garbage");
    const two = await outputs.make(table, TWO);
    await using store = await open();
    await store.stage("dead", two.write, two.parquet);
    const request = {
      live: new Set<string>(),
      project: "shop",
      expireBefore: null,
      keepSnapshots: 1,
    };
    const nothing = await store.collectGarbage({
      ...request,
      pending: new Set(["dead"]),
      dryRun: false,
    });
    assert(!nothing.some((line) => line.includes("garbage")));
    const seen = await store.collectGarbage({ ...request, pending: new Set(), dryRun: true });
    assert.equal(await store.progress("dead", [two.write]), "staged");
    const done = await store.collectGarbage({ ...request, pending: new Set(), dryRun: false });
    assert.deepEqual(done, seen);
    assert(done.some((line) => line.includes("garbage")));
    assert.equal(await store.progress("dead", [two.write]), "none");
  });
  if (harness.modes.includes("append")) await revertContract(t, harness, outputs, open);
}

/** Modes that add: every write can be taken back, the last first. */
async function revertContract(
  t: Deno.TestContext,
  harness: TargetHarness,
  outputs: OutputFolder,
  open: () => Promise<TargetStore>,
): Promise<void> {
  const days = [
    "SELECT DATE '2024-01-01' AS day, * FROM (VALUES (1, 'a'), (2, 'b')) t(id, name)",
    "SELECT DATE '2024-01-01' AS day, * FROM (VALUES (2, 'B'), (3, 'c')) t(id, name)",
    "SELECT DATE '2024-01-02' AS day, * FROM (VALUES (3, 'C'), (4, 'd')) t(id, name)",
  ];
  const specs: Readonly<Record<string, Partial<MaterializationSpec>>> = {
    append: {},
    upsert_by_key: { unique_keys: ["id"] },
    incremental_by_time: { time_column: "day" },
  };
  for (const mode of harness.modes.filter((one) => Object.hasOwn(specs, one))) {
    await t.step(`${mode}: writes are taken back one by one, by undo and by revert`, async () => {
      const table = harness.table(`revert_${mode}`);
      await using store = await open();
      const made: Output[] = [];
      const contents: (string[] | null)[] = [];
      for (const [i, sql] of days.entries()) {
        const output = await outputs.make(table, sql, { mode, spec: specs[mode]! });
        if (i > 0) {
          await store.stage(`u${i}`, output.write, output.parquet);
          await store.swap(`u${i}`, [output.write]);
          await store.undo(`u${i}`, [output.write]);
          assert.deepEqual(await harness.rows(table), contents[i - 1]);
        }
        await bringIn(store, `w${i}`, output);
        made.push(output);
        contents.push(await harness.rows(table));
      }
      const back = (to: number): TableWrite => ({
        ...made[to]!.write,
        action: "revert",
      });
      const revert = async (id: string, to: number) => {
        assert.deepEqual(await store.check([back(to)]), []);
        await store.stage(id, back(to), made[to]!.parquet);
        await store.swap(id, [back(to)]);
      };
      // All at once and taken back again, then one by one.
      await revert("r0", 0);
      assert.deepEqual(await harness.rows(table), contents[0]);
      await store.undo("r0", [back(0)]);
      assert.deepEqual(await harness.rows(table), contents[2]);
      for (const to of [1, 0]) {
        await revert(`r${to}x`, to);
        await store.finish(`r${to}x`, [back(to)]);
        assert.deepEqual(await harness.rows(table), contents[to]);
        const [state] = await store.inspect([table]);
        assert.equal(state!.content_hash, made[to]!.write.content_hash);
      }
      await bringIn(store, "w3", made[1]!);
      assert.deepEqual(await harness.rows(table), contents[1]);
      await store.collectGarbage({
        pending: new Set(),
        live: new Set(),
        project: "shop",
        expireBefore: null,
        keepSnapshots: 1,
        dryRun: false,
      });
      const problems = await store.check([back(0)]);
      assert.deepEqual(problems.map(({ code }) => code), ["cannot_revert"]);
    });
  }
}
