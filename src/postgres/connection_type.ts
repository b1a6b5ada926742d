import type { ConnectionOption, ConnectionType } from "../model/connection_type.ts";

const OPTIONS: Readonly<Record<string, ConnectionOption>> = {
  host: { doc: "name, address or folder of a Unix socket; default localhost", type: "text" },
  port: { doc: "default 5432", type: "integer" },
  user: { doc: "role to log in as", type: "text", required: true },
  password: { doc: 'its password, as "${NAME}"', type: "text", secret: true },
  database: { doc: "database to connect to", type: "text", required: true },
  schema: { doc: "schema of tables named without one; default public", type: "text" },
  sslmode: {
    doc: "how much TLS to ask for, as in libpq; default prefer",
    type: "text",
    values: ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"],
  },
  sslrootcert: {
    doc: "file with the authorities to trust; default those of the system",
    type: "text",
  },
  sslcert: { doc: "file with the client's certificate", type: "text" },
  sslkey: { doc: "file with the client's key", type: "text" },
  connect_timeout: { doc: "seconds to wait for the server; default 10", type: "number" },
  statement_timeout: {
    doc: "longest time of one statement, such as 30min; a number alone is milliseconds",
    type: "text",
  },
  lock_timeout: {
    doc: "longest wait for a lock, such as 10s; default a minute for a table that is written",
    type: "text",
  },
  idle_in_transaction_session_timeout: {
    doc: "longest time a transaction may do nothing, such as 10min",
    type: "text",
  },
  keepalives: { doc: "false: no TCP keepalives from this end", type: "boolean" },
  keepalives_idle: {
    doc: "seconds of silence before the first probe; default 60",
    type: "integer",
  },
  keepalives_interval: { doc: "seconds between the server's probes", type: "integer" },
  keepalives_count: { doc: "probes without answer until the server hangs up", type: "integer" },
  application_name: { doc: "name shown in pg_stat_activity; default seeknal", type: "text" },
  role: { doc: "role to work as after the login (SET ROLE)", type: "text" },
  virtual_layer: {
    doc: "true: tables of environments are views on stored contents",
    type: "boolean",
  },
};

/** A PostgreSQL database, as a profile names it. */
export const POSTGRESQL: ConnectionType = {
  name: "postgresql",
  summary: "a PostgreSQL database",
  options: OPTIONS,
  async test(connection, context) {
    const { testConnection } = await import("./test_connection.ts");
    return await testConnection(connection, context.env, context.root);
  },
};
