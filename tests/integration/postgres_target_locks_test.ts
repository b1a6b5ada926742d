import assert from "node:assert/strict";
import type { UserError } from "../../src/base/user_error.ts";
import { TestPostgres } from "../support/postgres.ts";
import { openStore, rowsOf } from "../support/postgres_target.ts";
import { bringIn, OutputFolder } from "../support/target_contract.ts";

const SPEC = { type: "postgresql", connection: "warehouse" };

Deno.test("PostgresStore gives up on a table in use after lock_timeout, and names who holds it, not who waits", async () => {
  await using postgres = await TestPostgres.start();
  await postgres.createDatabase("shop");
  using outputs = new OutputFolder(SPEC);
  await using store = await openStore(postgres, "shop", outputs.folders, {
    lock_timeout: "1500ms",
  });
  const table = ["l", "t"];
  await bringIn(store, "one", await outputs.make(table, "SELECT 1 AS id"));
  const two = await outputs.make(table, "SELECT 2 AS id");
  await store.stage("two", two.write, two.parquet);
  const session = (application_name: string) =>
    postgres.connect("shop", { connection: { application_name } });
  const [holder, waiter] = [session("report"), session("queue")];
  await holder.unsafe("BEGIN");
  await holder.unsafe(
    "LOCK TABLE l.t IN EXCLUSIVE MODE /* monthly report of the sales department, number 12 */",
  );
  const waiting = waiter.unsafe("INSERT INTO l.t VALUES (9)").catch(() => {});
  const [{ pid }] = (await holder.unsafe("SELECT pg_backend_pid() AS pid")) as unknown as [
    { pid: number },
  ];
  await holder.unsafe(
    "LOCK TABLE l.t IN EXCLUSIVE MODE /* monthly report of the sales department, number 12 */",
  );
  const start = performance.now();
  await assert.rejects(store.swap("two", [two.write]), (error: UserError) => {
    assert.equal(error.code, "lock_timeout");
    assert.match(
      error.message,
      new RegExp(
        `^Writing l\\.t failed: no lock on the table within 1\\.5 s; it is held by session ${pid} ` +
          `\\(user "postgres", application "report", query since \\d{4}-.* UTC\\): ` +
          `LOCK TABLE l\\.t IN EXCLUSIVE MODE /\\* monthly report of the sa \\(connection`,
      ),
    );
    assert(!error.message.includes("queue"));
    assert.match(
      error.hint!,
      new RegExp(`pg_terminate_backend\\(${pid}\\).*lock_timeout: 10min`, "s"),
    );
    return true;
  });
  const seconds = (performance.now() - start) / 1000;
  assert(seconds >= 1.4 && seconds < 10, `${seconds} s`);
  await holder.end();
  await waiting;
  await waiter.end();
  await store.swap("two", [two.write]);
  assert.deepEqual(await rowsOf(postgres, "shop", table), ['{"id":2}']);
});
