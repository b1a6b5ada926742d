import { POSTGRES_TARGET } from "../../src/targets/postgres.ts";
import type { TargetStore } from "../../src/targets/target_type.ts";
import type { TestPostgres } from "./postgres.ts";

/** Opens the store of a database. */
export function openStore(
  postgres: TestPostgres,
  database: string,
  folders: { objectsDir: string; temporaryDir: string },
  options: Readonly<Record<string, string | number | boolean>> = {},
): Promise<TargetStore> {
  const connection = {
    name: "warehouse",
    type: "postgresql",
    options: { ...postgres.connection(database), ...options },
    file: "profiles.yml",
  };
  return POSTGRES_TARGET.open(connection, {
    env: () => undefined,
    root: "/",
    ...folders,
    now: () => new Date(0),
    signal: new AbortController().signal,
  });
}

/** Rows of a table as JSON texts, sorted; null when it does not exist. */
export async function rowsOf(
  postgres: TestPostgres,
  database: string,
  table: readonly string[],
): Promise<string[] | null> {
  const name = table.map((part) => `"${part}"`).join(".");
  const [found] = await postgres.query<{ is: boolean }>(
    database,
    `SELECT to_regclass('${name}') IS NOT NULL AS is`,
  );
  if (!found!.is) return null;
  const rows = await postgres.query<{ row: string }>(
    database,
    `SELECT to_jsonb(t)::text AS row FROM ${name} t`,
  );
  return rows.map(({ row }) => row.replaceAll(": ", ":").replaceAll(", ", ",")).sort();
}
