import { relative } from "node:path";
import { readersOf } from "../dag/graph.ts";
import type { CheckResult } from "../model/check.ts";
import { type EnvName, PROD } from "../model/ids.ts";
import type { MaterializationRecord } from "../model/materialization.ts";
import type { ManifestNode } from "../model/manifest.ts";
import { tablesOf } from "../model/outside.ts";
import type { NodeRecord } from "../model/snapshot.ts";
import { findNode } from "./find_node.ts";
import { checksOf } from "./node_checks.ts";
import { type ProjectState, readState } from "./read_state.ts";
import { nodeText } from "./sql_diff.ts";
import type { Workspace } from "./workspace.ts";

/** A column of a node, with all that is known about it. */
export interface ShownColumn {
  readonly name: string;
  readonly type: string;
  readonly description: string | null;
  readonly key: boolean;
  /** `kind.name.column` that it is computed from. */
  readonly from: readonly string[];
}

/** A check and what it last found. */
export interface ShownCheck {
  readonly name: string;
  readonly severity: "error" | "warn";
  /** Null where it was not run on this output. */
  readonly result: CheckResult | null;
}

/** Everything about a node, as `show --json` prints it. */
export interface ShownNode {
  readonly format_version: 1;
  /** Null for the project's files. */
  readonly environment: EnvName | null;
  readonly commit: string | null;
  readonly id: string;
  readonly kind: string;
  readonly file: string;
  readonly description: string | null;
  readonly owner: string | null;
  readonly tags: readonly string[];
  /** The query or code as its author wrote it, where there is one; else as it is run. */
  readonly sql: string;
  /** Of `sql`. */
  readonly language: "sql" | "typescript" | "python";
  /** The kind's own fields. */
  readonly config: ManifestNode["config"];
  readonly inputs: readonly string[];
  readonly readers: readonly string[];
  readonly columns: readonly ShownColumn[];
  readonly rows_decided_by: readonly string[];
  /** Why its columns cannot be followed; null where they can. */
  readonly untraced: string | null;
  readonly checks: readonly ShownCheck[];
  /** Tables outside it is written to. */
  readonly tables: readonly {
    readonly type: string;
    readonly table: string;
    readonly mode: string;
    /** What the last run wrote; null where nothing was. */
    readonly written: MaterializationRecord | null;
  }[];
  /** Of the last run; null where nothing was recorded. */
  readonly result: Pick<NodeRecord, "status" | "rows" | "size_bytes" | "error"> | null;
  /** True where the result is of what the node was before. */
  readonly outdated: boolean;
  readonly virtual: boolean;
  /** Numbers that the last run of its script recorded. */
  readonly metrics: Readonly<Record<string, number>>;
  /** What its script left beside the rows, such as a trained model; null where there is nothing. */
  readonly artifact: {
    /** Path of the file, relative to the project. */
    readonly path: string;
    readonly size_bytes: number;
  } | null;
}

/**
 * Everything about a node of an environment, or of the files for null. Writes nothing.
 * Throws `unknown_environment`, `unknown_node`, `ambiguous_node` (2) and `invalid_project` (3).
 */
export async function showNode(
  workspace: Workspace,
  typed: string,
  env: EnvName | null,
): Promise<ShownNode> {
  const state = await readState(workspace, env);
  const node = findNode(state.manifest, typed.replaceAll('"', ""), env ?? undefined);
  const record = state.results.get(node.id) ?? null;
  const { shape, config } = node;
  const { language } = config;
  const written = ["transform", "sql"].map((field) => config[field])
    .find((value) => typeof value === "string");
  return {
    format_version: 1,
    environment: env,
    commit: state.commit,
    id: node.id,
    kind: node.kind,
    file: node.file,
    description: node.description,
    owner: node.owner,
    tags: node.tags,
    sql: typeof written === "string" ? written.trimEnd() : nodeText(node),
    language: language === "typescript" || language === "python" ? language : "sql",
    config,
    inputs: node.inputs,
    readers: readersOf(state.manifest.nodes.values()).get(node.id) ?? [],
    columns: columnsOf(node),
    rows_decided_by: flat(shape.lineage?.rows ?? {}),
    untraced: shape.lineage === null ? shape.untraced ?? "cannot tell" : null,
    checks: checksOf(node, workspace.host.now(), record?.metrics).map(({ name, severity }) => ({
      name,
      severity,
      result: record?.checks?.find((found) => found.name === name) ?? null,
    })),
    tables: tablesFor(node, state),
    result: record && {
      status: record.status,
      rows: record.rows,
      size_bytes: record.size_bytes,
      error: record.error,
    },
    outdated: record !== null && record.fingerprint !== node.fingerprint,
    virtual: node.virtual === true,
    metrics: record?.metrics ?? {},
    artifact: artifactOf(record, workspace),
  };
}

function artifactOf(
  record: NodeRecord | null,
  { root, cache }: Workspace,
): ShownNode["artifact"] {
  if (record?.artifact === undefined) return null;
  const { content_hash, size_bytes } = record.artifact;
  return { path: relative(root, cache.artifactPath(content_hash)), size_bytes };
}

function columnsOf({ shape, declared_columns, grain = [] }: ManifestNode): ShownColumn[] {
  const written = new Map(declared_columns.map((c) => [c.name.toLowerCase(), c.description]));
  const keys = new Set(grain.map((name) => name.toLowerCase()));
  return shape.columns.map(({ name, type }) => ({
    name,
    type,
    description: written.get(name.toLowerCase()) ?? null,
    key: keys.has(name.toLowerCase()),
    from: flat(shape.lineage?.columns[name] ?? {}),
  }));
}

function flat(reads: Readonly<Record<string, readonly string[]>>): string[] {
  return Object.entries(reads).flatMap(([id, columns]) => columns.map((name) => `${id}.${name}`));
}

function tablesFor(
  { id, materializations = [] }: ManifestNode,
  { outside, env }: ProjectState,
): ShownNode["tables"] {
  const records = tablesOf(outside, env ?? PROD).get(id) ?? [];
  return materializations.map(({ type, table, mode, connection }, i) => ({
    type,
    table,
    mode,
    written: records.find((record) =>
      record.type === type && record.connection === connection &&
      (records.length === 1 || records.indexOf(record) === i)
    ) ?? null,
  }));
}
