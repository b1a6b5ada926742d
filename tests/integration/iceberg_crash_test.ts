import assert from "node:assert/strict";
import { join } from "node:path";
import { removeOrphans } from "../../src/iceberg/remove_orphans.ts";
import { IcebergLab } from "../support/iceberg.ts";
import type { WriterOrder } from "../support/iceberg_writer.ts";
import { randomNumbers } from "../support/random.ts";

const ROUNDS = Number(Deno.env.get("SEEKNAL_ICEBERG_KILLS") ?? 15);
const WRITER = join(import.meta.dirname ?? ".", "..", "support", "iceberg_writer.ts");

/** How far a writer had come when it was killed; behind `swapped` the ref has moved, and there is no way back. */
type Reached = "begin" | "swapped" | "end";

/** Kills a writer some time after it began. */
async function killed(order: WriterOrder, afterMs: number): Promise<Reached> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", WRITER, JSON.stringify(order)],
    stdout: "piped",
  }).spawn();
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    text += decoder.decode(chunk);
    if (!text.startsWith("begin")) continue;
    setTimeout(() => {
      try {
        child.kill("SIGKILL");
      } catch {
        // It is done already.
      }
    }, afterMs);
  }
  await child.status;
  return text.includes("end") ? "end" : text.includes("swapped") ? "swapped" : "begin";
}

Deno.test("a batch killed at any point can be finished or taken back by another process, and leaves nothing", async () => {
  await using lab = await IcebergLab.open();
  const random = randomNumbers(7);
  for (const table of ["a", "b"]) {
    await lab.put("SELECT i AS id, 0 AS round FROM range(1000) t(i)", {
      table: `lake.shop.${table}`,
    });
  }
  const seen = new Set<string>();
  let round = 0;
  let value = 0;
  for (; round < ROUNDS; round++) {
    const id = `kill-${round}`;
    const sql = `SELECT i AS id, ${round + 1} AS round FROM range(1000) t(i)`;
    const some = [
      await lab.write(sql, { table: "lake.shop.a" }),
      await lab.write(sql, { table: "lake.shop.b", mode: "upsert_by_key", unique_keys: ["id"] }),
      await lab.write(sql, { table: `lake.made${round}.c` }),
    ];
    const writes = some.map(({ write }) => write);
    const order = { connection: lab.connection, root: lab.root, id, writes: some };
    const reached = await killed(order, Math.floor(random() * 600));
    const isDone = reached === "end";
    const progress = await lab.store.progress(id, writes);
    seen.add(isDone ? "done" : progress);
    // One transaction: no table has the rows without the others.
    const states = await lab.store.inspect(writes.map(({ table }) => table));
    const holding = states.filter((state, i) =>
      state.content_hash === writes[i]?.content_hash
    ).length;
    assert.equal(holding, progress === "swapped" ? 3 : 0, `${progress} in round ${round}`);
    const forward = random() < 0.5 || reached === "swapped";
    if (isDone) value = round + 1;
    else if (progress === "swapped" && forward) {
      await lab.store.finish(id, writes);
      value = round + 1;
    } else if (progress === "staged" && forward) {
      await lab.store.swap(id, writes);
      await lab.store.finish(id, writes);
      value = round + 1;
    } else await lab.store.undo(id, writes);
    for (const table of ["shop.a", "shop.b"]) {
      assert.deepEqual(await lab.rows(table, "count(*), min(round), max(round)"), [
        JSON.stringify(["1000", value, value]),
      ]);
    }
    const isMade = await lab.catalog.load([`made${round}`, "c"]) !== null;
    assert.equal(isMade, value === round + 1);
    if (!isMade) assert.equal(await lab.catalog.namespaceProperties([`made${round}`]), null);
  }
  assert.ok(seen.size >= 2, `all were ${[...seen]}`);
  // What is left of killed commits is found by the removal of orphans, and nothing else is.
  for (const table of ["a", "b"]) {
    const rows = await lab.rows(`shop.${table}`);
    const orphans = await removeOrphans(lab.catalog, ["shop", table], {
      olderThan: new Date(Date.now() + 60_000),
      dryRun: false,
    });
    assert.ok(orphans.every((path) => !path.includes("/data/")), orphans.join("\n"));
    assert.deepEqual(await lab.rows(`shop.${table}`), rows);
  }
});
