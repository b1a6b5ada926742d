import { openSession } from "../../src/engine/registry.ts";
import { quoteName, quoteNodeId, quoteText } from "../../src/engine/quote.ts";
import type { Session } from "../../src/engine/session.ts";
import { splitNodeId } from "../../src/model/ids.ts";
import type { NodeId } from "../../src/model/ids.ts";

/** A row of a test table; dates and times are texts. */
export type TestRow = Readonly<Record<string, string | number | null>>;

/** Nodes with rows in a real session, for running SQL that a kind makes. */
export class TestRows implements AsyncDisposable {
  readonly session: Session;

  private constructor(session: Session) {
    this.session = session;
  }

  static async open(): Promise<TestRows> {
    return new TestRows(await openSession({ threads: 1, allowedDirs: [] }));
  }

  /** Makes a node of these columns and rows, in place of a former one of that id. */
  async put(
    id: string,
    columns: Readonly<Record<string, string>>,
    rows: readonly TestRow[],
  ): Promise<void> {
    const { kind } = splitNodeId(id as NodeId);
    const list = Object.entries(columns).map(([name, type]) => `${quoteName(name)} ${type}`);
    const values = rows.map((row) =>
      `(${Object.keys(columns).map((name) => literal(row[name] ?? null)).join(", ")})`
    );
    await this.session.run(
      [
        `CREATE SCHEMA IF NOT EXISTS ${quoteName(kind)}`,
        `CREATE OR REPLACE TABLE ${quoteNodeId(id)} (${list.join(", ")})`,
        ...(values.length === 0
          ? []
          : [`INSERT INTO ${quoteNodeId(id)} VALUES ${values.join(", ")}`]),
      ].join(";\n"),
    );
  }

  /** Rows of a query by column name; numbers of any width as numbers. */
  async read(sql: string): Promise<Record<string, unknown>[]> {
    const { columns, rows } = await this.session.read(sql);
    return rows.map((row) =>
      Object.fromEntries(columns.map(({ name, type }, i) => [name, cell(row[i], type)]))
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session[Symbol.asyncDispose]();
  }
}

function literal(value: string | number | null): string {
  if (value === null) return "NULL";
  return typeof value === "number" ? String(value) : quoteText(value);
}

function cell(value: unknown, type: string): unknown {
  return value !== null && /INT|DECIMAL|DOUBLE/.test(type) ? Number(value) : value;
}
