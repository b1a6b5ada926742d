import type { ParamValue } from "../model/node.ts";
import { queryProblem, tableNameParts } from "../postgres/query_text.ts";
import {
  CHANGE_DETECTIONS,
  type ChangeDetection,
  parseSeconds,
  type RowsRequest,
} from "../postgres/rows_request.ts";
import type { SourceReader, TableRead, TableSourceType } from "./table_source.ts";

/** Tables and queries of a PostgreSQL database. */
export const POSTGRES_SOURCE: TableSourceType = {
  name: "postgresql",
  summary: "a table or query of a PostgreSQL database",
  params: {
    connection: { doc: "name of the connection in the profile", type: "text" },
    query: { doc: "one SELECT to read instead of a table", type: "text" },
    change_detection: {
      doc: "how a change is noticed: row_versions (tables), content, statistics or watermark",
      type: "text",
    },
    time_column: {
      doc: "read on from this column's last value instead of everything again",
      type: "text",
    },
    lookback: {
      doc: "with time_column: how far before the last value to read again, in seconds or as 3d",
      type: "text",
    },
    unique_keys: {
      doc: "with time_column: columns that tell rows apart, a new version replaces the old one",
      type: "list",
    },
    timeout: { doc: "longest time of one statement, in seconds or as 30m", type: "text" },
  },
  problem,
  connection: (read) => textOf(read.params["connection"]),
  async open(connection, context): Promise<SourceReader> {
    const { openPostgres } = await import("../postgres/connection.ts");
    const { SnapshotReader } = await import("../postgres/snapshot_reader.ts");
    const opened = await openPostgres(connection, context.env, { readOnly: true });
    const { schema } = opened;
    const reader = await SnapshotReader.begin(opened);
    return {
      describe: (read) => reader.describe(requestOf(read, schema)),
      pin: () => Promise.resolve(reader.snapshot),
      [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
    };
  },
  async read(job, outPath, session, context): Promise<number> {
    const { openPostgres } = await import("../postgres/connection.ts");
    const { readJob } = await import("../postgres/read_job.ts");
    await using connection = await openPostgres(job.connection, context.env, { readOnly: true });
    const request = requestOf(job.read, connection.schema);
    const { source, columns, pin, previous, temporaryDir } = job;
    return await readJob(
      connection,
      { source, columns, previous, temporaryDir, request, snapshot: pin },
      outPath,
      session,
    );
  },
};

type Problem = NonNullable<ReturnType<TableSourceType["problem"]>>;

function problem(read: TableRead): Problem | null {
  return whatProblem(read) ?? incrementalProblem(read) ?? timeProblem(read);
}

/** What to read: a table or a query, not both. */
function whatProblem({ table, params }: TableRead): Problem | null {
  const query = textOf(params["query"]);
  if (query !== null) {
    if (table !== null) {
      return {
        path: ["params", "query"],
        message: "A source reads a table or a query, not both",
        hint: "leave out table, or params.query",
      };
    }
    const wrong = queryProblem(query);
    return wrong === null ? null : {
      path: ["params", "query"],
      message: `The query cannot be read: ${wrong}`,
      hint: "write one SELECT, or WITH … SELECT",
    };
  }
  const example = "write table: schema.name, with quotes where PostgreSQL needs them";
  if (table === null) {
    return { path: ["table"], message: "The source does not say what to read", hint: example };
  }
  const parts = tableNameParts(table);
  if (parts !== null && parts.length <= 2) return null;
  return { path: ["table"], message: `"${table}" is no name of a table`, hint: example };
}

function incrementalProblem({ params }: TableRead): Problem | null {
  const detection = textOf(params["change_detection"]);
  if (detection !== null && !CHANGE_DETECTIONS.some((name) => name === detection)) {
    return {
      path: ["params", "change_detection"],
      message: `There is no change_detection "${detection}"`,
      hint: `it is one of ${CHANGE_DETECTIONS.join(", ")}`,
    };
  }
  if (textOf(params["time_column"]) !== null) return null;
  if (detection === "watermark") {
    return {
      path: ["params", "change_detection"],
      message: "change_detection: watermark needs a time_column",
      hint: "add time_column: NAME",
    };
  }
  const needing = ["lookback", "unique_keys"].find((name) => listOf(params[name]).length > 0);
  return needing === undefined ? null : {
    path: ["params", needing],
    message: `${needing} has no meaning without time_column`,
    hint: `add time_column: NAME, or leave out ${needing}`,
  };
}

function timeProblem({ params }: TableRead): Problem | null {
  const wrong = ["lookback", "timeout"].find((name) => {
    const text = textOf(params[name]);
    return text !== null && parseSeconds(text) === null;
  });
  return wrong === undefined ? null : {
    path: ["params", wrong],
    message: `${wrong} is no length of time: ${textOf(params[wrong])}`,
    hint: `write seconds, or a number with s, m, h, d or w: ${wrong}: 3d`,
  };
}

function requestOf({ table, params, columnTypes }: TableRead, schema: string): RowsRequest {
  const parts = table === null ? null : tableNameParts(table);
  const name = parts?.at(-1);
  return {
    table: name === undefined ? null : { schema: parts?.at(-2) ?? schema, name },
    query: textOf(params["query"]),
    changeDetection: detectionOf(params["change_detection"]),
    timeColumn: textOf(params["time_column"]),
    lookbackSeconds: parseSeconds(textOf(params["lookback"]) ?? "0") ?? 0,
    uniqueKeys: listOf(params["unique_keys"]),
    timeoutSeconds: parseSeconds(textOf(params["timeout"]) ?? ""),
    columnTypes,
  };
}

function detectionOf(value: ParamValue | undefined): ChangeDetection | null {
  return CHANGE_DETECTIONS.find((name) => name === value) ?? null;
}

function textOf(value: ParamValue | undefined): string | null {
  if (value === undefined || value === null || typeof value === "object") return null;
  return value === "" ? null : String(value);
}

function listOf(value: ParamValue | undefined): readonly string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value.map(String);
  return typeof value === "object" ? [] : [String(value)];
}
