import assert from "node:assert/strict";
import { makeProject, type TempProject } from "../support/project.ts";
import { randomNumbers } from "../support/random.ts";
import { TEST_START } from "../support/host.ts";

const DAY_MS = 86_400_000;
/** The clock of tests starts on 2026-01-02: intervals begin ten days before. */
const FIRST = Date.UTC(2025, 11, 23);
const dayText = (n: number) => new Date(FIRST + n * DAY_MS).toISOString().slice(0, 10);
const TODAY = Math.floor((TEST_START - FIRST) / DAY_MS);

const SOURCE = `kind: source
name: orders
source: csv
table: data/orders.csv
columns: {day: date, ts: timestamp}
`;

function daily(column: string, more = ""): string {
  return `kind: transform
name: daily
incremental_by_time: {time_column: day, start: ${dayText(0)}${more}}
transform: |
  SELECT day, count(*) AS orders, ${column} AS amount
  FROM ref('source.orders') WHERE day >= '{{ start_date }}' AND day < {{ end }} GROUP BY day
`;
}

const LATEST = `kind: transform
name: latest
incremental_by_key: {unique_key: [id], time_column: ts}
transform: |
  SELECT id, ts, amount FROM ref('source.orders') WHERE ts > {{ watermark }}
  QUALIFY row_number() OVER (PARTITION BY id ORDER BY ts DESC) = 1
`;

const TOTAL = `kind: transform
name: total
transform: SELECT sum(orders) AS orders, sum(amount) AS amount FROM ref('transform.daily')
`;

/** A shop that sells every day: its rows, and its project. */
class Shop {
  readonly project: TempProject;
  readonly rows: { id: number; day: number; amount: number }[] = [];
  #sold = 0;

  constructor(query = daily("sum(amount)")) {
    this.project = makeProject({
      "seeknal/orders.yml": SOURCE,
      "seeknal/daily.yml": query,
      "seeknal/latest.yml": LATEST,
      "seeknal/total.yml": TOTAL,
    });
    for (let day = 0; day < TODAY; day++) this.sell(day, 2);
    this.write();
  }

  sell(day: number, count: number): void {
    for (let i = 0; i < count; i++) {
      const n = ++this.#sold;
      this.rows.push({ id: n * 7 % 5, day, amount: n * 10 + day });
    }
  }

  write(): void {
    const lines = this.rows.map(({ id, day, amount }, n) => {
      const second = String(n % 60).padStart(2, "0");
      const minute = String(Math.floor(n / 60)).padStart(2, "0");
      return `${id},${dayText(day)},${dayText(day)} 12:${minute}:${second},${amount}`;
    });
    this.project.write("data/orders.csv", ["id,day,ts,amount", ...lines].join("\n") + "\n");
  }

  async ok(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.project.run(...args);
    assert.equal(code, 0, `${args.join(" ")}\n${stdout}${stderr}`);
    return stdout + stderr;
  }

  async query(sql: string, env = "prod"): Promise<unknown> {
    return await this.project.json("query", sql, "--env", env);
  }

  /** Orders of each day, as production or an environment has them. */
  async days(env = "prod"): Promise<[string, number, number][]> {
    const rows = await this.query(
      "SELECT day, orders, amount FROM transform.daily ORDER BY 1",
      env,
    );
    return (rows as { day: string; orders: number; amount: number }[])
      .map(({ day, orders, amount }) => [day, orders, amount]);
  }

  /** The same by hand, for days up to a number. */
  expected(last: number): [string, number, number][] {
    const result: [string, number, number][] = [];
    for (let day = 0; day < last; day++) {
      const own = this.rows.filter((row) => row.day === day);
      if (own.length === 0) continue;
      result.push([dayText(day), own.length, own.reduce((sum, { amount }) => sum + amount, 0)]);
    }
    return result;
  }
}

Deno.test("incremental_by_time builds an interval once, and new ones only when they are over", async () => {
  const shop = new Shop();
  await shop.ok("run");
  assert.deepEqual(await shop.days(), shop.expected(TODAY));
  // Rows of a day that is done come too late; rows of a day that is not over are not there yet.
  shop.sell(0, 1);
  shop.sell(TODAY, 3);
  shop.write();
  await shop.ok("run");
  const before = await shop.days();
  assert.equal(before.length, TODAY);
  assert.equal(before[0]![1], 2);
  shop.project.host.advance(DAY_MS);
  const text = await shop.ok("plan");
  assert.match(text, new RegExp(`intervals pending: ${dayText(TODAY)}`));
  await shop.ok("run");
  assert.deepEqual(await shop.days(), [...before, ...shop.expected(TODAY + 1).slice(-1)]);
  assert.match(await shop.ok("run"), /Nothing to run/);
  // The late row is there after its day is built again.
  await shop.ok("intervals", "restate", "daily", "--start", dayText(0), "--end-date", dayText(0));
  assert.deepEqual(await shop.days(), shop.expected(TODAY + 1));
});

Deno.test("incremental_by_time with lookback takes rows that are late by that much", async () => {
  const shop = new Shop(daily("sum(amount)", ", lookback: 2"));
  await shop.ok("run");
  shop.sell(TODAY - 2, 1);
  shop.sell(TODAY - 3, 1);
  shop.sell(TODAY, 1);
  shop.write();
  shop.project.host.advance(DAY_MS);
  await shop.ok("run");
  const [want, found] = [shop.expected(TODAY + 1), await shop.days()];
  assert.equal(found[TODAY - 3]![1], 2, "too late");
  assert.deepEqual(found.filter((_, i) => i !== TODAY - 3), want.filter((_, i) => i !== TODAY - 3));
});

Deno.test("run --start --end builds that part, intervals lists the gaps, backfill fills them", async () => {
  const shop = new Shop();
  await shop.ok("run", "--start", dayText(3), "--end", dayText(5));
  assert.deepEqual((await shop.days()).map(([day]) => day), [dayText(3), dayText(4)]);
  const list = await shop.project.json<{ nodes: { node: string; pending: unknown[] }[] }>(
    "intervals",
    "pending",
    "daily",
  );
  assert.equal(list.nodes[0]!.pending.length, TODAY - 2);
  await shop.ok("intervals", "backfill", "daily", "--end", dayText(3));
  assert.deepEqual(await shop.days(), shop.expected(5));
  await shop.ok("run");
  assert.deepEqual(await shop.days(), shop.expected(TODAY));
  const { code, stderr } = await shop.project.run("intervals", "restate", "total");
  assert.equal(code, 2);
  assert.match(stderr, /Cannot restate transform.total/);
});

Deno.test("an edited query is built from scratch in an environment, and promoted without building again", async () => {
  const shop = new Shop();
  await shop.ok("run");
  shop.sell(0, 1);
  shop.write();
  shop.project.write("seeknal/daily.yml", daily("max(amount)"));
  await shop.ok("plan", "dev");
  await shop.ok("run", "--env", "dev");
  const best = await shop.days("dev");
  assert.equal(best[0]![1], 3, "built from scratch, the late row is in it");
  assert.equal((await shop.days())[0]![1], 2);
  await shop.ok("promote", "dev", "--yes");
  assert.deepEqual(await shop.days(), best);
  assert.match(await shop.ok("run"), /Nothing to run/);
  await shop.ok("rollback", "--yes");
  assert.equal((await shop.days())[0]![1], 2);
});

Deno.test("a plan of an environment is run as it was made, also when a day has passed", async () => {
  const shop = new Shop();
  await shop.ok("run");
  shop.project.host.advance(DAY_MS);
  shop.sell(TODAY, 2);
  shop.write();
  await shop.ok("plan", "dev");
  shop.project.host.advance(3 * DAY_MS);
  await shop.ok("run", "--env", "dev");
  assert.deepEqual(await shop.days("dev"), shop.expected(TODAY + 1));
  // A restated environment keeps what it made when it is planned again.
  shop.sell(1, 1);
  shop.write();
  await shop.ok("plan", "dev");
  await shop.ok("run", "--env", "dev");
  await shop.ok("intervals", "restate", "daily", "--start", dayText(1), "--env", "dev");
  assert.deepEqual(await shop.days("dev"), shop.expected(TODAY + 4));
  assert.match(await shop.ok("plan", "dev"), /0 to build/);
  assert.deepEqual(await shop.days("dev"), shop.expected(TODAY + 4));
});

Deno.test("what production restated reaches an environment that has nothing of its own", async () => {
  const shop = new Shop();
  await shop.ok("run");
  shop.project.write("seeknal/total.yml", TOTAL.replace("AS orders,", "AS all_orders,"));
  await shop.ok("plan", "dev");
  await shop.ok("run", "--env", "dev");
  shop.sell(2, 1);
  shop.write();
  shop.project.write("seeknal/total.yml", TOTAL);
  await shop.ok("run");
  await shop.ok("intervals", "restate", "daily", "--start", dayText(2), "--end-date", dayText(2));
  shop.project.write("seeknal/total.yml", TOTAL.replace("AS orders,", "AS all_orders,"));
  await shop.ok("plan", "dev");
  await shop.ok("run", "--env", "dev");
  assert.deepEqual(await shop.days("dev"), shop.expected(TODAY));
});

Deno.test("incremental_by_key replaces rows with the same key and keeps the others", async () => {
  const shop = new Shop();
  await shop.ok("run");
  const latest = async () =>
    await shop.query("SELECT id, amount FROM transform.latest ORDER BY id") as unknown[];
  const wanted = () => {
    const last = new Map<number, { id: number; amount: number }>();
    for (const { id, amount } of shop.rows) last.set(id, { id, amount });
    return [...last.values()].sort((a, b) => a.id - b.id);
  };
  assert.deepEqual(await latest(), wanted());
  for (let day = TODAY; day < TODAY + 3; day++) {
    shop.sell(day, 3);
    shop.write();
    shop.project.host.advance(DAY_MS);
    await shop.ok("run");
    assert.deepEqual(await latest(), wanted());
  }
});

Deno.test("incremental_by_key refuses a key that comes twice", async () => {
  const shop = new Shop();
  shop.project.write("seeknal/latest.yml", LATEST.replace(/ {2}QUALIFY.*\n/, ""));
  const { code, stderr } = await shop.project.run("run");
  assert.equal(code, 4);
  assert.match(stderr, /returns a key more than once \(id\)/);
});

Deno.test("fields that make no sense are said with their place", async () => {
  const shop = new Shop();
  const refused = async (text: string, pattern: RegExp) => {
    shop.project.write("seeknal/daily.yml", text);
    const { code, stderr } = await shop.project.run("plan");
    assert.equal(code, 3, stderr);
    assert.match(stderr, pattern);
  };
  await refused(daily("1", ", interval: dya"), /Unknown interval "dya"[\s\S]*did you mean "day"/);
  await refused(daily("1").replace("time_column: day", "time_column: dey"), /no column "dey"/);
  await refused(daily("1").replace("time_column: day", "time_column: orders"), /is BIGINT/);
  await refused(daily("1", ", lookback: -1"), /lookback/);
  shop.project.write("seeknal/daily.yml", daily("1"));
  shop.project.write("seeknal/latest.yml", LATEST.replace("{{ watermark }}", "'{{ watermark }}'"));
  const { stderr } = await shop.project.run("plan");
  assert.match(stderr, /seeknal\/latest\.yml:5:.*stands in quotes/);
});

Deno.test("whatever happens in whatever order, incremental rows are those of a build from scratch", async () => {
  const random = randomNumbers(11);
  const shop = new Shop();
  let column = "sum(amount)";
  let today = TODAY;
  await shop.ok("run");
  for (let step = 0; step < 14; step++) {
    const what = Math.floor(random() * 5);
    if (what <= 1) {
      // A day passes; its orders arrive before it is over.
      shop.sell(today, 1 + Math.floor(random() * 3));
      today++;
      shop.write();
      shop.project.host.advance(DAY_MS);
      await shop.ok("run");
    } else if (what === 2) {
      await shop.ok("plan", "dev");
      await shop.ok("run", "--env", "dev");
      await shop.ok("promote", "dev", "--yes");
    } else if (what === 3) {
      column = column === "sum(amount)" ? "sum(amount) + 0" : "sum(amount)";
      shop.project.write("seeknal/daily.yml", daily(column));
      await shop.ok("run");
    } else {
      const late = Math.floor(random() * today);
      shop.sell(late, 1);
      shop.write();
      await shop.ok("run");
      await shop.ok(
        "intervals",
        "restate",
        "daily",
        "--start",
        dayText(late),
        "--end-date",
        dayText(late),
      );
    }
    assert.deepEqual(await shop.days(), shop.expected(today), `step ${step}: ${what}`);
  }
});

const SECOND = `kind: transform
name: second
incremental_by_time: {time_column: day, start: ${dayText(0)}}
transform: |
  SELECT day, orders, amount FROM ref('transform.daily') WHERE day >= {{ start }} AND day < {{ end }}
`;

Deno.test("intervals that a node builds again are built again of the incremental nodes that read it", async () => {
  const shop = new Shop(daily("sum(amount)", ", lookback: 1"));
  shop.project.write("seeknal/second.yml", SECOND);
  const same = async (what: string, env = "prod") => {
    const rows = (name: string) =>
      shop.query(`SELECT day, orders, amount FROM transform.${name} ORDER BY 1`, env);
    assert.deepEqual(await rows("second"), await rows("daily"), what);
  };
  await shop.ok("run");
  shop.sell(1, 1);
  shop.write();
  const late = ["--start", dayText(1), "--end-date", dayText(1)];
  await shop.ok("intervals", "restate", "daily", ...late);
  assert.deepEqual(await shop.days(), shop.expected(TODAY));
  await same("restated");
  shop.sell(TODAY - 1, 1);
  shop.write();
  shop.project.host.advance(DAY_MS);
  await shop.ok("run");
  await same("late rows within the lookback");
  // A run of a part leaves it behind; whatever comes next brings it up.
  shop.sell(3, 1);
  shop.write();
  await shop.ok("run", "--select", "daily", "--restate", "daily");
  await shop.ok("run");
  assert.deepEqual(await shop.days(), shop.expected(TODAY + 1));
  await same("left behind");
  shop.sell(4, 1);
  shop.write();
  await shop.ok("plan", "dev", "--restate", "daily");
  await shop.ok("run", "--env", "dev");
  await same("an environment", "dev");
  assert.deepEqual(await shop.days("dev"), shop.expected(TODAY + 1));
  await shop.ok("promote", "dev", "--yes");
  await same("promoted");
  assert.match(await shop.ok("run"), /Nothing to run/);
});

Deno.test("rows before a start that is moved back reach what has those intervals already", async () => {
  const shop = new Shop(daily("sum(amount)").replace(dayText(0), dayText(4)));
  shop.project.write("seeknal/second.yml", SECOND);
  await shop.ok("run");
  shop.project.write("seeknal/daily.yml", daily("sum(amount)"));
  await shop.ok("run");
  assert.deepEqual(await shop.days(), shop.expected(TODAY));
  assert.deepEqual(
    await shop.query("SELECT count(*) AS n FROM transform.second"),
    [{ n: TODAY }],
  );
});

Deno.test("a change that somebody calls breaking builds the incremental nodes that read it from scratch, once", async () => {
  const shop = new Shop();
  const clean = (more: string) =>
    `kind: transform\nname: clean\ntransform: SELECT *${more} FROM ref('source.orders')\n`;
  shop.project.write("seeknal/clean.yml", clean(""));
  shop.project.write(
    "seeknal/daily.yml",
    daily("sum(amount)").replace("source.orders", "transform.clean"),
  );
  await shop.ok("run");
  shop.sell(1, 1);
  shop.write();
  await shop.ok("run");
  assert.equal((await shop.days())[1]![1], 2);
  // A column that nobody reads: what is built of it would stay.
  shop.project.write("seeknal/clean.yml", clean(", 1 AS one"));
  await shop.ok("plan", "dev", "--category", "clean=breaking");
  await shop.ok("run", "--env", "dev");
  assert.deepEqual(await shop.days("dev"), shop.expected(TODAY));
  assert.match(await shop.ok("plan", "dev"), /0 to build/);
  await shop.ok("promote", "dev", "--yes");
  assert.match(await shop.ok("run"), /Nothing to run/);
  shop.sell(TODAY, 1);
  shop.write();
  shop.project.host.advance(DAY_MS);
  assert.match(await shop.ok("plan"), new RegExp(`intervals pending: ${dayText(TODAY)}\\s`));
  await shop.ok("run");
  assert.deepEqual(await shop.days(), shop.expected(TODAY + 1));
});
