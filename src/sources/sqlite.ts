import { queryProblem } from "../postgres/query_text.ts";
import { filesBeside } from "./sqlite_files.ts";
import { FILENAME, type SourceType } from "./source_type.ts";

/** A table or a query of SQLite database files. */
export const SQLITE: SourceType = {
  name: "sqlite",
  summary: "A table or query of SQLite database files",
  extensions: [".db", ".sqlite", ".sqlite3", ".db3"],
  params: {
    table: { doc: "Table or view to read", type: "text" },
    query: { doc: "One SELECT to read instead of a table", type: "text" },
    filename: FILENAME,
  },
  hasTypes: true,
  besides: filesBeside,
  problem({ table, query }) {
    if (table !== undefined && query !== undefined) {
      return {
        param: "query",
        message: "A source reads a table or a query, not both",
        hint: "leave out params.table, or params.query",
      };
    }
    if (query === undefined) {
      return table !== undefined ? null : {
        param: "table",
        message: "The source does not say which table of the database it reads",
        hint: "write params: {table: orders}, or params: {query: SELECT …}",
      };
    }
    const wrong = queryProblem(String(query));
    return wrong === null ? null : {
      param: "query",
      message: `The query cannot be read: ${wrong}`,
      hint: "write one SELECT, or WITH … SELECT",
    };
  },
  reader: async () => (await import("./sqlite_reader.ts")).SQLITE_READER,
};
