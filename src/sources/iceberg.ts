import { sha256 } from "../base/hash.ts";
import { UserError } from "../base/user_error.ts";
import type { Catalog } from "../iceberg/catalog.ts";
import { parseReadRequest, type ReadRequest } from "../iceberg/read_request.ts";
import type { Session } from "../engine/session.ts";
import type { ConnectionSpec } from "../model/profile.ts";
import type {
  DescribedTable,
  ReadContext,
  SourceReader,
  TableJob,
  TableRead,
  TableSourceType,
} from "./table_source.ts";

/** Tables of an Iceberg catalog. */
export const ICEBERG_SOURCE: TableSourceType = {
  name: "iceberg",
  summary: "Tables of an Iceberg catalog",
  params: {
    snapshot_id: { doc: "Snapshot to read, in quotes", type: "text" },
    as_of: { doc: "Moment whose state is read, such as 2026-01-31 12:00:00 (UTC)", type: "text" },
    ref: { doc: "Branch or tag to read", type: "text" },
    incremental: {
      doc:
        "snapshots: read only what snapshots have added since the last run; all again where rows were changed",
      type: "text",
    },
    time_column: {
      doc: "Read only rows with a later time than those of the last run",
      type: "text",
    },
  },
  problem: (read) => {
    const request = parseReadRequest(read.table, read.params);
    return "message" in request ? request : null;
  },
  connection: (read) => read.table?.split(".")[0] ?? null,
  open: async (connection, context) =>
    new IcebergReader(await openIceberg(connection, context), context),
  read: async (job, outPath, session, context) => await readJob(job, outPath, session, context),
};

async function openIceberg(connection: ConnectionSpec, context: ReadContext): Promise<Catalog> {
  const { openCatalog } = await import("../iceberg/open_catalog.ts");
  return await openCatalog(connection, {
    env: context.env,
    root: context.root,
    // Reading commits nothing that would be dated.
    now: () => new Date(0),
  });
}

function requestOf(read: TableRead): ReadRequest {
  const request = parseReadRequest(read.table, read.params);
  if (!("message" in request)) return request;
  throw new UserError(request.message, {
    code: "invalid_source",
    kind: "validation",
    hint: request.hint,
  });
}

async function readJob(
  job: TableJob,
  outPath: string,
  session: Session,
  context: ReadContext,
): Promise<number> {
  const { findState, readTable, stateOfToken } = await import("../iceberg/table_reader.ts");
  const request = requestOf(job.read);
  await using catalog = await openIceberg(job.connection, context);
  const state = job.pin === null
    ? await findState(catalog, request)
    : await stateOfToken(catalog, request, job.pin);
  return await readTable(
    {
      request,
      state,
      columns: job.columns,
      previous: job.previous,
      temporaryDir: job.temporaryDir,
    },
    outPath,
    session,
  );
}

/** An open catalog. What was found first of a table is what later calls see. */
class IcebergReader implements SourceReader {
  readonly #catalog: Catalog;
  readonly #context: ReadContext;
  readonly #states = new Map<string, Promise<import("../iceberg/table_reader.ts").ReadState>>();

  constructor(catalog: Catalog, context: ReadContext) {
    this.#catalog = catalog;
    this.#context = context;
  }

  async describe(read: TableRead): Promise<DescribedTable> {
    const { stateToken } = await import("../iceberg/table_reader.ts");
    const { duckColumns } = await import("../iceberg/types.ts");
    const request = requestOf(read);
    const state = await this.#state(request);
    const id = state.snapshot?.["snapshot-id"] ?? null;
    return {
      columns: duckColumns(state.schema).map(({ name, type }) => ({
        name,
        type: read.columnTypes[name] ?? type,
      })),
      token: stateToken(state),
      system: sha256(`iceberg ${state.table.metadata["table-uuid"]}`),
      reliesOn: id === null
        ? `no snapshot of ${request.title} yet`
        : `snapshot ${id} of ${request.title}`,
      watermark: await this.#watermark(request),
    };
  }

  async pin(read: TableRead): Promise<string> {
    const { stateToken } = await import("../iceberg/table_reader.ts");
    return stateToken(await this.#state(requestOf(read)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#catalog[Symbol.asyncDispose]();
  }

  async #state(request: ReadRequest) {
    const { findState } = await import("../iceberg/table_reader.ts");
    const { choice } = request;
    const key = [
      request.title,
      choice.snapshotId ?? "",
      choice.asOf?.getTime() ?? "",
      choice.ref ?? "",
    ].join("\0");
    const found = this.#states.get(key) ?? findState(this.#catalog, request);
    this.#states.set(key, found);
    return await found;
  }

  async #watermark(request: ReadRequest): Promise<string | null> {
    const { increment } = request;
    if (increment === null) return null;
    const state = await this.#state(request);
    if (increment.kind === "snapshots") {
      return state.snapshot === null ? null : String(state.snapshot["snapshot-id"]);
    }
    if (!state.schema.fields.some((field) => field.name === increment.column)) {
      throw new UserError(`${request.title} has no column ${increment.column} to go on by`, {
        code: "missing_column",
        kind: "validation",
        hint: `its columns are: ${state.schema.fields.map((field) => field.name).join(", ")}`,
      });
    }
    const { lastTime } = await import("../iceberg/table_reader.ts");
    return await lastTime(state, increment.column, this.#context.temporaryDir);
  }
}
