import assert from "node:assert/strict";
import { freshnessChecks } from "../../../src/checks/freshness_checks.ts";
import { openSession } from "../../../src/engine/registry.ts";

const NOW = new Date("2026-01-10T00:00:00Z");

/** Violations by severity of rows whose newest time is the given SQL. */
async function violations(newest: string): Promise<Record<string, number>> {
  await using session = await openSession({ allowedDirs: [] });
  await session.run(`CREATE TABLE "this" AS SELECT ${newest} AS "at ""x"""`);
  const spec = { time_column: 'at "x"', warn_after: "24h", error_after: "7d" };
  const found: Record<string, number> = {};
  for (const { severity, sql } of freshnessChecks(spec, NOW)) {
    found[severity] = Number((await session.read(sql)).rows[0]![0]);
  }
  return found;
}

Deno.test("freshnessChecks() pass, warn or fail by age, never two of them", async () => {
  assert.deepEqual(await violations("TIMESTAMP '2026-01-09 00:00:00'"), { warn: 0, error: 0 });
  assert.deepEqual(await violations("TIMESTAMP '2026-01-08 23:59:59'"), { warn: 1, error: 0 });
  assert.deepEqual(await violations("TIMESTAMP '2026-01-03 00:00:00'"), { warn: 1, error: 0 });
  assert.deepEqual(await violations("TIMESTAMP '2026-01-02 23:59:59'"), { warn: 0, error: 1 });
});

Deno.test("freshnessChecks() read dates and times with a zone, and take no time for the oldest", async () => {
  assert.deepEqual(await violations("DATE '2026-01-08'"), { warn: 1, error: 0 });
  const zoned = await violations("TIMESTAMPTZ '2026-01-09 01:30:00+02:00'");
  assert.deepEqual(zoned, { warn: 1, error: 0 });
  assert.deepEqual(await violations("NULL::TIMESTAMP"), { warn: 0, error: 1 });
});

Deno.test("freshnessChecks() has one check for each limit", () => {
  const names = (warn_after: string | null, error_after: string | null) =>
    freshnessChecks({ time_column: "at", warn_after, error_after }, NOW).map(({ name }) => name);
  assert.deepEqual(names("1h", null), ["freshness_warn(at)"]);
  assert.deepEqual(names(null, "1h"), ["freshness(at)"]);
});
