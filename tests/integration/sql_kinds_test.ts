import assert from "node:assert/strict";
import type { TempProject } from "../support/project.ts";
import { BY_HAND, flightsCsv, makeFlights } from "../support/flights_project.ts";
import { ok, rowsOf, source } from "../support/shop.ts";
import { makeProject } from "../support/project.ts";

interface PlanJson {
  readonly nodes: readonly {
    readonly id: string;
    readonly category: string | null;
    readonly change: string;
  }[];
}

async function sameAsByHand(project: TempProject, env: string): Promise<void> {
  for (const [id, sql] of Object.entries(BY_HAND)) {
    // Sums of floating-point numbers depend on the order of the rows in their last digits.
    const round = `SELECT COLUMNS(c -> true) FROM`;
    const [made, byHand] = [
      await values(project, `${round} ${id}`, env),
      await values(project, sql, env),
    ];
    assert.ok(made.length > 0, id);
    assert.deepEqual(made, byHand, `${id} in ${env}`);
  }
}

/** Rows without column names, in an order of their own, floating-point numbers rounded. */
async function values(project: TempProject, sql: string, env: string): Promise<string[]> {
  const { stdout, stderr, code } = await project.run(
    "query",
    sql,
    "--env",
    env,
    "--json",
    "--limit",
    "100000",
  );
  assert.equal(code, 0, stderr);
  return (JSON.parse(stdout) as Record<string, unknown>[]).map((row) =>
    JSON.stringify(Object.values(row).map(plain))
  ).sort();
}

function plain(value: unknown): unknown {
  if (typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value)) return Number(value);
  return typeof value === "number" ? Number(value.toPrecision(9)) : value;
}

Deno.test("every kind made of one SELECT goes through dev, staging, production and rollback, with the rows of hand-written SQL", async () => {
  using flights = makeFlights();
  const release = async () => {
    await ok(flights, "plan", "dev");
    await ok(flights, "run", "--env", "dev");
    await sameAsByHand(flights, "dev");
    await ok(flights, "promote", "dev", "staging", "--yes");
    await ok(flights, "promote", "staging", "--yes");
  };
  const rows = async (env: string) =>
    (await rowsOf(flights, "SELECT count(*) AS n FROM training_set.flight_delays", env))[0]!["n"];
  await release();
  await sameAsByHand(flights, "staging");
  await sameAsByHand(flights, "prod");
  assert.equal(Number(await rows("prod")), 900);
  flights.write("data/flights.csv", flightsCsv(2, 1200));
  await release();
  await sameAsByHand(flights, "prod");
  assert.equal(Number(await rows("prod")), 1200);
  await ok(flights, "rollback", "--yes");
  await sameAsByHand(flights, "prod");
  assert.equal(Number(await rows("prod")), 900);
  assert.equal(Number(await rows("staging")), 1200);
});
