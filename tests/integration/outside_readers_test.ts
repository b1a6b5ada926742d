import assert from "node:assert/strict";
import { OutsideShop, target } from "../support/outside_shop.ts";
import { TestPostgres } from "../support/postgres.ts";
import { transform } from "../support/shop.ts";

/** Promotions that go on while others read. */
const PROMOTIONS = 6;
const READERS = 8;

interface Seen {
  readonly version: number;
  readonly rows: number;
  readonly other: number;
  readonly other_rows: number;
}

for (const [name, extra] of [["tables", ""], ["views", "    virtual_layer: true\n"]] as const) {
  Deno.test(`eight readers query production's ${name} without pause while promotions go on: no error, nothing empty, no mixture`, async () => {
    await using postgres = await TestPostgres.start();
    for (const database of ["warehouse", "finance"]) await postgres.createDatabase(database);
    using shop = new OutsideShop(postgres, { warehouse: "warehouse", finance: "finance", extra });
    // Two tables of one database that have to be of one version, whoever looks.
    const version = (v: number) => {
      for (const [node, table] of [["va", "analytics.va"], ["vb", "analytics.vb"]] as const) {
        shop.write(
          `seeknal/${node}.yml`,
          transform(
            node,
            ["source.raw_orders"],
            `SELECT ${v} AS version, i FROM range(2000) AS r(i), (SELECT count(*) AS n FROM ref('source.raw_orders'))`,
            target("warehouse", table),
          ),
        );
      }
    };
    version(0);
    await shop.ok("run");
    const sessions = [...Array(READERS).keys()].map(() => postgres.connect("warehouse"));
    let done = false;
    const problems: string[] = [];
    const seen = new Set<number>();
    let reads = 0;
    const read = async (sql: ReturnType<TestPostgres["connect"]>) => {
      while (!done) {
        try {
          const [row] = await sql.begin("ISOLATION LEVEL REPEATABLE READ READ ONLY", async (tx) => {
            const [a] =
              await tx`SELECT min(version) AS version, count(*)::int AS rows FROM analytics.va`;
            const [b] =
              await tx`SELECT min(version) AS other, count(*)::int AS other_rows FROM analytics.vb`;
            return [{ ...a, ...b } as unknown as Seen];
          });
          reads++;
          seen.add(row!.version);
          if (row!.rows !== 2000 || row!.other_rows !== 2000 || row!.version !== row!.other) {
            problems.push(JSON.stringify(row));
          }
        } catch (error) {
          problems.push(String(error));
        }
      }
    };
    const readers = sessions.map(read);
    try {
      for (let v = 1; v <= PROMOTIONS; v++) {
        version(v);
        await shop.ok("plan", "dev");
        await shop.ok("run", "--env", "dev");
        await shop.ok("promote", "dev", "--yes");
      }
    } finally {
      done = true;
      await Promise.all(readers);
      for (const session of sessions) await session.end();
    }
    assert.deepEqual(problems.slice(0, 3), []);
    assert.ok(reads > READERS * PROMOTIONS, `${reads} reads`);
    assert.ok(seen.size > PROMOTIONS / 2, `versions seen: ${[...seen]}`);
  });
}
