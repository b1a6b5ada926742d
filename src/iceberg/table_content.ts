import type { TableOwner } from "../model/materialization.ts";
import { ancestorsOf } from "./table_files.ts";
import type { TableMetadata, TableSnapshot } from "./table_metadata.ts";

/** Names under which Seeknal says what it did, in table properties and snapshot summaries. */
export const KEYS = {
  project: "seeknal.project",
  environment: "seeknal.environment",
  /** The batch that committed last. */
  batch: "seeknal.batch",
  node: "seeknal.node",
  mode: "seeknal.mode",
  contentHash: "seeknal.content_hash",
  specHash: "seeknal.spec_hash",
  /** `true`: the table keeps copies of its files, and shares none with an environment. */
  ownFiles: "seeknal.own_files",
  /** The batch that made the table, before it had rows. */
  madeBy: "seeknal.made_by",
  /** Of a namespace: Seeknal made it. */
  created: "seeknal.created",
} as const;

/** Who writes the table, by its properties; null: not Seeknal. */
export function ownerOf(properties: Readonly<Record<string, string>>): TableOwner | null {
  const project = properties[KEYS.project];
  const environment = properties[KEYS.environment];
  return project === undefined || environment === undefined ? null : { project, environment };
}

/** What the rows of a table are. */
export interface TableContent {
  readonly snapshot: TableSnapshot;
  readonly contentHash: string;
  readonly specHash: string;
}

/**
 * The last content that Seeknal brought in; null when somebody has written since so that the
 * rows are no longer that: after a write that replaces all, only rewriting files (compaction) leaves it so.
 */
export function contentOf(metadata: TableMetadata): TableContent | null {
  for (const snapshot of ancestorsOf(metadata, metadata["current-snapshot-id"])) {
    const { summary } = snapshot;
    const contentHash = summary[KEYS.contentHash];
    if (contentHash !== undefined) {
      return { snapshot, contentHash, specHash: summary[KEYS.specHash] ?? "" };
    }
    if (summary.operation !== "replace") {
      const mode = lastMode(metadata);
      if (mode === null || mode === "full") return null;
    }
  }
  return null;
}

function lastMode(metadata: TableMetadata): string | null {
  for (const { summary } of ancestorsOf(metadata, metadata["current-snapshot-id"])) {
    const mode = summary[KEYS.mode];
    if (mode !== undefined) return mode;
  }
  return null;
}

/** The `seeknal.*` properties of a table. */
export function ownProperties(
  properties: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(properties).filter(([key]) => key.startsWith("seeknal.")),
  );
}
