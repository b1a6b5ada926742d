import assert from "node:assert/strict";
import { TestPostgres } from "../support/postgres.ts";
import { openStore, rowsOf } from "../support/postgres_target.ts";
import { bringIn, OutputFolder } from "../support/target_contract.ts";

const SPEC = { type: "postgresql", connection: "warehouse" };
const TABLE = ["shop", "orders"] as const;
const FIRST =
  "SELECT * FROM (VALUES (1, 'a', 1.50::DECIMAL(9,2)), (2, 'b', 2.50), (3, 'c', 3.50)) t(id, name, amount)";
const SECOND =
  "SELECT * FROM (VALUES (1, 'a', 1.50::DECIMAL(9,2)), (2, 'B', 2.75), (4, 'd', 4.50)) t(id, name, amount)";

/** Everything that can hang on a table, as the catalog shows it. */
const FACTS = `
SELECT jsonb_build_object(
  'oid', c.oid::text, 'owner', pg_get_userbyid(c.relowner), 'acl', c.relacl::text,
  'columns', (SELECT jsonb_agg(jsonb_build_array(attname, attacl::text, attidentity, attstattarget,
    attnotnull, col_description(attrelid, attnum)) ORDER BY attnum) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0),
  'comment', obj_description(c.oid, 'pg_class'), 'options', c.reloptions, 'rls', c.relrowsecurity,
  'replident', c.relreplident, 'persistence', c.relpersistence,
  'indexes', (SELECT jsonb_agg(pg_get_indexdef(indexrelid) ORDER BY indexrelid) FROM pg_index WHERE indrelid = c.oid),
  'constraints', (SELECT jsonb_agg(pg_get_constraintdef(oid) ORDER BY oid) FROM pg_constraint WHERE conrelid = c.oid OR confrelid = c.oid),
  'triggers', (SELECT jsonb_agg(pg_get_triggerdef(oid) ORDER BY oid) FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal),
  'policies', (SELECT jsonb_agg(policyname) FROM pg_policies WHERE schemaname = 'shop' AND tablename = 'orders'),
  'publications', (SELECT jsonb_agg(pubname) FROM pg_publication_tables WHERE schemaname = 'shop' AND tablename = 'orders'),
  'views', (SELECT jsonb_agg(viewname || pg_get_viewdef(('shop.' || viewname)::regclass) ORDER BY viewname) FROM pg_views WHERE schemaname = 'shop'),
  'functions', (SELECT jsonb_agg(proname) FROM pg_proc WHERE pronamespace = 'shop'::regnamespace),
  'children', (SELECT jsonb_agg(id ORDER BY id) FROM shop.lines)
) AS facts FROM pg_class c WHERE c.oid = 'shop.orders'::regclass`;

Deno.test("PostgresStore: everything that hangs on a table survives writes and undo", async (t) => {
  await using postgres = await TestPostgres.start(["wal_level=logical"]);
  await postgres.createDatabase("shop");
  using outputs = new OutputFolder(SPEC);
  await using store = await openStore(postgres, "shop", outputs.folders);
  await bringIn(store, "w0", await outputs.make(TABLE, FIRST));
  await postgres.query(
    "shop",
    `
CREATE ROLE reader; CREATE ROLE clerk;
ALTER TABLE shop.orders ADD COLUMN serial bigint GENERATED ALWAYS AS IDENTITY;
ALTER TABLE shop.orders ADD COLUMN twice numeric GENERATED ALWAYS AS (amount * 2) STORED;
ALTER TABLE shop.orders ADD COLUMN noted text DEFAULT 'new';
ALTER TABLE shop.orders ADD PRIMARY KEY (id);
ALTER TABLE shop.orders ADD CONSTRAINT positive CHECK (amount > 0);
CREATE INDEX by_name ON shop.orders (lower(name)) WHERE amount > 1;
CREATE TABLE shop.lines (id int PRIMARY KEY, order_id int NOT NULL REFERENCES shop.orders ON DELETE CASCADE);
INSERT INTO shop.lines VALUES (10, 1), (20, 2);
CREATE VIEW shop.big AS SELECT id, amount FROM shop.orders WHERE amount > 2;
CREATE VIEW shop.bigger AS SELECT * FROM shop.big WHERE amount > 3;
CREATE MATERIALIZED VIEW shop.sums AS SELECT sum(amount) FROM shop.orders;
CREATE FUNCTION shop.all_orders() RETURNS SETOF shop.orders LANGUAGE sql AS 'SELECT * FROM shop.orders';
CREATE TABLE shop.log (op text, id int);
CREATE FUNCTION shop.note() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN INSERT INTO shop.log VALUES (TG_OP, coalesce(NEW.id, OLD.id)); RETURN NULL; END';
CREATE TRIGGER noting AFTER INSERT OR UPDATE OR DELETE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.note();
CREATE RULE quiet AS ON UPDATE TO shop.big DO INSTEAD NOTHING;
COMMENT ON TABLE shop.orders IS 'Orders of the shop'; COMMENT ON COLUMN shop.orders.name IS 'Who';
GRANT SELECT ON shop.orders TO reader WITH GRANT OPTION; GRANT UPDATE (name) ON shop.orders TO clerk;
ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON shop.orders TO reader USING (id < 3);
CREATE PUBLICATION pub FOR TABLE shop.orders; ALTER TABLE shop.orders REPLICA IDENTITY USING INDEX orders_pkey;
ALTER TABLE shop.orders ALTER COLUMN name SET STATISTICS 500; ALTER TABLE shop.orders SET (fillfactor = 70);
UPDATE shop.orders SET noted = 'seen ' || id; DELETE FROM shop.log`,
  );
  const facts = async () => (await postgres.query<{ facts: unknown }>("shop", FACTS))[0]!.facts;
  const before = await facts();
  const rows = await rowsOf(postgres, "shop", TABLE);
  const second = await outputs.make(TABLE, SECOND);
  await t.step("undo gives the very rows back, other people's columns included", async () => {
    await store.stage("w1", second.write, second.parquet);
    await store.swap("w1", [second.write]);
    assert.notDeepEqual(await rowsOf(postgres, "shop", TABLE), rows);
    await store.undo("w1", [second.write]);
    assert.deepEqual(await rowsOf(postgres, "shop", TABLE), rows);
    assert.deepEqual(await facts(), before);
  });
  await t.step("a write touches what differs, and nothing else", async () => {
    await postgres.query("shop", "DELETE FROM shop.log");
    await bringIn(store, "w2", second);
    assert.deepEqual(await facts(), before);
    assert.deepEqual(
      await postgres.query(
        "shop",
        "SELECT id, name, amount::text, twice::text, noted FROM shop.orders ORDER BY id",
      ),
      [
        { id: 1, name: "a", amount: "1.50", twice: "3.00", noted: "seen 1" },
        { id: 2, name: "B", amount: "2.75", twice: "5.50", noted: "seen 2" },
        { id: 4, name: "d", amount: "4.50", twice: "9.00", noted: "new" },
      ],
    );
    assert.deepEqual(await postgres.query("shop", "SELECT * FROM shop.log ORDER BY id"), [
      { op: "UPDATE", id: 2 },
      { op: "DELETE", id: 3 },
      { op: "INSERT", id: 4 },
    ]);
    assert.deepEqual(await postgres.query("shop", "SELECT id FROM shop.bigger"), [{ id: 4 }]);
  });
  await t.step("a row refused by a constraint takes the whole batch back", async () => {
    const bad = await outputs.make(TABLE, SECOND.replace("4.50", "-1.00"));
    const other = await outputs.make(["shop", "other"], "SELECT 1 AS id");
    await store.stage("w3", bad.write, bad.parquet);
    await store.stage("w3", other.write, other.parquet);
    await assert.rejects(store.swap("w3", [other.write, bad.write]), { kind: "execution" });
    assert.equal(await store.progress("w3", [other.write, bad.write]), "staged");
    await store.abort("w3", [other.write, bad.write]);
    assert.equal(await rowsOf(postgres, "shop", ["shop", "other"]), null);
    assert.deepEqual(await facts(), before);
  });
  await t.step("a trigger that drops rows is noticed, and nothing is written", async () => {
    await postgres.query(
      "shop",
      `
CREATE TABLE shop.picky (id int); INSERT INTO shop.picky VALUES (7);
CREATE FUNCTION shop.skip() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER skipping BEFORE INSERT ON shop.picky FOR EACH ROW WHEN (NEW.id = 2) EXECUTE FUNCTION shop.skip()`,
    );
    const output = await outputs.make(["shop", "picky"], "SELECT unnest([1, 2]) AS id", {
      spec: { existing: "adopt" },
    });
    assert.deepEqual(await store.check([output.write]), []);
    await store.stage("p", output.write, output.parquet);
    await assert.rejects(store.swap("p", [output.write]), { code: "validation_failed" });
    await store.abort("p", [output.write]);
    assert.deepEqual(await rowsOf(postgres, "shop", ["shop", "picky"]), ['{"id":7}']);
  });
  await t.step("a partitioned table is adopted and keeps its partitions", async () => {
    await postgres.query(
      "shop",
      `
CREATE TABLE shop.parts (id int, name text) PARTITION BY RANGE (id);
CREATE TABLE shop.parts_low PARTITION OF shop.parts FOR VALUES FROM (0) TO (10);
CREATE TABLE shop.parts_high PARTITION OF shop.parts FOR VALUES FROM (10) TO (100);
INSERT INTO shop.parts VALUES (5, 'old'), (50, 'old')`,
    );
    const make = (sql: string) =>
      outputs.make(["shop", "parts"], sql, { spec: { existing: "adopt" } });
    const one = await make("SELECT * FROM (VALUES (1, 'x'), (11, 'y')) t(id, name)");
    await store.stage("q1", one.write, one.parquet);
    await store.swap("q1", [one.write]);
    await store.undo("q1", [one.write]);
    assert.deepEqual(
      await rowsOf(postgres, "shop", ["shop", "parts"]),
      [
        '{"id":50,"name":"old"}',
        '{"id":5,"name":"old"}',
      ].sort(),
    );
    await bringIn(store, "q2", one);
    assert.deepEqual(await rowsOf(postgres, "shop", ["shop", "parts_high"]), [
      '{"id":11,"name":"y"}',
    ]);
  });
  await t.step(
    "what is built on a new table keeps undo from dropping it: refused, named",
    async () => {
      const output = await outputs.make(["shop", "fresh"], "SELECT 1 AS id");
      await store.stage("f", output.write, output.parquet);
      await store.swap("f", [output.write]);
      await postgres.query("shop", "CREATE VIEW shop.on_fresh AS SELECT * FROM shop.fresh");
      await assert.rejects(store.undo("f", [output.write]), {
        code: "dependent_objects",
        message: /shop\.on_fresh/,
      });
      await postgres.query("shop", "DROP VIEW shop.on_fresh");
      await store.undo("f", [output.write]);
      assert.equal(await rowsOf(postgres, "shop", ["shop", "fresh"]), null);
    },
  );
});

Deno.test("PostgresStore: readers without pause see whole contents, never an error or a mixture", async (t) => {
  await using postgres = await TestPostgres.start();
  await postgres.createDatabase("shop");
  using outputs = new OutputFolder(SPEC);
  await using store = await openStore(postgres, "shop", outputs.folders);
  for (const mode of ["full", "view"] as const) {
    await t.step(`mode ${mode}, eight readers`, async () => {
      const [a, b] = [["live", `a_${mode}`], ["live", `b_${mode}`]] as const;
      // Every row of both tables carries the number of its batch.
      const batch = async (n: number) => {
        const sql = `SELECT i::INTEGER AS id, ${n} AS batch FROM range(500) r(i)`;
        return [await outputs.make(a, sql, { mode }), await outputs.make(b, sql, { mode })];
      };
      await bringIn(store, "n0", ...await batch(0));
      await postgres.query("shop", `CREATE VIEW live.on_a_${mode} AS SELECT * FROM live.a_${mode}`);
      let isOver = false;
      let reads = 0;
      // Replacing a view waits for those who read it: a reader that has the second and comes back to
      // the first would hold the swap up for as long as there are such readers.
      const order = [`a_${mode}`, `on_a_${mode}`, `b_${mode}`];
      if (mode === "full") order.push(`a_${mode}`);
      const summary = (table: string) =>
        `SELECT count(*)::int AS n, min(batch) AS low, max(batch) AS high FROM ${table}`;
      const reader = async (i: number) => {
        const sql = postgres.connect("shop");
        const isolation = i % 2 === 0 ? "READ COMMITTED" : "REPEATABLE READ";
        try {
          while (!isOver) {
            await sql.unsafe(`BEGIN ISOLATION LEVEL ${isolation}`);
            const seen = [];
            for (const table of order) {
              // Half of them as prepared statements, whose plans outlive a swap.
              const query = sql.unsafe(summary(`live.${table}`), [], { prepare: i < 4 });
              seen.push((await query)[0]!);
            }
            await sql.unsafe("COMMIT");
            for (const { n, low, high } of seen) assert.deepEqual([n, low], [500, high]);
            if (isolation === "REPEATABLE READ" && mode === "full") {
              assert.equal(new Set(seen.map(({ low }) => low)).size, 1);
            }
            reads++;
          }
        } finally {
          await sql.end();
        }
      };
      const readers = Array.from({ length: 8 }, (_, i) => reader(i));
      const failed = Promise.race(readers);
      failed.catch(() => {});
      for (let n = 1; n <= 12; n++) {
        const outputsOfBatch = await batch(n);
        const writes = outputsOfBatch.map(({ write }) => write);
        if (n % 3 === 0) {
          for (const { write, parquet } of outputsOfBatch) {
            await store.stage(`n${n}`, write, parquet);
          }
          await store.swap(`n${n}`, writes);
          await store.undo(`n${n}`, writes);
        } else await bringIn(store, `n${n}`, ...outputsOfBatch);
      }
      isOver = true;
      await Promise.all(readers);
      assert(reads > 50, `${reads} reads`);
    });
  }
  await t.step("a long transaction that began before sees the old rows to its end", async () => {
    const table = ["live", "long"];
    await bringIn(store, "l0", await outputs.make(table, "SELECT 1 AS id"));
    const sql = postgres.connect("shop");
    await sql.unsafe("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1");
    await bringIn(store, "l1", await outputs.make(table, "SELECT 2 AS id"));
    assert.deepEqual([...await sql.unsafe("SELECT id FROM live.long")], [{ id: 1 }]);
    await sql.unsafe("COMMIT");
    assert.deepEqual([...await sql.unsafe("SELECT id FROM live.long")], [{ id: 2 }]);
    await sql.end();
  });
});
