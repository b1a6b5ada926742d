import { type Draft, invalid, set, without } from "./metadata_draft.ts";
import type { TableMetadata, TableSnapshot, TableUpdate } from "./table_metadata.ts";

/** Adds a snapshot; no branch moves to it by that. */
export function addSnapshot(draft: Draft, snapshot: TableSnapshot): void {
  const { metadata } = draft;
  const id = snapshot["snapshot-id"];
  if (metadata.snapshots.some((other) => other["snapshot-id"] === id)) {
    throw invalid(`there is a snapshot ${id} already`);
  }
  const version = metadata["format-version"];
  if (version > 2 && !("first-row-id" in snapshot)) {
    throw invalid("a table of format version 3 numbers its rows, which the snapshot does not");
  }
  const number = snapshot["sequence-number"];
  const last = metadata["last-sequence-number"];
  if (version > 1 && number <= last && snapshot["parent-snapshot-id"] !== undefined) {
    throw invalid(`sequence number ${number} of snapshot ${id} is not above ${last}`);
  }
  set(draft, {
    snapshots: [...metadata.snapshots, snapshot],
    "last-sequence-number": Math.max(last, number),
  });
  draft.added.add(id);
  draft.changed = snapshot["timestamp-ms"];
}

/** Moves or makes a branch or a tag; `main` is what the table holds. */
export function setRef(
  draft: Draft,
  update: Extract<TableUpdate, { readonly action: "set-snapshot-ref" }>,
): void {
  const { action: _, "ref-name": name, ...ref } = update;
  const { metadata } = draft;
  const snapshot = metadata.snapshots.find((other) => other["snapshot-id"] === ref["snapshot-id"]);
  if (snapshot === undefined) {
    throw invalid(`there is no snapshot ${ref["snapshot-id"]} for ${name}`);
  }
  if (name === "main" && ref.type !== "branch") throw invalid("main can be a branch only");
  if (compactText(metadata.refs[name]) === compactText(ref)) return;
  set(draft, { refs: { ...metadata.refs, [name]: ref } });
  if (name !== "main" || metadata["current-snapshot-id"] === ref["snapshot-id"]) return;
  const isNew = draft.added.has(ref["snapshot-id"]);
  const timestamp = isNew ? snapshot["timestamp-ms"] : draft.now;
  draft.changed = timestamp;
  set(draft, {
    "current-snapshot-id": ref["snapshot-id"],
    "snapshot-log": [
      ...metadata["snapshot-log"],
      { "timestamp-ms": timestamp, "snapshot-id": ref["snapshot-id"] },
    ],
  });
}

/** Removes a branch or a tag. */
export function removeRef(draft: Draft, name: string): void {
  set(draft, { refs: without(draft.metadata.refs, [name]) });
  if (name === "main") set(draft, { "current-snapshot-id": null, "snapshot-log": [] });
}

/** Removes snapshots, and what names them. */
export function removeSnapshots(draft: Draft, ids: ReadonlySet<bigint>): void {
  const { metadata } = draft;
  set(draft, {
    snapshots: metadata.snapshots.filter((snapshot) => !ids.has(snapshot["snapshot-id"])),
    "snapshot-log": afterLastGap(metadata["snapshot-log"], ids),
    ...remainingStatistics(metadata, ids),
  });
  for (const [name, ref] of Object.entries(metadata.refs)) {
    if (ids.has(ref["snapshot-id"])) removeRef(draft, name);
  }
}

/** History must be whole: what came before a snapshot that is gone cannot be told any more. */
function afterLastGap(
  log: TableMetadata["snapshot-log"],
  gone: ReadonlySet<bigint>,
): TableMetadata["snapshot-log"] {
  const last = log.findLastIndex((entry) => gone.has(entry["snapshot-id"]));
  return log.slice(last + 1);
}

/** Statistics files belong to a snapshot; without it they describe nothing. */
function remainingStatistics(
  metadata: TableMetadata,
  gone: ReadonlySet<bigint>,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const field of ["statistics", "partition-statistics"]) {
    const entries = (metadata as unknown as Record<string, unknown>)[field];
    if (!Array.isArray(entries)) continue;
    result[field] = entries.filter((entry: { "snapshot-id"?: bigint }) =>
      entry["snapshot-id"] === undefined || !gone.has(entry["snapshot-id"])
    );
  }
  return result;
}

function compactText(value: unknown): string {
  return JSON.stringify(value, (_, part) => typeof part === "bigint" ? `${part}` : part) ?? "";
}
