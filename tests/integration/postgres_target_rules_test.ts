import assert from "node:assert/strict";
import { TestPostgres } from "../support/postgres.ts";
import { openStore, rowsOf } from "../support/postgres_target.ts";
import { bringIn, type Output, OutputFolder } from "../support/target_contract.ts";
import type { TargetStore } from "../../src/targets/target_type.ts";

const SPEC = { type: "postgresql", connection: "warehouse" };

async function codes(store: TargetStore, ...outputs: Output[]): Promise<string[]> {
  return (await store.check(outputs.map(({ write }) => write))).map(({ code }) => code);
}

Deno.test("PostgresStore refuses what is not its own, and adopts it only when asked", async (t) => {
  await using postgres = await TestPostgres.start();
  await postgres.createDatabase("shop");
  using outputs = new OutputFolder(SPEC);
  await using store = await openStore(postgres, "shop", outputs.folders);
  await postgres.query(
    "shop",
    `
CREATE SCHEMA a; CREATE TABLE a.mine (id bigint PRIMARY KEY, extra text DEFAULT 'x');
INSERT INTO a.mine VALUES (1, 'kept'), (9, 'gone');
CREATE VIEW a.seen AS SELECT * FROM a.mine; CREATE MATERIALIZED VIEW a.stored AS SELECT 1 AS id`,
  );
  const adopt = { spec: { existing: "adopt" as const } };
  await t.step("a table, a view and a materialized view of others", async () => {
    for (const name of ["mine", "seen", "stored"]) {
      const output = await outputs.make(["a", name], "SELECT 1 AS id");
      const [problem] = await store.check([output.write]);
      assert.equal(problem!.code, "foreign_table");
      assert.match(problem!.hint!, name === "mine" ? /RENAME TO|adopt/ : /drop or rename/);
      await assert.rejects(store.stage("x", output.write, output.parquet), {
        code: "foreign_table",
      });
      if (name === "mine") continue;
      assert.deepEqual(
        await codes(store, await outputs.make(["a", name], "SELECT 1 AS id", adopt)),
        [
          "foreign_table",
        ],
      );
    }
  });
  await t.step(
    "adoption keeps the table's definition, and undo gives it back to its owner",
    async () => {
      const output = await outputs.make(["a", "mine"], "SELECT unnest([1, 2]) AS id", adopt);
      await store.stage("u", output.write, output.parquet);
      await store.swap("u", [output.write]);
      await store.undo("u", [output.write]);
      assert.equal((await store.inspect([["a", "mine"]]))[0]!.owner, null);
      assert.deepEqual(await rowsOf(postgres, "shop", ["a", "mine"]), [
        '{"id":1,"extra":"kept"}',
        '{"id":9,"extra":"gone"}',
      ]);
      await bringIn(store, "w", output);
      assert.deepEqual(await rowsOf(postgres, "shop", ["a", "seen"]), [
        '{"id":1,"extra":"kept"}',
        '{"id":2,"extra":"x"}',
      ]);
    },
  );
  await t.step("a table made anew under the name is foreign again", async () => {
    await bringIn(store, "n1", await outputs.make(["a", "anew"], "SELECT 1 AS id"));
    await postgres.query("shop", "DROP TABLE a.anew; CREATE TABLE a.anew AS SELECT 5 AS id");
    assert.deepEqual(await codes(store, await outputs.make(["a", "anew"], "SELECT 2 AS id")), [
      "foreign_table",
    ]);
    await postgres.query("shop", "DROP TABLE a.anew");
    await bringIn(store, "n2", await outputs.make(["a", "anew"], "SELECT 2 AS id"));
  });
  await t.step("a mode that makes a view of a table, or the other way", async () => {
    const table = ["a", "anew"];
    assert.deepEqual(
      await codes(store, await outputs.make(table, "SELECT 1 AS id", { mode: "view" })),
      [
        "mode_change",
      ],
    );
    await bringIn(store, "v", await outputs.make(["a", "v"], "SELECT 1 AS id", { mode: "view" }));
    assert.deepEqual(await codes(store, await outputs.make(["a", "v"], "SELECT 1 AS id")), [
      "mode_change",
    ]);
  });
  await t.step("create_table: false wants the table to be there", async () => {
    const spec = { create_table: false };
    assert.deepEqual(
      await codes(store, await outputs.make(["a", "none"], "SELECT 1 AS id", { spec })),
      [
        "missing_table",
      ],
    );
  });
  await t.step(
    "two batches of a project at a time: the second is refused and told whom to wait for",
    async () => {
      const output = await outputs.make(["a", "busy"], "SELECT 1 AS id");
      await store.stage("one", output.write, output.parquet);
      await using other = await openStore(postgres, "shop", outputs.folders);
      await assert.rejects(other.stage("two", output.write, output.parquet), {
        code: "batch_under_way",
        kind: "execution",
        message: /session \d+ \("seeknal" from 127\.0\.0\.1, connected since/,
      });
      const foreign = await outputs.make(["b", "busy"], "SELECT 1 AS id", { project: "other" });
      await bringIn(other, "three", foreign);
      await store.abort("one", [output.write]);
      await bringIn(other, "four", output);
    },
  );
});

Deno.test("PostgresStore: schema evolution by policy, undone with the rows", async (t) => {
  await using postgres = await TestPostgres.start();
  await postgres.createDatabase("shop");
  using outputs = new OutputFolder(SPEC);
  await using store = await openStore(postgres, "shop", outputs.folders);
  const types = async (name: string) =>
    (await postgres.query<{ c: string }>(
      "shop",
      `SELECT attname || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END AS c ` +
        `FROM pg_attribute WHERE attrelid = 'e.${name}'::regclass AND attnum > 0 AND NOT attisdropped`,
    )).map(({ c }) => c);
  const cases: readonly [string, string, "safe" | "auto" | "strict", string[]][] = [
    ["added", "SELECT 1 AS id, 'a' AS name, 1.5::DOUBLE AS more", "safe", []],
    ["added", "SELECT 1 AS id, 'a' AS name, 1.5::DOUBLE AS more", "auto", []],
    ["added", "SELECT 1 AS id, 'a' AS name, 1.5::DOUBLE AS more", "strict", [
      "schema_change_refused",
    ]],
    ["widened", "SELECT 3000000000 AS id, 'a' AS name", "safe", ["schema_change_refused"]],
    ["widened", "SELECT 3000000000 AS id, 'a' AS name", "auto", []],
    ["narrowed", "SELECT 1::SMALLINT AS id, 'a' AS name", "safe", []],
    ["narrowed", "SELECT 1::SMALLINT AS id, 'a' AS name", "strict", ["schema_change_refused"]],
    ["retyped", "SELECT 'x' AS id, 'a' AS name", "safe", ["schema_change_refused"]],
    ["retyped", "SELECT 'x' AS id, 'a' AS name", "auto", []],
    ["retyped, NOT NULL", "SELECT 1 AS id, 7 AS name", "auto", []],
    ["dropped", "SELECT 1 AS id", "safe", ["schema_change_refused"]],
    ["dropped", "SELECT 1 AS id", "auto", []],
    ["reordered", "SELECT 'a' AS name, 1 AS id", "strict", []],
  ];
  for (const [i, [what, sql, policy, expected]] of cases.entries()) {
    await t.step(`${what}, ${policy}: ${expected[0] ?? "done"}`, async () => {
      const name = `t${i}`;
      await bringIn(store, `a${i}`, await outputs.make(["e", name], "SELECT 1 AS id, 'a' AS name"));
      await postgres.query("shop", `ALTER TABLE e.${name} ALTER COLUMN name SET NOT NULL`);
      const before = [await types(name), await rowsOf(postgres, "shop", ["e", name])];
      const output = await outputs.make(["e", name], sql, { spec: { schema_evolution: policy } });
      assert.deepEqual(await codes(store, output), expected);
      const [problem] = await store.check([output.write]);
      if (problem !== undefined) {
        assert.match(problem.hint!, /^ALTER TABLE "e"\."t\d+" /);
        return;
      }
      await store.stage(`b${i}`, output.write, output.parquet);
      await store.swap(`b${i}`, [output.write]);
      await store.undo(`b${i}`, [output.write]);
      assert.deepEqual([await types(name), await rowsOf(postgres, "shop", ["e", name])], before);
      await bringIn(store, `c${i}`, output);
      assert.equal((await rowsOf(postgres, "shop", ["e", name]))!.length, 1);
      assert.deepEqual(await codes(store, output), []);
      // Columns of the table that no output had are none of the cases.
      const names = output.write.columns.map(({ name }) => name).toSorted();
      assert.deepEqual((await types(name)).map((column) => column.split(" ")[0]).toSorted(), names);
    });
  }
  await t.step(
    "what depends on a column is named, with statements that let the write through",
    async () => {
      const make = (sql: string, schema_evolution: "safe" | "auto") =>
        outputs.make(["e", "hung"], sql, { spec: { schema_evolution } });
      await bringIn(
        store,
        "h0",
        await make("SELECT 1 AS id, 'a' AS name, 2 AS amount, 3 AS gone", "safe"),
      );
      await postgres.query(
        "shop",
        `
ALTER TABLE e.hung ADD PRIMARY KEY (id); CREATE INDEX "By name" ON e.hung (lower(name));
CREATE VIEW e.over AS SELECT name FROM e.hung; CREATE VIEW e.higher AS SELECT * FROM e.over;
ALTER TABLE e.hung ADD CONSTRAINT positive CHECK (amount > 0); ALTER TABLE e.hung ALTER amount SET DEFAULT 1;
ALTER TABLE e.hung ADD COLUMN twice int GENERATED ALWAYS AS (amount * 2) STORED;
ALTER TABLE e.hung ALTER amount SET NOT NULL; ALTER TABLE e.hung ALTER gone SET NOT NULL;
CREATE STATISTICS e.together ON name, gone FROM e.hung; CREATE MATERIALIZED VIEW e.stored AS SELECT gone FROM e.hung;
CREATE FUNCTION e.note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER noting AFTER UPDATE OF amount ON e.hung FOR EACH ROW EXECUTE FUNCTION e.note()`,
      );
      const sql = "SELECT 1 AS id, 5 AS name, 'x' AS amount";
      const [safe] = await store.check([(await make(sql, "safe")).write]);
      assert.match(safe!.hint!, /-- or write schema_evolution: auto, once nothing depends on it/);
      const changed = await make(sql, "auto");
      const problems = await store.check([changed.write]);
      assert.equal(problems.length, 1);
      for (
        const what of [
          ...[
            'index e."By name"',
            "view e.over",
            "view e.higher",
            "table constraint positive on e.hung",
          ],
          ...["its default value", "generated column twice", "statistics object e.together"],
          ...["materialized view e.stored", "trigger noting on e.hung"],
        ]
      ) assert(problems[0]!.message.includes(what), `${what} in ${problems[0]!.message}`);
      assert(!problems[0]!.message.includes("not_null"));
      await assert.rejects(store.stage("h1", changed.write, changed.parquet), {
        code: "schema_change_refused",
      });
      for (const line of new Set(problems[0]!.hint!.split("\n"))) {
        await postgres.query(
          "shop",
          line,
        );
      }
      await bringIn(store, "h2", changed);
      assert.deepEqual(await types("hung"), [
        "id integer NOT NULL",
        "name integer",
        "amount text NOT NULL",
        "twice integer",
      ]);
    },
  );
  await t.step("the statements of a refusal by safe do what they say", async () => {
    const make = (sql: string) => outputs.make(["e", "safe"], sql);
    await bringIn(store, "s0", await make("SELECT 1 AS id, 'a' AS name, 2 AS gone"));
    await postgres.query("shop", "ALTER TABLE e.safe ALTER name SET NOT NULL");
    const changed = await make("SELECT 1 AS id, 5 AS name");
    const [problem] = await store.check([changed.write]);
    await postgres.query("shop", problem!.hint!);
    await bringIn(store, "s1", changed);
    assert.deepEqual(await types("safe"), ["id integer", "name integer"]);
  });
});

Deno.test("PostgresStore: a type that becomes wider leaves every row where it came from", async (t) => {
  await using postgres = await TestPostgres.start();
  await postgres.createDatabase("shop");
  using outputs = new OutputFolder(SPEC);
  await using store = await openStore(postgres, "shop", outputs.folders);
  const specs = { append: {}, upsert_by_key: { unique_keys: ["id"] } };
  for (const mode of ["append", "upsert_by_key"] as const) {
    for (const isReferenced of [false, true]) {
      await t.step(`${mode}${isReferenced ? ", others point at it" : ""}`, async () => {
        const name = `${mode}_${isReferenced}`;
        const table = ["e", name];
        const options = { mode, spec: { ...specs[mode], schema_evolution: "auto" as const } };
        const small = await outputs.make(
          table,
          "SELECT i::INTEGER AS id, i::INTEGER AS n FROM range(5) r(i)",
          options,
        );
        const more = await outputs.make(
          table,
          "SELECT i::INTEGER AS id, 7 AS n FROM range(5, 8) r(i)",
          options,
        );
        const wide = await outputs.make(
          table,
          "SELECT (i + 8)::INTEGER AS id, 5000000000 + i AS n FROM range(2) r(i)",
          options,
        );
        await bringIn(store, `${name}0`, small);
        await postgres.query("shop", `ALTER TABLE e.${name} ADD PRIMARY KEY (id)`);
        if (isReferenced) {
          await postgres.query(
            "shop",
            `CREATE TABLE e.lines_${mode} AS SELECT 1 AS of; ALTER TABLE e.lines_${mode} ADD FOREIGN KEY (of) REFERENCES e.${name}`,
          );
        }
        await bringIn(store, `${name}1`, more);
        const before = await rowsOf(postgres, "shop", table);
        await store.stage("w", wide.write, wide.parquet);
        await store.swap("w", [wide.write]);
        assert.equal((await rowsOf(postgres, "shop", table))!.length, 10);
        await store.undo("w", [wide.write]);
        assert.deepEqual(await rowsOf(postgres, "shop", table), before);
        const type = () =>
          postgres.query(
            "shop",
            `SELECT format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = 'e.${name}'::regclass AND attname = 'n'`,
          );
        assert.deepEqual(await type(), [{ type: "integer" }]);
        await bringIn(store, `${name}2`, wide);
        const after = await rowsOf(postgres, "shop", table);
        if (isReferenced) return;
        const back = (to: number, { write }: Output) => ({
          ...write,
          action: "revert" as const,
          back_to: `${name}${to}`,
        });
        for (const id of ["undone", "done"]) {
          await store.stage(`${name}${id}`, back(1, more), "");
          await store.swap(`${name}${id}`, [back(1, more)]);
          assert.deepEqual(await rowsOf(postgres, "shop", table), before);
          if (id === "done") await store.finish(`${name}${id}`, [back(1, more)]);
          else {
            await store.undo(`${name}${id}`, [back(1, more)]);
            assert.deepEqual(await rowsOf(postgres, "shop", table), after);
          }
        }
        assert.deepEqual(await store.check([back(0, small)]), []);
        await store.stage(`${name}first`, back(0, small), "");
        await store.swap(`${name}first`, [back(0, small)]);
        assert.equal((await rowsOf(postgres, "shop", table))!.length, 5);
      });
    }
  }
});

Deno.test("PostgresStore: keys and times of the merging modes", async (t) => {
  await using postgres = await TestPostgres.start();
  await postgres.createDatabase("shop");
  using outputs = new OutputFolder(SPEC);
  await using store = await openStore(postgres, "shop", outputs.folders);
  const upsert = (sql: string, spec = {}) =>
    outputs.make(["m", "keys"], sql, {
      mode: "upsert_by_key",
      spec: { unique_keys: ["id"], ...spec },
    });
  const rows = () => rowsOf(postgres, "shop", ["m", "keys"]);
  await t.step("columns are matched by name, and equal rows are not written", async () => {
    await bringIn(
      store,
      "k1",
      await upsert("SELECT * FROM (VALUES (1, 'a'), (2, 'b')) t(id, name)"),
    );
    const xmin = () => postgres.query("shop", "SELECT xmin::text FROM m.keys WHERE id = 1");
    const before = await xmin();
    await bringIn(
      store,
      "k2",
      await upsert("SELECT * FROM (VALUES ('B', 2), ('a', 1)) t(name, id)"),
    );
    assert.deepEqual(await rows(), ['{"id":1,"name":"a"}', '{"id":2,"name":"B"}']);
    assert.deepEqual(await xmin(), before);
  });
  await t.step("NULL keys and duplicates are refused, or follow the declared policy", async () => {
    const nulls = "SELECT * FROM (VALUES (3, 'c'), (NULL, 'x')) t(id, name)";
    const twice = "SELECT * FROM (VALUES (3, 'first'), (3, 'last')) t(id, name)";
    for (
      const [sql, message] of [[nulls, /NULL in "id"/], [
        twice,
        /same key \("id"\) = \(3\)/,
      ]] as const
    ) {
      const output = await upsert(sql);
      await assert.rejects(store.stage("k", output.write, output.parquet), {
        code: "validation_failed",
        message,
      });
    }
    await bringIn(store, "k3", await upsert(nulls, { null_keys: "skip" }));
    await bringIn(store, "k4", await upsert(twice, { duplicate_keys: "last" }));
    assert.deepEqual(await rows(), [
      '{"id":1,"name":"a"}',
      '{"id":2,"name":"B"}',
      '{"id":3,"name":"last"}',
    ]);
  });
  await t.step(
    "days that a batch does not bring again, and rows after its last, stay",
    async () => {
      const days = (values: string, spec = {}) =>
        outputs.make(
          ["m", "days"],
          `SELECT ts::TIMESTAMP AS ts, v FROM (VALUES ${values}) t(ts, v)`,
          {
            mode: "incremental_by_time",
            spec: { time_column: "ts", lookback: 3, ...spec },
          },
        );
      await bringIn(
        store,
        "d1",
        await days(
          "('2024-01-01 10:00', 1), ('2024-01-02 10:00', 2), ('2024-01-03 10:00', 3), ('2024-01-03 20:00', 4)",
        ),
      );
      // Late rows of the first day and some of the third; the second day is not in the batch.
      await bringIn(store, "d2", await days("('2024-01-01 09:00', 10), ('2024-01-03 10:00', 30)"));
      const values = await postgres.query<{ v: number }>(
        "shop",
        "SELECT v FROM m.days ORDER BY ts",
      );
      assert.deepEqual(values.map(({ v }) => v), [10, 2, 30, 4]);
      const nothing = await outputs.make(
        ["m", "days"],
        "SELECT NULL::TIMESTAMP AS ts, 1 AS v LIMIT 0",
        {
          mode: "incremental_by_time",
          spec: { time_column: "ts" },
        },
      );
      await bringIn(store, "d3", nothing);
      assert.equal((await rowsOf(postgres, "shop", ["m", "days"]))!.length, 4);
      const noTime = await outputs.make(["m", "days"], "SELECT NULL::TIMESTAMP AS ts, 1 AS v", {
        mode: "incremental_by_time",
        spec: { time_column: "ts" },
      });
      await assert.rejects(store.stage("d4", noTime.write, noTime.parquet), {
        code: "validation_failed",
      });
    },
  );
  await t.step("a revert is refused when somebody else changed the table since", async () => {
    const append = (n: number) =>
      outputs.make(["m", "log"], `SELECT ${n} AS id`, { mode: "append" });
    const [one, two] = [await append(1), await append(2)];
    for (
      const [change, back] of [
        ["UPDATE m.log SET id = 20 WHERE id = 2", "DROP TABLE m.log"],
        ["INSERT INTO m.log VALUES (3)", "DROP TABLE m.log"],
        ["DELETE FROM m.log WHERE id = 1", "DROP TABLE m.log"],
      ] as const
    ) {
      await bringIn(store, `a1${change}`, one);
      await bringIn(store, `a2${change}`, two);
      const revert = { ...one.write, action: "revert" as const };
      assert.deepEqual(await store.check([revert]), []);
      await postgres.query("shop", change);
      assert.deepEqual((await store.check([revert])).map(({ code }) => code), ["cannot_revert"]);
      await assert.rejects(store.stage("r", revert, one.parquet), { code: "cannot_revert" });
      await postgres.query("shop", back);
    }
  });
  await t.step(
    "undo is refused, and takes nothing back, when its rows were changed since",
    async () => {
      const make = (sql: string) => outputs.make(["m", "changed"], sql, { mode: "append" });
      await bringIn(store, "c1", await make("SELECT 1 AS id"));
      const second = await make("SELECT 2 AS id");
      await store.stage("c2", second.write, second.parquet);
      await store.swap("c2", [second.write]);
      await postgres.query("shop", "UPDATE m.changed SET id = 22 WHERE id = 2");
      await assert.rejects(store.undo("c2", [second.write]), { code: "cannot_undo" });
      assert.deepEqual(await rowsOf(postgres, "shop", ["m", "changed"]), ['{"id":1}', '{"id":22}']);
    },
  );
});

Deno.test("PostgresStore works without superuser, and says which statement gives a missing right", async (t) => {
  await using postgres = await TestPostgres.start();
  await postgres.createDatabase("shop");
  using outputs = new OutputFolder(SPEC);
  await postgres.query(
    "shop",
    `CREATE ROLE weak LOGIN PASSWORD 'weak-pw'; CREATE SCHEMA s;
CREATE TABLE s.others (id int)`,
  );
  const weak = { user: "weak", password: "weak-pw" };
  await using store = await openStore(postgres, "shop", outputs.folders, weak);
  const output = await outputs.make(["s", "t"], "SELECT 1 AS id");
  const grant = async (expected: RegExp, write = output.write) => {
    const [problem] = await store.check([write]);
    assert.equal(problem!.code, "missing_privilege");
    assert.match(problem!.hint!, expected);
    const statement = problem!.hint!.replace(/^.*must run: /, "").replace(/ {2}-- .*$/, "");
    await postgres.query("shop", statement);
  };
  await t.step("a schema that may not be used", async () => {
    await grant(/GRANT USAGE, CREATE ON SCHEMA "s" TO "weak";/);
    assert.deepEqual(await store.check([output.write]), []);
    await bringIn(store, "w1", output);
  });
  await t.step("a schema that does not exist", async () => {
    const { write } = await outputs.make(["fresh", "t"], "SELECT 1 AS id");
    await grant(/CREATE SCHEMA "fresh" AUTHORIZATION "weak";/, write);
    assert.deepEqual(await store.check([write]), []);
  });
  await t.step("a table of another role", async () => {
    const make = (sql: string) =>
      outputs.make(["s", "others"], sql, { spec: { existing: "adopt" } });
    const same = await make("SELECT 1 AS id");
    await grant(
      /GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE "s"\."others" TO "weak";/,
      same.write,
    );
    await bringIn(store, "w2", same);
    const { write } = await make("SELECT 1 AS id, 2 AS more");
    await grant(/ALTER TABLE "s"\."others" OWNER TO "weak";/, write);
    assert.deepEqual(await store.check([write]), []);
  });
  await t.step("everything that is wrong with a table is said at once", async () => {
    await postgres.query(
      "shop",
      `CREATE SCHEMA half; GRANT USAGE ON SCHEMA half TO weak;
CREATE TABLE half.old (id text, gone int NOT NULL); GRANT SELECT ON half.old TO weak`,
    );
    const { write } = await outputs.make(["half", "old"], "SELECT 1 AS id");
    const problems = await store.check([write]);
    assert.equal(problems.length, 1);
    assert.equal(problems[0]!.code, "foreign_table");
    assert.deepEqual(problems[0]!.message.split("\n    "), [
      "half.old cannot be written:",
      'role "weak" may not create tables in schema "half"',
      "is a table that Seeknal did not write",
      'role "weak" has no right to INSERT, UPDATE, DELETE',
      'column "id" is text in the table and integer in the output (schema_evolution: safe)',
      'column "gone" of the table is not in the output, has no default and is NOT NULL',
    ]);
    const [who, ...lines] = problems[0]!.hint!.split("\n    ");
    assert.equal(who, "somebody who may must run:");
    for (const line of lines.filter((text) => /^(ALTER|GRANT)/.test(text))) {
      await postgres.query("shop", line);
    }
    const adopted = await outputs.make(["half", "old"], "SELECT 1 AS id", {
      spec: { existing: "adopt" },
    });
    await bringIn(store, "half", adopted);
  });
  await t.step("secrets stand in no message", async () => {
    const wrong = openStore(postgres, "shop", outputs.folders, {
      ...weak,
      password: "wr0ng-secret",
    });
    await assert.rejects(
      wrong,
      (error: Error) => !JSON.stringify([error.message, error.stack]).includes("wr0ng-secret"),
    );
  });
});

Deno.test("PostgresStore: a virtual layer shares versions and changes views in place", async (t) => {
  await using postgres = await TestPostgres.start();
  await postgres.createDatabase("shop");
  await postgres.query("shop", "CREATE ROLE reader LOGIN");
  using outputs = new OutputFolder(SPEC);
  const layer = { virtual_layer: true };
  await using store = await openStore(postgres, "shop", outputs.folders, layer);
  const dev = { environment: "dev" };
  const asReader = async (query: string) => {
    const client = postgres.connect("shop");
    try {
      await client.unsafe("SET ROLE reader");
      return [...await client.unsafe(query)];
    } finally {
      await client.end();
    }
  };
  const sql = "SELECT 1 AS id, 'a' AS name";
  await t.step("promotion stages nothing: both environments show one version", async () => {
    await bringIn(store, "d", await outputs.make(["dev_v", "t"], sql, dev));
    const output = await outputs.make(["v", "t"], sql);
    const staged = await store.stage("p", output.write, output.parquet);
    assert.equal(staged.shared, true);
    assert.equal(staged.rows, 1);
    await store.swap("p", [output.write]);
    await store.finish("p", [output.write]);
    assert.deepEqual(await rowsOf(postgres, "shop", ["v", "t"]), ['{"id":1,"name":"a"}']);
    assert.deepEqual(
      await postgres.query("shop", "SELECT count(*)::int AS n FROM _seeknal._seeknal_versions"),
      [{ n: 1 }],
    );
  });
  await t.step(
    "rights, comments, options and views on it survive; readers need the view alone",
    async () => {
      await postgres.query(
        "shop",
        `GRANT USAGE ON SCHEMA v TO reader; GRANT SELECT ON v.t TO reader;
COMMENT ON VIEW v.t IS 'Things'; COMMENT ON COLUMN v.t.name IS 'Name'; ALTER VIEW v.t SET (security_barrier = true);
CREATE VIEW v.on_t AS SELECT name FROM v.t`,
      );
      const facts = async () =>
        await postgres.query(
          "shop",
          `SELECT oid, relacl::text, reloptions, obj_description(oid, 'pg_class') AS d,
col_description(oid, 2) AS c FROM pg_class WHERE oid = 'v.t'::regclass`,
        );
      const before = await facts();
      const more = await outputs.make(["v", "t"], "SELECT 'new' AS extra, 2 AS id, 'b' AS name");
      await store.stage("m", more.write, more.parquet);
      await store.swap("m", [more.write]);
      assert.deepEqual(await facts(), before);
      assert.deepEqual(await rowsOf(postgres, "shop", ["v", "on_t"]), ['{"name":"b"}']);
      await store.undo("m", [more.write]);
      assert.deepEqual(await rowsOf(postgres, "shop", ["v", "on_t"]), ['{"name":"a"}']);
      assert.deepEqual(
        await asReader("SELECT id, name FROM v.t"),
        [{ id: 1, name: "a" }],
      );
      await bringIn(store, "m2", await outputs.make(["v", "t"], "SELECT 3 AS id, 'c' AS name"));
      assert.deepEqual(await facts(), before);
    },
  );
  await t.step(
    "columns that views are built on cannot go; without such views they can",
    async () => {
      const spec = { schema_evolution: "auto" as const };
      const narrow = await outputs.make(["v", "t"], "SELECT 4 AS id", { spec });
      const [problem] = await store.check([narrow.write]);
      assert.equal(problem!.code, "dependent_objects");
      assert.match(problem!.message, /v\.on_t/);
      await postgres.query("shop", "DROP VIEW v.on_t");
      await store.stage("n", narrow.write, narrow.parquet);
      await store.swap("n", [narrow.write]);
      assert.deepEqual(await rowsOf(postgres, "shop", ["v", "t"]), ['{"id":4}']);
      await store.undo("n", [narrow.write]);
      await bringIn(store, "n2", narrow);
      assert.deepEqual(await asReader("SELECT * FROM v.t"), [{
        id: 4,
      }]);
      assert.deepEqual(
        await postgres.query(
          "shop",
          `SELECT obj_description('v.t'::regclass, 'pg_class') AS d, reloptions FROM pg_class WHERE oid = 'v.t'::regclass`,
        ),
        [{ d: "Things", reloptions: ["security_barrier=true"] }],
      );
    },
  );
  await t.step(
    "garbage: versions that nothing shows and nobody wants go, and no others",
    async () => {
      const versions = async () =>
        (await postgres.query<{ n: number }>(
          "shop",
          "SELECT count(*)::int AS n FROM _seeknal._seeknal_versions",
        ))[0]!.n;
      const request = {
        pending: new Set<string>(),
        project: "shop",
        expireBefore: null,
        keepSnapshots: 1,
        dryRun: false,
      };
      const kept = await outputs.make(["dev_v", "kept"], "SELECT 7 AS id", dev);
      await bringIn(store, "g1", kept);
      await bringIn(store, "g2", await outputs.make(["dev_v", "kept"], "SELECT 8 AS id", dev));
      await store.collectGarbage({ ...request, live: new Set([kept.write.content_hash]) });
      assert.equal(await versions(), 4, "dev_v.t, v.t, both of dev_v.kept");
      await store.collectGarbage({ ...request, live: new Set() });
      assert.equal(await versions(), 3);
      const owner = { project: "shop", environment: "dev" };
      const owned = await store.owned(owner);
      assert.deepEqual(owned.map(({ table }) => table), [["dev_v", "kept"], ["dev_v", "t"]]);
      await store.drop(owned.map(({ table }) => table), owner);
      assert.deepEqual(
        await postgres.query("shop", "SELECT 1 FROM pg_namespace WHERE nspname = 'dev_v'"),
        [],
      );
      assert.equal(await versions(), 1);
      await store.drop([["v", "t"]], { project: "shop", environment: "prod" });
      assert.deepEqual(
        await postgres.query(
          "shop",
          "SELECT nspname FROM pg_namespace WHERE nspname IN ('_seeknal', 'v')",
        ),
        [],
      );
    },
  );
});
