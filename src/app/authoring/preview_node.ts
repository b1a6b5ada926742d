import { join } from "node:path";
import { linkAtomic, statIfExists } from "../../base/atomic_write.ts";
import { UserError } from "../../base/user_error.ts";
import { reachable } from "../../dag/graph.ts";
import { readParquet } from "../../engine/quote.ts";
import { openSession } from "../../engine/registry.ts";
import type { Table } from "../../engine/session.ts";
import { JobExecutor } from "../../exec/execute_job.ts";
import { type ContentHash, type EnvName, type NodeId, PROD } from "../../model/ids.ts";
import type { ManifestNode } from "../../model/manifest.ts";
import type { NodeJob, ScriptInput } from "../../model/run.ts";
import { kindOf } from "../../nodes/registry.ts";
import { withoutSemicolon } from "../../sql/tokens.ts";
import { type LoadedManifest, sourceData } from "../load_manifest.ts";
import { findOutput } from "../outputs.ts";
import { isOutsideSource, OutsideSources } from "../outside_sources.ts";
import type { Workspace } from "../workspace.ts";

/** How much to look at. */
export interface PreviewRequest {
  /** Environment whose outputs are read before production's; null: production's. */
  readonly env: EnvName | null;
  /** Rows at most. */
  readonly limit: number;
  /** Time for all of it together. */
  readonly timeoutMs: number;
}

/** The first rows of a node. */
export interface Preview {
  readonly table: Table;
  /** Nodes upstream that had no output yet and were built for this. */
  readonly built: readonly NodeId[];
}

/**
 * Builds a node the way a run does, but for its first rows only, in a folder of its own that is removed again. What
 * it reads is taken from outputs that exist, and built as well where there are none.
 * Throws `preview_failed`, `preview_timeout` (4) and what connections throw.
 */
export async function previewNode(
  workspace: Workspace,
  loaded: LoadedManifest,
  id: NodeId,
  request: PreviewRequest,
): Promise<Preview> {
  const folder = previewFolder(workspace);
  using _folder = { [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }) };
  await using outside = new OutsideSources(workspace, loaded.profile);
  const preview = new NodePreview({ workspace, loaded, request, folder, outside });
  await using _sessions = preview;
  return await preview.show(id);
}

interface PreviewContext {
  readonly workspace: Workspace;
  readonly loaded: LoadedManifest;
  readonly request: PreviewRequest;
  readonly folder: string;
  readonly outside: OutsideSources;
}

class NodePreview implements AsyncDisposable {
  readonly #context: PreviewContext;
  readonly #executor: JobExecutor;
  readonly #objects = new Map<NodeId, ContentHash>();
  /** What scripts upstream left beside their rows. */
  readonly #extras = new Map<NodeId, Pick<ScriptInput, "artifact" | "metrics">>();
  readonly #deadline: number;

  constructor(context: PreviewContext) {
    const { host } = context.workspace;
    this.#context = context;
    this.#executor = new JobExecutor({
      threads: host.cpuCount,
      memoryLimitBytes: Math.floor(host.memoryBytes / 2),
    });
    this.#deadline = performance.now() + context.request.timeoutMs;
    for (const name of ["objects", "tmp"]) Deno.mkdirSync(join(context.folder, name));
  }

  async show(id: NodeId): Promise<Preview> {
    const built = await this.#inputsOf(id);
    const hash = await this.#build(this.#node(id), true);
    await using session = await openSession({
      allowedDirs: [join(this.#context.folder, "objects")],
    });
    const table = await session.read(
      `FROM ${readParquet(this.#path(hash))} LIMIT ${this.#context.request.limit}`,
    );
    return { table, built };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#executor[Symbol.asyncDispose]();
  }

  /** Brings everything that a node reads into the folder; returns what had to be built. */
  async #inputsOf(id: NodeId): Promise<NodeId[]> {
    const { workspace, loaded, request } = this.#context;
    const { state, cache } = workspace;
    const names = request.env === null || request.env === PROD ? [PROD] : [request.env, PROD];
    const places = await Promise.all(
      names.map(async (name) => ({ name, snapshot: await state.snapshot(state.head(name)) })),
    );
    const hasOutput = (node: ManifestNode) => {
      const found = findOutput(node, places, cache);
      if (found === null) return false;
      const { content_hash, metrics, artifact } = found.record;
      const hash = content_hash!;
      const path = artifact === undefined ? null : cache.artifactPath(artifact.content_hash);
      this.#extras.set(node.id, { artifact: path, metrics: metrics ?? {} });
      this.#objects.set(node.id, hash);
      link(cache.objectPath(hash), this.#path(hash));
      return true;
    };
    const { nodes } = loaded.manifest;
    const missing = new Set<NodeId>();
    reachable([id], (reader) =>
      [...new Set(nodes.get(reader)!.inputs)].filter((input) => {
        const node = nodes.get(input)!;
        if (node.virtual === true) return false;
        if (this.#objects.has(input) || hasOutput(node)) return false;
        missing.add(input);
        return true;
      }));
    const built: NodeId[] = [];
    const build = async (wanted: NodeId) => {
      if (!missing.delete(wanted)) return;
      const node = this.#node(wanted);
      for (const input of node.inputs) await build(input);
      await this.#build(node, false);
      built.push(wanted);
    };
    for (const input of [...missing]) await build(input);
    return built.sort();
  }

  async #build(node: ManifestNode, isLimited: boolean): Promise<ContentHash> {
    const left = this.#deadline - performance.now();
    if (left <= 0) throw this.#timeout(node.id);
    const job = await this.#job(node, left);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const expired = new Promise<null>((resolve) => {
      // A query ends by itself; reading a system outside may not.
      timer = setTimeout(() => resolve(null), left + 500);
    });
    try {
      const result = await Promise.race([
        this.#executor.execute(isLimited ? limited(job, this.#context.request.limit) : job),
        expired,
      ]);
      if (result === null) throw this.#timeout(node.id);
      if (result.status === "failed") throw this.#failure(node.id, result.error.message);
      this.#objects.set(node.id, result.output.contentHash);
      const { metrics, artifact } = result.output;
      const path = artifact === undefined ? null : this.#artifactPath(artifact.contentHash);
      this.#extras.set(node.id, { artifact: path, metrics: metrics ?? {} });
      return result.output.contentHash;
    } finally {
      clearTimeout(timer);
    }
  }

  async #job(node: ManifestNode, timeoutMs: number): Promise<NodeJob> {
    const { workspace, loaded, folder, outside } = this.#context;
    const { node: { spec }, sql, sqlFor } = loaded.resolved.get(node.id)!;
    // What an incremental node has so far is gone on with, as in a run.
    const before = node.incremental?.base?.content_hash;
    if (before !== undefined) link(workspace.cache.objectPath(before), this.#path(before));
    if (isOutsideSource(spec)) await outside.prepareJobs([spec]);
    return kindOf(spec).job(node, spec, sql, {
      data: sourceData(workspace, loaded.profile),
      outside: (id) => ({ ...outside.job(id), previous: null }),
      objectsDir: join(folder, "objects"),
      temporaryDir: join(folder, "tmp"),
      timeoutMs,
      objectPath: (hash) => this.#path(hash),
      sqlFor: (literals) => sqlFor?.(literals) ?? sql,
      output: (id) => this.#objects.get(id)!,
      extras: (id) => this.#extras.get(id) ?? { artifact: null, metrics: {} },
    });
  }

  #path(hash: ContentHash): string {
    return join(this.#context.folder, "objects", `${hash}.parquet`);
  }

  #artifactPath(hash: ContentHash): string {
    return join(this.#context.folder, "objects", `${hash}.artifact`);
  }

  #node(id: NodeId): ManifestNode {
    return this.#context.loaded.manifest.nodes.get(id)!;
  }

  #failure(id: NodeId, message: string): UserError {
    if (message.startsWith("Timed out")) return this.#timeout(id);
    return new UserError(`${id} binds and cannot be computed: ${message}`, {
      code: "preview_failed",
      kind: "execution",
      hint: "--schema-only checks it without looking at rows",
    });
  }

  #timeout(id: NodeId): UserError {
    const seconds = this.#context.request.timeoutMs / 1000;
    return new UserError(`The preview took longer than ${seconds} s; it came as far as ${id}`, {
      code: "preview_timeout",
      kind: "execution",
      hint:
        "build what it reads first (seeknal run), give it more time (--timeout 120), or leave rows out (--schema-only)",
    });
  }
}

/** Only as many rows are computed as are shown. */
function limited(job: NodeJob, limit: number): NodeJob {
  return job.type === "query"
    ? { ...job, sql: `FROM (\n${withoutSemicolon(job.sql)}\n) LIMIT ${limit}` }
    : job;
}

/** A folder beside the outputs, where there are any: what is on one file system need not be copied. */
function previewFolder({ cache }: Workspace): string {
  const prefix = `preview-${Deno.pid}-`;
  try {
    return Deno.realPathSync(Deno.makeTempDirSync({ dir: cache.temporaryDir, prefix }));
  } catch {
    // Nothing is built yet, or it may only be read.
    return Deno.realPathSync(Deno.makeTempDirSync({ prefix: `seeknal-${prefix}` }));
  }
}

/** An output of the cache where the preview's sessions may read it; they do not follow symbolic links. */
function link(existing: string, path: string): void {
  if (statIfExists(path) === null) linkAtomic(existing, path);
}
