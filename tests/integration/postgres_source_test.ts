import assert from "node:assert/strict";
import { UserError } from "../../src/base/user_error.ts";
import { openPostgres } from "../../src/postgres/connection.ts";
import { copyOut } from "../../src/postgres/copy_out.ts";
import { toUserError } from "../../src/postgres/errors.ts";
import { POSTGRES_SOURCE } from "../../src/sources/postgres.ts";
import type { TableRead } from "../../src/sources/table_source.ts";
import { TestPostgres } from "../support/postgres.ts";
import { SourceBench } from "../support/postgres_source.ts";
import { tableRead } from "../support/table_read.ts";

let server: TestPostgres;
Deno.test.beforeAll(async () => {
  server = await TestPostgres.start(["lc_messages=C"]);
});
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

/** The `UserError` that something ends with. */
async function failure(work: Promise<unknown>): Promise<UserError> {
  const error = await work.then(() => null, (error: unknown) => error);
  assert.ok(error instanceof UserError, `not a UserError: ${error}`);
  assert.ok(!`${error.message} ${error.hint}`.includes(server.password), "a secret is shown");
  return error;
}

Deno.test("a reader and all of its jobs see one snapshot while others commit", async () => {
  await using bench = await SourceBench.create(
    server,
    `CREATE TABLE a (id int); CREATE TABLE b (id int);
     INSERT INTO a SELECT generate_series(1, 1000); INSERT INTO b SELECT generate_series(1, 1000)`,
  );
  await using reader = await POSTGRES_SOURCE.open(
    bench.spec({ idle_in_transaction_session_timeout: "100ms" }),
    bench.context,
  );
  const [a, b] = [tableRead({ table: "a" }), tableRead({ table: "public.b" })];
  const described = await reader.describe(a);
  await bench.sql(
    "INSERT INTO a VALUES (0); DELETE FROM b WHERE id > 10; INSERT INTO b VALUES (0)",
  );
  await new Promise((resolve) => setTimeout(resolve, 300));
  const read = async (read: TableRead) => {
    const pin = await reader.pin(read);
    const { columns } = await reader.describe(read);
    const { path } = await bench.run(bench.job({ read, columns, pin }));
    const { rows } = await bench.session.read(`SELECT count(*), min(id) FROM '${path}'`);
    return rows[0];
  };
  // Two at once, as workers do it.
  assert.deepEqual(await Promise.all([read(a), read(b)]), [["1000", 1], ["1000", 1]]);
  assert.equal((await reader.describe(a)).token, described.token);
  // It would empty the table for the snapshot too.
  await assert.rejects(bench.sql("SET lock_timeout = '50ms'; TRUNCATE a"), { code: "55P03" });
  const now = await bench.describe({ table: "a" });
  assert.notEqual(now.token, described.token);
});

Deno.test("a describe that fails leaves the reader's snapshot to the others", async () => {
  await using bench = await SourceBench.create(server, "CREATE TABLE a (id int)");
  await using reader = await POSTGRES_SOURCE.open(bench.spec(), bench.context);
  const results = await Promise.all([
    failure(reader.describe(tableRead({ table: "nope.nothing" }))),
    reader.describe(tableRead({ table: "a" })),
    failure(reader.describe(tableRead({ params: { query: "SELECT x FROM a" } }))),
  ]);
  assert.deepEqual([results[0].code, results[0].kind], ["table_not_found", "validation"]);
  assert.deepEqual(results[1].columns, [{ name: "id", type: "INTEGER" }]);
  assert.deepEqual([results[2].code, results[2].kind], ["not_found", "validation"]);
});

Deno.test("row_versions, content and statistics notice every kind of change, and nothing else", async (t) => {
  const tables = {
    "ordinary table": "CREATE TABLE t (id int, v text)",
    "partitioned table": `CREATE TABLE t (id int, v text) PARTITION BY RANGE (id);
      CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (100);
      CREATE TABLE t2 PARTITION OF t DEFAULT`,
  };
  for (const [name, create] of Object.entries(tables)) {
    for (const detection of ["row_versions", "content", "statistics"]) {
      await t.step(`${detection} of a ${name}`, async () => {
        await using bench = await SourceBench.create(
          server,
          `${create}; INSERT INTO t SELECT i, 'v' || i FROM generate_series(1, 200) i`,
        );
        const token = async () => {
          // Counters are written when the session that counts ends; give it the moment.
          if (detection === "statistics") await new Promise((r) => setTimeout(r, 50));
          return (await bench.describe({
            table: "t",
            params: { change_detection: detection },
          })).token;
        };
        let before = await token();
        assert.equal(await token(), before, "read again");
        for (const idle of ["VACUUM t", "ANALYZE t", "SELECT count(*) FROM t"]) {
          await bench.sql(idle);
        }
        assert.equal(await token(), before, "vacuumed");
        for (
          const change of [
            "INSERT INTO t VALUES (5, 'more')",
            "UPDATE t SET v = 'other' WHERE id = 7",
            "UPDATE t SET v = NULL WHERE id = 7",
            "UPDATE t SET v = '' WHERE id = 7",
            "DELETE FROM t WHERE id = 8",
            "TRUNCATE t",
            "INSERT INTO t VALUES (1, 'a,b'), (2, 'c')",
            "ALTER TABLE t ADD COLUMN extra int",
          ]
        ) {
          await bench.sql(change);
          const after = await token();
          assert.notEqual(after, before, change);
          before = after;
        }
        await bench.sql("VACUUM FULL t");
        // The rows are the same; only their content says so.
        if (detection === "content") assert.equal(await token(), before, "vacuumed in full");
        else assert.notEqual(await token(), before, "vacuumed in full");
        await bench.sql("BEGIN; INSERT INTO t VALUES (9, 'x'); ROLLBACK");
        if (detection === "content") assert.equal(await token(), before, "rolled back");
      });
    }
  }
});

Deno.test("content is what tells of views and queries, whatever the order of their rows", async () => {
  await using bench = await SourceBench.create(
    server,
    `CREATE TABLE t (id int, v text); INSERT INTO t VALUES (1, 'a'), (2, NULL);
     CREATE VIEW w AS SELECT * FROM t`,
  );
  const view = await bench.describe({ table: "w" });
  assert.equal(view.reliesOn, "a hash over all rows of public.w");
  const query = (order: string) =>
    bench.describe({ params: { query: `SELECT * FROM t ORDER BY id ${order} -- the end` } });
  const [up, down] = [await query("ASC"), await query("DESC;")].map(({ token }) => token);
  assert.equal(up, down);
  await bench.sql("UPDATE t SET v = '' WHERE id = 2");
  assert.notEqual((await query("ASC")).token, up);
  assert.notEqual((await bench.describe({ table: "w" })).token, view.token);
  const error = await failure(
    bench.describe({ table: "w", params: { change_detection: "row_versions" } }),
  );
  assert.equal(error.code, "change_detection_unavailable");
});

Deno.test("statistics never count what the reader's snapshot does not show", async () => {
  await using bench = await SourceBench.create(server, "CREATE TABLE t (id int)");
  const read = tableRead({ table: "t", params: { change_detection: "statistics" } });
  await using reader = await POSTGRES_SOURCE.open(bench.spec(), bench.context);
  await bench.sql("INSERT INTO t VALUES (1)");
  await new Promise((resolve) => setTimeout(resolve, 100));
  const { token } = await reader.describe(read);
  assert.notEqual((await bench.describe(read)).token, token);
});

Deno.test("a job whose snapshot is gone says so", async () => {
  await using bench = await SourceBench.create(server, "CREATE TABLE t (id int)");
  const read = tableRead({ table: "t" });
  const job = await (async () => {
    await using reader = await POSTGRES_SOURCE.open(bench.spec(), bench.context);
    const { columns } = await reader.describe(read);
    return bench.job({ read, columns, pin: await reader.pin(read) });
  })();
  assert.equal((await failure(bench.run(job))).code, "snapshot_gone");
});

Deno.test("two databases never share a token", async () => {
  const statements = "CREATE TABLE t (id int); INSERT INTO t VALUES (1)";
  await using one = await SourceBench.create(server, statements);
  await using two = await SourceBench.create(server, statements);
  const read = { table: "t", params: { change_detection: "content" } };
  assert.notEqual((await one.describe(read)).token, (await two.describe(read)).token);
});

Deno.test("an incremental read transfers what is new, replaces by keys and never doubles", async (t) => {
  const create = `CREATE TABLE e (id int, at timestamptz, v text);
    INSERT INTO e VALUES (1, '2024-01-01', 'a'), (2, '2024-01-05', 'b'), (3, NULL, 'c')`;
  const goOn = async (bench: SourceBench, params: TableRead["params"]) => {
    const read = { table: "e", params: { time_column: "at", ...params } };
    const first = await bench.read(read);
    assert.equal(first.described.watermark, "2024-01-05 00:00:00+00");
    await bench.sql(`
      INSERT INTO e VALUES (4, '2024-01-06', 'd'), (5, '2024-01-04 12:00', 'late'),
        (6, '2023-12-31', 'too late');
      UPDATE e SET v = 'c2' WHERE id = 3; UPDATE e SET at = '2024-01-07', v = 'a2' WHERE id = 1`);
    const second = await bench.read(read, {
      parquet: first.path,
      watermark: first.described.watermark ?? "",
    });
    assert.notEqual(second.described.token, first.described.token);
    assert.equal(second.described.watermark, "2024-01-07 00:00:00+00");
    assert.deepEqual(await bench.leftovers(), []);
    const rows = await bench.texts(second.path, "id, v");
    assert.equal(second.rows, rows.length);
    return rows.map((row) => row.join(" ")).sort();
  };
  await t.step("without keys", async () => {
    await using bench = await SourceBench.create(server, create);
    assert.deepEqual(await goOn(bench, {}), ["1 a", "1 a2", "2 b", "3 c2", "4 d"]);
  });
  await t.step("with a lookback", async () => {
    await using bench = await SourceBench.create(server, create);
    assert.deepEqual(await goOn(bench, { lookback: "1d" }), [
      ...["1 a", "1 a2", "2 b", "3 c2", "4 d", "5 late"],
    ]);
  });
  await t.step("with keys", async () => {
    await using bench = await SourceBench.create(server, create);
    assert.deepEqual(await goOn(bench, { lookback: 86400, unique_keys: ["id"] }), [
      ...["1 a2", "2 b", "3 c2", "4 d", "5 late"],
    ]);
  });
});

Deno.test("an incremental read goes by numbers and dates too, and passes infinity over", async (t) => {
  const cases = [
    { type: "bigint", values: ["1", "5"], more: "6", watermark: "5" },
    {
      type: "date",
      values: ["2024-01-01", "0044-01-01 BC"],
      more: "2024-01-02",
      watermark: "2024-01-01",
    },
    {
      type: "timestamp",
      values: ["2024-01-01", "infinity"],
      more: "2024-01-02",
      watermark: "2024-01-01 00:00:00",
    },
    { type: "numeric(6,2)", values: ["1.25", "NaN"], more: "2", watermark: "1.25" },
    { type: "text", values: ["it''s", "a"], more: "k", watermark: "it's" },
  ];
  for (const { type, values, more, watermark } of cases) {
    await t.step(type, async () => {
      await using bench = await SourceBench.create(
        server,
        `CREATE TABLE e (v ${type}); INSERT INTO e VALUES ${values.map((v) => `('${v}')`)}`,
      );
      const columnTypes = type.startsWith("numeric") ? { v: "DOUBLE" } : {};
      const read = { table: "e", params: { time_column: "v" }, columnTypes };
      const first = await bench.read(read);
      assert.equal(first.described.watermark, watermark);
      await bench.sql(`INSERT INTO e VALUES ('${more}')`);
      const second = await bench.read(read, { parquet: first.path, watermark });
      assert.equal(second.rows, 3);
    });
  }
});

Deno.test("queries that write, or are more than one, are refused by their text and by the server", async (t) => {
  await using bench = await SourceBench.create(
    server,
    `CREATE TABLE t (id int); CREATE SEQUENCE s;
     CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN INSERT INTO t VALUES (1); RETURN 1; END'`,
  );
  for (
    const query of [
      "DELETE FROM t",
      "WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d",
      "SELECT 1; DROP TABLE t",
      "SELECT 1) AS q; DROP TABLE t; SELECT (1",
      "SELECT f()",
      "SELECT nextval('s')",
      "SELECT set_config('transaction_read_only', 'off', false)",
      "SELECT * INTO u FROM t",
    ]
  ) {
    await t.step(query, async () => {
      const error = await failure(bench.read({ params: { query } }));
      assert.ok(["validation", "execution"].includes(error.kind), `${error.kind} ${error.message}`);
      assert.deepEqual(await bench.sql("SELECT count(*)::int AS n FROM t"), [{ n: 0 }]);
    });
  }
});

Deno.test("columns of a query that differ in case only are refused", async () => {
  await using bench = await SourceBench.create(server, "");
  const error = await failure(bench.describe({ params: { query: 'SELECT 1 AS a, 2 AS "A"' } }));
  assert.deepEqual([error.code, error.kind], ["duplicate_column", "validation"]);
});

Deno.test("a missing right is named with the statement that grants it", async () => {
  await using bench = await SourceBench.create(
    server,
    `CREATE SCHEMA shop; CREATE TABLE shop."Order Items" (id int);
     DO $$ BEGIN CREATE ROLE reader LOGIN PASSWORD 'reader-secret'; EXCEPTION WHEN duplicate_object THEN END $$`,
  );
  const open = () =>
    POSTGRES_SOURCE.open(
      bench.spec({ user: "reader", password: "reader-secret" }),
      bench.context,
    );
  const read = tableRead({ table: 'shop."Order Items"' });
  {
    await using reader = await open();
    const error = await failure(reader.describe(read));
    assert.deepEqual([error.code, error.kind], ["missing_privilege", "security"]);
    assert.equal(error.hint, `GRANT USAGE ON SCHEMA "shop" TO "reader";`);
    await bench.sql(error.hint ?? "");
  }
  {
    await using reader = await open();
    const error = await failure(reader.describe(read));
    assert.equal(error.hint, `GRANT SELECT ON TABLE "shop"."Order Items" TO "reader";`);
    await bench.sql(error.hint ?? "");
  }
  await using reader = await open();
  assert.equal((await reader.describe(read)).columns.length, 1);
});

Deno.test("timeouts of statements and locks end a read with a hint", async () => {
  await using bench = await SourceBench.create(server, "CREATE TABLE t (id int)");
  const slow = { query: "SELECT pg_sleep(30)::text AS v" };
  const error = await failure(bench.describe({ params: { ...slow, timeout: "0.2" } }));
  assert.deepEqual([error.code, error.kind], ["statement_timeout", "execution"]);
  const blocker = server.connect(bench.database);
  try {
    await blocker.unsafe("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE");
    await using reader = await POSTGRES_SOURCE.open(
      bench.spec({ lock_timeout: "100ms" }),
      bench.context,
    );
    assert.equal((await failure(reader.describe(tableRead({ table: "t" })))).code, "lock_timeout");
  } finally {
    await blocker.end();
  }
});

Deno.test("openPostgres: what cannot be reached or entered is told apart", async (t) => {
  await using bench = await SourceBench.create(server, "");
  const cases: readonly [Record<string, string | number>, string, string, RegExp][] = [
    [{ password: "wrong-secret" }, "access_denied", "security", /password authentication failed/],
    [{ user: "nobody-here" }, "access_denied", "security", /nobody-here/],
    [{ role: "no_such_role" }, "access_denied", "security", /no_such_role/],
    [{ database: "nowhere" }, "connection_failed", "dependency", /"nowhere" does not exist/],
    [{ port: 1 }, "connection_failed", "dependency", /refused/],
    [{ host: "no-such-host.invalid" }, "connection_failed", "dependency", /cannot be resolved/],
    [{ sslmode: "require" }, "connection_failed", "dependency", /does not offer TLS/],
    [{ password: "${UNSET_SECRET}" }, "unset_variable", "usage", /UNSET_SECRET/],
    [{ sslmode: "sometimes" }, "invalid_option", "usage", /sslmode/],
    [{ statement_timeout: "soon" }, "invalid_option", "usage", /statement_timeout/],
  ];
  for (const [options, code, kind, message] of cases) {
    await t.step(JSON.stringify(options), async () => {
      const error = await failure(openPostgres(bench.spec(options), () => undefined));
      assert.deepEqual([error.code, error.kind], [code, kind]);
      assert.match(error.message, message);
      assert.match(error.message, /"warehouse"/);
      assert.match(error.message, /profiles\.yml/);
      assert.ok(!error.message.includes("wrong-secret"));
      if (code.startsWith("connection")) {
        assert.equal(error.hint, "seeknal connection-test warehouse");
      }
    });
  }
  await t.step("a server that says nothing", async () => {
    using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = silent.addr as Deno.NetAddr;
    const accepted = silent.accept();
    for (const sslmode of ["disable", "require"]) {
      const spec = bench.spec({ port, sslmode, connect_timeout: "0.3" });
      const error = await failure(openPostgres(spec, () => undefined));
      assert.equal(error.code, "connection_failed");
    }
    (await accepted).close();
  });
});

Deno.test("openPostgres: sessions read ISO texts in UTC whatever the database's settings are", async () => {
  await using bench = await SourceBench.create(
    server,
    "CREATE TABLE t (v timestamptz, i interval)",
  );
  await bench.sql(`
    ALTER DATABASE ${bench.database} SET TimeZone = 'Asia/Tokyo';
    ALTER DATABASE ${bench.database} SET DateStyle = 'German';
    ALTER DATABASE ${bench.database} SET IntervalStyle = 'iso_8601';
    ALTER DATABASE ${bench.database} SET bytea_output = 'escape';
    ALTER DATABASE ${bench.database} SET extra_float_digits = -5`);
  const { path } = await bench.read({
    params: {
      query: `SELECT '2024-05-06 07:08:09+00'::timestamptz AS v, '1 day 2 hours'::interval AS i,
      0.1::float8 + 0.2 AS f, '\\x00'::bytea AS b`,
    },
  });
  assert.deepEqual(await bench.texts(path), [
    ["2024-05-06 07:08:09+00", "1 day 02:00:00", "0.30000000000000004", "\\x00"],
  ]);
});

Deno.test("openPostgres: a session that is lost fails everything after it and never comes back", async () => {
  await using bench = await SourceBench.create(server, "");
  await using connection = await openPostgres(bench.spec(), () => undefined);
  const running = connection.sql`SELECT pg_sleep(30)`.catch((error) => error);
  await bench.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'seeknal' AND datname = current_database()`);
  const first = toUserError(await running, "waiting", connection);
  assert.ok(first instanceof UserError && first.code === "connection_lost", String(first));
  for (let i = 0; i < 3; i++) {
    const error = await connection.sql`SELECT 1`.then(() => null, (error) => error);
    const told = toUserError(error, "asking", connection);
    assert.ok(told instanceof UserError && told.code === "connection_lost", String(told));
    assert.equal(told.kind, "dependency");
  }
});

Deno.test("openPostgres: what runs when the signal aborts ends", async () => {
  await using bench = await SourceBench.create(server, "");
  const controller = new AbortController();
  const { signal } = controller;
  await using connection = await openPostgres(bench.spec(), () => undefined, { signal });
  const running = connection.sql`SELECT pg_sleep(30)`.catch((error) => error);
  setTimeout(() => controller.abort(), 50);
  const started = performance.now();
  const error = toUserError(await running, "sleeping", connection);
  assert.ok(error instanceof UserError && error.kind === "interrupted", String(error));
  assert.ok(performance.now() - started < 5000);
});

Deno.test("openPostgres: several sessions are there at once", async () => {
  await using bench = await SourceBench.create(server, "");
  await using connection = await openPostgres(bench.spec(), () => undefined, { max: 3 });
  const pids = await Promise.all(
    [1, 2, 3].map(() => connection.sql`SELECT pg_backend_pid() AS pid, pg_sleep(0.1)`),
  );
  assert.equal(new Set(pids.map(([row]) => row?.["pid"])).size, 3);
});

Deno.test("a read whose connection is killed fails and leaves no file behind", async () => {
  await using bench = await SourceBench.create(server, "");
  const query =
    "SELECT i, repeat('x', 1000) AS v, pg_sleep(0.0001) AS s FROM generate_series(1, 1000000) i";
  const read = tableRead({ params: { query } });
  const columns = [{ name: "i", type: "INTEGER" }, { name: "v", type: "VARCHAR" }];
  const running = failure(bench.run(bench.job({ read, columns, pin: null })));
  for (let killed = 0; killed === 0;) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const [row] = await bench.sql<{ n: number }>(`SELECT count(pg_terminate_backend(pid))::int AS n
      FROM pg_stat_activity WHERE application_name = 'seeknal' AND query LIKE 'COPY%'
        AND datname = current_database()`);
    killed = row?.n ?? 0;
  }
  const error = await running;
  assert.deepEqual([error.code, error.kind], ["connection_lost", "dependency"]);
  assert.deepEqual(await bench.leftovers(), []);
});

Deno.test("reading goes through a file where no pipe can be made", async () => {
  await using bench = await SourceBench.create(
    server,
    "CREATE TABLE t (id int, v text); INSERT INTO t SELECT i, repeat('v', i) FROM generate_series(0, 3000) i",
  );
  const piped = await bench.read({ table: "t" });
  const path = Deno.env.get("PATH") ?? "";
  try {
    Deno.env.set("PATH", "/nowhere");
    const filed = await bench.read({ table: "t" });
    assert.equal(filed.rows, 3001);
    assert.deepEqual(await bench.texts(filed.path), await bench.texts(piped.path));
  } finally {
    Deno.env.set("PATH", path);
  }
  assert.deepEqual(await bench.leftovers(), []);
});

Deno.test("reading: an engine that fails before it reads leaves nobody waiting", async () => {
  await using bench = await SourceBench.create(
    server,
    "CREATE TABLE t AS SELECT i, repeat('x', 1000) AS v FROM generate_series(1, 200000) i",
  );
  const { columns } = await bench.describe({ table: "t" });
  const job = bench.job({ read: tableRead({ table: "t" }), columns, pin: null });
  const outPath = "/nowhere/out.parquet";
  await assert.rejects(POSTGRES_SOURCE.read(job, outPath, bench.session, bench.context), {
    name: "SqlError",
  });
  assert.deepEqual(await bench.leftovers(), []);
});

Deno.test("reading: a misfit far into a long table is named", async () => {
  await using bench = await SourceBench.create(
    server,
    `CREATE TABLE t AS SELECT i, repeat('x', 500) AS v, (CASE WHEN i = 150000 THEN 'NaN'::numeric ELSE i END)::numeric(9,1) AS n
       FROM generate_series(1, 200000) i`,
  );
  const error = await failure(bench.read({ table: "t" }));
  assert.equal(error.code, "value_out_of_range");
  assert.match(error.message, /column "n" .* NaN/);
  assert.deepEqual(await bench.leftovers(), []);
});

Deno.test("copyOut: the sink's own failure stops the COPY, and the session goes on", async () => {
  await using bench = await SourceBench.create(server, "");
  await using connection = await openPostgres(bench.spec(), () => undefined);
  const copy = "COPY (SELECT repeat('x', 100) FROM generate_series(1, 5000000)) TO STDOUT";
  let seen = 0;
  await assert.rejects(
    copyOut(connection, copy, () => {
      if (++seen > 2) throw new Error("full");
      return Promise.resolve();
    }),
    /full/,
  );
  assert.equal(seen, 3);
  const lines: string[] = [];
  for (let i = 0; i < 3; i++) {
    const rows = await copyOut(connection, "COPY (VALUES (1), (2)) TO STDOUT", (bytes) => {
      lines.push(new TextDecoder().decode(bytes));
      return Promise.resolve();
    });
    assert.equal(rows, 2);
  }
  assert.deepEqual(lines, ["1\n2\n", "1\n2\n", "1\n2\n"]);
  await assert.rejects(
    copyOut(connection, "COPY (SELECT 1/0) TO STDOUT", () => Promise.resolve()),
    {
      code: "22012",
    },
  );
  assert.deepEqual([...await connection.sql`SELECT 1 AS one`], [{ one: 1 }]);
});

Deno.test("a job whose columns are not those that were described is refused", async () => {
  await using bench = await SourceBench.create(server, "CREATE TABLE t (id int)");
  const columns = [{ name: "id", type: "INTEGER" }];
  await bench.sql("ALTER TABLE t ALTER id TYPE bigint");
  const job = bench.job({ read: tableRead({ table: "t" }), columns, pin: null });
  assert.equal((await failure(bench.run(job))).code, "source_changed");
});
