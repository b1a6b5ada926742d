import type { ReadVariable } from "../base/interpolate.ts";
import type { ConnectionSpec } from "../model/profile.ts";
import { openPostgres, type PostgresConnection } from "./connection.ts";
import { toUserError } from "./errors.ts";

/** Connects and says what is there and what may be done. Writes nothing. Throws as `openPostgres`. */
export async function testConnection(
  spec: ConnectionSpec,
  env: ReadVariable,
  root: string,
): Promise<{ server: string; facts: readonly string[] }> {
  await using connection = await openPostgres(spec, env, { readOnly: true, root });
  try {
    const place = connection.describe().replace(/\/.*$/, "");
    return {
      server: `PostgreSQL ${connection.serverVersion} at ${place}, ` +
        `database ${connection.database}, as ${connection.user}`,
      facts: await factsOf(connection),
    };
  } catch (error) {
    throw toUserError(error, "looking around", connection);
  }
}

async function factsOf({ sql, tls, user, database, schema }: PostgresConnection) {
  const [rights] = await sql<
    { role: string; create: boolean; replica: boolean; schema: boolean }[]
  >`
    SELECT current_user AS role,
      has_database_privilege(current_database(), 'CREATE') AS create,
      pg_is_in_recovery() AS replica,
      to_regnamespace(quote_ident(${schema})) IS NOT NULL AS schema`;
  const schemas = await sql<{ name: string }[]>`
    SELECT nspname AS name FROM pg_namespace
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
      AND has_schema_privilege(oid, 'CREATE')
    ORDER BY 1`;
  const names = schemas.map(({ name }) => name);
  return [
    tls === null ? "TLS: not in use" : `TLS: ${tls}`,
    ...(rights?.role === user ? [] : [`role: ${rights?.role}`]),
    rights?.schema === true ? `schema: ${schema}` : `schema: ${schema} does not exist`,
    `schemas it may create tables in: ${names.length === 0 ? "none" : names.join(", ")}`,
    rights?.create === true
      ? "new schemas: it may create them"
      : `new schemas: not allowed; GRANT CREATE ON DATABASE "${database}" TO "${user}";`,
    ...(rights?.replica === true ? ["a replica: it can be read only"] : []),
  ];
}
