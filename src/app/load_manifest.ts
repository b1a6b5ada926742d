import { compactJson } from "../base/canonical_json.ts";
import { type Diagnostic, sortDiagnostics } from "../base/diagnostic.ts";
import { sha256 } from "../base/hash.ts";
import { UserError } from "../base/user_error.ts";
import { type BreakCause, explainBreak } from "../changes/explain_break.ts";
import { fingerprintsOf } from "../dag/fingerprint.ts";
import { layersOf } from "../dag/graph.ts";
import { ENGINE_VERSION, openSession } from "../engine/registry.ts";
import type { Session } from "../engine/session.ts";
import type { ProjectConfig } from "../model/config.ts";
import type { EnvName, NodeId } from "../model/ids.ts";
import type { Manifest, ManifestNode, QueryShape, SourceVersion } from "../model/manifest.ts";
import type { NodeSpec, SourceSpec } from "../model/node.ts";
import type { IncrementalState } from "../model/incremental.ts";
import { type Profile, sourceDefaultsOf } from "../model/profile.ts";
import type { DescribedNode, LoadedNode, ResolvedNode, SourceData } from "../nodes/node_kind.ts";
import { tableReadOf } from "../nodes/outside_source.ts";
import { findNodeKind, kindOf } from "../nodes/registry.ts";
import { contractKey } from "../nodes/source_contract.ts";
import { isScriptNode } from "../nodes/script_node.ts";
import { loadProject, NO_OVERLAY, type Overlay } from "../project/load_project.ts";
import { SHAPE_VERSION } from "../shape/query_shape.ts";
import { Binder } from "../sql/binder.ts";
import { findTableSource } from "../sources/registry.ts";
import { tokenize } from "../sql/tokens.ts";
import { NO_VARIABLES, type Variables } from "../sql/resolve_query.ts";
import { bindAudits } from "./bind_audits.ts";
import { checkColumns, checkGraph, checkInputs, checkKinds } from "./check_nodes.ts";
import { variablesOf } from "./variables.ts";
import { loadEnvironmentProfile } from "./environment_profile.ts";
import { asPlanned, type IncrementalContext, IncrementalNodes } from "./incremental_nodes.ts";
import { isOutsideSource, knownVersion, OutsideSources } from "./outside_sources.ts";
import type { Workspace } from "./workspace.ts";

/** The project as it is on disk now, bound and fingerprinted. */
export interface LoadedManifest {
  readonly config: ProjectConfig;
  readonly profile: Profile;
  readonly manifest: Manifest;
  /** What each node runs, for making jobs. */
  readonly resolved: ReadonlyMap<NodeId, ResolvedNode>;
  /** Warnings only. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Loads the whole project. Nodes whose text and inputs are as in one of the
 * `previous` manifests keep their shapes, so that an unchanged project costs no engine.
 * Throws a `UserError` `invalid_project` (exit 3) that carries every problem found.
 */
export async function loadManifest(
  workspace: Workspace,
  previous: readonly Manifest[],
  request: LoadRequest = {},
): Promise<LoadedManifest> {
  const { profile, diagnostics } = loadEnvironmentProfile(workspace, request.env ?? null);
  const own = request.outside === undefined ? new OutsideSources(workspace, profile) : null;
  await using _readers = own;
  const loader = new ManifestLoader(workspace, previous, {
    profile,
    outside: request.outside ?? own!,
    isFresh: request.isFresh ?? (() => false),
    incremental: request.incremental ??
      asPlanned(previous, { cache: workspace.cache, nowMs: workspace.host.now().getTime() }),
    overlay: request.overlay ?? NO_OVERLAY,
  });
  await using _sessions = loader;
  return await loader.load(diagnostics);
}

/** How sources outside take part. */
export interface LoadRequest {
  /** Environment whose profile counts; null or absent: production's. */
  readonly env?: EnvName | null;
  /** The systems outside; absent: opened, if need be, and closed again. */
  readonly outside?: OutsideSources;
  /**
   * True for sources outside that are looked at as they are now; the others keep the version that one
   * of the `previous` manifests has, if they are written as they were. Absent: none.
   */
  readonly isFresh?: (id: NodeId) => boolean;
  /** How nodes that are built piece by piece take part; absent: as they are in the `previous` manifests. */
  readonly incremental?: IncrementalContext;
  /** Drafts that are taken as if they were in the project. */
  readonly overlay?: Overlay;
}

/** A node of which everything but its final form is known. */
interface Described {
  readonly node: ResolvedNode;
  readonly bindKey: string;
  readonly shape: QueryShape;
  readonly sql: string;
  readonly queryHash: string;
}

/** A request of which nothing is left open. */
type Settled = Required<Pick<LoadRequest, "outside" | "isFresh" | "incremental" | "overlay">> & {
  readonly profile: Profile;
};

/** New nodes for which a second session pays. */
const MANY_NODES = 50;

class ManifestLoader implements AsyncDisposable {
  readonly #workspace: Workspace;
  readonly #previous: readonly Manifest[];
  readonly #outside: Settled;
  readonly #incremental: IncrementalNodes;
  /** Versions of sources outside. */
  readonly #versions = new Map<NodeId, SourceVersion>();
  readonly #carried: ReadonlyMap<string, ManifestNode>;
  readonly #diagnostics: Diagnostic[] = [];
  readonly #resolved = new Map<NodeId, ResolvedNode>();
  #specs: ReadonlyMap<NodeId, NodeSpec> = new Map();
  #variables: Variables = NO_VARIABLES;
  readonly #described = new Map<NodeId, Described>();
  readonly #shapeHashes = new WeakMap<QueryShape, string>();
  /** SQL types as written, with the engine's spelling. */
  readonly #types = new Map<string, string | null>();
  /** Nodes so far that no former manifest knows. */
  #unknown = 0;
  #binder: Binder | null = null;
  #binderSession: Session | null = null;
  #parserSession: Session | null = null;
  #fileSession: Session | null = null;

  constructor(
    workspace: Workspace,
    previous: readonly Manifest[],
    outside: Settled,
  ) {
    this.#incremental = new IncrementalNodes(outside.incremental);
    this.#workspace = workspace;
    this.#previous = previous;
    this.#outside = outside;
    this.#carried = new Map(
      previous.flatMap((manifest) => [...manifest.nodes.values()].map((n) => [n.bind_key, n])),
    );
  }

  async load(found: readonly Diagnostic[]): Promise<LoadedManifest> {
    const { config, nodes, broken, snippets, diagnostics } = loadProject(
      this.#workspace.root,
      this.#outside.overlay,
    );
    this.#diagnostics.push(...found, ...diagnostics);
    this.#specs = new Map(nodes.map(({ spec }) => [spec.id, spec]));
    const { typed, host } = this.#workspace;
    this.#variables = variablesOf({ snippets, project: config.name, typed, now: () => host.now() });
    const report = (diagnostic: Diagnostic) => this.#diagnostics.push(diagnostic);
    checkGraph(nodes, broken, report);
    await this.#findVersions(nodes);
    for (const layer of layersOf(nodes.map((loaded) => ({ ...loaded.spec, loaded })))) {
      await this.#describeLayer(layer.map(({ loaded }) => loaded));
    }
    checkInputs(nodes, report);
    const described = [...this.#described.values()]
      .map(({ node: { node }, shape }) => ({ node, columns: shape.columns }));
    checkColumns(described, report);
    checkKinds(described, report);
    await this.#bindAudits();
    const sorted = sortDiagnostics(this.#diagnostics);
    if (sorted.some(({ severity }) => severity === "error")) throw invalidProject(sorted);
    const manifest = this.#buildManifest(nodes);
    const { profile } = this.#outside;
    return { config, profile, manifest, resolved: this.#resolved, diagnostics: sorted };
  }

  /**
   * Versions of sources outside. Where the files have problems nobody is connected to: those come first.
   */
  async #findVersions(nodes: readonly LoadedNode[]): Promise<void> {
    const hasErrors = this.#diagnostics.some(({ severity }) => severity === "error");
    for (const { spec, locator } of nodes) {
      if (!isOutsideSource(spec)) continue;
      const { outside, isFresh } = this.#outside;
      const known = isFresh(spec.id) ? null : knownVersion(spec, this.#previous);
      if (known === null && (hasErrors || !isReadable(spec, outside))) continue;
      try {
        this.#versions.set(spec.id, known ?? await outside.version(spec));
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        if (error.kind !== "validation") throw ofNode(spec.id, error);
        this.#diagnostics.push({
          severity: "error",
          code: error.code,
          message: `${spec.id}: ${error.message}`,
          ...locator.locate(spec.table === null ? ["params", "query"] : ["table"]),
          hint: error.hint,
        });
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parserSession?.[Symbol.asyncDispose]();
    await this.#binderSession?.[Symbol.asyncDispose]();
    await this.#fileSession?.[Symbol.asyncDispose]();
  }

  async #bindAudits(): Promise<void> {
    const nodes = new Map(
      [...this.#described].map(([id, { node, shape }]) => [id, { node: node.node, shape }]),
    );
    await bindAudits({
      nodes,
      isKnown: (id) => this.#auditsAreKnown(id),
      session: async (ids) => {
        const binder = await this.#openBinder();
        await binder.declare(
          ids.map((id) => ({ id, columns: this.#described.get(id)!.shape.columns })),
        );
        return this.#binderSession!;
      },
      report: (diagnostic) => this.#diagnostics.push(diagnostic),
    });
  }

  /** What was committed did bind, and binds still where it reads what it read. */
  #auditsAreKnown(id: NodeId): boolean {
    const { node: { node: { spec } }, bindKey } = this.#described.get(id)!;
    const reads = spec.audits.flatMap((audit) => audit.reads ?? []);
    if (!reads.every((read) => spec.inputs.includes(read))) return false;
    const known = compactJson(spec.audits);
    return this.#previous.some(({ nodes }) => {
      const old = nodes.get(id);
      return old?.bind_key === bindKey && compactJson(old.audits ?? []) === known;
    });
  }

  /** Shapes are taken in order: a query needs the columns of its inputs. */
  async #describeLayer(layer: readonly LoadedNode[]): Promise<void> {
    const unknown: { node: ResolvedNode; bindKey: string }[] = [];
    for (const loaded of layer) {
      const node = this.#resolve(loaded);
      if (node === null || !loaded.spec.inputs.every((id) => this.#described.has(id))) continue;
      const bindKey = this.#bindKey(node);
      const known = this.#carried.get(bindKey);
      if (known === undefined) unknown.push({ node, bindKey });
      else {
        const { shape, sql, query_hash } = known;
        this.#described.set(loaded.spec.id, { node, bindKey, shape, sql, queryHash: query_hash });
      }
    }
    this.#unknown += unknown.length;
    if (unknown.length > 0) await this.#describe(unknown);
  }

  #resolve(loaded: LoadedNode): ResolvedNode | null {
    const report = (diagnostic: Diagnostic) => this.#diagnostics.push(diagnostic);
    const node = kindOf(loaded.spec).resolve(loaded, this.#data(), report);
    if (node !== null) this.#resolved.set(loaded.spec.id, node);
    return node;
  }

  #data(): SourceData {
    return {
      ...sourceData(this.#workspace, this.#outside.profile),
      outsideVersion: (id) => this.#versions.get(id) ?? null,
      columns: (id) => this.#described.get(id)?.shape.columns ?? null,
      spec: (id) => this.#specs.get(id) ?? null,
      variables: this.#variables,
    };
  }

  #bindKey({ node, sql, version }: ResolvedNode): string {
    const inputs = node.spec.inputs.map((id) => [id, this.#shapeHash(id)]);
    const { columns, kind } = node.spec;
    const isFile = kind === "source" && !isScriptNode(node.spec);
    const declared = columns.map(({ name, type }) => isFile ? name : [name, type]);
    return sha256(
      compactJson([
        SHAPE_VERSION,
        ENGINE_VERSION,
        kind,
        sql,
        version?.hash ?? null,
        inputs,
        declared,
        ...contractKey(node.spec),
      ]),
    );
  }

  #shapeHash(id: NodeId): string {
    const { shape } = this.#described.get(id)!;
    let hash = this.#shapeHashes.get(shape);
    if (hash === undefined) {
      hash = sha256(compactJson(shape.columns.map(({ name, type }) => [name, type])));
      this.#shapeHashes.set(shape, hash);
    }
    return hash;
  }

  async #describe(nodes: readonly { node: ResolvedNode; bindKey: string }[]): Promise<void> {
    await this.#declareInputs(nodes.map(({ node }) => node));
    const keys = new Map(nodes.map(({ node, bindKey }) => [node.node.spec.id, bindKey]));
    const byKind = Map.groupBy(nodes.map(({ node }) => node), ({ node }) => kindOf(node.spec));
    for (const [kind, own] of byKind) {
      const results = await kind.describe(own, {
        root: this.#workspace.root,
        binder: () => this.#openBinder(),
        files: () => this.#openFiles(),
        table: (id) =>
          this.#outside.outside.describe(this.#resolved.get(id)!.node.spec as SourceSpec),
        report: (diagnostic) => this.#diagnostics.push(diagnostic),
        explain: (node, message, line) => this.#explain(node, message, line),
        normalizeTypes: (types) => this.#normalizeTypes(types),
      });
      for (const result of results) this.#accept(result, keys.get(result.id)!);
    }
  }

  /** Compares what a broken node reads with what it was when the node was last known to bind. */
  #explain(
    { node: { spec }, sql }: ResolvedNode,
    message: string,
    line: number | null,
  ): BreakCause | null {
    const known = this.#previous.find(({ nodes }) => nodes.has(spec.id));
    if (known === undefined) return null;
    const find = (id: NodeId) => {
      const [before, after] = [known.nodes.get(id)?.shape, this.#described.get(id)?.shape];
      return before === undefined || after === undefined ? null : { id, before, after };
    };
    const words = (text: string) =>
      new Set(tokenize(text).map((token) => token.text.replaceAll('"', "").toLowerCase()));
    const near = line === null ? "" : sql.split("\n")[line - 1] ?? "";
    return explainBreak(
      message,
      { near: words(near), all: words(sql) },
      spec.inputs.flatMap((id) => find(id) ?? []),
      find,
    );
  }

  async #normalizeTypes(types: readonly string[]): Promise<ReadonlyMap<string, string | null>> {
    const unknown = [...new Set(types)].filter((type) => !this.#types.has(type));
    if (unknown.length > 0) {
      const binder = await this.#openBinder();
      for (const [type, name] of await binder.typeNames(unknown)) this.#types.set(type, name);
    }
    return this.#types;
  }

  #accept({ id, shape, canonicalSql, queryHash }: DescribedNode, bindKey: string): void {
    const node = this.#resolved.get(id)!;
    this.#described.set(id, { node, bindKey, shape, sql: canonicalSql, queryHash });
  }

  async #declareInputs(nodes: readonly ResolvedNode[]): Promise<void> {
    const inputs = new Set(nodes.flatMap(({ node }) => node.spec.inputs));
    if (inputs.size === 0) return;
    const binder = await this.#openBinder();
    await binder.declare(
      [...inputs].map((id) => ({ id, columns: this.#described.get(id)!.shape.columns })),
    );
  }

  /** A second connection parses and plans while the first one makes tables, where there is enough to do for two. */
  async #openBinder(): Promise<Binder> {
    if (this.#binder === null) {
      const options = { threads: 1, allowedDirs: [] };
      this.#binderSession = await openSession(options);
      if (this.#unknown > MANY_NODES) this.#parserSession = await this.#binderSession.fork();
      this.#binder = new Binder(this.#binderSession, this.#parserSession ?? this.#binderSession);
    }
    return this.#binder;
  }

  async #openFiles(): Promise<Session> {
    this.#fileSession ??= await openSession({ allowedDirs: [this.#workspace.root] });
    return this.#fileSession;
  }

  #buildManifest(nodes: readonly LoadedNode[]): Manifest {
    const built = new Map<NodeId, ManifestNode>();
    for (const layer of layersOf(nodes.map(({ spec }) => spec))) {
      for (const { id } of layer) built.set(id, this.#buildNode(this.#described.get(id)!, built));
    }
    const ids = nodes.map(({ spec }) => spec.id);
    const manifest: Manifest = { nodes: new Map(ids.map((id) => [id, built.get(id)!])) };
    return this.#previous.find((old) => isSame(old, manifest)) ?? manifest;
  }

  #buildNode(described: Described, built: ReadonlyMap<NodeId, ManifestNode>): ManifestNode {
    const { node: { node, version }, bindKey, shape, sql, queryHash } = described;
    const { spec, file } = node;
    const text: Written = {
      file,
      description: spec.description,
      owner: spec.owner,
      tags: spec.tags,
      inputs: spec.inputs,
      declared_columns: spec.columns,
      ...(spec.grain.length === 0 ? {} : { grain: spec.grain }),
      ...(spec.materializations.length === 0 ? {} : { materializations: spec.materializations }),
      ...(spec.audits.length === 0 ? {} : { audits: spec.audits }),
      ...(kindOf(spec).hasRows ? {} : { virtual: true }),
      config: configOf(spec),
    };
    const inputs = spec.inputs.map((id) => built.get(id)!);
    const settled = { spec, version, shape, queryHash, inputs };
    this.#incremental.add(settled);
    const incremental = this.#incremental.stateOf(settled);
    const known = this.#sameAsBefore(spec.id, bindKey, { text, incremental }, built);
    if (known !== null) return known;
    const fingerprints = fingerprintsOf({
      id: spec.id,
      engine: ENGINE_VERSION,
      queryHash,
      version,
      shape,
      inputs,
      incremental,
    });
    return {
      format_version: 1,
      id: spec.id,
      kind: spec.kind,
      name: spec.name,
      ...text,
      sql,
      query_hash: queryHash,
      bind_key: bindKey,
      shape,
      version,
      ...(incremental === undefined ? {} : { incremental }),
      ...fingerprints,
    };
  }

  /**
   * The very object of a former manifest when neither the node nor anything it reads
   * differs: it need not be compared or hashed again.
   */
  #sameAsBefore(
    id: NodeId,
    bindKey: string,
    { text, incremental }: {
      readonly text: Written;
      readonly incremental: IncrementalState | undefined;
    },
    built: ReadonlyMap<NodeId, ManifestNode>,
  ): ManifestNode | null {
    for (const { nodes } of this.#previous) {
      const old = nodes.get(id);
      if (old?.bind_key !== bindKey || old.file !== text.file || old.behind === true) continue;
      // What is built piece by piece does not follow its inputs, but what it is made of.
      const isSame = incremental === undefined
        ? text.inputs.every((input) => nodes.get(input) === built.get(input))
        : compactJson(old.incremental ?? null) === compactJson(incremental);
      if (isSame && written(old) === written(text)) return old;
    }
    return null;
  }
}

/** What the author wrote, apart from the query. */
type Written = Pick<
  ManifestNode,
  | "file"
  | "description"
  | "owner"
  | "tags"
  | "inputs"
  | "declared_columns"
  | "grain"
  | "materializations"
  | "audits"
  | "virtual"
  | "config"
>;

/** A node's own fields: those of its kind, with the script that makes its rows where one does. */
function configOf(spec: NodeSpec): ManifestNode["config"] {
  const own = isScriptNode(spec) ? findNodeKind(spec.kind)?.configScripted?.(spec) : undefined;
  return { ...kindOf(spec).config(spec), ...own };
}

/** True for manifests of the very same node objects. */
function isSame(a: Manifest, b: Manifest): boolean {
  return a.nodes.size === b.nodes.size &&
    [...b.nodes].every(([id, node]) => a.nodes.get(id) === node);
}

function written(node: Written): string {
  const { description, owner, tags, inputs, declared_columns, grain, config } = node;
  const { materializations = [], audits = [], virtual = false } = node;
  return compactJson([
    ...[description, owner, tags, inputs, declared_columns, grain ?? [], config],
    ...[materializations, audits, virtual],
  ]);
}

/** What stands for all problems of a project. */
export function invalidProject(diagnostics: readonly Diagnostic[]): UserError {
  const errors = diagnostics.filter(({ severity }) => severity === "error").length;
  return new UserError(`The project has ${errors} ${errors === 1 ? "problem" : "problems"}`, {
    code: "invalid_project",
    kind: "validation",
    diagnostics,
  });
}

/** Content of a workspace's files, as planning and jobs see it. */
export function sourceData({ root, versions }: Workspace, profile: Profile): SourceData {
  return {
    root,
    hash: (file) => versions.hash(file),
    watched: (file) => versions.watched(file),
    defaults: (type) => sourceDefaultsOf(profile, type),
    outsideVersion: () => null,
    columns: () => null,
    spec: () => null,
    variables: NO_VARIABLES,
  };
}

/** A read whose text is wrong is reported as such, not tried. */
function isReadable(spec: SourceSpec, { profile }: OutsideSources): boolean {
  const read = tableReadOf(spec, sourceDefaultsOf(profile, spec.source));
  return findTableSource(spec.source)!.problem(read) === null;
}

/** The same error, which says whose it is. */
function ofNode(id: NodeId, error: UserError): UserError {
  const { code, kind, hint, diagnostics, message } = error;
  return new UserError(`${id}: ${message}`, {
    code,
    kind,
    ...(hint === undefined ? {} : { hint }),
    diagnostics,
    cause: error.cause,
  });
}
