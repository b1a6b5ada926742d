import * as arrow from "apache-arrow";
import { columnReader, type RowValue } from "./cells.ts";

/** A row by column name. */
export type Row = { [column: string]: RowValue };

/** The rows of an Arrow table, exact (see {@linkcode RowValue}). */
export function* tableRows(table: arrow.Table): Generator<Row> {
  const columns = table.schema.fields.map(({ name }, i) => ({
    name,
    read: columnReader(table.getChildAt(i)!),
  }));
  for (let i = 0; i < table.numRows; i++) {
    const row: Row = {};
    for (const { name, read } of columns) row[name] = read(i);
    yield row;
  }
}

/** What a script finds of a node that it reads: an Arrow table, its rows, and what a model left beside them. */
export class InputTable extends arrow.Table {
  /** Numbers that the node's own script recorded. */
  metrics: Readonly<Record<string, number>> = {};
  /** Bytes of the node's artifact; null where it has none. */
  artifact: Uint8Array | null = null;

  /** The rows one after the other, as objects. */
  rows(): Generator<Row> {
    return tableRows(this);
  }
}

/** A table of the record batches of IPC streams that have one schema. */
export function inputTable(streams: readonly Uint8Array[]): InputTable {
  const tables = streams.map((bytes) => arrow.tableFromIPC(bytes));
  return new InputTable(tables[0]!.schema, tables.flatMap(({ batches }) => batches));
}

/** True for an Arrow table, also one that another copy of the library made. */
export function isArrowTable(value: unknown): value is arrow.Table {
  return arrow.isArrowTable(value);
}

/** All of the library, for scripts. */
export { arrow };
