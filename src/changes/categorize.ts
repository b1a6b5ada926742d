import { compactJson } from "../base/canonical_json.ts";
import { type Category, type ColumnChanges, NO_COLUMN_CHANGES } from "../model/change.ts";
import type { ManifestNode } from "../model/manifest.ts";
import { compareColumns } from "./compare_columns.ts";

/** What an edit of one node means; null when nothing that anyone could see changed. */
export interface Verdict {
  /** Null for a source of which only the data changed. */
  readonly category: Category | null;
  readonly reasons: readonly string[];
  readonly columns: ColumnChanges;
}

/**
 * Compares one node with its former self, inputs aside.
 * Sound first: what cannot be told is BREAKING.
 */
export function categorize(before: ManifestNode, after: ManifestNode): Verdict | null {
  const metadata = metadataReasons(before, after);
  if (before.query_hash === after.query_hash) {
    return categorizeData(before, after, metadata);
  }
  const { changes, reordered, unsure } = compareColumns(before.shape.columns, after.shape.columns);
  const breaking = breakingReasons(before, after, changes);
  if (unsure && breaking.length === 0) {
    breaking.push("the query changed and its effect on single columns cannot be told");
  }
  if (breaking.length > 0) {
    return {
      category: "BREAKING",
      reasons: [...breaking, ...addedReason(changes)],
      columns: changes,
    };
  }
  const mild = [...addedReason(changes), ...(reordered ? ["columns reordered"] : [])];
  return mild.length > 0
    ? { category: "NON_BREAKING", reasons: mild, columns: changes }
    : { category: "BREAKING", reasons: ["the query changed"], columns: changes };
}

function breakingReasons(
  before: ManifestNode,
  after: ManifestNode,
  changes: ColumnChanges,
): string[] {
  const reasons: string[] = [];
  const type = (node: ManifestNode, name: string) =>
    node.shape.columns.find((c) => c.name.toLowerCase() === name.toLowerCase())?.type;
  if (changes.removed.length > 0) reasons.push(`columns removed: ${changes.removed.join(", ")}`);
  if (changes.renamed.length > 0) reasons.push(`columns renamed: ${changes.renamed.join(", ")}`);
  for (const name of changes.changed) {
    const [from, to] = [type(before, name), type(after, name)];
    reasons.push(
      from === to ? `expression of ${name} changed` : `type of ${name} changed: ${from} -> ${to}`,
    );
  }
  const { rows } = after.shape;
  if (before.query_hash === after.query_hash) return reasons;
  if (rows === null || rows !== before.shape.rows) {
    reasons.push(
      after.kind === "source"
        ? "the way the data is read changed"
        : "rows can change: FROM, WHERE, GROUP BY or the like changed",
    );
  }
  return reasons;
}

function addedReason(changes: ColumnChanges): string[] {
  return changes.added.length === 0 ? [] : [`columns added: ${changes.added.join(", ")}`];
}

function categorizeData(
  before: ManifestNode,
  after: ManifestNode,
  metadata: readonly string[],
): Verdict | null {
  if (before.version?.hash === after.version?.hash) {
    const inputs = inputReasons(before, after);
    if (inputs.length > 0) {
      const reasons = [...inputs, ...metadata];
      return { category: "NON_BREAKING", reasons, columns: NO_COLUMN_CHANGES };
    }
    return metadata.length === 0
      ? null
      : { category: "METADATA", reasons: metadata, columns: NO_COLUMN_CHANGES };
  }
  const { changes } = compareColumns(before.shape.columns, after.shape.columns);
  const broken = breakingReasons(before, after, changes);
  const reasons = [dataReason(after), ...broken, ...addedReason(changes), ...metadata];
  const category = broken.length > 0
    ? "BREAKING"
    : changes.added.length > 0
    ? "NON_BREAKING"
    : null;
  return { category, reasons, columns: changes };
}

function dataReason(node: ManifestNode): string {
  const files = node.version?.files ?? [];
  return files.length === 1 ? `data changed: ${files[0]}` : `data changed: ${files.length} files`;
}

/** Inputs that came or went without the query noticing. */
function inputReasons(before: ManifestNode, after: ManifestNode): string[] {
  const added = after.inputs.filter((id) => !before.inputs.includes(id));
  const removed = before.inputs.filter((id) => !after.inputs.includes(id));
  return [
    ...(added.length > 0 ? [`inputs added: ${added.join(", ")}`] : []),
    ...(removed.length > 0 ? [`inputs removed: ${removed.join(", ")}`] : []),
  ];
}

function metadataReasons(before: ManifestNode, after: ManifestNode): string[] {
  const reasons: string[] = [];
  const check = (what: string, a: unknown, b: unknown) => {
    if (compactJson(a) !== compactJson(b)) reasons.push(`${what} changed`);
  };
  check("description", before.description, after.description);
  check("owner", before.owner, after.owner);
  check("tags", before.tags, after.tags);
  check("declared columns", before.declared_columns, after.declared_columns);
  if (compactJson(before.config) !== compactJson(after.config)) {
    reasons.push("text changed, meaning did not");
  }
  return reasons;
}
