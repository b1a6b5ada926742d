import { checkRequirements } from "./check_requirements.ts";
import type { TableCommit } from "./catalog.ts";
import type { TableMetadata, TableUpdate } from "./table_metadata.ts";

/** What looking at a table tells about a commit that was not answered. */
export type Outcome = "applied" | "impossible" | "open";

/**
 * Whether a commit went through, by the table's state after it: `impossible` when it cannot have and never
 * will, because somebody else's change came first; `open` when the table is as it was before.
 */
export function outcomeOf(metadata: TableMetadata | null, commit: TableCommit): Outcome {
  if (metadata !== null && isApplied(metadata, commit.updates)) return "applied";
  return checkRequirements(metadata, commit.requirements) === null ? "open" : "impossible";
}

/** True when the table shows the traces of the updates, and there are some. */
function isApplied(metadata: TableMetadata, updates: readonly TableUpdate[]): boolean {
  // Ids that nobody else can have chosen say it all; what came with them may have been changed since.
  for (const traceOf of [certainTrace, likelyTrace]) {
    const traces = updates.flatMap((update) => traceOf(metadata, update) ?? []);
    if (traces.length > 0) return traces.every(Boolean);
  }
  return false;
}

/** Null for an update without an id of its own. */
function certainTrace(metadata: TableMetadata, update: TableUpdate): boolean | null {
  switch (update.action) {
    case "assign-uuid":
      return metadata["table-uuid"] === update.uuid;
    case "add-snapshot":
      return hasSnapshot(metadata, update.snapshot["snapshot-id"]);
    default:
      return null;
  }
}

/** Null for an update that leaves nothing which could be looked for. */
function likelyTrace(metadata: TableMetadata, update: TableUpdate): boolean | null {
  switch (update.action) {
    case "set-snapshot-ref":
      return metadata.refs[update["ref-name"]]?.["snapshot-id"] === update["snapshot-id"];
    case "remove-snapshot-ref":
      return metadata.refs[update["ref-name"]] === undefined;
    case "remove-snapshots":
      return !update["snapshot-ids"].some((id) => hasSnapshot(metadata, id));
    case "set-properties":
      return Object.entries(update.updates).every(([key, value]) =>
        metadata.properties[key] === value
      );
    case "remove-properties":
      return !update.removals.some((key) => Object.hasOwn(metadata.properties, key));
    case "set-location":
      return metadata.location === update.location;
    default:
      return null;
  }
}

function hasSnapshot(metadata: TableMetadata, id: bigint): boolean {
  return metadata.snapshots.some((snapshot) => snapshot["snapshot-id"] === id);
}
