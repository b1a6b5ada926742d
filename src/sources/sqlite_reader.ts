import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { projectRelative } from "../base/project_path.ts";
import { UserError } from "../base/user_error.ts";
import { quoteName } from "../engine/quote.ts";
import { queryBody } from "../postgres/query_text.ts";
import { checkSameColumns } from "./same_columns.ts";
import { filenameColumn, type RowColumn, type RowReader, type RowRequest } from "./source_type.ts";
import { filesBeside } from "./sqlite_files.ts";
import { type StagedRow, type StagedValue, writeRows } from "./staged_rows.ts";

/** Reads SQLite files: types as they are declared, where nothing is declared by the values. */
export const SQLITE_READER: RowReader = {
  describe: async (request) => {
    const found = request.files.map((file) => ({
      file: projectRelative(request.root, file),
      columns: withDatabase(file, request, describeFile),
    }));
    checkSameColumns(found.map(({ file, columns }) => ({
      file,
      columns: columns.map(({ name }) => name),
    })));
    return found[0]!.columns.map(({ name }, i) => ({
      name,
      type: request.columnTypes[name] ?? commonType(found.map(({ columns }) => columns[i]!.type)),
    }));
  },
  read: (request, output) => {
    const fileColumn = filenameColumn(request.params);
    function* rows(): Generator<StagedRow> {
      for (const file of request.files) {
        const shown = projectRelative(request.root, file);
        const opened = openDatabase(file, output.temporaryDir);
        try {
          yield* readRows(opened.database, request, output.columns, { shown, fileColumn });
        } catch (error) {
          throw explained(error, shown);
        } finally {
          opened.close();
        }
      }
    }
    return writeRows(rows(), output);
  },
};

/** A type that holds the values of both. */
function commonType(types: readonly string[]): string {
  const all = new Set(types);
  if (all.size === 1) return types[0]!;
  return [...all].every((type) => type === "BIGINT" || type === "DOUBLE") ? "DOUBLE" : "VARCHAR";
}

function withDatabase<T>(
  file: string,
  request: RowRequest,
  work: (database: DatabaseSync, request: RowRequest) => T,
): T {
  const shown = projectRelative(request.root, file);
  try {
    const { database, close } = openDatabase(file, null);
    try {
      return work(database, request);
    } finally {
      close();
    }
  } catch (error) {
    throw explained(error, shown);
  }
}

/**
 * Opens a database without leaving a trace beside it. A file on its own is read as it is; one with a log or
 * journal is copied with them, and SQLite settles in the copy what is committed.
 */
function openDatabase(
  file: string,
  temporaryDir: string | null,
): { database: DatabaseSync; close: () => void } {
  const besides = filesBeside(file);
  if (besides.length === 0) {
    const url = pathToFileURL(file);
    url.searchParams.set("immutable", "1");
    const database = new DatabaseSync(url.href, { readOnly: true });
    return { database, close: () => database.close() };
  }
  const folder = Deno.makeTempDirSync({
    prefix: `download-${Deno.pid}-`,
    ...(temporaryDir === null ? {} : { dir: temporaryDir }),
  });
  const remove = () => Deno.removeSync(folder, { recursive: true });
  try {
    const copy = join(folder, basename(file));
    Deno.copyFileSync(file, copy);
    for (const path of besides) Deno.copyFileSync(path, join(folder, basename(path)));
    Deno.chmodSync(copy, 0o600);
    const database = new DatabaseSync(copy);
    const close = () => {
      database.close();
      remove();
    };
    try {
      database.exec("PRAGMA query_only = 1");
    } catch (error) {
      database.close();
      throw error;
    }
    return { database, close };
  } catch (error) {
    remove();
    throw error;
  }
}

function prepare(database: DatabaseSync, { params }: RowRequest): StatementSync {
  const { table, query } = params;
  const sql = query === undefined
    ? `SELECT * FROM ${quoteName(String(table))}`
    : queryBody(String(query));
  return database.prepare(sql);
}

function describeFile(database: DatabaseSync, request: RowRequest): RowColumn[] {
  const columns = prepare(database, request).columns();
  const names = columns.map(({ name }) => name.toLowerCase());
  const twice = columns.find(({ name }, i) => names.indexOf(name.toLowerCase()) !== i);
  if (twice !== undefined) {
    throw new UserError(`Two columns of the query are called "${twice.name}"`, {
      code: "source_unreadable",
      kind: "validation",
      hint: "give one of them another name with AS",
    });
  }
  const declared = columns.map(({ type }) => declaredType(type));
  const found = declared.includes(null) ? typesOfValues(database, request, columns) : [];
  return columns.map(({ name }, i) => ({ name, type: declared[i] ?? found[i]! }));
}

/**
 * The type that a declaration stands for; null where it says nothing about the values. After SQLite's
 * own rules of affinity, with the names that people use beside them. https://www.sqlite.org/datatype3.html
 */
export function declaredType(declaration: string | null): string | null {
  const text = (declaration ?? "").toUpperCase().trim();
  const decimal = /^(?:DECIMAL|NUMERIC)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)$/.exec(text);
  if (decimal !== null) {
    const [precision, scale] = [Number(decimal[1]), Number(decimal[2] ?? 0)];
    const fits = precision >= 1 && precision <= 38 && scale <= precision;
    return fits ? `DECIMAL(${precision},${scale})` : null;
  }
  if (/^BOOL(EAN)?$/.test(text)) return "BOOLEAN";
  if (text === "DATE") return "DATE";
  if (/^(DATETIME|TIMESTAMP)\b/.test(text)) return "TIMESTAMP";
  if (/INT(?!ERVAL)/.test(text) && !/POINT/.test(text)) return "BIGINT";
  if (/CHAR|CLOB|TEXT|JSON|UUID/.test(text)) return "VARCHAR";
  if (/BLOB/.test(text)) return "BLOB";
  return /REAL|FLOA|DOUB/.test(text) ? "DOUBLE" : null;
}

/** Types by the storage classes of all values. */
function typesOfValues(
  database: DatabaseSync,
  { params }: RowRequest,
  columns: readonly { readonly name: string }[],
): string[] {
  const from = params["query"] === undefined
    ? quoteName(String(params["table"]))
    : `(${queryBody(String(params["query"]))}\n)`;
  const counts = columns.flatMap(({ name }) => {
    const column = quoteName(name);
    const count = (condition: string) => `coalesce(sum(${condition}), 0)`;
    return [
      ...["integer", "real", "text", "blob"].map((type) => count(`typeof(${column}) = '${type}'`)),
      count(`typeof(${column}) = 'integer' AND ${column} NOT BETWEEN -${EXACT} AND ${EXACT}`),
    ];
  });
  const named = counts.map((count, i) => `${count} AS n${i}`).join(", ");
  const found = database.prepare(`SELECT ${named} FROM ${from}`).get() ?? {};
  const values = counts.map((_, i) => Number(found[`n${i}`]));
  return columns.map((_, i) => {
    const [integer = 0, real = 0, text = 0, blob = 0, large = 0] = values.slice(5 * i, 5 * i + 5);
    if (text > 0) return "VARCHAR";
    if (blob > 0) return "BLOB";
    if (real > 0) return large > 0 ? "VARCHAR" : "DOUBLE";
    return integer > 0 ? "BIGINT" : "VARCHAR";
  });
}

/** Whole numbers up to here are the same as DOUBLE: 2^53. */
const EXACT = "9007199254740992";

function* readRows(
  database: DatabaseSync,
  request: RowRequest,
  columns: readonly RowColumn[],
  { shown, fileColumn }: { readonly shown: string; readonly fileColumn: string | null },
): Generator<StagedRow> {
  const statement = prepare(database, request);
  // Files of one source may spell a column differently.
  const names = new Map(statement.columns().map(({ name }) => [name.toLowerCase(), name]));
  const wanted = columns.map(({ name }) =>
    name === fileColumn ? null : names.get(name.toLowerCase()) ?? name
  );
  statement.setReadBigInts(true);
  let row = 0;
  for (const cells of statement.iterate()) {
    row++;
    const at = row;
    const place = () => `row ${at} of ${shown}`;
    yield {
      values: wanted.map((name, i) =>
        name === null ? shown : stagedValue(cells[name], columns[i]!, place)
      ),
      place,
    };
  }
}

function stagedValue(value: unknown, column: RowColumn, place: () => string): StagedValue {
  if (value === null || value === undefined) return null;
  const isBlob = column.type === "BLOB";
  if (value instanceof Uint8Array) {
    if (isBlob) return value.toHex();
    throw new UserError(
      `Column "${column.name}" holds bytes (${place()}), which are no ${column.type}`,
      {
        code: "source_value",
        kind: "validation",
        hint: `read the column as bytes: columns: {${column.name}: BLOB}`,
      },
    );
  }
  const text = Object.is(value, -0) ? "-0.0" : String(value);
  return isBlob ? new TextEncoder().encode(text).toHex() : text;
}

function explained(error: unknown, shown: string): unknown {
  if (!(error instanceof Error) || !("code" in error) || error.code !== "ERR_SQLITE_ERROR") {
    return error;
  }
  return new UserError(`Cannot read "${shown}" as sqlite: ${error.message}`, {
    code: "source_unreadable",
    kind: "validation",
    hint: /not a database|malformed/.test(error.message)
      ? "check that the file is a SQLite database, whole and not encrypted"
      : /no such (table|column)/.test(error.message)
      ? `look at what it holds:\n    sqlite3 ${shown} .schema`
      : "correct params.table or params.query",
    cause: error,
  });
}
