import { UserError } from "../base/user_error.ts";
import type { Session } from "../engine/session.ts";
import { isEnvName } from "../model/env_name.ts";
import { type CommitId, type NodeId, PROD } from "../model/ids.ts";
import type { Manifest, ManifestNode } from "../model/manifest.ts";
import type { NodeRecord, Snapshot } from "../model/snapshot.ts";
import { SELECT_ALL, selectNodes } from "../plan/select_nodes.ts";
import { resolveRevision } from "../state/revisions.ts";
import { type CompareOptions, compareOutputs, type Comparison } from "./compare_outputs.ts";
import { checkRunning, withComparisonSession } from "./comparison_session.ts";
import { findNode } from "./find_node.ts";
import type { Workspace } from "./workspace.ts";

/** A side as it was asked for. */
export interface TableDiffSide {
  /** The word that named it. */
  readonly typed: string;
  /** An environment, a commit, or a revision such as `prod@{1}`. */
  readonly revision: string;
  /** An id, `kind_name` or a bare name; null for every node of the selection. */
  readonly node: string | null;
}

/** What to compare. Both sides name a node, or neither does. */
export interface TableDiffRequest {
  readonly source: TableDiffSide;
  readonly target: TableDiffSide;
  /** Selectors, any of which may match; empty for all nodes. */
  readonly select: readonly string[];
  /** Leave out nodes that have no key, where nodes are selected. */
  readonly skipKeyless: boolean;
  readonly options: CompareOptions;
}

/** Which output was compared. */
export interface DiffedOutput {
  /** As asked for. */
  readonly name: string;
  /** Null for the project's files. */
  readonly commit: CommitId | null;
  readonly node: NodeId;
}

/** The outputs of a node compared. */
export interface NodeComparison extends Comparison {
  readonly node: NodeId;
  readonly source: DiffedOutput;
  readonly target: DiffedOutput;
  /** Both are the very same file. */
  readonly identical: boolean;
}

/** What a table-diff found. */
export interface TableDiff {
  readonly source: Pick<DiffedOutput, "name" | "commit">;
  readonly target: Pick<DiffedOutput, "name" | "commit">;
  /** Compared nodes, in id order. */
  readonly nodes: readonly NodeComparison[];
  /** Selected nodes that have the very same output on both sides, and were not looked into. */
  readonly same: readonly NodeId[];
  /** Selected nodes that could not be compared, and why. */
  readonly skipped: readonly { readonly node: NodeId; readonly reason: string }[];
}

/**
 * Compares outputs of two environments, commits or revisions: of one node, or of
 * every selected node whose outputs differ. Writes nothing.
 * Throws `unknown_revision`, `unknown_node`, `ambiguous_node` (2), `not_built` (3), `outputs_missing`
 * (4) and what {@linkcode compareOutputs} throws.
 */
export async function tableDiff(
  workspace: Workspace,
  request: TableDiffRequest,
): Promise<TableDiff> {
  const source = await readState(workspace, request.source);
  const target = await readState(workspace, request.target);
  if (request.source.node === null || request.target.node === null) {
    return await compareStates(workspace, source, target, request);
  }
  return await withComparisonSession(workspace, async (session) => ({
    source: { name: source.name, commit: source.commit },
    target: { name: target.name, commit: target.commit },
    ...await compareNode(workspace, session, request, source, target),
  }));
}

/** Compares the outputs of every selected node of two states. Throws as {@linkcode tableDiff} does. */
export async function compareStates(
  workspace: Workspace,
  source: ComparedState,
  target: ComparedState,
  request: Pick<TableDiffRequest, "select" | "skipKeyless" | "options">,
): Promise<TableDiff> {
  return await withComparisonSession(workspace, async (session) => ({
    source: { name: source.name, commit: source.commit },
    target: { name: target.name, commit: target.commit },
    ...await compareSelected(workspace, session, request, source, target),
  }));
}

/** The columns that tell a node's rows apart, as its author declared them; null when nobody did. */
export function grainOf({ grain }: ManifestNode): readonly string[] | null {
  return grain === undefined || grain.length === 0 ? null : grain;
}

/** A state whose outputs are compared. */
export interface ComparedState {
  /** As it was asked for. */
  readonly name: string;
  /** Null for the project's files. */
  readonly commit: CommitId | null;
  readonly snapshot: Pick<Snapshot, "manifest" | "results">;
}

async function readState({ state }: Workspace, side: TableDiffSide): Promise<ComparedState> {
  const { typed, revision } = side;
  try {
    const commit = await resolveRevision(state, revision);
    return { name: revision, commit, snapshot: await state.snapshot(commit) };
  } catch (error) {
    const isUnknown = error instanceof UserError && error.code === "unknown_revision";
    if (!isUnknown || !typed.includes(".") || error.hint?.startsWith("did you mean")) throw error;
    throw new UserError(`"${typed}" does not begin with an environment: ${error.message}`, {
      code: error.code,
      kind: error.kind,
      hint: `write the environment first: ${state.environments()[0] ?? PROD}.${typed}`,
      cause: error,
    });
  }
}

type Found = Pick<TableDiff, "nodes" | "same" | "skipped">;

async function compareNode(
  workspace: Workspace,
  session: Session,
  request: TableDiffRequest,
  source: ComparedState,
  target: ComparedState,
): Promise<Found> {
  const before = findNode(source.snapshot.manifest, request.source.node!, source.name);
  const after = findNode(target.snapshot.manifest, request.target.node!, target.name);
  const records = { source: builtRecord(source, before), target: builtRecord(target, after) };
  const on = keyOf(request.options, after, before);
  const sides = { source: { ...source, node: before }, target: { ...target, node: after } };
  const comparison = await compareRecords(workspace, session, sides, records, {
    ...request.options,
    on,
  });
  return { nodes: [comparison], same: [], skipped: [] };
}

async function compareSelected(
  workspace: Workspace,
  session: Session,
  request: Pick<TableDiffRequest, "select" | "skipKeyless" | "options">,
  source: ComparedState,
  target: ComparedState,
): Promise<Found> {
  const nodes: NodeComparison[] = [];
  const same: NodeId[] = [];
  const skipped: { node: NodeId; reason: string }[] = [];
  for (const id of selectedIds(request.select, source, target)) {
    checkRunning(workspace.host);
    const skip = (reason: string) => skipped.push({ node: id, reason });
    const before = source.snapshot.manifest.nodes.get(id);
    const after = target.snapshot.manifest.nodes.get(id);
    if (before === undefined || after === undefined) {
      skip(`only in ${before === undefined ? target.name : source.name}`);
      continue;
    }
    const records = {
      source: source.snapshot.results.get(id),
      target: target.snapshot.results.get(id),
    };
    if (!isBuilt(records.source) || !isBuilt(records.target)) {
      skip(`not built in ${isBuilt(records.source) ? target.name : source.name}`);
      continue;
    }
    if (records.source.content_hash === records.target.content_hash) {
      same.push(id);
      continue;
    }
    const on = keyOf(request.options, after, before);
    if (on.length === 0 && request.skipKeyless) {
      skip("no key: give --on COLUMN");
      continue;
    }
    const sides = { source: { ...source, node: before }, target: { ...target, node: after } };
    const options = { ...request.options, on, skipColumns: knownColumns(request, before, after) };
    try {
      const built = { source: records.source, target: records.target };
      nodes.push(await compareRecords(workspace, session, sides, built, options));
    } catch (error) {
      // The options fit some of the nodes; those that they do not fit are named.
      if (!(error instanceof UserError) || !NOT_FITTING.has(error.code)) throw error;
      skip(error.message);
    }
  }
  return { nodes, same, skipped };
}

const NOT_FITTING = new Set(["unknown_column", "where_not_applicable"]);

function selectedIds(
  select: readonly string[],
  source: ComparedState,
  target: ComparedState,
): NodeId[] {
  const [before, after] = [source.snapshot.manifest.nodes, target.snapshot.manifest.nodes];
  const both: Manifest = { nodes: new Map([...before, ...after]) };
  const modified = new Set(
    [...both.nodes.keys()].filter((id) =>
      before.get(id)?.fingerprint !== after.get(id)?.fingerprint
    ),
  );
  return [...selectNodes(both, { ...SELECT_ALL, select }, modified).ids].sort();
}

/** A column to skip may belong to some of the nodes only. */
function knownColumns(
  { options }: Pick<TableDiffRequest, "options">,
  ...nodes: readonly ManifestNode[]
): readonly string[] {
  const known = new Set(
    nodes.flatMap(({ shape }) => shape.columns.map(({ name }) => name.toLowerCase())),
  );
  return options.skipColumns.filter((name) => known.has(name.toLowerCase()));
}

function keyOf(
  options: CompareOptions,
  after: ManifestNode,
  before: ManifestNode,
): readonly string[] {
  return options.on.length > 0 ? options.on : grainOf(after) ?? grainOf(before) ?? [];
}

type BuiltRecord = NodeRecord & {
  readonly content_hash: NonNullable<NodeRecord["content_hash"]>;
  readonly size_bytes: number;
};

function isBuilt(record: NodeRecord | undefined): record is BuiltRecord {
  return record !== undefined && record.status === "success" && record.content_hash !== null &&
    record.size_bytes !== null;
}

async function compareRecords(
  workspace: Workspace,
  session: Session,
  sides: Record<"source" | "target", ComparedState & { readonly node: ManifestNode }>,
  records: Record<"source" | "target", BuiltRecord>,
  options: CompareOptions,
): Promise<NodeComparison> {
  const output = (side: "source" | "target") => ({
    name: sides[side].name,
    path: outputPath(workspace, sides[side].name, records[side]),
  });
  const outputs = { source: output("source"), target: output("target") };
  const diffed = (side: "source" | "target"): DiffedOutput => ({
    name: sides[side].name,
    commit: sides[side].commit,
    node: sides[side].node.id,
  });
  return {
    node: sides.target.node.id,
    source: diffed("source"),
    target: diffed("target"),
    identical: records.source.content_hash === records.target.content_hash,
    ...await compareOutputs(session, outputs, options),
  };
}

function outputPath({ cache }: Workspace, name: string, record: BuiltRecord): string {
  if (cache.has(record.content_hash, record.size_bytes)) {
    return cache.objectPath(record.content_hash);
  }
  throw new UserError(
    `The output of ${record.id} in ${name} is missing from the cache or damaged`,
    { code: "outputs_missing", kind: "execution", hint: buildHint(name) },
  );
}

function builtRecord({ name, snapshot }: ComparedState, { id }: ManifestNode): BuiltRecord {
  const record = snapshot.results.get(id);
  if (isBuilt(record)) return record;
  const state = record?.status === "failed" ? "failed" : "is not built";
  throw new UserError(`${id} ${state} in ${name}: there is no output to compare`, {
    code: "not_built",
    kind: "validation",
    hint: buildHint(name),
  });
}

function buildHint(name: string): string {
  if (!isEnvName(name)) return "compare another state; see: seeknal history";
  return `build it:\n    ${name === PROD ? "seeknal run" : `seeknal run --env ${name}`}`;
}
