import type { LintLevel, ProjectConfig } from "../../model/config.ts";
import type { Location } from "../../base/diagnostic.ts";
import type { NodeId } from "../../model/ids.ts";
import type { Manifest, ManifestNode } from "../../model/manifest.ts";
import type { LoadedNode } from "../../nodes/node_kind.ts";
import type { Tree } from "./sql_tree.ts";

/** A node as rules see it. */
export interface LintNode {
  readonly node: ManifestNode;
  /** As its author wrote it. */
  readonly loaded: LoadedNode;
  /** Nodes that read it. */
  readonly readers: readonly NodeId[];
  /** SQL that its author wrote; null where there is none. */
  readonly sql: WrittenSql | null;
}

/** SQL with its syntax tree, and where its places are in the file. */
export interface WrittenSql {
  /** As written. */
  readonly raw: string;
  /** DuckDB's tree of the resolved text; null where it has none (PIVOT). */
  readonly tree: Tree | null;
  /** Where a place of `raw` (offset in UTF-16) stands. */
  locateRaw(offset: number): Location;
  /** Where a tree's `query_location` stands. */
  locateTree(location: unknown): Location;
}

/** The project that nodes belong to. */
export interface LintProject {
  readonly config: ProjectConfig;
  readonly manifest: Manifest;
}

/** A change of the SQL as written that does away with what was found; it must not change what the SQL means. */
export interface SqlFix {
  /** Offset in the SQL as written. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** What a rule found. */
export interface LintFinding {
  readonly message: string;
  readonly hint?: string;
  readonly at: Location;
  readonly fix?: SqlFix;
}

/** A rule of lint. */
export interface LintRule {
  /** As the project's file and comments name it. */
  readonly id: string;
  /** What it asks for. */
  readonly summary: string;
  /** What comes of not following it. */
  readonly why: string;
  /** Unless the project says otherwise. */
  readonly level: LintLevel;
  /** True where `--fix` can do something about what it finds. */
  readonly fixable?: true;
  check(node: LintNode, project: LintProject): Iterable<LintFinding>;
}

/** Where a node is named in its file. */
export function nameOf({ loaded }: LintNode): Location {
  return loaded.locator.locate(["name"]);
}
