import type { Buffer } from "node:buffer";
import { UserError } from "../base/user_error.ts";
import type { PostgresConnection } from "./connection.ts";
import type { PostgresType } from "./from_postgres_type.ts";

/** A column of a query's result. */
export interface QueryColumn {
  readonly name: string;
  readonly type: PostgresType;
}

/**
 * The columns of a `SELECT`, which is parsed and not run. Throws what the server says, and
 * `UserError` `duplicate_column` when two columns have one name to DuckDB.
 */
export async function describeQuery(
  connection: PostgresConnection,
  query: string,
  what: string,
): Promise<readonly QueryColumn[]> {
  const fields = await readFields(connection, query);
  const types = await readTypes(connection, [...new Set(fields.map(({ oid }) => oid))]);
  const seen = new Map<string, string>();
  return fields.map(({ name, oid, modifier }) => {
    const twin = seen.get(name.toLowerCase());
    if (twin !== undefined) {
      throw new UserError(`Columns "${twin}" and "${name}" of ${what} have one name`, {
        code: "duplicate_column",
        kind: "validation",
        hint: `upper and lower case are the same here: name one otherwise in params.query, ` +
          `SELECT "${name}" AS ${name.toLowerCase()}_2`,
      });
    }
    seen.set(name.toLowerCase(), name);
    return { name, type: columnType(types, oid, modifier) };
  });
}

interface Field {
  readonly name: string;
  readonly oid: number;
  readonly modifier: number;
}

/** Reads the server's own description: the client keeps of it no type modifiers. */
async function readFields(connection: PostgresConnection, query: string): Promise<Field[]> {
  const [socket] = connection.sockets;
  const pieces: Uint8Array[] = [];
  const listen = (bytes: Buffer) => void pieces.push(bytes);
  socket?.on("data", listen);
  try {
    // `describe` is the extended protocol: more than one statement is refused by the server.
    await connection.sql.unsafe(query).describe();
  } finally {
    socket?.removeListener("data", listen);
  }
  return rowDescription(concat(pieces));
}

/** The fields of the RowDescription among a server's messages. */
function rowDescription(bytes: Uint8Array): Field[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at < bytes.length && bytes[at] !== 0x54) at += 1 + view.getUint32(at + 1);
  if (at >= bytes.length) return [];
  const fields: Field[] = [];
  const count = view.getUint16(at + 5);
  at += 7;
  for (let i = 0; i < count; i++) {
    const end = bytes.indexOf(0, at);
    const name = new TextDecoder().decode(bytes.subarray(at, end));
    // After the name: table 4, column 2, type 4, size 2, modifier 4, format 2.
    fields.push({ name, oid: view.getUint32(end + 7), modifier: view.getInt32(end + 13) });
    at = end + 19;
  }
  return fields;
}

interface CatalogType {
  readonly oid: number;
  readonly name: string;
  readonly base: number;
  readonly base_modifier: number;
  readonly element: number;
}

/** Types by their numbers, with those that they are made of. */
async function readTypes(
  connection: PostgresConnection,
  oids: readonly number[],
): Promise<ReadonlyMap<number, CatalogType>> {
  const list = oids.length === 0 ? "0" : oids.join(", ");
  const rows = await connection.sql.unsafe<(CatalogType & { oid: number })[]>(`
    WITH RECURSIVE needed AS (
      SELECT oid, typname, typbasetype, typtypmod, typelem, typcategory, typlen
      FROM pg_catalog.pg_type WHERE oid IN (${list})
      UNION
      SELECT t.oid, t.typname, t.typbasetype, t.typtypmod, t.typelem, t.typcategory, t.typlen
      FROM needed n JOIN pg_catalog.pg_type t ON t.oid = n.typbasetype
        OR n.typcategory = 'A' AND n.typlen = -1 AND t.oid = n.typelem
    )
    SELECT oid, typname AS name, typbasetype AS base, typtypmod AS base_modifier,
      CASE WHEN typcategory = 'A' AND typlen = -1 THEN typelem ELSE 0 END AS element
    FROM needed`);
  return new Map(rows.map((row) => [Number(row.oid), row]));
}

function columnType(
  types: ReadonlyMap<number, CatalogType>,
  oid: number,
  modifier: number,
): PostgresType {
  const type = types.get(oid);
  if (type === undefined) return { name: "unknown", modifier: -1, isArray: false };
  if (Number(type.base) !== 0) {
    return columnType(types, Number(type.base), type.base_modifier);
  }
  if (Number(type.element) === 0) return { name: type.name, modifier, isArray: false };
  const element = columnType(types, Number(type.element), modifier);
  // A list of a domain over a list is two things at once: it comes as its text.
  return element.isArray
    ? { name: "text", modifier: -1, isArray: false }
    : { ...element, isArray: true };
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    result.set(piece, at);
    at += piece.length;
  }
  return result;
}
