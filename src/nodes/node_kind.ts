import type { Diagnostic, Location } from "../base/diagnostic.ts";
import type { JsonSchema } from "../base/json_schema.ts";
import type { FieldReader, Locator, Report } from "../base/field_reader.ts";
import type { Session } from "../engine/session.ts";
import type { ContentHash, NodeId } from "../model/ids.ts";
import type { ManifestNode, QueryShape, SourceVersion } from "../model/manifest.ts";
import type {
  NodeCommon,
  NodeSpec,
  ParamValue,
  ScriptNodeSpec,
  ScriptSpec,
} from "../model/node.ts";
import type { TableJob } from "../model/outside_read.ts";
import type { NodeJob, ScriptInput, WatchedFile } from "../model/run.ts";
import type { DescribedTable } from "../sources/table_source.ts";
import type { Binder } from "../sql/binder.ts";
import type { OutputColumn } from "../shape/query_shape.ts";
import type { Literals, Variables } from "../sql/resolve_query.ts";

/** A node with the document it was read from. */
export interface LoadedNode<S extends NodeSpec = NodeSpec> {
  readonly spec: S;
  /** Project-relative. */
  readonly file: string;
  readonly locator: Locator;
}

/** The data outside the project's nodes, as far as planning needs it. */
export interface SourceData {
  /** Absolute project folder. */
  readonly root: string;
  /** Content hash of a project-relative file. */
  hash(file: string): string;
  /** Size and time of last change that go with that hash. */
  watched(file: string): WatchedFile;
  /** Params that sources of a type have unless they say otherwise. */
  defaults(sourceType: string): Readonly<Record<string, ParamValue>>;
  /** Version of the table that a source outside reads; null where none could be found out. */
  outsideVersion(id: NodeId): SourceVersion | null;
  /** What a node of an earlier layer returns; null where that could not be found out, which is reported already. */
  columns(id: NodeId): readonly OutputColumn[] | null;
  /** A node of the project as its author wrote it. */
  spec(id: NodeId): NodeSpec | null;
  /** What `{{ name }}` stands for besides a node's own `params`. */
  readonly variables: Variables;
}

/** A node whose text is resolved: what it will run is settled, not yet what it returns. */
export interface ResolvedNode<S extends NodeSpec = NodeSpec> {
  readonly node: LoadedNode<S>;
  /** Without absolute paths. */
  readonly sql: string;
  readonly version: SourceVersion | null;
  /** Where a 1-based place of `sql` stands in the file. */
  locate(line: number, column: number): Location;
  /** `sql` with other values for what differs from build to build; absent where nothing does. */
  sqlFor?(literals: Literals): string;
}

/** What describing found out. */
export interface DescribedNode {
  readonly id: NodeId;
  readonly shape: QueryShape;
  readonly canonicalSql: string;
  readonly queryHash: string;
}

/** Sessions for describing, opened when first asked for. */
export interface DescribeContext {
  readonly root: string;
  binder(): Promise<Binder>;
  /** A session that may read the project's files. */
  files(): Promise<Session>;
  /** What the table is that a source outside reads. */
  table(id: NodeId): Promise<DescribedTable>;
  report(diagnostic: Diagnostic): void;
  /** Nodes with rows of that id or name, whatever its case. */
  nodesNamed(name: string): readonly NodeId[];
  /** The change upstream because of which a query fails that used to bind; null when there is none. */
  explain(
    node: ResolvedNode,
    message: string,
    line: number | null,
  ): { cause: string; hint: string | null } | null;
  /** SQL types as the engine spells them; null for what is no type. */
  normalizeTypes(types: readonly string[]): Promise<ReadonlyMap<string, string | null>>;
}

/** Own fields of a kind for editors and `seeknal schema`. */
export interface KindSchema {
  readonly properties: Readonly<Record<string, JsonSchema>>;
  readonly required: readonly string[];
  /** Further rules of the kind (`if`, `then`), all of which hold. */
  readonly rules?: readonly JsonSchema[];
}

/** Where things are when a job is made. */
export interface JobContext {
  readonly data: SourceData;
  readonly objectsDir: string;
  readonly temporaryDir: string;
  readonly timeoutMs: number | null;
  objectPath(hash: ContentHash): string;
  /** Content of an upstream node. */
  output(id: NodeId): ContentHash;
  /** The node's SQL with values of this build. */
  sqlFor(literals: Literals): string;
  /** What the script of an upstream node left beside its rows. */
  extras(id: NodeId): Pick<ScriptInput, "artifact" | "metrics">;
  /** How a source outside is read in this run. */
  outside(id: NodeId): Pick<TableJob, "connection" | "pin" | "previous">;
}

/** A node with what it returns, for looking at the two together. */
export interface CheckedNode<S extends NodeSpec = NodeSpec> {
  readonly node: LoadedNode<S>;
  readonly columns: readonly OutputColumn[];
}

/** A kind of node: everything the rest of the program needs to know about it. */
export interface NodeKind<S extends NodeSpec = NodeSpec> {
  readonly kind: string;
  readonly summary: string;
  /** False for kinds without rows: they take part in plans, lineage and promotions, and are never built. */
  readonly hasRows: boolean;
  /** The field that holds SQL, for which the text of a `.sql` file stands; null where there is none. */
  readonly sqlField: string | null;
  /** True where a script can make the rows instead (`script:`, or a `.ts` or `.py` file). */
  readonly takesScript: boolean;
  /** Kinds without rows that its nodes may name as inputs. */
  readonly readsVirtual?: readonly string[];
  /** True where `materialization:` is a field of the kind's own, and tables outside are `materializations:` only. */
  readonly ownsMaterialization?: true;
  /** True where `inputs:` is a field of the kind's own: what a node reads comes from its other fields. */
  readonly ownsInputs?: true;
  /** True where each row of its output is a check's result (columns as `CheckResult`), and an error among them fails the node. */
  readonly rowsAreChecks?: true;
  /** True where `tests:` is a field of the kind's own, and audits are `audits:` only. */
  readonly ownsTests?: true;
  /** True where its SQL is made of its fields: an edit is then shown as one of the fields. */
  readonly makesSql?: true;
  /** The kind's own fields, as JSON Schema properties. */
  readonly schema: KindSchema;
  /** Reads the kind's own fields; null when they are unusable. */
  parse(reader: FieldReader, common: NodeCommon): S | null;
  /** Reads those of its fields that a node has as well whose rows a script makes; null when they are unusable. Absent: none. */
  parseScripted?(reader: FieldReader, common: NodeCommon): NodeCommon | null;
  /** Reads the fields of a node whose rows a script makes; absent: `params` is all there is. */
  parseScript?(
    reader: FieldReader,
    common: NodeCommon,
    script: ScriptSpec,
  ): ScriptNodeSpec | null;
  /** Nodes that are written inside this one's fields. */
  readonly innerNodes?: (node: LoadedNode<S>) => readonly LoadedNode[];
  /**
   * What a node reads, where only the whole project can tell; null after reporting why it cannot. Absent: what
   * `parse` found.
   */
  readonly findInputs?: (
    node: LoadedNode<S>,
    project: readonly LoadedNode[],
    report: Report,
  ) => readonly NodeId[] | null;
  /** Settles text, parameters and source version; null after reporting why it cannot. */
  resolve(node: LoadedNode<S>, data: SourceData, report: Report): ResolvedNode<S> | null;
  /** Finds out what nodes return; leaves out those it reported a problem for. */
  describe(nodes: readonly ResolvedNode<S>[], context: DescribeContext): Promise<DescribedNode[]>;
  /**
   * Reports what is wrong with all nodes of the kind together, and with what they return. Asked in every plan, also
   * about nodes that were described in an earlier one.
   */
  check?(nodes: readonly CheckedNode<S>[], report: Report): void;
  /** Where a node names an input, for kinds that do not do so under `inputs`. */
  inputPath?(spec: S, input: NodeId): readonly (string | number)[];
  /** The kind's fields as the manifest keeps them. */
  config(spec: S): Readonly<Record<string, ParamValue>>;
  /** Like `config`, of the fields that `parseScripted` reads. */
  configScripted?(spec: NodeSpec): Readonly<Record<string, ParamValue>>;
  /** The work that builds the node. */
  job(node: ManifestNode, spec: S, sql: string, context: JobContext): NodeJob;
}
