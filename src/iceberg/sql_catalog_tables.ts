import type { SqlDatabase, SqlExecutor, SqlRow } from "./sql_catalog_database.ts";

/**
 * Tables of an SQL catalog as Java's JdbcCatalog lays them out, version 1; version 0 has no
 * `iceberg_type`. A catalog of version 0 stays one: others that use it may not know the column.
 */
const CREATE_TABLES = [
  `CREATE TABLE IF NOT EXISTS iceberg_tables (
    catalog_name VARCHAR(255) NOT NULL,
    table_namespace VARCHAR(255) NOT NULL,
    table_name VARCHAR(255) NOT NULL,
    metadata_location VARCHAR(1000),
    previous_metadata_location VARCHAR(1000),
    iceberg_type VARCHAR(5),
    PRIMARY KEY (catalog_name, table_namespace, table_name)
  )`,
  `CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
    catalog_name VARCHAR(255) NOT NULL,
    namespace VARCHAR(255) NOT NULL,
    property_key VARCHAR(255),
    property_value VARCHAR(1000),
    PRIMARY KEY (catalog_name, namespace, property_key)
  )`,
];

const KEY = "catalog_name = $1 AND table_namespace = $2 AND table_name = $3";

/** Where a name of a catalog points to. */
export interface Pointer {
  readonly location: string;
  readonly isView: boolean;
}

/** What a transaction is to do with one name, if it still points where it did. */
export interface PointerMove {
  readonly namespace: string;
  readonly table: string;
  /** Null: the name must be free. */
  readonly from: string | null;
  readonly to: string;
}

/** Reads and changes the tables of one catalog. Namespaces are joined by dots. */
export class CatalogTables {
  readonly #database: SqlDatabase;
  readonly #catalog: string;
  /** Known once there is one: it does not change while we look. */
  #isTyped: boolean | null = null;

  constructor(database: SqlDatabase, catalog: string) {
    this.#database = database;
    this.#catalog = catalog;
  }

  async pointer(namespace: string, table: string): Promise<Pointer | null> {
    if (!await this.#exists()) return null;
    const type = this.#isTyped ? ", iceberg_type" : "";
    const [row] = await this.#database.query(
      `SELECT metadata_location${type} FROM iceberg_tables WHERE ${KEY}`,
      [this.#catalog, namespace, table],
    );
    if (typeof row?.metadata_location !== "string") return null;
    return { location: row.metadata_location, isView: row.iceberg_type === "VIEW" };
  }

  /** Names of the tables of a namespace, sorted. */
  async tables(namespace: string): Promise<string[]> {
    if (!await this.#exists()) return [];
    const rows = await this.#database.query(
      `SELECT table_name FROM iceberg_tables
       WHERE catalog_name = $1 AND table_namespace = $2${this.#tablesOnly()}`,
      [this.#catalog, namespace],
    );
    return rows.map((row) => String(row.table_name)).sort();
  }

  /** All namespaces that have a table or a property. */
  async namespaces(): Promise<Set<string>> {
    if (!await this.#exists()) return new Set();
    const rows = await this.#database.query(
      `SELECT table_namespace AS namespace FROM iceberg_tables WHERE catalog_name = $1
       UNION SELECT namespace FROM iceberg_namespace_properties WHERE catalog_name = $1`,
      [this.#catalog],
    );
    return new Set(rows.map((row) => String(row.namespace)));
  }

  async properties(namespace: string): Promise<Record<string, string>> {
    if (!await this.#exists()) return {};
    const rows = await this.#database.query(
      `SELECT property_key, property_value FROM iceberg_namespace_properties
       WHERE catalog_name = $1 AND namespace = $2`,
      [this.#catalog, namespace],
    );
    return Object.fromEntries(rows.map(propertyOf));
  }

  /** Adds properties; those that are there stay as they are. */
  async addProperties(
    namespace: string,
    properties: Readonly<Record<string, string>>,
  ): Promise<void> {
    await this.#change(async (executor) => {
      for (const [key, value] of Object.entries(properties)) {
        await executor.execute(
          `INSERT INTO iceberg_namespace_properties (catalog_name, namespace, property_key, property_value)
           VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
          [this.#catalog, namespace, key, value],
        );
      }
    });
  }

  /** Removes a namespace's properties unless it has tables or views by then; false when it has. */
  async removeNamespace(namespace: string): Promise<boolean> {
    if (!await this.#exists()) return true;
    return await this.#change(async (executor) => {
      const tables = await executor.query(
        `SELECT 1 AS one FROM iceberg_tables WHERE catalog_name = $1 AND table_namespace = $2`,
        [this.#catalog, namespace],
      );
      if (tables.length > 0) return false;
      await executor.execute(
        `DELETE FROM iceberg_namespace_properties WHERE catalog_name = $1 AND namespace = $2`,
        [this.#catalog, namespace],
      );
      return true;
    });
  }

  async removeTable(namespace: string, table: string): Promise<void> {
    if (!await this.#exists()) return;
    await this.#change((executor) =>
      executor.execute(
        `DELETE FROM iceberg_tables WHERE ${KEY}${this.#tablesOnly()}`,
        [this.#catalog, namespace, table],
      )
    );
  }

  /** Makes all moves in one transaction, or none: then returns the first that could not be made. */
  async move(moves: readonly PointerMove[]): Promise<PointerMove | null> {
    // In one order everywhere, so that two transactions cannot wait for each other.
    const ordered = [...moves].sort((a, b) => compare(keyOf(a), keyOf(b)));
    try {
      await this.#change(async (executor) => {
        for (const move of ordered) {
          if (await this.#moveOne(executor, move) !== 1) throw new LostMove(move);
        }
      });
      return null;
    } catch (error) {
      if (error instanceof LostMove) return error.move;
      throw error;
    }
  }

  async #moveOne(executor: SqlExecutor, move: PointerMove): Promise<number> {
    const key = [this.#catalog, move.namespace, move.table];
    if (move.from === null) {
      const [column, value] = this.#isTyped ? [", iceberg_type", ", 'TABLE'"] : ["", ""];
      return await executor.execute(
        `INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, metadata_location${column})
         VALUES ($1, $2, $3, $4${value}) ON CONFLICT DO NOTHING`,
        [...key, move.to],
      );
    }
    if (move.from === move.to) {
      return await executor.execute(
        `UPDATE iceberg_tables SET metadata_location = metadata_location
         WHERE ${KEY} AND metadata_location = $4${this.#tablesOnly()}`,
        [...key, move.from],
      );
    }
    return await executor.execute(
      `UPDATE iceberg_tables SET metadata_location = $5, previous_metadata_location = $4
       WHERE ${KEY} AND metadata_location = $4${this.#tablesOnly()}`,
      [...key, move.from, move.to],
    );
  }

  async #change<T>(work: (executor: SqlExecutor) => Promise<T>): Promise<T> {
    if (!await this.#exists()) await this.#create();
    return await this.#database.transaction(work);
  }

  async #exists(): Promise<boolean> {
    if (this.#isTyped !== null) return true;
    const columns = await this.#database.columns("iceberg_tables");
    if (columns.size === 0) return false;
    if (!(await this.#database.columns("iceberg_namespace_properties")).size) return false;
    this.#isTyped = columns.has("iceberg_type");
    return true;
  }

  async #create(): Promise<void> {
    const create = () =>
      this.#database.transaction(async (executor) => {
        for (const statement of CREATE_TABLES) await executor.execute(statement, []);
      });
    // PostgreSQL lets one of two sessions that create the same table fail in spite of IF NOT EXISTS.
    await create().catch(create);
    await this.#exists();
  }

  #tablesOnly(): string {
    return this.#isTyped ? " AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)" : "";
  }
}

/** Rolls a transaction back. */
class LostMove extends Error {
  readonly move: PointerMove;

  constructor(move: PointerMove) {
    super("lost");
    this.move = move;
  }
}

function propertyOf(row: SqlRow): [string, string] {
  return [String(row.property_key), String(row.property_value)];
}

function keyOf(move: PointerMove): string {
  return `${move.namespace}\n${move.table}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
