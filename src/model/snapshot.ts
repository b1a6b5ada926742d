import type { CheckResult } from "./check.ts";
import type { ContentHash, EnvName, Fingerprint, NodeId } from "./ids.ts";
import type { Manifest } from "./manifest.ts";
import type { Outside } from "./outside.ts";
import type { StoredPlan } from "./plan.ts";

/** What the last run left for a node. */
export interface NodeRecord {
  readonly format_version: 1;
  readonly id: NodeId;
  readonly status: "success" | "failed" | "skipped";
  /** The fingerprint the node had when this was recorded. */
  readonly fingerprint: Fingerprint;
  /** Null unless the status is `success`. */
  readonly content_hash: ContentHash | null;
  /** Hash of the output's first 4 KB, as the founding documents want it in `refs.json`. */
  readonly head_hash: string | null;
  readonly size_bytes: number | null;
  readonly rows: number | null;
  readonly error: string | null;
  /** Set where its output was built and a table outside could not be written: the next run needs not build it again. */
  readonly tables_failed?: true;
  /** What its checks found, by name; absent where it has none. */
  readonly checks?: readonly CheckResult[];
  /** Hash of the checks that were run on this output; absent where it has none. */
  readonly checks_hash?: string;
  /** Numbers that a script gave about its work. */
  readonly metrics?: Readonly<Record<string, number>>;
  /** Content hash and size of the file that a script made beside its rows. */
  readonly artifact?: { readonly content_hash: ContentHash; readonly size_bytes: number };
}

/** Facts about an environment that do not change when it is used. */
export interface EnvironmentRecord {
  readonly format_version: 1;
  readonly name: EnvName;
  /** RFC 3339, UTC. */
  readonly created_at: string;
  readonly ttl_seconds: number;
  /** Environment whose promotion made this one; null when it was planned first. */
  readonly promoted_from: EnvName | null;
}

/** Everything that the tree of one commit in the state repository says. */
export interface Snapshot {
  readonly manifest: Manifest;
  readonly results: ReadonlyMap<NodeId, NodeRecord>;
  /** What tables outside hold. */
  readonly outside: Outside;
  /** Null in a production that was never planned by name. */
  readonly plan: StoredPlan | null;
  /** Describes the environment that was planned; a promoted target may hold another's. */
  readonly environment: EnvironmentRecord | null;
}

/** The snapshot of a state that nothing was ever committed to. */
export const EMPTY_SNAPSHOT: Snapshot = {
  manifest: { nodes: new Map() },
  results: new Map(),
  outside: new Map(),
  plan: null,
  environment: null,
};

/** Days an environment lives after it was last used, in seconds. */
export const DEFAULT_TTL_SECONDS = 7 * 24 * 60 * 60;
