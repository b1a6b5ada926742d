import type { TableRead } from "../../src/sources/table_source.ts";

/** What a source node asks for, with what is usual left out. */
export function tableRead(read: Partial<TableRead>): TableRead {
  return { table: null, params: {}, columnTypes: {}, ...read };
}
