import { join } from "node:path";
import {
  copyAtomic,
  linkAtomic,
  readTextIfExists,
  removeIfExists,
  statIfExists,
  writeFileAtomic,
} from "../base/atomic_write.ts";
import { canonicalJson } from "../base/canonical_json.ts";
import { projectRelative } from "../base/project_path.ts";
import { listDir } from "../cache/output_cache.ts";
import {
  type CommitId,
  type ContentHash,
  type EnvName,
  type NodeId,
  PROD,
  splitNodeId,
} from "../model/ids.ts";
import { DEFAULT_TTL_SECONDS, type Snapshot } from "../model/snapshot.ts";
import { fromStoredPlan } from "../plan/build_plan.ts";
import { VERSION } from "../model/version.ts";
import type { StagedSnapshot } from "../state/state_repo.ts";
import type { Workspace } from "./workspace.ts";

/** What to write a readable copy of. */
export interface PublishRequest {
  readonly env: EnvName;
  readonly commit: CommitId;
  readonly snapshot: Snapshot;
  /** Identities of its parts: what is unchanged is not written again. */
  readonly staged: StagedSnapshot;
  /** False right after planning: a new environment gets its links with the first run. */
  readonly links: boolean;
  /** Trust nothing that is there and write everything. */
  readonly afresh?: boolean;
  /** Another environment that may have the same documents already: they are copied then. */
  readonly like?: EnvName;
}

/** What a copy was last written from, kept beside it. Losing it costs a full rewrite. */
interface Marker {
  readonly commit: string;
  readonly manifest: string;
  /** What `run_state.json` says. */
  readonly results: string;
  /** What the links show; empty when none were made yet. */
  readonly linked: string;
  readonly links: Readonly<Record<string, ContentHash>>;
}

const FRESH: Marker = { commit: "", manifest: "", results: "", linked: "", links: {} };

/**
 * Writes the copy of an environment that people, notebooks and scripts read:
 * JSON documents, and a Parquet file for every node (hard links, no data is
 * copied). Called after the ref moved; nothing ever reads it back as truth.
 */
export function publish(workspace: Workspace, request: PublishRequest): void {
  const { env, commit, snapshot, staged } = request;
  // Somebody was faster and has written a newer copy, or is about to.
  if (workspace.state.head(env) !== commit) return;
  const folder = readableDir(workspace, env);
  const markerPath = markerPathOf(workspace, env);
  const marker = request.afresh === true ? FRESH : readMarker(markerPath);
  const write = documentWriter(workspace, request);
  if (marker.manifest !== staged.manifestTree) {
    write(
      "manifest.json",
      (like) => like.manifest === staged.manifestTree,
      () => readableManifest(workspace, snapshot),
    );
  }
  if (marker.results !== staged.resultsTree) {
    write(
      "run_state.json",
      (like) => like.results === staged.resultsTree,
      () => readableRunState(snapshot),
    );
  }
  if (env !== PROD) writeEnvironmentDocuments(workspace, folder, request);
  const hasLinks = request.links || marker.linked !== "";
  const isLinked = marker.linked === staged.resultsTree;
  const next: Marker = {
    commit,
    manifest: staged.manifestTree,
    results: staged.resultsTree,
    linked: hasLinks ? staged.resultsTree : "",
    links: hasLinks && !isLinked ? updateLinks(workspace, folder, snapshot, marker) : marker.links,
  };
  writeFileAtomic(markerPath, JSON.stringify(next));
}

type WriteDocument = (
  name: string,
  isLike: (marker: Marker) => boolean,
  make: () => object,
) => void;

/** Writes a document, by copying it where another environment has the same one. */
function documentWriter(workspace: Workspace, { env, like }: PublishRequest): WriteDocument {
  const folder = readableDir(workspace, env);
  const other = like === undefined ? null : {
    folder: readableDir(workspace, like),
    marker: readMarker(markerPathOf(workspace, like)),
  };
  return (name, isLike, make) => {
    const path = join(folder, name);
    const source = other === null ? null : join(other.folder, name);
    if (source !== null && isLike(other!.marker) && statIfExists(source) !== null) {
      copyAtomic(source, path);
    } else writeFileAtomic(path, prettyJson(make()));
  };
}

/**
 * Writes every copy that is behind its ref: a process killed between moving the
 * ref and writing the copy leaves one. Called before anything else is written.
 */
export async function catchUp(workspace: Workspace): Promise<void> {
  for (const env of workspace.state.environments()) {
    if (readMarker(markerPathOf(workspace, env)).commit !== workspace.state.head(env)) {
      await publishHead(workspace, env);
    }
  }
}

/** Writes an environment's copy from its ref, everything afresh. */
export async function publishHead(workspace: Workspace, env: EnvName): Promise<void> {
  const { state } = workspace;
  const commit = state.head(env)!;
  const snapshot = await state.snapshot(commit);
  const staged = await state.stagedAs(commit);
  publish(workspace, { env, commit, snapshot, staged, links: true, afresh: true });
}

/** Folder of an environment's readable copy; production's is `target` itself. */
export function readableDir({ targetDir }: Workspace, env: EnvName): string {
  return env === PROD ? targetDir : join(targetDir, "environments", env);
}

/** Removes the readable copy of an environment that is gone. */
export function unpublish(workspace: Workspace, env: EnvName): void {
  const folder = readableDir(workspace, env);
  if (env !== PROD && statIfExists(folder) !== null) Deno.removeSync(folder, { recursive: true });
}

function markerPathOf(workspace: Workspace, env: EnvName): string {
  return join(readableDir(workspace, env), env === PROD ? "cache" : ".", ".published.json");
}

function prettyJson(value: object): string {
  return JSON.stringify(value, null, 2) + "\n";
}

function readMarker(path: string): Marker {
  try {
    return JSON.parse(readTextIfExists(path) ?? "null") as Marker | null ?? FRESH;
  } catch {
    return FRESH;
  }
}

function updateLinks(
  workspace: Workspace,
  folder: string,
  { results, manifest }: Snapshot,
  marker: Marker,
): Record<string, ContentHash> {
  const { cache } = workspace;
  const links: Record<string, ContentHash> = {};
  for (const { id, content_hash, artifact } of results.values()) {
    if (content_hash === null || !manifest.nodes.has(id)) continue;
    links[id] = content_hash;
    if (artifact !== undefined) links[`${id}${ARTIFACT}`] = artifact.content_hash;
  }
  for (const [id, hash] of Object.entries(links)) {
    const path = id.endsWith(ARTIFACT) ? cache.artifactPath(hash) : cache.objectPath(hash);
    if (marker.links[id] !== hash && statIfExists(path) !== null) {
      linkAtomic(path, linkPath(folder, id as NodeId));
    }
  }
  const known = marker === FRESH ? existingLinks(folder) : Object.keys(marker.links);
  for (const id of known) if (!(id in links)) removeIfExists(linkPath(folder, id as NodeId));
  return links;
}

/** Behind the id of a node, what its script left beside the rows. Names of nodes have no dots. */
const ARTIFACT = ".artifact";

function linkPath(folder: string, id: NodeId): string {
  const { kind, name } = splitNodeId(id);
  return join(folder, "cache", kind, name.endsWith(ARTIFACT) ? name : `${name}.parquet`);
}

const OWN_FOLDERS = new Set(["objects", "tmp", "index", "snapshots", "locks"]);

function existingLinks(folder: string): string[] {
  const cache = join(folder, "cache");
  return listDir(cache).filter((kind) => !OWN_FOLDERS.has(kind)).flatMap((kind) =>
    listDir(join(cache, kind))
      .filter((file) => /\.(parquet|artifact)$/.test(file) && !file.startsWith("."))
      .map((file) => `${kind}.${file.replace(/\.parquet$/, "")}`)
  );
}

function writeEnvironmentDocuments(
  workspace: Workspace,
  folder: string,
  { env, commit, snapshot }: PublishRequest,
): void {
  const own = snapshot.environment;
  const now = workspace.host.now().toISOString();
  writeFileAtomic(
    join(folder, "env_config.json"),
    canonicalJson({
      format_version: 1,
      name: env,
      created_at: own?.name === env ? own.created_at : now,
      last_accessed: now,
      promoted_from: own?.name === env ? own.promoted_from : own?.name ?? null,
      ttl_seconds: own?.ttl_seconds ?? DEFAULT_TTL_SECONDS,
    }),
  );
  writeFileAtomic(
    join(folder, "plan.json"),
    prettyJson(readablePlan(snapshot, commit, now)),
  );
  writeFileAtomic(join(folder, "refs.json"), prettyJson(readableRefs(workspace, snapshot)));
}

function readablePlan(snapshot: Snapshot, commit: CommitId, now: string): object {
  const { plan, manifest } = snapshot;
  if (plan === null) return { format_version: 1 };
  const direct = plan.nodes.filter((node) => node.category !== null);
  return {
    ...fromStoredPlan(plan, manifest, commit),
    env_name: plan.environment,
    manifest_fingerprint: plan.manifest_fingerprint,
    categorized_changes: Object.fromEntries(direct.map((n) => [n.id, n.category!.toLowerCase()])),
    added_nodes: plan.nodes.filter((node) => node.change === "new").map((node) => node.id),
    removed_nodes: plan.nodes.filter((node) => node.change === "removed").map((node) => node.id),
    created_at: now,
    total_nodes_to_execute: plan.summary.build,
    profile_path: plan.profile,
  };
}

function readableManifest({ root }: Workspace, { manifest }: Snapshot): object {
  const nodes = [...manifest.nodes.values()];
  return {
    format_version: 1,
    metadata: { project: root.split(/[\\/]/).at(-1), seeknal_version: VERSION },
    nodes: Object.fromEntries(nodes.map((node) => [node.id, {
      id: node.id,
      name: node.name,
      type: node.kind,
      description: node.description,
      owner: node.owner,
      tags: node.tags,
      columns: Object.fromEntries(node.shape.columns.map(({ name, type }) => [name, type])),
      config: node.config,
      sql: node.sql,
      fingerprint: node.fingerprint,
      file_path: node.file,
    }])),
    edges: nodes.flatMap(({ id, inputs }) =>
      inputs.map((input) => ({ from: input, to: id, type: "dependency" }))
    ),
  };
}

function readableRunState({ results }: Snapshot): object {
  return {
    format_version: 1,
    schema_version: "2.0",
    nodes: Object.fromEntries([...results.values()].map((record) => [record.id, {
      hash: record.fingerprint,
      status: record.status,
      row_count: record.rows,
      size_bytes: record.size_bytes,
      content_hash: record.content_hash,
      error: record.error,
    }])),
  };
}

/** Outputs that the environment takes over instead of building them. */
function readableRefs({ root, cache }: Workspace, { plan, results }: Snapshot): object {
  const built = new Set(plan?.nodes.filter((n) => n.action === "build").map((n) => n.id));
  const taken = [...results.values()].filter((r) => r.status === "success" && !built.has(r.id));
  return {
    format_version: 1,
    refs: taken.map(({ id, content_hash, head_hash, size_bytes }) => ({
      node_id: id,
      output_path: projectRelative(root, cache.objectPath(content_hash!)),
      fingerprint: head_hash,
      size_bytes,
      content_hash,
    })),
  };
}
