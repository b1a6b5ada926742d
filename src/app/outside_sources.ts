import { compactJson } from "../base/canonical_json.ts";
import { UserError } from "../base/user_error.ts";
import type { NodeId } from "../model/ids.ts";
import type { Manifest, ManifestNode, SourceVersion } from "../model/manifest.ts";
import type { NodeSpec, SourceSpec } from "../model/node.ts";
import type { TableJob } from "../model/outside_read.ts";
import {
  connectionOf,
  type ConnectionSpec,
  leadsToSame,
  type Profile,
  sourceDefaultsOf,
} from "../model/profile.ts";
import { tableReadOf } from "../nodes/outside_source.ts";
import { kindOf } from "../nodes/registry.ts";
import { findTableSource } from "../sources/registry.ts";
import { type DescribedTable, NO_CONNECTION, type SourceReader } from "../sources/table_source.ts";
import type { Workspace } from "./workspace.ts";

type Job = Pick<TableJob, "connection" | "pin">;

/**
 * The systems outside that a command reads from, each opened when it is first needed. All that
 * is found out and read through one of these sees one snapshot of each system.
 */
export class OutsideSources implements AsyncDisposable {
  readonly profile: Profile;
  readonly #workspace: Workspace;
  readonly #readers = new Map<string, Promise<SourceReader>>();
  readonly #tables = new Map<NodeId, Promise<DescribedTable>>();
  readonly #jobs = new Map<NodeId, Job>();

  constructor(workspace: Workspace, profile: Profile) {
    this.#workspace = workspace;
    this.profile = profile;
  }

  /**
   * What the table is that a node reads. Throws `UserError`s: `validation` (3) for the table,
   * `dependency` (5), `security` (6) and `usage` (2) for the connection.
   */
  describe(spec: SourceSpec): Promise<DescribedTable> {
    let table = this.#tables.get(spec.id);
    if (table === undefined) this.#tables.set(spec.id, table = this.#describe(spec));
    return table;
  }

  /** The version of the table as it is now. Throws what {@linkcode describe} throws. */
  async version(spec: SourceSpec): Promise<SourceVersion> {
    const { token, system, reliesOn, watermark } = await this.describe(spec);
    return {
      hash: token,
      files: [],
      relies_on: reliesOn,
      system,
      ...(watermark === null ? {} : { watermark }),
    };
  }

  /** Finds out how nodes are read by jobs; before any job of theirs is made. */
  async prepareJobs(specs: readonly SourceSpec[]): Promise<void> {
    for (const spec of specs) {
      await this.describe(spec);
      const connection = this.#connection(spec);
      const reader = await this.#reader(spec, connection);
      this.#jobs.set(spec.id, { connection, pin: await reader.pin(this.#read(spec)) });
    }
  }

  /** See {@linkcode prepareJobs}. */
  job(id: NodeId): Job {
    return this.#jobs.get(id)!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const reader of this.#readers.values()) {
      const open = await reader.catch(() => null);
      await open?.[Symbol.asyncDispose]();
    }
    this.#readers.clear();
  }

  async #describe(spec: SourceSpec): Promise<DescribedTable> {
    const reader = await this.#reader(spec, this.#connection(spec));
    return await reader.describe(this.#read(spec));
  }

  #read(spec: SourceSpec) {
    return tableReadOf(spec, sourceDefaultsOf(this.profile, spec.source));
  }

  #connection(spec: SourceSpec): ConnectionSpec {
    const type = findTableSource(spec.source)!;
    if (type.connection === undefined) return NO_CONNECTION;
    const name = type.connection(this.#read(spec));
    if (name !== null) return connectionOf(this.profile, name, type.name);
    throw new UserError(`${spec.id} does not say through which connection it reads`, {
      code: "no_connection",
      kind: "usage",
      hint: `write params: { connection: NAME }, or source_defaults: { ${type.name}: ` +
        "{ connection: NAME } } in the profile",
    });
  }

  #reader(spec: SourceSpec, connection: ConnectionSpec): Promise<SourceReader> {
    const key = `${spec.source}\0${connection.name}`;
    let reader = this.#readers.get(key);
    if (reader === undefined) {
      const { host, root, cache, readOnly } = this.#workspace;
      reader = findTableSource(spec.source)!.open(connection, {
        env: (name) => host.env(name),
        root,
        temporaryDir: cache.temporaryDir,
        readOnly,
        signal: host.signal,
      });
      this.#readers.set(key, reader);
    }
    return reader;
  }
}

/**
 * Sources whose rows an environment read from another system than its target would: promoting brings
 * them along. Connects to nothing; connections that lead elsewhere are told by their text.
 */
export function foreignSources({ nodes }: Manifest, own: Profile, target: Profile): NodeId[] {
  return [...nodes.values()].flatMap(({ id, kind, config }) => {
    const type = kind === "source" ? findTableSource(String(config["source"])) : null;
    if (type?.connection === undefined) return [];
    const connectionName = type.connection;
    const params = JSON.parse(String(config["params"])) as TableJob["read"]["params"];
    const connection = (profile: Profile) => {
      const defaults = sourceDefaultsOf(profile, type.name);
      const table = typeof config["table"] === "string" ? config["table"] : null;
      const name = connectionName({ table, params: { ...defaults, ...params }, columnTypes: {} });
      return name === null ? undefined : profile.connections.get(name) ?? profile.catalog;
    };
    const [mine, theirs] = [connection(own), connection(target)];
    return mine && theirs && !leadsToSame(mine, theirs) ? [id] : [];
  });
}

/** True for a node whose rows come from a table outside. */
export function isOutsideSource(spec: NodeSpec): spec is SourceSpec {
  return spec.kind === "source" && "source" in spec &&
    findTableSource(String(spec.source)) !== null;
}

/** The version that an earlier manifest has of a source that is written as it was; null where it is another one. */
export function knownVersion(
  spec: SourceSpec,
  manifests: readonly Manifest[],
): SourceVersion | null {
  const isSame = (node: ManifestNode) =>
    compactJson([node.config, node.declared_columns]) ===
      compactJson([kindOf(spec).config(spec), spec.columns]);
  for (const { nodes } of manifests) {
    const node = nodes.get(spec.id);
    if (node !== undefined && node.version !== null && isSame(node)) return node.version;
  }
  return null;
}
