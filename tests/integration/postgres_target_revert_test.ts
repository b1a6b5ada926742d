import assert from "node:assert/strict";
import type { MaterializationSpec, TableWrite } from "../../src/model/materialization.ts";
import type { TargetStore } from "../../src/targets/target_type.ts";
import { TestPostgres } from "../support/postgres.ts";
import { openStore, rowsOf } from "../support/postgres_target.ts";
import { bringIn, type Output, OutputFolder } from "../support/target_contract.ts";

const SPEC = { type: "postgresql", connection: "warehouse" };
const A = "SELECT * FROM (VALUES (1, 'a'), (2, 'b'), (3, 'c')) t(id, name)";
const B = "SELECT * FROM (VALUES (2, 'B'), (3, 'C'), (4, 'D')) t(id, name)";
const A_ROWS = ['{"id":1,"name":"a"}', '{"id":2,"name":"b"}', '{"id":3,"name":"c"}'];
const NOTHING_LIVE = {
  pending: new Set<string>(),
  project: "shop",
  expireBefore: null,
  keepSnapshots: 1,
  dryRun: false,
};

/** A write that takes a table back to right after a batch. */
function backTo(output: Output, batch: string, spec?: Partial<MaterializationSpec>): TableWrite {
  const { write } = output;
  return { ...write, action: "revert", back_to: batch, spec: { ...write.spec, ...spec } };
}

Deno.test("PostgresStore: a revert goes back to a batch, whatever contents came again", async (t) => {
  await using postgres = await TestPostgres.start();
  await postgres.createDatabase("shop");
  using outputs = new OutputFolder(SPEC);
  /** Each step in a store of its own, as after a `kill -9` of the process before. */
  const inNewProcess = async <T>(work: (store: TargetStore) => Promise<T>): Promise<T> => {
    await using store = await openStore(postgres, "shop", outputs.folders);
    return await work(store);
  };
  const revert = async (id: string, write: TableWrite) => {
    assert.deepEqual(await inNewProcess((store) => store.check([write])), []);
    await inNewProcess((store) => store.stage(id, write, ""));
    await inNewProcess((store) => store.swap(id, [write]));
  };
  const finish = (id: string, write: TableWrite) =>
    inNewProcess((store) => store.finish(id, [write]));
  const bring = (id: string, output: Output) => inNewProcess((store) => bringIn(store, id, output));
  const rows = (table: readonly string[]) => rowsOf(postgres, "shop", table);
  const specs = { append: {}, upsert_by_key: { unique_keys: ["id"] } };
  for (const mode of ["append", "upsert_by_key"] as const) {
    await t.step(`${mode}: A, B, A, B, back step by step, and on from there`, async () => {
      const table = ["r", mode];
      const options = { mode, spec: specs[mode] };
      const made = [await outputs.make(table, A, options), await outputs.make(table, B, options)];
      const contents: (string[] | null)[] = [];
      for (let i = 0; i < 4; i++) {
        await bring(`${mode}${i}`, made[i % 2]!);
        contents.push(await rows(table));
      }
      for (const to of [2, 1, 0]) {
        const write = backTo(made[to % 2]!, `${mode}${to}`);
        await revert(`undone${to}`, write);
        assert.deepEqual(await rows(table), contents[to]);
        await inNewProcess((store) => store.undo(`undone${to}`, [write]));
        assert.deepEqual(await rows(table), contents[to + 1]);
        await revert(`${mode}back${to}`, write);
        await finish(`${mode}back${to}`, write);
        assert.deepEqual(await rows(table), contents[to]);
        const [state] = await inNewProcess((store) => store.inspect([table]));
        assert.equal(state!.content_hash, write.content_hash);
      }
      await bring(`${mode}4`, made[1]!);
      assert.deepEqual(await rows(table), contents[1]);
      // The same place by the number of the revert that went there, and of a revert to that.
      for (const [i, batch] of [`${mode}back0`, "again0", `${mode}0`].entries()) {
        await revert(`again${i}`, backTo(made[0]!, batch));
        await finish(`again${i}`, backTo(made[0]!, batch));
        assert.deepEqual(await rows(table), contents[0]);
        await bring(`on${i}`, made[1]!);
        assert.deepEqual(await rows(table), contents[1]);
      }
      await inNewProcess((store) => store.collectGarbage({ ...NOTHING_LIVE, live: new Set() }));
      const [problem] = await inNewProcess((store) => store.check([backTo(made[0]!, `${mode}0`)]));
      assert.equal(problem!.code, "cannot_revert");
    });
  }
  await t.step("a batch that is not known and former rows that are gone are said", async () => {
    const table = ["r", "lost"];
    const options = { mode: "upsert_by_key" as const, spec: specs.upsert_by_key };
    const made = [await outputs.make(table, A, options), await outputs.make(table, B, options)];
    await bring("lost0", made[0]!);
    await bring("lost1", made[1]!);
    const check = async (batch: string) =>
      (await inNewProcess((store) => store.check([backTo(made[0]!, batch)])))
        .map(({ code, message }) => `${code}: ${message}`).join();
    assert.match(await check("never"), /^cannot_revert: .*batch never: .*lost1, lost0/);
    const [kept] = await postgres.query<{ before: string }>(
      "shop",
      "SELECT before FROM r._seeknal_writes WHERE batch = 'lost1'",
    );
    await postgres.query("shop", `DROP TABLE r.${kept!.before}`);
    assert.match(await check("lost0"), /^cannot_revert: .*rows from before batch lost1 are gone/);
  });
  for (const isKeyed of [false, true]) {
    await t.step(
      `rows that were added come back from under full writes, ${
        isKeyed ? "with" : "without"
      } a key`,
      async () => {
        const table = ["r", `whole_${isKeyed}`];
        const added = { mode: "append" as const };
        const appended = [
          await outputs.make(table, A, added),
          await outputs.make(
            table,
            "SELECT i::INTEGER AS id, 'n' AS name FROM range(10, 13) r(i)",
            added,
          ),
        ];
        await bring(`w${isKeyed}0`, appended[0]!);
        if (isKeyed) await postgres.query("shop", `ALTER TABLE r.whole_true ADD PRIMARY KEY (id)`);
        await bring(`w${isKeyed}1`, appended[1]!);
        const contents = [await rows(table)];
        const whole = [await outputs.make(table, B), await outputs.make(table, A)];
        for (const [i, output] of whole.entries()) {
          const id = `w${isKeyed}${i + 2}`;
          await inNewProcess((store) => store.stage(id, output.write, output.parquet));
          await inNewProcess((store) => store.swap(id, [output.write]));
          await inNewProcess((store) => store.undo(id, [output.write]));
          assert.deepEqual(await rows(table), contents[i]);
          await bring(id, output);
          contents.push(await rows(table));
        }
        await inNewProcess((store) =>
          store.collectGarbage({
            ...NOTHING_LIVE,
            live: new Set(appended.map(({ write }) => write.content_hash)),
          })
        );
        // The node is in mode full now: so are the writes that take its table back.
        const write = backTo(appended[1]!, `w${isKeyed}1`, { mode: "full" });
        await revert(`z${isKeyed}`, write);
        assert.deepEqual(await rows(table), contents[0]);
        await inNewProcess((store) => store.undo(`z${isKeyed}`, [write]));
        assert.deepEqual(await rows(table), contents[2]);
        await revert(`y${isKeyed}`, write);
        await finish(`y${isKeyed}`, write);
        assert.deepEqual(await rows(table), contents[0]);
        const first = backTo(appended[0]!, `w${isKeyed}0`);
        await revert(`x${isKeyed}`, first);
        await finish(`x${isKeyed}`, first);
        assert.deepEqual(await rows(table), A_ROWS);
      },
    );
  }
  await t.step("a full write that nothing was added before keeps nothing", async () => {
    const table = ["r", "plain"];
    for (const [i, sql] of [A, B, A].entries()) {
      await bring(`p${i}`, await outputs.make(table, sql));
    }
    assert.deepEqual(
      await postgres.query("shop", "SELECT batch FROM r._seeknal_writes WHERE name = 'plain'"),
      [],
    );
    const view = ["r", "seen"];
    await bring("v", await outputs.make(view, A, { mode: "view" }));
    const write = backTo(await outputs.make(view, B), "v");
    assert.deepEqual(
      (await inNewProcess((store) => store.check([write]))).map(({ code }) => code),
      ["cannot_revert"],
    );
  });
});
