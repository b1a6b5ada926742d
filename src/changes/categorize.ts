import { compactJson } from "../base/canonical_json.ts";
import { type Category, type ColumnChanges, NO_COLUMN_CHANGES } from "../model/change.ts";
import type { ManifestNode, QueryShape, SourceVersion } from "../model/manifest.ts";
import { type ColumnComparison, compareColumns } from "./compare_columns.ts";

/** What an edit of one node means; null when nothing that anyone could see changed. */
export interface Verdict {
  /** Null for a source of which only the data changed. */
  readonly category: Category | null;
  readonly reasons: readonly string[];
  readonly columns: ColumnChanges;
  /** True where the category is a fallback: what the edit means could not be found out. */
  readonly undecided: boolean;
}

/**
 * Compares one node with its former self, inputs aside.
 * Sound first: what cannot be told is BREAKING.
 */
export function categorize(before: ManifestNode, after: ManifestNode): Verdict | null {
  const metadata = metadataReasons(before, after);
  const sameQuery = before.query_hash === after.query_hash;
  const sameData = before.version?.hash === after.version?.hash;
  if (sameQuery && sameData) return categorizeRest(before, after, metadata);
  const comparison = compareColumns(before.shape.columns, after.shape.columns);
  const meaning = isSameMeaning(before.shape, after.shape, comparison);
  if (meaning === true) {
    const why = sameQuery
      ? "the files were written anew, the rows are the same"
      : "text changed, meaning did not";
    return verdict("METADATA", [why, ...metadata.filter((reason) => reason !== why)]);
  }
  return sameQuery
    ? categorizeData(before, after, comparison, metadata)
    : categorizeQuery(before, after, comparison);
}

function verdict(
  category: Category | null,
  reasons: readonly string[],
  columns: ColumnChanges = NO_COLUMN_CHANGES,
  undecided = false,
): Verdict {
  return { category, reasons, columns, undecided };
}

/** Whether two shapes promise the same output; null when that cannot be told. */
function isSameMeaning(
  before: QueryShape,
  after: QueryShape,
  { changes, reordered, unsure }: ColumnComparison,
): boolean | null {
  const differs = reordered || Object.values(changes).some((names) => names.length > 0);
  if (differs) return false;
  if (unsure || before.rows === null || after.rows === null) return null;
  return before.rows === after.rows && (before.order ?? null) === (after.order ?? null);
}

function categorizeQuery(
  before: ManifestNode,
  after: ManifestNode,
  { changes, reordered, unsure }: ColumnComparison,
): Verdict {
  const breaking = columnReasons(before, after, changes);
  const rowsUnknown = before.shape.rows === null || after.shape.rows === null;
  if (!rowsUnknown && before.shape.rows !== after.shape.rows) {
    breaking.push(
      readsFiles(after)
        ? "the way the data is read changed"
        : "rows can change: FROM, WHERE, GROUP BY or the like changed",
    );
  }
  if (unsure || rowsUnknown) {
    const why = after.shape.untraced ?? before.shape.untraced;
    const reason = readsFiles(after)
      ? "the way the data is read changed"
      : `cannot tell which columns are affected${why === undefined ? "" : ` (${why})`}`;
    return verdict("BREAKING", [...breaking, ...addedReason(changes), reason], changes, true);
  }
  if (breaking.length > 0) {
    return verdict("BREAKING", [...breaking, ...addedReason(changes)], changes);
  }
  const reasons = [
    ...addedReason(changes),
    ...(reordered ? ["columns reordered"] : []),
    ...((before.shape.order ?? null) !== (after.shape.order ?? null)
      ? ["order of the rows changed"]
      : []),
    ...unstableReasons(after, changes.added),
  ];
  return verdict("NON_BREAKING", reasons, changes);
}

/** True for a node whose rows are read as they are, not computed. */
export function readsFiles({ kind }: Pick<ManifestNode, "kind">): boolean {
  return kind === "source" || kind === "seed";
}

function columnReasons(
  before: ManifestNode,
  after: ManifestNode,
  changes: ColumnChanges,
): string[] {
  const reasons: string[] = [];
  const column = (node: ManifestNode, name: string) =>
    node.shape.columns.find((c) => c.name.toLowerCase() === name.toLowerCase());
  if (changes.removed.length > 0) reasons.push(`columns removed: ${changes.removed.join(", ")}`);
  if (changes.renamed.length > 0) reasons.push(`columns renamed: ${changes.renamed.join(", ")}`);
  for (const name of changes.changed) {
    const [old, now] = [column(before, name), column(after, name)];
    if (old !== undefined && now !== undefined && old.name !== now.name) {
      reasons.push(`${old.name} is spelled ${now.name} now`);
      if (old.type === now.type && old.expression === now.expression) continue;
    }
    const isComputed = old?.expression !== null && now?.expression !== null &&
      old?.expression !== now?.expression && !readsFiles(after);
    reasons.push(
      old?.type === now?.type
        ? `expression of ${name} changed`
        : `type of ${name} changed: ${old?.type} -> ${now?.type}${
          isComputed ? ", and how it is computed" : ""
        }`,
    );
  }
  return reasons;
}

function addedReason(changes: ColumnChanges): string[] {
  return changes.added.length === 0 ? [] : [`columns added: ${changes.added.join(", ")}`];
}

/** What building the node again may change beside the edit. */
function unstableReasons({ shape }: ManifestNode, added: readonly string[]): string[] {
  if (shape.unstable_rows === true) {
    return [
      "built again, other rows may come out (ties, LIMIT without a full order): readers follow",
    ];
  }
  const names = shape.columns.filter(({ unstable }) => unstable === true).map(({ name }) => name)
    .filter((name) => !added.includes(name));
  return names.length === 0
    ? []
    : [`built again, these may get other values: ${names.join(", ")}; their readers follow`];
}

/** Same query and data: only what does not touch the rows can have changed. */
function categorizeRest(
  before: ManifestNode,
  after: ManifestNode,
  metadata: readonly string[],
): Verdict | null {
  const inputs = inputReasons(before, after);
  const reasons = [...inputs, ...metadata];
  if (reasons.length === 0) return null;
  // Where it is not known what is read, an input more or less counts.
  const counts = inputs.length > 0 && after.shape.lineage === null;
  return verdict(counts ? "NON_BREAKING" : "METADATA", reasons);
}

function categorizeData(
  before: ManifestNode,
  after: ManifestNode,
  { changes, reordered, unsure }: ColumnComparison,
  metadata: readonly string[],
): Verdict {
  const types = new Map(before.shape.columns.map(({ name, type }) => [name.toLowerCase(), type]));
  const names = new Set(before.shape.columns.map(({ name }) => name));
  const retyped = changes.changed.filter((name) =>
    !names.has(name) ||
    types.get(name.toLowerCase()) !== after.shape.columns.find((c) => c.name === name)!.type
  );
  const columns = { ...changes, changed: retyped };
  const broken = columnReasons(before, after, columns);
  const reasons = [
    dataReason(before, after, changes, unsure),
    ...broken,
    ...addedReason(changes),
    ...(reordered ? ["columns reordered"] : []),
    ...metadata,
  ];
  const category = broken.length > 0
    ? "BREAKING"
    : changes.added.length > 0 || reordered
    ? "NON_BREAKING"
    : null;
  return verdict(category, reasons, columns);
}

/** Which data changed, as exactly as is known: of single columns, or rows as well. */
function dataReason(
  before: ManifestNode,
  after: ManifestNode,
  changes: ColumnChanges,
  unsure: boolean,
): string {
  const where = after.version?.relies_on ?? filesWords(before.version, after.version);
  const { rows } = before.shape;
  const isAll = changes.changed.length > 0 && changes.changed.length === after.shape.columns.length;
  if (unsure || rows === null || rows !== after.shape.rows || isAll) {
    return `data changed: ${where}`;
  }
  return changes.changed.length === 0
    ? `data changed: ${where}, not in the columns that were there`
    : `data changed: ${where}, in ${changes.changed.join(", ")} only`;
}

/** Names shown of files that came, went or changed. */
const FILES_SHOWN = 3;

/** Which files the data is in, as exactly as is known: those that came, went or changed. */
function filesWords(before: SourceVersion | null, after: SourceVersion | null): string {
  const files = after?.files ?? [];
  const [old, now] = [hashesOf(before), hashesOf(after)];
  const parts = old === null || now === null ? [] : [
    ["added", files.filter((file) => !old.has(file))] as const,
    ["removed", [...old.keys()].filter((file) => !now.has(file))] as const,
    ["changed", files.filter((file) => old.has(file) && old.get(file) !== now.get(file))] as const,
  ].filter(([, names]) => names.length > 0);
  if (parts.length === 0) return files.length === 1 ? files[0]! : `${files.length} files`;
  return parts.map(([what, names]) => {
    const more = names.length > FILES_SHOWN ? ", ..." : "";
    const shown = names.slice(0, FILES_SHOWN).join(", ");
    return `${names.length} ${names.length === 1 ? "file" : "files"} ${what} (${shown}${more})`;
  }).join(", ");
}

function hashesOf(version: SourceVersion | null): ReadonlyMap<string, string> | null {
  const hashes = version?.file_hashes;
  return version === null || hashes === undefined
    ? null
    : new Map(version.files.map((file, i) => [file, hashes[i] ?? ""]));
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

/** What a node says about how its rows are made. */
function textConfig({ config }: ManifestNode): ManifestNode["config"] {
  const { freshness: _, contract: __, ...text } = config;
  return text;
}

function metadataReasons(before: ManifestNode, after: ManifestNode): string[] {
  const reasons: string[] = [];
  const check = (what: string, a: unknown, b: unknown) => {
    if (compactJson(a) !== compactJson(b)) reasons.push(`${what} changed`);
  };
  check("description", before.description, after.description);
  check("owner", before.owner, after.owner);
  check("tags", before.tags, after.tags);
  check("grain", before.grain ?? [], after.grain ?? []);
  check("audits", before.audits ?? [], after.audits ?? []);
  check("materializations", before.materializations ?? [], after.materializations ?? []);
  check("declared columns", before.declared_columns, after.declared_columns);
  check("freshness", before.config["freshness"] ?? null, after.config["freshness"] ?? null);
  check("contract", before.config["contract"] ?? "ignore", after.config["contract"] ?? "ignore");
  if (compactJson(textConfig(before)) !== compactJson(textConfig(after))) {
    reasons.push("text changed, meaning did not");
  }
  return reasons;
}
