/** Which state of a table is read; nothing: the current one. */
export interface SnapshotChoice {
  readonly snapshotId?: bigint;
  /** The state as it was at a moment. */
  readonly asOf?: Date;
  /** A branch or a tag. */
  readonly ref?: string;
}

/** How a read goes on from the one before. */
export type Increment =
  | { readonly kind: "time"; readonly column: string }
  | { readonly kind: "snapshots" };

/** What a source asks of a table. */
export interface ReadRequest {
  /** Namespace and name, without the catalog. */
  readonly table: readonly string[];
  /** As written, for messages. */
  readonly title: string;
  readonly choice: SnapshotChoice;
  readonly increment: Increment | null;
}

/** Why a read is not one that can be made. */
export interface RequestProblem {
  readonly path: readonly string[];
  readonly message: string;
  readonly hint: string;
}

/** Reads a source's `table` and params. */
export function parseReadRequest(
  table: string | null,
  params: Readonly<Record<string, unknown>>,
): ReadRequest | RequestProblem {
  const parts = (table ?? "").split(".");
  if (table === null || parts.length < 3 || parts.includes("")) {
    return {
      path: ["table"],
      message: table === null
        ? "An iceberg source needs a table"
        : `"${table}" is not a catalog, a namespace and a table`,
      hint: "write table: catalog.namespace.table",
    };
  }
  const choices = ["snapshot_id", "as_of", "ref"].filter((name) => isGiven(params[name]));
  const [first, second] = choices;
  if (first !== undefined && second !== undefined) {
    return {
      path: ["params", second],
      message: `"${first}" and "${second}" both say which state is read`,
      hint: "write one of them",
    };
  }
  const choice = parseChoice(params);
  if ("message" in choice) return choice;
  const increment = parseIncrement(params);
  if (increment !== null && "message" in increment) return increment;
  return { table: parts.slice(1), title: table, choice, increment };
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "";
}

function parseChoice(params: Readonly<Record<string, unknown>>): SnapshotChoice | RequestProblem {
  const { snapshot_id: id, as_of: asOf, ref } = params;
  if (isGiven(id)) {
    const isExact = typeof id === "string" || Number.isSafeInteger(id);
    if (!isExact || !/^\d{1,19}$/.test(String(id))) {
      return {
        path: ["params", "snapshot_id"],
        message: `"${String(id)}" is not a snapshot id`,
        hint: 'write it in quotes: snapshot_id: "3405397333955361279"',
      };
    }
    return { snapshotId: BigInt(String(id)) };
  }
  if (isGiven(asOf)) {
    const moment = parseMoment(String(asOf));
    if (moment !== null) return { asOf: moment };
    return {
      path: ["params", "as_of"],
      message: `"${String(asOf)}" is not a moment`,
      hint: 'write it as "2026-01-31 12:00:00"; without a zone it is UTC',
    };
  }
  return isGiven(ref) ? { ref: String(ref) } : {};
}

function parseIncrement(
  params: Readonly<Record<string, unknown>>,
): Increment | RequestProblem | null {
  const { incremental, time_column: column } = params;
  if (isGiven(incremental) && incremental !== "snapshots") {
    return {
      path: ["params", "incremental"],
      message: `"incremental" cannot be ${String(incremental)}`,
      hint: "write incremental: snapshots, or name a time_column",
    };
  }
  if (isGiven(incremental) && isGiven(column)) {
    return {
      path: ["params", "time_column"],
      message: '"incremental" and "time_column" both say how reading goes on',
      hint: "write one of them",
    };
  }
  if (isGiven(incremental)) return { kind: "snapshots" };
  return isGiven(column) ? { kind: "time", column: String(column) } : null;
}

/** Reads a moment: `2026-01-31`, `2026-01-31 12:00:00`, `2026-01-31T12:00:00+02:00`; without a zone it is UTC. Null for something else. */
export function parseMoment(text: string): Date | null {
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*(Z|[+-]\d\d:?\d\d)?)?$/
    .exec(text.trim());
  if (match === null) return null;
  const zone = (match[3] ?? "Z").replace(/^([+-]\d\d)(\d\d)$/, "$1:$2");
  const moment = new Date(`${match[1]}T${match[2] ?? "00:00"}${zone}`);
  return Number.isNaN(moment.getTime()) ? null : moment;
}
